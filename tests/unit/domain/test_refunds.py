"""Refunds: credits that work consumed in vain go back to the lots that they came from, each once."""

from datetime import UTC, datetime, timedelta

import pytest

from billing_core.domain.credits import (
    Account,
    AccountId,
    Book,
    Books,
    Capture,
    Convert,
    Grant,
    LotKind,
    Movement,
    Operation,
    PlaceHold,
    Refund,
    Revoke,
    Spend,
    balance_at,
    change,
    decide,
)
from billing_core.domain.money import Money
from billing_core.errors import Invalid, RefundExceeded, UnknownEntry

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = AccountId("acme")


def grant(name, amount=10, **rest):
    return Grant(**{"account": ACME, "key": f"grant-{name}", "source": name, "amount": amount, **rest})


def gift(name="gift", amount=10, **rest):
    return grant(name, amount, kind=LotKind.PROMOTIONAL, **rest)


def spend(amount, name="spend"):
    return Spend(account=ACME, key=name, amount=amount)


def refund(spend=3, amount=None, name="refund", **rest):
    return Refund(account=ACME, key=name, spend=spend, amount=amount, **rest)


def after(*commands, account=None, now=NOW):
    account = account or Account(ACME)
    for command in commands:
        account = change(account, decide(account, command, now)).account
    return account


def left(account):
    return {lot.source: lot.remaining for lot in account.lots}


def moved(entry):
    return [(one.lot, one.source.value, one.target.value, one.amount) for one in entry.movements]


@pytest.fixture
def spent():
    """Return an account that spent, as entry 3, 10 credits of a gift and then 5 of a pack."""
    return after(grant("pack"), gift(), spend(15))


# What comes back ----------------------------------------------------------------------------------------------------------


def test_what_burned_last_comes_back_first(spent):
    (entry,) = decide(spent, refund(amount=7, reference="job:1", reason="it failed", actor="ann"), NOW + HOUR)

    assert (entry.seq, entry.operation, entry.of, entry.key) == (4, Operation.REFUND, 3, "refund")
    assert moved(entry) == [(1, "consumed", "available", 5), (2, "consumed", "available", 2)]
    assert (entry.amount, entry.change, entry.available_after) == (7, 7, 12)
    assert (entry.effective_at, entry.recorded_at) == (NOW + HOUR, NOW + HOUR)
    assert (entry.reference, entry.reason, entry.actor, entry.opened) == ("job:1", "it failed", "ann", None)


def test_a_refund_of_everything_leaves_everything_as_it_was(spent):
    account = after(refund(), account=spent)

    assert account.books == Books(issued=-20, available=20)
    assert left(account) == {"pack": 10, "gift": 10}


def test_the_next_refund_goes_on_where_the_last_one_stopped(spent):
    account = after(refund(amount=2, name="one"), refund(amount=5, name="two"), account=spent)
    assert left(account) == {"pack": 10, "gift": 2}

    (entry,) = decide(account, refund(), NOW)

    assert moved(entry) == [(2, "consumed", "available", 8)]


def test_what_came_back_can_be_spent_and_refunded_again(spent):
    account = after(refund(), spend(20, "again"), refund(spend=5, name="refund-again"), account=spent)

    assert account.books == Books(issued=-20, available=20)


def test_refunds_of_one_spend_leave_the_others_alone():
    account = after(grant("pack"), spend(4, "one"), spend(5, "two"), refund(spend=2))

    (entry,) = decide(account, refund(spend=3, name="another"), NOW)

    assert entry.amount == 5


def test_a_capture_is_refunded_without_what_had_returned():
    hold = PlaceHold(account=ACME, key="hold", amount=8, expires_in=HOUR)
    account = after(grant("pack", 5), gift(amount=5), hold, Capture(account=ACME, key="capture", hold=3, amount=6))

    (entry,) = decide(account, refund(spend=4), NOW)

    assert moved(entry) == [(1, "consumed", "available", 1), (2, "consumed", "available", 5)]


def test_what_was_spent_before_a_conversion_comes_back_to_the_lot_that_was_converted():
    convert = Convert(account=ACME, key="convert", source="pack")

    account = after(grant("pack"), spend(4), convert, refund(spend=2))

    assert left(account) == {"pack": 4, "convert:pack": 6}


def test_credits_of_a_lot_that_nobody_clawed_back_repay_nothing():
    revoke = Revoke(account=ACME, key="revoke", source="gift")

    account = after(revoke, refund(amount=5), account=after(grant("pack"), gift(), spend(15)))

    assert (account.books.available, account.owes) == (10, 10)


# What has expired meanwhile -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [timedelta(), HOUR])
def test_what_has_expired_meanwhile_expires_at_once(late):
    account = after(grant("pack"), gift(expires_at=NOW + HOUR), spend(15))

    (entry,) = decide(account, refund(), NOW + HOUR + late)

    assert moved(entry) == [(1, "consumed", "available", 5), (2, "consumed", "expired", 10)]
    assert (entry.amount, entry.change, entry.opened) == (15, 5, None)


def test_what_has_not_yet_expired_comes_back_until_it_does():
    account = after(gift(expires_at=NOW + HOUR), spend(10))

    account = after(refund(spend=2), account=account, now=NOW + HOUR - timedelta(microseconds=1))

    assert account.books.available == 10
    assert balance_at(account, NOW + HOUR).available == 0


def test_with_grace_it_comes_back_in_a_lot_of_its_own():
    cost = Money(999, "usd")
    lapsed = gift(amount=7, priority=5, expires_at=NOW + HOUR, reference="campaign:1", cost=cost)
    account = after(grant("pack"), lapsed, spend(9))

    (entry,) = decide(account, refund(amount=5, grace=24 * HOUR), NOW + 2 * HOUR)

    assert entry.movements == (
        Movement(1, Book.CONSUMED, Book.AVAILABLE, 2),
        Movement(2, Book.CONSUMED, Book.ISSUED, 3),
        Movement(4, Book.ISSUED, Book.AVAILABLE, 3),
    )
    assert (entry.amount, entry.change, entry.of, entry.key) == (5, 5, 3, "refund")
    assert (entry.effective_at, entry.recorded_at) == (NOW + 2 * HOUR, NOW + 2 * HOUR)
    lot = entry.opened
    assert (lot.number, lot.amount, lot.kind, lot.priority) == (4, 3, LotKind.PROMOTIONAL, 5)
    assert (lot.effective_at, lot.expires_at) == (NOW + 2 * HOUR, NOW + 26 * HOUR)
    assert (lot.source, lot.reference, lot.cost) == ("refund:refund", "campaign:1", Money(428, "usd"))  # 999 * 3 / 7


def test_what_comes_back_comes_back_in_one_order_with_grace_or_without():
    lapsed = grant("lapsed", 4, priority=99, expires_at=NOW + HOUR)
    account = after(grant("pack"), lapsed, spend(14))

    (with_grace,) = decide(account, refund(grace=HOUR), NOW + HOUR)
    (without,) = decide(account, refund(), NOW + HOUR)

    assert moved(without) == [(2, "consumed", "expired", 4), (1, "consumed", "available", 10)]
    assert moved(with_grace) == [
        (2, "consumed", "issued", 4),
        (1, "consumed", "available", 10),
        (4, "issued", "available", 4),
    ]


def test_a_graced_refund_issues_nothing_on_top():
    account = after(gift(expires_at=NOW + HOUR), spend(10))

    account = after(refund(spend=2, amount=4, grace=HOUR), account=account, now=NOW + HOUR)

    assert account.books == Books(issued=-10, available=4, consumed=6)
    assert balance_at(account, NOW + 2 * HOUR).available == 0


def test_a_graced_refund_is_one_refund_among_others():
    account = after(gift(expires_at=NOW + HOUR), spend(10))
    account = after(refund(spend=2, amount=4, grace=HOUR), account=account, now=NOW + HOUR)

    with pytest.raises(RefundExceeded, match="7 credits to be refunded, entry 2 has 6 left"):
        decide(account, refund(spend=2, amount=7, name="more"), NOW + HOUR)


def test_grace_is_not_needed_while_nothing_has_expired(spent):
    (entry,) = decide(spent, refund(grace=HOUR), NOW)

    assert (entry.opened, entry.change) == (None, 15)


def test_the_refunds_own_reference_comes_before_that_of_the_lot():
    account = after(gift(expires_at=NOW + HOUR, reference="campaign:1"), spend(10))

    (entry,) = decide(account, refund(spend=2, grace=HOUR, reference="job:1"), NOW + HOUR)

    assert entry.opened.reference == "job:1"


def test_the_terms_are_those_of_the_lot_that_lost_most():
    plan = grant("plan", 6, kind=LotKind.SUBSCRIPTION, expires_at=NOW + HOUR)
    account = after(gift(amount=4, expires_at=NOW + HOUR), plan, spend(10))

    (entry,) = decide(account, refund(grace=HOUR), NOW + HOUR)

    assert (entry.opened.kind, entry.opened.amount) == (LotKind.SUBSCRIPTION, 10)


@pytest.mark.parametrize(
    ("one", "other", "cost"),
    [
        (Money(500, "usd"), Money(250, "usd"), Money(750, "usd")),
        (Money(500, "usd"), Money(0, "usd"), Money(500, "usd")),
        (Money(500, "usd"), Money(250, "eur"), None),
        (Money(500, "usd"), None, None),
        (None, Money(500, "usd"), None),
        (None, None, None),
    ],
)
def test_what_was_paid_is_added_up_if_all_was_paid_in_one_currency(one, other, cost):
    account = after(grant("a", cost=one, expires_at=NOW + HOUR), grant("b", cost=other, expires_at=NOW + HOUR), spend(20))

    (entry,) = decide(account, refund(grace=HOUR), NOW + HOUR)

    assert entry.opened.cost == cost


def test_grace_ends_before_time_does():
    account = after(gift(expires_at=NOW + HOUR), spend(10))

    with pytest.raises(Invalid, match="grace must end before the year 10000"):
        decide(account, refund(spend=2, grace=timedelta.max), NOW + HOUR)


# What is refused ----------------------------------------------------------------------------------------------------------


def test_no_more_comes_back_than_was_spent(spent):
    with pytest.raises(RefundExceeded) as refusal:
        decide(spent, refund(amount=16), NOW)

    error = refusal.value
    assert (error.account, error.spend, error.requested, error.left) == ("acme", 3, 16, 15)


def test_no_more_comes_back_than_is_left_of_it(spent):
    account = after(refund(amount=10, name="earlier"), account=spent)

    with pytest.raises(RefundExceeded) as refusal:
        decide(account, refund(amount=6), NOW)

    assert (refusal.value.requested, refusal.value.left) == (6, 5)


def test_nothing_comes_back_of_what_came_back_already(spent):
    account = after(refund(name="earlier"), account=spent)

    with pytest.raises(RefundExceeded) as refusal:
        decide(account, refund(), NOW)

    assert (refusal.value.requested, refusal.value.left) == (15, 0)


def test_nothing_comes_back_of_what_cost_nothing():
    with pytest.raises(RefundExceeded, match="entry 1 has 0 left"):
        decide(after(spend(0)), refund(spend=1), NOW)


@pytest.mark.parametrize(("number", "kind"), [(1, "grant"), (4, "refund"), (5, "hold")])
def test_only_what_consumes_is_refunded(spent, number, kind):
    hold = PlaceHold(account=ACME, key="hold", amount=1, expires_in=HOUR)
    account = after(refund(amount=1), hold, account=spent)

    with pytest.raises(Invalid, match=f"must be the number of a spend or a capture, and {number} is a {kind}"):
        decide(account, refund(spend=number, name="another"), NOW)


def test_an_entry_that_is_not_there_is_not_refunded(spent):
    with pytest.raises(UnknownEntry) as refusal:
        decide(spent, refund(spend=4), NOW)

    assert (refusal.value.account, refusal.value.seq) == ("acme", 4)


def test_the_same_refund_again_does_nothing_more(spent):
    account = after(refund(amount=5), account=spent)

    assert decide(account, refund(amount=5), NOW + HOUR) == ()
