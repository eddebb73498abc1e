"""`billing resume`: what became of orders to which no answer came."""

from typing import Annotated

import typer

from billing_adapters.cli.screen import output, plain, table
from billing_adapters.cli.session import opened
from billing_core.domain.intents import Intent, IntentState

__all__ = ["resume"]


def resume(
    limit: Annotated[int, typer.Option(help="Ask about so many at most.", min=1)] = 100,
) -> None:
    """Find out what became of orders to which no answer came; exit with 1 if that is still unknown of one."""
    with opened() as billing:
        found = billing.checkout.resume(limit)
    if not found:
        output.print("nothing is open")
        return
    shown = table("order", "account", "what", "state", "led to", whole=("order",))
    for one in found:
        shown.add_row(*plain(one.id, one.account, type(one.order).__name__, one.state, _led_to(one)))
    output.print(shown)
    if any(one.state is IntentState.OPEN for one in found):
        raise typer.Exit(1)


def _led_to(intent: Intent) -> str:
    return intent.placed or intent.reason or ""
