"""Top-ups on a database: what they cost those who spend, and that of many who want to buy only one does."""

from datetime import timedelta
from functools import partial

import pytest

from billing_adapters.memory import FixedClock
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_adapters.system import Uuid7Ids
from billing_core import Billing
from billing_core.testing.contracts.claims import in_threads
from billing_core.testing.examples import an_account

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def billing(store, clock):
    return Billing(store=store, provider=StripeWebhooks(("whsec_one",)), clock=clock, ids=Uuid7Ids())


@pytest.fixture
def set_rule(billing):
    return partial(billing.top_ups.set, pack="price_pack", most_purchases=9, per=timedelta(days=30), back_off=MINUTE)


def _asked(billing):
    return [one.event.data["intent"] for one in billing.outbox.pending(1000) if one.event.name == "top_up.wanted"]


def _spending(billing, executed, account):
    with executed.afresh():
        billing.credits.spend(account, 1)
        return len(executed)


def test_who_spends_enough_pays_nothing_for_a_rule(billing, set_rule, executed):
    """One more statement reads the rule only where credits are few, and none while its purchase is in flight."""
    without, ruled, few = (an_account().owner for _ in range(3))
    for account in (without, ruled, few):
        billing.credits.grant(account, 100)
    set_rule(ruled, threshold=50)
    set_rule(few, threshold=100)
    plain = _spending(billing, executed, without)

    assert _spending(billing, executed, ruled) == plain
    resting = billing.top_ups.of(few)
    assert resting.in_flight is None
    first, second = _spending(billing, executed, few), _spending(billing, executed, few)
    assert len(_asked(billing)) == 1
    assert first > plain
    assert second == plain


def test_of_many_who_spend_at_once_one_asks(billing, set_rule):
    """Whoever is faster: the others see it."""
    account = an_account().owner
    billing.credits.grant(account, 100)
    set_rule(account, threshold=100)

    in_threads([partial(billing.credits.spend, account, 1) for _ in range(4)])

    assert _asked(billing) == [billing.top_ups.of(account).in_flight.id]


def test_of_many_workers_one_asks(billing, set_rule, clock):
    """Also while somebody spends."""
    account = an_account().owner
    billing.credits.grant(account, 100)
    set_rule(account, threshold=200)
    (first,) = _asked(billing)
    billing.top_ups.declined(account, first)
    clock.advance(MINUTE)

    in_threads([*[billing.top_ups.retry] * 3, partial(billing.credits.spend, account, 1)])

    assert _asked(billing) == [first, billing.top_ups.of(account).in_flight.id]


def test_an_outcome_that_two_tell_at_once_counts_once(billing, set_rule):
    """Whether they are the gateway and the news, or the same gateway twice."""
    account = an_account().owner
    (intent,) = [set_rule(account, threshold=1).in_flight.id]

    in_threads([partial(billing.top_ups.succeeded, account, intent) for _ in range(3)])

    assert len(billing.top_ups.of(account).purchases) == 1
