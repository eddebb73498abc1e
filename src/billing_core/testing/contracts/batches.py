"""What every ledger must do with several accounts at once: change all of them, or none."""

import pytest

from billing_core.domain.credits import Account, Needs
from billing_core.errors import Conflict
from billing_core.ports import Store
from billing_core.testing.contracts.claims import done, record
from billing_core.testing.driver import account_in
from billing_core.testing.examples import a_grant, a_spend, an_account, prepared

__all__ = ["BatchContract"]


class BatchContract:
    """What `Ledger.record` promises of several changes."""

    def test_several_accounts_are_recorded_at_once(self, store: Store) -> None:
        """New ones and known ones."""
        known, new = an_account(), an_account()
        done(store, a_grant(known, 1))

        record(store, prepared(store, a_grant(new, 2)), prepared(store, a_spend(known, 1)))

        assert [account_in(store, Needs(one)).books.available for one in (known, new)] == [0, 2]

    @pytest.mark.parametrize("stale_first", [False, True], ids=["last", "first"])
    def test_one_stale_change_keeps_all_from_being_written(self, store: Store, *, stale_first: bool) -> None:
        """Several accounts change together or not at all."""
        fine, overtaken = an_account(), an_account()
        changes = [prepared(store, a_grant(fine)), prepared(store, a_grant(overtaken))]
        done(store, a_grant(overtaken))

        with pytest.raises(Conflict):
            record(store, *sorted(changes, key=lambda one: (one.account.id == fine) is stale_first))

        assert account_in(store, Needs(fine)) == Account(fine)
        assert account_in(store, Needs(overtaken)).version == 1

    def test_recording_nothing_writes_nothing(self, store: Store) -> None:
        """A decision may have no entries at all."""
        record(store)
