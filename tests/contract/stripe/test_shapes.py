"""Stripe's objects mean the same here in whichever version of the API they were sent.

The objects in `data` are written by hand after Stripe's changelog, not made by `downgrade`, so that neither can be wrong
unnoticed.
"""

import copy
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from conformance import check_object
from hypothesis import given
from hypothesis import strategies as st

from billing_adapters.simulator.downgrades import downgrade
from billing_adapters.stripe import shapes
from billing_adapters.stripe.samples import VERSION, Samples, body
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_core.domain.customers import ACCOUNT, Customer, Link
from billing_core.domain.mirrors import Phase
from billing_core.domain.money import Currency, Money
from billing_core.domain.payments import PURCHASE, Invoice, InvoiceLine, Payment, Purchase, Settlement
from billing_core.domain.products import CurrencyOption, Interval, Price, Product, Recurring, Tier
from billing_core.domain.refunds import Dispute, Refund, Refunded
from billing_core.domain.subscriptions import PlanChange, Status, Subscription, SubscriptionItem
from billing_core.domain.webhooks import (
    CheckRefunds,
    RecordCustomer,
    RecordDispute,
    RecordPrice,
    RecordProduct,
    RecordRefund,
    RecordSettlement,
    RecordSubscription,
)
from billing_core.errors import Malformed

HERE = Path(__file__).parent
START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 2, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, 0, 5, tzinfo=UTC)
VERSIONS = ["2020-03-02", "2020-08-27", "2024-06-20", "2025-03-31.basil", VERSION]
STRIPE = StripeWebhooks(("whsec_any",))
SAMPLES = Samples()

GOLD = SAMPLES.price("price_gold", "prod_gold", 2000, interval="month")
SILVER = SAMPLES.price("price_silver", "prod_silver", 1000, interval="month")
MINE = {ACCOUNT: "user-1"}


def recorded(kind):
    return json.loads((HERE / "data" / f"{kind}.json").read_text(encoding="utf-8"))


def each_version(kind):
    return [pytest.param(sent, id=version) for version, sent in recorded(kind).items()]


def parsed(event):
    """Return the only command of an event."""
    (command,) = STRIPE.parse(body(event)).commands
    return command


def subscribed(*prices, **members):
    return SAMPLES.subscription("sub_1", "cus_1", [(price, 1) for price in prices], (START, END), **members)


def changed(about, previous):
    return SAMPLES.event("customer.subscription.updated", about, NOW, event_id="evt_1", previous=previous)


def invoiced(*lines, **members):
    return SAMPLES.invoice("in_1", subscribed(GOLD, metadata=MINE), lines, NOW, **members)


def gold_line(**members):
    return SAMPLES.line("il_1", GOLD, (START, END), subscription="sub_1", **members)


# One meaning in every version ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", each_version("product"))
def test_a_product_is_the_same_in_every_version(sent):
    metadata = {"credit_amount": "100", "credit_type": "subscription"}

    assert shapes.product(sent) == Product("prod_gold", "Gold", description="For the many", metadata=metadata)


@pytest.mark.parametrize("sent", each_version("price"))
def test_a_price_is_the_same_in_every_version(sent):
    monthly = Recurring(Interval.MONTH)
    price = Price(
        "price_gold", "prod_gold", Currency("usd"), Decimal(2000), monthly, lookup_key="gold", metadata={"a": "b"}
    )

    assert shapes.price(sent) == price


@pytest.mark.parametrize("sent", each_version("customer"))
def test_a_customer_is_the_same_in_every_version(sent):
    customer = Customer("cus_1", Link(NOW, "user-1"), "ada@example.com", "Ada", metadata=MINE)

    assert shapes.customer(sent, NOW) == customer


@pytest.mark.parametrize("sent", each_version("payment_intent"))
def test_a_payment_is_the_same_in_every_version(sent):
    purchase = Purchase("p-1", "100", "2", "prod_pack", "price_pack")
    payment = Payment("pi_1", Money(1000, "usd"), NOW, "cus_1", "user-1", purchase=purchase)

    assert shapes.payment(sent, NOW) == payment


@pytest.mark.parametrize("sent", each_version("subscription"))
def test_a_subscription_is_the_same_in_every_version(sent):
    subscription = Subscription(
        id="sub_1",
        status=Status.ACTIVE,
        customer="cus_1",
        link=Link(NOW, "user-1"),
        items=(SubscriptionItem("si_1", "price_gold", "prod_gold", 3, START, END),),
        started_at=START,
        period_start=START,
        period_end=END,
        metadata=MINE,
    )

    assert shapes.subscription(sent, NOW) == subscription


@pytest.mark.parametrize("sent", each_version("invoice"))
def test_an_invoice_is_the_same_in_every_version(sent):
    before = START - timedelta(seconds=1000)
    gold = {"product": "prod_gold", "price": "price_gold", "subscription": "sub_1"}
    renewal = InvoiceLine("il_1", Money(6000, "usd"), 3, **gold, period_start=START, period_end=END)
    unused = InvoiceLine("il_2", Money(-500, "usd"), **gold, proration=True, period_start=before, period_end=START)
    setup = InvoiceLine(
        id="il_3",
        amount=Money(2000, "usd"),
        product="prod_setup",
        price="price_setup",
        one_off=True,
        period_start=START,
        period_end=START,
    )
    invoice = Invoice(
        id="in_1",
        amount_paid=Money(7500, "usd"),
        paid_at=START + timedelta(hours=1),
        reason="subscription_cycle",
        customer="cus_1",
        account="user-1",
        subscription="sub_1",
        lines=(renewal, unused, setup),
    )

    assert shapes.invoice(sent, NOW) == invoice


REFUNDED = Refund("re_1", "pi_1", Money(300, "usd"), "succeeded", NOW, metadata={"order": "7"})


@pytest.mark.parametrize("sent", each_version("refund"))
def test_a_refund_is_the_same_in_every_version(sent):
    assert shapes.refund(sent) == REFUNDED


@pytest.mark.parametrize("sent", each_version("dispute"))
def test_a_dispute_is_the_same_in_every_version(sent):
    assert shapes.dispute(sent) == Dispute("dp_1", "pi_1", Money(1000, "usd"), "needs_response", NOW, withdrawn=True)


@pytest.mark.parametrize(("version", "sent"), recorded("charge").items())
def test_a_refunded_charge_tells_its_refunds_before_2022_11_15_and_their_sum_in_every_version(version, sent):
    *each, total = STRIPE.parse(body(SAMPLES.event("charge.refunded", sent, NOW, event_id="evt_1"))).commands

    assert [one.refund.value for one in each] == ([REFUNDED] if version < "2022-11-15" else [])
    assert total == CheckRefunds(Refunded("pi_1", Money(300, "usd")))


@pytest.mark.parametrize("version", VERSIONS[1:])
@pytest.mark.parametrize(
    ("kind", "about", "previous"),
    [
        ("product.updated", SAMPLES.product("prod_1", "Pack", metadata={"credit_amount": "5"}), {"name": "Old"}),
        ("price.created", GOLD, None),
        ("customer.created", SAMPLES.customer("cus_1", email="ada@example.com", metadata=MINE), None),
        ("payment_intent.succeeded", SAMPLES.payment_intent("pi_1", 500, customer="cus_1", metadata={PURCHASE: "p"}), None),
        ("customer.subscription.updated", subscribed(GOLD), {"items": subscribed(SILVER)["items"]}),
        ("customer.subscription.updated", subscribed(GOLD, SILVER, metadata=MINE), {"items": subscribed(SILVER)["items"]}),
        ("customer.subscription.deleted", subscribed(GOLD, status="canceled", ended_at=END), None),
        ("invoice.paid", invoiced(gold_line(), gold_line(amount=-300, proration=True)), None),
        ("invoice.paid", invoiced(gold_line(amount=0)), None),
        ("refund.failed", SAMPLES.refund("re_1", "pi_1", 300, status="failed", failure_reason="unknown"), None),
        ("charge.dispute.closed", SAMPLES.dispute("dp_1", "pi_1", 300, moved=[-300, 300], status="won"), None),
        ("charge.refunded", SAMPLES.charge("pi_1", 500, 300), None),
        (
            "invoice.payment_succeeded",
            SAMPLES.invoice("in_1", None, [SAMPLES.line("il_1", SILVER, (START, END))], NOW),
            None,
        ),
    ],
)
def test_a_downgraded_sample_asks_for_the_same_as_the_sample(version, kind, about, previous):
    today = SAMPLES.event(kind, about, NOW, event_id="evt_1", previous=previous)

    older = downgrade(today, version)

    assert older["api_version"] == version
    assert parsed(older) == parsed(today)


@pytest.mark.parametrize(
    ("kind", "about", "telling"),
    [
        ("subscription", subscribed(GOLD), {"current_period_start", "current_period_end", "billing_mode"}),
        (
            "invoice",
            invoiced(gold_line()),
            {"subscription", "subscription_details", "parent", "payment_intent", "total_taxes"},
        ),
        ("product", SAMPLES.product("prod_1", "Pack"), {"marketing_features"}),
        ("payment_intent", SAMPLES.payment_intent("pi_1", 500), {"invoice", "charges", "latest_charge"}),
    ],
)
def test_a_downgraded_sample_has_the_members_by_which_the_recorded_versions_differ(kind, about, telling):
    today = SAMPLES.event("any", about, NOW, event_id="evt_1")

    for version, sent in recorded(kind).items():
        older = downgrade(today, version)["data"]["object"]
        assert telling & older.keys() == telling & sent.keys(), version


def test_downgrading_leaves_the_original_as_it_is():
    today = SAMPLES.event("invoice.paid", invoiced(gold_line()), NOW, event_id="evt_1")
    before = copy.deepcopy(today)

    downgrade(today, "2020-08-27")

    assert today == before


# Products and prices ------------------------------------------------------------------------------------------------------


def test_a_deleted_event_deletes_although_its_object_does_not_say_so():
    product = parsed(
        SAMPLES.event("product.deleted", SAMPLES.product("prod_1", "Pack", active=False), NOW, event_id="evt_1")
    )
    price = parsed(SAMPLES.event("price.deleted", GOLD, NOW, event_id="evt_2"))
    customer = parsed(SAMPLES.event("customer.deleted", SAMPLES.customer("cus_1"), NOW, event_id="evt_3"))

    assert isinstance(product, RecordProduct)
    assert isinstance(price, RecordPrice)
    assert isinstance(customer, RecordCustomer)
    assert [product.product.value.ended, price.price.value.ended, customer.customer.value.ended] == [True, True, True]


def test_an_object_that_is_marked_as_deleted_is_deleted():
    assert shapes.customer({"id": "cus_1", "object": "customer", "deleted": True}, NOW).deleted


@pytest.mark.parametrize("default_price", ["price_gold", {"id": "price_gold", "object": "price"}])
def test_a_reference_is_read_whether_it_was_expanded_or_not(default_price):
    product = shapes.product(SAMPLES.product("prod_1", "Pack", default_price=default_price))

    assert product.default_price == "price_gold"


def test_a_tiered_price_in_several_currencies_keeps_every_amount():
    tiers = [
        {"up_to": 10, "unit_amount": 500, "unit_amount_decimal": "500", "flat_amount": None, "flat_amount_decimal": None},
        {"up_to": None, "unit_amount": None, "unit_amount_decimal": "0.50", "flat_amount": 7, "flat_amount_decimal": "7"},
    ]
    options = {"usd": {"unit_amount": None, "tiers": tiers}, "jpy": {"unit_amount": 300, "unit_amount_decimal": "300"}}
    sent = SAMPLES.price("price_1", "prod_1", None, tiers=tiers, tiers_mode="graduated", currency_options=options)

    price = shapes.price(sent)

    kept = (Tier(10, Decimal(500)), Tier(None, Decimal("0.5"), Decimal(7)))
    yen = CurrencyOption(Currency("jpy"), Decimal(300))
    assert (price.unit_amount, price.tiers, price.tiers_mode) == (None, kept, "graduated")
    assert price.currency_options == (yen, CurrencyOption(Currency("usd"), None, kept))


@pytest.mark.parametrize(
    ("whole", "exact", "amount"),
    [(5, "5", "5"), (5, None, "5"), (None, "0.125", "0.125"), (5, "5.00", "5"), (100, "100", "100"), (0, "0.000", "0")],
)
def test_a_unit_amount_is_exact_and_always_written_alike(whole, exact, amount):
    price = shapes.price(SAMPLES.price("price_1", "prod_1", whole, unit_amount_decimal=exact))

    assert str(price.unit_amount) == amount


def test_a_metered_price_is_told_from_a_licensed_one():
    recurring = {"interval": "year", "interval_count": 2, "meter": "mtr_1", "usage_type": "metered"}

    price = shapes.price(SAMPLES.price("price_1", "prod_1", 5, interval="year", recurring=recurring))

    assert price.recurring == Recurring(Interval.YEAR, 2, metered=True)


# Subscriptions ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "phase"),
    [("created", Phase.CREATED), ("updated", Phase.UPDATED), ("trial_will_end", Phase.UPDATED), ("deleted", Phase.DELETED)],
)
def test_the_type_of_an_event_gives_the_snapshot_its_place_within_a_second(kind, phase):
    command = parsed(SAMPLES.event(f"customer.subscription.{kind}", subscribed(GOLD), NOW, event_id="evt_1"))

    assert isinstance(command, RecordSubscription)
    assert command.subscription.revision.rank // 10 == phase


@pytest.mark.parametrize("status", list(Status))
def test_every_known_status_is_read(status):
    assert shapes.subscription(subscribed(GOLD, status=str(status)), NOW).status is status


def test_an_unknown_status_is_malformed_rather_than_guessed():
    with pytest.raises(Malformed, match=r"subscription\.status is unknown"):
        shapes.subscription(subscribed(GOLD, status="hibernating"), NOW)


def test_a_subscription_without_items_has_the_single_plan_that_it_names():
    plan = {"id": "gold", "object": "plan", "product": "prod_gold"}
    sent = {
        "id": "sub_1",
        "status": "active",
        "customer": "cus_1",
        "plan": plan,
        "quantity": 4,
        "current_period_end": 2_000,
    }

    subscription = shapes.subscription(sent, NOW)

    end = datetime(1970, 1, 1, 0, 33, 20, tzinfo=UTC)
    assert subscription.items == (SubscriptionItem("sub_1", "gold", "prod_gold", 4, None, end),)


def test_a_subscription_of_no_items_at_all_is_read():
    assert shapes.subscription(subscribed(), NOW).items == ()


def test_the_period_of_a_subscription_spans_all_its_items():
    sent = subscribed(GOLD, SILVER)
    sent["items"]["data"][1].update(current_period_start=0, current_period_end=4_000_000_000)

    subscription = shapes.subscription(sent, NOW)

    spanned = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2096, 10, 2, 7, 6, 40, tzinfo=UTC))
    assert (subscription.period_start, subscription.period_end) == spanned


def test_the_period_of_a_subscription_is_that_of_its_plan_if_it_names_one():
    sent = subscribed(GOLD, SILVER, plan={"id": "price_gold", "object": "plan"})
    sent["items"]["data"][1].update(current_period_start=0, current_period_end=4_000_000_000)

    subscription = shapes.subscription(sent, NOW)

    assert (subscription.period_start, subscription.period_end) == (START, END)


def test_a_metered_item_without_a_quantity_counts_as_one():
    sent = subscribed(GOLD)
    del sent["items"]["data"][0]["quantity"]

    assert shapes.subscription(sent, NOW).items[0].quantity == 1


@pytest.mark.parametrize("metadata", [{}, {ACCOUNT: ""}, {"user": "user-1"}, None])
def test_a_subscription_that_names_no_account_has_no_link(metadata):
    assert shapes.subscription(subscribed(GOLD, metadata=metadata), NOW).link is None


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_a_price_that_was_left_is_a_plan_change_at_the_time_of_the_event(version):
    event = changed(subscribed(GOLD), {"items": subscribed(SILVER)["items"]})

    command = parsed(downgrade(event, version))

    assert command.subscription.value.changes == (PlanChange(NOW, ("price_silver",)),)


@pytest.mark.parametrize("plan", ["price_silver", {"id": "price_silver", "amount": 1000}])
def test_an_old_plan_alone_is_a_plan_change_too(plan):
    subscription = shapes.subscription(subscribed(GOLD), NOW, {"plan": plan})

    assert subscription.changes == (PlanChange(NOW, ("price_silver",)),)


def test_another_price_of_the_same_product_is_no_plan_change():
    dearer = {**GOLD, "id": "price_gold_2"}

    changed = shapes.subscription(subscribed(dearer), NOW, {"items": subscribed(GOLD)["items"]})

    assert changed.changes == ()


def test_several_prices_that_were_left_are_one_plan_change():
    bronze = SAMPLES.price("price_bronze", "prod_bronze", 500, interval="month")
    previous = {"items": subscribed(SILVER, GOLD, bronze)["items"]}

    subscription = shapes.subscription(subscribed(GOLD), NOW, previous)

    assert subscription.changes == (PlanChange(NOW, ("price_bronze", "price_silver")),)


@pytest.mark.parametrize(
    "previous",
    [
        {},
        {"status": "trialing"},
        {"quantity": 1},
        {"plan": None},
        {"items": {}},
        {"items": {"object": "list", "data": []}},
        {"items": {"object": "list", "data": [{"id": "si_1", "quantity": 7}]}},
        {"items": SAMPLES.subscription("sub_1", "cus_1", [(GOLD, 7)], (START - timedelta(31), START))["items"]},
    ],
)
def test_an_update_that_keeps_every_price_is_no_plan_change(previous):
    assert shapes.subscription(subscribed(GOLD, SILVER), NOW, previous).changes == ()


# Payments and invoices ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("invoice", ["in_1", {"id": "in_1", "object": "invoice"}])
def test_a_payment_names_the_invoice_that_it_pays_where_the_version_says_so(invoice):
    assert shapes.payment(SAMPLES.payment_intent("pi_1", 500, invoice=invoice), NOW).invoice == "in_1"


def test_a_payment_that_is_not_one_of_ours_has_no_purchase():
    payment = shapes.payment(SAMPLES.payment_intent("pi_1", 500, metadata={"credit_amount": "100"}), NOW)

    assert (payment.purchase, payment.account) == (None, None)


def test_a_purchase_without_its_terms_is_kept_for_the_policies_to_explain():
    payment = shapes.payment(SAMPLES.payment_intent("pi_1", 500, metadata={PURCHASE: "p-1"}), NOW)

    assert payment.purchase == Purchase("p-1", "", "1")


@pytest.mark.parametrize("status", ["draft", "open", "void", "uncollectible", None, "something_new"])
@pytest.mark.parametrize("kind", ["invoice.paid", "invoice.payment_succeeded"])
def test_an_invoice_that_is_not_paid_asks_for_nothing(kind, status):
    event = SAMPLES.event(kind, invoiced(gold_line(), status=status), NOW, event_id="evt_1")

    assert STRIPE.parse(body(event)).commands == ()


def test_both_events_of_one_payment_ask_for_the_same():
    paid = SAMPLES.event("invoice.paid", invoiced(gold_line()), NOW, event_id="evt_1")
    succeeded = SAMPLES.event("invoice.payment_succeeded", invoiced(gold_line()), NOW + timedelta(1), event_id="evt_2")

    assert parsed(paid) == parsed(succeeded)


def test_an_invoice_that_does_not_say_when_it_was_paid_was_paid_when_the_event_happened():
    invoice = shapes.invoice(invoiced(gold_line(), status_transitions=None), END)

    assert invoice is not None
    assert invoice.paid_at == END


def test_an_invoice_written_by_hand_belongs_to_no_subscription():
    line = SAMPLES.line("il_1", SILVER, (START, END))

    invoice = shapes.invoice(SAMPLES.invoice("in_1", None, [line], NOW), NOW)

    assert invoice is not None
    assert (invoice.subscription, invoice.account, invoice.reason) == (None, None, "manual")
    assert (invoice.lines[0].subscription, invoice.lines[0].price) == (None, "price_silver")


def test_an_invoice_of_a_quote_belongs_to_no_subscription_even_if_a_sample_fills_both_branches():
    parent = {
        "type": "quote_details",
        "quote_details": {"quote": "qt_1"},
        "subscription_details": {"subscription": "sub_9"},
    }

    invoice = shapes.invoice(invoiced(gold_line(), parent=parent), NOW)

    assert invoice is not None
    assert invoice.subscription is None


@pytest.mark.parametrize("version", VERSIONS[1:])
@pytest.mark.parametrize(("amount", "proration"), [(0, False), (2000, False), (1234, True), (-1234, True)])
def test_a_period_and_a_proration_are_no_one_off_in_any_version(version, amount, proration):
    event = SAMPLES.event("invoice.paid", invoiced(gold_line(amount=amount, proration=proration)), NOW, event_id="evt_1")

    line = parsed(downgrade(event, version)).invoice.lines[0]

    assert (line.amount, line.proration, line.one_off) == (Money(amount, "usd"), proration, False)


def test_what_was_bought_along_with_a_period_is_a_one_off():
    line = gold_line()
    details = {"invoice_item": "ii_1", "proration": False, "subscription": "sub_1"}
    line["parent"] = {"type": "invoice_item_details", "invoice_item_details": details}

    invoice = shapes.invoice(invoiced(line), NOW)

    assert invoice is not None
    assert (invoice.lines[0].one_off, invoice.lines[0].subscription) == (True, "sub_1")


def test_a_line_may_name_its_price_whole():
    line = gold_line()
    line["pricing"]["price_details"] = {"price": GOLD, "product": "prod_gold"}

    invoice = shapes.invoice(invoiced(line), NOW)

    assert invoice is not None
    assert (invoice.lines[0].price, invoice.lines[0].product) == ("price_gold", "prod_gold")


def test_a_line_of_only_a_plan_takes_price_and_product_from_it():
    plan = {"id": "gold", "object": "plan", "amount": 2000, "product": "prod_gold"}
    line = {"id": "il_1", "amount": 2000, "quantity": 1, "type": "subscription", "subscription": "sub_1", "plan": plan}

    invoice = shapes.invoice({**invoiced(), "lines": {"object": "list", "data": [line]}}, NOW)

    assert invoice is not None
    assert invoice.lines[0] == InvoiceLine(
        "il_1", Money(2000, "usd"), product="prod_gold", price="gold", subscription="sub_1"
    )


def test_an_invoice_with_more_lines_than_were_sent_is_partial():
    sent = invoiced(gold_line())
    sent["lines"].update(has_more=True, total_count=11)

    invoice = shapes.invoice(sent, NOW)

    assert invoice is not None
    assert (len(invoice.lines), invoice.partial) == (1, True)


# Money that goes back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"])
def test_every_event_of_a_refund_asks_for_the_same_refund(kind):
    about = SAMPLES.refund("re_1", "pi_1", 300, status="failed", failure_reason="lost_or_stolen_card", created=NOW)

    command = parsed(SAMPLES.event(kind, about, NOW, event_id="evt_1"))

    assert isinstance(command, RecordRefund)
    assert command.refund.value == Refund("re_1", "pi_1", Money(300, "usd"), "failed", NOW, "lost_or_stolen_card")


def test_a_refund_that_does_not_say_how_far_it_is_is_under_way():
    refund = shapes.refund(SAMPLES.refund("re_1", "pi_1", 300, status=None))

    assert refund is not None
    assert (refund.status, refund.gone) == ("pending", True)


@pytest.mark.parametrize(
    ("kind", "moved", "status", "withdrawn"),
    [
        ("created", [], "needs_response", False),
        ("created", [-300], "needs_response", True),
        ("created", [], "warning_needs_response", False),
        ("updated", [-300], "under_review", True),
        ("funds_withdrawn", [], "needs_response", True),
        ("funds_withdrawn", [-300], "needs_response", True),
        ("funds_reinstated", [-300], "won", False),
        ("funds_reinstated", [-300, 300], "won", False),
        ("closed", [-300, 300], "won", False),
        ("closed", [-300], "lost", True),
        ("closed", [], "lost", True),
        ("closed", [], "warning_closed", False),
    ],
)
def test_a_dispute_tells_whether_its_money_is_withdrawn(kind, moved, status, withdrawn):
    about = SAMPLES.dispute("dp_1", "pi_1", 300, moved=moved, status=status, created=NOW)

    command = parsed(SAMPLES.event(f"charge.dispute.{kind}", about, NOW, event_id="evt_1"))

    assert isinstance(command, RecordDispute)
    assert command.dispute.value == Dispute("dp_1", "pi_1", Money(300, "usd"), status, NOW, withdrawn)


def test_a_settlement_names_payment_and_invoice():
    event = SAMPLES.event("invoice_payment.paid", SAMPLES.invoice_payment("in_1", "pi_1", 900), NOW, event_id="evt_1")

    assert parsed(event) == RecordSettlement(Settlement("pi_1", "in_1"))


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("refund.created", SAMPLES.refund("re_1", "pi_1", 300, payment_intent=None)),
        ("charge.dispute.created", SAMPLES.dispute("dp_1", "pi_1", 300, payment_intent=None)),
        ("charge.refunded", SAMPLES.charge("pi_1", 500, 300, payment_intent=None)),
        (
            "invoice_payment.paid",
            SAMPLES.invoice_payment("in_1", "pi_1", 300, payment={"type": "charge", "charge": "ch_1"}),
        ),
    ],
)
def test_what_was_paid_without_a_payment_intent_asks_for_nothing(kind, about):
    assert STRIPE.parse(body(SAMPLES.event(kind, about, NOW, event_id="evt_1"))).commands == ()


# What cannot be read ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "sent", "reason"),
    [
        (shapes.product, {"id": "prod_1"}, "product.name is missing"),
        (shapes.product, {"id": "prod_1", "name": "P", "metadata": {"a": 1}}, "product.metadata holds what is no text"),
        (shapes.price, {"id": "price_1", "product": "prod_1"}, "price.currency is missing"),
        (shapes.price, {**GOLD, "currency": "USD"}, "price.currency is no currency"),
        (shapes.price, {**GOLD, "product": {}}, "price.product.id is missing"),
        (shapes.price, {**GOLD, "product": 5}, "price.product is no text"),
        (
            shapes.price,
            {**GOLD, "recurring": {"interval": "aeon"}},
            "price.recurring.interval is unknown to this version of the library",
        ),
        (shapes.price, {**GOLD, "unit_amount_decimal": "1e9"}, "price.unit_amount_decimal is no decimal number"),
        (shapes.price, {**GOLD, "tiers": 3}, "price.tiers is no list"),
        (shapes.price, {**GOLD, "tiers": [3]}, "price.tiers is no object"),
        (shapes.price, {**GOLD, "currency_options": {"gold": {}}}, "price.currency_options.currency is no currency"),
    ],
)
def test_what_is_missing_or_wrong_is_named_without_its_value(read, sent, reason):
    with pytest.raises(Malformed) as caught:
        read(sent)

    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (subscribed(GOLD, customer=None), "subscription.customer is missing"),
        (subscribed(GOLD, items=[{"id": "si_1"}]), "subscription.items.price is missing"),
        (subscribed(GOLD, trial_end=2**63), "subscription.trial_end is out of range"),
    ],
)
def test_what_a_subscription_lacks_is_named(sent, reason):
    with pytest.raises(Malformed) as caught:
        shapes.subscription(sent, NOW)

    assert caught.value.reason == reason


EVENTS = [
    SAMPLES.event("product.updated", SAMPLES.product("prod_1", "Pack"), NOW, event_id="evt_1"),
    SAMPLES.event("price.updated", GOLD, NOW, event_id="evt_2"),
    SAMPLES.event("customer.updated", SAMPLES.customer("cus_1"), NOW, event_id="evt_3"),
    SAMPLES.event("payment_intent.succeeded", SAMPLES.payment_intent("pi_1", 500), NOW, event_id="evt_4"),
    changed(subscribed(GOLD), {"items": subscribed(SILVER)["items"]}),
    SAMPLES.event("invoice.paid", invoiced(gold_line(), gold_line(proration=True)), NOW, event_id="evt_6"),
    SAMPLES.event("refund.created", SAMPLES.refund("re_1", "pi_1", 300), NOW, event_id="evt_7"),
    SAMPLES.event("charge.dispute.closed", SAMPLES.dispute("dp_1", "pi_1", 9, moved=[-9, 9]), NOW, event_id="evt_8"),
    SAMPLES.event("charge.refunded", SAMPLES.charge("pi_1", 500, 300), NOW, event_id="evt_9"),
    SAMPLES.event("invoice_payment.paid", SAMPLES.invoice_payment("in_1", "pi_1", 900), NOW, event_id="evt_10"),
]
ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.lists(st.text())
    | st.just({})
)


def places(value, path=()):
    """Return the path to every member of a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, one in inner for found in ((*path, key), *places(one, (*path, key)))]


@given(data=st.data(), version=st.sampled_from(VERSIONS), event=st.sampled_from(EVENTS), value=ANYTHING)
def test_an_object_with_anything_in_any_place_is_read_or_unreadable(data, version, event, value):
    event = downgrade(event, version)
    *outer, last = data.draw(st.sampled_from(places(event["data"])))
    inner = event["data"]
    for key in outer:
        inner = inner[key]
    inner[last] = value

    webhook = STRIPE.parse(body(event))

    assert not (webhook.unreadable and webhook.commands)


@given(event=st.sampled_from(EVENTS), name=st.text(), value=ANYTHING)
def test_a_member_that_is_new_changes_nothing(event, name, value):
    newer = copy.deepcopy(event)
    newer["data"]["object"] = {f"new_{name}": value, **newer["data"]["object"]}

    assert parsed(newer) == parsed(event)


# True to Stripe -----------------------------------------------------------------------------------------------------------


GIVING_BACK = {"refund", "dispute", "charge"}


@pytest.mark.parametrize(
    ("kind", "event_type"),
    [
        ("product", "product.updated"),
        ("price", "price.updated"),
        ("customer", "customer.updated"),
        ("payment_intent", "payment_intent.succeeded"),
        ("subscription", "customer.subscription.updated"),
        ("invoice", "invoice.paid"),
        ("refund", "refund.updated"),
        ("dispute", "charge.dispute.updated"),
        ("charge", "charge.refunded"),
    ],
)
def test_the_sample_objects_of_stripe_itself_are_read(kind, event_type, stripe_fixtures):
    about = stripe_fixtures[kind]
    told = {"status": "paid"} if kind == "invoice" else {"payment_intent": "pi_1"} if kind in GIVING_BACK else {}
    event = SAMPLES.event(event_type, {**about, **told}, NOW, event_id="evt_1")

    assert parsed(event)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event["type"])
def test_the_events_are_what_stripe_specifies(event):
    assert check_object(event, strict=True) == []
