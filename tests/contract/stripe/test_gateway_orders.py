"""Every order becomes exactly one request that writes, under its key, with parameters that today's API takes."""

from types import MappingProxyType
from typing import get_args

import pytest
from conformance import check_sent
from scripted_stripe import DATE, Reply, error, gateway, listed

from billing_adapters.stripe.calls import API_VERSION
from billing_adapters.stripe.finding import FINDERS
from billing_adapters.stripe.ordering import REQUESTS, requested
from billing_adapters.stripe.samples import Samples
from billing_core.domain.orders import (
    CancelSubscription,
    ChangePlan,
    CreateCustomer,
    CreateSubscription,
    KeepSubscription,
    OpenCheckout,
    OpenPortal,
    Order,
    PauseSubscription,
    RefundPayment,
    ResumeSubscription,
    SaveCard,
    TakePayment,
)
from billing_core.errors import Invalid, ProviderRefused

KEY = "order:acme:1"
TERMS = {"billing_account": "acme", "billing_purchase": "1", "credit_amount": "100"}
MARKED = {f"metadata[{name}]": value for name, value in {**TERMS, "billing_intent": KEY}.items()}
INTENT = {"metadata[billing_intent]": KEY}
SUBSCRIPTION = {
    "expand[0]": "latest_invoice.confirmation_secret",
    "expand[1]": "latest_invoice.payments",
    "expand[2]": "pending_setup_intent",
}
SESSION = {"expand[0]": "invoice", "expand[1]": "payment_intent.latest_charge", "expand[2]": "subscription"}
PAGE = {
    "customer": "cus_1",
    "line_items[0][price]": "price_1",
    "success_url": "https://shop.example/thanks?page={CHECKOUT_SESSION_ID}",
    "client_reference_id": "acme",
    **MARKED,
    **SESSION,
}
THANKS = PAGE["success_url"]


def inner(kind):
    """Return what is written on the thing that a page sells."""
    return {f"{kind}[metadata]{name.removeprefix('metadata')}": value for name, value in MARKED.items()}


GOLDEN = [
    (
        CreateCustomer(account="acme", email="jo@acme.example", name="Jo"),
        ("POST", "/v1/customers"),
        {"email": "jo@acme.example", "name": "Jo", "metadata[billing_account]": "acme", **INTENT},
    ),
    (CreateCustomer(account="acme"), ("POST", "/v1/customers"), {"metadata[billing_account]": "acme", **INTENT}),
    (
        TakePayment(customer="cus_1", amount_minor=1200, currency="usd", description="100 credits", metadata=TERMS),
        ("POST", "/v1/payment_intents"),
        {
            "amount": "1200",
            "currency": "usd",
            "customer": "cus_1",
            "description": "100 credits",
            "automatic_payment_methods[enabled]": "true",
            "expand[0]": "latest_charge",
            **MARKED,
        },
    ),
    (
        TakePayment(
            customer="cus_1", amount_minor=500, currency="jpy", off_session=True, payment_method="pm_1", metadata=TERMS
        ),
        ("POST", "/v1/payment_intents"),
        {
            "amount": "500",
            "currency": "jpy",
            "customer": "cus_1",
            "payment_method": "pm_1",
            "off_session": "true",
            "confirm": "true",
            "error_on_requires_action": "true",
            "automatic_payment_methods[enabled]": "true",
            "automatic_payment_methods[allow_redirects]": "never",
            "expand[0]": "latest_charge",
            **MARKED,
        },
    ),
    (
        OpenCheckout(customer="cus_1", price="price_1", quantity=3, success_url=THANKS, codes=True, metadata=TERMS),
        ("POST", "/v1/checkout/sessions"),
        {
            **PAGE,
            "mode": "payment",
            "line_items[0][quantity]": "3",
            "allow_promotion_codes": "true",
            **inner("payment_intent_data"),
        },
    ),
    (
        OpenCheckout(
            customer="cus_1",
            price="price_1",
            recurring=True,
            success_url=THANKS,
            cancel_url="https://shop.example/",
            trial_days=14,
            coupon="LAUNCH",
            metadata=TERMS,
        ),
        ("POST", "/v1/checkout/sessions"),
        {
            **PAGE,
            "mode": "subscription",
            "line_items[0][quantity]": "1",
            "cancel_url": "https://shop.example/",
            "discounts[0][coupon]": "LAUNCH",
            "subscription_data[trial_period_days]": "14",
            **inner("subscription_data"),
        },
    ),
    (
        OpenPortal(customer="cus_1", return_url="https://shop.example/account"),
        ("POST", "/v1/billing_portal/sessions"),
        {"customer": "cus_1", "return_url": "https://shop.example/account"},
    ),
    (
        SaveCard(customer="cus_1"),
        ("POST", "/v1/setup_intents"),
        {"customer": "cus_1", "automatic_payment_methods[enabled]": "true", **INTENT},
    ),
    (
        CreateSubscription(
            customer="cus_1", price="price_1", quantity=2, trial_days=7, promotion_code="promo_1", metadata=TERMS
        ),
        ("POST", "/v1/subscriptions"),
        {
            "customer": "cus_1",
            "items[0][price]": "price_1",
            "items[0][quantity]": "2",
            "trial_period_days": "7",
            "discounts[0][promotion_code]": "promo_1",
            "payment_behavior": "default_incomplete",
            "payment_settings[save_default_payment_method]": "on_subscription",
            **MARKED,
            **SUBSCRIPTION,
        },
    ),
    (
        ChangePlan(subscription="sub_1", item="si_1", price="price_2", quantity=5, proration="create_prorations"),
        ("POST", "/v1/subscriptions/sub_1"),
        {
            "items[0][id]": "si_1",
            "items[0][price]": "price_2",
            "items[0][quantity]": "5",
            "proration_behavior": "create_prorations",
            **SUBSCRIPTION,
        },
    ),
    (
        PauseSubscription(subscription="sub_1"),
        ("POST", "/v1/subscriptions/sub_1"),
        {"pause_collection[behavior]": "void", **SUBSCRIPTION},
    ),
    (
        ResumeSubscription(subscription="sub_1"),
        ("POST", "/v1/subscriptions/sub_1"),
        {"pause_collection": "", **SUBSCRIPTION},
    ),
    (
        CancelSubscription(subscription="sub_1"),
        ("POST", "/v1/subscriptions/sub_1"),
        {"cancel_at_period_end": "true", **SUBSCRIPTION},
    ),
    (CancelSubscription(subscription="sub_1", at_period_end=False), ("DELETE", "/v1/subscriptions/sub_1"), SUBSCRIPTION),
    (
        KeepSubscription(subscription="sub_1"),
        ("POST", "/v1/subscriptions/sub_1"),
        {"cancel_at_period_end": "false", **SUBSCRIPTION},
    ),
    (RefundPayment(payment="pi_1"), ("POST", "/v1/refunds"), {"payment_intent": "pi_1", **INTENT}),
    (
        RefundPayment(payment="pi_1", amount_minor=300, reason="requested_by_customer"),
        ("POST", "/v1/refunds"),
        {"payment_intent": "pi_1", "amount": "300", "reason": "requested_by_customer", **INTENT},
    ),
    (
        RefundPayment(payment="pi_1", reason="it rained"),
        ("POST", "/v1/refunds"),
        {"payment_intent": "pi_1", "metadata[reason]": "it rained", **INTENT},
    ),
]
ANSWER = {"object": "customer", "id": "cus_1", "livemode": False}
# Names that `StripeClient.raw_request` takes for itself.
RESERVED = {
    "api_key", "base", "content_type", "headers", "idempotency_key", "max_network_retries", "method_", "stripe_account",
    "stripe_context", "stripe_version", "url_", "usage",
}  # fmt: skip


def written(script):
    """Return the one request that wrote."""
    (sent,) = (one for one in script.sent if one.method != "GET")
    return sent


def named(case):
    return type(case).__name__ if isinstance(case, get_args(Order)) else None


@pytest.mark.parametrize(("order", "to", "form"), GOLDEN, ids=named)
def test_an_order_is_this_request(order, to, form):
    stripe_gateway, script = gateway(ANSWER)

    stripe_gateway.place(order, KEY)

    sent = written(script)
    assert ((sent.method, sent.path), sent.form) == (to, form)


@pytest.mark.parametrize("order", [order for order, _, _ in GOLDEN], ids=named)
def test_the_api_of_today_takes_this_request(order):
    stripe_gateway, script = gateway(ANSWER)

    stripe_gateway.place(order, KEY)

    sent = written(script)
    assert check_sent(sent.method, sent.path, sent.raw, strict=True) == []


@pytest.mark.parametrize("order", [order for order, _, _ in GOLDEN], ids=named)
def test_what_writes_carries_the_key_and_a_deletion_none(order):
    stripe_gateway, script = gateway(ANSWER)

    stripe_gateway.place(order, KEY)

    sent = written(script)
    assert sent.key == (None if sent.method == "DELETE" else KEY)
    assert sent.headers["Stripe-Version"] == API_VERSION


@pytest.mark.parametrize("order", [order for order, _, _ in GOLDEN], ids=named)
def test_no_parameter_has_a_name_that_the_sdk_takes_for_itself(order):
    assert not RESERVED & requested(order, KEY).params.keys()


def test_every_order_can_be_placed_and_found():
    assert set(REQUESTS) == set(FINDERS) == set(get_args(Order))
    assert {type(order) for order, _, _ in GOLDEN} == set(get_args(Order))


def test_a_page_names_its_order_where_no_account_is_known():
    order = OpenCheckout(customer="cus_1", price="price_1", success_url=THANKS, metadata=MappingProxyType({}))

    assert requested(order, KEY).params["client_reference_id"] == KEY


@pytest.mark.parametrize("key", ["заказ:1", "k" * 255, "тест" * 50])
def test_a_key_that_no_header_could_carry_leaves_as_its_digest_and_is_kept_in_the_metadata(key):
    stripe_gateway, script = gateway(ANSWER)

    stripe_gateway.place(CreateCustomer(account="acme"), key)
    stripe_gateway.place(CreateCustomer(account="acme"), key)

    once, again = (sent for sent in script.sent if sent.method == "POST")
    assert once.key == again.key
    assert once.key.isascii()
    assert len(once.key) <= 255
    assert (once.key == key) is key.isascii()
    assert once.form["metadata[billing_intent]"] == key


@pytest.mark.parametrize("key", ["", "  ", None, "k" * 256])
def test_a_key_that_is_none_is_refused_before_anything_is_sent(key):
    stripe_gateway, script = gateway(ANSWER)

    with pytest.raises(Invalid, match=r"^key must be"):
        stripe_gateway.place(SaveCard(customer="cus_1"), key)

    assert script.sent == []


def test_an_id_is_quoted():
    stripe_gateway, script = gateway(ANSWER)

    stripe_gateway.place(PauseSubscription(subscription="../customers?x"), KEY)

    assert script.sent[0].path == "/v1/subscriptions/..%2Fcustomers%3Fx"


# With what is paid when the customer is not there -------------------------------------------------------------------------

CHARGE = TakePayment(customer="cus_1", amount_minor=500, currency="usd", off_session=True)


def test_a_charge_takes_the_customers_default_payment_method():
    customer = Samples().customer("cus_1", invoice_settings={"default_payment_method": "pm_default"})
    stripe_gateway, script = gateway(customer, Samples().payment_intent("pi_1", 500))

    stripe_gateway.place(CHARGE, KEY)

    asked, charged = script.sent
    assert (asked.method, asked.path) == ("GET", "/v1/customers/cus_1")
    assert charged.form["payment_method"] == "pm_default"


def test_a_charge_takes_the_first_card_where_there_is_no_default():
    card = {"id": "pm_card", "object": "payment_method", "livemode": False}
    answers = [Samples().customer("cus_1"), listed(card), Samples().payment_intent("pi_1", 500)]
    stripe_gateway, script = gateway(*answers)

    stripe_gateway.place(CHARGE, KEY)

    _, cards, charged = script.sent
    assert (cards.path, cards.form) == ("/v1/customers/cus_1/payment_methods", {"type": "card", "limit": "1"})
    assert check_sent(cards.method, f"{cards.path}?{cards.raw}", strict=True) == []
    assert charged.form["payment_method"] == "pm_card"


def test_a_charge_of_nobody_s_card_is_refused_and_takes_nothing():
    stripe_gateway, script = gateway(Samples().customer("cus_1"), listed())

    with pytest.raises(ProviderRefused) as refusal:
        stripe_gateway.place(CHARGE, KEY)

    assert (refusal.value.code, refusal.value.param) == ("payment_method_missing", "payment_method")
    assert [sent.method for sent in script.sent] == ["GET", "GET"]


# What was done before -----------------------------------------------------------------------------------------------------

MISSING = error(status=404, code="resource_missing", message="No such subscription: 'sub_1'", param="id")
LATE = error(message="A canceled subscription can only update its cancellation_details and metadata.")
REUSED = error("idempotency_error", message="Keys can only be used with the same parameters they were first used with.")
NOW = CancelSubscription(subscription="sub_1", at_period_end=False)


def ended(status="canceled"):
    return {"object": "subscription", "id": "sub_1", "livemode": False, "status": status}


@pytest.mark.parametrize("order", [NOW, CancelSubscription(subscription="sub_1")])
@pytest.mark.parametrize("refusal", [MISSING, LATE])
@pytest.mark.parametrize("status", ["canceled", "incomplete_expired"])
def test_to_end_what_has_ended_is_to_have_done_it(order, refusal, status):
    stripe_gateway, _ = gateway(refusal, ended(status))

    assert stripe_gateway.place(order, KEY).status == status


def test_to_end_what_was_refused_and_goes_on_is_refused():
    stripe_gateway, _ = gateway(LATE, ended("active"))

    with pytest.raises(ProviderRefused, match="A canceled subscription can only update"):
        stripe_gateway.place(NOW, KEY)


def test_to_end_what_never_was_is_refused():
    stripe_gateway, _ = gateway(MISSING)

    with pytest.raises(ProviderRefused, match="resource_missing"):
        stripe_gateway.place(NOW, KEY)


def test_other_changes_of_what_has_ended_are_refused():
    stripe_gateway, script = gateway(LATE)

    with pytest.raises(ProviderRefused):
        stripe_gateway.place(KeepSubscription(subscription="sub_1"), KEY)

    assert len(script.sent) == 1


def test_a_customer_whom_the_key_created_under_another_name_is_that_customer():
    created = Samples().customer("cus_1", metadata={"billing_account": "acme", "billing_intent": KEY})
    stripe_gateway, script = gateway(listed(), REUSED, listed(), listed(created), created)

    assert stripe_gateway.place(CreateCustomer(account="acme", email="new@acme.example"), KEY).id == "cus_1"
    assert [sent.path for sent in script.sent[2:]] == ["/v1/customers/search", "/v1/customers", "/v1/customers/cus_1"]


def test_a_customer_whom_the_key_created_days_ago_is_not_created_again():
    there = Samples().customer("cus_1", metadata={"billing_account": "acme", "billing_intent": KEY})
    stripe_gateway, script = gateway(listed(there), there)

    assert stripe_gateway.place(CreateCustomer(account="acme"), KEY).id == "cus_1"
    assert [sent.method for sent in script.sent] == ["GET", "GET"]


def test_where_stripe_does_not_search_a_customer_is_created_all_the_same():
    stripe_gateway, _ = gateway(error(message="Search is not available in your country."), Samples().customer("cus_1"))

    assert stripe_gateway.place(CreateCustomer(account="acme"), KEY).id == "cus_1"


def test_the_customer_of_another_account_is_not_taken_for_it():
    other = Samples().customer("cus_1", metadata={"billing_account": "other", "billing_intent": KEY})
    stripe_gateway, _ = gateway(listed(other), REUSED, listed(other), listed(other))

    with pytest.raises(ProviderRefused, match="idempotency_error"):
        stripe_gateway.place(CreateCustomer(account="acme"), KEY)


def test_a_charge_repeated_after_the_default_card_changed_is_the_one_that_was_made():
    payment = Samples().payment_intent("pi_1", 500, customer="cus_1", metadata={"billing_intent": KEY})
    customer = Samples().customer("cus_1", invoice_settings={"default_payment_method": "pm_new"})
    stripe_gateway, _ = gateway(customer, REUSED, listed(payment), payment)

    assert stripe_gateway.place(CHARGE, KEY).payment == "pi_1"


def test_a_charge_of_another_amount_under_the_same_key_is_refused():
    payment = Samples().payment_intent("pi_1", 400, customer="cus_1", metadata={"billing_intent": KEY})
    customer = Samples().customer("cus_1", invoice_settings={"default_payment_method": "pm_new"})
    stripe_gateway, _ = gateway(customer, REUSED, listed(payment))

    with pytest.raises(ProviderRefused, match="idempotency_error"):
        stripe_gateway.place(CHARGE, KEY)


def test_an_answer_that_stripe_only_repeats_is_looked_up_anew():
    then = Samples().payment_intent("pi_1", 500, status="requires_payment_method")
    stripe_gateway, script = gateway(
        Reply(then, headers={"Idempotent-Replayed": "true"}), Samples().payment_intent("pi_1", 500)
    )

    placed = stripe_gateway.place(TakePayment(customer="cus_1", amount_minor=500, currency="usd"), KEY)

    assert placed.status == "succeeded"
    assert placed.news
    assert (script.sent[1].method, script.sent[1].path) == ("GET", "/v1/payment_intents/pi_1")


def test_the_repeated_answer_about_a_portal_cannot_be_looked_up():
    portal = {"object": "billing_portal.session", "id": "bps_1", "url": "https://billing.example/p", "livemode": False}
    stripe_gateway, _ = gateway(Reply(portal, headers={"Idempotent-Replayed": "true", "Date": DATE}))
    order = OpenPortal(customer="cus_1", return_url="https://shop.example/")

    assert stripe_gateway.place(order, KEY).url == "https://billing.example/p"
