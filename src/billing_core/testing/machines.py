"""Machines: whole histories of a ledger, on any store, beside the independent model and under the laws.

```python
TestMyLedger = ledger_machine(MyStore).TestCase
```
"""

from collections.abc import Callable
from datetime import timedelta

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, multiple, precondition, rule

from billing_core.domain.credits import Grant, KeyedCommand, LotKind, Needs, PlaceHold, change, decide
from billing_core.errors import (
    AlreadyGranted,
    Conflict,
    HoldClosed,
    HoldExceeded,
    InsufficientCredits,
    Invalid,
    KeyReused,
    UnknownHold,
    UnknownLot,
)
from billing_core.ports import Store
from billing_core.testing.driver import account_in, carry_out
from billing_core.testing.examples import (
    a_capture,
    a_convert,
    a_grant,
    a_hold,
    a_release,
    a_spend,
    an_expire,
    fresh,
)
from billing_core.testing.model import Captured, Converted, Granted, Held, Released, Spent
from billing_core.testing.watching import HOUR, LedgerWatch, Pause

__all__ = ["LedgerMachine", "ledger_machine"]

_which = st.sampled_from((0, 0, 0, 1))  # more happens where more has happened
_amounts = st.integers(1, 20)
_kinds = st.sampled_from(LotKind)
_priorities = st.none() | st.integers(5, 35)
_pauses = st.sampled_from(Pause)
_short_pauses = st.sampled_from((Pause.NONE, Pause.SHORT, Pause.NEARLY)) | _pauses  # or hardly a hold would be open
# Whole hours, so that things often fall on the same moment.
_ages = st.none() | st.integers(0, 30).map(lambda hours: hours * HOUR)
_lifetimes = st.none() | st.integers(1, 40).map(lambda hours: hours * HOUR)
_shares = st.sampled_from((0, 1, 7, "half", "half", "everything", "too much"))
_parts = _shares | st.none()
_nths = st.integers(0, 3)
_spans = st.integers(0, 80).map(lambda hours: hours * HOUR)


def ledger_machine(make_store: Callable[[], Store]) -> type["LedgerMachine"]:
    """Return a machine that runs on stores from this factory, which may return the same one again and again."""

    class Machine(LedgerMachine):
        def open_store(self) -> Store:
            return make_store()

    return Machine


class LedgerMachine(LedgerWatch):
    """Carries out commands on two accounts of one owner, while a clock goes on and sometimes back."""

    done = Bundle("done")
    granted = Bundle("granted")

    @initialize(targets=(done, granted), priorities=st.permutations((10, 20, 30)), lifetime=_lifetimes)
    def begin(self, priorities: list[int], lifetime: timedelta | None) -> Grant:
        """Start with several lots of a few credits, so that there is something to spend, and it takes more than one."""
        watched, at = self.watched[self.accounts[0]], self.now
        commands = [a_grant(watched.id, 4, priority=priority) for priority in priorities]
        commands[0] = attrs.evolve(commands[0], expires_at=at + lifetime if lifetime else None)
        for one in commands:
            self.accept(one)
            watched.model.facts.append(
                Granted(at, one.source, one.kind.value, one.amount, at, one.expires_at, one.priority)
            )
        return multiple(*commands)  # type: ignore[return-value] # which is how a rule adds several to its bundles

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
        pause: Pause,
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
    def spend(self, which: int, pause: Pause, share: int | str) -> KeyedCommand:
        """Spend what may or may not be there; who is refused asks for what there is, under the same key."""
        watched = self.after(pause, which)
        at = self.present(watched)
        available = watched.model.available(at)
        amount = _of(available, share)
        command = a_spend(watched.id, amount)
        if amount > available:
            with self.nothing_written(watched.id):
                self.refuse(command, InsufficientCredits)
            command = attrs.evolve(command, amount=available)
        self.accept(command)
        watched.model.facts.append(Spent(at, command.amount))
        return command

    @rule(target=done, grant=granted, pause=_pauses, age=_ages, kind=_kinds)
    def convert(self, grant: Grant, pause: Pause, age: timedelta | None, kind: LotKind) -> KeyedCommand:
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
            return multiple()  # type: ignore[return-value] # which is how a rule adds nothing to its bundles
        self.accept(command)
        watched.model.facts.append(Converted(at, grant.source, kind.value, since))
        return command

    @rule(target=done, which=_which, pause=_pauses, share=_shares, span=_spans, relative=st.booleans())
    def place_hold(self, *, which: int, pause: Pause, share: int | str, span: timedelta, relative: bool) -> PlaceHold:
        """Set aside what may or may not be there, until a moment or for a time; who is refused takes what there is."""
        watched = self.after(pause, which)
        at = self.present(watched)
        available = watched.model.available(at)
        amount = _of(available, share)
        ending = {"expires_in": span} if relative and span else {"expires_at": at + span}
        command = a_hold(watched.id, max(amount, 1), **ending)
        refused = Invalid if not span else InsufficientCredits if command.amount > available else None
        if refused:
            with self.nothing_written(watched.id):
                self.refuse(command, refused)
            if not available or not span:
                return multiple()  # type: ignore[return-value] # which is how a rule adds nothing to its bundles
            command = attrs.evolve(command, amount=available)
        self.accept(command)
        watched.model.facts.append(Held(at, command.key, command.amount, at + span))
        return command

    @precondition(lambda self: self.holding)
    @rule(target=done, which=_which, pause=_short_pauses, nth=_nths, part=_parts, final=st.booleans())
    def capture(self, *, which: int, pause: Pause, nth: int, part: int | str | None, final: bool) -> KeyedCommand:
        """Use what is held, some or all or more of it, if it is still held; who is refused takes what is left."""
        watched = self.after(pause, self.holding[which % len(self.holding)])
        at = self.present(watched)
        name, left = self.jug(watched, nth)
        amount = left if part is None else _of(left, part)
        command = a_capture(watched.id, watched.holds[name], None if part is None else amount, final=final)
        if not left or amount > left:
            with self.nothing_written(watched.id):
                self.refuse(command, HoldExceeded if left else HoldClosed)
            if not left:
                return multiple()  # type: ignore[return-value] # which is how a rule adds nothing to its bundles
            amount = left
            command = attrs.evolve(command, amount=amount)
        self.accept(command)
        watched.model.facts.append(Captured(at, name, amount, final))
        return command

    @precondition(lambda self: self.holding)
    @rule(target=done, which=_which, pause=_short_pauses, nth=_nths)
    def release(self, which: int, pause: Pause, nth: int) -> KeyedCommand:
        """Give back what is still held."""
        watched = self.after(pause, self.holding[which % len(self.holding)])
        at = self.present(watched)
        name, left = self.jug(watched, nth)
        command = a_release(watched.id, watched.holds[name])
        if not left:
            with self.nothing_written(watched.id):
                self.refuse(command, HoldClosed)
            return multiple()  # type: ignore[return-value] # which is how a rule adds nothing to its bundles
        self.accept(command)
        watched.model.facts.append(Released(at, name))
        return command

    @rule(which=_which, pause=_pauses)
    def expire(self, which: int, pause: Pause) -> None:
        """Sweep: the books catch up with the time, and nothing else changes."""
        self.accept(an_expire(self.after(pause, which).id))

    # What changes nothing -------------------------------------------------------------------------------------------------

    @rule(command=done, pause=_pauses)
    def repeat(self, command: KeyedCommand, pause: Pause) -> None:
        """Carry out the same command again, ask for another one under its key, and grant the same money under another."""
        watched = self.after(pause, self.accounts.index(command.account))

        with self.nothing_written(watched.id):
            assert carry_out(self.store, command, self.now) == ()
            self.refuse(attrs.evolve(command, reason="something else"), KeyReused)
            self.refuse(a_convert(watched.id, fresh("source")), UnknownLot)
            for number in (1, len(watched.journal) + 1):  # the first entry of all cannot hold anything
                self.refuse(a_release(watched.id, number), UnknownHold)
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


def _of(whole: int, share: int | str) -> int:
    """Return an amount: itself, or as a share of all that there is."""
    match share:
        case int():
            return share
        case "half":
            return (whole + 1) // 2
        case _:
            return whole + (share == "too much")
