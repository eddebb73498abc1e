"""Checkout Sessions that subscribe, and discounts in sessions, through Stripe's own library."""

from datetime import timedelta

import pytest
import stripe as sdk

from billing_adapters.simulator import Refused
from billing_adapters.simulator.exchange import call

THREE_D_SECURE = "4000000000003220"
DECLINING = "4000000000000002"
DECLINING_LATER = "4000000000000341"


@pytest.fixture
def product(api):
    return api.products.create({"name": "Gold"})


@pytest.fixture
def monthly(api, product):
    terms = {"product": product.id, "currency": "usd", "unit_amount": 900, "recurring": {"interval": "month"}}
    return api.prices.create(terms)


@pytest.fixture
def pack(api, product):
    return api.prices.create({"product": product.id, "currency": "usd", "unit_amount": 2000})


@pytest.fixture
def open_session(api, monthly):
    """Return a function that opens a session to subscribe for two seats."""

    def opened(**params):
        return api.checkout.sessions.create({
            "mode": "subscription",
            "line_items": [{"price": monthly.id, "quantity": 2}],
            "success_url": "https://shop.example/thanks",
            **params,
        })

    return opened


@pytest.fixture
def coupon(api):
    return api.coupons.create({"percent_off": 25, "duration": "once"})


def completed(api, session):
    return api.checkout.sessions.retrieve(session.id, {"expand": ["subscription.latest_invoice"]})


def refused(call, *arguments):
    with pytest.raises(sdk.StripeError) as caught:
        call(*arguments)
    return caught.value.error


def test_a_customer_subscribes(stripe, api, open_session, events):
    session = open_session(customer_email="jenny@example.com", subscription_data={"metadata": {"account": "7"}})
    assert (session.amount_total, session.subscription) == (1800, None)
    events()

    stripe.pay(session.id)

    after = completed(api, session)
    assert (after.status, after.payment_status, after.payment_intent) == ("complete", "paid", None)
    assert (after.subscription.status, after.subscription.metadata.account) == ("active", "7")
    assert (after.subscription.latest_invoice.amount_paid, after.invoice) == (1800, after.subscription.latest_invoice.id)
    assert api.customers.retrieve(after.customer).email == "jenny@example.com"
    [card] = api.customers.payment_methods.list(after.customer).data
    assert after.subscription.default_payment_method == card.id
    told = events()
    assert told[-1] == "checkout.session.completed"
    assert {"customer.created", "customer.subscription.created", "invoice.paid"} < set(told)
    stripe.advance(timedelta(days=32))
    assert len(api.invoices.list({"subscription": after.subscription.id, "status": "paid"}).data) == 2


def test_a_card_that_is_declined_leaves_no_subscription(stripe, api, open_session):
    session = open_session()

    with pytest.raises(Refused, match="declined"):
        stripe.pay(session.id, DECLINING)

    assert api.checkout.sessions.retrieve(session.id).status == "open"
    assert api.subscriptions.list({"status": "all"}).data == []
    stripe.pay(session.id)
    assert completed(api, session).subscription.status == "active"


def test_a_card_that_is_declined_when_it_is_charged_can_be_replaced(stripe, api, open_session):
    session = open_session()

    with pytest.raises(Refused, match="declined"):
        stripe.pay(session.id, DECLINING_LATER)
    stripe.pay(session.id)

    [subscription] = api.subscriptions.list({"status": "all"}).data
    assert (subscription.id, subscription.status) == (completed(api, session).subscription.id, "active")


def test_the_bank_is_asked_before_a_subscription_begins(stripe, api, open_session):
    session = open_session()

    with pytest.raises(Refused, match="failed authentication"):
        stripe.pay(session.id, THREE_D_SECURE, authenticates=False)
    assert api.checkout.sessions.retrieve(session.id).status == "open"
    stripe.pay(session.id, THREE_D_SECURE)

    after = completed(api, session)
    assert (after.payment_status, after.subscription.status) == ("paid", "active")


def test_what_was_begun_but_not_paid_ends_with_the_session(stripe, api, open_session):
    session = open_session()
    with pytest.raises(Refused):
        stripe.pay(session.id, DECLINING_LATER)

    api.checkout.sessions.expire(session.id)

    [subscription] = api.subscriptions.list({"status": "all"}).data
    assert subscription.status == "incomplete_expired"
    assert api.invoices.retrieve(subscription.latest_invoice).status == "void"


def test_a_trial_costs_nothing_today_and_keeps_the_card(stripe, api, open_session):
    session = open_session(subscription_data={"trial_period_days": 7})
    assert session.amount_total == 0

    with pytest.raises(Refused, match="authenticate your payment method"):
        stripe.pay(session.id, THREE_D_SECURE, authenticates=False)
    stripe.pay(session.id)

    after = completed(api, session)
    assert (after.payment_status, after.setup_intent, after.subscription.status) == (
        "no_payment_required",
        None,
        "trialing",
    )
    stripe.advance(timedelta(days=8))
    assert api.subscriptions.retrieve(after.subscription.id).status == "active"


def test_what_is_tried_ends_too_if_what_is_sold_once_was_not_paid(stripe, api, open_session, monthly, pack):
    items = [{"price": monthly.id, "quantity": 1}, {"price": pack.id, "quantity": 1}]
    session = open_session(line_items=items, subscription_data={"trial_period_days": 7})
    assert session.amount_total == 2000
    with pytest.raises(Refused):
        stripe.pay(session.id, DECLINING_LATER)

    api.checkout.sessions.expire(session.id)

    [subscription] = api.subscriptions.list({"status": "all"}).data
    assert (subscription.status, subscription.cancellation_details.reason) == ("canceled", "payment_failed")


def test_what_is_metered_costs_nothing_today(stripe, api, open_session, product):
    recurring = {"interval": "month", "usage_type": "metered", "meter": "mtr_1"}
    metered = api.prices.create({"product": product.id, "currency": "usd", "unit_amount": 2, "recurring": recurring})
    counted = {"line_items": [{"price": metered.id, "quantity": 1}]}

    assert refused(lambda: open_session(**counted)).param == "line_items[0][quantity]"
    session = open_session(line_items=[{"price": metered.id}])
    assert "as used" in stripe.page(call("GET", session.url, {})).body.decode()
    stripe.pay(session.id)

    assert completed(api, session).payment_status == "no_payment_required"


def test_a_subscription_is_in_the_currency_of_its_price(api, open_session, product):
    price = api.prices.create({
        "product": product.id,
        "currency": "usd",
        "unit_amount": 900,
        "recurring": {"interval": "month"},
        "currency_options": {"eur": {"unit_amount": 800}},
    })
    in_euros = {"line_items": [{"price": price.id, "quantity": 1}], "currency": "eur"}

    assert refused(lambda: open_session(**in_euros)).param == "currency"


def test_the_page_says_how_often_something_is_paid(stripe, api, open_session, monthly, product):
    terms = {"product": product.id, "currency": "usd", "unit_amount": 500}
    quarterly = api.prices.create({**terms, "recurring": {"interval": "month", "interval_count": 3}})

    pages = [
        stripe.page(call("GET", open_session(line_items=[{"price": one.id, "quantity": 1}]).url, {})).body.decode()
        for one in (monthly, quarterly)
    ]

    assert "9.00 usd every month" in pages[0]
    assert "5.00 usd every 3 months" in pages[1]


def test_a_trial_may_begin_without_a_card(stripe, api, open_session):
    session = open_session(subscription_data={"trial_period_days": 7}, payment_method_collection="if_required")
    assert "Card number" not in stripe.page(call("GET", session.url, {})).body.decode()

    answer = stripe.page(call("POST", session.url, {}, "email=jenny%40example.com"))

    assert (answer.status, answer.headers["Location"]) == (303, "https://shop.example/thanks")
    after = completed(api, session)
    assert (after.subscription.status, after.subscription.default_payment_method) == ("trialing", None)


def test_what_is_sold_once_is_on_the_first_invoice(stripe, api, open_session, monthly, pack):
    session = open_session(line_items=[{"price": monthly.id, "quantity": 1}, {"price": pack.id, "quantity": 1}])
    assert session.amount_total == 2900

    stripe.pay(session.id)

    after = completed(api, session)
    assert after.subscription.latest_invoice.amount_paid == 2900
    assert [item.price.id for item in after.subscription["items"].data] == [monthly.id]


def test_a_recurring_price_can_be_made_for_one_session(stripe, api, open_session, product):
    data = {"currency": "usd", "unit_amount": 700, "recurring": {"interval": "year"}, "product": product.id}
    session = open_session(line_items=[{"price_data": data, "quantity": 1}])

    stripe.pay(session.id)

    assert completed(api, session).subscription.latest_invoice.amount_paid == 700


@pytest.mark.parametrize(
    ("data", "param"),
    [
        ({"trial_period_days": 7, "trial_end": 1798761600}, "subscription_data[trial_end]"),
        ({"trial_end": 1}, "subscription_data[trial_end]"),
    ],
)
def test_a_trial_that_cannot_be_is_refused(open_session, data, param):
    with pytest.raises(sdk.InvalidRequestError) as caught:
        open_session(subscription_data=data)

    assert caught.value.param == param


# Discounts ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def buy(open_session, pack):
    """Return a function that opens a session to buy a pack once."""

    def opened(**params):
        return open_session(**{"mode": "payment", "line_items": [{"price": pack.id, "quantity": 1}], **params})

    return opened


def test_a_coupon_takes_something_off(stripe, api, buy, coupon):
    session = buy(discounts=[{"coupon": coupon.id}])
    assert (session.amount_subtotal, session.amount_total, session.total_details.amount_discount) == (2000, 1500, 500)

    stripe.pay(session.id)

    after = api.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent", "discounts.coupon", "line_items"]})
    assert after.payment_intent.amount_received == 1500
    assert after.discounts[0].coupon.times_redeemed == 1
    assert (after.line_items.data[0].amount_discount, after.line_items.data[0].amount_total) == (500, 1500)


def test_a_subscription_begins_with_its_discount(stripe, api, open_session, coupon):
    session = open_session(discounts=[{"coupon": coupon.id}])

    stripe.pay(session.id)

    after = completed(api, session)
    assert (after.amount_total, after.subscription.latest_invoice.amount_paid) == (1350, 1350)
    assert api.coupons.retrieve(coupon.id).times_redeemed == 1


def test_a_customer_enters_a_code_on_the_page(stripe, api, buy, coupon):
    promotion = api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"})
    session = buy(allow_promotion_codes=True)

    wrong = stripe.page(call("POST", session.url, {}, "action=apply&promotion_code=WINTER"))
    assert (wrong.status, b"This code is invalid." in wrong.body) == (400, True)
    right = stripe.page(call("POST", session.url, {}, "action=apply&promotion_code=spring"))
    assert right.headers["Location"] == session.url
    assert b"Due today: 15.00 usd" in stripe.page(call("GET", session.url, {})).body
    stripe.pay(session.id)

    after = api.checkout.sessions.retrieve(session.id)
    assert (after.amount_total, after.discounts[0].promotion_code) == (1500, promotion.id)
    assert api.promotion_codes.retrieve(promotion.id).times_redeemed == 1


def test_a_code_that_is_entered_after_a_decline_counts_for_the_next_attempt(stripe, api, buy, coupon):
    api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"})
    session = buy(allow_promotion_codes=True)

    with pytest.raises(Refused):
        stripe.pay(session.id, DECLINING)
    stripe.pay(session.id, promotion_code="SPRING")

    paid, declined = api.payment_intents.list().data
    assert (paid.amount_received, declined.status) == (1500, "canceled")
    assert api.checkout.sessions.retrieve(session.id).payment_intent == paid.id


def test_a_subscription_that_begins_after_a_code_was_entered_costs_less(stripe, api, open_session, coupon):
    api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"})
    session = open_session(allow_promotion_codes=True)

    with pytest.raises(Refused):
        stripe.pay(session.id, DECLINING_LATER)
    stripe.pay(session.id, promotion_code="SPRING")

    after = completed(api, session)
    assert (after.subscription.status, after.subscription.latest_invoice.amount_paid) == ("active", 1350)
    [expired] = api.subscriptions.list({"status": "incomplete_expired"}).data
    assert expired.id != after.subscription.id


def test_what_is_free_with_its_discount_needs_no_card(stripe, api, buy):
    free = api.coupons.create({"percent_off": 100, "duration": "once"})
    session = buy(discounts=[{"coupon": free.id}])

    stripe.pay(session.id)

    assert api.checkout.sessions.retrieve(session.id).payment_status == "no_payment_required"


def test_codes_are_for_sessions_that_allow_them(stripe, buy):
    with pytest.raises(Refused, match="no promotion codes"):
        stripe.pay(buy().id, promotion_code="SPRING")


def test_a_discount_that_does_not_fit_is_refused(api, buy, open_session, coupon):
    euros = api.coupons.create({"amount_off": 100, "currency": "eur", "duration": "once"})
    code = api.promotion_codes.create({
        "promotion": {"type": "coupon", "coupon": coupon.id},
        "restrictions": {"minimum_amount": 2001, "minimum_amount_currency": "usd"},
    })

    def discounted(given):
        return refused(lambda: buy(discounts=[given])).message

    assert "takes nothing off an amount in usd" in discounted({"coupon": euros.id})
    assert "larger purchases" in discounted({"promotion_code": code.id})
    assert "only specify one" in discounted({"promotion_code": code.id, "coupon": coupon.id})
    both = {"discounts": [{"coupon": coupon.id}], "allow_promotion_codes": True}
    assert refused(lambda: open_session(**both)).param == "allow_promotion_codes"


def test_the_portal_shows_subscriptions_and_invoices(stripe, api, open_session):
    session = open_session()
    stripe.pay(session.id)
    customer = api.checkout.sessions.retrieve(session.id).customer
    portal = api.billing_portal.sessions.create({"customer": customer})

    page = stripe.page(call("GET", portal.url, {})).body.decode()

    assert "Gold: active" in page
    assert "18.00 usd, paid" in page
