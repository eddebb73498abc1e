"""What every ledger must do with what it is given: keep it to the last detail."""

from datetime import UTC, datetime, timedelta

import attrs

from billing_core.domain.credits import MAX_AMOUNT, Account, AccountId, Grant, Needs, change, decide, evolve
from billing_core.domain.money import Money
from billing_core.ports import Store
from billing_core.testing import strategies
from billing_core.testing.contracts.claims import check_laws, done, every, record, shape, whole
from billing_core.testing.driver import account_in, journal_of
from billing_core.testing.examples import NOW, a_convert, a_grant, a_spend, an_account, fresh

__all__ = ["ExactnessContract"]

_HOUR = timedelta(hours=1)
_LARGEST_BOOK = 2**63 - 1
_ELSEWHERE = an_account()


class ExactnessContract:
    """What `Ledger.record` promises of what it writes."""

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
        assert shape(loaded.lots) == shape(written.account.lots)
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
        assert shape(loaded.lots) == shape(replayed.lots)
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
        assert [lot.source for lot in loaded.lots] == [grant.source, convert.opens]

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
