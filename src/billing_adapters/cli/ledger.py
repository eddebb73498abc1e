"""`billing verify` and `billing sweep`: whether the books are right, and how timely they are."""

from typing import Annotated

import typer

from billing_adapters.cli.screen import output, plain, say, show_json, table
from billing_adapters.cli.session import opened
from billing_core.application.reading import Report

__all__ = ["sweep", "verify"]


def verify(
    account: Annotated[str | None, typer.Argument(help="Only this account.", show_default=False)] = None,
    unit: Annotated[str, typer.Option(help="What is counted.")] = "credits",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Replay every entry and compare with what is stored; exit with 1 if anything is not as it must be."""
    with opened() as billing:
        report = billing.credits.verify(account, unit=unit)
    if as_json:
        show_json(_report(report))
    else:
        _show(report)
    if report.findings:
        raise typer.Exit(1)


def sweep(
    limit: Annotated[int, typer.Option(help="At most so many accounts.", min=1)] = 1000,
) -> None:
    """Write down what fell due: credits that begin or expire, holds that time out. No balance depends on it."""
    with opened() as billing:
        swept = billing.credits.sweep(limit)
    output.print(f"{swept:,} accounts swept")


def _show(report: Report) -> None:
    if report.findings:
        shown = table("account", "unit", "what", "must be", "is", whole=("account", "what"))
        for one in report.findings:
            shown.add_row(*plain(one.account.owner, one.account.unit, one.what, one.expected, one.found))
        output.print(shown)
    looked = f"{report.accounts:,} accounts, {report.entries:,} entries"
    say(f"{looked}: {len(report.findings):,} findings", "red" if report.findings else "green")


def _report(report: Report) -> dict[str, object]:
    findings = [
        {
            "account": one.account.owner,
            "unit": one.account.unit,
            "what": one.what,
            "expected": one.expected,
            "found": one.found,
        }
        for one in report.findings
    ]
    return {"accounts": report.accounts, "entries": report.entries, "findings": findings}
