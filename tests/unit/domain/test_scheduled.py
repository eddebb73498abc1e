"""Scheduled credits: granted now, to be spent from a moment in the future on, and never before."""

from datetime import UTC, datetime, timedelta

import pytest

from billing_core.domain.credits import (
    Account,
    AccountId,
    Books,
    Convert,
    Expire,
    Forfeit,
    Grant,
    LotKind,
    Operation,
    PlaceHold,
    Revoke,
    Spend,
    balance_at,
    change,
    decide,
    settle,
)
from billing_core.errors import InsufficientCredits, Invalid

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)
BEGINS = NOW + HOUR
ACME = AccountId("acme")


def grant(name, amount=10, **rest):
    return Grant(**{"account": ACME, "key": f"grant-{name}", "source": name, "amount": amount, **rest})


def later(name="later", **rest):
    return grant(name, **{"starts_at": BEGINS, **rest})


def spend(amount, name="spend"):
    return Spend(account=ACME, key=name, amount=amount)


def after(*commands, account=None, now=NOW):
    account = account or Account(ACME)
    for command in commands:
        account = change(account, decide(account, command, now)).account
    return account


def moved(entry):
    return [(one.lot, one.source.value, one.target.value, one.amount) for one in entry.movements]


# Until they begin ---------------------------------------------------------------------------------------------------------


def test_they_are_granted_now_and_begin_later():
    (entry,) = decide(Account(ACME), later(), NOW)

    assert (entry.operation, entry.amount, entry.change, entry.available_after) == (Operation.GRANT, 10, 0, 0)
    assert (entry.effective_at, entry.opened.effective_at) == (NOW, BEGINS)
    assert moved(entry) == [(1, "issued", "scheduled", 10)]


def test_they_are_open_and_next_due_when_they_begin():
    account = after(grant("a", expires_at=BEGINS + HOUR), later(expires_at=BEGINS + HOUR))

    assert account.books == Books(issued=-20, scheduled=10, available=10)
    assert account.lots[1].open
    assert account.next_due_at == BEGINS


def test_they_cannot_be_spent_before():
    account = after(later())

    with pytest.raises(InsufficientCredits, match="1 credits requested, 0 available"):
        decide(account, spend(1), BEGINS - MOMENT)


def test_what_was_to_begin_by_now_begins_at_once():
    (entry,) = decide(Account(ACME), later(starts_at=NOW), NOW)

    assert moved(entry) == [(1, "issued", "available", 10)]


def test_late_news_tell_both_when_they_were_granted_and_when_they_began():
    told = later(effective_at=NOW, starts_at=NOW + HOUR)

    (entry,) = decide(Account(ACME), told, NOW + 2 * HOUR)

    assert (entry.effective_at, entry.opened.effective_at) == (NOW, NOW + HOUR)
    assert moved(entry) == [(1, "issued", "available", 10)]


@pytest.mark.parametrize("expires_at", [BEGINS, BEGINS - MOMENT])
def test_they_cannot_end_before_they_begin(expires_at):
    with pytest.raises(Invalid, match="expires_at must be later"):
        decide(Account(ACME), later(expires_at=expires_at), NOW)


def test_they_repay_nothing_before_they_begin():
    revoke = Revoke(account=ACME, key="revoke", source="a")

    account = after(grant("a"), spend(10), revoke, later())

    assert (account.books.scheduled, account.owes) == (10, 10)


# When they begin ----------------------------------------------------------------------------------------------------------


def test_they_begin_at_their_own_time():
    (entry,) = settle(after(later()), BEGINS + HOUR)

    assert (entry.operation, entry.of, entry.key) == (Operation.START, 1, None)
    assert (entry.effective_at, entry.recorded_at) == (BEGINS, BEGINS + HOUR)
    assert moved(entry) == [(1, "scheduled", "available", 10)]
    assert (entry.amount, entry.change, entry.available_after) == (10, 10, 10)


def test_they_begin_at_the_very_moment():
    assert settle(after(later()), BEGINS - MOMENT) == ()
    assert len(settle(after(later()), BEGINS)) == 1


def test_they_begin_once():
    account = after(Expire(account=ACME), account=after(later()), now=BEGINS)

    assert settle(account, BEGINS + HOUR) == ()


def test_they_can_be_spent_from_then_on():
    began, spent = decide(after(later()), spend(4), BEGINS)

    assert (began.operation, spent.amount, spent.available_after) == (Operation.START, 4, 6)


def test_they_repay_what_is_owed_when_they_begin():
    revoke = Revoke(account=ACME, key="revoke", source="a")
    account = after(grant("a"), spend(7), revoke, later())

    (entry,) = settle(account, BEGINS)

    assert moved(entry) == [(4, "scheduled", "available", 10), (4, "available", "owed", 7)]
    assert (entry.amount, entry.change, entry.owed_after) == (10, 3, 0)


def test_they_begin_and_end_each_in_its_turn():
    account = after(
        later("one", expires_at=BEGINS + HOUR), later("two", starts_at=BEGINS + HOUR, expires_at=BEGINS + 2 * HOUR)
    )

    entries = settle(account, BEGINS + 5 * HOUR)

    assert [(one.operation.value, one.movements[0].lot, one.effective_at) for one in entries] == [
        ("start", 1, BEGINS),
        ("expire", 1, BEGINS + HOUR),
        ("start", 2, BEGINS + HOUR),
        ("expire", 2, BEGINS + 2 * HOUR),
    ]
    assert [one.available_after for one in entries] == [10, 0, 10, 0]


def test_what_ends_at_a_moment_ends_before_anything_begins_there():
    ends = grant("ends", expires_at=BEGINS)
    hold = PlaceHold(account=ACME, key="hold", amount=4, expires_at=BEGINS)

    entries = settle(after(ends, hold, later("two"), later("one", priority=0)), BEGINS)

    assert [(one.operation.value, one.movements[0].lot) for one in entries] == [
        ("expire", 1),
        ("release", 1),
        ("start", 3),
        ("start", 4),
    ]


def test_they_burn_by_their_terms_and_not_by_when_they_were_granted():
    account = after(
        later("gift", kind=LotKind.PROMOTIONAL), later("young", starts_at=BEGINS + MOMENT), later("old"), grant("a")
    )

    *_, entry = decide(account, spend(40), BEGINS + HOUR)

    assert [one.lot for one in entry.movements] == [1, 4, 3, 2]


# Before their time --------------------------------------------------------------------------------------------------------


def test_they_can_be_converted_into_credits_that_begin_now():
    account = after(later(kind=LotKind.SUBSCRIPTION, expires_at=BEGINS + HOUR))

    (entry,) = decide(account, Convert(account=ACME, key="convert", source="later"), NOW)

    assert moved(entry) == [(1, "scheduled", "issued", 10), (2, "issued", "available", 10)]
    assert (entry.amount, entry.change) == (10, 10)
    assert (entry.opened.effective_at, entry.opened.kind) == (NOW, LotKind.PAYG)


def test_they_can_be_forfeited():
    (entry,) = decide(after(later()), Forfeit(account=ACME, key="forfeit", source="later"), NOW)

    assert (entry.operation, entry.of, entry.amount, entry.change) == (Operation.FORFEIT, 1, 10, 0)
    assert moved(entry) == [(1, "scheduled", "expired", 10)]


@pytest.mark.parametrize(
    "command",
    [
        Convert(account=ACME, key="convert", source="later"),
        Forfeit(account=ACME, key="forfeit", source="later"),
        Revoke(account=ACME, key="revoke", source="later"),
    ],
    ids=["converted", "forfeited", "clawed back"],
)
def test_what_is_gone_before_its_time_never_begins(command):
    account = after(later(), command)

    assert account.next_due_at is None
    assert settle(account, BEGINS) == ()
    assert balance_at(account, BEGINS).scheduled == 0
