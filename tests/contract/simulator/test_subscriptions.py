"""Subscriptions through Stripe's own library: how they begin, change and end."""

import json
from datetime import timedelta

import conformance
import pytest
import stripe as sdk

from billing_adapters.stripe.webhooks import parse

SECRET = {"expand": ["latest_invoice.confirmation_secret", "pending_setup_intent"]}


def refused(call, *arguments):
    with pytest.raises(sdk.StripeError) as caught:
        call(*arguments)
    return caught.value.error


def unpaid(api, gold, **params):
    customer = api.customers.create({"email": "jenny@example.com"}).id
    wanted = {"customer": customer, "items": [{"price": gold.id}], "payment_behavior": "default_incomplete"}
    return api.subscriptions.create({**wanted, **SECRET, **params})


def first_intent(subscription):
    return subscription.latest_invoice.confirmation_secret.client_secret.partition("_secret_")[0]


def lines(api, invoice):
    return [(one.amount, one.description) for one in api.invoices.retrieve(invoice).lines.data]


def test_a_subscription_that_is_paid_at_once_is_active_and_tells_in_order(subscribe, api, events):
    customer = api.customers.create({}).id
    method = api.payment_methods.attach("pm_card_visa", {"customer": customer})
    events()

    subscription = subscribe(customer, default_payment_method=method.id, metadata={"account": "user-1"})

    assert subscription.status == "active"
    assert events() == [
        "customer.updated",  # its currency
        "invoice.created",
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "customer.subscription.created",
    ]
    invoice = api.invoices.retrieve(subscription.latest_invoice, {"expand": ["payments"]})
    assert (invoice.status, invoice.billing_reason, invoice.amount_paid) == ("paid", "subscription_create", 2000)
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert invoice.parent.subscription_details.metadata.account == "user-1"
    assert invoice.payments.data[0].status == "paid"


def test_a_first_payment_that_the_customer_confirms_makes_it_active(api, gold, events):
    subscription = unpaid(api, gold)
    assert subscription.status == "incomplete"
    events()

    api.payment_intents.confirm(first_intent(subscription), {"payment_method": "pm_card_visa"})

    assert api.subscriptions.retrieve(subscription.id).status == "active"
    told = events()
    assert told.index("invoice.paid") < told.index("customer.subscription.updated")


def test_a_first_payment_that_fails_can_be_tried_again(api, gold, events):
    subscription = unpaid(api, gold)
    intent = first_intent(subscription)

    refused(api.payment_intents.confirm, intent, {"payment_method": "pm_card_chargeDeclined"})

    assert api.subscriptions.retrieve(subscription.id).status == "incomplete"
    assert "invoice.payment_failed" in events()
    api.payment_intents.confirm(intent, {"payment_method": "pm_card_visa"})
    assert api.subscriptions.retrieve(subscription.id).status == "active"


def test_the_card_of_the_first_payment_is_kept_if_that_is_asked_for(api, gold):
    subscription = unpaid(api, gold, payment_settings={"save_default_payment_method": "on_subscription"})

    api.payment_intents.confirm(first_intent(subscription), {"payment_method": "pm_card_visa"})

    kept = api.subscriptions.retrieve(subscription.id, {"expand": ["default_payment_method"]}).default_payment_method
    assert kept.customer == subscription.customer


def test_a_card_that_wants_its_owner_leaves_the_subscription_incomplete(subscribe, stripe, api, events):
    subscription = subscribe(card="pm_card_authenticationRequired", **SECRET)
    assert subscription.status == "incomplete"
    assert "invoice.payment_action_required" in events()

    stripe.authenticate(first_intent(subscription))

    assert api.subscriptions.retrieve(subscription.id).status == "active"


def test_a_failing_card_leaves_it_incomplete_or_nothing_at_all(subscribe, api, with_card):
    assert subscribe(card="pm_card_chargeCustomerFail").status == "incomplete"

    customer = with_card("pm_card_chargeCustomerFail").id
    with pytest.raises(sdk.CardError):
        subscribe(customer, payment_behavior="error_if_incomplete")
    assert api.subscriptions.list({"customer": customer, "status": "all"}).data == []


def test_a_card_by_its_well_known_name_is_attached_and_the_default_at_once(subscribe, api):
    card = {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}

    customer = api.customers.create(card)

    default = customer.invoice_settings.default_payment_method
    assert api.payment_methods.retrieve(default).customer == customer.id
    assert subscribe(customer.id).status == "active"


def test_without_a_card_it_is_refused_unless_it_may_be_incomplete(subscribe, api):
    customer = api.customers.create({}).id

    assert refused(lambda: subscribe(customer)).code == "resource_missing"
    assert subscribe(customer, payment_behavior="default_incomplete").status == "incomplete"


def test_what_is_not_paid_within_23_hours_expires(api, gold, stripe, events):
    subscription = unpaid(api, gold)
    events()

    stripe.advance(timedelta(hours=23))

    assert api.subscriptions.retrieve(subscription.id).status == "incomplete_expired"
    assert api.invoices.retrieve(subscription.latest_invoice.id).status == "void"
    assert events() == ["customer.subscription.updated", "payment_intent.canceled", "invoice.updated", "invoice.voided"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"items": [{"price": "price_none"}]}, "resource_missing"),
        ({"items": []}, "parameter_missing"),
        ({"customer": "cus_none"}, "resource_missing"),
        ({"default_payment_method": "pm_none"}, "resource_missing"),
        ({"default_payment_method": "pm_card_visa"}, "resource_missing"),
        ({"discounts": [{"coupon": "none"}]}, "resource_missing"),
        ({"cancel_at": 1}, None),
        ({"cancel_at": 2000000000, "cancel_at_period_end": True}, "parameters_exclusive"),
        ({"trial_end": 1}, None),
        ({"trial_end": 2000000000, "trial_period_days": 1}, "parameters_exclusive"),
        ({"payment_method_types": ["card"]}, "parameter_unknown"),
    ],
)
def test_what_does_not_exist_is_refused_and_nothing_is_left(subscribe, api, params, code):
    assert refused(lambda: subscribe(**params)).code == code
    assert api.subscriptions.list({"status": "all"}).data == []
    assert api.invoices.list().data == []


# Changes ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def swap(api):
    """Return a function that gives the only item of a subscription another price or quantity."""

    def swapped(subscription, proration="create_prorations", **item):
        only = api.subscription_items.list({"subscription": subscription.id}).data[0].id
        wanted = {"items": [{"id": only, **item}], "proration_behavior": proration}
        return api.subscriptions.update(subscription.id, wanted)

    return swapped


def test_a_swap_gives_back_and_asks_for_the_rest_of_the_period_to_the_second(subscribe, swap, stripe, api, silver, events):
    subscription = subscribe()
    stripe.advance(timedelta(days=15, hours=12))  # half of January
    events()

    after = swap(subscription, "always_invoice", price=silver.id)

    assert after["items"].data[0].price.id == silver.id
    assert lines(api, after.latest_invoice) == [
        (-1000, "Unused time on Gold after 16 Jan 2026"),
        (500, "Remaining time on Gold after 16 Jan 2026"),
    ]
    invoice = api.invoices.retrieve(after.latest_invoice)
    assert (invoice.billing_reason, invoice.total, invoice.amount_due, invoice.status) == (
        "subscription_update",
        -500,
        0,
        "paid",
    )
    assert api.customers.retrieve(subscription.customer).balance == -500
    assert events("customer.subscription.updated")[0]["data"]["previous_attributes"]["items"]


def test_prorations_wait_for_the_next_invoice(subscribe, swap, stripe, api):
    subscription = subscribe()
    stripe.advance(timedelta(days=15, hours=12))

    swap(subscription, quantity=3)

    waiting = api.invoice_items.list({"customer": subscription.customer, "pending": True}).data
    assert sorted(one.amount for one in waiting) == [-1000, 3000]
    stripe.advance(timedelta(days=16))
    renewal = api.invoices.retrieve(api.subscriptions.retrieve(subscription.id).latest_invoice)
    assert [one.amount for one in renewal.lines.data] == [-1000, 3000, 6000]
    assert (renewal.total, renewal.status) == (8000, "paid")
    origin = renewal.lines.data[0].parent.invoice_item_details
    assert (origin.proration, origin.subscription) == (True, subscription.id)
    assert api.invoice_items.list({"pending": True}).data == []


def test_a_swap_without_prorations_asks_for_nothing(subscribe, swap, stripe, api, silver):
    subscription = subscribe()
    stripe.advance(timedelta(days=10))

    after = swap(subscription, "none", price=silver.id)

    assert after.latest_invoice == subscription.latest_invoice
    assert api.invoice_items.list().data == []


def test_another_rhythm_begins_a_new_period_now(subscribe, swap, stripe, api, gold):
    yearly = api.prices.create({
        "product": gold.product,
        "currency": "usd",
        "unit_amount": 20000,
        "recurring": {"interval": "year"},
    })
    subscription = subscribe()
    stripe.advance(timedelta(days=15, hours=12))

    after = swap(subscription, price=yearly.id)

    item = after["items"].data[0]
    assert item.current_period_start == after.billing_cycle_anchor == int(stripe.now.timestamp())
    assert item.current_period_end - item.current_period_start == 365 * 86400
    assert [one[0] for one in lines(api, after.latest_invoice)] == [-1000, 20000]


def test_a_swap_that_cannot_be_paid_makes_it_past_due_or_is_refused(subscribe, api):
    subscription = subscribe()
    failing = api.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": subscription.customer}).id
    only = subscription["items"].data[0].id
    wanted = {
        "default_payment_method": failing,
        "items": [{"id": only, "quantity": 5}],
        "proration_behavior": "always_invoice",
    }

    api.subscriptions.update(subscription.id, {"default_payment_method": failing})
    assert (
        refused(api.subscriptions.update, subscription.id, {**wanted, "payment_behavior": "error_if_incomplete"}).type
        == "card_error"
    )
    assert api.subscriptions.retrieve(subscription.id)["items"].data[0].quantity == 1

    assert api.subscriptions.update(subscription.id, wanted).status == "past_due"


def test_a_swap_can_wait_for_the_customer_to_confirm_its_payment(subscribe, api):
    subscription = subscribe()
    item = {"id": subscription["items"].data[0].id, "quantity": 5}
    wanted = {"items": [item], "proration_behavior": "always_invoice", "payment_behavior": "default_incomplete"}

    waits = api.subscriptions.update(subscription.id, {**wanted, "expand": ["latest_invoice.confirmation_secret"]})

    assert (waits.status, waits.latest_invoice.amount_due) == ("past_due", 8000)
    api.payment_intents.confirm(first_intent(waits))
    assert api.subscriptions.retrieve(subscription.id).status == "active"


def test_items_are_added_and_deleted_but_never_all_of_them(subscribe, api, silver):
    subscription = subscribe()
    item = subscription["items"].data[0].id

    both = api.subscriptions.update(subscription.id, {"items": [{"price": silver.id}], "proration_behavior": "none"})
    one = api.subscriptions.update(
        subscription.id, {"items": [{"id": item, "deleted": True}], "proration_behavior": "none"}
    )

    assert [len(both["items"].data), [left.price.id for left in one["items"].data]] == [2, [silver.id]]
    assert api.subscription_items.retrieve(one["items"].data[0].id).subscription == subscription.id
    last = {"items": [{"id": one["items"].data[0].id, "deleted": True}]}
    assert "at least one" in refused(api.subscriptions.update, subscription.id, last).message
    assert refused(api.subscriptions.update, subscription.id, {"items": [{"price": silver.id}]}).param == "items"


def test_what_is_incomplete_cannot_be_changed_but_canceled(api, gold):
    subscription = unpaid(api, gold)

    assert refused(api.subscriptions.update, subscription.id, {"cancel_at_period_end": True})

    assert api.subscriptions.cancel(subscription.id).status == "canceled"
    assert api.invoices.retrieve(subscription.latest_invoice.id).status == "void"


def test_a_price_can_be_made_on_the_way(subscribe, gold):
    data = {"currency": "usd", "product": gold.product, "unit_amount": 700, "recurring": {"interval": "week"}}

    subscription = subscribe(
        items=[{"price_data": data, "quantity": 2}], expand=["latest_invoice", "items.data.price.product"]
    )

    item = subscription["items"].data[0]
    assert (subscription.latest_invoice.total, item.current_period_end - item.current_period_start) == (1400, 7 * 86400)
    assert item.price.product.name == "Gold"


@pytest.mark.parametrize("way", ["one_time", "archived", "other_rhythm", "other_currency"])
def test_a_price_that_cannot_be_subscribed_to_is_refused(subscribe, api, gold, way):
    recurring = {"recurring": {"interval": "year" if way == "other_rhythm" else "month"}}
    price = api.prices.create({
        "product": gold.product,
        "currency": "eur" if way == "other_currency" else "usd",
        "unit_amount": 500,
        **({} if way == "one_time" else recurring),
    })
    if way == "archived":
        api.prices.update(price.id, {"active": False})

    error = refused(lambda: subscribe(items=[{"price": gold.id}, {"price": price.id}]))

    assert error.param.startswith("items")
    assert api.subscriptions.list({"status": "all"}).data == []


def test_the_end_of_the_period_can_be_the_end_and_then_not(subscribe, api, events):
    subscription = subscribe()
    end = subscription["items"].data[0].current_period_end
    events()

    ending = api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    going_on = api.subscriptions.update(subscription.id, {"cancel_at_period_end": False})

    assert (ending.status, ending.cancel_at, ending.cancellation_details.reason) == (
        "active",
        end,
        "cancellation_requested",
    )
    assert (going_on.cancel_at, going_on.canceled_at, going_on.cancellation_details.reason) == (None, None, None)
    assert events() == ["customer.subscription.updated"] * 2


def test_canceling_ends_it_once(subscribe, api, events):
    subscription = subscribe()
    events()

    ended = api.subscriptions.cancel(subscription.id, {"cancellation_details": {"feedback": "too_expensive"}})

    assert (ended.status, ended.cancellation_details.feedback) == ("canceled", "too_expensive")
    assert events() == ["customer.subscription.deleted"]
    assert refused(api.subscriptions.cancel, subscription.id).code == "resource_missing"
    assert api.subscriptions.list({"customer": subscription.customer}).data == []
    assert api.subscriptions.list({"customer": subscription.customer, "status": "ended"}).data[0].id == subscription.id
    assert refused(api.subscriptions.update, subscription.id, {"cancel_at_period_end": True})


def test_canceling_can_give_the_rest_back(subscribe, stripe, api):
    subscription = subscribe()
    stripe.advance(timedelta(days=15, hours=12))

    api.subscriptions.cancel(subscription.id, {"prorate": True, "invoice_now": True})

    assert api.customers.retrieve(subscription.customer).balance == -1000


def test_who_deletes_a_customer_ends_what_it_subscribed_to(subscribe, stripe, api, events):
    subscription = subscribe()
    events()

    api.customers.delete(subscription.customer)

    assert events() == ["customer.subscription.deleted", "customer.deleted"]
    assert api.subscriptions.retrieve(subscription.id).status == "canceled"
    stripe.advance(timedelta(days=60))
    assert len(api.invoices.list().data) == 1


def test_subscriptions_are_listed_by_price_and_found_by_metadata(subscribe, api, gold, silver):
    subscription = subscribe(metadata={"account": "user-7"})

    assert [one.id for one in api.subscriptions.list({"price": gold.id}).data] == [subscription.id]
    assert api.subscriptions.list({"price": silver.id}).data == []
    found = api.subscriptions.search({"query": "metadata['account']:'user-7' AND status:'active'"}).data
    assert [one.id for one in found] == [subscription.id]


# Discounts ----------------------------------------------------------------------------------------------------------------


def test_a_coupon_takes_something_off_as_often_as_it_says(subscribe, stripe, api):
    once = api.coupons.create({"percent_off": 25, "duration": "once"})

    subscription = subscribe(discounts=[{"coupon": once.id}])

    first = api.invoices.retrieve(subscription.latest_invoice, {"expand": ["discounts.promotion_code"]})
    assert (first.subtotal, first.total, first.total_discount_amounts[0].amount) == (2000, 1500, 500)
    assert first.discounts[0].source.coupon == once.id
    assert api.coupons.retrieve(once.id).times_redeemed == 1
    stripe.advance(timedelta(days=32))
    assert api.invoices.retrieve(api.subscriptions.retrieve(subscription.id).latest_invoice).total == 2000


def test_a_repeating_coupon_lasts_so_many_months(subscribe, stripe, api):
    coupon = api.coupons.create({"amount_off": 700, "currency": "usd", "duration": "repeating", "duration_in_months": 2})
    subscription = subscribe(discounts=[{"coupon": coupon.id}])

    stripe.advance(timedelta(days=92))

    totals = [one.total for one in api.invoices.list({"subscription": subscription.id}).data]
    assert totals == [2000, 2000, 1300, 1300]


def test_a_promotion_code_is_redeemed_by_whom_it_is_for(subscribe, api, with_card):
    coupon = api.coupons.create({"percent_off": 50, "duration": "forever"})
    mine, other = with_card().id, with_card().id
    code = api.promotion_codes.create({
        "promotion": {"type": "coupon", "coupon": coupon.id},
        "code": "HALF",
        "customer": mine,
        "max_redemptions": 1,
    })

    assert (
        refused(lambda: subscribe(other, discounts=[{"promotion_code": code.id}])).code == "promotion_code_wrong_customer"
    )
    subscription = subscribe(mine, discounts=[{"promotion_code": code.id}], expand=["discounts"])

    assert subscription.discounts[0].promotion_code == code.id
    assert api.promotion_codes.list({"code": "half"}).data[0].times_redeemed == 1
    assert refused(lambda: subscribe(mine, discounts=[{"promotion_code": code.id}])).code == "promotion_code_inactive"


def test_a_coupon_that_is_used_up_or_deleted_is_good_no_more(subscribe, api):
    coupon = api.coupons.create({"percent_off": 50, "max_redemptions": 1, "duration": "forever"})
    subscription = subscribe(discounts=[{"coupon": coupon.id}])
    assert refused(lambda: subscribe(discounts=[{"coupon": coupon.id}])).code == "coupon_expired"
    assert api.coupons.retrieve(coupon.id).valid is False

    assert api.coupons.delete(coupon.id).deleted
    assert refused(lambda: subscribe(discounts=[{"coupon": coupon.id}])).code == "resource_missing"
    assert api.subscriptions.retrieve(subscription.id).discounts


# Conformance --------------------------------------------------------------------------------------------------------------


def test_every_object_and_event_is_in_stripes_shape_and_read_by_our_parser(
    subscribe, swap, stripe, api, silver, gold, every_event
):
    coupon = api.coupons.create({"percent_off": 10, "duration": "forever", "name": "Ten"})
    code = api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})
    subscription = subscribe(discounts=[{"promotion_code": code.id}])
    unpaid(api, gold, trial_period_days=10)
    stripe.advance(timedelta(days=10))
    swap(subscription, price=silver.id)
    swap(subscription, "always_invoice", quantity=4)
    told = every_event()
    stripe.advance(timedelta(days=32))
    api.subscriptions.cancel(subscription.id)
    told += every_event()

    assert {one["type"] for one in told} >= {"coupon.created", "promotion_code.created", "invoiceitem.created"}
    assert [why for one in told for why in conformance.check_object(one, strict=True)] == []
    assert [why for one in told for why in conformance.check_object(one["data"]["object"], strict=True)] == []
    assert [webhook for one in told if (webhook := parse(json.dumps(one).encode())).unreadable] == []


@pytest.mark.parametrize("version", ["2020-08-27", "2024-06-20", "2025-03-31.basil"])
def test_older_versions_are_written_and_read_too(subscribe, swap, stripe, api, silver, version):
    sent = []
    url = "https://example.com/hook"
    api.webhook_endpoints.create({"url": url, "enabled_events": ["*"], "api_version": version})
    subscription = subscribe()
    stripe.advance(timedelta(days=10))
    swap(subscription, "always_invoice", price=silver.id, quantity=4)
    stripe.advance(timedelta(days=32))
    stripe.deliver(lambda _, body, __: sent.append(body) or 200)

    events = [json.loads(body) for body in sent]
    assert [webhook for body in sent if (webhook := parse(body)).unreadable] == []
    agreement = next(one["data"]["object"] for one in events if one["type"] == "customer.subscription.created")
    invoice = next(one["data"]["object"] for one in events if one["type"] == "invoice.paid")
    older = version < "2025-03-31"
    assert ("current_period_end" in agreement) == older
    assert (invoice.get("subscription") == subscription.id) == older
    assert (invoice.get("payment_intent") is not None) == older
    grants = [parse(body).commands for body, one in zip(sent, events, strict=True) if one["type"] == "invoice.paid"]
    assert all(grants)
