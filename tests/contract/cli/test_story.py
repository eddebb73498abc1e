"""The demonstration's story, and a quieter one, end in the same figures however the provider delivers its news."""

import json
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from conformance import check_object
from hypothesis import given, settings
from hypothesis import strategies as st

from billing_adapters.cli.demo.network import by_event, unlucky
from billing_adapters.cli.demo.play import Checked, Stage, play
from billing_adapters.cli.demo.provider import VERSIONS, Provider
from billing_adapters.cli.demo.steps import Asks, Chapter, Check, Deliver, Forgery, Happens, Refusal, Report, Spend, Wait
from billing_adapters.cli.demo.story import OPENING, OWNER, story
from billing_adapters.memory import MemoryStore, SequentialIds
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_adapters.wiring import Settings, open_billing, upgrade
from billing_core import Billing, WebhookRejected

NOTHING_IS_LEFT = {"webhooks deferred": 0, "webhooks failed": 0, "webhooks dead": 0}
NEWEST = VERSIONS[-1]
SOME = settings(max_examples=settings().max_examples // 2)  # each is a life of two hundred signed webhooks


# Playing ------------------------------------------------------------------------------------------------------------------


def staged(billing, provider, network, account=OWNER):
    def door(content, headers):
        try:
            outcome = billing.webhooks.receive(content, headers)
        except WebhookRejected as rejected:
            return type(rejected).__name__
        return {"AlreadyApplied": "already_applied"}.get(type(outcome).__name__, type(outcome).__name__.lower())

    return Stage(billing, provider, network, door, account)


@contextmanager
def in_memory(network, account=OWNER):
    provider = Provider.opened(OPENING)
    with closing(provider.gateway()) as gateway:
        webhooks = StripeWebhooks(provider.secrets)
        billing = Billing(store=MemoryStore(), provider=webhooks, clock=provider, ids=SequentialIds(), gateway=gateway)
        yield staged(billing, provider, network, account)


def wrong(stage, steps):
    """Play to the end, and return everything that was not as it should be."""
    found = []
    for happening in play(stage, steps):
        if isinstance(happening, Checked):
            found += [one for one in happening.figures if not one.right]
        elif not happening.right:
            found.append(happening)
    return found


def flat(chapters):
    return [step for chapter in chapters for step in chapter.steps]


# Telling it otherwise -----------------------------------------------------------------------------------------------------


def drawn(data):
    """Return a network that delivers in any order, any event again, each time for any endpoint."""

    def deliver(letters):
        events = by_event(letters)
        if not events:
            return []
        again = data.draw(st.lists(st.sampled_from([*events]), max_size=4))
        order = data.draw(st.permutations([*events, *again]), label="events")
        return [data.draw(st.sampled_from(events[number])) for number in order]

    return deliver


def in_order(letters):
    """Deliver what happened as it happened, once, in today's version."""
    return [letter for letter in letters if letter.version == NEWEST]


def watched(steps):
    """Take the same steps; at the checks nothing may be left to do."""
    for step in steps:
        yield step
        if isinstance(step, Check):
            yield Check(NOTHING_IS_LEFT)


def belated(steps):
    """Deliver everything as late as can be: just before the application asks for something, after all that happened."""
    told = []
    for asks, group in groupby(steps, key=lambda step: isinstance(step, Asks | Spend | Refusal)):
        together = [*group]
        told += together if asks else _gathered(together)
    return told


def _gathered(steps):
    happen = [step for step in steps if isinstance(step, Happens | Wait)]
    others = [step for step in steps if not isinstance(step, Deliver | Check | Happens | Wait | Report)]
    checks = [step for step in steps if isinstance(step, Check)][-1:]
    return [*happen, Deliver(), *others, *checks]


# A quiet life: nothing is spent, so that all its news may come in any order, at any time -----------------------------


class QuietLife:
    """Starts on a plan, moves up, renews, moves down, renews, adds a seat, and ends; the application only listens."""

    start = datetime(2026, 1, 5, 12, tzinfo=UTC)
    up = datetime(2026, 1, 20, 12, tzinfo=UTC)
    second = datetime(2026, 2, 5, 14, tzinfo=UTC)
    down = datetime(2026, 2, 20, 12, tzinfo=UTC)
    third = datetime(2026, 3, 5, 14, tzinfo=UTC)
    seat = datetime(2026, 3, 6, 12, tzinfo=UTC)
    end = datetime(2026, 3, 8, 12, tzinfo=UTC)

    def chapters(self):
        """Return what happens."""
        yield self.chapter("sale", OPENING, self.sell, products=2, **{"problems in products": 2})
        yield self.chapter("mend", OPENING + timedelta(hours=1), self.mend, **{"problems in products": 0})
        yield self.chapter("begin", self.start, self.begin, **{"subscription credits": 50, "payg credits": 0})
        yield self.chapter("up", self.up, self.move("prod_large"), **{"subscription credits": 200, "payg credits": 50})
        yield self.chapter("renew", self.second, **{"subscription credits": 200, "payg credits": 50, "book expired": 200})
        yield self.chapter("down", self.down, self.move("prod_small"), **{"subscription credits": 50, "payg credits": 250})
        yield self.chapter("again", self.third, **{"subscription credits": 50, "book expired": 250})
        yield self.chapter("seat", self.seat, self.add_seat, **{"subscription credits": 100, "plan tier": "small"})
        yield self.chapter("end", self.end, self.finish, **LAST_OF_THE_QUIET)

    def chapter(self, title, at, *deeds, **figures):
        return Chapter(title, title, (Wait(at), *map(Happens, deeds), Deliver(), Check(figures)))

    def sell(self, provider):
        v1 = provider.client.v1
        small = {"credit_amount": "50", "credit_type": "subscription", "plan_tier": "small"}
        for name, metadata, amount in [("small", small, 1000), ("large", {"credit_amount": "many"}, 3000)]:
            v1.products.create({"id": f"prod_{name}", "name": name, "metadata": metadata})
            terms = {"currency": "usd", "unit_amount": amount, "recurring": {"interval": "month"}}
            v1.prices.create({"product": f"prod_{name}", **terms})

    def mend(self, provider):
        large = {"credit_amount": "200", "credit_type": "subscription", "plan_tier": "large"}
        provider.client.v1.products.update("prod_large", {"metadata": large})

    def begin(self, provider):
        v1 = provider.client.v1
        customer = v1.customers.create({"payment_method": "pm_card_visa", "metadata": {"billing_account": "quiet"}}).id
        [card] = v1.customers.payment_methods.list(customer).data
        items = [{"price": self.price(v1, "prod_small")}]
        v1.subscriptions.create({"customer": customer, "items": items, "default_payment_method": card.id})

    def move(self, product):
        return lambda provider: self.change(provider, {"price": self.price(provider.client.v1, product)})

    def add_seat(self, provider):
        self.change(provider, {"quantity": 2})

    def change(self, provider, members):
        v1 = provider.client.v1
        [agreed] = v1.subscriptions.list().data
        items = [{"id": agreed["items"].data[0].id, **members}]
        v1.subscriptions.update(agreed.id, {"items": items, "proration_behavior": "always_invoice"})

    def finish(self, provider):
        [agreed] = provider.client.v1.subscriptions.list().data
        provider.client.v1.subscriptions.cancel(agreed.id)

    def price(self, v1, product):
        [price] = v1.prices.list({"product": product}).data
        return price.id


LAST_OF_THE_QUIET = {
    "payg credits": 250,
    "subscription credits": 100,
    "book issued": -600,
    "book available": 350,
    "book consumed": 0,
    "book expired": 250,
    "sum of the books": 0,
    "lots": 8,
    "subscriptions": "canceled",
    "plan tier": "none",
    "products": 2,
    "webhooks applied": 38,
    "webhooks ignored": 0,
    "webhooks deferred": 0,
    "webhooks failed": 0,
    "webhooks dead": 0,
}

STORY = flat(story())
QUIET_LIFE = flat(QuietLife().chapters())
LIVES = [pytest.param(STORY, OWNER, id="story"), pytest.param(QUIET_LIFE, "quiet", id="quiet life")]


# Claims -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("steps", "account"), LIVES)
def test_it_is_right_as_it_is_written(steps, account):
    with in_memory(in_order, account) as stage:
        assert wrong(stage, watched(steps)) == []


@pytest.mark.parametrize(("steps", "account"), LIVES)
def test_everything_in_it_is_what_stripe_specifies(steps, account):
    told = []

    def overheard(letters):
        told.extend(json.loads(letter.body) for letter in in_order(letters))
        return in_order(letters)

    with in_memory(overheard, account) as stage:
        assert wrong(stage, steps) == []

    assert len(told) > 25
    assert [complaint for event in told for complaint in check_object(event, strict=True)] == []


@pytest.mark.parametrize(("steps", "account"), LIVES)
@SOME
@given(data=st.data())
def test_it_is_right_however_it_is_delivered(steps, account, data):
    with in_memory(drawn(data), account) as stage:
        assert wrong(stage, watched(steps)) == []


@pytest.mark.parametrize(("steps", "account"), LIVES)
@SOME
@given(data=st.data())
def test_it_is_right_however_late_it_is_delivered(steps, account, data):
    with in_memory(drawn(data), account) as stage:
        assert wrong(stage, watched(belated(steps))) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_story_is_right_on_a_file_however_it_is_delivered(tmp_path, seed):
    provider = Provider.opened(OPENING)
    configured = Settings(f"sqlite:///{tmp_path}/story.db", provider.secrets)
    upgrade(configured)

    with (
        closing(provider.gateway()) as gateway,
        open_billing(configured, clock=provider, gateway=gateway) as billing,
    ):
        assert wrong(staged(billing, provider, unlucky(seed)), STORY) == []


def test_an_unlucky_network_loses_nothing_and_is_unlucky_in_the_same_way_again():
    provider = Provider.opened(OPENING)
    QuietLife().sell(provider)
    letters = provider.letters()

    first, again = (list(unlucky(7)(letters)) for _ in range(2))

    assert first == again
    assert {one.number for one in first} == {1, 2, 3, 4}
    assert {one.version for one in letters} == {*VERSIONS}
    assert provider.letters() == ()


def test_nothing_but_its_signature_keeps_the_forged_payment_out():
    [forgery] = [step for step in STORY if isinstance(step, Forgery)]
    forger = Provider.opened(OPENING, versions=[NEWEST])
    believing = Billing(store=MemoryStore(), provider=StripeWebhooks(forger.secrets), clock=forger, ids=SequentialIds())

    forgery.do(forger)
    for letter in forger.letters():
        believing.webhooks.receive(letter.body, letter.headers)

    assert believing.credits.balance(OWNER).available == 100_000
