"""The laws of histories of everything that can be asked of one account: what is counted, in which order, and when."""

from collections import Counter
from datetime import timedelta

import attrs
from histories import ACME, HOUR, START, after, histories, presents, ran
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.credits import (
    NEGATIVE,
    Account,
    AccountId,
    Book,
    Entry,
    Expire,
    Grant,
    Needs,
    Operation,
    Spend,
    Transfer,
    burn_order,
    decide,
    decide_all,
    evolve,
    fold,
    settle,
)
from billing_core.errors import Refused, Unknown

GLOBEX = AccountId("globex")
FIGURES = {
    "remaining": Book.AVAILABLE,
    "held": Book.HELD,
    "expired": Book.EXPIRED,
    "scheduled": Book.SCHEDULED,
    "revoked": Book.REVOKED,
    "owed": Book.OWED,
}


def figures(lot):
    return {name: getattr(lot, name) for name in FIGURES}


def told(journal):
    """Return entries without when they were written down."""
    return [attrs.evolve(one, recorded_at=START) for one in journal]


def answer(account, command, now):
    try:
        return decide(account, command, now)
    except (Refused, Unknown) as refusal:
        return str(refusal)


# The journal --------------------------------------------------------------------------------------------------------------


@given(histories)
def test_the_figures_are_the_sum_of_all_movements(history):
    account = ran(history)
    on = Counter()
    for entry in account.related:
        for one in entry.movements:
            on[one.lot, one.source] -= one.amount
            on[one.lot, one.target] += one.amount

    for lot in account.lots:
        assert figures(lot) == {name: on[lot.number, book] for name, book in FIGURES.items()}
        assert 0 <= on[lot.number, Book.CONSUMED] <= lot.amount
        assert -lot.amount <= on[lot.number, Book.ISSUED] <= 0
    for book in Book:
        assert getattr(account.books, book) == sum(on[lot.number, book] for lot in account.lots)


@given(histories)
def test_the_entries_alone_rebuild_the_account(history):
    account = ran(history)

    assert fold(Account(ACME), account.related) == account


@given(histories)
def test_nothing_is_below_zero_but_what_was_issued_and_what_is_owed(history):
    account = Account(ACME)

    for entry in ran(history).related:
        account = evolve(account, entry)
        books = attrs.asdict(account.books)
        assert {name for name, amount in books.items() if amount < 0} <= NEGATIVE
        assert not {name for name, amount in books.items() if amount > 0} & NEGATIVE
        for lot in account.lots:
            assert min(amount for name, amount in figures(lot).items() if name != "owed") >= 0
            assert lot.remaining + lot.held + lot.expired + lot.scheduled <= lot.amount
            assert lot.revoked <= lot.amount


@given(histories)
def test_a_decision_needs_to_know_nothing_but_its_needs(history):
    for place, (now, command) in enumerate(history):
        account = ran(history[:place])

        assert answer(loaded(account, Needs.of(command)), command, now) == answer(account, command, now)


def loaded(account, needs):
    """Return an account as a store loads it."""
    related = [one for one in account.related if {one.seq, one.of} & needs.entries]
    named = {one.lot for entry in related if entry.seq in needs.entries for one in entry.movements}
    named |= {lot.number for lot in account.lots if lot.source in needs.sources or (needs.repaid and lot.owed > 0)}
    return attrs.evolve(
        account,
        lots=tuple(lot for lot in account.lots if lot.open or lot.number in named),
        holds=tuple(hold for hold in account.holds if hold.open or hold.number in needs.holds),
        recorded={key: entry for key, entry in account.recorded.items() if key in needs.keys},
        related=tuple(related),
    )


@given(histories, st.sampled_from([0, 1, 400]))
def test_a_repeated_command_does_nothing_more_at_any_time(history, days):
    account = ran(history)

    repeated = [one for _, one in history if not isinstance(one, Expire) and one.key in account.recorded]

    assert not any(decide(account, one, START + 24 * days * HOUR) for one in repeated)


# Order and time -----------------------------------------------------------------------------------------------------------

# What is taken from whatever is there: by a revocation, what it takes from other lots than its own.
TAKEN = {
    Operation.SPEND: Book.CONSUMED,
    Operation.HOLD: Book.HELD,
    Operation.ADJUST: Book.REVOKED,
    Operation.REVOKE: Book.OWED,
}


@given(histories)
def test_what_burns_first_is_taken_first_and_only_while_it_runs(history):
    account = Account(ACME)

    for entry in ran(history).related:
        lots = {lot.number: lot for lot in account.lots if lot.remaining}
        for one in entry.movements:
            if one.source is Book.AVAILABLE and one.target is TAKEN.get(entry.operation) and not entry.opened:
                lot = lots[one.lot]
                assert burn_order(lot) == min(burn_order(other) for other in lots.values() if other.remaining)
                assert lot.effective_at <= entry.effective_at
                assert not lot.due(entry.effective_at)
            if one.source is Book.AVAILABLE and one.lot in lots:
                lots[one.lot] = attrs.evolve(lots[one.lot], remaining=lots[one.lot].remaining - one.amount)
        account = evolve(account, entry)


@given(histories)
def test_what_can_be_spent_has_begun_and_not_expired(history):
    for place, (now, _) in enumerate(history, 1):
        account = ran(history[:place])
        for lot in fold(account, settle(account, now)).lots:
            assert not (lot.remaining and lot.due(now))
            assert bool(lot.scheduled) <= (lot.effective_at > now)
            assert bool(lot.remaining) <= (lot.effective_at <= now)


@given(histories, st.lists(st.integers(0, 60), max_size=5))
def test_sweeping_makes_no_difference(history, hours):
    end = history[-1][0]
    sweeps = [(START + hour * HOUR, Expire(account=ACME)) for hour in hours if START + hour * HOUR <= end]
    unswept = [(now, one) for now, one in history if not isinstance(one, Expire)]
    last = (end, Expire(account=ACME))

    often = ran([*sorted([*history, *sweeps], key=lambda one: one[0]), last])
    once = ran([*unswept, last])

    assert told(often.related) == told(once.related)


@given(presents, st.integers(0, 30), st.integers(0, 30))
def test_settling_in_two_steps_is_settling_in_one(present, first, second):
    account, now = present
    middle, end = now + first * HOUR, now + (first + second) * HOUR

    halfway = settle(account, middle)

    assert told((*halfway, *settle(fold(account, halfway), end))) == told(settle(account, end))


@given(histories, st.timedeltas(timedelta(days=-900), timedelta(days=900)))
def test_the_same_history_at_another_time_is_the_same_history(history, shift):
    def shifted(value):
        names = ("effective_at", "recorded_at", "starts_at", "expires_at")
        moments = {name: getattr(value, name) for name in names if getattr(value, name, None)}
        return attrs.evolve(value, **{name: at + shift for name, at in moments.items()})

    here, there = ran(history), ran([(now + shift, shifted(command)) for now, command in history])

    assert there.books == here.books
    assert there.lots == tuple(map(shifted, here.lots))
    assert there.holds == tuple(map(shifted, here.holds))
    assert [one.movements for one in there.related] == [one.movements for one in here.related]
    assert [one.effective_at for one in there.related] == [one.effective_at + shift for one in here.related]


# Scale, and company -------------------------------------------------------------------------------------------------------


@given(histories, st.sampled_from([2, 3, 1000]))
def test_a_ledger_of_smaller_steps_is_the_same_ledger(history, scale):
    def scaled(command):
        amounts = {name: getattr(command, name) for name in ("amount", "most") if getattr(command, name, None)}
        return attrs.evolve(command, **{name: amount * scale for name, amount in amounts.items()})

    coarse, fine = ran(history), ran([(now, scaled(command)) for now, command in history])

    assert attrs.asdict(fine.books) == {name: amount * scale for name, amount in attrs.asdict(coarse.books).items()}
    for small, large in zip(coarse.lots, fine.lots, strict=True):
        assert figures(large) == {name: amount * scale for name, amount in figures(small).items()}


@given(presents, st.data())
def test_spends_commute(present, data):
    account, now = present
    both = data.draw(st.integers(0, account.books.available))
    first = data.draw(st.integers(0, both))
    one, other = (
        Spend(account=ACME, key=f"spend-{place}", amount=part) for place, part in enumerate((first, both - first))
    )

    here, there = after(account, now, one, other), after(account, now, other, one)

    assert (here.books, here.lots) == (there.books, there.lots)


@given(presents, st.integers(1, 9), st.integers(1, 9))
def test_accounts_do_not_mind_each_other(present, mine, theirs):
    account, now = present
    commands = [
        Grant(account=ACME, key="mine", source="mine", amount=mine),
        Grant(account=GLOBEX, key="mine", source="mine", amount=theirs),
    ]
    accounts = {ACME: account, GLOBEX: Account(GLOBEX)}

    ahead, back = decide_all(accounts, commands, now)[0], decide_all(accounts, commands[::-1], now)[0]

    assert {one.account.id: one for one in ahead} == {one.account.id: one for one in back}


@given(presents, histories, st.lists(st.integers(1, 12), max_size=4))
def test_a_batch_is_its_commands_one_after_the_other(present, history, sent):
    account, now = present
    sending = [Transfer(account=ACME, key=f"send-{place}", to=GLOBEX, amount=amount) for place, amount in enumerate(sent)]
    commands = [*sending, *(command for _, command in history if not isinstance(command, Expire))]
    before = {ACME: account, GLOBEX: Account(GLOBEX)}

    changes, results = decide_all(before, commands, now)

    accounts, one_by_one = dict(before), []
    for command in commands:
        written, result = decide_all(accounts, [command], now)
        accounts |= {one.account.id: one.account for one in written}
        one_by_one += result
    assert {**before, **{one.account.id: one.account for one in changes}} == accounts
    assert [*map(said, results)] == [*map(said, one_by_one)]


def said(result):
    return result if isinstance(result, Entry) else str(result)
