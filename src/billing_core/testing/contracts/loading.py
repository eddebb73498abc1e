"""What every ledger must do with questions: answer with what they name, with what is open, and with nothing else."""

from datetime import timedelta

import pytest

from billing_core.domain.credits import Account, AccountId, Entry, Needs, change, decide
from billing_core.ports import Store
from billing_core.testing.contracts.claims import accounts_in, check_laws, done, record, shape, whole
from billing_core.testing.driver import account_in, journal_of
from billing_core.testing.examples import (
    NOW,
    a_capture,
    a_grant,
    a_hold,
    a_refund,
    a_restore,
    a_revoke,
    a_spend,
    an_account,
    an_expire,
    prepared,
)

__all__ = ["LoadingContract"]

_DAY = timedelta(days=1)
_BOTH_WAYS = pytest.mark.parametrize("lock", [False, True], ids=["free", "locked"])


def _numbered(account: AccountId, *numbers: int) -> Needs:
    """Ask for the entries with these numbers."""
    return Needs(account, entries=frozenset(numbers))


def _numbers(found: Account) -> tuple[list[int], list[int]]:
    """Return the numbers of the related entries and of the lots that were loaded, as they came."""
    return [entry.seq for entry in found.related], [lot.number for lot in found.lots]


class LoadingContract:
    """What `Ledger.load` promises."""

    @_BOTH_WAYS
    def test_an_account_that_was_never_written_is_empty(self, store: Store, *, lock: bool) -> None:
        """At version 0, locked or not, and looking at it writes nothing."""
        never = an_account()

        with store.begin() as unit:
            loaded = unit.ledger.load([Needs(never, frozenset({"key"}), frozenset({"source"}))], lock=lock)
            unit.commit()

        assert {**loaded} == {never: Account(never)}
        assert account_in(store, Needs(never)) == Account(never)

    @_BOTH_WAYS
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

    # By number ------------------------------------------------------------------------------------------------------------

    @_BOTH_WAYS
    def test_entries_are_loaded_when_their_number_is_named(self, store: Store, *, lock: bool) -> None:
        """To the last detail, from this account and no other; a number that there is not adds nothing."""
        account, other = an_account(), an_account()
        spend = a_spend(account, 2, reference="order:1", reason="a reason", actor="somebody")
        entries = done(store, a_grant(account, 5), spend, a_grant(account, 1), a_hold(account, 1))
        done(store, *(a_grant(other, 1) for _ in range(9)))

        found = accounts_in(store, _numbered(account, 1, 2, 4, 9), lock=lock)[account]

        assert shape(found.related) == shape((entries[0], entries[1], entries[3]))
        assert found.recorded == {}

    @_BOTH_WAYS
    def test_what_follows_up_a_named_entry_is_loaded_with_it(self, store: Store, *, lock: bool) -> None:
        """Whatever followed it up, in the order of the numbers; what follows up the followers, or others, is not."""
        account = an_account()
        entries = _followed_up(store, account)

        found = accounts_in(store, _numbered(account, 2), lock=lock)[account]

        assert [(one.operation, one.of) for one in found.related] == [("spend", None), ("refund", 2), ("refund", 2)]
        assert shape(found.related) == shape(tuple(entries[number - 1] for number in (2, 4, 6)))

    @pytest.mark.parametrize(
        ("named", "related"),
        [
            pytest.param([1], [1, 7], id="a lot that was revoked"),
            pytest.param([7], [7, 8], id="a revocation that was undone"),
            pytest.param([9], [9, 10, 11], id="a hold that was captured"),
            pytest.param([4], [4], id="a refund"),
            pytest.param([3, 2], [2, 3, 4, 5, 6], id="two spends"),
            pytest.param([2, 4], [2, 4, 6], id="a spend and its refund"),
        ],
    )
    def test_whatever_follows_up_is_found(self, store: Store, named: list[int], related: list[int]) -> None:
        """By what it names, whichever operation it is; each of them once, although it may be found in two ways."""
        account = an_account()
        entries = _followed_up(store, account)

        found = account_in(store, _numbered(account, *named))

        assert shape(found.related) == shape(tuple(entries[number - 1] for number in related))

    @_BOTH_WAYS
    def test_lots_of_named_entries_are_loaded_although_they_are_closed(self, store: Store, *, lock: bool) -> None:
        """All on which they moved something, in the order of their numbers; of the other closed ones none."""
        account = an_account()
        done(store, *(a_grant(account, 2, priority=priority) for priority in (40, 30, 20, 10)))
        done(store, a_spend(account, 2), a_spend(account, 4), a_spend(account, 2), a_grant(account, 1))
        done(store, a_spend(account, 0), a_refund(account, 5, 1), a_spend(account, 2))

        found = accounts_in(store, _numbered(account, 6, 9), lock=lock)[account]

        assert _numbers(found) == ([6, 9], [2, 3])

    def test_lots_of_what_only_follows_up_are_not_loaded(self, store: Store) -> None:
        """A refund that came too late put something into a lot of its own, which is spent since."""
        account = an_account()
        done(store, a_grant(account, 2, expires_at=NOW + _DAY), a_spend(account, 2))
        done(store, a_refund(account, 2, grace=_DAY), a_spend(account, 2), now=NOW + 2 * _DAY)

        assert _numbers(account_in(store, _numbered(account, 2))) == ([2, 3], [1])

    # What was repaid, and everything --------------------------------------------------------------------------------------

    @_BOTH_WAYS
    def test_lots_that_repaid_are_loaded_when_they_are_asked_for(self, store: Store, *, lock: bool) -> None:
        """Closed ones too; not those that something is still owed for, and none that nobody asks for."""
        account = an_account()
        owing, repaying, spent = a_grant(account, 9), a_grant(account, 3), a_grant(account, 1, priority=0)
        done(store, owing, a_spend(account, 9), a_revoke(account, owing.source), repaying, a_grant(account, 8))
        done(store, spent, a_spend(account, 1))

        asked = accounts_in(store, Needs(account, repaid=True), lock=lock)[account]

        assert [(lot.number, lot.remaining, lot.owed) for lot in asked.lots] == [(4, 0, 3), (5, 2, 6)]
        assert _numbers(account_in(store, Needs(account))) == ([], [5])

    @_BOTH_WAYS
    def test_everything_is_loaded_when_it_is_asked_for(self, store: Store, *, lock: bool) -> None:
        """All lots and all holds, open and closed, in the order of their numbers; no entries."""
        account = an_account()
        _followed_up(store, account)
        done(store, *(a_hold(account, 1) for _ in range(2)))
        done(store, a_grant(account, 3, expires_at=NOW + _DAY), a_grant(account, 1, starts_at=NOW + 9 * _DAY))
        done(store, an_expire(account), now=NOW + 2 * _DAY)
        stored, _ = whole(store, account)

        found = accounts_in(store, Needs(account, everything=True), lock=lock)[account]

        assert shape((found.lots, found.holds)) == shape((stored.lots, stored.holds))
        assert [hold.open for hold in found.holds] == [False, False, False]
        assert (len(found.lots), {**found.recorded}, found.related) == (3, {}, ())

    def test_needs_of_every_kind_are_met_together(self, store: Store) -> None:
        """Each account's own: what one asks for, another does not get."""
        named, repaid, everything, nothing = accounts = [an_account() for _ in range(4)]
        for account in accounts:
            first, second, third = (a_grant(account, amount) for amount in (3, 3, 1))
            done(store, first, a_spend(account, 3), a_revoke(account, first.source), second, third, a_spend(account, 1))

        found = accounts_in(
            store,
            Needs(repaid, repaid=True),
            _numbered(named, 2),
            Needs(everything, everything=True),
            _numbered(named, 4),
            Needs(nothing),
        )

        assert [_numbers(found[account]) for account in (named, repaid, everything, nothing)] == [
            ([2, 4], [1, 4]),
            ([], [4]),
            ([], [1, 4, 5]),
            ([], []),
        ]

    def test_lots_come_in_the_order_of_their_numbers(self, store: Store) -> None:
        """By whichever need they were found, each of them once, and whatever burns first."""
        account = an_account()
        by_source, by_number, repaying, open_one = (a_grant(account, 2, priority=priority) for priority in (7, 5, 3, 1))
        owing = a_grant(account, 2, priority=9)
        done(store, open_one, a_spend(account, 1), by_source, by_number)
        spent = done(store, a_hold(account, 1), a_spend(account, 4))[-1]
        done(store, owing, a_spend(account, 2), a_revoke(account, owing.source), repaying)

        found = account_in(
            store, Needs(account, sources=frozenset({by_source.source}), entries=frozenset({spent.seq}), repaid=True)
        )

        assert [lot.source for lot in found.lots] == [one.source for one in (open_one, by_source, by_number, repaying)]
        assert [lot.number for lot in found.lots] == sorted({lot.number for lot in found.lots})

    # Inside of a unit -----------------------------------------------------------------------------------------------------

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

    def test_a_unit_reads_what_follows_up_an_entry_that_it_recorded(self, store: Store) -> None:
        """With the lots, and before it is committed."""
        account = an_account()

        with store.begin() as unit:
            for command in (a_grant(account, 5), a_spend(account, 5), a_refund(account, 2, 1), a_spend(account, 1)):
                was = unit.ledger.load([Needs.of(command)])[account]
                unit.ledger.record([change(was, decide(was, command, NOW))])
            read = unit.ledger.load([_numbered(account, 2)])[account]
            unit.commit()

        assert _numbers(read) == ([2, 3], [1])
        assert shape(account_in(store, _numbered(account, 2))) == shape(read)


def _followed_up(store: Store, account: AccountId) -> tuple[Entry, ...]:
    """Let every kind of entry be followed up by others: by several, by others between them, and by none."""
    granted = a_grant(account, 10)
    done(store, granted, a_spend(account, 4), a_spend(account, 2))
    done(store, a_refund(account, 2, 1), a_refund(account, 3, 1), a_refund(account, 2, 1))
    done(store, a_revoke(account, granted.source, 1), a_restore(account, 7))
    done(store, a_hold(account, 5), a_capture(account, 9, 2, final=False), a_capture(account, 9, 1))
    return journal_of(store, account)
