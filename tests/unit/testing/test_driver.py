"""The driver begins again when somebody else was faster, and gives up in the end."""

import pytest

from billing_adapters.memory import MemoryStore
from billing_adapters.memory.ledger import MemoryLedger
from billing_core.errors import Conflict, InsufficientCredits
from billing_core.testing.driver import carry_out, journal_of
from billing_core.testing.examples import NOW, a_grant, a_spend, an_account


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


def test_a_journal_is_read_page_by_page():
    account, store = an_account(), MemoryStore()
    written = [carry_out(store, a_spend(account, 0), NOW)[0] for _ in range(5)]

    assert journal_of(store, account, page=2) == (*written,)
