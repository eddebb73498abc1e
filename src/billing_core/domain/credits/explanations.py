"""Explanations: for every movement of an entry, the terms of the lot it was on and a sentence that says why."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from attrs import frozen

from billing_core.domain.credits.values import Book, Entry, Lot, LotKind, Movement, Operation

__all__ = ["Explained", "Explanation", "explain"]

# Why credits went from one book to another; burning is the one reason that lies in the other lots.
_WHY: Mapping[tuple[Book, Book], str] = MappingProxyType({
    (Book.ISSUED, Book.AVAILABLE): "opened by this entry",
    (Book.ISSUED, Book.SCHEDULED): "opened by this entry, to begin at {begins:%Y-%m-%d %H:%M} UTC",
    (Book.SCHEDULED, Book.AVAILABLE): "began as it was scheduled",
    (Book.SCHEDULED, Book.ISSUED): "not begun when it was converted",
    (Book.SCHEDULED, Book.EXPIRED): "not begun when it was forfeited",
    (Book.SCHEDULED, Book.REVOKED): "not begun when it was clawed back",
    (Book.AVAILABLE, Book.OWED): "repays what is owed since credits were clawed back that had been spent",
    (Book.AVAILABLE, Book.REVOKED): "unused when it was clawed back",
    (Book.EXPIRED, Book.REVOKED): "expired when it was clawed back",
    (Book.OWED, Book.REVOKED): "used when it was clawed back, and therefore owed",
    (Book.REVOKED, Book.SCHEDULED): "clawed back by entry {of}, which is undone before it was to begin",
    (Book.REVOKED, Book.AVAILABLE): "clawed back by entry {of}, which is undone",
    (Book.REVOKED, Book.EXPIRED): "clawed back by entry {of}, which is undone, but expired meanwhile",
    (Book.REVOKED, Book.OWED): "owed by entry {of}, which is undone",
    (Book.OWED, Book.AVAILABLE): "had repaid what was owed by entry {of}, which is undone",
    (Book.OWED, Book.EXPIRED): "had repaid what was owed by entry {of}, which is undone, but expired meanwhile",
    (Book.AVAILABLE, Book.EXPIRED): "unused when it expired",
    (Book.AVAILABLE, Book.ISSUED): "unused when it was converted",
    (Book.EXPIRED, Book.ISSUED): "expired after the moment of the conversion, which brings it back",
    (Book.HELD, Book.CONSUMED): "set aside by hold {of}, whose first to burn is the first captured",
    (Book.HELD, Book.AVAILABLE): "set aside by hold {of} and not needed",
    (Book.HELD, Book.EXPIRED): "set aside by hold {of} and not needed, but expired meanwhile",
    (Book.HELD, Book.OWED): "set aside by hold {of} and not needed, of a lot that was clawed back: repays what is owed",
    (Book.CONSUMED, Book.AVAILABLE): "consumed by entry {of}, whose last to burn is the first refunded",
    (Book.CONSUMED, Book.EXPIRED): "consumed by entry {of} and refunded, but expired meanwhile",
    (Book.CONSUMED, Book.ISSUED): "consumed by entry {of} and refunded: it expired meanwhile, and is opened anew",
    (Book.CONSUMED, Book.OWED): "consumed by entry {of} and refunded, of a lot that was clawed back: repays what is owed",
})
# What is taken from what can be spent is taken in the order of burning.
_BURNING = frozenset({Operation.SPEND, Operation.HOLD, Operation.SEND, Operation.ADJUST})


@frozen
class Explained:
    """One movement, the terms of the lot it was on, and why it went that way, in that place."""

    movement: Movement
    source: str
    kind: LotKind
    priority: int
    expires_at: datetime | None
    why: str


@frozen
class Explanation:
    """One entry, and the reason of each of its movements, in their order."""

    entry: Entry
    movements: Sequence[Explained]


def explain(entry: Entry, lots: Iterable[Lot]) -> Explanation:
    """Return the reasons of an entry. `lots` are those it moved something on; of them only the terms are read."""
    terms = {lot.number: lot for lot in lots}
    moved = [terms[one.lot] for one in entry.movements]
    explained = [
        _explained(entry, movement, lot, earlier)
        for movement, lot, earlier in zip(entry.movements, moved, (None, *moved), strict=False)
    ]
    return Explanation(entry, tuple(explained))


def _explained(entry: Entry, movement: Movement, lot: Lot, earlier: Lot | None) -> Explained:
    burns = entry.operation in _BURNING and movement.source is Book.AVAILABLE and movement.target is not Book.OWED
    if burns:
        why = _burning(lot, earlier)
    else:
        why = _WHY[movement.source, movement.target].format(of=entry.of, begins=lot.effective_at)
    return Explained(movement, lot.source, lot.kind, lot.priority, lot.expires_at, why)


def _burning(lot: Lot, earlier: Lot | None) -> str:
    """Say which rule of the burn order put a lot behind the one before it."""
    ends = f"expires at {lot.expires_at:%Y-%m-%d %H:%M} UTC" if lot.expires_at else "never expires"
    if earlier is None:
        return f"the first to burn: priority {lot.priority}, {ends}"
    if lot.priority != earlier.priority:
        return f"burns after lot {earlier.number}: priority {lot.priority} comes after {earlier.priority}"
    if lot.expires_at != earlier.expires_at:
        return f"burns after lot {earlier.number}: of the same priority, but it {ends}"
    return f"burns after lot {earlier.number}: of the same priority and expiry, but granted later"
