"""What every ledger must do: never lose a credit, never invent one, and never write what somebody else overtook."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import attrs
import pytest

from billing_core.domain.credits import (
    MAX_AMOUNT,
    Account,
    AccountId,
    AnyCommand,
    Change,
    Grant,
    Lot,
    Needs,
    change,
    decide,
    evolve,
)
from billing_core.domain.money import Money
from billing_core.errors import AlreadyGranted, Conflict, InsufficientCredits
from billing_core.ports import Store
from billing_core.testing import strategies
from billing_core.testing.contracts.claims import check_laws, done, every, in_threads, meanwhile, record, shape, whole
from billing_core.testing.driver import account_in, carry_out, journal_of
from billing_core.testing.examples import NOW, a_convert, a_grant, a_spend, an_account, fresh, prepared

__all__ = ["LedgerContract"]

_HOUR = timedelta(hours=1)
_LARGEST_BOOK = 2**63 - 1
_ELSEWHERE = an_account()


def _lots(account: Account) -> list[Lot]:
    return sorted(account.lots, key=lambda lot: lot.number)


def _unaware(store: Store, command: AnyCommand) -> Change:
    """Return what a command would write if nobody looked for its key or source first."""
    loaded = account_in(store, Needs(command.account))
    return change(loaded, decide(loaded, command, NOW))


class LedgerContract:
    """What `Ledger` promises."""

    # Loading --------------------------------------------------------------------------------------------------------------

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

        assert [(lot.source, lot.remaining) for lot in _lots(loaded)] == [(spent.source, 0), (left.source, 7)]

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

    # Exactness ------------------------------------------------------------------------------------------------------------

    @every(command=strategies.grants(_ELSEWHERE, NOW), account=strategies.account_ids())
    def test_a_grant_is_kept_exactly(self, store: Store, command: Grant, account: AccountId) -> None:
        """Its entry under its key and in the journal, its lot, and the account."""
        account = AccountId(fresh(account.owner[:200]), account.unit)
        command = attrs.evolve(command, account=account)
        entries = decide(Account(account), command, NOW)
        written = change(Account(account), entries)

        record(store, written)

        loaded = account_in(store, Needs.of(command))
        assert shape(journal_of(store, account)) == shape(entries)
        assert shape(loaded.recorded[command.key]) == shape(entries[0])
        assert shape(_lots(loaded)) == shape(_lots(written.account))
        assert (loaded.version, loaded.books) == (written.account.version, written.account.books)
        assert shape(loaded.recorded_at) == shape(NOW)

    def test_every_entry_of_a_full_life_is_kept_exactly(self, store: Store) -> None:
        """Granted, spent over several lots, expired, and converted after the fact: movements in their order."""
        account = an_account()
        told = {"reference": "order:1", "reason": "a reason", "actor": "somebody"}
        late = NOW + timedelta(days=2, microseconds=1)
        lapsing = a_grant(account, 9, expires_at=NOW + timedelta(days=1), cost=Money(900, "usd"), **told)
        before = done(store, lapsing, a_grant(account, 5), a_grant(account, 4, priority=1), a_spend(account, 11, **told))

        after = done(store, a_spend(account, 0), a_convert(account, lapsing.source, effective_at=NOW, **told), now=late)

        assert shape(journal_of(store, account)) == shape((*before, *after))
        assert [entry.operation for entry in after] == ["expire", "spend", "convert"]
        check_laws(store, account)

    def test_the_account_is_what_its_entries_make_it(self, store: Store) -> None:
        """Replaying the journal from nothing gives the account that is loaded, lots and all."""
        account = an_account()
        grants = [a_grant(account, 10 + number, expires_at=NOW + number * _HOUR) for number in range(1, 4)]
        done(store, *grants, a_spend(account, 15))
        done(store, a_spend(account, 3), a_grant(account, 1), now=NOW + 2 * _HOUR)

        loaded, entries = whole(store, account)

        replayed = Account(account)
        for entry in entries:
            replayed = evolve(replayed, entry)
        assert shape(_lots(loaded)) == shape(_lots(replayed))
        assert (loaded.version, loaded.books, loaded.recorded) == (replayed.version, replayed.books, replayed.recorded)

    def test_times_of_entries_are_kept_to_the_microsecond(self, store: Store) -> None:
        """Up to the last moment there is."""
        account = an_account()
        last = datetime.max.replace(tzinfo=UTC)
        grant = a_grant(account, effective_at=NOW - timedelta(microseconds=1), expires_at=last)

        done(store, grant)

        (lot,) = account_in(store, Needs(account)).lots
        (entry,) = journal_of(store, account)
        assert (lot.effective_at, lot.expires_at) == (NOW - timedelta(microseconds=1), last)
        assert (entry.effective_at, entry.recorded_at) == (lot.effective_at, NOW)

    def test_the_longest_names_are_kept(self, store: Store) -> None:
        """As many characters as the core lets through, none of them a single byte, and what a conversion makes of them."""
        name = "\U0001d54f" * 255
        account = AccountId(f"{fresh('user')}{name}"[:255], name)
        told = {"reference": name, "reason": name, "actor": name}
        grant = a_grant(account, 1, key=name, source=name + name[8:], **told)
        convert = a_convert(account, grant.source, **told)

        entries = done(store, grant, convert)

        loaded = account_in(store, Needs.of(convert))
        assert journal_of(store, account) == entries
        assert [lot.source for lot in _lots(loaded)] == [grant.source, convert.opens]

    def test_the_largest_amount_is_kept(self, store: Store) -> None:
        """What JSON can carry."""
        account = an_account()

        done(store, a_grant(account, MAX_AMOUNT, cost=Money(MAX_AMOUNT, "usd")), a_spend(account, MAX_AMOUNT - 1))

        loaded, _ = whole(store, account)
        assert (loaded.books.available, loaded.books.consumed) == (1, MAX_AMOUNT - 1)
        assert loaded.lots[0].cost == Money(MAX_AMOUNT, "usd")

    def test_the_largest_books_are_kept(self, store: Store) -> None:
        """All that 64 bits hold, in one change of a thousand entries."""
        owner = an_account()
        account, entries = Account(owner), []
        amounts = [MAX_AMOUNT] * (_LARGEST_BOOK // MAX_AMOUNT) + [_LARGEST_BOOK % MAX_AMOUNT]
        for amount in amounts:
            (entry,) = decide(account, a_grant(owner, amount), NOW)
            account = evolve(account, entry)
            entries.append(entry)

        record(store, change(Account(owner), tuple(entries)))

        loaded = account_in(store, Needs(owner))
        assert (loaded.books.issued, loaded.books.available) == (-_LARGEST_BOOK, _LARGEST_BOOK)
        assert len(loaded.lots) == len(amounts)

    def test_an_operation_that_cost_nothing_is_kept(self, store: Store) -> None:
        """It has no movements, but a number and a key."""
        account = an_account()
        spend = a_spend(account, 0)

        entries = done(store, spend)

        assert journal_of(store, account) == entries
        assert account_in(store, Needs.of(spend)).recorded == {spend.key: entries[0]}

    # The journal ----------------------------------------------------------------------------------------------------------

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
            record(store, _unaware(store, a_spend(account, key="taken")))

        assert account_in(store, Needs(account)).version == 1

    def test_a_source_opens_one_lot(self, store: Store) -> None:
        """The store refuses the second even if nobody looked for the first, and although that one is spent."""
        account = an_account()
        done(store, a_grant(account, 5, source="money"), a_spend(account, 5))

        with pytest.raises(Conflict):
            record(store, _unaware(store, a_grant(account, 5, source="money")))

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

    # Several accounts -----------------------------------------------------------------------------------------------------

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

    # Threads --------------------------------------------------------------------------------------------------------------

    def test_many_threads_never_overspend(self, store: Store) -> None:
        """Eight spend one account empty: as many succeed as there are credits, to the last one."""
        account = an_account()
        done(store, a_grant(account, 13), a_grant(account, 7))

        counts = in_threads([partial(_spend_ones, store, account, times=4) for _ in range(8)])

        loaded, _ = whole(store, account)
        assert sum(counts) == 20
        assert (loaded.books.available, loaded.books.consumed) == (0, 20)
        check_laws(store, account)

    def test_many_threads_carry_out_one_command_once(self, store: Store) -> None:
        """One of them does it, the others find it done."""
        account = an_account()
        done(store, a_grant(account, 10))
        spend = a_spend(account, 3)

        written = in_threads([partial(carry_out, store, spend, NOW)] * 6)

        assert sorted(map(len, written)) == [0, 0, 0, 0, 0, 1]
        assert account_in(store, Needs(account)).books.available == 7

    def test_many_threads_grant_the_same_money_once(self, store: Store) -> None:
        """However many report it, each under its own key, on an account that is not there yet."""
        account = an_account()

        granted = in_threads([partial(_grant_if_new, store, a_grant(account, source="money")) for _ in range(6)])

        assert sorted(granted) == [False] * 5 + [True]
        assert account_in(store, Needs(account)).books.available == 100

    def test_many_threads_lose_no_grant(self, store: Store) -> None:
        """Each of them is there afterwards, from the very first on."""
        account = an_account()

        in_threads([partial(carry_out, store, a_grant(account, 1), NOW) for _ in range(8)])

        assert account_in(store, Needs(account)).books.available == 8
        check_laws(store, account)

    @pytest.mark.parametrize("lock", [False, True], ids=["free", "locked"])
    def test_accounts_in_opposite_orders_do_not_deadlock(self, store: Store, *, lock: bool) -> None:
        """Two that write the same two accounts both come to an end."""
        one, other = an_account(), an_account()
        done(store, a_grant(one), a_grant(other))
        orders = [(one, other), (other, one)] * 2

        in_threads([partial(_spend_on_all, store, order, times=3, lock=lock) for order in orders])

        assert [account_in(store, Needs(account)).books.consumed for account in (one, other)] == [12, 12]


def _spend_ones(store: Store, account: AccountId, times: int) -> int:
    """Spend one credit so many times; return how often there was one."""
    spent = 0
    for _ in range(times):
        try:
            carry_out(store, a_spend(account), NOW)
        except InsufficientCredits:
            continue
        spent += 1
    return spent


def _grant_if_new(store: Store, command: Grant) -> bool:
    try:
        carry_out(store, command, NOW)
    except AlreadyGranted:
        return False
    return True


def _spend_on_all(store: Store, accounts: Iterable[AccountId], times: int, *, lock: bool) -> None:
    """Spend one credit of every account in one unit, so many times."""
    for commands in [[a_spend(account) for account in accounts] for _ in range(times)]:
        while not _spent_together(store, commands, lock=lock):
            continue


def _spent_together(store: Store, commands: Sequence[AnyCommand], *, lock: bool) -> bool:
    try:
        with store.begin() as unit:
            loaded = unit.ledger.load(map(Needs.of, commands), lock=lock)
            accounts = [(loaded[command.account], command) for command in commands]
            unit.ledger.record(change(account, decide(account, command, NOW)) for account, command in accounts)
            unit.commit()
    except Conflict:
        return False
    return True
