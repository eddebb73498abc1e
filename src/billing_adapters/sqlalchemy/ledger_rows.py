"""Ledger rows: how accounts, lots, holds, entries and movements are laid out over columns, and read back."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

import attrs
from sqlalchemy import Row

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
    "Loaded",
    "Movements",
    "Names",
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
Names: TypeAlias = tuple[str, str]
Movements: TypeAlias = Mapping[tuple[str, str, int], tuple[Movement, ...]]

_BOOKS = tuple(book.value for book in Book)
_EMPTY = dict.fromkeys(_BOOKS, 0)
_TERMS = ("number", "priority", "amount", "effective_at", "expires_at", "source", "reference")
_LEFT = ("remaining", "held", "expired", "scheduled", "revoked", "owed")
_HOLD = ("number", "amount", "expires_at", "reference")
_ENTRY = (
    "seq",
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
)

# Written ------------------------------------------------------------------------------------------------------------------


def new(account: AccountId) -> Columns:
    """Lay out an account to which nothing has happened."""
    return {"owner": account.owner, "unit": account.unit, "version": 0} | _EMPTY


def books(change: Change) -> Columns:
    """Lay out an account as it stands after a change, with the version that it must have before."""
    account = change.account
    amounts = {book: getattr(account.books, book) for book in _BOOKS}
    return (
        _guarded(account)
        | amounts
        | {
            "at_version": change.expected_version,
            "version": account.version,
            "recorded_at": account.recorded_at,
            "next_due_at": account.next_due_at,
        }
    )


def opened(change: Change) -> Iterator[Columns]:
    """Lay out the lots that a change created."""
    for lot in change.opened:
        terms = {name: getattr(lot, name) for name in _TERMS}
        cost = {"cost_minor": lot.cost and lot.cost.amount_minor, "cost_currency": lot.cost and lot.cost.currency.code}
        yield _of(change.account) | terms | cost | {"kind": lot.kind.value} | _left(lot)


def touched(change: Change) -> Iterator[Columns]:
    """Lay out what is left of the older lots after a change."""
    for lot in change.touched:
        yield _guarded(change.account) | {"at_number": lot.number} | _left(lot)


def placed(change: Change) -> Iterator[Columns]:
    """Lay out the holds that a change placed."""
    for hold in change.holds:
        if hold.number > change.expected_version:
            yield _of(change.account) | {name: getattr(hold, name) for name in _HOLD} | _holding(hold)


def held(change: Change) -> Iterator[Columns]:
    """Lay out what older holds still hold after a change."""
    for hold in change.holds:
        if hold.number <= change.expected_version:
            yield _guarded(change.account) | {"at_number": hold.number} | _holding(hold)


def entries(change: Change) -> Iterator[Columns]:
    """Lay out the entries of a change."""
    for entry in change.entries:
        same = {name: getattr(entry, name) for name in _ENTRY}
        told = {"operation": entry.operation.value, "lines": len(entry.movements), "of_entry": entry.of}
        yield _of(change.account) | same | told


def movements(change: Change) -> Iterator[Columns]:
    """Lay out the movements of a change's entries."""
    for entry in change.entries:
        for line, one in enumerate(entry.movements):
            which = {"seq": entry.seq, "line": line, "lot": one.lot}
            yield (
                _of(change.account) | which | {"source": one.source.value, "target": one.target.value, "amount": one.amount}
            )


def _of(account: Account) -> Columns:
    return {"owner": account.id.owner, "unit": account.id.unit}


def _guarded(account: Account) -> Columns:
    return {"at_owner": account.id.owner, "at_unit": account.id.unit}


def _left(lot: Lot) -> Columns:
    return {name: getattr(lot, name) for name in _LEFT} | {"is_open": lot.open}


def _holding(hold: Hold) -> Columns:
    slices = [[one.lot, one.amount] for one in hold.slices]
    return {"captured": hold.captured, "released": hold.released, "slices": slices, "is_open": hold.open}


# Read ---------------------------------------------------------------------------------------------------------------------


class Loaded:
    """An account while its rows are being read."""

    def __init__(self, account: AccountId) -> None:
        self.version = 0
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

    def add_books(self, row: Row[Any]) -> None:
        """Take the books, and the open lot beside them if there is one."""
        self.version = row.version
        self._books = Books(**{book: getattr(row, book) for book in _BOOKS})
        self._recorded_at = row.recorded_at
        self._top_up_below = row.top_up_below
        if row.lot_number is not None:
            self.add_lot(row)

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
    return tuple(found[number] for number in sorted(found))


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
    return Hold(**{name: getattr(row, f"hold_{name}") for name in _HOLD})


def _lot(row: Row[Any], names: tuple[str, ...]) -> Lot:
    same = {name: getattr(row, f"lot_{name}") for name in names}
    cost = None if row.lot_cost_minor is None else Money(row.lot_cost_minor, row.lot_cost_currency)
    return Lot(**same, kind=LotKind(row.lot_kind), cost=cost)
