"""Policies of plan changes: which lots a change converts, in whatever order both were told."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import attrs
import pytest

from billing_core.domain.credits import AccountId, Convert
from billing_core.domain.money import Money
from billing_core.domain.payments import Invoice, InvoiceLine
from billing_core.domain.policies import conversions
from billing_core.domain.subscriptions import PlanChange

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def invoice(day, price="price_basic", cents=900, invoice_id="in_1", reason="subscription_cycle"):
    line = InvoiceLine(
        "il_1", Money(cents, "usd"), product="prod_1", price=price, subscription="sub_1", period_end=START + 90 * DAY
    )
    return Invoice(invoice_id, Money(cents, "usd"), START + day * DAY, reason, lines=(line,))


def left(day, *prices):
    return PlanChange(START + day * DAY, prices or ("price_basic",))


def converted(invoices, changes):
    """Return the source and the day of each conversion."""
    return {one.source: (one.effective_at - START).days for one in conversions("acme", invoices, changes)}


def test_what_was_granted_for_a_price_is_converted_when_the_price_is_left():
    assert conversions("acme", [invoice(0)], [left(9)]) == (
        Convert(
            account=AccountId("acme"),
            key="convert:invoice:in_1:line:il_1",
            source="invoice:in_1:line:il_1",
            effective_at=START + 9 * DAY,
        ),
    )


@pytest.mark.parametrize("change", [left(9, "price_pro"), left(9, "price_a", "price_b"), PlanChange(START + 9 * DAY)])
def test_a_change_that_leaves_other_prices_converts_nothing(change):
    assert converted([invoice(0)], [change]) == {}


def test_what_was_paid_after_the_change_is_not_converted_by_it():
    assert converted([invoice(10)], [left(9)]) == {}


def test_what_was_paid_in_the_second_of_the_change_is():
    assert converted([invoice(9)], [left(9)]) == {"invoice:in_1:line:il_1": 9}


def test_a_period_that_is_paid_after_the_change_in_it_is_converted_when_it_is_paid():
    late = invoice(10)
    begun = attrs.evolve(late, lines=(attrs.evolve(late.lines[0], period_start=START + 8 * DAY),))

    assert converted([begun], [left(9)]) == {"invoice:in_1:line:il_1": 10}
    assert converted([begun], [left(7)]) == {}


def test_a_lot_is_converted_by_the_first_change_after_it_was_paid_for():
    changes = [left(3), left(9, "price_pro"), left(12), left(20)]

    assert all(converted([invoice(5)], order) == {"invoice:in_1:line:il_1": 12} for order in permutations(changes))


def test_one_change_converts_every_invoice_before_it():
    invoices = [invoice(0, invoice_id="in_1"), invoice(5, invoice_id="in_2"), invoice(10, invoice_id="in_3")]

    assert converted(invoices, [left(9)]) == {"invoice:in_1:line:il_1": 9, "invoice:in_2:line:il_1": 9}


@pytest.mark.parametrize("other", [invoice(0, cents=-900), invoice(0, reason="manual")])
def test_lines_that_cannot_have_granted_are_not_converted(other):
    assert converted([other], [left(9)]) == {}


def test_nothing_follows_from_nothing():
    assert conversions("acme", [], [left(9)]) == conversions("acme", [invoice(0)], []) == ()
