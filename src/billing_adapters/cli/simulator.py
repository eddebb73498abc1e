"""`billing simulator`: an offline Stripe on a socket of this machine."""

from datetime import UTC, datetime
from typing import Annotated

import typer
import uvicorn

from billing_adapters.cli.screen import say
from billing_adapters.cli.serving import listening, url

__all__ = ["app"]

_KEY = "sk_test_simulated"
_GRACE_SECONDS = 1

app = typer.Typer(no_args_is_help=True, help="An offline Stripe, for tests and for trying things out.")


@app.callback()
def _simulator() -> None:
    """Offer an offline Stripe."""


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on; 0 is one that is free.", min=0, max=65535)] = 12111,
    seed: Annotated[int, typer.Option(help="What ids and secrets are made from.")] = 0,
    api_version: Annotated[str, typer.Option(help="The account's own version of the API.")] = "2026-10-28.endive",
) -> None:
    """Answer as Stripe does, out of memory and in real time, until interrupted."""
    from billing_adapters.simulator import SimulatedStripe, simulator_asgi  # noqa: PLC0415 - see `session`

    with listening(host, port) as listener:
        address = url(listener)
        stripe = SimulatedStripe(seed, api_version=api_version, site=address, running=lambda: datetime.now(UTC))
        say(f"an offline Stripe on {address}, which forgets everything when it ends; any key works, such as {_KEY}")
        say(f'  StripeClient("{_KEY}", base_addresses={{"api": "{address}"}})')
        say(f"  stripe --api-key {_KEY} --api-base {address} trigger payment_intent.succeeded")
        config = uvicorn.Config(
            simulator_asgi(stripe, deliver_every=1), log_level="warning", timeout_graceful_shutdown=_GRACE_SECONDS
        )
        uvicorn.Server(config).run(sockets=[listener])
