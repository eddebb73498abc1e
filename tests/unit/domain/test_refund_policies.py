"""Refund policies: how many credits of which lots go with the money."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.credits import AccountId, Lot, LotKind, Shortfall
from billing_core.domain.money import Money
from billing_core.domain.payments import Invoice, InvoiceLine, Payment
from billing_core.domain.policies import MoneyGone, Policies, Sale, family, invoice_sales, money_gone, payment_sale, shares
from billing_core.domain.refunds import Dispute, Refund
from billing_core.errors import Invalid

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACME = AccountId("acme")
PAYMENT = Payment("pi_1", Money(500, "usd"), NOW, account="acme")


def lot(amount, number=1):
    return Lot(number, LotKind.PAYG, 30, amount, NOW, None, f"payment:pi_{number}")


def gone(*amounts, currency="usd"):
    return [MoneyGone(f"refund:re_{n}", "pi_1", Money(one, currency), NOW) for n, one in enumerate(amounts)]


def taken(lots, paid, amounts):
    return [share for _, share in shares(lots, Money(paid, "usd"), gone(*amounts))]


# How many -----------------------------------------------------------------------------------------------------------------

credits_ = st.integers(1, 10**12)
money = st.integers(1, 10**9)


@given(st.lists(credits_, min_size=1, max_size=13), money, st.lists(money, max_size=5))
def test_money_takes_its_share_rounded_down_of_all_lots_together(amounts, paid, back):
    lots = [lot(amount, number) for number, amount in enumerate(amounts)]

    found = taken(lots, paid, back)

    assert sum(found) == sum(amounts) * min(sum(back), paid) // paid
    assert all(0 <= share <= amount for share, amount in zip(found, amounts, strict=True))


@given(st.lists(credits_, min_size=1, max_size=13), st.lists(money, min_size=1, max_size=8))
def test_parts_that_add_up_to_the_whole_take_everything_and_none_gives_anything_back(amounts, parts):
    lots = [lot(amount, number) for number, amount in enumerate(amounts)]

    steps = [taken(lots, sum(parts), parts[:count]) for count in range(len(parts) + 1)]

    assert steps[0] == [0] * len(lots)
    assert steps[-1] == amounts
    for before, after in pairwise(steps):
        assert all(one <= other for one, other in zip(before, after, strict=True))


@given(credits_, st.lists(money, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_the_parts_makes_no_difference(amount, parts, luck):
    shuffled = [*parts]
    luck.shuffle(shuffled)

    assert taken([lot(amount)], sum(parts) + 1, parts) == taken([lot(amount)], sum(parts) + 1, shuffled)


def test_the_first_lots_go_before_the_others():
    assert taken([lot(10, 2), lot(10, 1)], 100, [60]) == [10, 2]


def test_an_amount_in_another_currency_counts_as_the_whole():
    found = shares([lot(10)], Money(100, "usd"), gone(1, currency="eur"))

    assert [share for _, share in found] == [10]


@pytest.mark.parametrize("paid", [0, -5])
def test_what_cost_nothing_goes_with_no_money(paid):
    assert taken([lot(10)], paid, [5]) == [0]


# What was bought ----------------------------------------------------------------------------------------------------------


def line(cents=900, **rest):
    terms = {"product": "prod_1", "price": "price_1", "subscription": "sub_1", **rest}
    return InvoiceLine("il_1", Money(cents, "usd"), **terms)


def invoice(*lines, **rest):
    return Invoice("in_1", Money(900, "usd"), NOW, "subscription_cycle", **{"account": "acme", "lines": lines, **rest})


def test_a_payment_bought_what_its_source_granted():
    assert payment_sale(PAYMENT) == (Sale(ACME, ("payment:pi_1",), Money(500, "usd")),)


def test_what_nobody_knows_for_whom_it_was_bought_was_bought_for_nobody():
    assert payment_sale(attrs.evolve(PAYMENT, account=None)) == ()
    assert invoice_sales(invoice(line(), account=None)) == ()


def test_a_line_bought_what_any_of_its_sources_granted_the_last_month_first():
    period = {"period_start": NOW, "period_end": NOW + timedelta(days=40)}

    (sale,) = invoice_sales(invoice(line(**period)))

    name = "invoice:in_1:line:il_1"
    assert sale == Sale(ACME, (f"{name}:month:2", f"{name}:month:1", name), Money(900, "usd"))


@pytest.mark.parametrize("unsold", [line(0), line(-5, proration=True), line(product=None)])
def test_a_line_that_charged_nothing_bought_nothing(unsold):
    assert invoice_sales(invoice(unsold)) == ()


def test_credits_are_looked_for_where_they_may_have_gone():
    assert family("a") == {"a", "convert:a", "rollover:a", "convert:rollover:a"}


# What is gone -------------------------------------------------------------------------------------------------------------


def test_money_that_is_gone_is_told_in_order_of_time():
    refunds = [
        Refund("re_2", "pi_1", Money(2, "usd"), "succeeded", NOW),
        Refund("re_1", "pi_1", Money(1, "usd"), "pending", NOW),
        Refund("re_3", "pi_1", Money(3, "usd"), "failed", NOW),
    ]
    disputes = [
        Dispute("dp_1", "pi_1", Money(4, "usd"), "lost", NOW - timedelta(days=1), withdrawn=True),
        Dispute("dp_2", "pi_1", Money(5, "usd"), "won", NOW, withdrawn=True),
    ]

    assert [one.by for one in money_gone(refunds, disputes)] == ["dispute:dp_1", "refund:re_1", "refund:re_2"]


def test_what_was_spent_is_owed_unless_the_application_says_otherwise():
    assert Policies().shortfall is Shortfall.OWE
    with pytest.raises(Invalid, match="must be one of owe, take, forgive, as Shortfall"):
        Policies(shortfall="forgive")
