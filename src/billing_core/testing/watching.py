"""Watching: the accounts of a machine, what the store said of them, and how its rules speak to the store."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import Enum

import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, multiple

from billing_core.domain.credits import (
    Account,
    AccountId,
    Change,
    Entry,
    KeyedCommand,
    Needs,
    Operation,
    balance_at,
    evolve,
)
from billing_core.errors import BillingError
from billing_core.ports import Store
from billing_core.testing.driver import account_in, carry_out, carry_out_all, journal_of
from billing_core.testing.examples import NOW, an_account, an_expire
from billing_core.testing.kitchen import FOREVER, Kitchen
from billing_core.testing.laws import check_account, check_journal
from billing_core.testing.oracle import Oracle, Told, Watched

__all__ = ["HOUR", "LedgerWatch", "Pause"]

HOUR = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)
_BETWEEN = (Operation.SEND, Operation.RECEIVE)


class Pause(Enum):
    """How long nothing happens before the next command: the moments around an expiry are where mistakes live."""

    NONE = "none"
    SHORT = "an hour"
    LONG = "more than a day"
    BACK = "the next host's clock is an hour behind"
    NEARLY = "until just before something begins, expires or times out"
    EXACTLY = "until something begins, expires or times out"


class LedgerWatch(RuleBasedStateMachine):
    """Three accounts on one store beside their models, two of one unit, while a clock goes on and sometimes back."""

    def __init__(self) -> None:
        super().__init__()
        self.store = self.open_store()
        owner = an_account().owner
        self.accounts = [AccountId(owner), AccountId(f"{owner}'s friend"), AccountId(owner, "images")]
        self.watched = {one: Watched(one) for one in self.accounts}
        self.now = NOW
        self.touched: set[AccountId] = set()

    def open_store(self) -> Store:
        """Return the store to run on; it need not be empty."""
        raise NotImplementedError

    # What always holds ----------------------------------------------------------------------------------------------------

    @invariant()
    def the_laws_hold(self) -> None:
        """Find in the store what it said it wrote, under every law, and the figures of the model."""
        for touched in sorted(self.touched):
            watched = self.watched[touched]
            account, entries = self.whole(touched)
            assert list(entries) == watched.journal, "what was recorded is what is read"
            check_journal(entries)
            check_account(account, entries)
            self.check_replay(account, entries)
            self.check_model(watched, account)
        self.touched.clear()

    def teardown(self) -> None:
        """Look at all accounts once more, also at those that nobody meant to touch."""
        written: list[Entry] = []
        for watched in self.watched.values():
            account, entries = self.whole(watched.id)
            assert list(entries) == watched.journal, "nobody else's command changed it"
            self.check_model(watched, account)
            written.extend(entries)
        sent, received = (sum(one.amount for one in written if one.operation is each) for each in _BETWEEN)
        assert sent == received, "what one account sent, another received"

    def check_replay(self, account: Account, entries: Sequence[Entry]) -> None:
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
        balance, model = balance_at(account, at), watched.model
        kitchen = model.kitchen(watched.reached)
        assert (account.recorded_at or watched.reached) == watched.reached, "an account's time never goes back"
        check_lots(account, kitchen)
        self.check_holds(watched, account, kitchen)
        assert account.books.consumed == sum(pot.spent for pot in kitchen.pots)
        assert account.owes == kitchen.debt
        assert (balance.available, balance.held) == (model.available(at), model.held(at))
        assert (balance.scheduled, balance.owed) == (model.scheduled(at), model.owed(at))
        assert {kind.value: amount for kind, amount in balance.by_kind.items()} == model.available_by_kind(at)
        assert (balance.next_expiry_at, balance.next_expiry_amount) == model.next_expiry(at)

    def check_holds(self, watched: Watched, account: Account, kitchen: Kitchen) -> None:
        """Compare every hold with the model's, down to the lots that it holds."""
        numbers = watched.numbers
        sources = {lot.number: lot.source for lot in account.lots}
        assert [hold.number for hold in account.holds] == [numbers[name] for name in kitchen.jugs]
        for hold, jug in zip(account.holds, kitchen.jugs.values(), strict=True):
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

    def anybody_did(self, *operations: Operation) -> bool:
        """Tell whether an account ever did one of these."""
        return any(entry.operation in operations for one in self.watched.values() for entry in one.journal)

    @property
    def anybody_holds(self) -> bool:
        """Whether an account held anything when it was written last; by now the hold may have timed out."""
        return any(one.journal[-1].held_after for one in self.watched.values() if one.journal)

    def a_lot(self, pause: Pause, which: int, nth: int) -> tuple[Watched, str]:
        """Let time pass, and return an account and the source of one of its lots, the youngest first."""
        watched = self.after(pause, which)
        pots = self.kitchen(watched).pots[::-1]
        return watched, pots[nth % len(pots)].source

    def available(self, watched: Watched) -> int:
        """Return how much an account can spend at its present."""
        return watched.model.available(self.present(watched))

    def present(self, watched: Watched) -> datetime:
        """Return the account's own present."""
        return self.oracle.present(watched)

    def kitchen(self, watched: Watched) -> Kitchen:
        """Return where everything stands at the account's present."""
        return watched.model.kitchen(self.present(watched))

    @property
    def oracle(self) -> Oracle:
        """Whom to ask what must come of a command now."""
        return Oracle(self.watched, self.now)

    def whole(self, account: AccountId) -> tuple[Account, Sequence[Entry]]:
        """Return all that the store has of an account."""
        keys = frozenset(self.watched[account].numbers)
        return account_in(self.store, Needs(account, keys, everything=True)), journal_of(self.store, account, page=50)

    def ask(self, *commands: KeyedCommand) -> KeyedCommand:
        """Carry out the first of these that is not refused; each must come out as the oracle tells."""
        for command in commands:
            told = self.oracle.tell(command)
            if told.refused is None:
                self.accept(command, told)
                return command
            with self.nothing_written(command.account):
                self.refuse(command, told.refused)
        return multiple()  # type: ignore[return-value] # which is how a rule adds nothing to its bundles

    def accept(self, command: KeyedCommand, told: Told) -> None:
        """Carry out a command that must be accepted."""
        changes, (result,) = carry_out_all(self.store, [command], self.now)
        assert not isinstance(result, BillingError), result
        assert result.key == command.key
        self.believe(told)
        self.take_down(changes)

    def believe(self, told: Told) -> None:
        """Let the models know what happened."""
        for watched, fact in told.facts:
            watched.model.facts.append(fact)
            watched.reached = fact.at

    def take_down(self, changes: Sequence[Change]) -> None:
        """Remember what the store said it wrote."""
        for one in changes:
            self.watched[one.account.id].journal.extend(one.entries)
            self.touched.add(one.account.id)

    def sweep(self, watched: Watched) -> None:
        """Write down what fell due."""
        written = carry_out(self.store, an_expire(watched.id), self.now)
        if written:
            watched.reached = self.present(watched)
        watched.journal.extend(written)
        self.touched.add(watched.id)

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


def check_lots(account: Account, kitchen: Kitchen) -> None:
    """Compare every lot with the model's, its terms and its figures."""
    written = {lot.source: lot for lot in account.lots}
    assert written.keys() == {pot.source for pot in kitchen.pots}
    for pot in kitchen.pots:
        lot = written[pot.source]
        assert (lot.kind.value, lot.priority, lot.effective_at) == (pot.kind, pot.rank[0], pot.since)
        assert (lot.expires_at or FOREVER) == pot.until
        assert (lot.amount, lot.scheduled, lot.remaining, lot.held) == (pot.amount, pot.waiting, pot.left, pot.aside)
        assert (lot.expired, lot.revoked, lot.owed) == (pot.expired, pot.revoked, pot.paid)
