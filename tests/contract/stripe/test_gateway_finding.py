"""What became of an order is found by its key, in lists that know at once what was written, or by what now stands there."""

import pytest
from conformance import check_sent
from scripted_stripe import error, gateway, listed

from billing_adapters.stripe.samples import Samples
from billing_core.domain.orders import (
    CancelSubscription,
    ChangePlan,
    CreateCustomer,
    CreateSubscription,
    KeepSubscription,
    OpenCheckout,
    OpenPortal,
    PauseSubscription,
    RefundPayment,
    ResumeSubscription,
    SaveCard,
    TakePayment,
)
from billing_core.errors import Invalid, ProviderDeclined, ProviderRefused, ProviderUnavailable

KEY = "order:acme:1"
MARK = {"billing_intent": KEY}
GONE = error(status=404, code="resource_missing", message="No such thing")
PAID = TakePayment(customer="cus_1", amount_minor=500, currency="usd")
CHARGED = TakePayment(customer="cus_1", amount_minor=500, currency="usd", off_session=True)


def made(kind, name, **members):
    return {"object": kind, "id": name, "livemode": False, "metadata": {}, **members}


def payment(**members):
    return Samples().payment_intent("pi_1", 500, metadata=MARK, **members)


CREATED = [
    (PAID, "/v1/payment_intents", {"customer": "cus_1"}, payment()),
    (
        OpenCheckout(customer="cus_1", price="price_1", success_url="https://shop.example/"),
        "/v1/checkout/sessions",
        {"customer": "cus_1"},
        made("checkout.session", "cs_1", metadata=MARK),
    ),
    (SaveCard(customer="cus_1"), "/v1/setup_intents", {"customer": "cus_1"}, made("setup_intent", "seti_1", metadata=MARK)),
    (
        CreateSubscription(customer="cus_1", price="price_1"),
        "/v1/subscriptions",
        {"customer": "cus_1", "status": "all"},
        made("subscription", "sub_1", metadata=MARK, status="canceled"),
    ),
    (RefundPayment(payment="pi_1"), "/v1/refunds", {"payment_intent": "pi_1"}, made("refund", "re_1", metadata=MARK)),
]


@pytest.mark.parametrize(("order", "path", "of", "there"), CREATED)
def test_what_was_created_is_found_in_the_list_it_belongs_to(order, path, of, there):
    other = {**there, "id": "other_1", "metadata": {"billing_intent": "order:acme:2"}}
    stripe_gateway, script = gateway(listed(other, more=True), listed(there), there)

    found = stripe_gateway.find(order, KEY)

    first, second, looked_up = script.sent
    assert found.id == there["id"]
    assert (first.path, first.form) == (path, {**of, "limit": "100"})
    assert second.form == {**of, "limit": "100", "starting_after": "other_1"}
    assert looked_up.path == f"{path}/{there['id']}"
    assert check_sent(second.method, f"{second.path}?{second.raw}", strict=True) == []


@pytest.mark.parametrize(("order", "path", "of", "there"), CREATED)
def test_what_is_in_no_list_was_not_created(order, path, of, there):
    del path, of
    stripe_gateway, _ = gateway(listed({**there, "metadata": {}}))

    assert stripe_gateway.find(order, KEY) is None


@pytest.mark.parametrize(("order", "path", "of", "there"), CREATED)
def test_what_belonged_to_somebody_who_is_gone_was_not_created(order, path, of, there):
    del path, of, there
    stripe_gateway, _ = gateway(GONE)

    assert stripe_gateway.find(order, KEY) is None


@pytest.mark.parametrize("other", [{"amount": 501}, {"currency": "eur"}])
def test_a_payment_of_another_amount_is_another_one(other):
    stripe_gateway, _ = gateway(listed(payment(**other)))

    assert stripe_gateway.find(PAID, KEY) is None


def test_a_customer_is_searched_for():
    customer = Samples().customer("cus_1", metadata={**MARK, "billing_account": "acme"})
    stripe_gateway, script = gateway(listed(customer), customer)

    assert stripe_gateway.find(CreateCustomer(account="acme"), KEY).id == "cus_1"
    searched = script.sent[0]
    assert searched.form["query"] == "metadata['billing_intent']:'order:acme:1'"
    assert check_sent(searched.method, f"{searched.path}?{searched.raw}", strict=True) == []


def test_a_key_that_is_searched_for_is_quoted():
    stripe_gateway, script = gateway(listed())

    stripe_gateway.find(CreateCustomer(account="acme"), "it's\\me")

    assert script.sent[0].form["query"] == r"metadata['billing_intent']:'it\'s\\me'"


def test_of_the_customers_that_the_search_does_not_know_only_the_newest_are_looked_through():
    stripe_gateway, script = gateway(listed(), listed(Samples().customer("cus_9"), more=True))

    assert stripe_gateway.find(CreateCustomer(account="acme"), KEY) is None
    assert [sent.path for sent in script.sent] == ["/v1/customers/search", *["/v1/customers"] * 5]


def test_a_portal_is_never_found():
    stripe_gateway, script = gateway(listed())

    assert stripe_gateway.find(OpenPortal(customer="cus_1", return_url="https://shop.example/"), KEY) is None
    assert script.sent == []


def test_a_charge_that_was_declined_is_found_declined():
    refusal = {
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "message": "Your card has insufficient funds.",
    }
    declined = payment(status="requires_payment_method", last_payment_error=refusal)
    stripe_gateway, _ = gateway(listed(declined), declined)

    with pytest.raises(ProviderDeclined) as told:
        stripe_gateway.find(CHARGED, KEY)

    assert (told.value.code, told.value.payment) == ("insufficient_funds", "pi_1")
    assert told.value.reason == "Your card has insufficient funds."


def test_a_payment_that_was_declined_while_the_customer_is_there_can_still_be_paid():
    refusal = {"code": "card_declined", "message": "Your card was declined."}
    declined = payment(status="requires_payment_method", last_payment_error=refusal)
    stripe_gateway, _ = gateway(listed(declined), declined)

    assert stripe_gateway.find(PAID, KEY).status == "requires_payment_method"


def agreement(**members):
    price = Samples().price("price_2", "prod_1", 900, interval="month")
    item = {"object": "subscription_item", "id": "si_1", "price": price, "quantity": 3}
    own = {"status": "active", "pause_collection": None, "cancel_at_period_end": False, "items": listed(item)}
    return made("subscription", "sub_1", **{**own, **members})


NOW = CancelSubscription(subscription="sub_1", at_period_end=False)
AT_END = CancelSubscription(subscription="sub_1")
CHANGE = ChangePlan(subscription="sub_1", item="si_1", price="price_2", quantity=3)
PAUSE, RESUME = PauseSubscription(subscription="sub_1"), ResumeSubscription(subscription="sub_1")
KEEP = KeepSubscription(subscription="sub_1")
ENDED = {"status": "canceled", "cancel_at_period_end": False}
STANDING = [
    (CHANGE, {}, True),
    (ChangePlan(subscription="sub_1", item="si_1", price="price_1", quantity=3), {}, False),
    (ChangePlan(subscription="sub_1", item="si_1", price="price_2", quantity=4), {}, False),
    (ChangePlan(subscription="sub_1", item="si_2", price="price_2", quantity=3), {}, False),
    (CHANGE, {"items": None}, False),
    (PAUSE, {}, False),
    (PAUSE, {"pause_collection": {"behavior": "void"}}, True),
    (PAUSE, {"pause_collection": {"behavior": "keep_as_draft"}}, False),
    (RESUME, {}, True),
    (RESUME, {"pause_collection": {"behavior": "void"}}, False),
    (RESUME, ENDED, False),
    (NOW, {}, False),
    (NOW, {"cancel_at_period_end": True}, False),
    (NOW, ENDED, True),
    (NOW, {"status": "incomplete_expired"}, True),
    (AT_END, {}, False),
    (AT_END, {"cancel_at_period_end": True}, True),
    (AT_END, ENDED, True),
    (KEEP, {}, True),
    (KEEP, {"cancel_at_period_end": True}, False),
    (KEEP, ENDED, False),
]


@pytest.mark.parametrize(("order", "stands", "done"), STANDING)
def test_a_change_was_made_if_it_stands_there(order, stands, done):
    stripe_gateway, script = gateway(agreement(**stands))

    found = stripe_gateway.find(order, KEY)

    assert (found is not None) is done
    assert [sent.path for sent in script.sent] == ["/v1/subscriptions/sub_1"]


def test_a_change_of_what_is_gone_was_not_made():
    stripe_gateway, _ = gateway(GONE)

    assert stripe_gateway.find(PAUSE, KEY) is None


def test_other_refusals_are_told():
    stripe_gateway, _ = gateway(error(code="parameter_unknown", message="Received unknown parameter"))

    with pytest.raises(ProviderRefused, match="parameter_unknown"):
        stripe_gateway.find(PAID, KEY)


def test_what_cannot_be_read_is_no_answer():
    stripe_gateway, _ = gateway(listed(payment() | {"metadata": "none"}))

    with pytest.raises(ProviderUnavailable, match="metadata is no object"):
        stripe_gateway.find(PAID, KEY)


def test_a_key_that_is_none_is_not_looked_for():
    stripe_gateway, script = gateway(listed())

    with pytest.raises(Invalid, match=r"^key must be"):
        stripe_gateway.find(PAID, "")

    assert script.sent == []
