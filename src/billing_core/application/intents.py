"""Intents: top-ups that are asked for, and settled, inside an open unit."""

from collections.abc import Iterable
from contextlib import suppress

import attrs

from billing_core.application.work import Work
from billing_core.domain.credits import Account, AccountId
from billing_core.domain.events import TOP_UP_WANTED
from billing_core.domain.payments import Purchase
from billing_core.domain.topups import INTENT, TopUp, TopUpIntent, succeeded, wanted
from billing_core.errors import UnknownTopUp

__all__ = ["ask_for_top_ups", "has_few", "keep_top_up", "new_intent", "settle_top_up"]


def ask_for_top_ups(work: Work, low: Iterable[Account]) -> None:
    """Ask for what the rules of these accounts want, which were left with few credits."""
    few = {one.id: one.books.available for one in low}
    found = work.unit.top_ups.get(few) if few else {}
    for account in sorted(found):
        top_up = found[account]
        keep_top_up(work, top_up, wanted(top_up, few[account], work.now, new_intent(work)) or top_up)


def settle_top_up(work: Work, account: AccountId, purchase: Purchase) -> None:
    """Say that a top-up succeeded whose payment arrived: what it bought names the intent."""
    if not purchase.id.startswith(INTENT):
        return
    with suppress(UnknownTopUp):  # one that was settled so long ago that it is forgotten
        for top_up in work.unit.top_ups.get([account]).values():
            keep_top_up(work, top_up, succeeded(top_up, purchase.id, work.now))


def new_intent(work: Work) -> str:
    """Return the id of an intent that nobody had before; it tells itself from the purchases of the application."""
    return f"{INTENT}{work.ids.new()}"


def keep_top_up(work: Work, before: TopUp | None, after: TopUp) -> TopUp:
    """Write a top-up, unless it is as before, and tell of an intent that was not in flight before."""
    if after == before:
        return after
    work.unit.top_ups.put(after)
    if after.in_flight and after.in_flight != (before and before.in_flight):
        _tell(work, after, after.in_flight)
    return attrs.evolve(after, version=after.version + 1)


def has_few(account: Account) -> bool:
    """Tell whether an account was left with so few credits that its rule has to be looked at."""
    return account.top_up_below is not None and account.books.available < account.top_up_below


def _tell(work: Work, top_up: TopUp, intent: TopUpIntent) -> None:
    rule, account = top_up.rule, top_up.account
    work.tell(
        TOP_UP_WANTED,
        f"account:{account}",
        account.owner,
        intent=intent.id,
        unit=account.unit,
        pack=rule.pack,
        quantity=rule.quantity,
    )
