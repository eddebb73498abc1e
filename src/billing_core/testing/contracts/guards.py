"""What every ledger must do against late writers: take nothing that was decided on what is no longer so."""

from collections.abc import Sequence

import pytest

from billing_core.domain.credits import Account, AccountId, Needs, change, decide
from billing_core.errors import Conflict
from billing_core.ports import Store
from billing_core.testing.contracts.claims import done, meanwhile, record, unaware, whole
from billing_core.testing.driver import account_in
from billing_core.testing.examples import NOW, a_grant, a_spend, an_account, prepared

__all__ = ["GuardContract"]


class GuardContract:
    """What `Ledger.record` promises to refuse."""

    # Who was first --------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("version", [0, 1], ids=["first", "later"])
    def test_a_stale_writer_of_an_account_conflicts(self, store: Store, version: int) -> None:
        """What was decided before somebody else wrote is not written, and changes nothing."""
        account = an_account()
        done(store, *(a_grant(account) for _ in range(version)))
        stale = prepared(store, a_grant(account))
        done(store, a_grant(account))
        before = whole(store, account)

        with pytest.raises(Conflict):
            record(store, stale)

        assert whole(store, account) == before

    def test_a_change_of_a_later_version_conflicts(self, store: Store) -> None:
        """An account that is not there yet is at version 0 and no other."""
        account = an_account()
        granted = prepared(store, a_grant(account))
        spent = change(granted.account, decide(granted.account, a_spend(account), NOW))

        with pytest.raises(Conflict):
            record(store, spent)

        assert account_in(store, Needs(account)) == Account(account)

    @pytest.mark.parametrize("version", [0, 1], ids=["first", "later"])
    def test_two_writers_of_an_account_do_not_both_win(self, store: Store, version: int) -> None:
        """The one that waited for the other finds that it is too late."""
        account = an_account()
        done(store, *(a_grant(account) for _ in range(version)))
        ours, theirs = prepared(store, a_grant(account, 1)), prepared(store, a_grant(account, 2))

        with store.begin() as unit:
            unit.ledger.record([ours])
            error = meanwhile(store, lambda other: other.ledger.record([theirs]), unit.commit)

        assert isinstance(error, Conflict)
        assert account_in(store, Needs(account)).version == version + 1

    @pytest.mark.parametrize("version", [0, 1], ids=["first", "later"])
    def test_whoever_locked_an_account_does_not_lose(self, store: Store, version: int) -> None:
        """Between the loading and the recording nobody else writes."""
        account = an_account()
        done(store, *(a_grant(account) for _ in range(version)))
        theirs = prepared(store, a_grant(account, 2))
        command = a_grant(account, 1)

        with store.begin() as unit:
            loaded = unit.ledger.load([Needs.of(command)], lock=True)[account]

            def record_and_commit() -> None:
                unit.ledger.record([change(loaded, decide(loaded, command, NOW))])
                unit.commit()

            error = meanwhile(store, lambda other: other.ledger.record([theirs]), record_and_commit)

        assert isinstance(error, Conflict)
        assert command.key in account_in(store, Needs.of(command)).recorded

    def test_a_lock_ends_with_its_unit(self, store: Store) -> None:
        """Also when nothing was committed."""
        account = an_account()
        with store.begin() as unit:
            unit.ledger.load([Needs(account)], lock=True)

        done(store, a_grant(account))

        assert account_in(store, Needs(account)).version == 1

    # What is unique -------------------------------------------------------------------------------------------------------

    def test_a_key_is_taken_once(self, store: Store) -> None:
        """The store refuses it even if nobody looked for it before deciding."""
        account = an_account()
        done(store, a_grant(account, key="taken"))

        with pytest.raises(Conflict):
            record(store, unaware(store, a_spend(account, key="taken")))

        assert account_in(store, Needs(account)).version == 1

    def test_a_source_opens_one_lot(self, store: Store) -> None:
        """The store refuses the second even if nobody looked for the first, and although that one is spent."""
        account = an_account()
        done(store, a_grant(account, 5, source="money"), a_spend(account, 5))

        with pytest.raises(Conflict):
            record(store, unaware(store, a_grant(account, 5, source="money")))

        assert account_in(store, Needs(account)).books.available == 0

    def test_keys_and_sources_belong_to_one_account(self, store: Store) -> None:
        """Another account uses the same ones for itself, also for another unit of the same owner."""
        ours = an_account()
        theirs, also_ours = an_account(), AccountId(ours.owner, "images")

        done(store, *(a_grant(account, 5, key="key", source="money") for account in (ours, theirs, also_ours)))

        assert [account_in(store, Needs(one)).books.available for one in (ours, theirs, also_ours)] == [5, 5, 5]

    @pytest.mark.parametrize("names", [("key", "KEY"), ("é", "e\u0301"), ("a b", "a  b"), ("1", "01")])
    def test_names_that_only_look_alike_are_different(self, store: Store, names: Sequence[str]) -> None:
        """The database compares characters, and knows nothing of languages."""
        account = an_account()

        done(store, *(a_grant(account, 1, key=name, source=name) for name in names))

        assert account_in(store, Needs(account)).books.available == len(names)
