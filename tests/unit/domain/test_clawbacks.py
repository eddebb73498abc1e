"""Clawbacks: money went back, so its credits do; what is unused of them first, and the rest as the command says."""

from datetime import UTC, datetime, timedelta

import pytest

from billing_core.domain.credits import (
    Account,
    AccountId,
    Adjust,
    Books,
    Capture,
    Convert,
    Forfeit,
    Grant,
    LotKind,
    Operation,
    PlaceHold,
    Refund,
    Release,
    Revoke,
    Shortfall,
    Spend,
    balance_at,
    change,
    decide,
    settle,
)
from billing_core.errors import Invalid, RevocationExceeded, UnknownLot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = AccountId("acme")
OWE, TAKE, FORGIVE = Shortfall.OWE, Shortfall.TAKE, Shortfall.FORGIVE


def grant(name, amount=10, **rest):
    return Grant(**{"account": ACME, "key": f"grant-{name}", "source": name, "amount": amount, **rest})


def spend(amount, name="spend"):
    return Spend(account=ACME, key=name, amount=amount)


def hold(amount):
    return PlaceHold(account=ACME, key="hold", amount=amount, expires_in=HOUR)


def release():
    return Release(account=ACME, key="release", hold=2)


def revoke(source="a", amount=None, shortfall=OWE, name="revoke", **rest):
    return Revoke(account=ACME, key=name, source=source, amount=amount, shortfall=shortfall, **rest)


def convert(source="a", **rest):
    return Convert(account=ACME, key="convert", source=source, **rest)


def after(*commands, account=None, now=NOW):
    account = account or Account(ACME)
    for command in commands:
        account = change(account, decide(account, command, now)).account
    return account


def moved(entry):
    return [(one.lot, one.source.value, one.target.value, one.amount) for one in entry.movements]


# What is unused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shortfall", Shortfall)
def test_what_nobody_used_goes_back_whatever_is_said_about_the_rest(shortfall):
    account = after(grant("a"), grant("b"))

    (entry,) = decide(account, revoke(shortfall=shortfall, reference="refund:1", reason="r", actor="ann"), NOW)

    assert (entry.operation, entry.of, entry.key) == (Operation.REVOKE, 1, "revoke")
    assert moved(entry) == [(1, "available", "revoked", 10)]
    assert (entry.amount, entry.change, entry.available_after, entry.owed_after) == (10, -10, 10, 0)
    assert (entry.reference, entry.reason, entry.actor) == ("refund:1", "r", "ann")


def test_a_part_goes_back_if_a_part_of_the_money_did():
    account = after(grant("a"), revoke(amount=4))

    assert account.books == Books(issued=-10, available=6, revoked=4)
    assert (account.lots[0].remaining, account.lots[0].revoked) == (6, 4)


def test_the_rest_may_follow_later():
    account = after(grant("a"), revoke(amount=4, name="one"), revoke(name="two"))

    assert account.books == Books(issued=-10, revoked=10)


def test_what_has_expired_goes_back_too():
    account = after(grant("a", expires_at=NOW + HOUR), spend(4))

    expired, entry = decide(account, revoke(amount=8), NOW + HOUR)

    assert expired.operation is Operation.EXPIRE
    assert moved(entry) == [(1, "expired", "revoked", 6), (1, "owed", "revoked", 2)]


def test_what_can_still_be_used_goes_back_before_what_has_expired():
    forfeit = Forfeit(account=ACME, key="forfeit", source="a")
    account = after(grant("a"), hold(5), forfeit, release())

    (entry,) = decide(account, revoke(amount=6), NOW)

    assert moved(entry) == [(1, "available", "revoked", 5), (1, "expired", "revoked", 1)]


def test_what_was_converted_goes_back_from_where_it_went():
    account = after(grant("a"), spend(3), convert())

    (entry,) = decide(account, revoke(amount=7), NOW)

    assert moved(entry) == [(3, "available", "revoked", 7)]
    assert entry.of == 1


def test_what_was_not_converted_goes_back_before_what_was():
    account = after(grant("a"), convert(most=4), revoke(amount=7))

    assert [(lot.remaining, lot.revoked) for lot in account.lots] == [(0, 6), (3, 1)]


def test_what_has_not_begun_goes_back_first():
    begins = NOW + HOUR
    account = after(grant("a", starts_at=begins))

    (entry,) = decide(account, revoke(amount=6), NOW)

    assert moved(entry) == [(1, "scheduled", "revoked", 6)]
    assert balance_at(after(revoke(amount=6), account=account), begins).available == 4


def test_other_lots_are_left_alone():
    account = after(grant("a"), grant("b"), revoke())

    assert {lot.source: lot.remaining for lot in account.lots} == {"a": 0, "b": 10}


def test_a_revocation_may_be_told_late_and_not_early():
    (entry,) = decide(after(grant("a")), revoke(effective_at=NOW - HOUR), NOW)

    assert (entry.effective_at, entry.recorded_at) == (NOW - HOUR, NOW)
    with pytest.raises(Invalid, match="effective_at must not lie in the future"):
        decide(after(grant("a")), revoke(effective_at=NOW + HOUR), NOW)


# What was used ------------------------------------------------------------------------------------------------------------


def test_what_was_spent_is_owed():
    account = after(grant("a"), spend(4), grant("b", 5))

    (entry,) = decide(account, revoke(), NOW)

    assert moved(entry) == [(1, "available", "revoked", 6), (1, "owed", "revoked", 4)]
    assert (entry.amount, entry.change, entry.available_after, entry.owed_after) == (10, -6, 5, 4)


def test_what_is_owed_is_repaid_by_the_next_credits():
    account = after(grant("a"), spend(10), revoke(), grant("b", 4))
    assert account.books == Books(issued=-14, consumed=10, revoked=10, owed=-6)

    (entry,) = decide(account, grant("c"), NOW)

    assert moved(entry) == [(5, "issued", "available", 10), (5, "available", "owed", 6)]
    assert (entry.amount, entry.change, entry.available_after, entry.owed_after) == (10, 4, 4, 0)
    assert [lot.owed for lot in after(grant("c"), account=account).lots] == [-10, 4, 6]


def test_an_adjustment_repays_what_is_owed_too():
    adjust = Adjust(account=ACME, key="adjust", amount=12, reason="sorry", actor="ann")

    account = after(grant("a"), spend(10), revoke(), adjust)

    assert (account.books.available, account.owes) == (2, 0)


def test_what_was_spent_is_taken_from_what_burns_first_of_the_rest():
    gift = grant("gift", 3, kind=LotKind.PROMOTIONAL)
    account = after(grant("a"), spend(8), grant("b"), gift)

    (entry,) = decide(account, revoke(shortfall=TAKE), NOW)

    assert moved(entry) == [
        (1, "available", "revoked", 2),
        (1, "owed", "revoked", 8),
        (4, "available", "owed", 3),
        (3, "available", "owed", 5),
    ]
    assert (entry.amount, entry.change, entry.owed_after) == (10, -10, 0)


def test_what_the_rest_does_not_suffice_for_is_owed():
    account = after(grant("a"), spend(10), grant("b", 4), revoke(shortfall=TAKE))

    assert account.books == Books(issued=-14, consumed=10, revoked=10, owed=-6)


def test_what_is_not_begun_or_held_is_not_taken():
    account = after(
        grant("a"), spend(10), grant("later", starts_at=NOW + HOUR), grant("b", 4), hold(4), revoke(shortfall=TAKE)
    )

    assert (account.books.scheduled, account.books.held, account.owes) == (10, 4, 10)


def test_nobody_asks_for_what_is_forgiven():
    account = after(grant("a"), spend(4), revoke(shortfall=FORGIVE))

    assert account.books == Books(issued=-10, consumed=4, revoked=6)


def test_what_is_all_spent_can_be_forgiven():
    (entry,) = decide(after(grant("a"), spend(10)), revoke(shortfall=FORGIVE), NOW)

    assert (entry.movements, entry.amount, entry.of) == ((), 0, 1)


def test_what_was_forgiven_may_be_asked_for_later():
    account = after(grant("a"), spend(4), revoke(shortfall=FORGIVE, name="one"), revoke(name="two"))

    assert account.books == Books(issued=-10, consumed=4, revoked=10, owed=-4)


def test_what_repaid_a_debt_counts_as_used():
    account = after(grant("a"), spend(10), revoke(), grant("b"), revoke("b", name="two"))

    assert (account.books.available, account.owes) == (0, 10)
    assert [lot.owed for lot in account.lots] == [-10, 0]


# What was converted and used ----------------------------------------------------------------------------------------------


def test_what_was_used_is_owed_for_the_lot_that_it_was_used_from():
    account = after(grant("a"), spend(3, "one"), convert(), spend(5, "two"))

    (entry,) = decide(account, revoke(), NOW)

    assert moved(entry) == [(3, "available", "revoked", 2), (3, "owed", "revoked", 5), (1, "owed", "revoked", 3)]


def test_nothing_is_owed_for_the_lot_of_which_everything_went_back():
    account = after(grant("a"), spend(4), convert())

    (entry,) = decide(account, revoke(), NOW)

    assert moved(entry) == [(3, "available", "revoked", 6), (1, "owed", "revoked", 4)]


@pytest.mark.parametrize(("number", "amount"), [(2, 3), (4, 7)])
def test_what_comes_back_to_a_lot_or_to_what_it_became_repays_what_is_owed_for_it(number, amount):
    account = after(grant("a"), spend(3, "one"), convert(), spend(7, "two"), revoke())

    account = after(Refund(account=ACME, key="refund", spend=number), account=account)

    assert (account.books.available, account.owes) == (0, 10 - amount)


# What is held -------------------------------------------------------------------------------------------------------------


def test_what_is_held_counts_as_used_and_repays_what_is_owed_when_it_comes_back():
    account = after(grant("a"), hold(6), revoke())
    assert account.books == Books(issued=-10, held=6, revoked=10, owed=-6)

    (entry,) = decide(account, release(), NOW)

    assert moved(entry) == [(1, "held", "owed", 6)]
    assert (entry.amount, entry.change, entry.owed_after) == (6, 0, 0)


def test_what_is_held_can_still_be_captured_and_stays_owed():
    account = after(grant("a"), hold(6), revoke(), Capture(account=ACME, key="capture", hold=2, amount=4))

    assert account.books == Books(issued=-10, consumed=4, revoked=10, owed=-4)


def test_a_hold_that_times_out_repays_as_well():
    account = after(grant("a"), hold(6), revoke())

    assert (balance_at(account, NOW + HOUR).available, balance_at(account, NOW + HOUR).owed) == (0, 0)


def test_what_comes_back_to_several_lots_repays_no_more_than_is_owed():
    account = after(grant("a", 5), grant("b", 5), hold(10), revoke("a", name="one"), revoke("b", name="two"), grant("c", 4))

    (entry,) = decide(account, Release(account=ACME, key="release", hold=3), NOW)

    assert moved(entry) == [(1, "held", "owed", 5), (2, "held", "owed", 1), (2, "held", "available", 4)]


def test_what_comes_back_after_the_debt_was_repaid_is_available():
    account = after(grant("a"), hold(6), revoke(), grant("b", 4), release())

    assert (account.books.available, account.owes) == (4, 0)
    assert {lot.source: lot.remaining for lot in account.lots} == {"a": 4, "b": 0}


def test_what_comes_back_after_the_debt_was_repaid_and_the_end_of_the_lot_is_lost():
    account = after(grant("a", expires_at=NOW + HOUR / 2), hold(6), revoke(), grant("b", 4))

    (timed_out,) = settle(account, NOW + HOUR)

    assert moved(timed_out) == [(1, "held", "owed", 2), (1, "held", "expired", 4)]


def test_a_refund_repays_what_is_owed_and_the_rest_comes_back():
    account = after(grant("a"), spend(10), revoke(), grant("b", 3), Refund(account=ACME, key="refund", spend=2))

    assert (account.books.available, account.owes) == (3, 0)


# What is refused ----------------------------------------------------------------------------------------------------------


def test_a_lot_that_nobody_granted_cannot_be_clawed_back():
    with pytest.raises(UnknownLot) as refusal:
        decide(after(grant("a")), revoke("b"), NOW)

    assert (refusal.value.account, refusal.value.source) == ("acme", "b")


@pytest.mark.parametrize(
    ("before", "asked", "requested", "left"),
    [([], 11, 11, 10), ([revoke(amount=4, name="one")], 7, 7, 6), ([revoke(name="one")], None, 10, 0)],
)
def test_no_more_goes_back_than_is_left_of_what_came(before, asked, requested, left):
    account = after(grant("a"), *before)

    with pytest.raises(RevocationExceeded) as refusal:
        decide(account, revoke(amount=asked), NOW)

    error = refusal.value
    assert (error.account, error.source, error.requested, error.left) == ("acme", "a", requested, left)


def test_what_a_conversion_took_over_counts_once():
    account = after(grant("a"), convert(), revoke(amount=8, name="one"))

    with pytest.raises(RevocationExceeded, match="3 credits to be clawed back, a has 2 left"):
        decide(account, revoke(amount=3), NOW)


def test_the_same_revocation_again_does_nothing_more():
    assert decide(after(grant("a"), revoke()), revoke(), NOW + HOUR) == ()
