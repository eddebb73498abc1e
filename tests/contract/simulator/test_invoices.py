"""Invoices through Stripe's own library: drafts, payments, previews."""

import json
from datetime import timedelta

import conformance
import pytest
import stripe as sdk

from billing_adapters.simulator.amounts import Off, cost, in_part, taken_off
from billing_adapters.stripe.webhooks import parse


@pytest.fixture
def invoice(api, with_card):
    """Return a function that drafts an invoice over 12.50."""

    def drafted(card="pm_card_visa", **params):
        customer = with_card(card).id
        api.invoice_items.create({"customer": customer, "amount": 1250, "currency": "usd", "description": "Setup"})
        return api.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include", **params})

    return drafted


def refused(call, *arguments):
    with pytest.raises(sdk.StripeError) as caught:
        call(*arguments)
    return caught.value.error


def test_what_waited_is_on_the_invoice_which_is_finalized_and_paid(invoice, api, events):
    draft = invoice(metadata={"order": "7"})
    assert (draft.status, draft.total, draft.number, draft.parent) == ("draft", 1250, None, None)
    assert draft.lines.data[0].parent.invoice_item_details.proration is False
    events()

    open_one = api.invoices.finalize_invoice(draft.id)
    paid = api.invoices.pay(draft.id, {"expand": ["payments.data.payment.payment_intent"]})

    assert (open_one.status, open_one.amount_remaining) == ("open", 1250)
    assert (paid.status, paid.amount_paid, paid.attempt_count) == ("paid", 1250, 1)
    assert paid.payments.data[0].payment.payment_intent.status == "succeeded"
    assert events("invoice.paid")[0]["data"]["object"]["metadata"] == {"order": "7"}
    assert api.invoice_items.list({"pending": True}).data == []


def test_the_payments_of_an_invoice_lead_to_it_and_from_it(invoice, api):
    paid = api.invoices.pay(invoice().id)

    payment = api.invoice_payments.list({"invoice": paid.id}).data[0]
    wanted = {"payment": {"type": "payment_intent", "payment_intent": payment.payment.payment_intent}}

    assert api.invoice_payments.list(wanted).data[0].invoice == paid.id
    assert api.invoice_payments.retrieve(payment.id).amount_paid == 1250


def test_a_declined_invoice_stays_open(invoice, api, events):
    draft = invoice("pm_card_chargeCustomerFail")

    assert refused(api.invoices.pay, draft.id).code == "card_declined"

    assert (api.invoices.retrieve(draft.id).status, api.invoices.retrieve(draft.id).attempted) == ("open", True)
    assert "invoice.payment_failed" in events()
    assert api.invoices.pay(draft.id, {"payment_method": "pm_card_visa"}).status == "paid"


def test_an_invoice_that_is_paid_elsewhere_takes_no_money(invoice, api, events):
    paid = api.invoices.pay(invoice().id, {"paid_out_of_band": True})

    assert (paid.status, paid.amount_paid_off_stripe) == ("paid", 1250)
    told = events()
    assert "invoice.paid" in told
    assert not {"charge.succeeded", "invoice.payment_succeeded"} & set(told)


def test_void_and_uncollectible_are_told(invoice, api, events):
    given_up, void = api.invoices.finalize_invoice(invoice().id).id, api.invoices.finalize_invoice(invoice().id).id

    assert api.invoices.mark_uncollectible(given_up).status_details.uncollectible.reason == "user_forgiven"
    assert api.invoices.void_invoice(void).status == "void"

    assert {"invoice.marked_uncollectible", "invoice.voided"} <= set(events())
    assert refused(api.invoices.pay, void).code == "invoice_not_editable"
    assert api.invoices.pay(given_up).status == "paid"
    assert refused(api.invoices.pay, given_up).code == "invoice_already_paid"
    assert refused(api.invoices.void_invoice, given_up)


def test_a_draft_can_be_changed_and_deleted_a_finalized_one_cannot(invoice, api):
    draft = invoice()
    api.invoice_items.create({"invoice": draft.id, "amount": 250, "currency": "usd"})
    coupon = api.coupons.create({"percent_off": 10})

    changed = api.invoices.update(draft.id, {"discounts": [{"coupon": coupon.id}], "description": "Thanks"})

    assert (changed.subtotal, changed.total, changed.description) == (1500, 1350, "Thanks")
    assert api.invoices.delete(draft.id).deleted
    assert len(api.invoice_items.list({"pending": True}).data) == 2
    final = api.invoices.finalize_invoice(invoice().id).id
    assert refused(api.invoices.delete, final).code == "invoice_not_editable"
    assert refused(api.invoices.finalize_invoice, final).code == "invoice_not_editable"


def test_a_draft_that_advances_is_collected_after_an_hour(invoice, stripe, api):
    draft = invoice(auto_advance=True)

    stripe.advance(timedelta(hours=1))

    assert api.invoices.retrieve(draft.id).status == "paid"


def test_a_credit_of_the_customer_pays_first(invoice, api):
    draft = invoice()
    api.customers.update(draft.customer, {"balance": -1000})

    final = api.invoices.finalize_invoice(draft.id)

    assert (final.total, final.starting_balance, final.amount_due, final.ending_balance) == (1250, -1000, 250, 0)
    assert api.customers.retrieve(draft.customer).balance == 0


def test_nothing_is_collected_from_a_customer_who_is_deleted(invoice, stripe, api):
    draft, open_one = invoice(auto_advance=True), api.invoices.finalize_invoice(invoice().id)
    for one in (draft, open_one):
        api.customers.delete(one.customer)

    assert refused(api.invoices.finalize_invoice, draft.id).code == "resource_missing"
    assert refused(api.invoices.pay, open_one.id).code == "resource_missing"
    stripe.advance(timedelta(days=30))
    assert [api.invoices.retrieve(one.id).status for one in (draft, open_one)] == ["draft", "open"]


def test_invoices_are_listed_by_what_they_are_of(subscribe, invoice, api):
    subscription, other = subscribe(), invoice()

    assert [one.id for one in api.invoices.list({"subscription": subscription.id}).data] == [subscription.latest_invoice]
    assert [one.id for one in api.invoices.list({"status": "draft"}).data] == [other.id]
    assert [one.id for one in api.invoices.list({"customer": other.customer}).data] == [other.id]
    assert len(api.invoices.line_items.list(other.id).data) == 1


# Previews -----------------------------------------------------------------------------------------------------------------


def test_a_preview_tells_what_a_swap_would_cost_and_changes_nothing(subscribe, stripe, api, silver, events):
    subscription = subscribe()
    stripe.advance(timedelta(days=15, hours=12))
    item = subscription["items"].data[0].id
    wanted = {"items": [{"id": item, "price": silver.id, "quantity": 4}], "proration_behavior": "always_invoice"}
    events()

    preview = api.invoices.create_preview({"subscription": subscription.id, "subscription_details": wanted})

    assert [one.amount for one in preview.lines.data] == [-1000, 2000]
    assert preview.amount_due == 1000
    assert events() == []
    assert api.invoice_items.list().data == []
    assert [one.status for one in api.invoices.list().data] == ["paid"]
    assert api.subscriptions.update(subscription.id, wanted)["items"].data[0].quantity == 4
    assert api.invoices.list({"limit": 1}).data[0].amount_paid == 1000


def test_a_preview_of_the_next_renewal_holds_what_waits(subscribe, stripe, api):
    subscription = subscribe()
    stripe.advance(timedelta(days=15, hours=12))
    item = subscription["items"].data[0].id
    details = {"items": [{"id": item, "quantity": 3}], "proration_behavior": "create_prorations"}

    plain = api.invoices.create_preview({"subscription": subscription.id})
    changed = api.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})

    assert [one.amount for one in plain.lines.data] == [2000]
    assert [one.amount for one in changed.lines.data] == [-1000, 3000, 6000]
    assert plain.lines.data[0].period.start == subscription["items"].data[0].current_period_end
    assert plain.billing_reason == "upcoming"
    assert plain.next_payment_attempt == subscription["items"].data[0].current_period_end + 3600


def test_a_preview_of_a_subscription_that_does_not_exist_yet(api, gold, with_card):
    coupon = api.coupons.create({"percent_off": 10})
    wanted = {
        "customer": with_card().id,
        "subscription_details": {"items": [{"price": gold.id, "quantity": 2}]},
        "discounts": [{"coupon": coupon.id}],
    }

    preview = api.invoices.create_preview(wanted)

    assert (preview.subtotal, preview.total) == (4000, 3600)
    assert api.subscriptions.list({"status": "all"}).data == []
    assert api.coupons.retrieve(coupon.id).times_redeemed == 0


def test_a_subscription_that_ends_has_no_next_invoice(subscribe, api):
    subscription = subscribe()
    api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    change = {"items": [{"id": subscription["items"].data[0].id, "quantity": 2}]}
    wanted = {"subscription": subscription.id, "subscription_details": change}

    assert refused(api.invoices.create_preview, wanted).code == "invoice_upcoming_none"
    api.subscriptions.cancel(subscription.id)
    assert refused(api.invoices.create_preview, wanted).code == "invoice_upcoming_none"


def test_a_proration_is_of_the_current_period_only(subscribe, api):
    subscription = subscribe()
    item = {"id": subscription["items"].data[0].id, "quantity": 2}
    details = {"items": [item], "proration_date": subscription["items"].data[0].current_period_end + 1}

    error = refused(api.invoices.create_preview, {"subscription": subscription.id, "subscription_details": details})

    assert error.param == "proration_date"


# Conformance --------------------------------------------------------------------------------------------------------------


def test_every_event_and_answer_is_in_stripes_shape(invoice, api, subscribe, every_event):
    paid = api.invoices.pay(invoice().id, {"expand": ["payments", "confirmation_secret", "customer"]})
    api.invoices.void_invoice(api.invoices.finalize_invoice(invoice().id).id)
    api.invoices.mark_uncollectible(api.invoices.finalize_invoice(invoice().id).id)
    preview = api.invoices.create_preview({"subscription": subscribe().id})
    told = every_event()
    answers = [
        paid,
        preview,
        api.invoice_payments.list(),
        api.invoice_items.list(),
        api.invoices.list({"expand": ["data.payments"]}),
        api.coupons.create({"percent_off": 10}),
    ]
    objects = [*(one.to_dict(for_json=True) for one in answers), *(one["data"]["object"] for one in told), *told]

    assert [why for one in objects if one["object"] != "list" for why in conformance.check_object(one, strict=True)] == []
    rows = [row for one in objects if one["object"] == "list" for row in one["data"]]
    assert [why for one in rows for why in conformance.check_object(one, strict=True)] == []
    assert [webhook for one in told if (webhook := parse(json.dumps(one).encode())).unreadable] == []


# Amounts ------------------------------------------------------------------------------------------------------------------


def price(**members):
    return {"transform_quantity": None, "tiers": None, "tiers_mode": None, "unit_amount_decimal": "10", **members}


TIERS = [
    {"up_to": 10, "flat_amount_decimal": "500", "unit_amount_decimal": "100"},
    {"up_to": None, "flat_amount_decimal": None, "unit_amount_decimal": "50"},
]


@pytest.mark.parametrize(
    ("of", "quantity", "expected"),
    [
        (price(unit_amount_decimal="0.5"), 3, 2),
        (price(transform_quantity={"divide_by": 10, "round": "up"}), 11, 20),
        (price(transform_quantity={"divide_by": 10, "round": "down"}), 19, 10),
        (price(tiers=TIERS, tiers_mode="graduated"), 12, 500 + 1000 + 100),
        (price(tiers=TIERS, tiers_mode="graduated"), 0, 500),
        (price(tiers=TIERS, tiers_mode="volume"), 12, 600),
        (price(tiers=TIERS, tiers_mode="volume"), 10, 1500),
    ],
)
def test_a_quantity_costs_what_the_price_says(of, quantity, expected):
    assert cost(of, quantity) == expected


def test_a_part_of_a_period_is_rounded_half_away_from_zero():
    assert (in_part(1, 1, 2), in_part(-1, 1, 2), in_part(1000, 1, 3), in_part(5, 0, 0)) == (1, -1, 333, 0)


def test_an_amount_off_is_shared_and_never_more_than_there_is():
    amounts = [(100, "prod_a"), (200, "prod_b"), (-50, "prod_a")]

    assert taken_off(amounts, [Off(amount=100)]) == [[33, 67, 0]]
    assert taken_off(amounts, [Off(amount=900), Off(amount=1)]) == [[100, 200, 0], [0, 0, 0]]
    assert taken_off(amounts, [Off(amount=150, products=frozenset({"prod_b"}))]) == [[0, 150, 0]]
