"""The web edge: one framework-free endpoint (`endpoint`), and shells for the two interfaces of Python (`asgi`, `wsgi`)."""
