"""Machines: whole histories of a ledger, on any store, beside the independent model and under the laws.

```python
TestMyLedger = ledger_machine(MyStore).TestCase
```
"""

from collections.abc import Callable, Iterator
from datetime import timedelta

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, multiple, rule

from billing_core.domain.credits import Grant, KeyedCommand, Needs, change, decide
from billing_core.errors import Conflict, KeyReused
from billing_core.ports import Store
from billing_core.testing.driver import account_in, carry_out
from billing_core.testing.examples import (
    a_convert,
    a_forfeit,
    a_grant,
    a_refund,
    a_release,
    a_restore,
    a_revoke,
    a_spend,
    fresh,
)
from billing_core.testing.rules.batching import BatchingRules
from billing_core.testing.rules.draws import amounts, done, lifetimes, pauses, which
from billing_core.testing.rules.granting import GrantingRules
from billing_core.testing.rules.returning import ReturningRules
from billing_core.testing.rules.using import UsingRules
from billing_core.testing.watching import Pause

__all__ = ["LedgerMachine", "ledger_machine"]

_BEYOND = 1_000_000  # entries that no machine writes


def ledger_machine(make_store: Callable[[], Store]) -> type["LedgerMachine"]:
    """Return a machine that runs on stores from this factory, which may return the same one again and again."""

    class Machine(LedgerMachine):
        def open_store(self) -> Store:
            return make_store()

    return Machine


class LedgerMachine(GrantingRules, UsingRules, ReturningRules, BatchingRules):
    """Carries out commands on three accounts, while a clock goes on and sometimes back."""

    @initialize(target=done, priorities=st.permutations((10, 20, 30)), lifetime=lifetimes)
    def begin(self, priorities: list[int], lifetime: timedelta | None) -> KeyedCommand:
        """Start with several lots of a few credits, so that there is something to spend, and it takes more than one.

        Some are spent, so that there is something to refund, and something to owe when a lot is clawed back. The other
        accounts start with one lot each, so that there is always one to speak of.
        """
        first, *others = self.accounts
        commands = [a_grant(first, 4, priority=priority) for priority in priorities]
        commands[0] = attrs.evolve(commands[0], expires_at=self.now + lifetime if lifetime else None)
        more: list[KeyedCommand] = [a_spend(first, 5), *(a_grant(other, 2) for other in others)]
        return multiple(*map(self.ask, [*commands, *more]))  # type: ignore[return-value] # a rule may add several

    @rule(which=which, pause=pauses)
    def expire(self, which: int, pause: Pause) -> None:
        """Sweep: the books catch up with the time, and nothing else changes."""
        self.sweep(self.after(pause, which))

    @rule(command=done, pause=pauses)
    def repeat(self, command: KeyedCommand, pause: Pause) -> None:
        """Carry out the same command again, ask for another one under its key, and name what is not there."""
        watched = self.after(pause, self.accounts.index(command.account))

        with self.nothing_written(watched.id):
            assert carry_out(self.store, command, self.now) == ()
            self.refuse(attrs.evolve(command, reason="something else"), KeyReused)
            for mistaken in self.mistaken(command):
                refused = self.oracle.tell(mistaken).refused
                assert refused, "the oracle knows why"
                self.refuse(mistaken, refused)

    def mistaken(self, command: KeyedCommand) -> Iterator[KeyedCommand]:
        """Return commands that cannot be: the same grant under another key, and what names nothing or something else."""
        account, source = command.account, fresh("source")
        if isinstance(command, Grant):
            yield attrs.evolve(command, key=fresh("key"))
        yield from (a_convert(account, source), a_forfeit(account, source), a_revoke(account, source))
        for number in (1, _BEYOND):  # the first entry of all is a grant
            yield from (a_release(account, number), a_refund(account, number), a_restore(account, number))

    @rule(which=which, amount=amounts)
    def lose(self, which: int, amount: int) -> None:
        """Record without committing; then let somebody else write first, and record all the same."""
        account = self.accounts[which]
        command = a_grant(account, amount)
        seen = account_in(self.store, Needs.of(command))
        stale = change(seen, decide(seen, command, self.now))
        with self.store.begin() as unit:
            unit.ledger.record([stale])
        self.ask(a_spend(account, 0))

        with self.nothing_written(account), pytest.raises(Conflict), self.store.begin() as unit:
            unit.ledger.record([stale])
