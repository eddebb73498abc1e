"""Granting: lots come to be, change hands, become others and end before their time."""

from datetime import timedelta

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import rule

from billing_core.domain.credits import KeyedCommand, LotKind
from billing_core.testing.examples import a_convert, a_forfeit, a_grant, a_transfer, an_adjustment
from billing_core.testing.rules.draws import Share, ages, amounts, done, kinds, lifetimes, nths, of, pauses, shares, which
from billing_core.testing.watching import LedgerWatch, Pause

__all__ = ["GrantingRules"]


class GrantingRules(LedgerWatch):
    """What opens lots, and what closes them."""

    @rule(
        target=done,
        which=which,
        pause=pauses,
        amount=amounts,
        kind=kinds,
        priority=st.none() | st.integers(5, 35),
        age=ages,
        delay=lifetimes,
        lifetime=lifetimes,
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
        delay: timedelta | None,
        lifetime: timedelta | None,
    ) -> KeyedCommand:
        """Grant, now or late, something that begins at once or not, that lasts or not, or has expired by now."""
        watched = self.after(pause, which)
        told = None if age is None else self.now - age
        since = told or self.present(watched)
        starts = since + delay if delay else None
        until = (starts or since) + lifetime if lifetime else None
        terms = {"kind": kind, "priority": priority, "effective_at": told, "starts_at": starts, "expires_at": until}
        return self.ask(a_grant(watched.id, amount, **terms))

    @rule(target=done, which=which, pause=pauses, share=shares, up=st.booleans(), lifetime=lifetimes)
    def adjust(self, *, which: int, pause: Pause, share: Share, up: bool, lifetime: timedelta | None) -> KeyedCommand:
        """Give by hand what was missing, or take what may or may not be there; who is refused takes what there is."""
        watched = self.after(pause, which)
        available = self.available(watched)
        amount = max(of(available, share), 1)
        if up:
            until = self.present(watched) + lifetime if lifetime else None
            return self.ask(an_adjustment(watched.id, amount, expires_at=until))
        command = an_adjustment(watched.id, -amount)
        return self.ask(command, *([attrs.evolve(command, amount=-available)] if available else []))

    @rule(target=done, sender=st.integers(0, 1), pause=pauses, share=shares)
    def transfer(self, sender: int, pause: Pause, share: Share) -> KeyedCommand:
        """Send what may or may not be there to the other account of the unit; who is refused sends what there is."""
        watched = self.after(pause, sender)
        available = self.available(watched)
        command = a_transfer(watched.id, self.accounts[1 - sender], max(of(available, share), 1))
        return self.ask(command, *([attrs.evolve(command, amount=available)] if available else []))

    @rule(
        target=done,
        which=which,
        pause=pauses,
        nth=nths,
        age=ages,
        kind=kinds,
        most=st.none() | st.integers(0, 5),
        lifetime=lifetimes,
        into=st.sampled_from(("convert", "rollover", "rollover", "raffle")),
    )
    def convert(
        self,
        *,
        which: int,
        pause: Pause,
        nth: int,
        age: timedelta | None,
        kind: LotKind,
        most: int | None,
        lifetime: timedelta | None,
        into: str,
    ) -> KeyedCommand:
        """Convert what a lot has left, or had some time ago, or a part of it, if it was there then; but once into each."""
        watched, source = self.a_lot(pause, which, nth)
        told = None if age is None else self.now - age
        until = (told or self.present(watched)) + lifetime if lifetime else None
        terms = {"kind": kind, "effective_at": told, "most": most, "expires_at": until, "into": into}
        return self.ask(a_convert(watched.id, source, **terms))

    @rule(target=done, which=which, pause=pauses, nth=nths, age=ages)
    def forfeit(self, which: int, pause: Pause, nth: int, age: timedelta | None) -> KeyedCommand:
        """Let a lot end before its time."""
        watched, source = self.a_lot(pause, which, nth)
        return self.ask(a_forfeit(watched.id, source, effective_at=None if age is None else self.now - age))
