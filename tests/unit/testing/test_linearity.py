"""The check for linearity takes what could have happened one after the other, and nothing else."""

from datetime import timedelta

import attrs
import pytest

from billing_core.domain.credits import Account, AccountId, decide_all
from billing_core.errors import InsufficientCredits
from billing_core.testing.contracts.crowds import Told
from billing_core.testing.contracts.linearity import check_linear
from billing_core.testing.examples import NOW, a_grant, a_hold, a_refund, a_spend

ACME = AccountId("acme")
GRANT, SPEND, REST = a_grant(ACME, 5), a_spend(ACME, 3), a_spend(ACME, 2)


def history(*commands, times=None):
    """Carry out these commands in turn; return the entries, and what was told, asked for and answered at these times."""
    accounts = {ACME: Account(ACME)}
    entries, results = [], []
    for command in commands:
        changes, (result,) = decide_all(accounts, [command], NOW)
        accounts |= {one.account.id: one.account for one in changes}
        entries += [entry for one in changes for entry in one.entries]
        results.append(result)
    times = times or [(2 * at, 2 * at + 1) for at in range(len(commands))]
    return entries, [Told(one, NOW, *at, told) for one, at, told in zip(commands, times, results, strict=True)]


def refused(told):
    """Let what was told be that nothing is available."""
    return attrs.evolve(told, result=InsufficientCredits("acme", told.command.amount, 0))


def test_what_happened_in_turn_is_taken():
    check_linear(ACME, *history(GRANT, SPEND, SPEND, a_spend(ACME, 3), REST, a_hold(ACME)))


@pytest.mark.parametrize(
    "times", [[(0, 9), (0, 9), (0, 9)], [(5, 9), (4, 8), (0, 7)]], ids=["at once", "answered backwards"]
)
def test_what_overlapped_may_have_happened_in_any_order(times):
    check_linear(ACME, *history(GRANT, SPEND, REST, times=times))


def test_what_others_did_before_is_taken_as_it_is():
    entries, told = history(GRANT, SPEND, a_refund(ACME, 2), REST)

    check_linear(ACME, entries, told[2:])


def test_what_is_told_of_other_accounts_is_left_to_them():
    entries, told = history(GRANT)

    check_linear(ACME, entries, [*told, refused(Told(a_spend(AccountId("umbrella")), NOW, 9, 9, None))])


def test_a_write_that_comes_before_one_that_was_answered_earlier_is_noticed():
    with pytest.raises(AssertionError, match="asked for when a later one"):
        check_linear(ACME, *history(GRANT, SPEND, REST, times=[(0, 1), (4, 5), (2, 3)]))


def test_an_entry_that_the_core_would_not_write_is_noticed():
    entries, told = history(GRANT, SPEND)
    late = attrs.evolve(entries[1], effective_at=NOW - timedelta(1))

    with pytest.raises(AssertionError, match="what the core decides"):
        check_linear(ACME, [entries[0], late], [told[0], attrs.evolve(told[1], result=late)])


def test_an_effect_that_came_twice_is_noticed():
    again = attrs.evolve(SPEND, key="another", amount=2)
    entries, told = history(GRANT, SPEND, again)
    entries[2] = attrs.evolve(entries[2], key=SPEND.key, fingerprint=entries[1].fingerprint)

    with pytest.raises(AssertionError, match="took effect once"):
        check_linear(ACME, entries, told[:2])


def test_the_entry_of_another_command_is_noticed():
    entries, told = history(GRANT, SPEND)

    with pytest.raises(AssertionError, match="the entry of the own command"):
        check_linear(ACME, entries, [attrs.evolve(one, command=REST) for one in told])


def test_an_answer_that_is_not_in_the_journal_is_noticed():
    entries, told = history(GRANT, SPEND)
    _, others = history(GRANT, REST)

    with pytest.raises(AssertionError, match="nothing explains"):
        check_linear(ACME, entries, [*told, others[1]])


def test_a_refusal_without_a_reason_is_noticed():
    entries, told = history(GRANT, SPEND)
    wrong = attrs.evolve(refused(told[1]), command=REST)

    with pytest.raises(AssertionError, match="nothing explains"):
        check_linear(ACME, entries, [*told, wrong])


@pytest.mark.parametrize(
    ("asked_at", "answered_at"), [(1, 1), (6, 7)], ids=["before there was a reason", "after it was gone"]
)
def test_a_refusal_at_the_wrong_time_is_noticed(asked_at, answered_at):
    entries, told = history(GRANT, a_spend(ACME, 5), a_grant(ACME, 1), times=[(0, 0), (2, 3), (4, 5)])
    stale = refused(Told(a_spend(ACME, 1), NOW, 3, 4, None))
    check_linear(ACME, entries, [*told, stale])

    with pytest.raises(AssertionError, match="nothing explains"):
        check_linear(ACME, entries, [*told, attrs.evolve(stale, asked_at=asked_at, answered_at=answered_at)])


def test_answers_that_go_back_in_time_are_noticed():
    entries, told = history(GRANT, a_spend(ACME, 5), a_grant(ACME, 1), times=[(0, 1), (2, 9), (2, 9)])
    one_is_left = Told(a_spend(ACME, 3), NOW, 5, 6, InsufficientCredits("acme", 3, 1))
    none_is_left = attrs.evolve(one_is_left, result=InsufficientCredits("acme", 3, 0))
    check_linear(ACME, entries, [*told, none_is_left, attrs.evolve(one_is_left, asked_at=7, answered_at=8)])

    with pytest.raises(AssertionError, match="nothing explains"):
        check_linear(ACME, entries, [*told, one_is_left, attrs.evolve(none_is_left, asked_at=7, answered_at=8)])


def test_a_repetition_that_was_told_before_it_was_done_is_noticed():
    entries, told = history(GRANT, SPEND, REST, SPEND, times=[(2, 3), (4, 5), (6, 7), (8, 9)])

    check_linear(ACME, entries, told)
    with pytest.raises(AssertionError, match="asked for when a later one"):
        check_linear(ACME, entries, [*told[:3], attrs.evolve(told[3], asked_at=0, answered_at=0)])
