"""Policies: what proven money entitles to. Plan changes have their own page."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import attrs
import pytest

from billing_core.domain.credits import MAX_AMOUNT, AccountId, Grant, LotKind
from billing_core.domain.money import Currency, Money
from billing_core.domain.payments import Invoice, InvoiceLine, Payment, Purchase
from billing_core.domain.policies import (
    Award,
    Policies,
    awards,
    bought,
    entitling_lines,
    invoice_grants,
    prices_to_know,
    purchase_grant,
)
from billing_core.domain.products import Interval, Price, Product, Recurring
from billing_core.errors import Invalid, ProductQuarantined

PAID = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ENDS = PAID + 31 * DAY


def product(amount="100", credit_type="subscription", product_id="prod_pro"):
    return Product(product_id, "Pro", metadata={"credit_amount": amount, "credit_type": credit_type})


def price(unit_amount=900, interval=Interval.MONTH):
    recurring = interval and Recurring(interval)
    return Price("price_pro", "prod_pro", Currency("usd"), None if unit_amount is None else Decimal(unit_amount), recurring)


def line(cents=900, line_id="il_1", **rest):
    terms = {"product": "prod_pro", "price": "price_pro", "subscription": "sub_1", "period_start": PAID, "period_end": ENDS}
    return InvoiceLine(line_id, Money(cents, "usd"), **{**terms, **rest})


def invoice(*lines, reason="subscription_cycle", paid_at=PAID):
    return Invoice("in_1", Money(900, "usd"), paid_at, reason, "cus_1", subscription="sub_1", lines=lines or (line(),))


def awarded(paid, sold=None, priced=None, policies=Policies()):
    """Return how many credits each line of an invoice awards."""
    found = awards(paid, {"prod_pro": sold or product()}, {"price_pro": priced or price()}, policies)
    return {award.line.id: award.amount for award in found}


def expiry(paid, priced=None):
    (award,) = awards(paid, {"prod_pro": product()}, {"price_pro": priced or price()}, Policies())
    return award.expires_at


# One-time payments --------------------------------------------------------------------------------------------------------


def payment(credit_amount="100", quantity="1", **rest):
    purchase = Purchase("order_1", credit_amount, quantity)
    return Payment("pi_1", Money(900, "usd"), PAID, **{"purchase": purchase, **rest})


def test_a_payment_of_a_purchase_grants_what_was_frozen_in_it_for_ever():
    paid = payment("100", "3")

    assert purchase_grant(paid, bought(paid), "acme") == Grant(
        account=AccountId("acme"),
        key="payment:pi_1",
        source="payment:pi_1",
        amount=300,
        kind=LotKind.PAYG,
        effective_at=PAID,
        cost=Money(900, "usd"),
        reference="purchase:order_1",
    )


def test_a_payment_that_bought_nothing_grants_nothing():
    assert bought(payment(purchase=None)) is None


def test_the_payment_of_an_invoice_grants_nothing_whatever_it_carries():
    assert bought(payment(invoice="in_1")) is None


@pytest.mark.parametrize(
    ("credit_amount", "quantity", "why"),
    [
        ("", "1", "credit_amount is empty"),
        ("1.5", "1", "credit_amount is not a whole number"),
        ("-1", "1", "credit_amount is negative"),
        ("0", "1", "credit_amount is zero"),
        (str(MAX_AMOUNT + 1), "1", "credit_amount is larger than"),
        ("100", "", "quantity is empty"),
        ("100", "two", "quantity is not a whole number"),
        ("100", "-2", "quantity is negative"),
        ("100", "0", "quantity is zero"),
        (str(MAX_AMOUNT), "2", "credit_amount times quantity is larger than"),
    ],
)
def test_frozen_terms_that_cannot_be_read_are_explained(credit_amount, quantity, why):
    paid = payment(credit_amount, quantity)

    with pytest.raises(Invalid, match=why):
        purchase_grant(paid, paid.purchase, "acme")


def test_what_a_product_may_say_a_purchase_may_repeat():
    sold = product(" 100 ", "payg")
    paid = payment(sold.metadata["credit_amount"])

    assert purchase_grant(paid, paid.purchase, "acme").amount == sold.terms.credit_amount


# Which lines may entitle --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["subscription_create", "subscription_cycle", "subscription_update"])
def test_the_invoices_of_a_subscription_entitle(reason):
    assert awarded(invoice(reason=reason)) == {"il_1": 100}


@pytest.mark.parametrize(
    "reason", ["manual", "quote_accept", "subscription_threshold", "upcoming", "invented_tomorrow", ""]
)
def test_other_invoices_do_not(reason):
    assert entitling_lines(invoice(reason=reason)) == ()
    assert awarded(invoice(reason=reason)) == {}


@pytest.mark.parametrize(
    "other",
    [
        line(subscription=None),
        line(product=None),
        line(price=None),
        line(quantity=0),
        line(-900),
        line(-900, proration=True),
        line(0, proration=True),
        line(0, one_off=True),
    ],
)
def test_a_line_that_charges_no_subscription_for_units_of_a_product_does_not_entitle(other):
    assert entitling_lines(invoice(other)) == ()


def test_each_line_entitles_by_its_quantity():
    assert awarded(invoice(line(quantity=3), line(line_id="il_2"))) == {"il_1": 300, "il_2": 100}


def test_a_product_without_credits_awards_none():
    assert awarded(invoice(), Product("prod_pro", "Pro")) == {}


def test_a_full_discount_changes_nothing_for_the_line_keeps_its_amount():
    free_of_charge = attrs.evolve(invoice(), amount_paid=Money(0, "usd"))

    assert awarded(free_of_charge) == {"il_1": 100}


# Lines of nothing ---------------------------------------------------------------------------------------------------------


def test_a_trial_proves_no_money():
    assert awarded(invoice(line(0)), priced=price(900)) == {}


def test_a_free_price_is_settled_by_agreement():
    assert awarded(invoice(line(0)), priced=price(0)) == {"il_1": 100}


def test_a_line_of_nothing_at_a_tiered_price_proves_nothing():
    assert awarded(invoice(line(0)), priced=price(None)) == {}


def test_the_prices_of_the_subscription_must_be_known():
    lines = line(price="price_a"), line(0, price="price_b"), line(-5, price="price_c"), line(price="price_d", one_off=True)

    assert prices_to_know(invoice(*lines)) == {"price_a", "price_b"}


def test_lines_that_cannot_entitle_need_no_price():
    assert prices_to_know(invoice(line(0), reason="manual")) == frozenset()


# Prorations ---------------------------------------------------------------------------------------------------------------


def proration(cents, line_id, **rest):
    return line(cents, line_id, **{"proration": True, "period_start": PAID - DAY, **rest})


def test_an_upgrade_grants_the_new_plan_at_once():
    paid = invoice(proration(-300, "il_old", price="price_basic", product="prod_basic"), proration(600, "il_new"))

    assert awarded(paid) == {"il_new": 100}


def test_more_of_the_same_grants_only_what_came_on_top():
    paid = invoice(proration(-300, "il_2_units", quantity=2), proration(750, "il_5_units", quantity=5))

    assert awarded(paid) == {"il_5_units": 300}


def test_less_of_the_same_grants_nothing():
    paid = invoice(proration(-750, "il_5_units", quantity=5), proration(300, "il_2_units", quantity=2))

    assert awarded(paid) == {}


def test_several_changes_on_one_invoice_grant_what_they_add_up_to():
    paid = invoice(
        proration(-100, "il_1_before", quantity=1),
        proration(200, "il_2_after", quantity=2),
        proration(-190, "il_2_before", quantity=2),
        proration(480, "il_5_after", quantity=5),
    )

    assert sum(awarded(paid).values()) == 400


def test_a_proration_beside_the_next_period_leaves_that_whole():
    paid = invoice(
        proration(-300, "il_old", quantity=2), proration(900, "il_more", quantity=3), line(900, "il_next", quantity=3)
    )

    assert awarded(paid) == {"il_more": 100, "il_next": 300}


def test_another_price_of_the_same_product_is_no_more_of_it():
    paid = invoice(proration(-300, "il_old", price="price_old"), proration(600, "il_new"))

    assert awarded(paid) == {}


def test_a_change_that_is_charged_when_its_period_is_over_grants_for_as_long_from_then():
    paid = invoice(proration(600, "il_late", period_start=PAID - 21 * DAY, period_end=PAID))

    assert awarded(paid) == {"il_late": 100}
    assert expiry(paid) == PAID + 21 * DAY


# Bought along with a period -----------------------------------------------------------------------------------------------


def pack(**rest):
    return line(500, "il_pack", **{"product": "prod_pack", "price": "price_pack", "one_off": True, **rest})


def test_a_pack_on_the_invoice_of_a_subscription_is_pay_as_you_go():
    sold = {"prod_pro": product(), "prod_pack": product("50", "payg", "prod_pack")}

    plan, extra = awards(invoice(line(), pack()), sold, {"price_pro": price()}, Policies())

    assert (plan.amount, plan.kind, plan.expires_at) == (100, LotKind.SUBSCRIPTION, ENDS)
    assert (extra.amount, extra.kind, extra.expires_at) == (50, LotKind.PAYG, None)


def test_a_pack_of_subscription_credits_is_quarantined():
    with pytest.raises(ProductQuarantined, match="does not fit what is bought once: it must be `payg`"):
        awards(invoice(pack()), {"prod_pack": product("50", "subscription", "prod_pack")}, {}, Policies())


# When they expire ---------------------------------------------------------------------------------------------------------


def test_credits_expire_with_the_period_that_was_paid_for():
    assert expiry(invoice()) == ENDS


def test_a_period_that_was_paid_late_but_not_over_ends_in_time():
    assert expiry(invoice(paid_at=ENDS - DAY)) == ENDS


@pytest.mark.parametrize("late", [0 * DAY, 5 * DAY])
def test_a_period_that_was_over_before_it_was_paid_for_counts_from_the_payment(late):
    assert expiry(invoice(paid_at=ENDS + late)) == ENDS + late + 31 * DAY


@pytest.mark.parametrize(
    ("interval", "days"), [(Interval.MONTH, 31), (Interval.WEEK, 31), (Interval.DAY, 31), (Interval.YEAR, 365)]
)
def test_an_unknown_period_lasts_a_month_or_a_year(interval, days):
    paid = invoice(line(period_start=None, period_end=None))

    assert expiry(paid, price(interval=interval)) == PAID + days * DAY


@pytest.mark.parametrize(("interval", "days"), [(Interval.MONTH, 93), (Interval.YEAR, 1095), (Interval.WEEK, 31)])
def test_several_intervals_last_as_much_longer(interval, days):
    three = attrs.evolve(price(), recurring=Recurring(interval, 3))

    assert expiry(invoice(line(period_start=None, period_end=None)), three) == PAID + days * DAY


@pytest.mark.parametrize("start", [None, PAID - DAY])
def test_a_past_period_without_a_length_lasts_a_month(start):
    assert expiry(invoice(line(period_start=start, period_end=PAID - DAY))) == PAID + 31 * DAY


# Products that do not say what they grant ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (product("1,000"), "credit_amount '1,000' is not a whole number"),
        (product(credit_type="monthly"), "credit_type 'monthly' is unknown"),
        (product(credit_type="payg"), "price 'price_pro' is recurring, but payg credits are bought once"),
        (Product("prod_pro", "Pro", metadata={"plan_tier": ""}), "plan_tier '' must be one name"),
    ],
)
def test_a_product_that_does_not_say_clearly_what_it_grants_is_quarantined(bad, why):
    with pytest.raises(ProductQuarantined, match=why) as refusal:
        awarded(invoice(), bad)

    assert refusal.value.product == "prod_pro"


@pytest.mark.parametrize(
    ("recurring", "why"),
    [
        (Recurring(Interval.MONTH, metered=True), "price 'price_pro' is metered"),
        (None, "price 'price_pro' is one-time, but subscription credits belong to a period"),
    ],
)
def test_a_price_that_does_not_fit_is_quarantined(recurring, why):
    with pytest.raises(ProductQuarantined, match=why):
        awarded(invoice(), priced=attrs.evolve(price(), recurring=recurring))


def test_a_warning_quarantines_nothing():
    sold = attrs.evolve(product(), metadata={**product().metadata, "plan_teir": "pro"})

    assert awarded(invoice(), sold) == {"il_1": 100}


# Grants -------------------------------------------------------------------------------------------------------------------


def test_an_award_becomes_a_grant_that_names_the_money_and_the_subscription():
    (grant,) = invoice_grants(invoice(), "acme", [Award(line(), 100, LotKind.SUBSCRIPTION, Money(900, "usd"), ENDS)])

    assert grant == Grant(
        account=AccountId("acme"),
        key="invoice:in_1:line:il_1",
        source="invoice:in_1:line:il_1",
        amount=100,
        kind=LotKind.SUBSCRIPTION,
        effective_at=PAID,
        expires_at=ENDS,
        cost=Money(900, "usd"),
        reference="subscription:sub_1",
    )
