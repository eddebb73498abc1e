"""Trying again: by a worker when the time has come, by a person at any time."""

from datetime import timedelta

import pytest

from billing_core.domain.webhooks import AlreadyApplied, Applied, Deferred, DeliveryState, Failed
from billing_core.errors import Conflict, StoreUnavailable, UnknownWebhook

HOURS = timedelta(hours=6)


@pytest.fixture
def failed(shop):
    """Open a shop where the news of a product failed once."""
    shop.store.failures += [RuntimeError("boom")]
    shop.receive(shop.product(), id="evt_a")
    return shop


def test_nothing_is_tried_before_its_time(failed):
    assert failed.billing.webhooks.retry() == []
    assert failed.state("evt_a") == "failed"


def test_what_failed_is_tried_again_when_its_time_has_come(failed):
    failed.clock.advance(HOURS)

    assert failed.billing.webhooks.retry() == [Applied("evt_a")]
    assert failed.state("evt_a") == "applied"


def test_what_fails_again_waits_longer(failed):
    first = failed.billing.webhooks.get("evt_a").next_attempt_at - failed.clock.now()
    failed.clock.advance(HOURS)
    failed.store.failures += [None, RuntimeError("boom")]

    assert failed.billing.webhooks.retry() == [Failed("evt_a", "RuntimeError: boom")]
    assert failed.billing.webhooks.get("evt_a").next_attempt_at - failed.clock.now() > first


def test_what_is_deferred_is_looked_at_now_and_then_in_any_case(shop):
    shop.receive(shop.invoice(), id="evt_a")
    shop.clock.advance(HOURS)

    assert shop.billing.webhooks.retry() == [Deferred("evt_a", ("product:prod_pro",))]


def test_what_is_applied_dead_or_ignored_is_never_tried_again(selling):
    selling.receive(selling.payment())
    selling.receive(selling.payment("pi_2", amount="many"))
    selling.receive()
    selling.clock.advance(100 * HOURS)

    assert selling.billing.webhooks.retry() == []


def test_no_more_are_tried_than_were_asked_for(shop):
    for number in range(3):
        shop.receive(shop.invoice(f"in_{number}"))
    shop.clock.advance(HOURS)

    assert [len(shop.billing.webhooks.retry(2)) for _ in range(3)] == [2, 1, 0]


def test_what_one_worker_has_claimed_the_others_leave_alone_for_a_while(failed):
    failed.clock.advance(HOURS)
    failed.store.failures += [None, StoreUnavailable("OperationalError")]
    with pytest.raises(StoreUnavailable):
        failed.billing.webhooks.retry()

    assert failed.billing.webhooks.retry() == []
    failed.clock.advance(timedelta(minutes=5))
    assert failed.billing.webhooks.retry() == [Applied("evt_a")]


def test_what_somebody_else_applied_meanwhile_is_left_as_it_is(failed):
    failed.clock.advance(HOURS)
    failed.store.meanwhile += [None, lambda: failed.billing.webhooks.replay("evt_a")]

    assert failed.billing.webhooks.retry() == [AlreadyApplied("evt_a")]


@pytest.mark.parametrize("again", ["retry", "replay"])
def test_what_is_applied_late_releases_what_waited_for_it(failed, again):
    for known in (failed.customer(), failed.price(), failed.subscription()):
        failed.receive(known)
    failed.clock.advance(HOURS)
    failed.receive(failed.invoice(), id="evt_b")

    if again == "retry":
        failed.billing.webhooks.retry()
    else:
        failed.billing.webhooks.replay("evt_a")

    assert failed.state("evt_b") == "applied"


# By a person --------------------------------------------------------------------------------------------------------------


def test_a_person_can_replay_at_once_what_waits_for_its_time(failed):
    assert failed.billing.webhooks.replay("evt_a") == Applied("evt_a")


def test_a_person_can_replay_what_is_dead(selling):
    body = selling.prepare(selling.payment(amount="many"), id="evt_a")
    selling.billing.webhooks.receive(body, {"signature": "genuine"})
    selling.prepare(selling.payment(), id="evt_a")  # as a later version of the library reads the same bytes

    assert selling.billing.webhooks.replay("evt_a") == Applied("evt_a")
    assert selling.balance() == {"payg": 50}


def test_replaying_what_was_applied_changes_nothing(selling):
    selling.receive(selling.payment(), id="evt_a")

    assert selling.billing.webhooks.replay("evt_a") == AlreadyApplied("evt_a")
    assert selling.balance() == {"payg": 50}


def test_bytes_that_can_no_longer_be_read_are_a_failure(failed):
    failed.source.prepared.clear()

    assert failed.billing.webhooks.replay("evt_a").reason == "Malformed: the body is not a webhook: it names nothing"


def test_a_lost_race_is_run_again(failed):
    failed.store.failures += [Conflict("webhook evt_a")]

    assert failed.billing.webhooks.replay("evt_a") == Applied("evt_a")


def test_what_is_not_stored_cannot_be_replayed(shop):
    with pytest.raises(UnknownWebhook) as refusal:
        shop.billing.webhooks.replay("evt_unheard_of")

    assert refusal.value.webhook == "evt_unheard_of"


def test_deliveries_are_listed_by_state_the_latest_first(shop):
    for name in "abc":
        shop.receive(shop.product(), id=f"evt_{name}")
        shop.clock.advance(HOURS)
    shop.receive(id="evt_ignored")

    assert [one.id for one in shop.billing.webhooks.deliveries(DeliveryState.APPLIED, limit=2)] == ["evt_c", "evt_b"]
    assert [one.id for one in shop.billing.webhooks.deliveries(DeliveryState.IGNORED)] == ["evt_ignored"]
    assert shop.billing.webhooks.deliveries(DeliveryState.DEAD) == []
