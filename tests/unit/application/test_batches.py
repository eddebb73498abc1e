"""Many commands in one transaction, callers that share a write, and balances that fall below a level."""

from threading import Barrier, Thread

import pytest

from billing_adapters.conveyor import Conveyor
from billing_adapters.memory import FixedClock, MemoryStore, SequentialIds
from billing_core.billing import Billing
from billing_core.domain.credits import AccountId, Entry, Grant, Spend
from billing_core.domain.policies import Policies
from billing_core.errors import Conflict, InsufficientCredits, Invalid, KeyReused
from billing_core.testing.examples import a_grant, a_spend

ACME, OTHER = AccountId("acme"), AccountId("other")


@pytest.fixture
def credits_(shop):
    return shop.billing.credits


def test_each_of_many_has_its_own_entry_and_key(credits_):
    granted = credits_.grant_many([a_grant(ACME, 10, key="a"), a_grant(OTHER, 5, key="b"), a_grant(ACME, 1, key="c")])
    spent = credits_.spend_many(Spend(account=ACME, key=f"k{number}", amount=3) for number in range(3))

    assert [(entry.key, entry.seq, entry.available_after) for entry in granted] == [("a", 1, 10), ("b", 1, 5), ("c", 2, 11)]
    assert [(entry.key, entry.seq, entry.available_after) for entry in spent] == [("k0", 3, 8), ("k1", 4, 5), ("k2", 5, 2)]


def test_what_is_refused_does_not_keep_the_others_from_being_done(credits_):
    credits_.grant("acme", 10, key="grant")
    spends = [a_spend(ACME, 7), a_spend(ACME, 7), a_spend(ACME, 3, key="grant"), a_spend(OTHER, 1), a_spend(ACME, 3)]

    first, second, third, fourth, fifth = credits_.spend_many(spends)

    assert isinstance(first, Entry)
    assert (type(second), second.requested, second.available) == (InsufficientCredits, 7, 3)
    assert (type(third), type(fourth)) == (KeyReused, InsufficientCredits)
    assert fifth.available_after == 0
    assert credits_.balance("other").version == 0


def test_a_batch_that_comes_again_does_nothing_more(credits_):
    credits_.grant("acme", 10)
    spends = [a_spend(ACME, 2), a_spend(ACME, 9), a_spend(ACME, 3)]

    first, again = credits_.spend_many(spends), credits_.spend_many([*spends, spends[0]])

    assert [*again[:1], *again[2:]] == [first[0], first[2], first[0]]
    assert credits_.balance("acme").available == 5


def test_a_batch_of_nothing_is_nothing(credits_):
    assert credits_.spend_many([]) == ()
    assert credits_.spend_many([a_spend(ACME, 1)])[0].requested == 1


def test_a_batch_is_of_one_kind_and_of_the_applications_own_keys(credits_, shop):
    with pytest.raises(Invalid, match="command must be a Spend, not Grant"):
        credits_.spend_many([a_spend(ACME, 0), a_grant(ACME, 1)])
    with pytest.raises(Invalid, match="key must not begin with"):
        credits_.grant_many([a_grant(ACME, 1), a_grant(ACME, 1, key="payment:pi_1")])
    with pytest.raises(Invalid, match="source must not begin with"):
        credits_.grant_many([a_grant(ACME, 1, source="convert:x")])

    assert shop.ledger().version == 0


def test_a_batch_that_lost_a_race_is_decided_again(credits_, shop):
    credits_.grant("acme", 10)
    shop.store.failures = [Conflict("it")]

    assert [entry.amount for entry in credits_.spend_many([a_spend(ACME, 1), a_spend(ACME, 2)])] == [1, 2]


def test_a_batch_tells_what_happened_in_its_order(credits_, shop):
    credits_.grant_many([Grant(account=ACME, key=f"k{number}", source=f"s{number}", amount=1) for number in range(3)])

    assert [event.data["source"] for event in shop.told("credits.granted")] == ["s0", "s1", "s2"]


# Levels -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def watched(open_shop):
    return open_shop(policies=Policies(low_balance={"credits": (5, 20)}))


def lows(shop):
    return [(event.data["below"], event.data["available"]) for event in shop.told("credits.low")]


def test_each_level_is_told_once_per_crossing(watched):
    credits_ = watched.billing.credits
    credits_.grant("acme", 25)
    credits_.spend("acme", 5)
    assert lows(watched) == []
    credits_.spend("acme", 1)
    credits_.spend("acme", 1)
    assert lows(watched) == [("20", "19")]
    credits_.grant("acme", 10)
    credits_.hold("acme", 27)
    assert lows(watched) == [("20", "19"), ("20", "1"), ("5", "1")]
    assert {event.account for event in watched.told("credits.low")} == {"acme"}


def test_another_unit_has_its_own_levels(watched):
    watched.billing.credits.grant("acme", 25, unit="images")
    watched.billing.credits.spend("acme", 25, unit="images")

    assert lows(watched) == []


def test_what_expires_crosses_a_level_too(watched):
    watched.billing.credits.grant("acme", 25, expires_at=watched.day(5))
    watched.clock.set(watched.day(6))

    watched.billing.credits.expire("acme")

    assert lows(watched) == [("20", "0"), ("5", "0")]


@pytest.mark.parametrize("level", [1.5, "5", True])
def test_a_level_is_a_whole_number(level):
    with pytest.raises(Invalid, match="low_balance must be a whole number"):
        Policies(low_balance={"credits": (level,)})


# Sharing a write ----------------------------------------------------------------------------------------------------------


class Silent:
    """A provider that never says anything."""


def test_callers_that_share_a_write_get_each_their_own_answer():
    billing = Billing(store=MemoryStore(), provider=Silent(), clock=FixedClock(), ids=SequentialIds(), folding=Conveyor())
    billing.credits.grant("acme", 8)
    answers, start = {}, Barrier(16)

    def spend(number):
        start.wait()
        try:
            answers[number] = billing.credits.spend("acme", 1, key=f"k{number}").key
        except InsufficientCredits as refusal:
            answers[number] = refusal.available

    callers = [Thread(target=spend, args=(number,)) for number in range(16)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert sorted(answers.values(), key=str) == sorted(
        [0] * 8 + [f"k{number}" for number in answers if answers[number] != 0], key=str
    )
    assert all(answer in {0, f"k{number}"} for number, answer in answers.items())
    assert billing.credits.balance("acme").available == 0
