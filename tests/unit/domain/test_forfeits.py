"""Forfeits: what is unused of a lot ends before its time."""

from datetime import UTC, datetime, timedelta

import pytest

from billing_core.domain.credits import (
    Account,
    AccountId,
    Books,
    Forfeit,
    Grant,
    Operation,
    PlaceHold,
    Release,
    Spend,
    change,
    decide,
)
from billing_core.errors import Invalid, KeyReused, UnknownLot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = AccountId("acme")
GRANT = Grant(account=ACME, key="grant", source="a", amount=10, expires_at=NOW + 9 * HOUR)


def spend(amount):
    return Spend(account=ACME, key="spend", amount=amount)


def forfeit(source="a", **rest):
    return Forfeit(**{"account": ACME, "key": "forfeit", "source": source, **rest})


def after(*commands, account=None, now=NOW):
    account = account or Account(ACME)
    for command in commands:
        account = change(account, decide(account, command, now)).account
    return account


def moved(entry):
    return [(one.lot, one.source.value, one.target.value, one.amount) for one in entry.movements]


def test_what_is_unused_expires_now():
    account = after(GRANT, spend(4))

    (entry,) = decide(account, forfeit(reference="change:1", reason="r", actor="ann"), NOW + HOUR)

    assert (entry.operation, entry.of, entry.key) == (Operation.FORFEIT, 1, "forfeit")
    assert moved(entry) == [(1, "available", "expired", 6)]
    assert (entry.amount, entry.change, entry.available_after) == (6, -6, 0)
    assert (entry.effective_at, entry.recorded_at) == (NOW + HOUR, NOW + HOUR)
    assert (entry.reference, entry.reason, entry.actor) == ("change:1", "r", "ann")


def test_other_lots_are_left_alone():
    other = Grant(account=ACME, key="other", source="b", amount=5)

    assert after(GRANT, other, forfeit()).books == Books(issued=-15, available=5, expired=10)


def test_a_lot_of_which_nothing_is_left_is_forfeited_all_the_same():
    (entry,) = decide(after(GRANT, spend(10)), forfeit(), NOW)

    assert (entry.movements, entry.amount, entry.of) == ((), 0, 1)


def test_what_is_held_stays_held_and_comes_back():
    hold = PlaceHold(account=ACME, key="hold", amount=4, expires_in=HOUR)

    account = after(GRANT, hold, forfeit())
    assert account.books == Books(issued=-10, held=4, expired=6)

    account = after(Release(account=ACME, key="release", hold=2), account=account)
    assert account.books == Books(issued=-10, available=4, expired=6)


def test_a_forfeit_may_be_told_late_and_not_early():
    (entry,) = decide(after(GRANT), forfeit(effective_at=NOW), NOW + HOUR)

    assert (entry.effective_at, entry.recorded_at) == (NOW, NOW + HOUR)
    with pytest.raises(Invalid, match="effective_at must not lie in the future"):
        decide(after(GRANT), forfeit(effective_at=NOW + HOUR), NOW)


def test_what_had_expired_before_stays_as_it_was():
    expired, entry = decide(after(GRANT), forfeit(effective_at=NOW), NOW + 9 * HOUR)

    assert (expired.operation, expired.effective_at) == (Operation.EXPIRE, NOW + 9 * HOUR)
    assert entry.movements == ()


def test_a_lot_that_nobody_granted_cannot_be_forfeited():
    with pytest.raises(UnknownLot) as refusal:
        decide(after(GRANT), forfeit("b"), NOW)

    assert (refusal.value.account, refusal.value.source) == ("acme", "b")


def test_the_same_forfeit_again_does_nothing_more():
    account = after(GRANT, forfeit())

    assert decide(account, forfeit(), NOW + HOUR) == ()
    with pytest.raises(KeyReused):
        decide(account, forfeit(key="grant"), NOW)
