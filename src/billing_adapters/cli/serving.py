"""Serving: an ASGI application on a socket of this machine."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from billing_adapters.web.asgi import AsgiWebhooks
from billing_core.errors import Invalid

__all__ = ["in_background", "listening", "url"]

_TICK_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 24 * 3600  # of somebody who watches, while the client's connection stays open


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is one that is free.

    Raises:
        Invalid: The address cannot be taken.
    """
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as failure:
        raise Invalid("address", f"{host}:{port} cannot be listened on: {failure}") from failure


def url(listener: socket.socket) -> str:
    """Return the address of a socket as a client writes it."""
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def in_background(app: AsgiWebhooks, listener: socket.socket) -> Iterator[str]:
    """Serve from another thread until the block ends, and return the address."""
    config = uvicorn.Config(
        app, log_level="warning", timeout_keep_alive=_LONGEST_PAUSE_SECONDS, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(_TICK_SECONDS)
        yield url(listener)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
