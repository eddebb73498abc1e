"""Leases: credits that are spent in memory, and written down now and then."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_adapters.memory import FixedClock, MemoryStore, SequentialIds
from billing_core.billing import Billing
from billing_core.errors import HoldClosed, HoldExceeded, InsufficientCredits, Invalid, StoreUnavailable


class Silent:
    """A provider that never says anything."""


def opened(store=None, clock=None):
    return Billing(store=store or MemoryStore(), provider=Silent(), clock=clock or FixedClock(), ids=SequentialIds())


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def credits_(clock):
    credits_ = opened(clock=clock).credits
    credits_.grant("acme", 100)
    return credits_


def written(credits_):
    return [(entry.operation.value, entry.amount) for entry in reversed(credits_.statement("acme").entries)][1:]


def test_what_is_spent_is_captured_and_the_rest_returns(credits_):
    with credits_.lease("acme", 50, every=10, key="answer") as lease:
        for _ in range(25):
            lease.spend(1)
        assert (lease.spent, lease.left, lease.captured) == (25, 25, 20)
        assert credits_.balance("acme").held == 30

    assert written(credits_) == [("hold", 50), ("capture", 10), ("capture", 10), ("capture", 5), ("capture", 0)]
    assert (credits_.balance("acme").available, credits_.balance("acme").held) == (75, 0)


def test_a_lease_that_is_spent_to_the_last_credit_returns_nothing(credits_):
    with credits_.lease("acme", 50) as lease:
        lease.spend(50)

    assert written(credits_) == [("hold", 50), ("capture", 50)]


def test_a_lease_that_is_not_used_costs_nothing(credits_):
    with credits_.lease("acme", 50):
        pass

    assert credits_.balance("acme").available == 100
    assert credits_.holds("acme") == ()


def test_a_tenth_is_captured_at_a_time_unless_it_is_told(credits_):
    with credits_.lease("acme", 50) as lease:
        lease.spend(4)
        assert lease.captured == 0
        lease.spend(1)
        assert lease.captured == 5
    with credits_.lease("acme", 5) as lease:
        lease.spend(1)
        assert lease.captured == 1


def test_no_more_is_spent_than_is_held(credits_):
    with credits_.lease("acme", 5, key="small") as lease:
        lease.spend(4)
        with pytest.raises(HoldExceeded) as refusal:
            lease.spend(2)
        assert (refusal.value.requested, refusal.value.left) == (2, 1)
        lease.spend(1)

    assert credits_.balance("acme").available == 95


def test_nothing_is_spent_after_the_hold_has_timed_out(credits_, clock):
    def work():
        with credits_.lease("acme", 50, every=10, expires_in=timedelta(minutes=5)) as lease:
            lease.spend(10)
            clock.advance(timedelta(minutes=5))
            lease.spend(1)

    with pytest.raises(HoldClosed) as refusal:
        work()

    assert str(refusal.value) == "hold 2 is closed: 10 credits were captured, 40 returned"
    assert credits_.balance("acme").available == 90


def test_what_was_spent_in_work_that_failed_is_captured_all_the_same(credits_):
    def work():
        with credits_.lease("acme", 50) as lease:
            lease.spend(3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()

    assert credits_.balance("acme").available == 97


def test_after_a_crash_the_rest_returns_by_itself(credits_, clock):
    lease = credits_.lease("acme", 50, every=10, expires_in=timedelta(minutes=5))
    lease.spend(12)
    clock.advance(timedelta(minutes=5))

    assert credits_.balance("acme").available == 88


def test_a_lease_goes_on_under_its_key_after_a_crash(credits_):
    lease = credits_.lease("acme", 50, every=10, key="answer")
    lease.spend(12)

    with credits_.lease("acme", 50, every=10, key="answer") as again:
        assert (again.left, again.captured) == (38, 12)
        again.spend(20)

    assert credits_.balance("acme").available == 68


def test_a_lease_that_has_ended_does_not_begin_again(credits_):
    with credits_.lease("acme", 50, key="answer") as lease:
        lease.spend(1)

    with pytest.raises(HoldClosed, match="hold 2 is closed: 1 credits were captured, 49 returned"):
        credits_.lease("acme", 50, key="answer")

    assert credits_.balance("acme").available == 99


def test_more_than_there_is_cannot_be_leased(credits_):
    with pytest.raises(InsufficientCredits), credits_.lease("acme", 101):
        pass


@pytest.mark.parametrize("every", [0, -5, 0.5, "1"])
def test_a_lease_that_would_be_captured_at_no_amount_holds_nothing(credits_, every):
    with pytest.raises(Invalid):
        credits_.lease("acme", 50, every=every)

    assert credits_.holds("acme") == ()


def test_a_key_that_leaves_no_room_for_those_of_its_captures_leases_nothing(credits_):
    with pytest.raises(Invalid, match="must have at most 233 characters, not 234"):
        credits_.lease("acme", 50, key="k" * 234)

    assert credits_.holds("acme") == ()


def test_the_largest_lease_under_the_longest_key_is_captured_to_the_end(credits_):
    most = 2**53 - 1
    credits_.grant("whale", most)

    with credits_.lease("whale", most, key="k" * 233) as lease:
        lease.spend(most - 1)

    assert credits_.balance("whale").available == 1
    assert credits_.holds("whale") == ()


@pytest.mark.parametrize("amount", [-1, 1.5, True, "1"])
def test_what_is_no_amount_is_not_spent(credits_, amount):
    with credits_.lease("acme", 50) as lease:
        with pytest.raises(Invalid):
            lease.spend(amount)
        assert lease.left == 50


def test_words_said_of_a_lease_are_said_of_its_captures(credits_):
    with credits_.lease("acme", 50, reference="answer:7", actor="worker") as lease:
        lease.spend(1)

    assert {(entry.reference, entry.actor) for entry in credits_.statement("acme").entries[:2]} == {("answer:7", "worker")}


class Moody:
    """A memory store that loses the reply of a commit now and then."""

    def __init__(self):
        self.store = MemoryStore()
        self.lose = False

    def view(self):
        return self.store.view()

    def begin(self):
        return _Losing(self, self.store.begin())


class _Losing:
    def __init__(self, moody, unit):
        self._moody, self._unit = moody, unit

    def __enter__(self):
        return self._unit.__enter__()

    def __exit__(self, *failure):
        self._unit.__exit__(*failure)
        if self._moody.lose:
            self._moody.lose = False
            raise StoreUnavailable("the reply was lost")


def test_a_capture_whose_reply_was_lost_counts_once():
    store = Moody()
    credits_ = opened(store).credits
    credits_.grant("acme", 100)

    with credits_.lease("acme", 50, every=10, key="answer") as lease:
        lease.spend(9)
        store.lose = True
        with pytest.raises(StoreUnavailable):
            lease.spend(1)
        assert (lease.spent, lease.left) == (10, 40)
        lease.spend(3)

    assert credits_.balance("acme").available == 87
    assert credits_.verify("acme").findings == ()


@given(
    st.integers(1, 60),
    st.integers(1, 20),
    st.lists(st.one_of(st.integers(0, 12), st.sampled_from(["crash", "lose"])), max_size=25),
)
def test_what_is_captured_lies_between_what_is_certain_and_what_was_spent(amount, every, steps):
    store, clock = Moody(), FixedClock()
    credits_ = opened(store, clock).credits
    credits_.grant("acme", 60)
    spent, lease = 0, credits_.lease("acme", amount, every=every, key="k")

    for step in steps:
        store.lose = step == "lose"
        if step == "crash" and lease.captured < amount:
            lease = credits_.lease("acme", amount, every=every, key="k")
        elif isinstance(step, int) and step <= lease.left:
            spent += step
            with suppress(StoreUnavailable):
                lease.spend(step)

    clock.advance(timedelta(hours=1))
    consumed = 60 - credits_.balance("acme").available
    assert lease.captured <= consumed <= spent
    assert consumed <= amount
