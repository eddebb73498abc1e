"""Machines: whole histories of a ledger, on any store, beside the independent model and under the laws.

```python
TestMyLedger = ledger_machine(MyStore).TestCase
```
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import Enum

import attrs
import pytest
from attrs import define, field
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from billing_core.domain.credits import (
    Account,
    AccountId,
    AnyCommand,
    Entry,
    Expire,
    Grant,
    KeyedCommand,
    LotKind,
    Needs,
    balance_at,
    change,
    decide,
    evolve,
)
from billing_core.errors import (
    AlreadyGranted,
    BillingError,
    Conflict,
    InsufficientCredits,
    Invalid,
    KeyReused,
    UnknownLot,
)
from billing_core.ports import Store
from billing_core.testing.driver import account_in, carry_out, journal_of
from billing_core.testing.examples import NOW, a_convert, a_grant, a_spend, an_account, an_expire, fresh
from billing_core.testing.laws import check_account, check_journal
from billing_core.testing.model import Converted, Granted, Model, Spent

__all__ = ["LedgerMachine", "ledger_machine"]

_HOUR = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)


class _Pause(Enum):
    """How long nothing happens before the next command: the moments around an expiry are where mistakes live."""

    NONE = "none"
    SHORT = "an hour"
    LONG = "more than a day"
    BACK = "the next host's clock is an hour behind"
    NEARLY = "until just before something expires"
    EXACTLY = "until something expires"


_which = st.integers(0, 1)
_amounts = st.integers(1, 20)
_kinds = st.sampled_from(LotKind)
_priorities = st.none() | st.integers(5, 35)
_pauses = st.sampled_from(_Pause)
# Whole hours, so that things often fall on the same moment.
_ages = st.none() | st.integers(0, 30).map(lambda hours: hours * _HOUR)
_lifetimes = st.none() | st.integers(1, 40).map(lambda hours: hours * _HOUR)
_shares = st.sampled_from((0, 1, 7, "everything", "too much"))


def ledger_machine(make_store: Callable[[], Store]) -> type["LedgerMachine"]:
    """Return a machine that runs on stores from this factory, which may return the same one again and again."""

    class Machine(LedgerMachine):
        def open_store(self) -> Store:
            return make_store()

    return Machine


@define
class _Watched:
    """One account: the model of it, and every entry that the store said it wrote. `reached` is when the last one was."""

    id: AccountId
    model: Model = field(factory=Model)
    journal: list[Entry] = field(factory=list)
    reached: datetime = NOW

    def needs(self) -> Needs:
        """Ask for everything there is."""
        keys = frozenset(entry.key for entry in self.journal if entry.key)
        sources = frozenset(entry.opened.source for entry in self.journal if entry.opened)
        return Needs(self.id, keys, sources)


class LedgerMachine(RuleBasedStateMachine):
    """Carries out commands on two accounts of one owner, while a clock goes on and sometimes back."""

    done = Bundle("done")
    granted = Bundle("granted")

    def __init__(self) -> None:
        super().__init__()
        self.store = self.open_store()
        owner = an_account().owner
        self.watched = {one: _Watched(one) for one in (AccountId(owner), AccountId(owner, "images"))}
        self.accounts = [*self.watched]
        self.now = NOW
        self.touched: _Watched | None = None

    def open_store(self) -> Store:
        """Return the store to run on; it need not be empty."""
        raise NotImplementedError

    # What happens ---------------------------------------------------------------------------------------------------------

    @rule(
        targets=(done, granted),
        which=_which,
        pause=_pauses,
        amount=_amounts,
        kind=_kinds,
        priority=_priorities,
        age=_ages,
        lifetime=_lifetimes,
    )
    def grant(
        self,
        *,
        which: int,
        pause: _Pause,
        amount: int,
        kind: LotKind,
        priority: int | None,
        age: timedelta | None,
        lifetime: timedelta | None,
    ) -> Grant:
        """Grant, now or late, something that lasts or not, or has expired by now."""
        watched = self.after(pause, which)
        at = self.present(watched)
        since = at if age is None else self.now - age
        until = None if lifetime is None else since + lifetime
        told = None if age is None else since
        command = a_grant(watched.id, amount, kind=kind, priority=priority, effective_at=told, expires_at=until)
        self.accept(command)
        watched.model.facts.append(Granted(at, command.source, kind.value, amount, since, until, priority))
        return command

    @rule(target=done, which=_which, pause=_pauses, share=_shares)
    def spend(self, which: int, pause: _Pause, share: int | str) -> KeyedCommand:
        """Spend what may or may not be there; who is refused asks for what there is, under the same key."""
        watched = self.after(pause, which)
        at = self.present(watched)
        available = watched.model.available(at)
        amount = share if isinstance(share, int) else available + (share == "too much")
        command = a_spend(watched.id, amount)
        if amount > available:
            with self.nothing_written(watched.id):
                self.refuse(command, InsufficientCredits)
            command = attrs.evolve(command, amount=available)
        self.accept(command)
        watched.model.facts.append(Spent(at, command.amount))
        return command

    @rule(target=done, grant=granted, pause=_pauses, age=_ages, kind=_kinds)
    def convert(self, grant: Grant, pause: _Pause, age: timedelta | None, kind: LotKind) -> KeyedCommand:
        """Convert what a lot has left, or had some time ago, if it was there then; but only once."""
        watched = self.after(pause, self.accounts.index(grant.account))
        at = self.present(watched)
        since = at if age is None else self.now - age
        command = a_convert(watched.id, grant.source, kind=kind, effective_at=None if age is None else since)
        pots = {pot.source: pot for pot in watched.model.pots(at)}
        refused = AlreadyGranted if command.opens in pots else Invalid if since < pots[grant.source].since else None
        if refused:
            with self.nothing_written(watched.id):
                self.refuse(command, refused)
            return multiple()  # type: ignore[return-value] # which is how a rule adds nothing to its bundle
        self.accept(command)
        watched.model.facts.append(Converted(at, grant.source, kind.value, since))
        return command

    @rule(which=_which, pause=_pauses)
    def expire(self, which: int, pause: _Pause) -> None:
        """Sweep: the books catch up with the time, and nothing else changes."""
        self.accept(an_expire(self.after(pause, which).id))

    # What changes nothing -------------------------------------------------------------------------------------------------

    @rule(command=done, pause=_pauses)
    def repeat(self, command: KeyedCommand, pause: _Pause) -> None:
        """Carry out the same command again, ask for another one under its key, and grant the same money under another."""
        watched = self.after(pause, self.accounts.index(command.account))

        with self.nothing_written(watched.id):
            assert carry_out(self.store, command, self.now) == ()
            self.refuse(attrs.evolve(command, reason="something else"), KeyReused)
            self.refuse(a_convert(watched.id, fresh("source")), UnknownLot)
            if isinstance(command, Grant):
                self.refuse(attrs.evolve(command, key=fresh("key")), AlreadyGranted)

    @rule(which=_which, amount=_amounts)
    def lose(self, which: int, amount: int) -> None:
        """Record without committing; then let somebody else write first, and record all the same."""
        watched = self.watched[self.accounts[which]]
        command = a_grant(watched.id, amount)
        account = account_in(self.store, Needs.of(command))
        stale = change(account, decide(account, command, self.now))
        with self.store.begin() as unit:
            unit.ledger.record([stale])
        self.accept(a_spend(watched.id, 0))

        with self.nothing_written(watched.id), pytest.raises(Conflict), self.store.begin() as unit:
            unit.ledger.record([stale])

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
        assert dict(account.recorded) == dict(replayed.recorded)
        assert (account.version, account.books, account.recorded_at) == (
            replayed.version,
            replayed.books,
            replayed.recorded_at,
        )

    def check_model(self, watched: _Watched, account: Account) -> None:
        """Compare with the model, what was written down and what is true now."""
        at = self.present(watched)
        balance = balance_at(account, at)
        written = {lot.source: lot for lot in account.lots}
        pots = {pot.source: pot for pot in watched.model.pots(watched.reached)}
        assert pots.keys() == written.keys()
        for source, pot in pots.items():
            lot = written[source]
            assert (lot.amount, lot.remaining, lot.expired) == (pot.amount, pot.left, pot.expired)
        assert account.books.consumed == sum(pot.spent for pot in pots.values())
        assert balance.available == watched.model.available(at)
        assert {kind.value: amount for kind, amount in balance.by_kind.items()} == watched.model.available_by_kind(at)
        assert (balance.next_expiry_at, balance.next_expiry_amount) == watched.model.next_expiry(at)

    # How the rules speak to the store -------------------------------------------------------------------------------------

    def after(self, pause: _Pause, which: int) -> _Watched:
        """Let time pass, and return an account."""
        watched = self.watched[self.accounts[which]]
        due_at, _ = watched.model.next_expiry(self.present(watched))
        match pause:
            case _Pause.SHORT:
                self.now += _HOUR
            case _Pause.LONG:
                self.now += 30 * _HOUR
            case _Pause.BACK:
                self.now -= _HOUR
            case _Pause.NEARLY | _Pause.EXACTLY if due_at:
                self.now = due_at - _MICROSECOND * (pause is _Pause.NEARLY)
            case _:
                pass
        return watched

    def present(self, watched: _Watched) -> datetime:
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
