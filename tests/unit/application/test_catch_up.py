"""Catching up: what the provider told and nobody heard is received, once, whether its webhook comes or not."""

import pytest

from billing_core.domain.pages import EventPage
from billing_core.domain.policies import Policies
from billing_core.domain.webhooks import AlreadyApplied, Applied, Failed, Ignored
from billing_core.errors import Invalid, ProviderRefused, ProviderUnavailable, StoreUnavailable


class Chronicle:
    """A provider that tells what happened, two events at a time."""

    def __init__(self):
        self.bodies = []
        self.asked = []
        self.failures = []

    def events(self, after=None):
        self.asked.append(after)
        failure = self.failures.pop(0) if self.failures else None
        if failure:
            raise failure
        if after is not None and after not in self.names:
            raise ProviderRefused("resource_missing", "No such event")
        start = self.names.index(after) + 1 if after else 0
        bodies = self.bodies[start : start + 2]
        return EventPage(tuple(bodies), bodies[-1].decode() if bodies else None, more=len(self.bodies) > start + 2)

    @property
    def names(self):
        return [one.decode() for one in self.bodies]


@pytest.fixture
def chronicle():
    return Chronicle()


@pytest.fixture
def absent(open_shop, chronicle):
    """Open a shop that missed the news of three products."""
    shop = open_shop(gateway=chronicle)
    chronicle.bodies = [shop.prepare(shop.product(f"prod_{number}")) for number in range(3)]
    return shop


def test_what_was_missed_is_applied_page_by_page(absent, chronicle):
    outcomes = absent.billing.webhooks.catch_up()

    assert outcomes == [Applied("evt_1"), Applied("evt_2"), Applied("evt_3")]
    assert len(absent.billing.catalog.products()) == 3
    assert chronicle.asked == [None, "evt_2"]


def test_the_next_time_goes_on_after_the_last_event(absent, chronicle):
    absent.billing.webhooks.catch_up()
    chronicle.bodies.append(absent.prepare(absent.product("prod_3")))

    assert absent.billing.webhooks.catch_up() == [Applied("evt_4")]
    assert absent.billing.webhooks.catch_up() == []
    assert chronicle.asked[2:] == ["evt_3", "evt_4"]


def test_what_came_as_a_webhook_changes_nothing(absent, chronicle):
    absent.billing.webhooks.receive(chronicle.bodies[1], {"signature": "genuine"})

    assert absent.billing.webhooks.catch_up()[1] == AlreadyApplied("evt_2")
    assert absent.billing.webhooks.receive(chronicle.bodies[0], {"signature": "genuine"}) == AlreadyApplied("evt_1")


def test_no_page_is_asked_for_once_there_are_enough(absent):
    assert len(absent.billing.webhooks.catch_up(limit=1)) == 2
    assert len(absent.billing.webhooks.catch_up(limit=1)) == 1


def test_an_event_that_cannot_be_read_is_kept_for_a_person(absent, chronicle):
    chronicle.bodies.insert(0, absent.prepare(absent.product(), unreadable="event.data.object.name is missing"))

    outcome = absent.billing.webhooks.catch_up()[0]

    assert isinstance(outcome, Failed)
    assert outcome.dead
    assert absent.state("evt_4") == "dead"


def test_bytes_that_are_no_event_hold_up_none_of_the_others(absent, chronicle):
    chronicle.bodies.insert(0, b"nonsense")

    first, *others = absent.billing.webhooks.catch_up()

    assert first == Failed("?", "Malformed: the body is not a webhook: it names nothing", dead=True)
    assert [type(one) for one in others] == [Applied] * 3


def test_events_of_the_other_mode_are_ignored(absent):
    absent.choose(Policies(livemode=True))

    assert {type(one) for one in absent.billing.webhooks.catch_up()} == {Ignored}


def test_what_could_not_be_stored_is_read_again(absent, chronicle):
    absent.store.failures = [None, StoreUnavailable("locked")]
    with pytest.raises(StoreUnavailable):
        absent.billing.webhooks.catch_up()

    assert absent.billing.webhooks.catch_up() == [AlreadyApplied("evt_1"), Applied("evt_2"), Applied("evt_3")]
    assert chronicle.asked == [None, None, "evt_2"]


def test_an_interruption_keeps_the_pages_that_came(absent, chronicle):
    chronicle.failures = [None, ProviderUnavailable("Timeout")]
    with pytest.raises(ProviderUnavailable):
        absent.billing.webhooks.catch_up()

    assert absent.billing.webhooks.catch_up() == [Applied("evt_3")]


def test_an_event_that_the_provider_forgot_is_the_beginning_of_what_it_has(absent, chronicle):
    absent.billing.webhooks.catch_up()
    chronicle.bodies = [absent.prepare(absent.product("prod_9"))]

    assert absent.billing.webhooks.catch_up() == [Applied("evt_4")]
    assert chronicle.asked[-2:] == ["evt_3", None]


def test_without_a_gateway_there_is_nothing_to_catch_up_with(shop):
    shop.gateway = None
    shop.choose(shop.policies)

    with pytest.raises(Invalid, match="gateway is not set"):
        shop.billing.webhooks.catch_up()
