"""Intents: what is known of an order, and what is to be done while nothing is."""

from datetime import datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.intents import (
    KEY_LIFETIME,
    Intent,
    IntentState,
    answered,
    lost,
    opened,
    refused,
    repeatable,
    unanswered,
)
from billing_core.domain.orders import Placed, SaveCard
from billing_core.errors import Invalid, ProviderDeclined, ProviderRefused
from billing_core.testing.examples import NOW, an_intent

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TICK = timedelta(microseconds=1)
ORDER = SaveCard(customer="cus_1")
OPEN = opened("int_1", "acme", "digest", ORDER, NOW)


def told(intent):
    return intent.state, intent.placed, intent.code, intent.reason


def test_a_new_intent_is_open_and_left_alone_for_a_while():
    assert attrs.asdict(OPEN, recurse=False) == {
        "id": "int_1",
        "account": "acme",
        "asked": "digest",
        "order": ORDER,
        "asked_at": NOW,
        "state": IntentState.OPEN,
        "placed": None,
        "code": None,
        "reason": None,
        "attempts": 0,
        "next_attempt_at": NOW + MINUTE,
        "version": 0,
    }
    assert not OPEN.settled
    assert OPEN.refusal is None


@pytest.mark.parametrize("bad", [{"id": ""}, {"id": "x" * 256}, {"account": " acme"}, {"account": 7}], ids=repr)
def test_an_intent_has_names(bad):
    with pytest.raises(Invalid) as refusal:
        an_intent(**bad)

    assert refusal.value.field == next(iter(bad))


@pytest.mark.parametrize("field", ["asked_at", "next_attempt_at"])
def test_an_intent_knows_when(field):
    with pytest.raises(Invalid, match="time must be aware"):
        an_intent(**{field: datetime(2026, 1, 1)})  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize("state", IntentState)
def test_only_an_open_intent_is_not_settled(state):
    assert an_intent(state=state).settled is (state is not IntentState.OPEN)


# How long a key lasts -----------------------------------------------------------------------------------------------------


def test_an_order_is_repeated_while_the_provider_remembers_its_key():
    assert repeatable(OPEN, NOW)
    assert repeatable(OPEN, NOW + KEY_LIFETIME - TICK)
    assert not repeatable(OPEN, NOW + KEY_LIFETIME)


def test_a_key_lasts_less_than_a_day_so_that_clocks_may_disagree():
    assert timedelta(hours=22) < KEY_LIFETIME < timedelta(hours=24)


# What becomes of it -------------------------------------------------------------------------------------------------------


def test_what_was_done_names_what_it_led_to():
    done = answered(OPEN, Placed(id="seti_1", status="requires_payment_method", secret="hush"))

    assert told(done) == (IntentState.DONE, "seti_1", None, None)
    assert done.refusal is None
    assert "hush" not in repr(done)


def test_what_was_declined_is_declined_again():
    refusal = ProviderDeclined("insufficient_funds", "Your card has insufficient funds.", payment="pi_1")

    declined = refused(OPEN, refusal)

    assert told(declined) == (IntentState.DECLINED, "pi_1", refusal.code, refusal.reason)
    assert repr(declined.refusal) == repr(refusal)


def test_what_was_refused_is_refused_again():
    refusal = ProviderRefused("resource_missing", "No such customer.", param="customer")

    said_no = refused(OPEN, refusal)

    assert told(said_no) == (IntentState.REFUSED, None, refusal.code, refusal.reason)
    assert repr(said_no.refusal) == repr(ProviderRefused(refusal.code, refusal.reason))


def test_what_nobody_found_is_lost():
    gone = lost(OPEN)

    assert (gone.state, gone.placed, gone.code) == (IntentState.LOST, None, "lost")
    assert "Order again, under another key" in str(gone.refusal)
    assert isinstance(gone.refusal, ProviderRefused)


@pytest.mark.parametrize(
    "settle",
    [
        lambda intent: answered(intent, Placed(id="pi_1")),
        lambda intent: refused(intent, ProviderDeclined("no", "No.")),
        lambda intent: refused(intent, ProviderRefused("no", "No.")),
        lost,
    ],
    ids=["done", "declined", "refused", "lost"],
)
def test_whatever_is_known_is_not_asked_again(settle):
    settled = settle(attrs.evolve(OPEN, attempts=3, version=4))

    assert settled.settled
    assert (settled.attempts, settled.next_attempt_at) == (4, None)
    assert settled == attrs.evolve(
        OPEN,
        **{name: getattr(settled, name) for name in ("state", "placed", "code", "reason")},
        attempts=4,
        next_attempt_at=None,
        version=4,
    )


@pytest.mark.parametrize("state", [IntentState.DECLINED, IntentState.REFUSED, IntentState.LOST])
def test_a_refusal_without_words_can_be_raised_too(state):
    assert (an_intent(state=state).refusal.code, an_intent(state=state).refusal.reason) == ("", "")


# While nothing is known ---------------------------------------------------------------------------------------------------


def test_every_silence_doubles_the_pause_up_to_six_hours():
    intent, pauses = OPEN, []
    for _ in range(11):
        intent = unanswered(intent, NOW)
        pauses.append((intent.next_attempt_at - NOW) / MINUTE)

    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]
    assert (intent.attempts, intent.state) == (11, IntentState.OPEN)


@given(attempts=st.integers(0, 2**31))
def test_after_any_number_of_attempts_the_pause_is_at_most_six_hours(attempts):
    intent = unanswered(attrs.evolve(OPEN, attempts=attempts), NOW)

    assert NOW < intent.next_attempt_at <= NOW + 6 * HOUR
    assert isinstance(intent, Intent)
