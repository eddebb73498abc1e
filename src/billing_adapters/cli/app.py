"""The shell itself: its commands, and what it does when one of them is refused."""

from typing import Any

import typer
from typer.core import TyperGroup

from billing_adapters.cli import accounts, catalog, db, ledger, orders, serve, simulator, sync, webhooks
from billing_adapters.cli.demo import command as demo
from billing_adapters.cli.screen import errors, say
from billing_core.errors import BillingError

__all__ = ["app"]


class _Shell(TyperGroup):
    """Says what was refused in one sentence, on the error stream; a traceback is for bugs."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - some versions of Typer have their own click, others the real one
        try:
            return super().invoke(ctx)
        except BillingError as refusal:
            say(str(refusal), "red", to=errors)
            raise typer.Exit(1) from refusal


app = typer.Typer(
    cls=_Shell,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they hold bodies, secrets and customers
    help="Sell through a payment provider and account for credits: the operator's shell.",
    epilog="Settings come from the environment: BILLING_DATABASE_URL (default sqlite:///billing.db), "
    "BILLING_WEBHOOK_SECRETS (a comma list; STRIPE_WEBHOOK_SECRET is taken too), BILLING_LIVEMODE (true or false), "
    "BILLING_STRIPE_KEY (STRIPE_API_KEY is taken too), BILLING_STRIPE_URL (where a simulator is).",
)
app.command()(demo.demo)
app.add_typer(db.app, name="db")
app.command()(serve.serve)
app.command()(accounts.balance)
app.command()(accounts.statement)
app.command()(ledger.verify)
app.command()(ledger.sweep)
app.command()(catalog.catalog)
app.command()(sync.sync)
app.command()(sync.catch_up)
app.command()(orders.resume)
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(simulator.app, name="simulator")
