"""What time does to subscriptions: renewals, trials, retries and ends."""

from datetime import UTC, datetime, timedelta

import pytest
import stripe as sdk

DAY = timedelta(days=1)


@pytest.fixture
def state(api):
    """Return a function that reads a subscription as it is now, with its latest invoice."""

    def read(subscription):
        return api.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})

    return read


@pytest.fixture
def use_card(api):
    """Return a function that gives a subscription another card."""

    def used(subscription, card):
        method = api.payment_methods.attach(card, {"customer": subscription.customer}).id
        api.subscriptions.update(subscription.id, {"default_payment_method": method})
        return method

    return used


def day(subscription):
    """Return the day on which the current period ends."""
    return datetime.fromtimestamp(subscription["items"].data[0].current_period_end, UTC).date().isoformat()


def test_a_period_that_is_over_is_followed_by_the_next_which_is_paid_an_hour_later(subscribe, stripe, state, events):
    subscription = subscribe()
    stripe.advance(31 * DAY - timedelta(minutes=1))
    events()

    stripe.advance(timedelta(minutes=1))

    assert events() == ["invoice.created", "customer.subscription.updated"]
    renewed = state(subscription)
    assert day(renewed) == "2026-03-01"
    draft = renewed.latest_invoice
    assert (draft.status, draft.billing_reason, draft.attempted) == ("draft", "subscription_cycle", False)
    assert draft.next_payment_attempt == draft.automatically_finalizes_at == draft.created + 3600

    stripe.advance(timedelta(hours=1))

    assert events() == [
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ]
    line = state(subscription).latest_invoice.lines.data[0]
    item = renewed["items"].data[0]
    assert (line.period.start, line.period.end) == (item.current_period_start, item.current_period_end)
    assert state(subscription).latest_invoice.number.endswith("-0002")


def test_renewals_stay_on_the_day_on_which_they_began(subscribe, stripe, state):
    stripe.advance(30 * DAY)  # the 31st of January
    subscription = subscribe()

    days = [day(subscription)]
    for _ in range(3):
        stripe.advance(31 * DAY)
        days.append(day(state(subscription)))

    assert days == ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]


def test_a_year_of_renewals_is_a_year_of_invoices(subscribe, stripe, api):
    subscription = subscribe()

    stripe.advance(366 * DAY)

    invoices = list(api.invoices.list({"subscription": subscription.id, "limit": 100}).auto_paging_iter())
    assert [one.status for one in invoices] == ["paid"] * 13
    assert len({one.number for one in invoices}) == 13


def test_what_was_to_end_with_the_period_ends_with_it(subscribe, stripe, api, state, events):
    subscription = subscribe()
    api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    events()

    stripe.advance(32 * DAY)

    ended = state(subscription)
    assert (ended.status, ended.cancel_at_period_end) == ("canceled", True)
    assert ended.ended_at == subscription["items"].data[0].current_period_end
    assert ended.canceled_at < ended.ended_at
    assert events() == ["customer.subscription.deleted"]


def test_what_was_to_end_at_a_moment_ends_then_unless_that_is_taken_back(subscribe, stripe, api, state):
    ends, stays = subscribe(), subscribe()
    when = int(stripe.now.timestamp()) + 5 * 86400
    for one in (ends, stays):
        api.subscriptions.update(one.id, {"cancel_at": when})
    api.subscriptions.update(stays.id, {"cancel_at": ""})

    stripe.advance(6 * DAY)

    assert (state(ends).status, state(ends).ended_at) == ("canceled", when)
    assert state(stays).status == "active"


# Retries ------------------------------------------------------------------------------------------------------------------


def test_a_renewal_that_fails_is_tried_again_after_3_5_and_7_days_then_canceled(subscribe, stripe, use_card, state, events):
    subscription = subscribe()
    use_card(subscription, "pm_card_chargeCustomerFail")
    stripe.advance(31 * DAY)
    events()

    stripe.advance(timedelta(hours=1))

    failing = state(subscription)
    assert failing.status == "past_due"
    assert (failing.latest_invoice.attempt_count, failing.latest_invoice.status) == (1, "open")
    assert failing.latest_invoice.next_payment_attempt == int((stripe.now + 3 * DAY).timestamp())
    assert events()[-2:] == ["invoice.payment_failed", "customer.subscription.updated"]
    counts = []
    for days in (3, 5, 7):
        stripe.advance(days * DAY)
        counts.append((state(subscription).latest_invoice.attempt_count, state(subscription).status))
    assert counts == [(2, "past_due"), (3, "past_due"), (4, "canceled")]
    ended = state(subscription)
    assert (ended.cancellation_details.reason, ended.latest_invoice.next_payment_attempt) == ("payment_failed", None)
    assert events()[-1] == "customer.subscription.deleted"


def test_the_last_failure_tells_that_there_will_be_no_other(subscribe, stripe, use_card, events):
    use_card(subscribe(), "pm_card_chargeCustomerFail")

    stripe.advance(47 * DAY)

    failures = [one["data"]["object"] for one in events("invoice.payment_failed")]
    assert [one["next_payment_attempt"] is None for one in failures] == [False, False, False, True]


def test_a_card_that_works_again_makes_it_active(subscribe, stripe, use_card, state, api):
    subscription = subscribe()
    use_card(subscription, "pm_card_chargeCustomerFail")
    stripe.advance(32 * DAY)
    invoice = state(subscription).latest_invoice.id
    with pytest.raises(sdk.CardError):
        api.invoices.pay(invoice)

    use_card(subscription, "pm_card_visa")
    stripe.advance(3 * DAY)

    assert (state(subscription).status, state(subscription).latest_invoice.status) == ("active", "paid")


@pytest.mark.parametrize(("setting", "status"), [("mark_unpaid", "unpaid"), ("leave_past_due", "past_due")])
def test_after_the_last_retry_it_is_what_the_settings_say(subscribe, stripe, use_card, state, api, setting, status):
    stripe.after_last_retry(setting)
    subscription = subscribe()
    use_card(subscription, "pm_card_chargeCustomerFail")

    stripe.advance(48 * DAY)

    assert state(subscription).status == status
    method = use_card(subscription, "pm_card_visa")
    api.invoices.pay(state(subscription).latest_invoice.id, {"payment_method": method})
    assert state(subscription).status == "active"


def test_what_is_unpaid_gets_drafts_that_nobody_collects(subscribe, stripe, use_card, state):
    stripe.after_last_retry("mark_unpaid")
    subscription = subscribe()
    use_card(subscription, "pm_card_chargeCustomerFail")

    stripe.advance(70 * DAY)

    assert (state(subscription).status, state(subscription).latest_invoice.status) == ("unpaid", "draft")


def test_nothing_else_can_be_set_for_the_last_retry(stripe):
    with pytest.raises(ValueError, match="cancel, mark_unpaid or leave_past_due"):
        stripe.after_last_retry("forget")


def test_a_card_that_wants_its_owner_fails_while_the_owner_is_away(subscribe, stripe, use_card, state, events):
    subscription = subscribe()
    use_card(subscription, "pm_card_authenticationRequired")

    stripe.advance(32 * DAY)

    assert state(subscription).status == "past_due"
    assert {"invoice.payment_action_required", "invoice.payment_failed"} <= set(events())


# Trials -------------------------------------------------------------------------------------------------------------------


def test_a_trial_costs_nothing_is_announced_and_then_paid(subscribe, stripe, state, events):
    subscription = subscribe(trial_period_days=14)
    assert (subscription.status, state(subscription).latest_invoice.amount_paid) == ("trialing", 0)
    assert state(subscription).latest_invoice.lines.data[0].description == "Trial period for Gold"
    assert "payment_intent.created" not in events()

    stripe.advance(11 * DAY)
    assert events() == ["customer.subscription.trial_will_end"]

    stripe.advance(3 * DAY + timedelta(hours=1))
    after = state(subscription)
    assert (after.status, after.latest_invoice.billing_reason, after.latest_invoice.amount_paid) == (
        "active",
        "subscription_cycle",
        2000,
    )
    assert day(after) == "2026-02-15"
    assert "invoice.paid" in events()


def test_a_short_trial_is_announced_at_once(subscribe, stripe, events):
    subscribe(trial_end=int((stripe.now + DAY).timestamp()))

    assert "customer.subscription.trial_will_end" in events()


def test_a_trial_without_a_card_asks_for_one(api, gold, stripe, state):
    customer = api.customers.create({}).id
    wanted = {
        "customer": customer,
        "items": [{"price": gold.id}],
        "payment_settings": {"save_default_payment_method": "on_subscription"},
        "trial_period_days": 7,
        "expand": ["pending_setup_intent"],
    }

    subscription = api.subscriptions.create(wanted)

    setup = subscription.pending_setup_intent
    assert (subscription.status, setup.status) == ("trialing", "requires_payment_method")
    done = api.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa"})
    assert state(subscription).pending_setup_intent is None
    assert state(subscription).default_payment_method == done.payment_method
    stripe.advance(8 * DAY)
    assert state(subscription).latest_invoice.amount_paid == 2000


@pytest.mark.parametrize(
    ("behavior", "status", "told"),
    [
        ("create_invoice", "past_due", "invoice.payment_failed"),
        ("cancel", "canceled", "customer.subscription.deleted"),
        ("pause", "paused", "customer.subscription.paused"),
    ],
)
def test_a_trial_that_ends_without_a_card_does_what_was_said(api, gold, stripe, state, events, behavior, status, told):
    subscription = api.subscriptions.create({
        "customer": api.customers.create({}).id,
        "items": [{"price": gold.id}],
        "trial_period_days": 7,
        "trial_settings": {"end_behavior": {"missing_payment_method": behavior}},
    })

    stripe.advance(8 * DAY)

    assert state(subscription).status == status
    assert told in events()


def test_what_is_paused_can_be_resumed_with_a_card(api, gold, stripe, state, use_card, events):
    subscription = api.subscriptions.create({
        "customer": api.customers.create({}).id,
        "items": [{"price": gold.id}],
        "trial_period_days": 7,
        "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
    })
    stripe.advance(20 * DAY)
    assert state(subscription).status_details.paused.subscription.type == "trial_end_without_payment_method"
    use_card(subscription, "pm_card_visa")
    api.subscriptions.update(subscription.id, {"items": [{"id": subscription["items"].data[0].id, "quantity": 2}]})

    api.subscriptions.resume(subscription.id)

    assert state(subscription).latest_invoice.amount_paid == 4000

    assert (state(subscription).status, state(subscription).latest_invoice.status) == ("active", "paid")
    assert "customer.subscription.resumed" in events()
    with pytest.raises(sdk.InvalidRequestError):
        api.subscriptions.resume(subscription.id)


def test_a_trial_can_be_ended_now(subscribe, stripe, api, state):
    subscription = subscribe(trial_period_days=14)
    stripe.advance(2 * DAY)

    ended = api.subscriptions.update(subscription.id, {"trial_end": "now"})

    assert (ended.status, ended.trial_end) == ("active", int(stripe.now.timestamp()))
    assert state(subscription).latest_invoice.amount_paid == 2000
    assert day(ended) == "2026-02-03"


def test_a_trial_can_be_made_longer(subscribe, stripe, api, state):
    subscription = subscribe(trial_period_days=5)
    later = int((stripe.now + 20 * DAY).timestamp())

    api.subscriptions.update(subscription.id, {"trial_end": later, "proration_behavior": "none"})
    stripe.advance(19 * DAY)

    assert (state(subscription).status, state(subscription)["items"].data[0].current_period_end) == ("trialing", later)


# Pauses -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behavior", "status"), [("keep_as_draft", "draft"), ("void", "void"), ("mark_uncollectible", "uncollectible")]
)
def test_while_collection_is_paused_nothing_is_collected(subscribe, stripe, api, state, behavior, status):
    subscription = subscribe()
    api.subscriptions.update(subscription.id, {"pause_collection": {"behavior": behavior}})

    stripe.advance(32 * DAY)

    paused = state(subscription)
    assert (paused.status, paused.latest_invoice.status) == ("active", status)
    api.subscriptions.update(subscription.id, {"pause_collection": ""})
    stripe.advance(31 * DAY)
    assert state(subscription).latest_invoice.status == "paid"


def test_collection_goes_on_at_the_moment_that_was_given(subscribe, stripe, api, state, events):
    subscription = subscribe()
    resumes = int((stripe.now + 10 * DAY).timestamp())
    api.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "void", "resumes_at": resumes}})
    events()

    stripe.advance(10 * DAY)

    assert state(subscription).pause_collection is None
    assert events() == ["customer.subscription.updated"]
