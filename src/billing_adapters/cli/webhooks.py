"""`billing webhooks`: what came, what became of it, and how to try again."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from billing_adapters.cli.screen import moment, output, plain, say, show_json, table
from billing_adapters.cli.session import opened
from billing_core.domain.webhooks import AlreadyApplied, Delivery, DeliveryState, Failed, Ignored, Outcome

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="See what came, what became of it, and try again.")

Webhook = Annotated[str, typer.Argument(help="The provider's id of the event.", show_default=False)]


@app.command(name="list")
def show_list(
    state: Annotated[list[DeliveryState] | None, typer.Option(help="Only these; may be given several times.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many of each state.", min=1)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the stored webhooks, the latest received first."""
    with opened() as billing:
        found = [one for wanted in state or DeliveryState for one in billing.webhooks.deliveries(wanted, limit)]
    found.sort(key=lambda one: (one.received_at, one.id), reverse=True)
    if as_json:
        show_json({"webhooks": [_facts(one) for one in found]})
        return
    shown = table("webhook", "state", "about it", whole=("webhook", "state"))
    for one in found:
        shown.add_row(*plain(f"{one.id}\n{one.type}", f"{one.state}\n{moment(one.received_at)}", _note(one)))
    output.print(shown)


@app.command()
def show(webhook: Webhook) -> None:
    """Show one stored webhook: what became of it, the failure with its traceback, and the body."""
    with opened() as billing:
        found = billing.webhooks.get(webhook)
    for name, value in _facts(found).items():
        say(f"{name:>15}: {value}")
    for text in (found.error, found.body.decode(errors="replace")):
        if text:
            output.print()
            say(text)


@app.command()
def retry(limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 100) -> None:
    """Judge those again whose time has come."""
    with opened() as billing:
        outcomes = billing.webhooks.retry(limit)
    counted = Counter(map(_word, outcomes))
    output.print(", ".join(f"{count} {name}" for name, count in counted.items()) or "nothing is due")


@app.command()
def replay(webhook: Webhook) -> None:
    """Judge one stored webhook again now, also a dead one; exit with 1 if it fails again."""
    with opened() as billing:
        outcome = billing.webhooks.replay(webhook)
    say(_sentence(outcome))
    if isinstance(outcome, Failed):
        raise typer.Exit(1)


def _sentence(outcome: Outcome) -> str:
    said = f"{outcome.webhook} {_word(outcome)}"
    return f"{said}: {outcome.reason}" if isinstance(outcome, Failed | Ignored) else said


def _word(outcome: Outcome) -> str:
    return "already applied" if isinstance(outcome, AlreadyApplied) else type(outcome).__name__.lower()


def _note(delivery: Delivery) -> str:
    if delivery.waiting_for:
        return f"waits for {', '.join(delivery.waiting_for)}"
    return _last_line(delivery.error)


def _last_line(text: str | None) -> str:
    lines: Sequence[str] = text.strip().splitlines() if text else ()
    return lines[-1] if lines else ""


def _facts(delivery: Delivery) -> dict[str, object]:
    return {
        "id": delivery.id,
        "type": delivery.type,
        "state": delivery.state,
        "occurred_at": delivery.occurred_at,
        "received_at": delivery.received_at,
        "livemode": delivery.livemode,
        "api_version": delivery.api_version,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at,
        "waiting_for": list(delivery.waiting_for),
        "note": _last_line(delivery.error),
    }
