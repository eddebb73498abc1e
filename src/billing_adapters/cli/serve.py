"""`billing serve`: receives webhooks, and tries again what failed."""

import logging
import threading
from typing import Annotated

import typer
import uvicorn

from billing_adapters.cli.screen import say
from billing_adapters.cli.serving import listening, url
from billing_adapters.cli.session import opened, settings
from billing_adapters.web.asgi import AsgiWebhooks
from billing_adapters.web.endpoint import WebhookEndpoint
from billing_core.billing import Billing

__all__ = ["keep_retrying", "serve"]

_PATH = "/webhooks"
_log = logging.getLogger(__name__)


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on; 0 is one that is free.", min=0, max=65535)] = 4242,
    retry_every: Annotated[float, typer.Option(help="How many seconds between two looks at what failed.", min=0.1)] = 30,
) -> None:
    """Receive webhooks on /webhooks, and judge those again whose time has come, until interrupted."""
    from billing_adapters import wiring  # noqa: PLC0415 - see `session`

    configured = settings()
    configured.require_secrets()
    wiring.check(configured)
    with opened() as billing, listening(host, port) as listener:
        address = f"{url(listener)}{_PATH}"
        say(f"receiving webhooks on {address}")
        say(f"  stripe listen --forward-to {address}")
        stop = threading.Event()
        worker = threading.Thread(target=keep_retrying, args=(billing, retry_every, stop), daemon=True)
        worker.start()
        try:
            app = AsgiWebhooks(WebhookEndpoint(billing), path=_PATH)
            uvicorn.Server(uvicorn.Config(app)).run(sockets=[listener])
        finally:
            stop.set()
            worker.join()


def keep_retrying(billing: Billing, every: float, stop: threading.Event) -> None:
    """Judge those again whose time has come, every so many seconds, until told to stop."""
    while not stop.wait(every):
        try:
            billing.webhooks.retry()
        except Exception:  # noqa: BLE001 - the next look may succeed, and nobody else would say what happened to this one
            _log.exception("looking at what failed has failed itself")
