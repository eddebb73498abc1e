"""The conveyor lets callers of one lane share turns, and each of them notices nothing but its own answer."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from threading import Event

import attrs
import pytest

from billing_adapters import conveyor
from billing_adapters.conveyor import Conveyor
from billing_adapters.memory import FixedClock, MemoryStore
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_adapters.system import Uuid7Ids
from billing_core import Billing
from billing_core.domain.credits import AccountId, Grant, PlaceHold, Refund, Spend
from billing_core.errors import BillingError, InsufficientCredits, KeyReused, RefundExceeded, StoreUnavailable
from billing_core.testing.contracts.claims import done, in_threads
from billing_core.testing.contracts.crowds import Step, tell
from billing_core.testing.contracts.linearity import check_linear
from billing_core.testing.driver import journal_of
from billing_core.testing.examples import NOW, a_grant, a_hold, a_refund, a_spend

LONG = 30  # for what must happen


class Office:
    """Answers questions, one turn after the other, and can be kept from it. `turns` are the questions of each turn."""

    def __init__(self, conveyor, lane="lane"):
        self.turns = []
        self._conveyor = conveyor
        self._lane = lane
        self._open = Event()
        self._open.set()

    def ask(self, question):
        return self._conveyor.fold(self._lane, question, self._answer)

    def waiting(self):
        return [one.one for one in self._conveyor._lanes.get(self._lane, [])]  # noqa: SLF001 - nobody else can tell

    @contextmanager
    def closed(self, pool, question):
        """Let this question be asked, and hold its turn up until the block ends; give its answer to come."""
        self._open.clear()
        first = pool.submit(self.ask, question)
        until(lambda: self.turns)
        yield first
        self._open.set()

    def _answer(self, questions):
        self.turns.append([*questions])
        assert self._open.wait(LONG)
        if "what?" in questions:
            raise ValueError(questions)
        if "stop!" in questions:
            raise GivenUp
        return [f"{one}!" for one in questions]


def until(condition):
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(16) as pool:
        yield pool


@pytest.fixture
def office():
    return Office(Conveyor(most=3))


def queued(office, pool, *questions, before=0):
    """Let these be asked in this order while the office is closed, after so many others."""
    asked = []
    for question in questions:
        asked.append(pool.submit(office.ask, question))
        until(lambda: len(office.waiting()) == before + len(asked))
    return asked


def test_who_comes_alone_goes_at_once(office):
    assert [office.ask("a"), office.ask("b")] == ["a!", "b!"]
    assert office.turns == [["a"], ["b"]]


def test_who_comes_meanwhile_shares_the_next_turn_and_gets_its_own_answer(office, pool):
    with office.closed(pool, "a") as first:
        others = queued(office, pool, "b", "c", "d")

    assert [one.result(LONG) for one in (first, *others)] == ["a!", "b!", "c!", "d!"]
    assert office.turns == [["a"], ["b", "c", "d"]]


def test_a_turn_takes_no_more_than_it_may_and_nobody_is_overtaken(office, pool):
    with office.closed(pool, "a"):
        others = queued(office, pool, *"bcdefgh")

    assert [one.result(LONG) for one in others] == [f"{one}!" for one in "bcdefgh"]
    assert office.turns == [["a"], ["b", "c", "d"], ["e", "f", "g"], ["h"]]


def test_what_a_turn_raises_reaches_all_of_it_and_nobody_else(office, pool):
    with office.closed(pool, "a") as first:
        others = queued(office, pool, "b", "what?", "c", "d", "e")

    assert first.result(LONG) == "a!"
    for one in others[:3]:
        with pytest.raises(ValueError, match="what"):
            one.result(LONG)
    assert [one.result(LONG) for one in others[3:]] == ["d!", "e!"]


def test_a_lane_goes_on_after_a_failure(office):
    with pytest.raises(ValueError, match="what"):
        office.ask("what?")

    assert office.ask("a") == "a!"


@pytest.mark.parametrize("answers", [[], ["a", "b"]], ids=["too few", "too many"])
def test_as_many_answers_as_questions_are_due(answers):
    folding = Conveyor()

    with pytest.raises(ValueError, match="zip"):
        folding.fold("lane", "a", lambda _: answers)

    assert folding.fold("lane", "a", lambda _: ["b"]) == "b"


def test_lanes_do_not_wait_for_one_another(pool):
    shared = Conveyor()
    busy, free = Office(shared, "busy"), Office(shared, "free")

    with busy.closed(pool, "a") as first:
        assert free.ask("b") == "b!"
        assert not first.done()

    assert first.result(LONG) == "a!"


def test_a_lane_that_nobody_is_in_is_forgotten(office, pool):
    with office.closed(pool, "a"):
        queued(office, pool, "b", "c")
    until(lambda: len(office.turns) == 2)

    pool.shutdown()

    assert office._conveyor._lanes == {}  # noqa: SLF001 - or the lanes of a year would fill the memory


def test_many_callers_of_many_lanes_get_their_own_answers(pool):
    shared = Conveyor(most=5)
    offices = [Office(shared, lane) for lane in range(3)]

    asked = [(number, pool.submit(offices[number % 3].ask, f"{number}")) for number in range(600)]

    assert [(number, one.result(LONG)) for number, one in asked] == [(number, f"{number}!") for number, _ in asked]
    assert all(len(turn) <= 5 for office in offices for turn in office.turns)
    assert [sum(map(len, office.turns)) for office in offices] == [200, 200, 200]


# Who leaves ---------------------------------------------------------------------------------------------------------------


class GivenUp(BaseException):
    """Something from outside keeps a caller from waiting: a signal, or the time limit of a worker."""


def impatient(monkeypatch, *, early):
    """Let whoever begins to wait now give up: at once, or in the moment in which it was to go on."""

    class Impatient(Event):
        def wait(self, timeout=None):
            if not early:
                super().wait(timeout)
            raise GivenUp

    monkeypatch.setattr(conveyor, "Event", Impatient)


def test_who_gives_up_waiting_is_not_asked_for(office, pool, monkeypatch):
    with office.closed(pool, "a"):
        others = queued(office, pool, "b", "c")
        impatient(monkeypatch, early=True)
        with pytest.raises(GivenUp):
            office.ask("d")

    assert [one.result(LONG) for one in others] == ["b!", "c!"]
    assert office.turns == [["a"], ["b", "c"]]


@pytest.mark.parametrize("others", ["", "c", "cdef"], ids=["nobody", "one", "more than a turn takes"])
def test_who_gives_up_when_it_was_to_go_on_lets_the_others_go_on(office, pool, monkeypatch, others):
    with office.closed(pool, "a"):
        impatient(monkeypatch, early=False)
        given_up, *_ = queued(office, pool, "b")
        monkeypatch.undo()
        waiting = queued(office, pool, *others, before=1)

    with pytest.raises(GivenUp):
        given_up.result(LONG)
    assert [one.result(LONG) for one in waiting] == [f"{one}!" for one in others]
    assert office.ask("z") == "z!"


def test_who_is_interrupted_while_it_asks_for_others_leaves_them_without_an_answer_but_not_interrupted(office, pool):
    with office.closed(pool, "a"):
        given_up, *others = queued(office, pool, "stop!", "b", "c")

    with pytest.raises(GivenUp):
        given_up.result(LONG)
    for one in others:
        with pytest.raises(StoreUnavailable, match="interrupted"):
            one.result(LONG)
    assert office.ask("z") == "z!"


# Credits ------------------------------------------------------------------------------------------------------------------

ACME = AccountId("acme")


class Counted:
    """A store that counts its transactions, and takes its time as a database does."""

    def __init__(self, store):
        self._store = store
        self.view = store.view
        self.begun = 0

    @contextmanager
    def begin(self):
        with self._store.begin() as unit:
            self.begun += 1
            time.sleep(0.001)
            yield unit


@pytest.fixture
def store():
    return Counted(MemoryStore())


@pytest.fixture
def credits(store):
    parts = {"provider": StripeWebhooks(("whsec_test",)), "clock": FixedClock(NOW), "ids": Uuid7Ids()}
    return Billing(store=store, folding=Conveyor(), **parts).credits


def asked_of(credits, step):
    """Ask for the one command of a step as an application does, and return what came of it."""
    (command,) = step.commands
    said = {"key": command.key}
    try:
        match command:
            case Spend():
                return [credits.spend("acme", command.amount, **said)]
            case PlaceHold():
                return [credits.hold("acme", command.amount, expires_in=command.expires_in, **said)]
            case Refund():
                return [credits.refund("acme", command.spend, command.amount, **said)]
            case Grant():
                return [credits.grant("acme", command.amount, kind=command.kind, source=command.source, **said)]
    except BillingError as refusal:
        return [refusal]


def test_sixteen_callers_of_one_account_are_answered_as_if_they_had_come_in_turn(credits, store):
    """Each its own answer, those who are refused alone; and together they need fewer transactions than they are."""
    done(store, a_grant(ACME, 30), a_spend(ACME, 4))
    again, grant = a_spend(ACME, 1), a_grant(ACME, 5)
    scripts = [
        [
            a_spend(ACME, 1 + caller % 3),
            again if caller % 2 else grant,
            a_refund(ACME, 2, 1),
            a_hold(ACME, 1, expires_in=timedelta(hours=1)),
            attrs.evolve(again, amount=2) if caller == 7 else again,
            a_spend(ACME, 9),
        ]
        for caller in range(16)
    ]
    before = store.begun

    told = in_threads([partial(asked_by_one, credits, script) for script in scripts])

    everything = [one for caller in told for one in caller]
    check_linear(ACME, journal_of(store, ACME), everything)
    kinds = Counter(type(one.result) for one in everything)
    assert (kinds[KeyReused], kinds[RefundExceeded]) == (1, 12)
    assert kinds[InsufficientCredits] > 0
    assert store.begun - before < len(everything)


def asked_by_one(credits, commands):
    return [one for command in commands for one in tell(partial(asked_of, credits), Step([command]))]


def test_a_database_that_does_not_answer_fails_those_who_shared_the_turn_and_nobody_later(credits, store, monkeypatch):
    done(store, a_grant(ACME, 30))

    @contextmanager
    def silent():
        time.sleep(0.01)
        raise StoreUnavailable("no route")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(store, "begin", silent)
        failures = in_threads([partial(asked_of, credits, Step([a_spend(ACME)]))] * 8)

    assert [type(one) for (one,) in failures] == [StoreUnavailable] * 8
    assert asked_of(credits, Step([a_spend(ACME)]))[0].available_after == 29
