"""The driver begins again when somebody else was faster, and gives up in the end."""

import pytest

from billing_adapters.memory import MemoryStore
from billing_adapters.memory.ledger import MemoryLedger
from billing_core.errors import Conflict, InsufficientCredits
from billing_core.testing.driver import carry_out, carry_out_all, journal_of
from billing_core.testing.examples import NOW, a_grant, a_spend, a_transfer, an_account


@pytest.fixture
def locks(monkeypatch):
    """Return the locks that were asked for, by loading."""
    asked, honest = [], MemoryLedger.load

    def load(ledger, needs, *, lock=False):
        asked.append(lock)
        return honest(ledger, needs, lock=lock)

    monkeypatch.setattr(MemoryLedger, "load", load)
    return asked


def overtaken(monkeypatch, times):
    honest, left = MemoryLedger.record, [*range(times)]

    def record(ledger, changes):
        if left:
            left.pop()
            raise Conflict("account")
        honest(ledger, changes)

    monkeypatch.setattr(MemoryLedger, "record", record)


def test_whoever_was_overtaken_begins_again_with_a_lock(locks, monkeypatch):
    account, store = an_account(), MemoryStore()
    overtaken(monkeypatch, 2)

    written = carry_out(store, a_grant(account), NOW)

    assert journal_of(store, account) == written
    assert locks == [False, True, True]


def test_whoever_is_always_overtaken_gives_up(locks, monkeypatch):
    overtaken(monkeypatch, 1_000)

    with pytest.raises(Conflict):
        carry_out(MemoryStore(), a_grant(an_account()), NOW)

    assert len(locks) == 100


def test_what_is_refused_is_not_tried_again(locks):
    with pytest.raises(InsufficientCredits):
        carry_out(MemoryStore(), a_spend(an_account()), NOW)

    assert locks == [False]


def test_commands_are_carried_out_together_and_answered_one_by_one(locks, monkeypatch):
    account, other, store = an_account(), an_account(), MemoryStore()
    commands = [a_grant(account, 5), a_spend(account, 6), a_transfer(account, other, 2)]
    overtaken(monkeypatch, 1)

    changes, (granted, refused, sent) = carry_out_all(store, commands, NOW)

    assert {one.account.id: one.entries for one in changes} == {
        account: (granted, sent),
        other: journal_of(store, other),
    }
    assert str(refused) == "6 credits requested, 5 available"
    assert locks == [False, True]


def test_of_what_is_written_only_the_own_accounts_is_told():
    account, other, store = an_account(), an_account(), MemoryStore()
    carry_out(store, a_grant(account, 5), NOW)

    (sent,) = carry_out(store, a_transfer(account, other, 2), NOW)

    assert (sent.operation, sent.amount) == ("send", 2)
    assert [entry.amount for entry in journal_of(store, other)] == [2]


def test_a_journal_is_read_page_by_page():
    account, store = an_account(), MemoryStore()
    written = [carry_out(store, a_spend(account, 0), NOW)[0] for _ in range(5)]

    assert journal_of(store, account, page=2) == (*written,)
