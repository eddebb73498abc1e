"""What every ledger must do with its lists: entries and accounts in their order, page by page."""

from datetime import datetime, timedelta

import pytest

from billing_core.domain.credits import AccountId, Entry, Needs
from billing_core.ports import Store
from billing_core.testing.contracts.claims import done, keep, shape
from billing_core.testing.driver import journal_of
from billing_core.testing.examples import (
    NOW,
    a_capture,
    a_convert,
    a_grant,
    a_hold,
    a_refund,
    a_release,
    a_spend,
    an_account,
    an_expire,
    prepared,
)

__all__ = ["JournalContract"]

_HOUR = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)
# In the order of their code points, which is neither that of a language nor that of UTF-16.
_OWNERS = ("A", "B", "Z", "a", "b", "z", "Ä", "ä", "\ufb01", "\U0001d54f")


def _journal(store: Store, account: AccountId, after: int = 0, limit: int = 1000) -> list[Entry]:
    with store.view() as unit:
        return [*unit.ledger.journal(account, after=after, limit=limit)]


def _accounts(store: Store, after: AccountId | None = None, limit: int = 1000) -> list[AccountId]:
    with store.view() as unit:
        return [*unit.ledger.accounts(after=after, limit=limit)]


def _due(store: Store, now: datetime, limit: int = 1000) -> list[AccountId]:
    with store.view() as unit:
        return [*unit.ledger.due(now, limit)]


def _lasting_until(store: Store, moment: datetime, *accounts: AccountId) -> None:
    """Grant something that expires at a moment, to all of these."""
    done(store, *(a_grant(account, expires_at=moment) for account in accounts))


class JournalContract:
    """What `Ledger` promises of `entries`, `journal`, `accounts` and `due`."""

    # Entries, from the end and from the beginning -------------------------------------------------------------------------

    def test_entries_come_latest_first(self, store: Store) -> None:
        """No more than were asked for, and of this account only."""
        account = an_account()
        entries = done(store, *(a_spend(account, 0) for _ in range(5)), a_spend(an_account(), 0))[:5]

        with store.view() as unit:
            everything = unit.ledger.entries(account)
            latest = unit.ledger.entries(account, limit=2)

        assert [*everything] == [*reversed(entries)]
        assert [*latest] == [entries[4], entries[3]]

    def test_entries_are_read_page_by_page(self, store: Store) -> None:
        """`before` is not among them; before the first one there are none, before the next one there are all."""
        account = an_account()
        entries = done(store, *(a_spend(account, 0) for _ in range(5)))

        with store.view() as unit:
            page = unit.ledger.entries(account, before=4, limit=2)
            none = unit.ledger.entries(account, before=1)
            everything = unit.ledger.entries(account, before=99)

        assert [*page] == [entries[2], entries[1]]
        assert [*none] == []
        assert [*everything] == [*reversed(entries)]

    def test_an_account_that_was_never_written_has_no_entries(self, store: Store) -> None:
        """That is no error."""
        with store.view() as unit:
            assert [*unit.ledger.entries(an_account())] == []
            assert [*unit.ledger.journal(an_account())] == []

    def test_a_journal_comes_earliest_first(self, store: Store) -> None:
        """No more than were asked for, and of this account only."""
        account = an_account()
        entries = done(store, *(a_spend(account, 0) for _ in range(5)), a_spend(an_account(), 0))[:5]

        assert _journal(store, account) == [*entries]
        assert _journal(store, account, limit=2) == [*entries[:2]]

    def test_a_journal_is_read_page_by_page(self, store: Store) -> None:
        """`after` is not among them; after none there are all, after the last one there are none."""
        account = an_account()
        entries = done(store, *(a_spend(account, 0) for _ in range(5)))

        pages = [_journal(store, account, after=after, limit=2) for after in (0, 2, 4, 5, 99)]

        assert pages == [[*entries[:2]], [*entries[2:4]], [entries[4]], [], []]

    def test_a_journal_tells_what_entries_tell(self, store: Store) -> None:
        """To the last detail: what they moved, opened and placed, and what they followed up."""
        account = an_account()
        granted = a_grant(account, 5, expires_at=NOW + _HOUR)
        done(store, granted, a_grant(account, 5), a_hold(account, 7), a_capture(account, 3, 6), a_refund(account, 4))
        done(store, a_convert(account, granted.source), now=NOW + _HOUR)

        assert shape(tuple(_journal(store, account))) == shape(journal_of(store, account))

    def test_a_unit_reads_a_journal_as_it_wrote_it(self, store: Store) -> None:
        """Before it is committed."""
        account = an_account()
        written = prepared(store, a_grant(account))

        with store.begin() as unit:
            unit.ledger.record([written])
            read = unit.ledger.journal(account)

        assert [*read] == [*written.entries]

    # Accounts -------------------------------------------------------------------------------------------------------------

    def test_accounts_come_by_owner_and_unit(self, store: Store) -> None:
        """In the order of code points, whoever was there first, with all units of an owner beside one another."""
        accounts = [AccountId(owner, unit) for owner in _OWNERS for unit in ("Credits", "credits", "images")]
        done(store, *(a_spend(account, 0) for account in reversed(accounts)))

        assert _accounts(store) == accounts

    def test_accounts_are_read_page_by_page(self, store: Store) -> None:
        """`after` is not among them, and need not be there."""
        accounts = [AccountId(owner, unit) for owner in ("a", "b", "c") for unit in ("credits", "images")]
        done(store, *(a_spend(account, 0) for account in accounts))

        first, second = _accounts(store, limit=3), _accounts(store, after=accounts[2], limit=3)

        assert (first, second) == (accounts[:3], accounts[3:])
        assert _accounts(store, after=accounts[-1]) == []
        assert _accounts(store, after=AccountId("b", "dollars")) == accounts[3:]
        assert _accounts(store, after=AccountId("bb", "a")) == accounts[4:]

    def test_no_accounts_are_none(self, store: Store) -> None:
        """That is no error."""
        assert (_accounts(store), _due(store, NOW)) == ([], [])

    @pytest.mark.parametrize("lock", [False, True], ids=["free", "locked"])
    def test_an_account_that_was_only_looked_at_is_none(self, store: Store, *, lock: bool) -> None:
        """However it was looked at, and although the unit was committed."""
        keep(store, lambda unit: unit.ledger.load([Needs(an_account())], lock=lock))

        assert _accounts(store) == []

    # What is due ----------------------------------------------------------------------------------------------------------

    def test_an_account_is_due_from_the_very_moment_on(self, store: Store) -> None:
        """And not a microsecond earlier."""
        account = an_account()
        _lasting_until(store, NOW + _HOUR, account)

        assert _due(store, NOW + _HOUR - _MICROSECOND) == []
        assert _due(store, NOW + _HOUR) == [account]
        assert _due(store, NOW + 9 * _HOUR) == [account]

    def test_whatever_falls_due_makes_an_account_due(self, store: Store) -> None:
        """Credits that expire, credits that start, and holds that time out; not credits that last."""
        expiring, starting, holding, lasting = (an_account() for _ in range(4))
        _lasting_until(store, NOW + _HOUR, expiring)
        done(store, a_grant(starting, starts_at=NOW + 2 * _HOUR), a_grant(holding), a_grant(lasting))
        done(store, a_hold(holding, expires_in=3 * _HOUR))

        assert _due(store, NOW + 3 * _HOUR) == [expiring, starting, holding]

    def test_the_longest_due_comes_first(self, store: Store) -> None:
        """Of those that are due as long, by owner, then by unit; no more than were asked for."""
        ties = [AccountId(owner, unit) for owner in _OWNERS for unit in ("credits", "images")]
        earliest, latest = AccountId("y"), AccountId("0")
        _lasting_until(store, NOW + 2 * _HOUR, latest, *reversed(ties))
        _lasting_until(store, NOW + _HOUR, earliest)
        _lasting_until(store, NOW + 2 * _HOUR + _MICROSECOND, AccountId("1"))

        found = _due(store, NOW + 9 * _HOUR)

        assert found == [earliest, latest, *ties, AccountId("1")]
        assert [_due(store, NOW + 9 * _HOUR, limit) for limit in (1, 3)] == [found[:1], found[:3]]

    def test_what_is_settled_is_not_due(self, store: Store) -> None:
        """Until the next thing falls due."""
        account = an_account()
        _lasting_until(store, NOW + _HOUR, account)
        _lasting_until(store, NOW + 3 * _HOUR, account)

        done(store, an_expire(account), now=NOW + 2 * _HOUR)

        assert _due(store, NOW + 2 * _HOUR) == []
        assert _due(store, NOW + 3 * _HOUR) == [account]

    def test_what_is_spent_falls_due_no_more(self, store: Store) -> None:
        """There is nothing left to expire."""
        account = an_account()
        _lasting_until(store, NOW + _HOUR, account)

        done(store, a_spend(account, 100))

        assert _due(store, NOW + 9 * _HOUR) == []

    def test_what_is_held_falls_due_with_its_hold(self, store: Store) -> None:
        """And with its lot again once it has returned."""
        account = an_account()
        _lasting_until(store, NOW + _HOUR, account)

        done(store, a_hold(account, 100, expires_in=2 * _HOUR))
        held = [_due(store, NOW + hours * _HOUR) for hours in (1, 2)]
        done(store, a_release(account, 2))

        assert held == [[], [account]]
        assert _due(store, NOW + _HOUR) == [account]
