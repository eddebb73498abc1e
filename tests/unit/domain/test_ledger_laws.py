"""The laws of the ledger: what holds for every history of commands, however mixed, late, repeated or refused."""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain

import attrs
from attrs import field, mutable
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.credits import (
    Account,
    AccountId,
    Book,
    Capture,
    Convert,
    Expire,
    Grant,
    LotKind,
    Needs,
    Operation,
    PlaceHold,
    Release,
    Spend,
    balance_at,
    change,
    decide,
    evolve,
    fold,
    holds_at,
    settle,
)
from billing_core.domain.money import Money
from billing_core.errors import Refused, Unknown
from billing_core.testing.laws import check_account, check_journal

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = AccountId("acme")


@mutable
class Run:
    """One account that was given commands: what it wrote, and what it answered."""

    account: Account = field(factory=lambda: Account(ACME))
    journal: list = field(factory=list)
    carried_out: list = field(factory=list)

    def give(self, now, command):
        with suppress(Refused, Unknown):
            entries = decide(self.account, command, now)
            self.account = change(self.account, entries).account
            self.journal += entries
            self.carried_out.append(command)


def ran(history):
    run = Run()
    for now, command in history:
        run.give(now, command)
    return run


# What is drawn is a list of steps: how many hours pass, and what is asked then. Keys and sources are few, so that they meet
# again and again; some grants and conversions tell late what happened long ago. Captures and releases are of a hold that
# was placed before, if any was. Many of these commands are refused, so a history begins with some grants that are not.
keys = st.sampled_from([f"key-{number}" for number in range(50)])
sources = st.sampled_from([f"source-{number}" for number in range(6)])
ages = st.none() | st.integers(0, 60)
places = st.integers(0, 9)
steps = st.tuples(
    st.just(0) | st.integers(0, 20),
    st.one_of(
        st.fixed_dictionaries({
            "type": st.just(Grant),
            "key": keys,
            "source": sources,
            "amount": st.integers(1, 10),
            "kind": st.sampled_from(LotKind),
            "priority": st.none() | st.integers(0, 40),
            "effective_at": ages,
            "expires_at": st.none() | st.integers(-50, 30),
            "cost": st.none() | st.just(Money(1000, "usd")),
        }),
        st.fixed_dictionaries({"type": st.just(Spend), "key": keys, "amount": st.integers(0, 12)}),
        st.fixed_dictionaries({
            "type": st.just(PlaceHold),
            "key": keys,
            "amount": st.integers(1, 12),
            "expires_in": st.integers(1, 200).map(HOUR.__mul__),
        }),
        st.fixed_dictionaries({
            "type": st.just(Capture),
            "key": keys,
            "hold": places,
            "amount": st.none() | st.integers(0, 12),
            "final": st.booleans(),
        }),
        st.fixed_dictionaries({"type": st.just(Release), "key": keys, "hold": places}),
        st.fixed_dictionaries({
            "type": st.just(Convert),
            "key": keys,
            "source": sources | st.just("convert:source-0"),
            "effective_at": ages,
        }),
        st.fixed_dictionaries({"type": st.just(Expire)}),
    ),
)


gifts = st.tuples(
    st.just(0),
    st.fixed_dictionaries({
        "type": st.just(Grant),
        "key": st.uuids().map(str),
        "source": sources,
        "amount": st.integers(5, 50),
        "kind": st.sampled_from(LotKind),
        "expires_at": st.none() | st.integers(-90, -1),
    }),
)


def dated(drawn):
    """Return commands with the moments at which they are given."""
    now, history, run = START, [], Run()
    for pause, words in drawn:
        now += pause * HOUR
        ago = {name: now - hours * HOUR for name, hours in words.items() if name.endswith("_at") and hours is not None}
        said = {name: word for name, word in {**words, **ago}.items() if name != "type"}
        if "hold" in said:
            placed = [hold.number for hold in run.account.holds] or [1]
            said["hold"] = placed[said["hold"] % len(placed)]
        history.append((now, words["type"](account=ACME, **said)))
        run.give(*history[-1])
    return history


histories = st.builds(
    lambda *parts: dated([*chain(*parts)]),
    st.lists(gifts, min_size=1, max_size=3),
    st.lists(steps, min_size=8, max_size=25),
)


def without_recording_times(journal):
    return [attrs.evolve(entry, recorded_at=START) for entry in journal]


# The journal --------------------------------------------------------------------------------------------------------------


@given(histories)
def test_every_journal_is_lawful(history):
    check_journal(ran(history).journal)


@given(histories)
def test_the_account_is_what_its_entries_say(history):
    run = ran(history)

    check_account(run.account, run.journal)


@given(histories)
def test_the_entries_alone_rebuild_the_account(history):
    run = ran(history)

    assert fold(Account(ACME), run.journal) == run.account


@given(histories)
def test_an_entry_says_by_how_much_it_changed_what_is_available(history):
    balance = 0

    for entry in ran(history).journal:
        balance += entry.change
        assert entry.available_after == balance


@given(histories)
def test_every_credit_of_a_lot_is_somewhere(history):
    run = ran(history)
    gone = Counter()

    for entry in run.journal:
        for one in entry.movements:
            gone[one.lot] += one.amount if one.target in {Book.CONSUMED, Book.ISSUED} else 0

    assert all(lot.amount == lot.remaining + lot.held + lot.expired + gone[lot.number] for lot in run.account.lots)


# Holds --------------------------------------------------------------------------------------------------------------------


def accounts(journal):
    """Return the account as it stood after each of its entries, the latest last."""
    return [*accumulate(journal, evolve, initial=Account(ACME))]


@given(histories)
def test_what_is_held_is_what_the_open_holds_hold(history):
    for account in accounts(ran(history).journal):
        held = Counter()
        for hold in account.holds:
            held.update({one.lot: one.amount for one in hold.slices})
            assert hold.left == sum(one.amount for one in hold.slices)

        assert +Counter({lot.number: lot.held for lot in account.lots}) == held
        assert account.books.held == held.total()


@given(histories)
def test_every_credit_leaves_a_hold_once_and_none_after_it_was_closed(history):
    journal = ran(history).journal
    placed = {entry.seq: entry.amount for entry in journal if entry.placed}

    for entry in journal:
        if entry.of:
            assert placed[entry.of] > 0, "it is still open"
            placed[entry.of] -= sum(one.amount for one in entry.movements)

    assert min(placed.values(), default=0) >= 0


@given(histories)
def test_a_hold_gives_nothing_away_after_its_time(history):
    run = ran(history)
    ends = {hold.number: hold.expires_at for hold in run.account.holds}

    for entry in run.journal:
        if entry.of and entry.key:
            assert entry.effective_at < ends[entry.of]
        elif entry.of:
            assert (entry.operation, entry.effective_at) == (Operation.RELEASE, ends[entry.of])


@given(histories)
def test_held_credits_of_a_lot_that_expired_return_to_nobody(history):
    run = ran(history)
    lots = {lot.number: lot for lot in run.account.lots}

    for entry in run.journal:
        for one in entry.movements:
            if one.source is Book.HELD and one.target is not Book.CONSUMED:
                assert (one.target is Book.EXPIRED) is lots[one.lot].due(entry.effective_at)


@given(histories, st.integers(0, 60), st.data())
def test_whatever_a_hold_holds_can_be_captured(history, pause, data):
    run = ran(history)
    now = (history[-1][0] if history else START) + pause * HOUR

    for hold in holds_at(run.account, now):
        amount = data.draw(st.integers(0, hold.left))
        *_, entry = decide(run.account, Capture(account=ACME, key="capture", hold=hold.number, amount=amount), now)

        assert entry.amount == amount


# Repetition and refusal ---------------------------------------------------------------------------------------------------


@given(histories)
def test_a_repeated_command_does_nothing_more_at_any_time(history):
    run = ran(history)

    repeated = [
        decide(run.account, command, START + days * timedelta(days=1))
        for command in run.carried_out
        if not isinstance(command, Expire)
        for days in (0, 400)
    ]

    assert not any(repeated)


@given(histories)
def test_a_decision_needs_to_know_nothing_but_its_needs(history):
    run = Run()

    for now, command in history:
        needs = Needs.of(command)
        lots = tuple(lot for lot in run.account.lots if lot.open or lot.source in needs.sources)
        holds = tuple(hold for hold in run.account.holds if hold.open or hold.number in needs.holds)
        recorded = {key: run.account.recorded[key] for key in needs.keys if key in run.account.recorded}
        loaded = attrs.evolve(run.account, lots=lots, holds=holds, recorded=recorded)

        assert answer(loaded, command, now) == answer(run.account, command, now)
        run.give(now, command)


def answer(account, command, now):
    try:
        return decide(account, command, now)
    except (Refused, Unknown) as refusal:
        return str(refusal)


# Time ---------------------------------------------------------------------------------------------------------------------


@given(histories, st.lists(st.integers(0, 700), max_size=5))
def test_sweeping_makes_no_difference(history, sweeps):
    end = max(now for now, _ in history) if history else START
    swept = [*history, *((START + hours * HOUR, Expire(account=ACME)) for hours in sweeps if START + hours * HOUR <= end)]
    unswept = [(now, command) for now, command in history if not isinstance(command, Expire)]
    last = (end, Expire(account=ACME))

    often = ran([*sorted(swept, key=lambda one: one[0]), last])
    once = ran([*unswept, last])

    assert without_recording_times(often.journal) == without_recording_times(once.journal)


@given(histories, st.integers(0, 60), st.integers(0, 60))
def test_settling_in_two_steps_is_settling_in_one(history, first, second):
    run = ran(history)
    now = history[-1][0] if history else START
    middle, end = now + first * HOUR, now + (first + second) * HOUR

    halfway = settle(run.account, middle)
    rest = settle(fold(run.account, halfway), end)

    assert without_recording_times((*halfway, *rest)) == without_recording_times(settle(run.account, end))


@given(histories, st.integers(0, 200))
def test_a_balance_is_what_a_sweep_would_leave(history, hours):
    run = ran(history)
    now = (history[-1][0] if history else START) + hours * HOUR

    balance = balance_at(run.account, now)
    swept = change(run.account, decide(run.account, Expire(account=ACME), now)).account

    assert balance.available == swept.books.available == sum(balance.by_kind.values())
    assert balance.held == swept.books.held == sum(hold.left for hold in holds_at(run.account, now))
    assert balance.next_expiry_at == min(
        (lot.expires_at for lot in swept.lots if lot.expires_at and lot.remaining), default=None
    )


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.data())
def test_what_was_granted_in_time_can_be_spent_to_the_last_credit(amounts, data):
    grants = [
        (START, Grant(account=ACME, key=f"k{number}", source=f"s{number}", amount=amount))
        for number, amount in enumerate(amounts)
    ]
    first = data.draw(st.integers(0, sum(amounts)))
    spends = [
        (START, Spend(account=ACME, key="first", amount=first)),
        (START, Spend(account=ACME, key="rest", amount=sum(amounts) - first)),
        (START, Spend(account=ACME, key="more", amount=1)),
    ]

    run = ran([*grants, *spends])

    assert run.account.books.consumed == sum(amounts)
    assert "more" not in run.account.recorded
