"""Ledger rows: how accounts, lots, holds, entries and movements are laid out over columns, and read back."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar

import attrs
from sqlalchemy import Row

from billing_adapters.sqlalchemy.columns import FOREVER, from_micros, to_micros
from billing_core.domain.credits import (
    Account,
    AccountId,
    Book,
    Books,
    Change,
    Entry,
    Hold,
    Lot,
    LotKind,
    Movement,
    Operation,
    Slice,
)
from billing_core.domain.money import Money

__all__ = [
    "BOOKS",
    "ENTRY",
    "HOLD",
    "HOLDING",
    "LEFT",
    "LOOKED",
    "LOT",
    "MOVEMENT",
    "TERMS",
    "Loaded",
    "Movements",
    "Names",
    "Values",
    "books",
    "by_entry",
    "entries",
    "entry_of",
    "held",
    "movements",
    "names_of",
    "new",
    "opened",
    "placed",
    "touched",
]

T = TypeVar("T")
Columns: TypeAlias = dict[str, Any]
Values: TypeAlias = tuple[Any, ...]
Names: TypeAlias = tuple[str, str]
Movements: TypeAlias = Mapping[tuple[str, str, int], tuple[Movement, ...]]

# What the hot statements write and find, in the order in which the values are laid out below.
BOOKS = ("version", *(book.value for book in Book), "recorded_at", "next_due_at")
LOOKED = (*BOOKS, "top_up_below")
LEFT = ("remaining", "held", "expired", "scheduled", "revoked", "owed", "is_open")
HOLDING = ("captured", "released", "slices", "is_open")
TERMS = (
    "number",
    "kind",
    "priority",
    "amount",
    "effective_at",
    "expires_at",
    "source",
    "reference",
    "cost_minor",
    "cost_currency",
)
LOT = (*TERMS, *LEFT[:-1])
HOLD = ("number", "amount", "expires_at", "reference")
ENTRY = (
    "seq",
    "operation",
    "lines",
    "available_after",
    "held_after",
    "owed_after",
    "effective_at",
    "recorded_at",
    "key",
    "fingerprint",
    "reference",
    "reason",
    "actor",
    "of_entry",
)
MOVEMENT = ("seq", "line", "lot", "source", "target", "amount")

_AMOUNTS = attrgetter(*(book.value for book in Book))
_KINDS = {kind.value: kind for kind in LotKind}
_LEFT = LEFT[:-1]
_BOOKS_AT = 2  # behind the names
_LOT_AT = _BOOKS_AT + len(LOOKED) + 1  # behind whether a key is known
_TERMS = tuple(name for name in TERMS if name not in {"kind", "cost_minor", "cost_currency"})
_ENTRY = tuple(name for name in ENTRY if name not in {"operation", "lines", "of_entry"})

# Written ------------------------------------------------------------------------------------------------------------------


def new(account: AccountId) -> Columns:
    """Lay out an account to which nothing has happened."""
    return {"owner": account.owner, "unit": account.unit, "version": 0, **{book.value: 0 for book in Book}}


def books(change: Change) -> Iterator[Values]:
    """Lay out the `BOOKS` of an account after a change; with its names, and the version that it must have before."""
    account = change.account
    due_at = _micros(account.next_due_at)
    names = account.id.owner, account.id.unit
    yield account.version, *_AMOUNTS(account.books), _micros(account.recorded_at), due_at, *names, change.expected_version


def opened(change: Change) -> Iterator[Values]:
    """Lay out the lots that a change created: names, terms and what is left."""
    for lot in change.opened:
        cost = (lot.cost.amount_minor, lot.cost.currency.code) if lot.cost else (None, None)
        expires_at = FOREVER if lot.expires_at is None else to_micros(lot.expires_at)
        times = to_micros(lot.effective_at), expires_at
        terms = lot.number, lot.kind.value, lot.priority, lot.amount, *times, lot.source, lot.reference
        yield change.account.id.owner, change.account.id.unit, *terms, *cost, *_left(lot)


def touched(change: Change) -> Iterator[Values]:
    """Lay out what is `LEFT` of the older lots after a change; with names and number."""
    for lot in change.touched:
        yield *_left(lot), change.account.id.owner, change.account.id.unit, lot.number


def placed(change: Change) -> Iterator[Values]:
    """Lay out the holds that a change placed: names, terms and what they hold."""
    for hold in change.holds:
        if hold.number > change.expected_version:
            terms = hold.number, hold.amount, to_micros(hold.expires_at), hold.reference
            yield change.account.id.owner, change.account.id.unit, *terms, *_holding(hold)


def held(change: Change) -> Iterator[Values]:
    """Lay out what older holds are `HOLDING` after a change; with names and number."""
    for hold in change.holds:
        if hold.number <= change.expected_version:
            yield *_holding(hold), change.account.id.owner, change.account.id.unit, hold.number


def entries(change: Change) -> Iterator[Values]:
    """Lay out the entries of a change."""
    owner, unit = change.account.id.owner, change.account.id.unit
    for one in change.entries:
        after = one.available_after, one.held_after, one.owed_after
        times = to_micros(one.effective_at), to_micros(one.recorded_at)
        words = one.key, one.fingerprint, one.reference, one.reason, one.actor
        yield owner, unit, one.seq, one.operation.value, len(one.movements), *after, *times, *words, one.of


def movements(change: Change) -> Iterator[Values]:
    """Lay out the movements of a change's entries."""
    owner, unit = change.account.id.owner, change.account.id.unit
    for entry in change.entries:
        for line, one in enumerate(entry.movements):
            yield owner, unit, entry.seq, line, one.lot, one.source.value, one.target.value, one.amount


def _left(lot: Lot) -> Values:
    return lot.remaining, lot.held, lot.expired, lot.scheduled, lot.revoked, lot.owed, lot.open


def _holding(hold: Hold) -> Values:
    slices = json.dumps([[one.lot, one.amount] for one in hold.slices])
    return hold.captured, hold.released, slices, hold.open


def _micros(at: datetime | None) -> int | None:
    return None if at is None else to_micros(at)


# Read ---------------------------------------------------------------------------------------------------------------------


class Loaded:
    """An account while its rows are being read."""

    def __init__(self, account: AccountId) -> None:
        self.version = 0
        self.known = False
        self._id = account
        self._books = Books()
        self._recorded_at: datetime | None = None
        self._top_up_below: int | None = None
        self._lots: dict[int, Lot] = {}
        self._holds: dict[int, Hold] = {}
        self._recorded: dict[str, Entry] = {}
        self._related: dict[int, Entry] = {}

    @property
    def held(self) -> int:
        """How much is held by open holds: nothing, if there is none."""
        return self._books.held

    def add_look(self, row: Sequence[Any]) -> None:
        """Take what a look found: the books, whether one of the keys is known, and a lot or none."""
        if not self.version:
            self.version, *amounts, recorded_at, _, self._top_up_below, self.known = row[_BOOKS_AT:_LOT_AT]
            self._books = Books(*amounts)
            self._recorded_at = None if recorded_at is None else from_micros(recorded_at)
        number, kind, priority, amount, effective_at, expires_at, source, reference, minor, currency, *left = row[_LOT_AT:]
        if number is not None:
            self._lots[number] = Lot(
                number,
                _KINDS[kind],
                priority,
                amount,
                from_micros(effective_at),
                None if expires_at == FOREVER else from_micros(expires_at),
                source,
                reference,
                None if minor is None else Money(minor, currency),
                *left,
            )

    def add_lot(self, row: Row[Any]) -> None:
        """Take a lot."""
        self._lots[row.lot_number] = _lot(row, (*_TERMS, *_LEFT))

    def add_hold(self, row: Row[Any]) -> None:
        """Take a hold, if there is one in the row."""
        if row.hold_number is None:
            return
        slices = tuple(Slice(lot, amount) for lot, amount in row.hold_slices)
        self._holds[row.hold_number] = attrs.evolve(
            _born(row), slices=slices, captured=row.hold_captured, released=row.hold_released
        )

    def add_entry(self, entry: Entry) -> None:
        """Take the entry recorded under one of the keys."""
        if entry.key is not None:
            self._recorded[entry.key] = entry

    def add_related(self, entry: Entry) -> None:
        """Take an entry that was named by its number, or one that follows it up."""
        self._related[entry.seq] = entry

    def finished(self) -> Account:
        """Return the account, its lots, holds and related entries in the order of their numbers."""
        return Account(
            self._id,
            self.version,
            self._books,
            self._recorded_at,
            lots=_in_order(self._lots),
            holds=_in_order(self._holds),
            recorded=self._recorded,
            related=_in_order(self._related),
            top_up_below=self._top_up_below,
        )


def _in_order(found: Mapping[int, T]) -> tuple[T, ...]:
    return tuple(map(found.__getitem__, sorted(found)))


def names_of(row: Row[Any]) -> Names:
    """Return under which names an account is stored."""
    return row.owner, row.unit


def by_entry(rows: Iterable[Row[Any]]) -> Movements:
    """Read movements, in the order in which they come, by the entry that they belong to."""
    found: dict[tuple[str, str, int], tuple[Movement, ...]] = {}
    for row in rows:
        one = Movement(row.lot, Book(row.source), Book(row.target), row.amount)
        entry = (row.owner, row.unit, row.seq)
        found[entry] = (*found.get(entry, ()), one)
    return found


def entry_of(row: Row[Any], moved: Movements) -> Entry:
    """Read an entry; the lot that it opened and the hold that it placed are those with its number, as they were born."""
    same = {name: getattr(row, name) for name in _ENTRY}
    return Entry(
        **same,
        operation=Operation(row.operation),
        movements=moved.get((row.owner, row.unit, row.seq), ()),
        opened=None if row.lot_number is None else _lot(row, _TERMS),
        placed=None if row.hold_number is None else _born(row),
        of=row.of_entry,
    )


def _born(row: Row[Any]) -> Hold:
    return Hold(**{name: getattr(row, f"hold_{name}") for name in HOLD})


def _lot(row: Row[Any], names: tuple[str, ...]) -> Lot:
    same = {name: getattr(row, f"lot_{name}") for name in names}
    cost = None if row.lot_cost_minor is None else Money(row.lot_cost_minor, row.lot_cost_currency)
    return Lot(**same, kind=LotKind(row.lot_kind), cost=cost)
