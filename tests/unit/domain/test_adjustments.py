"""Adjustments: a balance that is corrected by hand, up or down, and somebody answers for it."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from billing_core.domain.credits import (
    MAX_AMOUNT,
    Account,
    AccountId,
    Adjust,
    Books,
    Grant,
    LotKind,
    Operation,
    PlaceHold,
    balance_at,
    change,
    decide,
)
from billing_core.errors import AlreadyGranted, InsufficientCredits, Invalid

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = AccountId("acme")


def grant(name, amount=10, **rest):
    return Grant(**{"account": ACME, "key": f"grant-{name}", "source": name, "amount": amount, **rest})


def adjust(amount, **rest):
    return Adjust(**{"account": ACME, "key": "adjust", "amount": amount, "reason": "an outage", "actor": "ann", **rest})


def after(*commands, account=None, now=NOW):
    account = account or Account(ACME)
    for command in commands:
        account = change(account, decide(account, command, now)).account
    return account


def moved(entry):
    return [(one.lot, one.source.value, one.target.value, one.amount) for one in entry.movements]


def test_what_was_missing_is_given_from_nowhere():
    (entry,) = decide(Account(ACME), adjust(5, reference="ticket:1", expires_at=NOW + HOUR), NOW)

    assert (entry.operation, entry.key, entry.amount, entry.change) == (Operation.ADJUST, "adjust", 5, 5)
    assert (entry.reason, entry.actor, entry.reference) == ("an outage", "ann", "ticket:1")
    assert (entry.effective_at, entry.recorded_at) == (NOW, NOW)
    assert moved(entry) == [(1, "issued", "available", 5)]
    lot = entry.opened
    assert (lot.number, lot.kind, lot.priority, lot.amount) == (1, LotKind.ADJUSTMENT, 30, 5)
    assert (lot.source, lot.reference, lot.cost) == ("adjust:adjust", "ticket:1", None)
    assert (lot.effective_at, lot.expires_at) == (NOW, NOW + HOUR)


def test_what_is_given_may_last_for_ever():
    account = after(adjust(5))

    assert account.lots[0].expires_at is None
    assert balance_at(account, NOW + 10_000 * HOUR).available == 5


def test_what_should_not_be_there_is_taken_in_the_order_in_which_it_burns():
    account = after(grant("pack"), grant("gift", 4, kind=LotKind.PROMOTIONAL))

    (entry,) = decide(account, adjust(-6), NOW)

    assert moved(entry) == [(2, "available", "revoked", 4), (1, "available", "revoked", 2)]
    assert (entry.operation, entry.amount, entry.change, entry.opened) == (Operation.ADJUST, 6, -6, None)
    assert (entry.reason, entry.actor, entry.effective_at, entry.recorded_at) == ("an outage", "ann", NOW, NOW)


def test_everything_can_be_taken():
    assert after(grant("a"), adjust(-10)).books == Books(issued=-10, revoked=10)


@pytest.mark.parametrize("amount", [1, -1, MAX_AMOUNT, -MAX_AMOUNT])
def test_a_correction_goes_as_far_up_as_down(amount):
    account = after(grant("a", MAX_AMOUNT), adjust(amount))

    assert account.books.available == MAX_AMOUNT + amount


def test_no_more_is_taken_than_is_available():
    hold = PlaceHold(account=ACME, key="hold", amount=4, expires_in=HOUR)

    with pytest.raises(InsufficientCredits, match="7 credits requested, 6 available"):
        decide(after(grant("a"), hold), adjust(-7), NOW)


@pytest.mark.parametrize("expires_at", [NOW, NOW - HOUR])
def test_what_is_given_cannot_end_before_it_begins(expires_at):
    with pytest.raises(Invalid, match="expires_at must be later"):
        decide(Account(ACME), adjust(5, expires_at=expires_at), NOW)


def test_what_is_taken_has_no_end():
    with pytest.raises(Invalid, match="expires_at belongs to credits that are given"):
        adjust(-5, expires_at=NOW + HOUR)


@pytest.mark.parametrize("missing", ["reason", "actor"])
def test_somebody_answers_for_it_and_says_why(missing):
    said = {"account": ACME, "key": "k", "amount": 5, "reason": "r", "actor": "a"}

    with pytest.raises(TypeError, match=missing):
        Adjust(**{name: word for name, word in said.items() if name != missing})
    with pytest.raises(Invalid, match=missing):
        Adjust(**{**said, missing: None})


def test_the_books_never_grow_beyond_what_a_database_holds():
    full = 2**63 - 1
    account = attrs.evolve(Account(ACME), books=Books(issued=-full + 5, consumed=full - 5))

    assert after(adjust(5), account=account).books.issued == -full
    with pytest.raises(Invalid, match="amount would take the credits ever issued to acme beyond"):
        decide(account, adjust(6), NOW)


def test_no_second_lot_is_opened_of_one_name():
    with pytest.raises(AlreadyGranted, match="adjust:adjust was already granted by entry 1"):
        decide(after(grant("squatter", source="adjust:adjust")), adjust(5), NOW)


def test_the_same_adjustment_again_does_nothing_more():
    assert decide(after(grant("a"), adjust(-5)), adjust(-5), NOW + HOUR) == ()
