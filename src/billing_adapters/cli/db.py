"""`billing db`: the tables."""

import typer

from billing_adapters.cli.screen import output
from billing_adapters.cli.session import existing, settings

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Create and update the tables.")


@app.command()
def upgrade() -> None:
    """Bring the database to the tables that this version needs; what is there already stays."""
    from billing_adapters import wiring  # noqa: PLC0415 - see `session`

    wiring.upgrade(settings())
    output.print("the database is up to date")


@app.command()
def status() -> None:
    """Tell whether the database has the tables that this version needs; exit with 1 if not."""
    from billing_adapters import wiring  # noqa: PLC0415 - see `session`

    wiring.check(existing())
    output.print("the database is up to date")
