"""Restorations: the money did not go back after all, so a revocation is undone, whatever happened since."""

from datetime import UTC, datetime, timedelta

import pytest

from billing_core.domain.credits import (
    Account,
    AccountId,
    Books,
    Convert,
    Expire,
    Grant,
    Operation,
    PlaceHold,
    Refund,
    Restore,
    Revoke,
    Shortfall,
    Spend,
    change,
    decide,
)
from billing_core.errors import AlreadyRestored, Invalid, UnknownEntry

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = AccountId("acme")
OWE, TAKE = Shortfall.OWE, Shortfall.TAKE


def grant(name, amount=10, **rest):
    return Grant(**{"account": ACME, "key": f"grant-{name}", "source": name, "amount": amount, **rest})


def spend(amount, name="spend"):
    return Spend(account=ACME, key=name, amount=amount)


def revoke(source="a", amount=None, shortfall=OWE, **rest):
    return Revoke(account=ACME, key=f"revoke-{source}", source=source, amount=amount, shortfall=shortfall, **rest)


def restore(revocation=2, name="restore", **rest):
    return Restore(account=ACME, key=name, revocation=revocation, **rest)


def after(*commands, account=None, now=NOW):
    account = account or Account(ACME)
    for command in commands:
        account = change(account, decide(account, command, now)).account
    return account


def figures(account):
    """Return what a lot has in each of its figures, by its source."""
    names = ("remaining", "held", "expired", "scheduled", "revoked", "owed")
    return {lot.source: {name: getattr(lot, name) for name in names if getattr(lot, name)} for lot in account.lots}


def moved(entry):
    return [(one.lot, one.source.value, one.target.value, one.amount) for one in entry.movements]


# At once ------------------------------------------------------------------------------------------------------------------


def test_what_went_back_comes_back():
    account = after(grant("a"), revoke())

    (entry,) = decide(account, restore(reference="dispute:1", reason="won", actor="ann"), NOW + HOUR)

    assert (entry.operation, entry.of, entry.key) == (Operation.RESTORE, 2, "restore")
    assert moved(entry) == [(1, "revoked", "available", 10)]
    assert (entry.amount, entry.change, entry.available_after, entry.owed_after) == (10, 10, 10, 0)
    assert (entry.reference, entry.reason, entry.actor) == ("dispute:1", "won", "ann")


@pytest.mark.parametrize("shortfall", Shortfall)
def test_at_once_everything_is_as_it_was(shortfall):
    before = after(grant("a"), spend(7), grant("b", 4), grant("gift", 2, starts_at=NOW + HOUR))

    account = after(revoke(shortfall=shortfall), restore(5), account=before)

    assert (account.books, account.lots) == (before.books, before.lots)


def test_what_was_owed_is_owed_no_more():
    account = after(grant("a"), spend(10), revoke())

    (entry,) = decide(account, restore(3), NOW)

    assert moved(entry) == [(1, "revoked", "owed", 10)]
    assert (entry.amount, entry.change, entry.owed_after) == (10, 0, 0)


def test_what_was_taken_comes_back_to_where_it_was_taken_from():
    account = after(grant("a"), spend(8), grant("b", 5), grant("c"), revoke(shortfall=TAKE))

    (entry,) = decide(account, restore(5), NOW)

    assert moved(entry) == [
        (1, "revoked", "owed", 8),
        (1, "revoked", "available", 2),
        (4, "owed", "available", 3),
        (3, "owed", "available", 5),
    ]


def test_what_was_converted_comes_back_to_what_it_became():
    account = after(grant("a"), Convert(account=ACME, key="convert", source="a"), spend(4), revoke())

    account = after(restore(4), account=account)

    assert figures(account) == {"a": {}, "convert:a": {"remaining": 6}}


# Later --------------------------------------------------------------------------------------------------------------------


def test_what_would_have_expired_meanwhile_is_expired():
    account = after(grant("a", expires_at=NOW + HOUR), revoke())

    (entry,) = decide(account, restore(), NOW + HOUR)

    assert moved(entry) == [(1, "revoked", "expired", 10)]
    assert (entry.amount, entry.change) == (10, 0)


def test_what_had_expired_before_stays_expired():
    account = after(revoke(), account=after(grant("a", expires_at=NOW + HOUR)), now=NOW + HOUR)

    assert figures(after(restore(3), account=account, now=NOW + HOUR)) == {"a": {"expired": 10}}


def test_what_had_been_taken_from_a_lot_that_has_expired_since_is_lost():
    account = after(grant("a"), spend(10), grant("b", 6, expires_at=NOW + HOUR), revoke(shortfall=TAKE))

    (entry,) = decide(account, restore(4), NOW + HOUR)

    assert moved(entry) == [(1, "revoked", "owed", 10), (3, "owed", "expired", 6)]


def test_what_repaid_the_debt_from_a_lot_that_has_expired_since_is_lost():
    account = after(grant("a"), spend(10), revoke(), grant("b", 6, expires_at=NOW + HOUR))

    account = after(restore(3), account=account, now=NOW + HOUR)

    assert figures(account) == {"a": {}, "b": {"expired": 6}}


def test_what_has_not_begun_yet_is_scheduled_again():
    before = after(grant("a", starts_at=NOW + HOUR))

    assert after(revoke(), restore(), account=before).lots == before.lots


@pytest.mark.parametrize(
    ("pause", "home"), [(HOUR, "available"), (2 * HOUR - timedelta(microseconds=1), "available"), (2 * HOUR, "expired")]
)
def test_what_would_have_begun_meanwhile_is_where_it_would_be(pause, home):
    account = after(grant("a", starts_at=NOW + HOUR, expires_at=NOW + 2 * HOUR), revoke())

    *_, entry = decide(account, restore(), NOW + pause)

    assert moved(entry) == [(1, "revoked", home, 10)]


# After the debt was repaid ------------------------------------------------------------------------------------------------


def test_what_repaid_the_debt_comes_back():
    account = after(grant("a"), spend(10), revoke(), grant("b", 4), grant("c"))

    (entry,) = decide(account, restore(3), NOW)

    assert moved(entry) == [(1, "revoked", "owed", 10), (5, "owed", "available", 6), (4, "owed", "available", 4)]
    assert (entry.amount, entry.change, entry.available_after, entry.owed_after) == (10, 10, 14, 0)


def test_what_repaid_a_part_comes_back_while_the_rest_is_forgotten():
    account = after(grant("a"), spend(10), revoke(), grant("b", 4), restore(3))

    assert account.books == Books(issued=-14, available=4, consumed=10)
    assert figures(account) == {"a": {}, "b": {"remaining": 4}}


def test_what_repaid_stays_as_far_as_another_debt_needs_it():
    spent = (grant("a"), grant("b", 5), spend(15), revoke("a"), revoke("b"), grant("c", 7))
    account = after(*spent)
    assert (account.books.available, account.owes) == (0, 8)

    account = after(restore(4), account=account)

    assert (account.books.available, account.owes) == (2, 0)
    assert figures(account) == {"a": {}, "b": {"revoked": 5, "owed": -5}, "c": {"remaining": 2, "owed": 5}}


def test_the_last_to_repay_is_the_first_to_get_it_back():
    account = after(grant("a"), grant("b", 5), spend(15), revoke("a"), revoke("b"), grant("c", 9), grant("d", 6))

    account = after(restore(5), account=account)

    assert figures(account) == {
        "a": {"revoked": 10, "owed": -10},
        "b": {},
        "c": {"owed": 9},
        "d": {"remaining": 5, "owed": 1},
    }
    assert (account.books.available, account.owes) == (5, 0)


def test_what_was_taken_comes_back_whatever_else_is_owed():
    before = after(grant("a"), grant("b", 5), grant("c"), spend(15), revoke("a"))
    assert (before.books.available, before.owes) == (10, 10)

    account = after(revoke("b", shortfall=TAKE), restore(6), account=before)

    assert (account.books, account.lots) == (before.books, before.lots)


def test_what_was_taken_comes_back_once_and_what_repaid_the_rest_keeps_repaying_another_debt():
    later = grant("later", 20, starts_at=NOW + HOUR)
    account = after(grant("a"), grant("d", 5), later, spend(15), grant("b", 4), revoke("a", shortfall=TAKE), revoke("d"))
    account = after(Expire(account=ACME), account=account, now=NOW + HOUR)
    assert (account.books.available, account.owes) == (9, 0)

    (entry,) = decide(account, restore(6), NOW + HOUR)

    assert moved(entry) == [(1, "revoked", "owed", 10), (5, "owed", "available", 4), (3, "owed", "available", 6)]
    assert figures(after(restore(6), account=account, now=NOW + HOUR))["later"] == {"remaining": 15, "owed": 5}


def test_what_was_taken_from_a_lot_that_was_clawed_back_since_does_not_come_back():
    account = after(grant("a"), spend(10), grant("b", 6), revoke("a", shortfall=TAKE), revoke("b"))
    assert (account.books.available, account.owes) == (0, 10)

    (entry,) = decide(account, restore(4), NOW)

    assert moved(entry) == [(1, "revoked", "owed", 10)]
    assert figures(after(restore(4), account=account)) == {"a": {}, "b": {"revoked": 6}}


def test_what_was_clawed_back_of_a_lot_that_had_repaid_is_undone_in_any_order():
    before = after(grant("a"), spend(10), grant("b", 6))
    account = after(revoke("a", shortfall=TAKE), revoke("b"), account=before)

    one = after(restore(4), restore(5, "other"), account=account)
    other = after(restore(5, "other"), restore(4), account=account)

    assert one.books == other.books == before.books
    assert one.lots == other.lots == before.lots


def test_a_refund_that_repaid_the_debt_comes_back_as_well():
    account = after(grant("a"), spend(10), revoke(), Refund(account=ACME, key="refund", spend=2, amount=4))
    assert (account.books.available, account.owes) == (0, 6)

    account = after(restore(3), account=account)

    assert account.books == Books(issued=-10, available=4, consumed=6)
    assert figures(account) == {"a": {"remaining": 4}}


def test_revocations_of_one_lot_are_undone_in_any_order():
    one = after(grant("a"), spend(5), revoke(amount=4), Revoke(account=ACME, key="two", source="a"))

    first = after(restore(3), restore(4, "other"), account=one)
    second = after(restore(4, "other"), restore(3), account=one)

    assert first.books == second.books == Books(issued=-10, available=5, consumed=5)
    assert first.lots == second.lots


def test_what_was_undone_can_be_clawed_back_again():
    again = Revoke(account=ACME, key="again", source="a")

    account = after(grant("a"), spend(4), revoke(), restore(3), again)

    assert account.books == Books(issued=-10, consumed=4, revoked=10, owed=-4)


def test_what_is_restored_can_be_held_and_spent():
    hold = PlaceHold(account=ACME, key="hold", amount=4, expires_in=HOUR)

    account = after(grant("a"), revoke(), restore(), hold, spend(6))

    assert account.books == Books(issued=-10, held=4, consumed=6)


# What is refused ----------------------------------------------------------------------------------------------------------


def test_a_revocation_is_undone_once():
    account = after(grant("a"), revoke(), restore())

    with pytest.raises(AlreadyRestored) as refusal:
        decide(account, restore(name="again"), NOW)

    error = refusal.value
    assert (error.account, error.revocation, error.seq) == ("acme", 2, 3)


@pytest.mark.parametrize(("number", "kind"), [(1, "grant"), (3, "restore"), (4, "spend")])
def test_only_a_revocation_is_undone(number, kind):
    account = after(grant("a"), revoke(), restore(), spend(1))

    with pytest.raises(Invalid, match=f"revocation must be the number of a revocation, and {number} is a {kind}"):
        decide(account, restore(number, "another"), NOW)


def test_an_entry_that_is_not_there_is_not_undone():
    with pytest.raises(UnknownEntry) as refusal:
        decide(after(grant("a"), revoke()), restore(3), NOW)

    assert (refusal.value.account, refusal.value.seq) == ("acme", 3)


def test_it_may_be_told_late_and_not_early():
    account = after(grant("a"), revoke())

    (entry,) = decide(account, restore(effective_at=NOW - HOUR), NOW)

    assert (entry.effective_at, entry.recorded_at) == (NOW - HOUR, NOW)
    with pytest.raises(Invalid, match="effective_at must not lie in the future"):
        decide(account, restore(effective_at=NOW + HOUR), NOW)


def test_the_same_restoration_again_does_nothing_more():
    assert decide(after(grant("a"), revoke(), restore()), restore(), NOW + HOUR) == ()
