"""What every ledger must do with holds: what was set aside is used up or given back, each credit once."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import attrs
import pytest
from hypothesis import strategies as st

from billing_core.domain.credits import (
    MAX_AMOUNT,
    Account,
    AccountId,
    Capture,
    Hold,
    KeyedCommand,
    Needs,
    PlaceHold,
    Release,
    change,
    decide,
    evolve,
)
from billing_core.errors import Conflict, HoldClosed, HoldExceeded, InsufficientCredits, UnknownHold
from billing_core.ports import Store
from billing_core.testing import strategies
from billing_core.testing.contracts.claims import check_laws, done, every, record, shape, whole
from billing_core.testing.driver import account_in, journal_of
from billing_core.testing.examples import (
    NOW,
    a_capture,
    a_convert,
    a_grant,
    a_hold,
    a_release,
    a_spend,
    an_account,
    an_expire,
    fresh,
    prepared,
)

__all__ = ["HoldContract"]

_HOUR = timedelta(hours=1)
_ELSEWHERE = an_account()


def _placed(store: Store, account: AccountId, *amounts: int, granted: int = 100) -> Sequence[int]:
    """Grant, place holds of these amounts, and return their numbers."""
    done(store, a_grant(account, granted))
    return [entry.seq for entry in done(store, *(a_hold(account, amount) for amount in amounts))]


def _holds(store: Store, account: AccountId, *numbers: int) -> tuple[Hold, ...]:
    """Return the holds that are open, and those with these numbers."""
    return account_in(store, Needs(account, holds=frozenset(numbers))).holds


class HoldContract:
    """What `Ledger` promises of holds."""

    # Loading --------------------------------------------------------------------------------------------------------------

    def test_open_holds_are_loaded_and_closed_ones_are_not(self, store: Store) -> None:
        """In the order in which they were placed, with the lots that they hold, even if nothing else remains there."""
        account = an_account()
        captured, first, released, second = _placed(store, account, 1, 2, 3, 94)
        done(store, a_capture(account, captured), a_release(account, released))
        done(store, a_spend(account, 3))

        loaded = account_in(store, Needs(account))

        assert [hold.number for hold in loaded.holds] == [first, second]
        assert [(lot.number, lot.remaining, lot.held) for lot in loaded.lots] == [(1, 0, 96)]

    def test_closed_holds_are_loaded_when_their_number_is_named(self, store: Store) -> None:
        """With the open ones; a number that placed nothing adds nothing."""
        account = an_account()
        captured, still, released = _placed(store, account, 1, 2, 3)
        done(store, a_capture(account, captured), a_release(account, released))

        found = _holds(store, account, captured, still, 1, 99)

        assert [(hold.number, hold.open, hold.captured) for hold in found] == [(captured, False, 1), (still, True, 0)]

    def test_several_needs_of_holds_are_met_together(self, store: Store) -> None:
        """As when several are captured in one go; and of each account its own."""
        account, other = an_account(), an_account()
        first, second = _placed(store, account, 1, 2)
        _placed(store, other, 5, 6)
        captures = [a_capture(account, first), a_capture(account, second)]
        done(store, *captures)

        with store.view() as unit:
            loaded = unit.ledger.load([*map(Needs.of, captures), Needs(other)])

        assert [hold.number for hold in loaded[account].holds] == [first, second]
        assert [hold.amount for hold in loaded[other].holds] == [5, 6]

    @pytest.mark.parametrize("lock", [False, True], ids=["free", "locked"])
    def test_many_holds_are_loaded_at_once(self, store: Store, *, lock: bool) -> None:
        """Of several accounts, each with all that it holds."""
        accounts = [an_account() for _ in range(3)]
        for account in accounts:
            _placed(store, account, *range(1, 13))

        with store.begin() as unit:
            loaded = unit.ledger.load(map(Needs, accounts), lock=lock)

        assert [[hold.left for hold in loaded[account].holds] for account in accounts] == [[*range(1, 13)]] * 3

    # Exactness ------------------------------------------------------------------------------------------------------------

    @every(command=strategies.holds(_ELSEWHERE, NOW), account=strategies.account_ids())
    def test_a_hold_is_kept_exactly(self, store: Store, command: PlaceHold, account: AccountId) -> None:
        """Its entry with the hold as it was born, and the hold as it stands."""
        account = AccountId(fresh(account.owner[:200]), account.unit)
        command = attrs.evolve(command, account=account)
        done(store, a_grant(account, MAX_AMOUNT))
        written = prepared(store, command)

        record(store, written)

        loaded = account_in(store, Needs.of(command))
        assert shape(loaded.recorded[command.key]) == shape(written.entries[0])
        assert shape(journal_of(store, account)[1:]) == shape(written.entries)
        assert shape(loaded.holds) == shape(written.account.holds)
        assert shape(loaded.lots) == shape(written.account.lots)

    @every(
        command=st.one_of(strategies.captures(_ELSEWHERE, 3, most=7), strategies.releases(_ELSEWHERE, 3)),
        account=strategies.account_ids(),
    )
    def test_what_is_done_to_a_hold_is_kept_exactly(
        self, store: Store, command: Capture | Release, account: AccountId
    ) -> None:
        """Which hold it was, and what is left of it and of its lots."""
        account = AccountId(fresh(account.owner[:200]), account.unit)
        command = attrs.evolve(command, account=account)
        done(store, a_grant(account, 3), a_grant(account, 10), a_hold(account, 7))
        written = prepared(store, command)

        record(store, written)

        loaded, entries = whole(store, account)
        assert shape(entries[3:]) == shape(written.entries)
        assert shape(loaded.recorded[command.key]) == shape(written.entries[0])
        assert shape(loaded.holds) == shape(written.account.holds)
        assert shape(loaded.lots) == shape(written.account.lots)

    def test_slices_stay_in_their_order(self, store: Store) -> None:
        """The first to burn first, which is neither the oldest nor the largest."""
        account = an_account()
        done(store, *(a_grant(account, 2, priority=priority) for priority in (30, 10, 20)))
        (entry,) = done(store, a_hold(account, 5))

        (hold,) = _holds(store, account)

        assert [(one.lot, one.amount) for one in hold.slices] == [(2, 2), (3, 2), (1, 1)]
        assert [one.lot for one in entry.movements] == [2, 3, 1]

    def test_the_account_with_its_holds_is_what_its_entries_make_it(self, store: Store) -> None:
        """Held, captured in parts, released, timed out, and converted meanwhile: replaying gives what is loaded."""
        account = an_account()
        lapsing = a_grant(account, 9, expires_at=NOW + 2 * _HOUR)
        done(store, lapsing, a_grant(account, 9))
        numbers = [
            entry.seq for entry in done(store, *(a_hold(account, 4, expires_in=hours * _HOUR) for hours in (1, 3, 5)))
        ]
        done(store, a_capture(account, numbers[0], 1, final=False), a_capture(account, numbers[1], 2, final=False))
        done(store, a_convert(account, lapsing.source), a_release(account, numbers[2]), now=NOW + 2 * _HOUR)
        done(store, an_expire(account), now=NOW + 9 * _HOUR)

        loaded, entries = whole(store, account)

        replayed = Account(account)
        for entry in entries:
            replayed = evolve(replayed, entry)
        assert shape(loaded.holds) == shape(replayed.holds)
        assert shape(loaded.lots) == shape(replayed.lots)
        assert loaded.books == replayed.books
        check_laws(store, account)

    def test_the_largest_hold_is_kept(self, store: Store) -> None:
        """What JSON can carry, captured to the last credit but one."""
        account = an_account()
        (number,) = _placed(store, account, MAX_AMOUNT, granted=MAX_AMOUNT)

        done(store, a_capture(account, number, MAX_AMOUNT - 1, final=False))

        (hold,) = _holds(store, account)
        assert (hold.captured, hold.left, hold.slices[0].amount) == (MAX_AMOUNT - 1, 1, 1)

    # From hold to hold ----------------------------------------------------------------------------------------------------

    def test_a_hold_is_captured_in_parts(self, store: Store) -> None:
        """What is left stays held from part to part, and returns with the last one."""
        account = an_account()
        done(store, a_grant(account, 4), a_grant(account, 6))
        (entry,) = done(store, a_hold(account, 8))

        lefts = []
        for part, final in ((3, False), (0, False), (2, False), (1, True)):
            done(store, a_capture(account, entry.seq, part, final=final))
            lefts.append([(one.lot, one.amount) for hold in _holds(store, account) for one in hold.slices])

        assert lefts == [[(1, 1), (2, 4)], [(1, 1), (2, 4)], [(2, 3)], []]
        (hold,) = _holds(store, account, entry.seq)
        assert (hold.open, hold.captured, hold.released) == (False, 6, 2)
        check_laws(store, account)

    @pytest.mark.parametrize("close", [a_capture, a_release], ids=["captured", "released"])
    def test_a_closed_hold_stays_closed(self, store: Store, close: Callable[..., KeyedCommand]) -> None:
        """Nothing is captured or released of it again; nor of one that never was."""
        account = an_account()
        (number,) = _placed(store, account, 5)
        done(store, close(account, number))

        for again in (a_capture(account, number), a_release(account, number)):
            with pytest.raises(HoldClosed):
                done(store, again)
        with pytest.raises(UnknownHold):
            done(store, a_release(account, number + 99))

        check_laws(store, account)

    def test_more_than_is_held_is_not_captured(self, store: Store) -> None:
        """Whatever is available beside it; nothing is written."""
        account = an_account()
        (number,) = _placed(store, account, 5)
        before = whole(store, account)

        with pytest.raises(HoldExceeded):
            done(store, a_capture(account, number, 6))

        assert whole(store, account) == before

    def test_what_is_held_is_not_spent(self, store: Store) -> None:
        """By nobody else, and there is always enough for whoever holds it."""
        account = an_account()
        (number,) = _placed(store, account, 60)

        with pytest.raises(InsufficientCredits):
            done(store, a_spend(account, 41))
        done(store, a_spend(account, 40), a_capture(account, number))

        assert account_in(store, Needs(account)).books.consumed == 100

    def test_what_returns_to_a_lot_that_has_expired_is_lost(self, store: Store) -> None:
        """To the moment; what returns a moment earlier is not, until the lot expires."""
        account, due = an_account(), NOW + _HOUR
        done(store, a_grant(account, 9, expires_at=due))
        early, late = (entry.seq for entry in done(store, a_hold(account, 3), a_hold(account, 4)))

        (returned,) = done(store, a_release(account, early), now=due - timedelta(microseconds=1))
        expired, lost = done(store, a_release(account, late), now=due)

        assert [one.target for one in (*returned.movements, *expired.movements, *lost.movements)] == [
            "available",
            "expired",
            "expired",
        ]
        assert (expired.amount, lost.amount) == (5, 4)
        check_laws(store, account)

    def test_holds_time_out_by_themselves(self, store: Store) -> None:
        """Each at its own time, before anything else is done, and for good."""
        account = an_account()
        done(store, a_grant(account, 5))
        placed = done(store, *(a_hold(account, amount, expires_in=amount * _HOUR) for amount in (3, 2)))

        entries = done(store, a_spend(account, 5), now=NOW + 3 * _HOUR)

        assert [(one.of, one.effective_at - NOW) for one in entries[:2]] == [
            (placed[1].seq, 2 * _HOUR),
            (placed[0].seq, 3 * _HOUR),
        ]
        with pytest.raises(HoldClosed):
            done(store, a_capture(account, placed[0].seq), now=NOW)
        check_laws(store, account)

    # Equivalences ---------------------------------------------------------------------------------------------------------

    @every(one_in=5, parts=st.lists(st.integers(1, 6), max_size=4), final=st.booleans())
    def test_any_split_of_a_capture_ends_in_the_same_books(self, store: Store, parts: list[int], final: bool) -> None:  # noqa: FBT001 - it is drawn
        """As capturing the sum, and, if nothing returns, as spending it."""
        accounts = [an_account() for _ in range(3)]
        for account in accounts:
            done(store, *(a_grant(account, amount, priority=amount % 4) for amount in (5, 6, 7, 8)))
        split, whole_of, spent = accounts
        for account in (split, whole_of):
            done(store, a_hold(account, sum(parts) + 2))

        done(store, *(a_capture(split, 5, part, final=False) for part in parts), a_capture(split, 5, 0, final=final))
        done(store, a_capture(whole_of, 5, sum(parts), final=final))
        done(store, a_spend(spent, sum(parts)))

        after = [account_in(store, Needs(account)) for account in accounts]
        assert (after[0].books, _left(after[0])) == (after[1].books, _left(after[1]))
        assert after[0].books.consumed == after[2].books.consumed
        assert not final or _left(after[0]) == _left(after[2])

    def test_a_hold_that_is_released_never_was(self, store: Store) -> None:
        """But for its entries."""
        account = an_account()
        done(store, a_grant(account, 3, priority=7), a_grant(account, 5))
        before = account_in(store, Needs(account))

        (entry,) = done(store, a_hold(account, 6))
        done(store, a_release(account, entry.seq))

        after = account_in(store, Needs(account))
        assert (after.books, after.lots, after.holds) == (before.books, before.lots, ())

    # Who was first --------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("ours", [a_capture, a_release], ids=["capture", "release"])
    def test_a_stale_writer_of_a_hold_conflicts(self, store: Store, ours: Callable[..., KeyedCommand]) -> None:
        """What somebody else captured is not captured or returned again."""
        account = an_account()
        (number,) = _placed(store, account, 5)
        stale = prepared(store, ours(account, number))
        done(store, a_capture(account, number, 2, final=False))
        before = whole(store, account)

        with pytest.raises(Conflict):
            record(store, stale)

        assert whole(store, account) == before

    def test_what_was_not_committed_was_not_held(self, store: Store) -> None:
        """Nor captured: a unit that is dropped leaves the hold as it was."""
        account = an_account()
        (number,) = _placed(store, account, 5)
        captured = prepared(store, a_capture(account, number))
        with store.begin() as unit:
            unit.ledger.record([captured])

        assert [hold.left for hold in _holds(store, account)] == [5]

    def test_a_unit_reads_the_holds_that_it_recorded(self, store: Store) -> None:
        """And can capture them at once, even in one change."""
        account = an_account()
        done(store, a_grant(account, 9))
        hold = a_hold(account, 5)

        with store.begin() as unit:
            was = unit.ledger.load([Needs.of(hold)])[account]
            held = change(was, decide(was, hold, NOW))
            both = (*held.entries, *decide(held.account, a_capture(account, 2, 1, final=False), NOW))
            unit.ledger.record([change(was, both)])
            (read,) = unit.ledger.load([Needs(account)])[account].holds
            unit.commit()

        assert (read.number, read.left, read.captured) == (2, 4, 1)
        check_laws(store, account)


def _left(account: Account) -> list[tuple[int, int, int]]:
    return [(lot.number, lot.remaining, lot.held) for lot in account.lots]
