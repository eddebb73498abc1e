"""Ordering: what is written down before the provider is asked, and what becomes of it."""

from datetime import timedelta

import pytest

from billing_core.domain.intents import KEY_LIFETIME, IntentState
from billing_core.domain.orders import Placed, SaveCard
from billing_core.errors import (
    Conflict,
    Invalid,
    KeyReused,
    ProviderDeclined,
    ProviderDenied,
    ProviderRefused,
    ProviderUnavailable,
    StoreUnavailable,
    UnknownIntent,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CARD = Placed(id="seti_1", status="requires_payment_method", secret="seti_1_secret")
NO_ANSWER = ProviderUnavailable("it took too long")


@pytest.fixture
def checkout(shop):
    """Return the checkout of a shop whose account has a customer."""
    shop.receive(shop.customer())
    return shop.billing.checkout


@pytest.fixture
def intent(checkout, shop):
    """Return an order to which no answer came."""
    shop.gateway.answers = [NO_ANSWER]
    with pytest.raises(ProviderUnavailable):
        checkout.save_card("acme", key="card-1")
    return checkout.intent("acme", "card-1")


# Once ---------------------------------------------------------------------------------------------------------------------


def test_what_is_ordered_is_written_down_before_the_provider_is_asked(checkout, shop):
    def look(_order, key):
        with shop.store.view() as view:
            stands.append(view.intents.get([key])[key])
        return CARD

    stands = []
    shop.gateway.answers = [look]

    placed = checkout.save_card("acme", key="card-1")

    (before,) = stands
    after = checkout.intent("acme", "card-1")
    assert placed == CARD
    assert shop.gateway.asked == [(SaveCard(customer="cus_1"), before.id)]
    assert (before.state, before.order, before.account) == (IntentState.OPEN, SaveCard(customer="cus_1"), "acme")
    assert (before.asked_at, before.attempts) == (shop.clock.now(), 0)
    assert (after.state, after.placed, after.attempts, after.next_attempt_at) == (IntentState.DONE, "seti_1", 1, None)


def test_no_transaction_is_open_while_the_provider_is_asked(checkout, shop):
    def write(_order, _key):
        with shop.store.begin() as unit:  # waits for ever while another unit writes
            unit.commit()
        return CARD

    shop.gateway.answers = [write]

    assert checkout.save_card("acme") == CARD


def test_the_same_key_orders_once_and_tells_how_it_stands_now(checkout, shop):
    shop.gateway.answers = [CARD]
    shop.gateway.objects = {"seti_1": Placed(id="seti_1", status="succeeded")}
    checkout.save_card("acme", key="card-1")

    again = checkout.save_card("acme", key="card-1")

    assert again.status == "succeeded"
    assert len(shop.gateway.asked) == 1


def test_without_a_key_every_call_is_another_order(checkout, shop):
    shop.gateway.answers = [CARD, CARD]

    checkout.save_card("acme")
    checkout.save_card("acme")

    (_, first), (_, second) = shop.gateway.asked
    assert first != second


def test_two_accounts_may_use_the_same_key(checkout, shop):
    shop.receive(shop.customer("cus_2", "globex"))
    shop.gateway.answers = [CARD, CARD]

    checkout.save_card("acme", key="card-1")
    checkout.save_card("globex", key="card-1")

    assert [order.customer for order, _ in shop.gateway.asked] == ["cus_1", "cus_2"]


def test_a_key_belongs_to_what_was_first_asked_for_under_it(checkout, shop, intent):
    shop.receive(shop.product(credit_type="payg"), shop.price(recurring=None))

    with pytest.raises(KeyReused):
        checkout.pay("acme", "price_pro", key="card-1")

    assert checkout.intent("acme", "card-1") == intent


@pytest.mark.parametrize("key", [" padded", "line\nbreak", "x" * 190])
def test_a_key_that_cannot_be_is_refused_before_anything_is_written(checkout, shop, key):
    with pytest.raises(Invalid, match="key"):
        checkout.save_card("acme", key=key)

    assert shop.gateway.asked == []


def test_nothing_is_known_of_a_key_that_nobody_used(checkout):
    with pytest.raises(UnknownIntent):
        checkout.intent("acme", "card-1")


def test_without_a_gateway_nothing_is_ordered_or_written(checkout, shop):
    shop.gateway = None
    shop.choose(shop.policies)

    with pytest.raises(Invalid, match="gateway is not set"):
        shop.billing.checkout.save_card("acme", key="card-1")
    with pytest.raises(UnknownIntent):
        checkout.intent("acme", "card-1")


def test_what_was_lost_to_somebody_else_is_written_again(checkout, shop):
    shop.gateway.answers = [CARD]
    shop.store.failures = [Conflict("the intent"), None, Conflict("the intent")]

    checkout.save_card("acme", key="card-1")

    assert len(shop.gateway.asked) == 1
    assert checkout.intent("acme", "card-1").state is IntentState.DONE


def test_two_who_ask_at_once_under_one_key_both_get_the_answer(checkout, shop):
    def meanwhile(_order, _key):
        shop.gateway.answers = [CARD]
        assert checkout.save_card("acme", key="card-1") == CARD
        return CARD

    shop.gateway.answers = [meanwhile]

    assert checkout.save_card("acme", key="card-1") == CARD
    assert len({key for _, key in shop.gateway.asked}) == 1
    assert checkout.intent("acme", "card-1").attempts == 1


# No -----------------------------------------------------------------------------------------------------------------------

REFUSALS = [
    (ProviderDeclined("insufficient_funds", "Your card has too little on it.", "pi_1"), IntentState.DECLINED),
    (ProviderRefused("resource_missing", "There is no such customer.", "customer"), IntentState.REFUSED),
]


@pytest.mark.parametrize(("refusal", "state"), REFUSALS)
def test_a_refusal_is_raised_and_written_down(checkout, shop, refusal, state):
    shop.gateway.answers = [refusal]

    with pytest.raises(type(refusal)):
        checkout.save_card("acme", key="card-1")

    intent = checkout.intent("acme", "card-1")
    assert (intent.state, intent.code, intent.reason) == (state, refusal.code, refusal.reason)
    assert intent.next_attempt_at is None


@pytest.mark.parametrize("refusal", [refusal for refusal, _ in REFUSALS])
def test_whoever_asks_again_is_refused_again_without_asking_the_provider(checkout, shop, refusal):
    shop.gateway.answers = [refusal]
    with pytest.raises(type(refusal)):
        checkout.save_card("acme", key="card-1")

    with pytest.raises(type(refusal)) as again:
        checkout.save_card("acme", key="card-1")

    assert (again.value.code, again.value.reason) == (refusal.code, refusal.reason)
    assert len(shop.gateway.asked) == 1


# No answer ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [NO_ANSWER, ProviderDenied("the key was revoked")])
def test_without_an_answer_an_intent_stays_open_and_is_asked_for_again_under_its_key(checkout, shop, failure):
    shop.gateway.answers = [failure, CARD]
    with pytest.raises(type(failure)):
        checkout.save_card("acme", key="card-1")
    before = checkout.intent("acme", "card-1")

    placed = checkout.save_card("acme", key="card-1")

    assert (before.state, before.attempts) == (IntentState.OPEN, 1)
    assert before.next_attempt_at == shop.clock.now() + MINUTE
    assert placed == CARD
    assert len({key for _, key in shop.gateway.asked}) == 1
    assert checkout.intent("acme", "card-1").state is IntentState.DONE


@pytest.mark.usefixtures("intent")
def test_the_pauses_between_attempts_double_up_to_six_hours(checkout, shop):
    pauses = []
    for _ in range(10):
        due_at = checkout.intent("acme", "card-1").next_attempt_at
        pauses.append(due_at - shop.clock.now())
        shop.clock.advance(pauses[-1])
        shop.gateway.answers = [NO_ANSWER]
        checkout.resume()

    assert pauses[:4] == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    assert pauses[-1] == 6 * HOUR


@pytest.mark.usefixtures("intent")
def test_resuming_asks_again_once_its_time_has_come(checkout, shop):
    shop.gateway.answers = [CARD]
    early = checkout.resume()
    shop.clock.advance(MINUTE)

    (resumed,) = checkout.resume()

    assert early == []
    assert (resumed.state, resumed.placed) == (IntentState.DONE, "seti_1")
    assert shop.gateway.asked[0] == shop.gateway.asked[1]
    assert checkout.resume() == []


def test_resuming_finds_what_a_crash_left_behind(checkout, shop):
    class Crash(Exception):
        pass

    def die(_order, _key):
        raise Crash

    shop.gateway.answers = [die, CARD]
    with pytest.raises(Crash):
        checkout.save_card("acme", key="card-1")
    shop.clock.advance(MINUTE)

    (resumed,) = checkout.resume()

    assert resumed.state is IntentState.DONE


def test_a_database_that_fails_after_the_answer_forgets_nothing(checkout, shop):
    shop.gateway.answers = [CARD, CARD]
    shop.store.failures = [None, StoreUnavailable("gone")]
    with pytest.raises(StoreUnavailable):
        checkout.save_card("acme", key="card-1")

    assert checkout.save_card("acme", key="card-1") == CARD
    assert shop.gateway.asked[0] == shop.gateway.asked[1]


@pytest.mark.usefixtures("intent")
def test_one_that_fails_again_does_not_keep_the_others(checkout, shop):
    shop.gateway.answers = [NO_ANSWER]
    with pytest.raises(ProviderUnavailable):
        checkout.save_card("acme", key="card-2")
    shop.clock.advance(MINUTE)
    shop.gateway.answers = [NO_ANSWER, CARD]

    first, second = checkout.resume()

    assert (first.state, second.state) == (IntentState.OPEN, IntentState.DONE)


@pytest.mark.usefixtures("intent")
def test_no_more_are_resumed_than_asked_for(checkout, shop):
    shop.gateway.answers = [NO_ANSWER, CARD]
    with pytest.raises(ProviderUnavailable):
        checkout.save_card("acme", key="card-2")
    shop.clock.advance(MINUTE)

    assert len(checkout.resume(1)) == 1


# When the key is forgotten ------------------------------------------------------------------------------------------------


@pytest.fixture
def late(checkout, shop, intent):
    """Let so much time pass that the provider may have forgotten the key."""
    shop.clock.advance(intent.asked_at + KEY_LIFETIME - shop.clock.now())
    return checkout


def test_what_is_found_was_done(late, shop):
    shop.gateway.answers = [CARD]

    (resumed,) = late.resume()

    assert (resumed.state, resumed.placed) == (IntentState.DONE, "seti_1")
    assert (len(shop.gateway.asked), len(shop.gateway.looked_for)) == (1, 1)
    assert shop.gateway.looked_for == shop.gateway.asked


def test_what_nobody_finds_is_lost_and_never_asked_for_again(late, shop):
    shop.gateway.answers = [None]

    (resumed,) = late.resume()

    assert (resumed.state, resumed.code) == (IntentState.LOST, "lost")
    with pytest.raises(ProviderRefused, match="under another key"):
        late.save_card("acme", key="card-1")
    assert len(shop.gateway.asked) == 1


def test_whoever_asks_then_gets_what_is_found(late, shop):
    shop.gateway.answers = [CARD]

    assert late.save_card("acme", key="card-1") == CARD
    assert len(shop.gateway.asked) == 1


def test_looking_without_an_answer_leaves_it_open(late, shop):
    shop.gateway.answers = [NO_ANSWER]

    (resumed,) = late.resume()

    assert (resumed.state, resumed.attempts) == (IntentState.OPEN, 2)
