"""Policies of plan changes: which lots a change leaves, and what becomes of them, in whatever order both were told."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import attrs
import pytest

from billing_core.domain.credits import (
    Account,
    AccountId,
    Convert,
    Forfeit,
    Grant,
    LotKind,
    Spend,
    change,
    decide,
    fold,
    settle,
)
from billing_core.domain.money import Money
from billing_core.domain.payments import Invoice, InvoiceLine
from billing_core.domain.policies import OnPlanChange, Parting, parted, partings
from billing_core.domain.subscriptions import PlanChange

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ACME = AccountId("acme")


# What a change leaves -----------------------------------------------------------------------------------------------------


def invoice(day, price="price_basic", cents=900, invoice_id="in_1", reason="subscription_cycle"):
    line = InvoiceLine(
        "il_1", Money(cents, "usd"), product="prod_1", price=price, subscription="sub_1", period_end=START + 90 * DAY
    )
    return Invoice(invoice_id, Money(cents, "usd"), START + day * DAY, reason, account="acme", lines=(line,))


def left(day, *prices):
    return PlanChange(START + day * DAY, prices or ("price_basic",))


def parts(invoices, changes):
    """Return the source and the day of each parting."""
    return {one.sources[0]: (one.at - START).days for one in partings(invoices, changes)}


def test_what_was_granted_for_a_price_is_left_when_the_price_is():
    source = "invoice:in_1:line:il_1"

    assert partings([invoice(0)], [left(9)]) == (Parting(ACME, (source, f"rollover:{source}"), START + 9 * DAY),)


def test_what_was_granted_by_the_month_and_carried_over_is_left_with_it():
    yearly = invoice(0)
    two_months = attrs.evolve(yearly.lines[0], period_start=START, period_end=START + 59 * DAY)

    (parting,) = partings([attrs.evolve(yearly, lines=(two_months,))], [left(9)])

    whole = "invoice:in_1:line:il_1"
    granted = (whole, f"{whole}:month:1", f"{whole}:month:2")
    assert parting.sources == (*granted, *(f"rollover:{one}" for one in granted))


@pytest.mark.parametrize("change", [left(9, "price_pro"), left(9, "price_a", "price_b"), PlanChange(START + 9 * DAY)])
def test_a_change_that_leaves_other_prices_leaves_nothing(change):
    assert parts([invoice(0)], [change]) == {}


def test_what_was_paid_after_the_change_is_not_left_by_it():
    assert parts([invoice(10)], [left(9)]) == {}


def test_what_was_paid_in_the_second_of_the_change_is():
    assert parts([invoice(9)], [left(9)]) == {"invoice:in_1:line:il_1": 9}


def test_a_period_that_is_paid_after_the_change_in_it_is_left_when_it_is_paid():
    late = invoice(10)
    begun = attrs.evolve(late, lines=(attrs.evolve(late.lines[0], period_start=START + 8 * DAY),))

    assert parts([begun], [left(9)]) == {"invoice:in_1:line:il_1": 10}
    assert parts([begun], [left(7)]) == {}


def test_a_lot_is_left_by_the_first_change_after_it_was_paid_for():
    changes = [left(3), left(9, "price_pro"), left(12), left(20)]

    assert all(parts([invoice(5)], order) == {"invoice:in_1:line:il_1": 12} for order in permutations(changes))


def test_one_change_leaves_every_invoice_before_it():
    invoices = [invoice(0, invoice_id="in_1"), invoice(5, invoice_id="in_2"), invoice(10, invoice_id="in_3")]

    assert parts(invoices, [left(9)]) == {"invoice:in_1:line:il_1": 9, "invoice:in_2:line:il_1": 9}


@pytest.mark.parametrize("other", [invoice(0, cents=-900), invoice(0, reason="manual")])
def test_lines_that_cannot_have_granted_are_not_left(other):
    assert parts([other], [left(9)]) == {}


def test_an_invoice_that_granted_nobody_anything_leaves_nothing():
    assert parts([attrs.evolve(invoice(0), account=None)], [left(9)]) == {}


def test_nothing_follows_from_nothing():
    assert partings([], [left(9)]) == partings([invoice(0)], []) == ()


# What becomes of it -------------------------------------------------------------------------------------------------------


def granted(**rest):
    """Return a grant of ten credits for thirty days."""
    terms = {"source": "plan", "kind": LotKind.SUBSCRIPTION, "effective_at": START, "expires_at": START + 30 * DAY}
    return Grant(**{"account": ACME, "key": "plan", "amount": 10, "cost": Money(900, "usd"), **terms, **rest})


def what_follows(policy, *commands, told=9, at=9):
    """Return what follows if a change on one day is told on another, after these commands on the first of January."""
    account = Account(ACME)
    for command in commands:
        account = change(account, decide(account, command, START)).account
    now = START + told * DAY
    account = fold(account, settle(account, now))
    return parted(policy, Parting(ACME, ("plan",), START + at * DAY), account, now)


def test_a_lot_that_was_left_is_converted_at_that_moment():
    (command,) = what_follows(OnPlanChange.CONVERT, granted())

    assert command == Convert(account=ACME, key="convert:plan", source="plan", effective_at=START + 9 * DAY)


def test_or_is_forfeited():
    (command,) = what_follows(OnPlanChange.FORFEIT, granted())

    assert command == Forfeit(account=ACME, key="forfeit:plan", source="plan", effective_at=START + 9 * DAY)


def test_or_is_kept():
    assert what_follows(OnPlanChange.KEEP, granted()) == ()


@pytest.mark.parametrize("policy", OnPlanChange)
def test_nothing_follows_for_a_lot_that_nobody_granted(policy):
    assert what_follows(policy, granted(source="another")) == ()


@pytest.mark.parametrize("policy", OnPlanChange)
def test_nothing_follows_for_a_lot_that_was_used_up(policy):
    assert what_follows(policy, granted(), Spend(account=ACME, key="all", amount=10)) == ()


@pytest.mark.parametrize("policy", OnPlanChange)
def test_nothing_follows_for_a_lot_that_was_forfeited(policy):
    assert what_follows(policy, granted(), Forfeit(account=ACME, key="forfeit:plan", source="plan")) == ()


@pytest.mark.parametrize("policy", OnPlanChange)
def test_nothing_follows_for_a_lot_that_had_expired_before(policy):
    assert what_follows(policy, granted(), at=30, told=30) == ()


def test_a_lot_that_has_expired_since_is_converted_but_need_not_be_forfeited():
    (converted,) = what_follows(OnPlanChange.CONVERT, granted(), told=60)

    assert converted.effective_at == START + 9 * DAY
    assert what_follows(OnPlanChange.FORFEIT, granted(), told=60) == ()


def later():
    return granted(starts_at=START + 20 * DAY)


@pytest.mark.parametrize("policy", [OnPlanChange.CONVERT, OnPlanChange.FORFEIT])
def test_what_has_not_begun_is_left_at_the_change(policy):
    (command,) = what_follows(policy, later())

    assert command.effective_at == START + 9 * DAY


@pytest.mark.parametrize("told", [20, 21])
@pytest.mark.parametrize("policy", [OnPlanChange.CONVERT, OnPlanChange.FORFEIT])
def test_what_has_begun_since_the_change_is_left_when_it_began(policy, told):
    (command,) = what_follows(policy, later(), told=told)

    assert command.effective_at == START + 20 * DAY


def test_what_a_trial_gave_is_never_converted_but_may_be_forfeited():
    trial = granted(kind=LotKind.PROMOTIONAL, cost=Money(0, "usd"))

    assert what_follows(OnPlanChange.CONVERT, trial) == ()
    assert len(what_follows(OnPlanChange.FORFEIT, trial)) == 1


@pytest.mark.parametrize(
    "other",
    [
        granted(kind=LotKind.PROMOTIONAL, cost=None),
        granted(kind=LotKind.PROMOTIONAL),
        granted(cost=Money(0, "usd")),
    ],
)
def test_what_was_granted_by_hand_or_for_a_free_plan_is_converted(other):
    assert len(what_follows(OnPlanChange.CONVERT, other)) == 1
