"""`billing balance` and `billing statement`: what an account has, and why."""

import shlex
from typing import Annotated

import typer

from billing_adapters.cli.screen import moment, output, plain, say, show_json, table
from billing_adapters.cli.session import opened
from billing_core.application.reading import Statement
from billing_core.domain.credits import Balance, Entry

__all__ = ["balance", "statement"]

_UNIT = "credits"

Account = Annotated[str, typer.Argument(help="The application's own id of the account.", show_default=False)]
Unit = Annotated[str, typer.Option(help="What is counted.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def balance(account: Account, unit: Unit = _UNIT, as_json: Json = False) -> None:
    """Show what an account has now."""
    with opened() as billing:
        billing.credits.statement(account, unit=unit, limit=1)  # which refuses an account that nobody wrote: a misspelt one
        found = billing.credits.balance(account, unit=unit)
    if as_json:
        show_json(_balance(found))
        return
    shown = table("kind", unit, numbers=(unit,), title=f"account {found.account}")
    for kind, amount in found.by_kind.items():
        if amount:
            shown.add_row(kind, f"{amount:,}")
    shown.add_section()
    shown.add_row("available", f"{found.available:,}", style="bold")
    for name, amount in (("held", found.held), ("scheduled", found.scheduled), ("owed", found.owed)):
        if amount:
            shown.add_row(name, f"{amount:,}")
    output.print(shown)
    if found.next_expiry_at:
        output.print(f"{found.next_expiry_amount:,} expire at {moment(found.next_expiry_at)} UTC")


def statement(
    account: Account,
    unit: Unit = _UNIT,
    before: Annotated[int | None, typer.Option(help="Only entries with a smaller number.", min=1)] = None,
    limit: Annotated[int, typer.Option(help="At most so many entries.", min=1, max=1000)] = 20,
    as_json: Json = False,
) -> None:
    """Show the entries of an account, the latest first: why its balance is what it is."""
    with opened() as billing:
        page = billing.credits.statement(account, unit=unit, before=before, limit=limit)
    if as_json:
        show_json(_statement(page))
        return
    shown = table("no", "effective (UTC)", "what", "change", "after", "why", numbers=("no", "change", "after"))
    for entry in page.entries:
        row = (
            str(entry.seq),
            moment(entry.effective_at),
            entry.operation,
            f"{entry.change:+,}",
            f"{entry.available_after:,}",
        )
        shown.add_row(*row, *plain(_why(entry)))
    output.print(shown)
    if page.next_before:
        say(f"older entries: {_older(page)}")


def _older(page: Statement) -> str:
    of_unit = () if page.account.unit == _UNIT else ("--unit", page.account.unit)
    return shlex.join(("billing", "statement", page.account.owner, *of_unit, "--before", str(page.next_before)))


def _why(entry: Entry) -> str:
    source = entry.opened.source if entry.opened else None
    return entry.reason or entry.reference or source or entry.key or ""


def _balance(found: Balance) -> dict[str, object]:
    return {
        "account": found.account.owner,
        "unit": found.account.unit,
        "available": found.available,
        "held": found.held,
        "scheduled": found.scheduled,
        "owed": found.owed,
        "by_kind": dict(found.by_kind),
        "expiring": [{"at": one.at, "amount": one.amount} for one in found.expiring],
        "next_expiry_at": found.next_expiry_at,
        "next_expiry_amount": found.next_expiry_amount,
        "as_of": found.as_of,
        "version": found.version,
    }


def _statement(page: Statement) -> dict[str, object]:
    entries = [_entry(entry) for entry in page.entries]
    return {"account": page.account.owner, "unit": page.account.unit, "entries": entries, "next_before": page.next_before}


def _entry(entry: Entry) -> dict[str, object]:
    movements = [{"lot": one.lot, "from": one.source, "to": one.target, "amount": one.amount} for one in entry.movements]
    return {
        "seq": entry.seq,
        "operation": entry.operation,
        "change": entry.change,
        "available_after": entry.available_after,
        "held_after": entry.held_after,
        "owed_after": entry.owed_after,
        "effective_at": entry.effective_at,
        "recorded_at": entry.recorded_at,
        "key": entry.key,
        "of": entry.of,
        "source": entry.opened.source if entry.opened else None,
        "reference": entry.reference,
        "reason": entry.reason,
        "actor": entry.actor,
        "movements": movements,
    }
