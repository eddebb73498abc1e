"""The model: what a ledger should hold, counted anew from a plain list of what happened.

It shares no code with the ledger. It is slow and knows nothing of entries, books, versions or sweeping: credits that lie
until their time comes are gone from that moment on, whether or not anybody wrote it down.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeAlias

from attrs import define, field, frozen

__all__ = ["Converted", "Granted", "Model", "Pot", "Spent"]

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


Fact: TypeAlias = Granted | Spent | Converted


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
    spent: int = 0
    expired: int = 0


@define
class Model:
    """One account."""

    facts: list[Fact] = field(factory=list)

    def pots(self, at: datetime) -> Sequence[Pot]:
        """Count again from the beginning what became of every grant until a moment."""
        pots: list[Pot] = []
        for fact in self.facts:
            _lapse(pots, fact.at)
            match fact:
                case Granted():
                    _pour(pots, fact, fact.amount)
                case Spent():
                    _drink(pots, fact.amount)
                case Converted():
                    _decant(pots, fact)
        _lapse(pots, at)
        return pots

    def available(self, at: datetime) -> int:
        """Return how much can be spent at a moment."""
        return sum(pot.left for pot in self.pots(at))

    def available_by_kind(self, at: datetime) -> dict[str, int]:
        """Return the same, divided by kind."""
        return {kind: sum(pot.left for pot in self.pots(at) if pot.kind == kind) for kind in _PRIORITIES}

    def next_expiry(self, at: datetime) -> tuple[datetime | None, int]:
        """Return when something will be lost next, and how much."""
        running = [pot for pot in self.pots(at) if pot.left and pot.until < _FOREVER]
        first = min((pot.until for pot in running), default=None)
        return first, sum(pot.left for pot in running if pot.until == first)

    def granted(self, source: str) -> bool:
        """Tell whether this source ever granted."""
        return any(isinstance(fact, Granted) and fact.source == source for fact in self.facts)


def _pour(pots: list[Pot], fact: Granted, amount: int) -> None:
    priority = _PRIORITIES[fact.kind] if fact.priority is None else fact.priority
    until = fact.until or _FOREVER
    rank = (priority, until, fact.since, len(pots))
    pots.append(Pot(fact.source, fact.kind, rank, fact.since, until, amount, left=amount))


def _drink(pots: list[Pot], amount: int) -> None:
    for pot in sorted(pots, key=lambda one: one.rank):
        sip = min(pot.left, amount)
        pot.left -= sip
        pot.spent += sip
        amount -= sip


def _decant(pots: list[Pot], fact: Converted) -> None:
    (old,) = (pot for pot in pots if pot.source == fact.source)
    amount = old.left
    old.left = 0
    if fact.since < old.until:  # what has expired since then had been converted by then
        amount += old.expired
        old.expired = 0
    if amount:
        _pour(pots, Granted(fact.at, f"convert:{fact.source}", fact.kind, amount, fact.since), amount)


def _lapse(pots: list[Pot], at: datetime) -> None:
    for pot in pots:
        if pot.until <= at:
            pot.expired += pot.left
            pot.left = 0
