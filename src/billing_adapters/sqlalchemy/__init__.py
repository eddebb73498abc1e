"""The store in a relational database: SQLite and PostgreSQL through SQLAlchemy Core. This package itself imports nothing.

`store` holds `SqlAlchemyStore` and the engines, `tables` the `metadata`, `migrate` what Alembic does.
"""
