"""Watching: the accounts of a machine, what the store said of them, and how its rules speak to the store."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import Enum

import pytest
from attrs import define, field
from hypothesis.stateful import RuleBasedStateMachine, invariant

from billing_core.domain.credits import (
    Account,
    AccountId,
    AnyCommand,
    Entry,
    Expire,
    KeyedCommand,
    Needs,
    balance_at,
    evolve,
)
from billing_core.errors import BillingError
from billing_core.ports import Store
from billing_core.testing.driver import account_in, carry_out, journal_of
from billing_core.testing.examples import NOW, an_account
from billing_core.testing.laws import check_account, check_journal
from billing_core.testing.model import Model

__all__ = ["HOUR", "LedgerWatch", "Pause", "Watched"]

HOUR = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Pause(Enum):
    """How long nothing happens before the next command: the moments around an expiry are where mistakes live."""

    NONE = "none"
    SHORT = "an hour"
    LONG = "more than a day"
    BACK = "the next host's clock is an hour behind"
    NEARLY = "until just before something expires or a hold times out"
    EXACTLY = "until something expires or a hold times out"


@define
class Watched:
    """One account: the model of it, and every entry that the store said it wrote. `reached` is when the last one was."""

    id: AccountId
    model: Model = field(factory=Model)
    journal: list[Entry] = field(factory=list)
    reached: datetime = _LONG_AGO

    def needs(self) -> Needs:
        """Ask for everything there is."""
        keys = frozenset(entry.key for entry in self.journal if entry.key)
        sources = frozenset(entry.opened.source for entry in self.journal if entry.opened)
        return Needs(self.id, keys, sources, frozenset(self.holds.values()))

    @property
    def holds(self) -> dict[str, int]:
        """The numbers of all holds that were ever placed, by the keys under which they were."""
        return {entry.key: entry.seq for entry in self.journal if entry.placed and entry.key}


class LedgerWatch(RuleBasedStateMachine):
    """Two accounts of one owner on one store, beside their models, while a clock goes on and sometimes back."""

    def __init__(self) -> None:
        super().__init__()
        self.store = self.open_store()
        owner = an_account().owner
        self.watched = {one: Watched(one) for one in (AccountId(owner), AccountId(owner, "images"))}
        self.accounts = [*self.watched]
        self.now = NOW
        self.touched: Watched | None = None

    def open_store(self) -> Store:
        """Return the store to run on; it need not be empty."""
        raise NotImplementedError

    # What always holds ----------------------------------------------------------------------------------------------------

    @invariant()
    def the_laws_hold(self) -> None:
        """Find in the store what it said it wrote, under every law, and the figures of the model."""
        if self.touched is None:
            return
        watched, self.touched = self.touched, None
        account, entries = self.whole(watched.id)
        assert list(entries) == watched.journal, "what was recorded is what is read"
        check_journal(entries)
        check_account(account, entries)
        self.check_replay(account, entries)
        self.check_model(watched, account)

    def teardown(self) -> None:
        """Look at all accounts once more, also at those that nobody meant to touch."""
        for watched in self.watched.values():
            account, entries = self.whole(watched.id)
            assert list(entries) == watched.journal, "nobody else's command changed it"
            self.check_model(watched, account)

    def check_replay(self, account: Account, entries: tuple[Entry, ...]) -> None:
        """Apply the entries one by one from nothing: that gives the account that is stored."""
        replayed = Account(account.id)
        for entry in entries:
            replayed = evolve(replayed, entry)
        assert {lot.number: lot for lot in account.lots} == {lot.number: lot for lot in replayed.lots}
        assert account.holds == replayed.holds
        assert dict(account.recorded) == dict(replayed.recorded)
        assert (account.version, account.books, account.recorded_at) == (
            replayed.version,
            replayed.books,
            replayed.recorded_at,
        )

    def check_model(self, watched: Watched, account: Account) -> None:
        """Compare with the model, what was written down and what is true now."""
        at = self.present(watched)
        balance = balance_at(account, at)
        written = {lot.source: lot for lot in account.lots}
        pots = {pot.source: pot for pot in watched.model.pots(watched.reached)}
        assert pots.keys() == written.keys()
        for source, pot in pots.items():
            lot = written[source]
            assert (lot.amount, lot.remaining, lot.held, lot.expired) == (pot.amount, pot.left, pot.aside, pot.expired)
        self.check_holds(watched, account)
        assert account.books.consumed == sum(pot.spent for pot in pots.values())
        assert (balance.available, balance.held) == (watched.model.available(at), watched.model.held(at))
        assert {kind.value: amount for kind, amount in balance.by_kind.items()} == watched.model.available_by_kind(at)
        assert (balance.next_expiry_at, balance.next_expiry_amount) == watched.model.next_expiry(at)

    def check_holds(self, watched: Watched, account: Account) -> None:
        """Compare every hold with the model's, down to the lots that it holds."""
        jugs = watched.model.jugs(watched.reached)
        sources = {lot.number: lot.source for lot in account.lots}
        assert [hold.number for hold in account.holds] == [watched.holds[name] for name in jugs]
        for hold, jug in zip(account.holds, jugs.values(), strict=True):
            slices = [(sources[one.lot], one.amount) for one in hold.slices]
            assert slices == [(pot.source, amount) for pot, amount in jug.parts]
            assert (hold.amount, hold.captured, hold.released) == (jug.amount, jug.drunk, jug.returned)
            assert (hold.left, hold.expires_at, hold.open) == (jug.left, jug.until, jug.left > 0)

    # How the rules speak to the store -------------------------------------------------------------------------------------

    def after(self, pause: Pause, which: int) -> Watched:
        """Let time pass, and return an account."""
        watched = self.watched[self.accounts[which]]
        due_at = watched.model.next_due(self.present(watched))
        match pause:
            case Pause.SHORT:
                self.now += HOUR
            case Pause.LONG:
                self.now += 30 * HOUR
            case Pause.BACK:
                self.now -= HOUR
            case Pause.NEARLY | Pause.EXACTLY if due_at:
                self.now = due_at - _MICROSECOND * (pause is Pause.NEARLY)
            case _:
                pass
        return watched

    @property
    def holding(self) -> list[int]:
        """Which accounts ever held anything."""
        return [which for which, account in enumerate(self.accounts) if self.watched[account].holds]

    def jug(self, watched: Watched, nth: int) -> tuple[str, int]:
        """Return the name of one of an account's holds, open ones before closed ones, and what is left of it."""
        jugs = sorted(watched.model.jugs(self.present(watched)).values(), key=lambda jug: not jug.left)
        one = jugs[nth % len(jugs)]
        return one.name, one.left

    def present(self, watched: Watched) -> datetime:
        """Return the account's own present: its time never goes back."""
        return max(self.now, watched.reached)

    def whole(self, account: AccountId) -> tuple[Account, tuple[Entry, ...]]:
        """Return all that the store has of an account."""
        return account_in(self.store, self.watched[account].needs()), journal_of(self.store, account, page=50)

    def accept(self, command: AnyCommand) -> None:
        """Carry out a command that must be accepted."""
        watched = self.watched[command.account]
        written = carry_out(self.store, command, self.now)
        assert isinstance(command, Expire) or command.key in {entry.key for entry in written}
        if written:
            watched.reached = self.present(watched)
        watched.journal.extend(written)
        self.touched = watched

    def refuse(self, command: KeyedCommand, error: type[BillingError]) -> None:
        """Carry out a command that must be refused, for this reason."""
        with pytest.raises(error):
            carry_out(self.store, command, self.now)

    @contextmanager
    def nothing_written(self, account: AccountId) -> Iterator[None]:
        """Let something happen that must leave no trace."""
        before = self.whole(account)
        yield
        assert self.whole(account) == before, "nothing was written"
