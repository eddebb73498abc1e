"""The model: what a ledger should hold, counted anew from a plain list of what happened.

It shares no code with the ledger. It is slow and knows nothing of entries, books, versions or sweeping: credits that lie
until their time comes are gone from that moment on, and those that are held until theirs comes are back, whether or not
anybody wrote it down.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeAlias

from attrs import define, field, frozen

__all__ = ["Captured", "Converted", "Granted", "Held", "Jug", "Model", "Pot", "Released", "Spent"]

_FOREVER = datetime.max.replace(tzinfo=UTC)
_PRIORITIES = MappingProxyType({"promotional": 10, "subscription": 20, "adjustment": 30, "payg": 30})


@frozen
class Granted:
    """At a moment this was granted; `since` is when it took effect."""

    at: datetime
    source: str
    kind: str
    amount: int
    since: datetime
    until: datetime | None = None
    priority: int | None = None


@frozen
class Spent:
    """At a moment this was spent."""

    at: datetime
    amount: int


@frozen
class Converted:
    """At a moment, what a grant had left at an earlier one was turned into another kind."""

    at: datetime
    source: str
    kind: str
    since: datetime


@frozen
class Held:
    """At a moment this was set aside, under a name."""

    at: datetime
    name: str
    amount: int
    until: datetime


@frozen
class Captured:
    """At a moment, so much of what was set aside was used, and the rest given back if that was all."""

    at: datetime
    name: str
    amount: int
    final: bool


@frozen
class Released:
    """At a moment, what was set aside was given back."""

    at: datetime
    name: str


Fact: TypeAlias = Granted | Spent | Converted | Held | Captured | Released


@define
class Pot:
    """What became of one grant."""

    source: str
    kind: str
    rank: tuple[int, datetime, datetime, int]
    since: datetime
    until: datetime
    amount: int
    left: int
    aside: int = 0
    spent: int = 0
    expired: int = 0


@define
class Jug:
    """What became of credits that were set aside: `parts` are what it has of which pot, the first to drink first."""

    name: str
    amount: int
    until: datetime
    parts: list[tuple[Pot, int]]
    drunk: int = 0
    returned: int = 0

    @property
    def left(self) -> int:
        """How much is in it."""
        return sum(amount for _, amount in self.parts)


@define
class Model:
    """One account."""

    facts: list[Fact] = field(factory=list)

    def pots(self, at: datetime) -> Sequence[Pot]:
        """Count again from the beginning what became of every grant until a moment."""
        return self._kitchen(at).pots

    def jugs(self, at: datetime) -> Mapping[str, Jug]:
        """Count again from the beginning what became of everything that was set aside until a moment."""
        return self._kitchen(at).jugs

    def _kitchen(self, at: datetime) -> "_Kitchen":
        kitchen = _Kitchen()
        for fact in self.facts:
            kitchen.wait(fact.at)
            kitchen.see(fact)
        kitchen.wait(at)
        return kitchen

    def available(self, at: datetime) -> int:
        """Return how much can be spent at a moment."""
        return sum(pot.left for pot in self.pots(at))

    def available_by_kind(self, at: datetime) -> dict[str, int]:
        """Return the same, divided by kind."""
        return {kind: sum(pot.left for pot in self.pots(at) if pot.kind == kind) for kind in _PRIORITIES}

    def held(self, at: datetime) -> int:
        """Return how much is set aside at a moment."""
        return sum(jug.left for jug in self.jugs(at).values())

    def next_due(self, at: datetime) -> datetime | None:
        """Return when something will be lost or come back next."""
        expiry, _ = self.next_expiry(at)
        times = [jug.until for jug in self.jugs(at).values() if jug.left]
        return min([*times, *([expiry] if expiry else [])], default=None)

    def next_expiry(self, at: datetime) -> tuple[datetime | None, int]:
        """Return when something will be lost next, and how much."""
        running = [pot for pot in self.pots(at) if pot.left and pot.until < _FOREVER]
        first = min((pot.until for pot in running), default=None)
        return first, sum(pot.left for pot in running if pot.until == first)

    def granted(self, source: str) -> bool:
        """Tell whether this source ever granted."""
        return any(isinstance(fact, Granted) and fact.source == source for fact in self.facts)


@define
class _Kitchen:
    """Where the pots and jugs stand while the facts are told."""

    pots: list[Pot] = field(factory=list)
    jugs: dict[str, Jug] = field(factory=dict)

    def see(self, fact: Fact) -> None:
        """Let one thing happen."""
        match fact:
            case Granted():
                self._pour(fact, fact.amount)
            case Spent():
                for pot, sip in self._draw(fact.amount):
                    pot.spent += sip
            case Converted():
                self._decant(fact)
            case Held():
                parts = [*self._draw(fact.amount)]
                for pot, sip in parts:
                    pot.aside += sip
                self.jugs[fact.name] = Jug(fact.name, fact.amount, fact.until, parts)
            case Captured():
                self._serve(self.jugs[fact.name], fact.amount)
                if fact.final:
                    _give_back(self.jugs[fact.name], fact.at)
            case Released():
                _give_back(self.jugs[fact.name], fact.at)

    def wait(self, until: datetime) -> None:
        """Let time pass, from one moment at which something falls due to the next."""
        moments = {pot.until for pot in self.pots} | {jug.until for jug in self.jugs.values()}
        for at in sorted(moments):
            if at > until:
                break
            for jug in self.jugs.values():
                if jug.until == at:
                    _give_back(jug, at)
            for pot in self.pots:
                if pot.until <= at:
                    pot.expired += pot.left
                    pot.left = 0

    def _pour(self, fact: Granted, amount: int) -> None:
        priority = _PRIORITIES[fact.kind] if fact.priority is None else fact.priority
        until = fact.until or _FOREVER
        rank = (priority, until, fact.since, len(self.pots))
        self.pots.append(Pot(fact.source, fact.kind, rank, fact.since, until, amount, left=amount))

    def _draw(self, amount: int) -> Iterator[tuple[Pot, int]]:
        """Take so much out of the pots, the best first."""
        for pot in sorted(self.pots, key=lambda one: one.rank):
            sip = min(pot.left, amount)
            pot.left -= sip
            amount -= sip
            if sip:
                yield pot, sip

    def _serve(self, jug: Jug, amount: int) -> None:
        """Drink so much out of a jug."""
        drops = [pot for pot, content in jug.parts for _ in range(content)]
        for pot in drops[:amount]:
            pot.aside -= 1
            pot.spent += 1
        jug.drunk += amount
        rest = drops[amount:]
        jug.parts = [(pot, rest.count(pot)) for pot, _ in jug.parts if pot in rest]

    def _decant(self, fact: Converted) -> None:
        (old,) = (pot for pot in self.pots if pot.source == fact.source)
        amount = old.left
        old.left = 0
        if fact.since < old.until:  # what has expired since then had been converted by then
            amount += old.expired
            old.expired = 0
        if amount:
            self._pour(Granted(fact.at, f"convert:{fact.source}", fact.kind, amount, fact.since), amount)


def _give_back(jug: Jug, at: datetime) -> None:
    """Return what is in a jug to its pots, where it is lost if they have expired."""
    for pot, amount in jug.parts:
        pot.aside -= amount
        jug.returned += amount
        if pot.until <= at:
            pot.expired += amount
        else:
            pot.left += amount
    jug.parts = []
