"""Using: credits are spent, or set aside and used later, or not."""

from datetime import timedelta

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from billing_core.domain.credits import KeyedCommand
from billing_core.testing.examples import a_capture, a_hold, a_release, a_spend
from billing_core.testing.kitchen import Jug
from billing_core.testing.oracle import Watched
from billing_core.testing.rules.draws import HOUR, Share, done, nth_of, nths, of, parts, pauses, shares, which
from billing_core.testing.watching import LedgerWatch, Pause

__all__ = ["UsingRules"]

_spans = st.integers(0, 80).map(lambda hours: hours * HOUR)


class UsingRules(LedgerWatch):
    """What is done with the credits that there are."""

    @rule(target=done, which=which, pause=pauses, share=shares)
    def spend(self, which: int, pause: Pause, share: Share) -> KeyedCommand:
        """Spend what may or may not be there; who is refused asks for what there is, under the same key."""
        watched = self.after(pause, which)
        available = self.available(watched)
        command = a_spend(watched.id, of(available, share))
        return self.ask(command, attrs.evolve(command, amount=available))

    @rule(target=done, which=which, pause=pauses, share=shares, span=_spans, relative=st.booleans())
    def place_hold(self, *, which: int, pause: Pause, share: Share, span: timedelta, relative: bool) -> KeyedCommand:
        """Set aside what may or may not be there, until a moment or for a time; who is refused takes what there is."""
        watched = self.after(pause, which)
        available = self.available(watched)
        ending = {"expires_in": span} if relative and span else {"expires_at": self.present(watched) + span}
        command = a_hold(watched.id, max(of(available, share), 1), **ending)
        return self.ask(command, *([attrs.evolve(command, amount=available)] if available else []))

    @precondition(lambda self: self.anybody_holds)
    @rule(target=done, which=which, pause=pauses, nth=nths, part=parts, final=st.booleans())
    def capture(self, *, which: int, pause: Pause, nth: int, part: Share | None, final: bool) -> KeyedCommand:
        """Use what is held, some or all or more of it, if it is still held; who is refused takes what is left."""
        watched, jug = self.a_jug(pause, which, nth)
        amount = None if part is None else of(jug.left, part)
        command = a_capture(watched.id, watched.numbers[jug.name], amount, final=final)
        return self.ask(command, attrs.evolve(command, amount=jug.left))

    @precondition(lambda self: self.anybody_holds)
    @rule(target=done, which=which, pause=pauses, nth=nths)
    def release(self, which: int, pause: Pause, nth: int) -> KeyedCommand:
        """Give back what is still held."""
        watched, jug = self.a_jug(pause, which, nth)
        return self.ask(a_release(watched.id, watched.numbers[jug.name]))

    def a_jug(self, pause: Pause, which: int, nth: int) -> tuple[Watched, Jug]:
        """Let time pass, and return an account and what it set aside once, what is still there before what is not."""
        self.after(pause, which)
        jugs = [(watched, jug) for watched in self.watched.values() for jug in self.kitchen(watched).jugs.values()]
        return nth_of(jugs, nth, lambda one: not one[1].left)
