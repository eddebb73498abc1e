"""Receiving webhooks: what each outcome means for what is stored, and for the provider."""

import pytest

from billing_core.domain.policies import Policies
from billing_core.domain.webhooks import AlreadyApplied, Applied, Deferred, DeliveryState, Failed, Ignored
from billing_core.errors import BadSignature, Conflict, Malformed, StoreUnavailable, UnknownWebhook


def test_what_is_applied_takes_effect_and_is_stored_as_it_came(shop):
    outcome = shop.receive(shop.product(), id="evt_a", type="product.created", api_version="2026-01-01", livemode=True)

    delivery = shop.billing.webhooks.get("evt_a")
    assert outcome == Applied("evt_a")
    assert (delivery.type, delivery.body, delivery.state) == ("product.created", b"evt_a", DeliveryState.APPLIED)
    assert (delivery.api_version, delivery.livemode, delivery.received_at) == ("2026-01-01", True, shop.clock.now())
    assert [one.id for one in shop.billing.catalog.products()] == ["prod_pro"]


def test_the_same_event_again_changes_nothing(selling):
    selling.receive(selling.payment(), id="evt_a")

    assert selling.receive(selling.payment(), id="evt_a") == AlreadyApplied("evt_a")
    assert selling.balance() == {"payg": 50}


def test_an_event_that_nothing_depends_on_is_stored_and_ignored(shop):
    outcome = shop.receive(id="evt_a", type="radar.early_fraud_warning.created")

    assert outcome == Ignored("evt_a", "nothing here depends on radar.early_fraud_warning.created")
    assert shop.state("evt_a") == "ignored"


@pytest.mark.parametrize(("mode", "livemode", "applied"), [
    (None, True, True),
    (None, False, True),
    (True, True, True),
    (True, False, False),
    (False, True, False),
    (False, False, True),
])  # fmt: skip
def test_news_of_the_providers_other_mode_is_ignored(open_shop, mode, livemode, applied):
    shop = open_shop(policies=Policies(livemode=mode))

    outcome = shop.receive(shop.product(), id="evt_a", livemode=livemode)

    assert isinstance(outcome, Applied if applied else Ignored)
    assert bool(shop.billing.catalog.products()) is applied


def test_a_forged_request_stores_nothing(shop):
    with pytest.raises(BadSignature):
        shop.receive(shop.product(), id="evt_a", signature="forged")

    with pytest.raises(UnknownWebhook):
        shop.billing.webhooks.get("evt_a")


def test_a_body_that_is_no_webhook_stores_nothing(shop):
    with pytest.raises(Malformed):
        shop.billing.webhooks.receive(b"evt_unheard_of", {"signature": "genuine"})

    assert not [one for state in DeliveryState for one in shop.billing.webhooks.deliveries(state)]


def test_an_object_that_cannot_be_read_is_kept_for_a_person_to_see(shop):
    outcome = shop.receive(shop.product(), id="evt_a", unreadable="data.object.price is a list")

    assert outcome == Failed("evt_a", "Malformed: the body is not a webhook: data.object.price is a list", dead=True)
    assert shop.state("evt_a") == "dead"
    assert shop.billing.catalog.products() == []


# Failures -----------------------------------------------------------------------------------------------------------------


def test_whatever_breaks_is_kept_with_its_traceback_and_tried_again_later(shop):
    shop.store.failures += [RuntimeError("boom")]

    outcome = shop.receive(shop.product(), id="evt_a")

    delivery = shop.billing.webhooks.get("evt_a")
    assert outcome == Failed("evt_a", "RuntimeError: boom")
    assert delivery.error.startswith("Traceback (most recent call last)")
    assert delivery.error.rstrip().endswith("RuntimeError: boom")
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, 1)
    assert delivery.next_attempt_at > shop.clock.now()


def test_what_broke_left_nothing_behind(shop):
    shop.store.failures += [RuntimeError("boom")]

    shop.receive(shop.product(amount="bad"))

    assert shop.billing.catalog.products() == []
    assert shop.told() == []


def test_what_a_rule_refuses_is_dead_at_once(selling):
    outcome = selling.receive(selling.payment(amount="many"), id="evt_a")

    assert outcome == Failed(
        "evt_a",
        "Invalid: credit_amount is not a whole number: write plain digits, without a sign, separators or decimals",
        dead=True,
    )
    assert selling.state("evt_a") == "dead"


def test_what_fails_again_and_again_is_dead_in_the_end(shop):
    outcomes = []
    for _ in range(20):
        shop.store.failures += [RuntimeError("boom")]
        outcomes.append(shop.receive(shop.product(), id="evt_a").dead)

    assert outcomes == [*[False] * 19, True]
    assert shop.state("evt_a") == "dead"


def test_a_dead_event_that_the_provider_sends_again_gets_another_chance(selling):
    selling.receive(selling.payment(amount="many"), id="evt_a")

    assert selling.receive(selling.payment(), id="evt_a") == Applied("evt_a")
    assert selling.billing.webhooks.get("evt_a").error is None


def test_a_database_that_does_not_answer_is_the_callers_to_know(shop):
    shop.store.failures += [StoreUnavailable("OperationalError")]

    with pytest.raises(StoreUnavailable):
        shop.receive(shop.product(), id="evt_a")

    assert shop.billing.catalog.products() == []
    with pytest.raises(UnknownWebhook):
        shop.billing.webhooks.get("evt_a")


def test_after_that_the_provider_sends_it_again(shop):
    shop.store.failures += [StoreUnavailable("OperationalError")]
    with pytest.raises(StoreUnavailable):
        shop.receive(shop.product(), id="evt_a")

    assert shop.receive(shop.product(), id="evt_a") == Applied("evt_a")


# Races --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [1, 9])
def test_a_lost_race_is_run_again(selling, lost):
    selling.store.failures += [Conflict("account acme")] * lost

    assert selling.receive(selling.payment(), id="evt_a") == Applied("evt_a")
    assert selling.balance() == {"payg": 50}
    assert len(selling.told("credits.granted")) == 1


def test_a_race_that_is_lost_every_time_is_a_failure_like_any_other(selling):
    selling.store.failures += [Conflict("account acme")] * 10

    outcome = selling.receive(selling.payment(), id="evt_a")

    assert "was changed by somebody else" in outcome.reason
    assert selling.state("evt_a") == "failed"
    assert selling.balance() == {}


def test_a_race_that_is_lost_every_time_is_explained_in_the_inbox(selling):
    selling.store.failures += [Conflict("account acme")] * 10

    selling.receive(selling.payment(), id="evt_a")

    assert "was changed by somebody else" in selling.billing.webhooks.get("evt_a").error


def test_a_note_that_loses_a_race_is_written_again(shop):
    shop.store.failures += [RuntimeError("boom"), Conflict("webhook evt_a")]

    assert shop.receive(shop.product(), id="evt_a") == Failed("evt_a", "RuntimeError: boom")


def test_what_somebody_else_applied_meanwhile_is_not_noted_as_failed(shop):
    body = shop.prepare(shop.product(), id="evt_a")
    shop.store.failures += [RuntimeError("boom")]
    shop.store.meanwhile += [None, lambda: shop.billing.webhooks.receive(body, {"signature": "genuine"})]

    assert shop.billing.webhooks.receive(body, {"signature": "genuine"}) == AlreadyApplied("evt_a")
    assert shop.state("evt_a") == "applied"


def test_what_arrives_between_the_look_and_the_note_is_seen_at_once(selling):
    invoice = selling.invoice("in_1", selling.line(product="prod_new"))
    selling.store.meanwhile += [None, lambda: selling.receive(selling.product("prod_new"))]

    assert selling.receive(invoice, id="evt_a") == Applied("evt_a")
    assert selling.balance() == {"subscription": 100}


def test_a_deferred_event_names_what_it_waits_for(shop):
    assert shop.receive(shop.invoice(), id="evt_a") == Deferred("evt_a", ("product:prod_pro",))
    assert shop.state("evt_a") == "deferred"
