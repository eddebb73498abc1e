"""Returning: credits go back the way they came, and that again is undone."""

from datetime import timedelta

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from billing_core.domain.credits import KeyedCommand, Operation, Shortfall
from billing_core.testing.examples import a_refund, a_restore, a_revoke
from billing_core.testing.rules.draws import Share, ages, done, lifetimes, nth_of, nths, of, parts, pauses, which
from billing_core.testing.watching import LedgerWatch, Pause

__all__ = ["ReturningRules"]

_shortfalls = st.just(Shortfall.OWE) | st.sampled_from(Shortfall)
_USING = (Operation.SPEND, Operation.CAPTURE)


class ReturningRules(LedgerWatch):
    """What is done when work failed, when money returned, and when it did not after all."""

    @precondition(lambda self: self.anybody_did(*_USING))
    @rule(target=done, which=which, pause=pauses, nth=nths, part=parts, grace=lifetimes)
    def refund(self, *, which: int, pause: Pause, nth: int, part: Share | None, grace: timedelta | None) -> KeyedCommand:
        """Give back what was used, some or all or more of it; who is refused asks for what is left."""
        self.after(pause, which)
        bills = [(watched, bill) for watched in self.watched.values() for bill in self.kitchen(watched).bills.values()]
        watched, bill = nth_of(bills, nth, lambda one: not one[1].left)
        amount = None if part is None else max(of(bill.left, part), 1)
        command = a_refund(watched.id, watched.numbers[bill.name], amount, grace=grace)
        return self.ask(command, attrs.evolve(command, amount=None))

    @rule(
        target=done,
        which=which,
        pause=pauses,
        nth=nths,
        part=parts,
        shortfall=_shortfalls,
        age=ages,
    )
    def revoke(
        self, *, which: int, pause: Pause, nth: int, part: Share | None, shortfall: Shortfall, age: timedelta | None
    ) -> KeyedCommand:
        """Claw a lot back, some or all or more of it, used or not; who is refused asks for what is left of it."""
        watched, source = self.a_lot(pause, which, nth)
        pot = self.kitchen(watched).pot(source)
        amount = None if part is None else max(of(pot.amount, part), 1)
        told = None if age is None else self.now - age
        command = a_revoke(watched.id, source, amount, shortfall=shortfall, effective_at=told)
        return self.ask(command, attrs.evolve(command, amount=None))

    @precondition(lambda self: self.anybody_did(Operation.REVOKE))
    @rule(target=done, which=which, pause=pauses, nth=nths)
    def restore(self, which: int, pause: Pause, nth: int) -> KeyedCommand:
        """Undo a clawback, but only once."""
        self.after(pause, which)
        each = [(watched, one) for watched in self.watched.values() for one in self.kitchen(watched).clawbacks.values()]
        watched, clawback = nth_of(each, nth, lambda one: one[1].undone)
        return self.ask(a_restore(watched.id, watched.numbers[clawback.name]))
