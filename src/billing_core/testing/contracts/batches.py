"""What every ledger must do with several accounts at once: change all of them, or none."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import attrs
import pytest

from billing_core.domain.credits import (
    Account,
    AccountId,
    Change,
    Entry,
    KeyedCommand,
    LotKind,
    Needs,
    decide_all,
    needs_of,
)
from billing_core.domain.money import Money
from billing_core.errors import BillingError, Conflict, InsufficientCredits, KeyReused, UnknownLot
from billing_core.ports import Store
from billing_core.testing.contracts.claims import accounts_in, check_replay, done, record, shape, together, unaware
from billing_core.testing.driver import account_in, journal_of
from billing_core.testing.examples import (
    NOW,
    a_capture,
    a_convert,
    a_grant,
    a_hold,
    a_revoke,
    a_spend,
    a_transfer,
    an_account,
    an_adjustment,
    fresh,
    prepared,
)
from billing_core.testing.exports import journal_bytes

__all__ = ["BatchContract"]

_DAY = timedelta(days=1)


def _changes(store: Store, *commands: KeyedCommand) -> Sequence[Change]:
    """Return what these commands would write together, decided on what is committed now."""
    changes, _ = decide_all(accounts_in(store, *needs_of(commands)), commands, NOW)
    return changes


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

    @pytest.mark.parametrize("owner", ["a", "z"], ids=["first", "last"])
    @pytest.mark.parametrize("taken", ["key", "source"])
    def test_one_taken_name_keeps_all_from_being_written(self, store: Store, taken: str, owner: str) -> None:
        """A key or a source, on the first account by name or on the last."""
        fine, other = AccountId("m"), AccountId(owner)
        named: dict[str, Any] = {taken: "taken"}
        first, second = (a_grant(other, 5, **named) for _ in range(2))
        done(store, first, a_spend(other, 5), a_grant(fine, 5))
        before = [account_in(store, Needs(one)) for one in (fine, other)]

        with pytest.raises(Conflict):
            record(store, prepared(store, a_spend(fine)), unaware(store, second))

        assert [account_in(store, Needs(one)) for one in (fine, other)] == before

    @pytest.mark.parametrize("overtaken", [0, 1, 2], ids=["first", "middle", "last"])
    def test_a_batch_is_written_or_not(self, store: Store, overtaken: int) -> None:
        """Known accounts, of which one is overtaken by name first, in the middle or last."""
        accounts = [AccountId(owner) for owner in ("a", "m", "z")]
        done(store, *(a_grant(account, 5) for account in accounts))
        changes = _changes(store, *(a_spend(account) for account in accounts))
        done(store, a_spend(accounts[overtaken], 0))

        with pytest.raises(Conflict):
            record(store, *changes)

        assert [account_in(store, Needs(one)).books.available for one in accounts] == [5, 5, 5]
        assert [len(journal_of(store, one)) for one in accounts] == [2 if at == overtaken else 1 for at in range(3)]

    def test_recording_nothing_writes_nothing(self, store: Store) -> None:
        """A decision may have no entries at all."""
        record(store)

    # Many commands --------------------------------------------------------------------------------------------------------

    def test_a_batch_ends_where_one_command_after_another_does(self, store: Store) -> None:
        """The same entries on the same accounts, to the last byte: also where some are refused, or asked for twice."""
        batch, steps = (
            (AccountId(one, unit), AccountId(two, unit)) for one, two in [_NAMES] for unit in ("images", "tokens")
        )

        results = together(store, *_mixed(*batch))
        one_by_one = tuple(together(store, command)[0] for command in _mixed(*steps))

        assert [_told(one) for one in results] == [_told(one) for one in one_by_one]
        for ours, theirs in zip(batch, steps, strict=True):
            assert _exported(store, ours) == _exported(store, theirs)
            check_replay(store, ours)

    def test_a_refusal_hits_its_command_only(self, store: Store) -> None:
        """What others asked for in the same batch is written, and what is asked for again is found."""
        rich, poor = an_account(), an_account()
        grant = a_grant(rich, 9)
        done(store, grant)
        again, other = a_spend(rich, 1), a_spend(rich, 2)

        results = together(store, again, a_spend(poor), a_spend(rich, 9), again, other, a_revoke(poor, "never"), grant)

        kinds = [type(one) for one in results]
        assert kinds == [Entry, InsufficientCredits, InsufficientCredits, Entry, Entry, UnknownLot, Entry]
        assert (results[0], account_in(store, Needs(rich)).books.available) == (results[3], 6)
        assert account_in(store, Needs(poor)) == Account(poor)

    def test_many_entries_of_many_accounts_are_recorded_at_once(self, store: Store) -> None:
        """Each with its own lots, holds and movements."""
        accounts = [an_account() for _ in range(20)]
        commands = [
            one for each in accounts for one in (a_grant(each, 3), a_grant(each, 4), a_hold(each, 5), a_spend(each, 2))
        ]

        results = together(store, *commands)

        assert [one.seq for one in results if isinstance(one, Entry)] == [1, 2, 3, 4] * 20
        for account in accounts:
            check_replay(store, account)

    # Transfers ------------------------------------------------------------------------------------------------------------

    def test_a_transfer_is_kept_exactly(self, store: Store) -> None:
        """On both sides: the credits keep their terms, and what was paid for them is shared."""
        ours, theirs = an_account(), an_account()
        done(
            store,
            a_grant(ours, 3, kind=LotKind.PROMOTIONAL, expires_at=NOW + _DAY),
            a_grant(ours, 9, cost=Money(1000, "usd")),
        )
        sending = a_transfer(ours, theirs, 7, reference="order:1", reason="a reason", actor="somebody")
        changes = _changes(store, sending)

        record(store, *changes)

        assert [shape(journal_of(store, one.account.id)[one.expected_version :]) for one in changes] == [
            shape(one.entries) for one in changes
        ]
        received = account_in(store, Needs(theirs)).lots
        assert [(lot.kind, lot.amount, lot.expires_at, lot.cost) for lot in received] == [
            (LotKind.PROMOTIONAL, 3, NOW + _DAY, None),
            (LotKind.PAYG, 4, None, Money(444, "usd")),
        ]
        check_replay(store, ours)
        check_replay(store, theirs)

    def test_a_transfer_repays_what_the_other_account_owes(self, store: Store) -> None:
        """The rest of it can be spent."""
        ours, theirs = an_account(), an_account()
        owing = a_grant(theirs, 5)
        done(store, owing, a_spend(theirs, 5), a_revoke(theirs, owing.source), a_grant(ours, 9))

        done(store, a_transfer(ours, theirs, 7))

        assert [account_in(store, Needs(one)).books.available for one in (ours, theirs)] == [2, 2]
        check_replay(store, theirs)

    @pytest.mark.parametrize("overtaken", ["sender", "receiver"])
    def test_a_transfer_is_written_on_both_sides_or_on_neither(self, store: Store, overtaken: str) -> None:
        """Whichever side somebody else wrote first."""
        ours, theirs = an_account(), an_account()
        done(store, a_grant(ours, 9))
        changes = _changes(store, a_transfer(ours, theirs, 7))
        done(store, a_grant(ours if overtaken == "sender" else theirs, 1))

        with pytest.raises(Conflict):
            record(store, *changes)

        available = [account_in(store, Needs(one)).books.available for one in (ours, theirs)]
        assert available == ([10, 0] if overtaken == "sender" else [9, 1])

    def test_a_transfer_that_is_repeated_sends_nothing(self, store: Store) -> None:
        """Also in one batch with the first; another one under its key is refused."""
        ours, theirs = an_account(), an_account()
        done(store, a_grant(ours, 9))
        sending = a_transfer(ours, theirs, 4)

        first, again = together(store, sending, sending)
        (later,) = together(store, sending)
        (other,) = together(store, attrs.evolve(sending, amount=5))

        assert first == again == later
        assert isinstance(other, KeyReused)
        assert [account_in(store, Needs(one)).books.available for one in (ours, theirs)] == [5, 4]


_NAMES = (fresh("one"), fresh("other"))


def _mixed(one: AccountId, other: AccountId) -> Sequence[KeyedCommand]:
    """Return the same commands for any two accounts: every answer of the ledger comes up among them."""
    return [
        a_grant(one, 9, key="1", source="money", expires_at=NOW + _DAY, cost=Money(900, "usd")),
        a_grant(other, 1, key="1", source="money"),
        a_spend(one, 2, key="2"),
        a_transfer(one, other, 4, key="3"),
        a_spend(one, 4, key="4"),
        a_hold(other, 3, key="2"),
        a_spend(one, 2, key="2"),
        a_grant(one, 1, key="5", source="money"),
        a_transfer(other, one, 1, key="3"),
        a_capture(other, 3, 1, key="4"),
        a_revoke(one, "money", key="6"),
        an_adjustment(one, 9, key="7", actor="somebody"),
        a_transfer(other, one, 9, key="5"),
        a_convert(other, "money", key="6"),
        a_spend(one, 1, key="6"),
    ]


def _told(result: Entry | BillingError) -> object:
    """Return what is told of a result, whatever unit the account counts."""
    if isinstance(result, Entry):
        return journal_bytes([_unitless(result)])
    return type(result)


def _exported(store: Store, account: AccountId) -> bytes:
    return journal_bytes(map(_unitless, journal_of(store, account)))


def _unitless(entry: Entry) -> Entry:
    """Return an entry without the digest of its command, which names the account with its unit."""
    return attrs.evolve(entry, fingerprint=None)
