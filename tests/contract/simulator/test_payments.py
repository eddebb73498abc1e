"""Payment intents, charges, refunds and disputes, through Stripe's own library."""

from datetime import timedelta

import pytest
import stripe as sdk

from billing_adapters.simulator.exchange import call

NEVER = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}


@pytest.fixture
def customer(api):
    return api.customers.create({"email": "jenny@example.com"})


@pytest.fixture
def pay(api):
    """Return a function that pays with a card."""

    def paid(card="pm_card_visa", **params):
        return api.payment_intents.create({
            "amount": 1000,
            "currency": "usd",
            "payment_method": card,
            "confirm": True,
            **NEVER,
            **params,
        })

    return paid


def refused(call, *arguments, **options):
    with pytest.raises(sdk.StripeError) as caught:
        call(*arguments, **options)
    return caught.value.error


def test_a_payment_succeeds_and_tells_in_order(pay, api, events):
    intent = pay(metadata={"purchase": "p1"})

    assert (intent.status, intent.amount_received) == ("succeeded", 1000)
    assert events() == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    charge = api.payment_intents.retrieve(
        intent.id, {"expand": ["latest_charge.balance_transaction", "latest_charge.refunds"]}
    ).latest_charge
    assert charge.metadata.purchase == "p1"
    assert (charge.balance_transaction.amount, charge.balance_transaction.fee) == (1000, 59)
    assert charge.refunds.data == []


def test_who_may_see_a_card_again_is_said_and_asked_for(api, customer):
    card = {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030}
    method = api.payment_methods.create({"type": "card", "card": card, "allow_redisplay": "limited"})
    assert method.allow_redisplay == "limited"

    api.payment_methods.attach(method.id, {"customer": customer.id})
    api.payment_methods.update(method.id, {"allow_redisplay": "always"})

    def shown(which):
        return [one.id for one in api.payment_methods.list({"customer": customer.id, "allow_redisplay": which}).data]

    assert (shown("always"), shown("limited")) == ([method.id], [])
    assert api.customers.payment_methods.list(customer.id, {"allow_redisplay": "limited"}).data == []


def test_a_card_given_by_its_number_pays_too(api, pay):
    card = {"number": "4242 4242 4242 4242", "exp_month": 1, "exp_year": 2030, "cvc": "123"}
    method = api.payment_methods.create({"type": "card", "card": card})

    assert (method.card.last4, method.card.brand) == ("4242", "visa")
    assert pay(method.id).status == "succeeded"


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ],
)
def test_a_decline_says_why_and_leaves_an_intent_that_can_be_paid_otherwise(api, pay, events, card, code, decline_code):
    with pytest.raises(sdk.CardError) as caught:
        pay(card)

    error = caught.value.error
    assert (caught.value.http_status, error.code, error.decline_code) == (402, code, decline_code)
    assert error.payment_intent.status == "requires_payment_method"
    assert error.payment_intent.last_payment_error.code == code
    assert events() == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
    again = api.payment_intents.confirm(error.payment_intent.id, {"payment_method": "pm_card_visa"})
    assert (again.status, again.last_payment_error) == ("succeeded", None)


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({"number": "4242424242424241", "exp_month": 1, "exp_year": 2030}, "incorrect_number"),
        ({"number": "4242424242424242", "exp_month": 1, "exp_year": 2020}, "invalid_expiry_year"),
        ({"number": "4111111111111111", "exp_month": 1, "exp_year": 2030}, "card_declined"),
    ],
)
def test_a_card_that_cannot_be_is_refused(api, card, code):
    assert refused(api.payment_methods.create, {"type": "card", "card": card}).code == code


def test_authentication_is_required_and_given(stripe, pay, api, events):
    intent = pay("pm_card_authenticationRequired", return_url="https://shop.example/back")

    assert intent.status == "requires_action"
    assert intent.next_action.redirect_to_url.return_url == "https://shop.example/back"
    assert events() == ["payment_intent.created", "payment_intent.requires_action"]
    stripe.authenticate(intent.id)
    after = api.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (after.status, after.next_action) == ("succeeded", None)
    assert after.latest_charge.payment_method_details.card.three_d_secure.result == "authenticated"


def test_authentication_can_fail(stripe, pay, api):
    intent = pay("pm_card_authenticationRequired")

    stripe.authenticate(intent.id, succeeded=False)

    after = api.payment_intents.retrieve(intent.id)
    assert after.status == "requires_payment_method"
    assert after.last_payment_error.code == "payment_intent_authentication_failure"
    with pytest.raises(ValueError, match="does not wait"):
        stripe.authenticate(intent.id)


def test_who_is_away_cannot_authenticate_unless_the_card_was_set_up(stripe, api, pay, customer):
    method = api.payment_methods.attach("pm_card_authenticationRequiredOnSetup", {"customer": customer.id})
    away = {"customer": customer.id, "off_session": True}

    assert refused(pay, method.id, **away).code == "authentication_required"
    setup = api.setup_intents.create({"customer": customer.id, "payment_method": method.id, "confirm": True, **NEVER})
    assert setup.status == "requires_action"
    stripe.authenticate(setup.id)
    assert api.setup_intents.retrieve(setup.id).status == "succeeded"
    assert pay(method.id, **away).status == "succeeded"


def test_a_card_is_kept_when_that_is_asked_for(api, pay, customer):
    pay(customer=customer.id, setup_future_usage="off_session")

    [method] = api.customers.payment_methods.list(customer.id).data
    assert pay(method.id, customer=customer.id, off_session=True).status == "succeeded"
    assert "belongs to the Customer" in refused(pay, method.id).message


def test_a_card_that_nobody_kept_pays_once(api, pay):
    method = api.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    pay(method.id)

    assert "may not be used again" in refused(pay, method.id).message


def test_a_declining_card_cannot_be_kept_but_the_one_made_for_it(api, pay, customer):
    assert refused(api.payment_methods.attach, "pm_card_chargeDeclined", {"customer": customer.id}).code == "card_declined"
    method = api.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})

    assert refused(pay, method.id, customer=customer.id).decline_code == "generic_decline"


def test_a_detached_card_is_no_default_any_more_and_cannot_come_back(api, customer, events):
    method = api.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    api.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    events()

    assert api.payment_methods.detach(method.id).customer is None

    assert events() == ["customer.updated", "payment_method.detached"]
    assert api.customers.retrieve(customer.id).invoice_settings.default_payment_method is None
    assert "may not be used again" in refused(api.payment_methods.attach, method.id, {"customer": customer.id}).message


def test_a_new_customers_card_is_the_default_under_the_name_that_it_was_given_by(api, events):
    settings = {"default_payment_method": "pm_card_visa"}
    customer = api.customers.create({"payment_method": "pm_card_visa", "invoice_settings": settings})

    [card] = api.customers.payment_methods.list(customer.id).data
    [created] = events("customer.created")
    assert customer.invoice_settings.default_payment_method == card.id
    assert created["data"]["object"]["invoice_settings"]["default_payment_method"] == card.id


def test_money_can_be_authorized_and_captured_in_part(api, pay, events):
    intent = pay(capture_method="manual")
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 1000)

    assert refused(api.payment_intents.capture, intent.id, {"amount_to_capture": 1001}).code == "amount_too_large"
    after = api.payment_intents.capture(intent.id, {"amount_to_capture": 600, "expand": ["latest_charge"]})

    assert (after.status, after.amount_received) == ("succeeded", 600)
    assert (after.latest_charge.amount_captured, after.latest_charge.amount_refunded) == (600, 400)
    assert events() == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
    ]


def test_what_is_not_captured_within_a_week_goes_back(stripe, api, pay):
    intent = pay(capture_method="manual")

    stripe.advance(timedelta(days=7))

    after = api.payment_intents.retrieve(intent.id)
    assert (after.status, after.cancellation_reason) == ("canceled", "automatic")


def test_a_status_says_what_may_be_done(api, pay):
    paid = pay()

    for attempt in (api.payment_intents.confirm, api.payment_intents.capture, api.payment_intents.cancel):
        assert refused(attempt, paid.id).code == "payment_intent_unexpected_state"
    assert refused(api.payment_intents.update, paid.id, {"amount": 1}).code == "payment_intent_unexpected_state"
    assert api.payment_intents.update(paid.id, {"description": "Pack"}).description == "Pack"


def test_an_intent_can_be_canceled_once(api, events):
    intent = api.payment_intents.create({"amount": 1000, "currency": "usd"})

    api.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})

    assert events() == ["payment_intent.created", "payment_intent.canceled"]
    assert refused(api.payment_intents.cancel, intent.id).code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"amount": 49, "currency": "usd"}, "amount_too_small", "amount"),
        ({"amount": 10**8, "currency": "usd"}, "amount_too_large", "amount"),
        ({"amount": 0, "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": 100, "currency": "xxx"}, None, "currency"),
        ({"currency": "usd"}, "parameter_missing", "amount"),
        ({"amount": 100, "currency": "usd", "customer": "cus_nobody"}, "resource_missing", "customer"),
        ({"amount": 100, "currency": "usd", "payment_method": "pm_none"}, "resource_missing", "payment_method"),
        ({"amount": 100, "currency": "usd", "off_session": True}, None, "off_session"),
        ({"amount": 100, "currency": "usd", "confirm": True, **NEVER}, "payment_intent_unexpected_state", None),
        (
            {"amount": 100, "currency": "usd", "payment_method_types": ["card"]},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
        ({"amount": 100, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}, None, "return_url"),
    ],
)
def test_a_payment_that_cannot_be_is_refused_and_leaves_nothing_behind(api, params, code, param, events):
    error = refused(api.payment_intents.create, params)

    assert (error.code, error.param) == (code, param)
    assert events() == []
    assert api.payment_intents.list().data == []


def test_who_names_no_version_or_an_older_one_may_still_name_the_types(stripe, connect):
    old = {"amount": 100, "currency": "usd", "payment_method_types": ["card"]}
    unversioned = call(
        "POST",
        "http://api/v1/payment_intents",
        {"Authorization": "Bearer sk_test_simulated"},
        "amount=100&currency=usd&payment_method_types[]=card&confirm=true&payment_method=pm_card_visa",
    )

    assert stripe.answer(unversioned).status == 200
    assert connect(stripe_version="2025-03-31.basil").payment_intents.create(old).payment_method_types == ["card"]


# Refunds ------------------------------------------------------------------------------------------------------------------


def test_refunds_add_up_and_never_exceed_the_charge(api, pay, events):
    intent = pay()
    events()

    first = api.refunds.create({"payment_intent": intent.id, "amount": 300, "metadata": {"why": "late"}})
    error = refused(api.refunds.create, {"charge": intent.latest_charge, "amount": 701})
    second = api.refunds.create({"charge": intent.latest_charge})

    assert (first.status, second.amount) == ("succeeded", 700)
    assert (error.param, error.code) == ("amount", None)
    assert refused(api.refunds.create, {"payment_intent": intent.id}).code == "charge_already_refunded"
    told = events("charge.refunded")
    assert [one["data"]["object"]["amount_refunded"] for one in told] == [300, 1000]
    assert [one["data"]["object"]["refunded"] for one in told] == [False, True]
    assert [one.id for one in api.refunds.list({"charge": intent.latest_charge}).data] == [second.id, first.id]


def test_the_metadata_of_a_refund_can_change(api, pay, events):
    refund = api.refunds.create({"payment_intent": pay().id})
    events()

    assert api.refunds.update(refund.id, {"metadata": {"a": "b"}}).metadata.a == "b"

    assert events() == ["refund.updated", "charge.refund.updated"]


def test_a_refund_is_pending_and_then_succeeds(stripe, api, pay, events):
    refund = api.refunds.create({"payment_intent": pay("pm_card_pendingRefund").id})
    assert refund.status == "pending"
    events()

    stripe.advance(timedelta(hours=1))

    assert api.refunds.retrieve(refund.id).status == "succeeded"
    assert events() == ["refund.updated", "charge.refund.updated"]


def test_a_refund_that_fails_is_no_refund(stripe, api, pay, events):
    intent = pay("pm_card_refundFail")
    refund = api.refunds.create({"payment_intent": intent.id})
    events()

    stripe.advance(timedelta(hours=1))

    assert events() == ["refund.updated", "refund.failed", "charge.refund.updated"]
    assert (api.refunds.retrieve(refund.id).status, api.charges.retrieve(intent.latest_charge).amount_refunded) == (
        "failed",
        0,
    )
    with pytest.raises(ValueError, match="failed already"):
        stripe.settle_refund(refund.id, "failed")


# Disputes -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evidence", "status", "closing"),
    [
        ("winning_evidence", "won", ["charge.dispute.updated", "charge.dispute.funds_reinstated", "charge.dispute.closed"]),
        ("losing_evidence", "lost", ["charge.dispute.updated", "charge.dispute.closed"]),
    ],
)
def test_a_dispute_takes_the_money_and_evidence_decides(api, pay, events, evidence, status, closing):
    intent = pay("pm_card_createDispute")
    [dispute] = api.disputes.list({"payment_intent": intent.id}).data
    assert events()[3:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert (dispute.status, dispute.balance_transactions[0].net) == ("needs_response", -2500)
    assert refused(api.refunds.create, {"payment_intent": intent.id}).code == "charge_disputed"

    api.disputes.update(dispute.id, {"evidence": {"uncategorized_text": evidence}})

    assert api.disputes.retrieve(dispute.id).status == status
    assert events() == closing
    assert "already closed" in refused(api.disputes.close, dispute.id).message


def test_an_inquiry_takes_no_money_and_can_be_answered_with_a_refund(api, pay, events):
    intent = pay("pm_card_createDisputeInquiry")

    assert events()[3:] == ["charge.dispute.created"]
    [dispute] = api.disputes.list().data
    assert (dispute.status, dispute.balance_transactions) == ("warning_needs_response", [])
    assert api.refunds.create({"payment_intent": intent.id}).status == "succeeded"


def test_a_dispute_that_nobody_answers_is_lost(stripe, api, pay):
    charge = pay().latest_charge
    dispute = stripe.dispute(charge, "product_not_received")

    stripe.advance(timedelta(days=14))

    after = api.disputes.retrieve(dispute)
    assert (after.status, after.evidence_details.past_due, after.charge) == ("lost", True, charge)


# Older integrations -------------------------------------------------------------------------------------------------------


def test_a_token_can_be_charged_directly(api, events):
    charge = sdk_charge(api, {"amount": 2000, "currency": "usd", "source": "tok_visa"})

    assert (charge["status"], charge["source"]["last4"], charge["payment_intent"]) == ("succeeded", "4242", None)
    assert events() == ["charge.succeeded"]


def test_a_customer_with_a_source_can_be_charged_directly(api, events):
    customer = api.customers.create({"source": "tok_visa"})
    assert events() == ["customer.created", "payment_method.attached", "customer.source.created", "customer.updated"]

    charge = sdk_charge(api, {"amount": 2000, "currency": "usd", "customer": customer.id, "capture": "false"})

    assert (charge["payment_method"], charge["captured"]) == (customer.default_source, False)
    assert api.charges.capture(charge["id"]).captured


def test_the_first_source_of_a_customer_is_its_default(api, customer, events):
    events()

    first = api.customers.payment_sources.create(customer.id, {"source": "tok_visa"})
    second = api.customers.payment_sources.create(customer.id, {"source": "tok_mastercard"})

    assert (first.brand, second.brand) == ("Visa", "Mastercard")
    assert api.customers.retrieve(customer.id).default_source == first.id
    assert events().count("customer.updated") == 1
    assert (
        refused(api.customers.payment_sources.create, customer.id, {"source": "tok_chargeDeclined"}).code == "card_declined"
    )


def test_a_token_that_is_declined_is_refused(api, events):
    error = refused(sdk_charge, api, {"amount": 2000, "currency": "usd", "source": "tok_chargeDeclined"})

    assert (error.code, error.decline_code) == ("card_declined", "generic_decline")
    assert events() == ["charge.failed"]


def sdk_charge(api, params):
    return api.charges.create(params).to_dict()
