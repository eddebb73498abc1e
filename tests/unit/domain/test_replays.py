"""Replays: how an account stood at any moment, and whether what is stored is what its entries say."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.credits import (
    Account,
    AccountId,
    Books,
    Capture,
    Expire,
    Grant,
    PlaceHold,
    Refund,
    Release,
    Spend,
    audit,
    balance_as_of,
    balance_at,
    decide,
    fold,
)
from billing_core.errors import Refused, Unknown
from billing_core.testing.strategies import histories

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = AccountId("acme")

SCRIPT = (
    Grant(account=ACME, key="g1", source="s1", amount=10, expires_at=START + 24 * HOUR),
    Grant(account=ACME, key="g2", source="s2", amount=10),
    Spend(account=ACME, key="s", amount=12),
    PlaceHold(account=ACME, key="h", amount=3, expires_in=5 * HOUR),
    Capture(account=ACME, key="c", hold=4, amount=1, final=False),
    Release(account=ACME, key="r", hold=4),
    Refund(account=ACME, key="f", spend=3, amount=4),
)


def played(steps):
    account, journal = Account(ACME), []
    for now, command in steps:
        try:
            entries = decide(account, command, now)
        except (Refused, Unknown):
            continue
        account = fold(account, entries)
        journal.extend(entries)
    return account, journal


@pytest.fixture
def whole():
    return played((START + number * HOUR, command) for number, command in enumerate(SCRIPT))


@given(histories(ACME, START))
def test_every_account_that_was_decided_is_whole(history):
    account, journal = played(history)

    found = audit(account, iter(journal))

    assert (found.account, found.entries, found.findings) == (ACME, len(journal), ())


@given(histories(ACME, START), st.integers(0, 200))
def test_a_past_balance_is_what_the_balance_was(history, hours):
    at = START + hours * HOUR
    then, _ = played((now, command) for now, command in history if now <= at)
    _, journal = played(history)

    assert balance_as_of(ACME, journal, at) == balance_at(then, at)


def test_a_past_balance_knows_nothing_of_what_was_recorded_later(whole):
    _, journal = whole

    assert balance_as_of(ACME, journal, START - HOUR).available == 0
    assert balance_as_of(ACME, journal, START + HOUR).available == 20
    assert balance_as_of(ACME, journal, START + 2 * HOUR).available == 8


def test_what_fell_due_is_due_whether_or_not_it_was_written_down(whole):
    _, journal = whole

    then = balance_as_of(ACME, journal[:2], START + 24 * HOUR)

    assert (then.available, then.version) == (10, 2)


# What a database could be made to say -------------------------------------------------------------------------------------


def lots(account, number, **spoiled):
    return tuple(attrs.evolve(lot, **spoiled) if lot.number == number else lot for lot in account.lots)


SPOILED = {
    "version": lambda one: attrs.evolve(one, version=one.version + 1),
    "books": lambda one: attrs.evolve(one, books=Books(issued=-20, available=20)),
    "recorded_at": lambda one: attrs.evolve(one, recorded_at=START),
    "lot:1": lambda one: attrs.evolve(one, lots=lots(one, 1, expired=1)),
    "lot:2": lambda one: attrs.evolve(one, lots=one.lots[:1]),
    "hold:4": lambda one: attrs.evolve(one, holds=tuple(attrs.evolve(hold, captured=0) for hold in one.holds)),
    "lot:9": lambda one: attrs.evolve(one, lots=(*one.lots, attrs.evolve(one.lots[0], number=9))),
}


@pytest.mark.parametrize(("what", "spoil"), SPOILED.items(), ids=SPOILED)
def test_what_is_stored_otherwise_is_found(whole, what, spoil):
    account, journal = whole

    (finding,) = audit(spoil(account), journal).findings

    assert finding.what == what
    assert str(finding) == f"{what} of acme must be {finding.expected}, not {finding.found}"
    assert finding.expected != finding.found


def without(journal, seq):
    return [entry for entry in journal if entry.seq != seq]


def with_entry(journal, seq, **spoiled):
    return [attrs.evolve(entry, **spoiled) if entry.seq == seq else entry for entry in journal]


BROKEN = {
    "a gap": (lambda journal: without(journal, 3), "entry:3"),
    "another balance": (lambda journal: with_entry(journal, 5, available_after=1), "entry:5"),
    "another amount": (lambda journal: with_entry(journal, 3, movements=()), "entry:3"),
    "recorded too early": (lambda journal: with_entry(journal, 5, recorded_at=START), "entry:5"),
    "a key again": (lambda journal: with_entry(journal, 5, key="s"), "entry:5"),
    "a source again": (
        lambda journal: with_entry(journal, 2, opened=attrs.evolve(journal[1].opened, source="s1")),
        "entry:2",
    ),
}


@pytest.mark.parametrize(("spoil", "what"), BROKEN.values(), ids=BROKEN)
def test_entries_that_do_not_follow_from_one_another_are_found(whole, spoil, what):
    account, journal = whole

    found = audit(account, spoil(journal))

    assert found.findings[0].what == what


SENTENCES = {
    "a gap": ["entry:3 of acme must be the next entry, not seq must be 3, not 4: entries are numbered without gaps"],
    "recorded too early": [
        "entry:5 of acme must be recorded at 2026-01-01 03:00:00+00:00 or later, not 2026-01-01 00:00:00+00:00"
    ],
    "a key again": ["entry:5 of acme must be of a key and a source of its own, not of 's' again"],
}


@pytest.mark.parametrize(("broken", "sentences"), SENTENCES.items(), ids=SENTENCES)
def test_what_is_wrong_with_an_entry_is_said_in_a_sentence(whole, broken, sentences):
    account, journal = whole
    spoil, _ = BROKEN[broken]

    found = audit(account, spoil(journal))

    assert found.account == ACME
    assert [str(one) for one in found.findings] == sentences


def test_what_is_stored_otherwise_is_said_with_what_it_should_be(whole):
    account, journal = whole

    (finding,) = audit(attrs.evolve(account, version=9), journal).findings

    assert (finding.account, finding.what, finding.expected, finding.found) == (ACME, "version", "7", "9")


def test_entries_may_be_recorded_at_one_moment():
    account, journal = played((START, command) for command in SCRIPT)

    assert audit(account, journal).findings == ()


def test_what_moves_credits_of_a_hold_that_is_closed_cannot_be_applied(whole):
    account, journal = whole
    more = attrs.evolve(journal[5], seq=8, key="again", available_after=16, held_after=-2)

    found = audit(account, [*journal, more])

    assert [one.what for one in found.findings] == ["entry:8"]


def test_what_follows_a_broken_entry_is_not_judged(whole):
    account, journal = whole

    found = audit(account, without(journal, 3))

    assert (found.entries, len(found.findings)) == (2, 1)


def test_an_account_to_which_nothing_happened_is_whole():
    assert audit(Account(ACME), []).findings == ()
    assert audit(*played([(START, Expire(account=ACME))])).entries == 0
