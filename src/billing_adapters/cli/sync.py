"""`billing sync` and `billing catch-up`: what the payment provider says is read, and kept."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from billing_adapters.cli.screen import errors, moment, output, say, table
from billing_adapters.cli.session import opened
from billing_core.domain.syncs import Found, SyncReport
from billing_core.domain.webhooks import Failed

__all__ = ["catch_up", "sync"]

_COLUMNS = ("added", "changed", "archived", "deleted", "unchanged", "unreadable")


def sync() -> None:
    """Read all products and prices of the provider; exit with 1 if one cannot be read, or a product grants nothing."""
    with opened() as billing, _shown() as progress:
        report = billing.catalog.sync(progress)
    _show(report)
    if not report.clean:
        raise typer.Exit(1)


def catch_up(
    limit: Annotated[int, typer.Option(help="Ask for no more once there are so many.", min=1)] = 1000,
) -> None:
    """Receive what the provider has told since the last time; exit with 1 if anything fails."""
    with opened() as billing:
        outcomes = billing.webhooks.catch_up(limit)
    counted = Counter(type(one).__name__ for one in outcomes)
    output.print(", ".join(f"{count:,} {name.lower()}" for name, count in counted.items()) or "nothing is new")
    failures = [one for one in outcomes if isinstance(one, Failed)]
    for one in failures:
        say(f"{one.webhook}: {one.reason}", "red")
    if len(outcomes) >= limit:
        output.print("there may be more: run it again")
    if failures:
        raise typer.Exit(1)


@contextmanager
def _shown() -> Iterator[Callable[[SyncReport], object]]:
    """Give what shows how far it is: a line on the terminal, which is gone when the report comes; elsewhere nothing."""
    if not errors.is_terminal:
        yield lambda _: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda report: progress.update(task, description=_so_far(report))


def _so_far(report: SyncReport) -> str:
    return f"{report.products.listed:,} products, {report.prices.listed:,} prices"


def _show(report: SyncReport) -> None:
    if report.resumed:
        output.print(f"went on with the sync that began at {moment(report.started_at)} UTC")
    shown = table("", *_COLUMNS, numbers=_COLUMNS)
    for name, found in (("products", report.products), ("prices", report.prices)):
        shown.add_row(name, *(f"{count:,}" for count in _counts(found)))
    output.print(shown)
    for found in (report.products, report.prices):
        for one in found.unreadable:
            say(f"unreadable: {one.id}: {one.reason}", "red")
    for problem in report.problems:
        say(f"quarantined: {problem.product}: {problem}", "red")


def _counts(found: Found) -> Iterable[int]:
    changes = (found.added, found.changed, found.archived, found.deleted)
    return *map(len, changes), found.unchanged, len(found.unreadable)
