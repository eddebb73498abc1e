"""What every ledger must do with questions: answer with what they name, with what is open, and with nothing else."""

import pytest

from billing_core.domain.credits import Account, AccountId, Needs, change, decide
from billing_core.ports import Store
from billing_core.testing.contracts.claims import check_laws, done, record
from billing_core.testing.driver import account_in
from billing_core.testing.examples import NOW, a_grant, a_spend, an_account, prepared

__all__ = ["LoadingContract"]


class LoadingContract:
    """What `Ledger.load` promises."""

    @pytest.mark.parametrize("lock", [False, True], ids=["free", "locked"])
    def test_an_account_that_was_never_written_is_empty(self, store: Store, *, lock: bool) -> None:
        """At version 0, locked or not, and looking at it writes nothing."""
        never = an_account()

        with store.begin() as unit:
            loaded = unit.ledger.load([Needs(never, frozenset({"key"}), frozenset({"source"}))], lock=lock)
            unit.commit()

        assert {**loaded} == {never: Account(never)}
        assert account_in(store, Needs(never)) == Account(never)

    @pytest.mark.parametrize("lock", [False, True], ids=["free", "locked"])
    def test_several_accounts_are_loaded_at_once(self, store: Store, *, lock: bool) -> None:
        """Known ones and unknown ones, in whatever order."""
        rich, poor, never = an_account(), an_account(), an_account()
        done(store, a_grant(rich, 10), a_grant(poor, 1))

        with store.begin() as unit:
            loaded = unit.ledger.load(map(Needs, (rich, never, poor)), lock=lock)

        assert {account: one.books.available for account, one in loaded.items()} == {rich: 10, never: 0, poor: 1}
        assert {account: one.id for account, one in loaded.items()} == {one: one for one in (rich, never, poor)}

    def test_asking_for_no_account_answers_with_none(self, store: Store) -> None:
        """An empty question is a question."""
        with store.begin() as unit:
            assert not unit.ledger.load([])
            assert not unit.ledger.load([], lock=True)

    def test_several_needs_of_one_account_are_met_together(self, store: Store) -> None:
        """As when several commands on it are decided in one go."""
        account = an_account()
        first, second = a_grant(account, 1), a_grant(account, 2)
        done(store, first, second, a_spend(account, 3))

        with store.view() as unit:
            loaded = unit.ledger.load([Needs.of(first), Needs.of(second)])[account]

        assert loaded.recorded.keys() == {first.key, second.key}
        assert {lot.source for lot in loaded.lots} == {first.source, second.source}

    def test_units_of_one_owner_are_accounts_of_their_own(self, store: Store) -> None:
        """Images and tokens do not mix."""
        images = an_account("images")
        tokens = AccountId(images.owner, "tokens")

        done(store, a_grant(images, 3))

        with store.view() as unit:
            loaded = unit.ledger.load([Needs(images), Needs(tokens)])
        assert loaded[images].books.available == 3
        assert loaded[tokens] == Account(tokens)

    def test_open_lots_are_loaded_and_closed_ones_are_not(self, store: Store) -> None:
        """However long the history, a decision looks at what is left."""
        account = an_account()
        spent, left = a_grant(account, 5), a_grant(account, 7)
        done(store, spent, left, a_spend(account, 6))

        loaded = account_in(store, Needs(account))

        assert [(lot.source, lot.remaining) for lot in loaded.lots] == [(left.source, 6)]

    def test_closed_lots_are_loaded_when_their_source_is_named(self, store: Store) -> None:
        """With the open ones; a source that opened nothing adds nothing."""
        account = an_account()
        spent, also_spent, left = a_grant(account, 5), a_grant(account, 6), a_grant(account, 7)
        done(store, spent, also_spent, left, a_spend(account, 11))

        loaded = account_in(store, Needs(account, sources=frozenset({spent.source, left.source, "never"})))

        assert [(lot.source, lot.remaining) for lot in loaded.lots] == [(spent.source, 0), (left.source, 7)]

    def test_entries_are_loaded_when_their_key_is_named(self, store: Store) -> None:
        """Those and no others, from this account and no other."""
        account, other = an_account(), an_account()
        grant, spend = a_grant(account, 5), a_spend(account, 2)
        entries = done(store, grant, spend)
        done(store, a_grant(other, 5, key="theirs"))

        loaded = account_in(store, Needs(account, keys=frozenset({spend.key, "never", "theirs"})))

        assert {**loaded.recorded} == {spend.key: entries[1]}

    def test_a_unit_reads_what_it_recorded(self, store: Store) -> None:
        """And can decide on it again."""
        account = an_account()
        grant, spend = a_grant(account, 5), a_spend(account, 2)

        with store.begin() as unit:
            for command in (grant, spend):
                loaded = unit.ledger.load([Needs.of(command)])[account]
                unit.ledger.record([change(loaded, decide(loaded, command, NOW))])
            read = unit.ledger.load([Needs.of(spend)])[account]
            entries = unit.ledger.entries(account)
            unit.commit()

        assert (read.version, read.books.available) == (2, 3)
        assert [entry.key for entry in entries] == [spend.key, grant.key]
        check_laws(store, account)

    def test_what_was_not_committed_was_not_recorded(self, store: Store) -> None:
        """The same change can be written later."""
        account = an_account()
        granted = prepared(store, a_grant(account))
        with store.begin() as unit:
            unit.ledger.record([granted])

        record(store, granted)

        assert account_in(store, Needs(account)).version == 1
