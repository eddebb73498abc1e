"""What every ledger must do with its lists: entries and accounts in their order, page by page."""

from billing_core.ports import Store
from billing_core.testing.contracts.claims import done
from billing_core.testing.examples import a_spend, an_account

__all__ = ["JournalContract"]


class JournalContract:
    """What `Ledger` promises of `entries`, `journal`, `accounts` and `due`."""

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
