"""The demonstration's story, and a quieter one, end in the same figures however the provider delivers its news."""

from datetime import UTC, datetime, timedelta
from itertools import count, groupby

import pytest
from conformance import check_object
from hypothesis import given
from hypothesis import strategies as st

from billing_adapters.cli.demo.play import Checked, Stage, play, shuffled
from billing_adapters.cli.demo.steps import Chapter, Check, Deliveries, Refusal, Sent, Spend, Wait
from billing_adapters.cli.demo.story import OWNER, VERSIONS, story
from billing_adapters.memory import FixedClock, MemoryStore, SequentialIds
from billing_adapters.stripe.samples import Samples
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_adapters.wiring import Settings, open_billing, upgrade
from billing_core import Billing, WebhookRejected

SECRET = "whsec_of_the_story"
NOTHING_IS_LEFT = {"webhooks deferred": 0, "webhooks failed": 0, "webhooks dead": 0}


# Playing ------------------------------------------------------------------------------------------------------------------


def staged(billing, clock, account=OWNER):
    def door(content, headers):
        try:
            outcome = billing.webhooks.receive(content, headers)
        except WebhookRejected as rejected:
            return type(rejected).__name__
        return {"AlreadyApplied": "already_applied"}.get(type(outcome).__name__, type(outcome).__name__.lower())

    return Stage(billing, clock, door, SECRET, account)


def in_memory(account=OWNER):
    clock = FixedClock()
    billing = Billing(store=MemoryStore(), provider=StripeWebhooks((SECRET,)), clock=clock, ids=SequentialIds())
    return staged(billing, clock, account)


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


@st.composite
def deliveries(draw, step):
    """Deliver the same events in any order, any of them again, each time in any version."""
    again = draw(st.lists(st.sampled_from(step.events), max_size=4))
    order = draw(st.permutations([*step.events, *again]))
    return step.resent(Sent(one.event, draw(st.sampled_from(VERSIONS))) for one in order)


class Telling(list):
    """Steps that show what a reader needs to play them again."""

    def __repr__(self):
        return "\n".join(map(_shown, self))


def _shown(step):
    if isinstance(step, Deliveries):
        return "deliver " + ", ".join(f"{one.event['id']} {one.event['type']} ({one.version})" for one in step.sent)
    return repr(step)


@st.composite
def tellings(draw, steps):
    """Take the same steps, with any delivery of what happened between them; at the checks nothing may be left to do."""
    told = []
    for step in steps:
        told.append(draw(deliveries(step)) if isinstance(step, Deliveries) else step)
        if isinstance(step, Check):
            told.append(Check(NOTHING_IS_LEFT))
    return Telling(told)


def belated(steps):
    """Deliver everything as late as can be: just before the application asks for credits, after all that happened."""
    told = []
    for asks, group in groupby(steps, key=lambda step: isinstance(step, Spend | Refusal)):
        together = [*group]
        told += together if asks else _gathered(together)
    return told


def _gathered(steps):
    news = [step for step in steps if isinstance(step, Deliveries)]
    others = [step for step in steps if not isinstance(step, Deliveries | Check | Wait)]
    waits = [step for step in steps if isinstance(step, Wait)]
    checks = [step for step in steps if isinstance(step, Check)][-1:]
    gathered = [Deliveries(tuple(sent for step in news for sent in step.sent))] if news else []
    return [*waits, *gathered, *others, *checks]


# A quiet life: nothing is spent, so that all its news may come in any order, at any time -----------------------------

NEW = Samples()


def quiet_life():
    """Return the chapters of a subscription from which nobody spends."""
    return tuple(_QuietLife().chapters())


class _QuietLife:
    """Starts on a plan, moves up, renews, moves down, renews, adds a seat, and ends."""

    start = datetime(2026, 1, 5, 12, tzinfo=UTC)
    up = datetime(2026, 1, 20, 12, tzinfo=UTC)
    second = datetime(2026, 2, 5, 12, tzinfo=UTC)
    down = datetime(2026, 2, 20, 12, tzinfo=UTC)
    third = datetime(2026, 3, 5, 12, tzinfo=UTC)
    seat = datetime(2026, 3, 6, 12, tzinfo=UTC)
    end = datetime(2026, 3, 8, 12, tzinfo=UTC)
    fourth = datetime(2026, 4, 5, 12, tzinfo=UTC)

    def __init__(self):
        self.numbers = count(1)
        self.small = NEW.price("price_small", "prod_small", 1000, interval="month")
        self.large = NEW.price("price_large", "prod_large", 3000, interval="month")

    def tell(self, kind, about, at, previous=None):
        return Sent(NEW.event(kind, about, at, event_id=f"evt_{next(self.numbers):03}", previous=previous))

    def agreed(self, price, period, quantity=1, **members):
        own = {"created": self.start, "start_date": self.start, **members}
        return NEW.subscription("sub_quiet", "cus_quiet", [(price, quantity)], period, **own)

    def updated(self, at, after, before):
        return self.tell("customer.subscription.updated", after, at, {"items": before["items"]})

    def paid(self, number, agreed, lines, at, reason):
        invoice = NEW.invoice(f"in_{number}", agreed, lines, at, billing_reason=f"subscription_{reason}")
        payment = NEW.payment_intent(f"pi_{number}", invoice["amount_paid"], customer="cus_quiet")
        told = [("invoice.paid", invoice), ("invoice.payment_succeeded", invoice), ("payment_intent.succeeded", payment)]
        return [self.tell(kind, about, at) for kind, about in told]

    def whole(self, number, price, period, quantity=1):
        return NEW.line(f"il_{number}", price, period, subscription="sub_quiet", quantity=quantity)

    def part(self, number, price, period, amount, quantity=1):
        own = {"subscription": "sub_quiet", "amount": amount, "proration": True, "quantity": quantity}
        return NEW.line(f"il_{number}_{amount}", price, period, **own)

    def chapters(self):
        yield self.chapter("sale", *self.sale(), products=2, available=0)
        yield self.chapter("begin", *self.begin(), **{"subscription credits": 50, "payg credits": 0})
        yield self.chapter("up", *self.move_up(), **{"subscription credits": 200, "payg credits": 50})
        yield self.chapter("renew", *self.renew(), **{"subscription credits": 200, "payg credits": 50, "book expired": 200})
        yield self.chapter("down", *self.move_down(), **{"subscription credits": 50, "payg credits": 250})
        yield self.chapter("again", *self.renew_again(), **{"subscription credits": 50, "book expired": 250})
        yield self.chapter("seat", *self.add_seat(), **{"subscription credits": 100, "plan tier": "small"})
        yield self.chapter("end", *self.finish(), **LAST_OF_THE_QUIET)

    def chapter(self, title, *sent, **figures):
        return Chapter(title, title, (Deliveries(sent), Check(figures)))

    def sale(self):
        at = self.start - timedelta(days=1)
        small = {"credit_amount": "50", "credit_type": "subscription", "plan_tier": "small"}
        large = {"credit_amount": "200", "credit_type": "subscription", "plan_tier": "large"}
        yield self.tell("product.created", NEW.product("prod_small", "Small", metadata=small), at)
        yield self.tell("product.created", NEW.product("prod_large", "Large", metadata={"credit_amount": "many"}), at)
        mended = NEW.product("prod_large", "Large", metadata=large)
        previous = {"metadata": {"credit_amount": "many", "credit_type": None, "plan_tier": None}}
        yield self.tell("product.updated", mended, at + timedelta(hours=1), previous)
        yield self.tell("price.created", self.small, at)
        yield self.tell("price.created", self.large, at)

    def begin(self):
        period = (self.start, self.second)
        owner = NEW.customer("cus_quiet", metadata={"billing_account": "quiet"})
        agreed = self.agreed(self.small, period)
        yield self.tell("customer.created", owner, self.start - timedelta(minutes=1))
        yield self.tell("customer.subscription.created", self.agreed(self.small, period, status="incomplete"), self.start)
        yield self.tell("customer.subscription.updated", agreed, self.start, {"status": "incomplete"})
        yield from self.paid(1, agreed, [self.whole(1, self.small, period)], self.start, "create")

    def move_up(self):
        period, rest = (self.start, self.second), (self.up, self.second)
        before, after = self.agreed(self.small, period), self.agreed(self.large, period)
        yield self.updated(self.up, after, before)
        lines = [self.part(2, self.small, rest, -516), self.part(2, self.large, rest, 1548)]
        yield from self.paid(2, after, lines, self.up, "update")

    def renew(self):
        period = (self.second, self.third)
        after = self.agreed(self.large, period)
        yield self.updated(self.second, after, self.agreed(self.large, (self.start, self.second)))
        yield from self.paid(3, after, [self.whole(3, self.large, period)], self.second, "cycle")

    def move_down(self):
        period, rest = (self.second, self.third), (self.down, self.third)
        before, after = self.agreed(self.large, period), self.agreed(self.small, period)
        yield self.updated(self.down, after, before)
        lines = [self.part(4, self.large, rest, -1393), self.part(4, self.small, rest, 464)]
        yield from self.paid(4, after, lines, self.down, "update")

    def renew_again(self):
        period = (self.third, self.fourth)
        after = self.agreed(self.small, period)
        yield self.updated(self.third, after, self.agreed(self.small, (self.second, self.third)))
        yield from self.paid(5, after, [self.whole(5, self.small, period)], self.third, "cycle")

    def add_seat(self):
        period, rest = (self.third, self.fourth), (self.seat, self.fourth)
        after = self.agreed(self.small, period, quantity=2)
        yield self.updated(self.seat, after, self.agreed(self.small, period))
        lines = [self.part(6, self.small, rest, -968), self.part(6, self.small, rest, 1935, quantity=2)]
        yield from self.paid(6, after, lines, self.seat, "update")

    def finish(self):
        period = (self.third, self.fourth)
        gone = self.agreed(self.small, period, quantity=2, status="canceled", ended_at=self.end, canceled_at=self.end)
        yield self.tell("customer.subscription.deleted", gone, self.end)


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
    "webhooks applied": 32,
    "webhooks ignored": 0,
    "webhooks deferred": 0,
    "webhooks failed": 0,
    "webhooks dead": 0,
}


# Claims -------------------------------------------------------------------------------------------------------------------


def test_the_story_is_right_as_it_is_written():
    assert wrong(in_memory(), flat(story())) == []


def test_the_quiet_life_is_right_as_it_is_written():
    assert wrong(in_memory("quiet"), flat(quiet_life())) == []


@pytest.mark.parametrize("chapters", [story(), quiet_life()], ids=["story", "quiet life"])
def test_everything_in_it_is_what_stripe_specifies(chapters):
    told = [one.event for step in flat(chapters) if isinstance(step, Deliveries) for one in step.sent]

    assert len(told) > 25
    assert [complaint for event in told for complaint in check_object(event, strict=True)] == []


@given(tellings(flat(story())))
def test_the_story_is_right_however_it_is_delivered(steps):
    assert wrong(in_memory(), steps) == []


@given(tellings(belated(flat(story()))))
def test_the_story_is_right_however_late_it_is_delivered(steps):
    assert wrong(in_memory(), steps) == []


@given(tellings(flat(quiet_life())))
def test_the_quiet_life_is_right_however_it_is_delivered(steps):
    assert wrong(in_memory("quiet"), steps) == []


@given(tellings(belated(flat(quiet_life()))))
def test_the_quiet_life_is_right_however_late_it_is_delivered(steps):
    assert wrong(in_memory("quiet"), steps) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_story_is_right_on_a_file_however_it_is_delivered(tmp_path, seed):
    configured, clock = Settings(f"sqlite:///{tmp_path}/story.db", (SECRET,)), FixedClock()
    upgrade(configured)

    with open_billing(configured, clock=clock) as billing:
        assert wrong(staged(billing, clock), flat(shuffled(story(), seed, VERSIONS))) == []
