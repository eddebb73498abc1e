"""The model: what a ledger should hold, counted anew from a plain list of what happened.

It shares no code with the ledger. It is slow and knows nothing of entries, books, versions or sweeping: credits that lie
until their time comes are gone from that moment on, those that wait for theirs are there, and those that are held until
theirs comes are back, whether or not anybody wrote it down.
"""

from datetime import datetime

from attrs import define, field

from billing_core.testing.facts import Fact
from billing_core.testing.kitchen import FOREVER, PRIORITIES, Kitchen

__all__ = ["Model"]


@define
class Model:
    """One account."""

    facts: list[Fact] = field(factory=list)

    def kitchen(self, at: datetime) -> Kitchen:
        """Count again from the beginning what became of everything until a moment."""
        kitchen = Kitchen()
        for fact in self.facts:
            kitchen.wait(fact.at)
            kitchen.see(fact)
        kitchen.wait(at)
        return kitchen

    def available(self, at: datetime) -> int:
        """Return how much can be spent at a moment."""
        return sum(pot.left for pot in self.kitchen(at).pots)

    def available_by_kind(self, at: datetime) -> dict[str, int]:
        """Return the same, divided by kind."""
        pots = self.kitchen(at).pots
        return {kind: sum(pot.left for pot in pots if pot.kind == kind) for kind in PRIORITIES}

    def scheduled(self, at: datetime) -> int:
        """Return how much is to come later."""
        return sum(pot.waiting for pot in self.kitchen(at).pots)

    def held(self, at: datetime) -> int:
        """Return how much is set aside at a moment."""
        return sum(jug.left for jug in self.kitchen(at).jugs.values())

    def owed(self, at: datetime) -> int:
        """Return how much is owed at a moment."""
        return self.kitchen(at).debt

    def next_due(self, at: datetime) -> datetime | None:
        """Return when something will come, come back or be lost next."""
        kitchen, (expiry, _) = self.kitchen(at), self.next_expiry(at)
        times = [jug.until for jug in kitchen.jugs.values() if jug.left]
        times += [pot.since for pot in kitchen.pots if pot.waiting]
        return min([*times, *([expiry] if expiry else [])], default=None)

    def next_expiry(self, at: datetime) -> tuple[datetime | None, int]:
        """Return when something will be lost next, and how much."""
        running = [pot for pot in self.kitchen(at).pots if pot.left and pot.until < FOREVER]
        first = min((pot.until for pot in running), default=None)
        return first, sum(pot.left for pot in running if pot.until == first)
