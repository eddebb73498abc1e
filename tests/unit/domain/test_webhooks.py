"""Webhooks: what becomes of a delivery after one more look at it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.webhooks import (
    AlreadyApplied,
    Applied,
    Deferred,
    Delivery,
    DeliveryState,
    Failed,
    Ignored,
    judged,
)
from billing_core.testing import strategies

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FRESH = Delivery("evt_1", "thing.happened", b"{}", NOW, NOW)
LONGEST = timedelta(hours=6)

outcomes = st.sampled_from([
    Applied("evt_1"),
    AlreadyApplied("evt_1"),
    Ignored("evt_1", "nothing"),
    Deferred("evt_1", ("product:prod_1",)),
    Failed("evt_1", "broken"),
    Failed("evt_1", "broken", dead=True),
])


@pytest.mark.parametrize("outcome", [Applied("evt_1"), AlreadyApplied("evt_1")])
def test_what_was_applied_is_never_looked_at_again(outcome):
    failed = judged(FRESH, Failed("evt_1", "broken"), NOW, "traceback")

    delivery = judged(failed, outcome, NOW)

    assert (delivery.state, delivery.next_attempt_at, delivery.error) == (DeliveryState.APPLIED, None, None)
    assert delivery.settled


def test_what_was_ignored_says_why():
    delivery = judged(FRESH, Ignored("evt_1", "nothing here depends on it"), NOW)

    assert (delivery.state, delivery.next_attempt_at) == (DeliveryState.IGNORED, None)
    assert (delivery.error, delivery.settled) == ("nothing here depends on it", False)


def test_what_was_deferred_names_what_it_waits_for_and_is_looked_at_in_any_case():
    delivery = judged(FRESH, Deferred("evt_1", ("product:prod_1",)), NOW)

    assert (delivery.state, delivery.waiting_for) == (DeliveryState.DEFERRED, ("product:prod_1",))
    assert delivery.next_attempt_at > NOW
    assert not delivery.settled


def test_what_failed_keeps_its_failure_and_is_tried_again():
    delivery = judged(FRESH, Failed("evt_1", "broken"), NOW, "traceback")

    assert (delivery.state, delivery.error, delivery.settled) == (DeliveryState.FAILED, "traceback", False)
    assert delivery.next_attempt_at > NOW


def test_what_is_dead_waits_for_a_person():
    delivery = judged(FRESH, Failed("evt_1", "broken", dead=True), NOW, "traceback")

    assert (delivery.state, delivery.next_attempt_at, delivery.error) == (DeliveryState.DEAD, None, "traceback")
    assert not delivery.settled


def test_what_waits_no_longer_names_nothing():
    waiting = judged(FRESH, Deferred("evt_1", ("product:prod_1",)), NOW)

    assert judged(waiting, Applied("evt_1"), NOW).waiting_for == ()


def test_pauses_double_up_to_six_hours():
    delivery, pauses = FRESH, []
    for _ in range(30):
        delivery = judged(delivery, Deferred("evt_1", ("product:prod_1",)), NOW)
        pauses.append(delivery.next_attempt_at - NOW)

    growing = [pause for pause in pauses if pause < LONGEST]
    assert pauses == [*growing, *[LONGEST] * (30 - len(growing))]
    assert all(later == 2 * earlier for earlier, later in pairwise(growing))


def failures(count, delivery=FRESH):
    for _ in range(count):
        delivery = judged(delivery, Failed("evt_1", "broken"), NOW)
    return delivery


def test_the_twentieth_failure_in_a_row_is_the_last():
    assert failures(19).state is DeliveryState.FAILED
    assert failures(20).state is DeliveryState.DEAD


def test_waiting_brings_nothing_nearer_to_death():
    waiting = FRESH
    for _ in range(100):
        waiting = judged(waiting, Deferred("evt_1", ("product:prod_1",)), NOW)

    assert failures(1, waiting).state is DeliveryState.FAILED


def test_a_failure_without_a_traceback_says_why():
    assert judged(FRESH, Failed("evt_1", "broken"), NOW).error == "broken"


def test_a_provider_that_tries_for_days_is_outlasted():
    delivery, now = FRESH, NOW
    while delivery.state is DeliveryState.FAILED:
        now = delivery.next_attempt_at or now
        delivery = judged(delivery, Failed("evt_1", "broken"), now)

    assert now - NOW > timedelta(days=2)


@given(strategies.deliveries(), outcomes)
def test_a_look_changes_nothing_of_what_came(delivery, outcome):
    after = judged(delivery, outcome, NOW)

    judgement = {"state", "waiting_for", "attempts", "next_attempt_at", "error"}
    came = [one.name for one in attrs.fields(Delivery) if one.name not in judgement]
    assert all(getattr(after, name) == getattr(delivery, name) for name in came)
    assert after.attempts in {1, delivery.attempts + 1}


@given(strategies.deliveries(), outcomes)
def test_whatever_is_not_settled_and_not_dead_is_looked_at_again_within_six_hours(delivery, outcome):
    after = judged(delivery, outcome, NOW)

    waits = after.state in {DeliveryState.DEFERRED, DeliveryState.FAILED}
    assert waits == (after.next_attempt_at is not None)
    assert not waits or NOW < after.next_attempt_at <= NOW + LONGEST
