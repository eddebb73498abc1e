"""`billing serve`: receives webhooks, and tries again what failed."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
import uvicorn

from billing_adapters.cli.screen import say
from billing_adapters.cli.serving import listening, url
from billing_adapters.cli.session import existing, opened
from billing_adapters.web.asgi import AsgiWebhooks
from billing_adapters.web.endpoint import WebhookEndpoint
from billing_core.billing import Billing

__all__ = ["keep_retrying", "serve"]

_PATH = "/webhooks"
_BATCH = 20  # what was claimed is finished before this stops, so it is little
_GRACE_SECONDS = 10
_log = logging.getLogger(__name__)


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on; 0 is one that is free.", min=0, max=65535)] = 4242,
    retry_every: Annotated[float, typer.Option(help="How many seconds between two looks at what failed.", min=0.1)] = 30,
) -> None:
    """Receive webhooks on /webhooks, and judge those again whose time has come, until interrupted."""
    from billing_adapters import wiring  # noqa: PLC0415 - see `session`

    configured = existing()
    configured.require_secrets()
    wiring.check(configured)
    with opened() as billing, listening(host, port) as listener:
        address = f"{url(listener)}{_PATH}"
        say(f"receiving webhooks on {address}")
        say(f"  stripe listen --forward-to {address}")
        app = AsgiWebhooks(WebhookEndpoint(billing), path=_PATH)
        server = uvicorn.Server(uvicorn.Config(app, timeout_graceful_shutdown=_GRACE_SECONDS))
        with _retrying(billing, retry_every), _ended_by_signals(server):
            server.run(sockets=[listener])


@contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Let a signal end the server alone: having ended, it raises the signal again, which would end us before our time."""

    def end(*_: object) -> None:
        server.should_exit = True

    before = {one: signal.signal(one, end) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def _retrying(billing: Billing, every: float) -> Iterator[None]:
    stop = threading.Event()
    worker = threading.Thread(target=keep_retrying, args=(billing, every, stop), daemon=True)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def keep_retrying(billing: Billing, every: float, stop: threading.Event) -> None:
    """Judge those again whose time has come, every so many seconds, all of them, until told to stop."""
    while not stop.wait(every):
        try:
            _retry_all(billing, stop)
        except Exception:  # noqa: BLE001 - the next look may succeed, and nobody else would say what happened to this one
            _log.exception("looking at what failed has failed itself")


def _retry_all(billing: Billing, stop: threading.Event) -> None:
    full = True
    while full and not stop.is_set():
        full = len(billing.webhooks.retry(_BATCH)) == _BATCH
