"""Batches: many commands at once are the same commands one after the other."""

from datetime import UTC, datetime, timedelta

import pytest

from billing_core.domain.credits import (
    Account,
    AccountId,
    Capture,
    Entry,
    Grant,
    Needs,
    PlaceHold,
    Refund,
    Restore,
    Revoke,
    Spend,
    Transfer,
    decide_all,
    needs_of,
)
from billing_core.errors import InsufficientCredits, KeyReused, UnknownEntry, UnknownHold, UnknownLot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME, GLOBEX = AccountId("acme"), AccountId("globex")
EMPTY = {ACME: Account(ACME), GLOBEX: Account(GLOBEX)}


def grant(name, amount=10, account=ACME, **rest):
    return Grant(**{"account": account, "key": f"grant-{name}", "source": name, "amount": amount, **rest})


def spend(name, amount, account=ACME):
    return Spend(account=account, key=f"spend-{name}", amount=amount)


def transfer(name, amount):
    return Transfer(account=ACME, key=f"transfer-{name}", to=GLOBEX, amount=amount)


def amounts(results):
    return [one.amount if isinstance(one, Entry) else type(one) for one in results]


def test_each_command_is_decided_on_what_the_others_left():
    (changed,), results = decide_all(EMPTY, [grant("a"), spend("a", 4), spend("b", 5), spend("c", 2), spend("d", 1)], NOW)

    assert amounts(results) == [10, 4, 5, InsufficientCredits, 1]
    assert str(results[3]) == "2 credits requested, 1 available"
    assert (changed.expected_version, changed.account.version) == (0, 4)
    assert changed.entries == tuple(one for one in results if isinstance(one, Entry))
    assert changed.account.books.available == 0


def test_results_come_in_the_order_of_the_commands():
    commands = [grant("a"), grant("b", 5, GLOBEX), spend("a", 1), spend("b", 2, GLOBEX)]

    changes, results = decide_all(EMPTY, commands, NOW)

    assert [one.key for one in results] == [one.key for one in commands]
    assert {one.account.id: [entry.key for entry in one.entries] for one in changes} == {
        ACME: ["grant-a", "spend-a"],
        GLOBEX: ["grant-b", "spend-b"],
    }


def test_nothing_is_written_on_an_account_to_which_nothing_happens():
    changes, results = decide_all(EMPTY, [spend("a", 1), grant("b", 5, GLOBEX)], NOW)

    assert amounts(results) == [InsufficientCredits, 5]
    assert [one.account.id for one in changes] == [GLOBEX]


def test_no_commands_do_nothing():
    assert decide_all(EMPTY, [], NOW) == ((), ())


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (Refund(account=ACME, key="k", spend=9), UnknownEntry),
        (Capture(account=ACME, key="k", hold=9), UnknownHold),
        (Revoke(account=ACME, key="k", source="nothing"), UnknownLot),
        (spend("k", 11), InsufficientCredits),
    ],
    ids=["entry", "hold", "lot", "credits"],
)
def test_no_refusal_keeps_the_others_from_being_done(command, refusal):
    _, results = decide_all(EMPTY, [grant("a"), command, spend("a", 10)], NOW)

    assert amounts(results) == [10, refusal, 10]


def test_one_command_twice_is_done_once():
    (changed,), results = decide_all(EMPTY, [grant("a"), spend("a", 4), spend("a", 4)], NOW)

    assert results[1] == results[2]
    assert (changed.account.version, changed.account.books.available) == (2, 6)


def test_two_commands_under_one_key_are_the_first_and_a_refusal():
    _, results = decide_all(EMPTY, [grant("a"), spend("a", 4), spend("a", 5)], NOW)

    assert amounts(results) == [10, 4, KeyReused]


def test_the_key_of_a_refused_command_is_free_for_the_next_one():
    _, results = decide_all(EMPTY, [spend("a", 4), grant("a"), spend("a", 5)], NOW)

    assert amounts(results) == [InsufficientCredits, 10, 5]


def test_what_was_done_before_changes_nothing():
    (changed,), _ = decide_all(EMPTY, [grant("a")], NOW)

    changes, results = decide_all({ACME: changed.account}, [grant("a")], NOW + HOUR)

    assert changes == ()
    assert results == (changed.entries[0],)


def test_what_fell_due_is_settled_once_and_written_with_the_rest():
    (changed,), _ = decide_all(EMPTY, [grant("a", expires_at=NOW + HOUR), grant("b")], NOW)

    (settled,), results = decide_all({ACME: changed.account}, [spend("a", 1), spend("b", 1)], NOW + HOUR)

    assert [one.operation.value for one in settled.entries] == ["expire", "spend", "spend"]
    assert amounts(results) == [1, 1]


def test_a_refused_command_settles_nothing():
    (changed,), _ = decide_all(EMPTY, [grant("a", expires_at=NOW + HOUR)], NOW)

    changes, results = decide_all({ACME: changed.account}, [spend("a", 1)], NOW + HOUR)

    assert (changes, amounts(results)) == ((), [InsufficientCredits])


def test_a_command_may_follow_up_what_another_one_of_the_batch_did():
    commands = [
        grant("a"),
        spend("a", 4),
        Refund(account=ACME, key="refund", spend=2),
        PlaceHold(account=ACME, key="hold", amount=5, expires_in=HOUR),
        Capture(account=ACME, key="capture", hold=4),
        Revoke(account=ACME, key="revoke", source="a"),
        Restore(account=ACME, key="restore", revocation=6),
    ]

    (changed,), results = decide_all(EMPTY, commands, NOW)

    assert amounts(results) == [10, 4, 4, 5, 5, 10, 10]
    assert changed.account.books.available == 5


def test_transfers_see_what_came_before_them_on_both_sides():
    commands = [grant("a"), transfer("a", 6), transfer("b", 6), spend("b", 5, GLOBEX), transfer("c", 4)]

    changes, results = decide_all(EMPTY, commands, NOW)

    assert amounts(results) == [10, 6, InsufficientCredits, 5, 4]
    assert {one.account.id: one.account.books.available for one in changes} == {ACME: 0, GLOBEX: 5}


def test_a_transfer_that_was_refused_leaves_both_accounts_alone():
    changes, _ = decide_all(EMPTY, [transfer("a", 6)], NOW)

    assert changes == ()


def test_a_batch_needs_to_know_all_accounts_that_it_touches():
    hold = Capture(account=ACME, key="capture", hold=4)

    needs = Needs.joined(needs_of([spend("a", 1), transfer("a", 6), hold, grant("b", 5, GLOBEX)]))

    assert needs == {
        ACME: Needs(ACME, keys=frozenset({"spend-a", "transfer-a", "capture"}), holds=frozenset({4})),
        GLOBEX: Needs(GLOBEX, keys=frozenset({"grant-b"}), sources=frozenset({"b"})),
    }


def test_the_accounts_that_were_given_are_not_changed():
    accounts = dict(EMPTY)

    decide_all(accounts, [grant("a"), transfer("a", 5)], NOW)

    assert accounts == EMPTY
