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
    "HOLDING",
    "LEFT",
    "LOT",
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

# Columns in the order in which the values that they make up take them.
_BOOKS = tuple(attrs.fields_dict(Books))
_LEFT = ("remaining", "held", "expired", "scheduled", "revoked", "owed")
BOOKS = ("version", *_BOOKS, "recorded_at", "next_due_at")
LEFT = (*_LEFT, "is_open")
HOLDING = ("captured", "released", "slices", "is_open")
LOT = (
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
    *_LEFT,
)

_AMOUNTS = attrgetter(*_BOOKS)
_KINDS = {kind.value: kind for kind in LotKind}
_TERMS = ("number", "priority", "amount", "effective_at", "expires_at", "source", "reference")
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
    return {"owner": account.owner, "unit": account.unit, "version": 0, **dict.fromkeys(_BOOKS, 0)}


def books(change: Change) -> Columns:
    """Lay out an account as it stands after a change, with the version that it must have before."""
    account = change.account
    return {
        "at_owner": account.id.owner,
        "at_unit": account.id.unit,
        "at_version": change.expected_version,
        "version": account.version,
        **dict(zip(_BOOKS, _AMOUNTS(account.books), strict=True)),
        "recorded_at": _micros(account.recorded_at),
        "next_due_at": _micros(account.next_due_at),
    }


def opened(change: Change) -> Iterator[Columns]:
    """Lay out the lots that a change created."""
    named = _of(change.account)
    for lot in change.opened:
        yield {
            **named,
            "number": lot.number,
            "kind": lot.kind.value,
            "priority": lot.priority,
            "amount": lot.amount,
            "effective_at": to_micros(lot.effective_at),
            "expires_at": FOREVER if lot.expires_at is None else to_micros(lot.expires_at),
            "source": lot.source,
            "reference": lot.reference,
            "cost_minor": lot.cost and lot.cost.amount_minor,
            "cost_currency": lot.cost and lot.cost.currency.code,
            **_left(lot),
        }


def touched(change: Change) -> Iterator[Columns]:
    """Lay out what is left of the older lots after a change."""
    guarded = _guarded(change.account)
    for lot in change.touched:
        yield {**guarded, "at_number": lot.number, **_left(lot)}


def placed(change: Change) -> Iterator[Columns]:
    """Lay out the holds that a change placed."""
    named = _of(change.account)
    for hold in change.holds:
        if hold.number > change.expected_version:
            terms = {"amount": hold.amount, "expires_at": to_micros(hold.expires_at), "reference": hold.reference}
            yield {**named, "number": hold.number, **terms, **_holding(hold)}


def held(change: Change) -> Iterator[Columns]:
    """Lay out what older holds still hold after a change."""
    guarded = _guarded(change.account)
    for hold in change.holds:
        if hold.number <= change.expected_version:
            yield {**guarded, "at_number": hold.number, **_holding(hold)}


def entries(change: Change) -> Iterator[Columns]:
    """Lay out the entries of a change."""
    owner, unit = change.account.id.owner, change.account.id.unit
    for entry in change.entries:
        yield {
            "owner": owner,
            "unit": unit,
            "seq": entry.seq,
            "operation": entry.operation.value,
            "lines": len(entry.movements),
            "available_after": entry.available_after,
            "held_after": entry.held_after,
            "owed_after": entry.owed_after,
            "effective_at": to_micros(entry.effective_at),
            "recorded_at": to_micros(entry.recorded_at),
            "key": entry.key,
            "fingerprint": entry.fingerprint,
            "reference": entry.reference,
            "reason": entry.reason,
            "actor": entry.actor,
            "of_entry": entry.of,
        }


def movements(change: Change) -> Iterator[Columns]:
    """Lay out the movements of a change's entries."""
    owner, unit = change.account.id.owner, change.account.id.unit
    for entry in change.entries:
        for line, one in enumerate(entry.movements):
            yield {
                "owner": owner,
                "unit": unit,
                "seq": entry.seq,
                "line": line,
                "lot": one.lot,
                "source": one.source.value,
                "target": one.target.value,
                "amount": one.amount,
            }


def _of(account: Account) -> Columns:
    return {"owner": account.id.owner, "unit": account.id.unit}


def _guarded(account: Account) -> Columns:
    return {"at_owner": account.id.owner, "at_unit": account.id.unit}


def _left(lot: Lot) -> Columns:
    return {
        "remaining": lot.remaining,
        "held": lot.held,
        "expired": lot.expired,
        "scheduled": lot.scheduled,
        "revoked": lot.revoked,
        "owed": lot.owed,
        "is_open": lot.open,
    }


def _holding(hold: Hold) -> Columns:
    slices = json.dumps([[one.lot, one.amount] for one in hold.slices])
    return {"captured": hold.captured, "released": hold.released, "slices": slices, "is_open": hold.open}


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

    def add_look(self, found: Sequence[Any]) -> None:
        """Take what a look found, without the names: the books, whether one of the keys is known, and a lot or none."""
        if not self.version:
            self.version, *amounts, recorded_at, _, self._top_up_below, self.known = found[: len(BOOKS) + 2]
            self._books = Books(*amounts)
            self._recorded_at = None if recorded_at is None else from_micros(recorded_at)
        number = found[len(BOOKS) + 2]
        if number is not None:
            self._lots[number] = _lot_found(*found[len(BOOKS) + 2 :])

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


def _lot_found(  # noqa: PLR0913, PLR0917 - a lot has as many columns
    number: int,
    kind: str,
    priority: int,
    amount: int,
    effective_at: int,
    expires_at: int,
    source: str,
    reference: str | None,
    cost_minor: int | None,
    cost_currency: str,
    *left: int,
) -> Lot:
    return Lot(
        number,
        _KINDS[kind],
        priority,
        amount,
        from_micros(effective_at),
        None if expires_at == FOREVER else from_micros(expires_at),
        source,
        reference,
        None if cost_minor is None else Money(cost_minor, cost_currency),
        *left,
    )


def _born(row: Row[Any]) -> Hold:
    return Hold(**{name: getattr(row, f"hold_{name}") for name in _HOLD})


def _lot(row: Row[Any], names: tuple[str, ...]) -> Lot:
    same = {name: getattr(row, f"lot_{name}") for name in names}
    cost = None if row.lot_cost_minor is None else Money(row.lot_cost_minor, row.lot_cost_currency)
    return Lot(**same, kind=LotKind(row.lot_kind), cost=cost)
