"""Decisions of the ledger, one command at a time: grant, spend, expire. Conversions have their own page."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from billing_core.domain.credits import (
    MAX_AMOUNT,
    PRIORITIES,
    Account,
    AccountId,
    Book,
    Books,
    Expire,
    Grant,
    LotKind,
    Movement,
    Operation,
    Spend,
    change,
    decide,
    evolve,
    settle,
)
from billing_core.domain.money import Money
from billing_core.errors import AlreadyGranted, InsufficientCredits, Invalid, KeyReused

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = AccountId("acme")
EMPTY = Account(ACME)


def grant(name, amount=10, **rest):
    return Grant(**{"account": ACME, "key": f"grant-{name}", "source": name, "amount": amount, **rest})


def spend(name, amount, **rest):
    return Spend(account=ACME, key=f"spend-{name}", amount=amount, **rest)


def after(*commands, account=EMPTY, now=NOW):
    for command in commands:
        account = change(account, decide(account, command, now)).account
    return account


def left(account):
    """Return what remains of each lot, by its source."""
    return {lot.source: lot.remaining for lot in account.lots}


# Grants -------------------------------------------------------------------------------------------------------------------


def test_a_grant_opens_a_lot_with_its_terms():
    cost, ends = Money(900, "usd"), NOW + HOUR
    command = grant(
        "a", 10, kind=LotKind.SUBSCRIPTION, expires_at=ends, cost=cost, reference="r", reason="why", actor="who"
    )

    (entry,) = decide(EMPTY, command, NOW)

    assert (entry.seq, entry.operation, entry.amount, entry.change) == (1, Operation.GRANT, 10, 10)
    assert (entry.available_after, entry.held_after, entry.key) == (10, 0, "grant-a")
    assert (entry.reference, entry.reason, entry.actor) == ("r", "why", "who")
    assert (entry.effective_at, entry.recorded_at) == (NOW, NOW)
    assert entry.movements == (Movement(1, Book.ISSUED, Book.AVAILABLE, 10),)
    assert (entry.opened.kind, entry.opened.priority, entry.opened.amount) == (LotKind.SUBSCRIPTION, 20, 10)
    assert (entry.opened.expires_at, entry.opened.cost, entry.opened.source) == (ends, cost, "a")
    assert (entry.opened.number, entry.opened.reference, entry.opened.remaining) == (1, "r", 0)


@pytest.mark.parametrize("kind", LotKind)
def test_a_lot_has_the_priority_of_its_kind_unless_it_is_given_another(kind):
    account = after(grant("a", kind=kind), grant("b", kind=kind, priority=0))

    assert [lot.priority for lot in account.lots] == [PRIORITIES[kind], 0]


def test_a_source_grants_once_under_whatever_key():
    account = after(grant("a"))

    with pytest.raises(AlreadyGranted) as refusal:
        decide(account, grant("a", key="another"), NOW)

    assert (refusal.value.account, refusal.value.source, refusal.value.seq) == ("acme", "a", 1)


def test_a_grant_may_take_effect_in_the_past():
    (entry,) = decide(EMPTY, grant("a", effective_at=NOW - HOUR), NOW)

    assert (entry.effective_at, entry.recorded_at, entry.opened.effective_at) == (NOW - HOUR, NOW, NOW - HOUR)


def test_a_grant_cannot_take_effect_in_the_future():
    with pytest.raises(Invalid, match="effective_at must not lie in the future"):
        decide(EMPTY, grant("a", effective_at=NOW + HOUR), NOW)


@pytest.mark.parametrize("expires_at", [NOW - HOUR, NOW])
def test_a_grant_cannot_expire_before_it_takes_effect(expires_at):
    with pytest.raises(Invalid, match="expires_at must be later"):
        decide(EMPTY, grant("a", expires_at=expires_at), NOW)


def test_late_news_may_grant_what_has_expired_since():
    command = grant("a", effective_at=NOW - 3 * HOUR, expires_at=NOW - HOUR)

    granted, expired = decide(EMPTY, command, NOW)

    assert (granted.operation, expired.operation) == (Operation.GRANT, Operation.EXPIRE)
    assert (expired.effective_at, expired.recorded_at, expired.available_after) == (NOW - HOUR, NOW, 0)


def test_the_books_never_grow_beyond_what_a_database_holds():
    full = 2**63 - 1
    account = attrs.evolve(EMPTY, books=Books(issued=-full + 5, consumed=full - 5))

    assert after(grant("a", 5), account=account).books.issued == -full
    with pytest.raises(Invalid, match="amount would take the credits ever issued to acme beyond"):
        decide(account, grant("a", 6), NOW)


def test_the_largest_amount_can_be_granted_again_and_again():
    assert after(*(grant(str(number), MAX_AMOUNT) for number in range(3))).books.available == 3 * MAX_AMOUNT


# Spends -------------------------------------------------------------------------------------------------------------------


def test_a_spend_takes_from_several_lots_in_the_order_in_which_they_burn():
    account = after(
        grant("pack"),
        grant("plan", kind=LotKind.SUBSCRIPTION, expires_at=NOW + HOUR),
        grant("gift", kind=LotKind.PROMOTIONAL),
    )

    (entry,) = decide(account, spend("a", 25), NOW)

    assert [(one.lot, one.amount) for one in entry.movements] == [(3, 10), (2, 10), (1, 5)]
    assert {(one.source, one.target) for one in entry.movements} == {(Book.AVAILABLE, Book.CONSUMED)}
    assert (entry.amount, entry.change, entry.available_after) == (25, -25, 5)


def test_a_spend_leaves_alone_the_lots_that_it_does_not_need():
    account = after(grant("a"), grant("b"), spend("a", 10))

    assert left(account) == {"a": 0, "b": 10}


def test_everything_can_be_spent():
    assert after(grant("a"), spend("a", 10)).books == Books(issued=-10, consumed=10)


def test_more_than_everything_cannot():
    with pytest.raises(InsufficientCredits) as refusal:
        decide(after(grant("a")), spend("a", 11), NOW)

    assert (refusal.value.account, refusal.value.requested, refusal.value.available) == ("acme", 11, 10)


def test_a_spend_of_nothing_is_written_down():
    (entry,) = decide(EMPTY, spend("a", 0), NOW)

    assert (entry.operation, entry.movements, entry.amount, entry.change) == (Operation.SPEND, (), 0, 0)


def test_what_has_expired_cannot_be_spent():
    account = after(grant("a", expires_at=NOW + HOUR))

    with pytest.raises(InsufficientCredits, match="5 credits requested, 0 available"):
        decide(account, spend("a", 5), NOW + HOUR)


def test_what_expires_later_can_be_spent_until_then():
    account = after(grant("a", expires_at=NOW + HOUR))

    assert after(spend("a", 10), account=account, now=NOW + HOUR - timedelta(microseconds=1)).books.available == 0


def test_a_spend_first_settles_what_fell_due():
    account = after(grant("a", expires_at=NOW + HOUR), grant("b"))

    settled, spent = decide(account, spend("a", 4), NOW + 2 * HOUR)

    assert (settled.operation, settled.effective_at, settled.recorded_at) == (Operation.EXPIRE, NOW + HOUR, NOW + 2 * HOUR)
    assert [(one.lot, one.amount) for one in spent.movements] == [(2, 4)]


# Keys ---------------------------------------------------------------------------------------------------------------------


def test_the_same_command_again_does_nothing_more():
    account = after(grant("a"), spend("a", 4))

    assert decide(account, spend("a", 4), NOW + HOUR) == ()
    assert decide(account, grant("a"), NOW + HOUR) == ()


def test_the_same_command_again_does_nothing_more_even_when_something_fell_due():
    account = after(grant("a", expires_at=NOW + HOUR))

    assert decide(account, grant("a", expires_at=NOW + HOUR), NOW + 2 * HOUR) == ()


def test_another_command_under_the_same_key_is_refused():
    account = after(grant("a"), spend("a", 4))

    with pytest.raises(KeyReused) as refusal:
        decide(account, spend("a", 5), NOW)

    assert (refusal.value.account, refusal.value.key) == ("acme", "spend-a")


def test_a_refusal_uses_up_no_key():
    account = after(grant("a"))
    with pytest.raises(InsufficientCredits):
        decide(account, spend("a", 15), NOW)

    assert after(grant("b"), spend("a", 15), account=account).books.available == 5


def test_the_result_is_found_under_its_key():
    account = after(grant("a"), spend("a", 4))

    assert account.recorded["spend-a"].amount == 4


def test_a_command_for_another_account_is_refused():
    with pytest.raises(Invalid, match="account"):
        decide(after(grant("a")), Spend(account=AccountId("globex"), key="k", amount=1), NOW)


# Expiry -------------------------------------------------------------------------------------------------------------------


def test_nothing_is_written_when_nothing_fell_due():
    assert decide(after(grant("a", expires_at=NOW + HOUR)), Expire(account=ACME), NOW) == ()


def test_each_lot_expires_at_its_own_due_time_in_order():
    account = after(grant("a", expires_at=NOW + 2 * HOUR), grant("b", expires_at=NOW + HOUR), grant("c"))

    entries = decide(account, Expire(account=ACME), NOW + 3 * HOUR)

    assert [(one.effective_at, one.movements[0].lot) for one in entries] == [(NOW + HOUR, 2), (NOW + 2 * HOUR, 1)]
    assert [one.seq for one in entries] == [4, 5]
    assert {one.key for one in entries} == {None}


def test_lots_that_expire_together_do_so_by_number():
    account = after(*(grant(name, expires_at=NOW + HOUR) for name in "abc"))

    assert [one.movements[0].lot for one in settle(account, NOW + HOUR)] == [1, 2, 3]


def test_only_what_is_left_of_a_lot_expires():
    account = after(grant("a", expires_at=NOW + HOUR), spend("a", 7))

    (entry,) = settle(account, NOW + HOUR)

    assert (entry.amount, entry.available_after) == (3, 0)


def test_a_lot_that_was_spent_does_not_expire():
    assert settle(after(grant("a", expires_at=NOW + HOUR), spend("a", 10)), NOW + HOUR) == ()


def test_a_lot_expires_once():
    account = after(grant("a", expires_at=NOW + HOUR))

    settled = after(Expire(account=ACME), account=account, now=NOW + HOUR)

    assert settle(settled, NOW + 2 * HOUR) == ()


# Time ---------------------------------------------------------------------------------------------------------------------


def test_a_clock_that_goes_back_writes_nothing_earlier_than_what_stands_there():
    account = after(grant("a"), now=NOW + HOUR)

    (entry,) = decide(account, spend("a", 1), NOW)

    assert (entry.effective_at, entry.recorded_at) == (NOW + HOUR, NOW + HOUR)


def test_a_naive_now_is_refused():
    with pytest.raises(Invalid, match="must be aware"):
        decide(EMPTY, spend("a", 0), datetime(2026, 1, 1))  # noqa: DTZ001 - the refusal is the claim


# What must be written -----------------------------------------------------------------------------------------------------


def test_a_change_tells_opened_lots_from_touched_ones():
    account = after(grant("a", expires_at=NOW + HOUR), grant("b"), grant("c"))

    decided = change(account, decide(account, grant("d"), NOW + HOUR))

    assert (decided.expected_version, decided.account.version) == (3, 5)
    assert [(lot.source, lot.remaining) for lot in decided.opened] == [("d", 10)]
    assert [(lot.source, lot.remaining, lot.expired) for lot in decided.touched] == [("a", 0, 10)]


def test_a_lot_that_expires_as_soon_as_it_is_granted_is_opened_and_not_touched():
    command = grant("a", effective_at=NOW - 2 * HOUR, expires_at=NOW - HOUR)

    decided = change(EMPTY, decide(EMPTY, command, NOW))

    assert [(lot.remaining, lot.expired) for lot in decided.opened] == [(0, 10)]
    assert decided.touched == ()


def test_deciding_changes_nothing_by_itself():
    account = after(grant("a", expires_at=NOW + HOUR))
    before = repr(account)

    decide(account, grant("b"), NOW + HOUR)

    assert repr(account) == before


def test_an_entry_that_follows_is_applied_to_books_lots_and_keys():
    (entry,) = decide(EMPTY, grant("a"), NOW)

    account = evolve(EMPTY, entry)

    assert (account.version, account.recorded_at, account.recorded) == (1, NOW, {"grant-a": entry})
    assert account.books == Books(issued=-10, available=10)
    assert left(account) == {"a": 10}
