"""The tally: what lies in which book of which lot, counted along a journal, movement by movement."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias, TypeVar

import attrs
from attrs import define, field

from billing_core.domain.credits import Book, Entry, Hold, Lot, Movement, Operation, Slice

__all__ = ["Parts", "Tally", "emptied", "first", "merged", "rest", "slices"]

K = TypeVar("K")
Parts: TypeAlias = list[tuple[K, int]]


@define
class Tally:
    """What the entries so far have left.

    `used` is what can be refunded of each entry that consumed, what burned last first; `revocations` are those that can be
    undone.
    """

    books: Counter[Book] = field(factory=Counter)
    lots: dict[int, Lot] = field(factory=dict)
    on: dict[int, Counter[Book]] = field(factory=dict)
    holds: dict[int, Hold] = field(factory=dict)
    used: dict[int, Parts[int]] = field(factory=dict)
    revocations: dict[int, Entry] = field(factory=dict)

    @property
    def owed(self) -> int:
        """What is owed, as a number above zero."""
        return -self.books[Book.OWED]

    def count(self, entry: Entry) -> None:
        """Count what one entry moved."""
        if entry.opened:
            self.lots[entry.opened.number] = entry.opened
            self.on[entry.opened.number] = Counter()
        for one in entry.movements:
            for book, amount in ((one.source, -one.amount), (one.target, one.amount)):
                self.books[book] += amount
                self.on[one.lot][book] += amount
        if entry.placed:
            self.holds[entry.seq] = attrs.evolve(entry.placed, slices=tuple(slices(entry.movements)))
        if entry.of in self.holds:
            self.holds[entry.of] = emptied(self.holds[entry.of], entry.movements)
        self._remember(entry)

    def lot(self, number: int) -> Lot:
        """Return a lot as it was born, with the figures that the movements left of it."""
        on = self.on[number]
        return attrs.evolve(
            self.lots[number],
            scheduled=on[Book.SCHEDULED],
            remaining=on[Book.AVAILABLE],
            held=on[Book.HELD],
            expired=on[Book.EXPIRED],
            revoked=on[Book.REVOKED],
            owed=on[Book.OWED],
        )

    def family(self, number: int) -> list[int]:
        """Return a lot and those that it was converted to, rolled over to, or one after the other, by their numbers."""
        source = self.lots[number].source
        heirs = (f"convert:{source}", f"rollover:{source}", f"convert:rollover:{source}")
        return [number, *(one.number for heir in heirs for one in self.lots.values() if one.source == heir)]

    def _remember(self, entry: Entry) -> None:
        if entry.operation in {Operation.SPEND, Operation.CAPTURE}:
            used = [(one.lot, one.amount) for one in entry.movements if one.target is Book.CONSUMED]
            self.used[entry.seq] = used[::-1]
        if entry.operation is Operation.REFUND and entry.of:
            self.used[entry.of] = rest(self.used[entry.of], entry.amount)
        if entry.operation is Operation.REVOKE:
            self.revocations[entry.seq] = entry
        if entry.operation is Operation.RESTORE and entry.of:
            del self.revocations[entry.of]


def emptied(hold: Hold, movements: Sequence[Movement]) -> Hold:
    """Return a hold without what these movements took of it."""
    gone = Counter[int]()
    captured = 0
    for one in movements:
        gone[one.lot] += one.amount
        captured += one.amount if one.target is Book.CONSUMED else 0
    left = [Slice(one.lot, one.amount - gone[one.lot]) for one in hold.slices]
    assert gone.keys() <= {one.lot for one in hold.slices}, "a hold gives what it holds"
    assert all(one.amount >= 0 for one in left), "a hold gives no more than it holds"
    return attrs.evolve(
        hold,
        slices=tuple(one for one in left if one.amount),
        captured=hold.captured + captured,
        released=hold.released + gone.total() - captured,
    )


def slices(movements: Iterable[Movement]) -> list[Slice]:
    """Return what these movements moved of which lot."""
    return [Slice(one.lot, one.amount) for one in movements]


def merged(movements: Iterable[Movement]) -> Parts[int]:
    """Return the same, with what goes several ways from one lot in one."""
    parts = Counter[int]()
    for one in movements:
        parts[one.lot] += one.amount
    return [*parts.items()]


def first(parts: Iterable[tuple[K, int]], amount: int) -> Parts[K]:
    """Return the parts that make up the first so many credits."""
    taken: Parts[K] = []
    for name, there in parts:
        part = min(there, amount)
        amount -= part
        taken += [(name, part)] if part else []
    return taken


def rest(parts: Iterable[tuple[K, int]], amount: int) -> Parts[K]:
    """Return the parts without the first so many credits."""
    left: Parts[K] = []
    for name, there in parts:
        part = min(there, amount)
        amount -= part
        left += [(name, there - part)] if there > part else []
    return left
