"""Checkout Sessions and the customer portal, through Stripe's own library."""

from datetime import timedelta

import conformance
import pytest
import stripe as sdk

from billing_adapters.simulator import Refused

THREE_D_SECURE = "4000000000003220"
DECLINING = "4000000000000002"
INLINE = {"currency": "usd", "unit_amount": 0, "product_data": {"name": "Sample"}}


@pytest.fixture
def price(api):
    product = api.products.create({"name": "100 credits"})
    return api.prices.create({"product": product.id, "currency": "usd", "unit_amount": 1000})


@pytest.fixture
def customer(api):
    return api.customers.create({"email": "jenny@example.com", "name": "Jenny Rosen"})


@pytest.fixture
def open_session(api, price):
    """Return a function that opens a session to pay for two packs."""

    def opened(**params):
        return api.checkout.sessions.create({
            "mode": "payment",
            "line_items": [{"price": price.id, "quantity": 2}],
            "success_url": "https://shop.example/thanks?session_id={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.example/cart",
            **params,
        })

    return opened


def refused(call, *arguments, **options):
    with pytest.raises(sdk.StripeError) as caught:
        call(*arguments, **options)
    return caught.value.error


def well_formed(one):
    return conformance.check_object(one.to_dict()) == []


def test_a_customer_pays_and_is_sent_back(stripe, api, open_session, customer, events):
    session = open_session(
        customer=customer.id,
        client_reference_id="account 7",
        metadata={"purchase": "p1"},
        payment_intent_data={"metadata": {"purchase": "p1"}, "setup_future_usage": "off_session"},
    )
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert (session.amount_total, session.currency) == (2000, "usd")
    assert session.id.startswith("cs_test_")
    events()

    back = stripe.pay(session.id)

    assert back == f"https://shop.example/thanks?session_id={session.id}"
    assert events() == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_method.attached",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    after = api.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent", "line_items"]})
    assert (after.status, after.payment_status, after.url) == ("complete", "paid", None)
    assert (after.payment_intent.amount_received, after.payment_intent.customer) == (2000, customer.id)
    assert after.payment_intent.metadata.purchase == after.metadata.purchase == "p1"
    assert after.client_reference_id == "account 7"
    assert after.customer_details.email == "jenny@example.com"
    [item] = after.line_items.data
    assert (item.description, item.quantity, item.amount_total) == ("100 credits", 2, 2000)
    assert well_formed(session)
    assert well_formed(after)


def test_what_is_told_is_the_session_without_what_is_only_sent_when_asked_for(stripe, open_session, events):
    session = open_session()

    stripe.pay(session.id)

    [event] = events("checkout.session.completed")
    assert "line_items" not in event["data"]["object"]
    assert event["data"]["object"]["id"] == session.id
    assert conformance.check_object(event) == []


def test_a_decline_leaves_the_session_open(stripe, api, open_session, events):
    session = open_session()
    events()

    with pytest.raises(Refused, match="Your card was declined"):
        stripe.pay(session.id, DECLINING)

    assert events() == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
    assert api.checkout.sessions.retrieve(session.id).status == "open"
    stripe.pay(session.id)
    after = api.checkout.sessions.retrieve(session.id)
    assert (after.status, after.payment_status) == ("complete", "paid")
    assert len(api.payment_intents.list().data) == 1


def test_a_card_that_wants_authentication_gets_it_or_not(stripe, api, open_session):
    session = open_session()

    with pytest.raises(Refused, match="failed authentication"):
        stripe.pay(session.id, THREE_D_SECURE, authenticates=False)
    assert api.checkout.sessions.retrieve(session.id).status == "open"
    stripe.pay(session.id, THREE_D_SECURE)

    assert api.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_a_guest_stays_one_unless_a_customer_is_asked_for(stripe, api, open_session):
    guest, member = open_session(), open_session(customer_creation="always")

    stripe.pay(guest.id, email="guest@example.com")
    stripe.pay(member.id, email="member@example.com")

    guest, member = (api.checkout.sessions.retrieve(one.id) for one in (guest, member))
    assert (guest.customer, guest.customer_details.email) == (None, "guest@example.com")
    assert api.customers.retrieve(member.customer).email == "member@example.com"
    assert [one.id for one in api.checkout.sessions.list({"customer": member.customer}).data] == [member.id]
    assert [one.id for one in api.checkout.sessions.list({"payment_intent": guest.payment_intent}).data] == [guest.id]
    found = api.checkout.sessions.list({"customer_details": {"email": "guest@example.com"}, "status": "complete"}).data
    assert [one.id for one in found] == [guest.id]


def test_a_customer_of_whom_no_email_is_known_gets_the_one_that_is_entered(stripe, api, open_session):
    customer = api.customers.create({"name": "Jenny Rosen"})
    session = open_session(customer=customer.id)

    stripe.pay(session.id, email="jenny@example.com")

    assert api.customers.retrieve(customer.id).email == "jenny@example.com"
    details = api.checkout.sessions.retrieve(session.id).customer_details
    assert (details.email, details.name) == ("jenny@example.com", "Jenny Rosen")


def test_a_declined_attempt_creates_no_second_customer(stripe, api, open_session):
    session = open_session(customer_creation="always")

    with pytest.raises(Refused):
        stripe.pay(session.id, DECLINING)
    stripe.pay(session.id)

    [customer] = api.customers.list().data
    assert api.checkout.sessions.retrieve(session.id).customer == customer.id


def test_a_session_expires_by_the_clock_or_by_hand(stripe, api, open_session, events):
    soon = open_session(expires_at=int(stripe.now.timestamp()) + 1800)
    later, by_hand = open_session(), open_session()
    events()

    api.checkout.sessions.expire(by_hand.id)
    stripe.advance(timedelta(minutes=30))
    assert [api.checkout.sessions.retrieve(one.id).status for one in (by_hand, soon, later)] == [
        "expired",
        "expired",
        "open",
    ]
    stripe.advance(timedelta(hours=24))

    assert events() == ["checkout.session.expired"] * 3
    assert api.checkout.sessions.retrieve(later.id).url is None
    assert "status of `expired`" in refused(api.checkout.sessions.expire, later.id).message
    with pytest.raises(Refused, match="is expired"):
        stripe.pay(later.id)


def test_what_was_begun_in_a_session_ends_with_it(stripe, api, open_session):
    session = open_session()
    with pytest.raises(Refused):
        stripe.pay(session.id, DECLINING)

    api.checkout.sessions.expire(session.id)

    [intent] = api.payment_intents.list().data
    assert intent.status == "canceled"


def test_a_session_that_is_complete_does_not_expire(stripe, api, open_session, events):
    session = open_session()
    stripe.pay(session.id)
    events()

    stripe.advance(timedelta(hours=25))

    assert events() == []
    assert api.checkout.sessions.retrieve(session.id).status == "complete"
    with pytest.raises(Refused, match="is complete"):
        stripe.pay(session.id)


def test_a_price_can_be_made_for_one_session(api, open_session):
    data = {"currency": "eur", "unit_amount": 999, "product_data": {"name": "One of a kind"}}
    session = open_session(line_items=[{"price_data": data, "quantity": 1}])

    [item] = api.checkout.sessions.line_items.list(session.id, {"expand": ["data.price.product"]}).data
    assert (item.amount_total, item.currency, item.price.product.name) == (999, "eur", "One of a kind")
    assert (item.price.active, item.price.product.active) == (False, False)
    assert well_formed(item)


def test_items_are_listed_in_the_order_in_which_they_were_given(api, open_session, price):
    items = [{"price": price.id, "quantity": quantity} for quantity in range(1, 13)]
    session = open_session(line_items=items)

    first = api.checkout.sessions.line_items.list(session.id, {"limit": 5})
    assert [one.quantity for one in first.data] == [1, 2, 3, 4, 5]
    assert [one.quantity for one in first.auto_paging_iter()] == list(range(1, 13))
    inline = api.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]}).line_items
    assert (len(inline.data), inline.has_more) == (10, True)


def test_money_that_is_only_authorized_is_not_paid(stripe, api, open_session):
    session = open_session(payment_intent_data={"capture_method": "manual"})

    stripe.pay(session.id)

    after = api.checkout.sessions.retrieve(session.id)
    assert (after.status, after.payment_status) == ("complete", "unpaid")


def test_what_costs_nothing_needs_no_payment(stripe, api, open_session):
    session = open_session(line_items=[{"price_data": INLINE, "quantity": 1}])

    stripe.pay(session.id)

    after = api.checkout.sessions.retrieve(session.id)
    assert (after.status, after.payment_status, after.payment_intent) == ("complete", "no_payment_required", None)


def test_a_card_can_be_kept_without_paying(stripe, api, customer, events):
    session = api.checkout.sessions.create({
        "mode": "setup",
        "currency": "usd",
        "customer": customer.id,
        "setup_intent_data": {"metadata": {"why": "auto top-up"}},
        "success_url": "https://shop.example/kept",
    })
    events()

    with pytest.raises(Refused, match="declined"):
        stripe.pay(session.id, DECLINING)
    with pytest.raises(Refused, match="authenticate your payment method"):
        stripe.pay(session.id, THREE_D_SECURE, authenticates=False)
    stripe.pay(session.id)

    after = api.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]})
    assert (after.status, after.payment_status, after.amount_total) == ("complete", "no_payment_required", None)
    assert (after.setup_intent.status, after.setup_intent.metadata.why) == ("succeeded", "auto top-up")
    assert len(api.customers.payment_methods.list(customer.id).data) == 1
    assert events()[-2:] == ["setup_intent.succeeded", "checkout.session.completed"]
    assert well_formed(after)


def test_the_hosted_page_has_its_older_name_in_older_versions(connect, price):
    session = {
        "mode": "payment",
        "line_items": [{"price": price.id, "quantity": 1}],
        "success_url": "https://shop.example",
        "ui_mode": "hosted",
    }

    assert connect(stripe_version="2026-02-25.clover").checkout.sessions.create(session).ui_mode == "hosted"
    assert refused(connect().checkout.sessions.create, session).param == "ui_mode"


def test_too_much_metadata_is_refused_before_anybody_pays(open_session, events):
    many = {f"key{number}": "x" for number in range(51)}
    events()

    for params in (
        {"payment_intent_data": {"metadata": many}},
        {"line_items": [{"price_data": INLINE, "quantity": 1, "metadata": many}]},
        {"line_items": [{"price_data": {**INLINE, "product_data": {"name": "A", "metadata": many}}, "quantity": 1}]},
    ):
        assert "50 keys" in refused(open_session, **params).message
    assert events() == []


def test_a_card_that_wants_authentication_can_be_kept(stripe, api):
    session = api.checkout.sessions.create({"mode": "setup", "currency": "usd", "success_url": "https://shop.example"})

    stripe.pay(session.id, THREE_D_SECURE)

    after = api.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]})
    assert (after.status, after.setup_intent.status) == ("complete", "succeeded")


def test_a_card_that_was_not_kept_in_time_is_not_kept(stripe, api):
    session = api.checkout.sessions.create({"mode": "setup", "currency": "usd", "success_url": "https://shop.example"})
    with pytest.raises(Refused):
        stripe.pay(session.id, DECLINING)

    api.checkout.sessions.expire(session.id)

    assert [one.status for one in api.setup_intents.list().data] == ["canceled"]


def test_a_price_in_several_currencies_is_sold_in_the_one_that_is_asked_for(api, open_session, price):
    api.prices.update(price.id, {"currency_options": {"eur": {"unit_amount": 900}}})

    session = open_session(currency="eur")

    assert (session.currency, session.amount_total) == ("eur", 1800)


def test_metadata_can_be_changed(api, open_session):
    session = open_session(metadata={"a": "1", "b": "2"})

    after = api.checkout.sessions.update(session.id, {"metadata": {"a": "", "c": "3"}})

    assert after.metadata.to_dict() == {"b": "2", "c": "3"}


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, "resource_missing", "line_items[0][price]"),
        ({"line_items": [{"quantity": 1}]}, None, "line_items[0]"),
        ({"line_items": []}, "parameter_missing", "line_items"),
        ({"customer": "cus_none"}, "resource_missing", "customer"),
        ({"customer_email": "a@example.com", "customer": "cus_none"}, "parameters_exclusive", "customer"),
        ({"mode": "subscription"}, None, "line_items"),
        ({"mode": "setup", "currency": "usd"}, None, "line_items"),
        ({"subscription_data": {"trial_period_days": 7}}, None, "subscription_data"),
        ({"success_url": "shop.example"}, "url_invalid", "success_url"),
        ({"expires_at": 1}, None, "expires_at"),
        ({"expires_at": 9999999999}, None, "expires_at"),
        ({"line_items": [{"price_data": {**INLINE, "currency": "xxx"}, "quantity": 1}]}, None, "currency"),
        ({"line_items": [{"price_data": {**INLINE, "unit_amount": 10**8}, "quantity": 1}]}, "amount_too_large", "amount"),
        ({"currency": "eur"}, None, "line_items[0][price]"),
        ({"discounts": [{"coupon": "none"}]}, "resource_missing", "discounts[0][coupon]"),
        (
            {"line_items": [{"price_data": {**INLINE, "unit_amount": 49}, "quantity": 1}]},
            "amount_too_small",
            None,
        ),
        (
            {"line_items": [{"price_data": {"currency": "usd", "unit_amount": 100}, "quantity": 1}]},
            "parameter_missing",
            "line_items[0][price_data][product]",
        ),
    ],
)  # fmt: skip
def test_a_session_that_cannot_be_is_refused_and_leaves_nothing_behind(api, open_session, params, code, param, events):
    events()

    error = refused(open_session, **params)

    assert (error.code, error.param) == (code, param)
    assert events() == []
    assert api.checkout.sessions.list().data == []


def test_what_is_not_for_sale_is_refused(api, open_session, price):
    item = {"price": price.id}
    assert refused(open_session, line_items=[item]).param == "line_items[0][quantity]"
    api.products.update(price.product, {"active": False})
    assert "product is not active" in refused(open_session).message
    api.prices.update(price.id, {"active": False})
    assert "The price specified is inactive" in refused(open_session).message


def test_what_contradicts_itself_is_refused(api, open_session, price):
    custom = {"product": price.product, "currency": "usd", "custom_unit_amount": {"enabled": True}}
    chosen = api.prices.create(custom)

    def said(**item):
        return refused(open_session, line_items=[{"quantity": 1, **item}])

    assert "custom_unit_amount" in said(price=chosen.id).message
    assert said(price=price.id, price_data=INLINE).code == "parameters_exclusive"
    assert said(price_data={**INLINE, "product": price.product}).code == "parameters_exclusive"
    assert said(price_data={**INLINE, "unit_amount_decimal": "1"}).code == "parameters_exclusive"


def test_a_recurring_price_is_not_paid_once(api, open_session, price):
    monthly = {"product": price.product, "currency": "usd", "unit_amount": 900, "recurring": {"interval": "month"}}
    recurring = api.prices.create(monthly)

    error = refused(open_session, line_items=[{"price": recurring.id, "quantity": 1}])

    assert error.message.startswith("You specified `payment` mode but passed a recurring price.")


def test_a_session_is_paid_as_the_command_line_does_it(stripe, api, open_session, events):
    cli = sdk.StripeClient("sk_test_simulated", http_client=stripe.http_client(), stripe_version="2025-03-31.basil")
    session = open_session()
    method = api.payment_methods.create({
        "type": "card",
        "card": {"token": "tok_visa"},
        "billing_details": {"email": "stripe@example.com"},
    })

    def send(what, path, **params):
        return cli.raw_request(what, f"/v1/payment_pages/{path}", **params).data

    page = send("get", session.id)
    assert refused(send, "post", f"{page['id']}/confirm", payment_method=method.id, expected_amount=1).param
    send("post", f"{page['id']}/confirm", payment_method=method.id, expected_amount=2000)

    after = api.checkout.sessions.retrieve(session.id)
    assert (after.payment_status, after.customer_details.email) == ("paid", "stripe@example.com")
    assert events()[-1] == "checkout.session.completed"


# The portal ---------------------------------------------------------------------------------------------------------------


def test_the_portal_needs_no_configuration_but_may_have_one(api, customer):
    plain = api.billing_portal.sessions.create({"customer": customer.id, "return_url": "https://shop.example/account"})
    own = api.billing_portal.configurations.create({
        "default_return_url": "https://shop.example",
        "features": {"invoice_history": {"enabled": True}},
    })
    session = api.billing_portal.sessions.create({"customer": customer.id, "configuration": own.id})

    assert plain.url.startswith("https://stripe.simulator.invalid/p/session/bps_test_")
    assert (plain.return_url, session.return_url) == ("https://shop.example/account", "https://shop.example")
    [default] = api.billing_portal.configurations.list({"is_default": True}).data
    assert (plain.configuration, session.configuration) == (default.id, own.id)
    assert api.billing_portal.configurations.retrieve(own.id).default_return_url == "https://shop.example"
    assert all(map(well_formed, (plain, own, default)))


def test_the_portal_refuses_whom_it_does_not_know(api, customer):
    assert refused(api.billing_portal.sessions.create, {"customer": "cus_none"}).code == "resource_missing"
    nowhere = {"customer": customer.id, "configuration": "bpc_none"}
    assert refused(api.billing_portal.sessions.create, nowhere).param == "configuration"
