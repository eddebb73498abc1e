"""Ledger statements: what is asked of the ledger's tables, built once per dialect."""

from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, Table, and_, bindparam, cast, or_, select, tuple_

from billing_adapters.sqlalchemy.columns import NAME, Instant
from billing_adapters.sqlalchemy.statements import Asked, insert_new
from billing_adapters.sqlalchemy.tables import account, entry, hold, lot, movement

__all__ = ["LedgerStatements", "statements"]

_LOT = tuple(column.label(f"lot_{column.name}") for column in lot.c if column.name not in {"owner", "unit"})
_HOLD = tuple(column.label(f"hold_{column.name}") for column in hold.c if column.name not in {"owner", "unit"})
_OPENED = and_(lot.c.owner == entry.c.owner, lot.c.unit == entry.c.unit, lot.c.number == entry.c.seq)
_PLACED = and_(hold.c.owner == entry.c.owner, hold.c.unit == entry.c.unit, hold.c.number == entry.c.seq)
_MOVED = and_(movement.c.owner == entry.c.owner, movement.c.unit == entry.c.unit, movement.c.seq == entry.c.seq)


class LedgerStatements:
    """Every statement of the ledger: `accounts` asks for (owner, unit), `triples` for a name in it, too."""

    def __init__(self, dialect: str) -> None:
        self.accounts = Asked(dialect, "owner", "unit")
        self.triples = Asked(dialect, "owner", "unit", "name")
        self._read()
        self._read_pages()
        self._write(dialect)

    def _read(self) -> None:
        accounts, triples = self.accounts, self.triples
        # A statement of its own: what is joined to a row that had to be waited for may be older than the row.
        self.lock = (
            select(account.c.owner, account.c.unit)
            .join(accounts.table, _same_account(account, accounts))
            .order_by(account.c.owner, account.c.unit)
            .with_for_update(of=account)
        )
        named = select(account.c.version).select_from(triples.table).join(account, _same_account(account, triples))
        self.lots = named.add_columns(account.c.owner, account.c.unit, *_LOT).join(
            lot, and_(_same_account(lot, triples), lot.c.source == triples.c.name)
        )
        # Also where none is open any more, for the version tells that somebody closed them.
        of_account = (account.c.version, account.c.owner, account.c.unit)
        self.open_holds = (
            select(*of_account, *_HOLD)
            .select_from(accounts.table)
            .join(account, _same_account(account, accounts))
            .outerjoin(hold, and_(hold.c.owner == account.c.owner, hold.c.unit == account.c.unit, hold.c.is_open))
        )
        self.holds = named.add_columns(account.c.owner, account.c.unit, *_HOLD).join(
            hold, and_(_same_account(hold, triples), hold.c.number == cast(triples.c.name, BigInteger))
        )
        number = cast(triples.c.name, BigInteger)
        at_number = and_(_same_account(entry, triples), or_(entry.c.seq == number, entry.c.of_entry == number))
        with_key = and_(_same_account(entry, triples), entry.c.key == triples.c.name, entry.c.key.is_not(None))
        with_births = named.add_columns(entry, *_LOT, *_HOLD).join(entry, with_key)
        self.entries = with_births.outerjoin(lot, _OPENED).outerjoin(hold, _PLACED)
        self.movements = self._moved_by(with_key)
        related = named.add_columns(entry, *_LOT, *_HOLD).join(entry, at_number)
        self.related = related.outerjoin(lot, _OPENED).outerjoin(hold, _PLACED)
        # An entry that is named, and follows up another one that is named, is found twice.
        self.related_movements = self._moved_by(at_number).distinct()
        moved = and_(_same_account(movement, triples), movement.c.seq == number)
        on_lot = and_(_same_account(lot, triples), lot.c.number == movement.c.lot)
        self.moved_lots = named.add_columns(account.c.owner, account.c.unit, *_LOT).join(movement, moved).join(lot, on_lot)
        self.repaid_lots = self._of_accounts(lot, *_LOT).where(lot.c.owed > 0)
        self.every_lot = self._of_accounts(lot, *_LOT)
        self.every_hold = self._of_accounts(hold, *_HOLD)

    def _moved_by(self, entries: ColumnElement[bool]) -> Select[Any]:
        joined = select(movement).select_from(self.triples.table).join(entry, entries).join(movement, _MOVED)
        return joined.order_by(movement.c.owner, movement.c.unit, movement.c.seq, movement.c.line)

    def _of_accounts(self, table: Table, *columns: ColumnElement[Any]) -> Select[Any]:
        found = select(account.c.version, account.c.owner, account.c.unit, *columns).select_from(self.accounts.table)
        return found.join(account, _same_account(account, self.accounts)).join(table, _same_account(table, self.accounts))

    def _read_pages(self) -> None:
        born = select(entry, *_LOT, *_HOLD).outerjoin(lot, _OPENED).outerjoin(hold, _PLACED).where(_at(entry))
        before, after = entry.c.seq < bindparam("before"), entry.c.seq > bindparam("after")
        self.page = born.where(before).order_by(entry.c.seq.desc()).limit(bindparam("most"))
        self.journal = born.where(after).order_by(entry.c.seq).limit(bindparam("most"))
        names = select(account.c.owner, account.c.unit)
        last = tuple_(account.c.owner, account.c.unit) > tuple_(
            bindparam("at_owner", type_=NAME), bindparam("at_unit", type_=NAME)
        )
        written = account.c.version > 0  # to lock an account that is missing is to create it
        self.owners = names.where(last, written).order_by(account.c.owner, account.c.unit).limit(bindparam("most"))
        due = account.c.next_due_at <= bindparam("now", type_=Instant)
        self.due = names.where(due).order_by(account.c.next_due_at, *names.selected_columns).limit(bindparam("most"))
        within = movement.c.seq.between(bindparam("first"), bindparam("last"))
        self.page_movements = select(movement).where(_at(movement), within).order_by(movement.c.seq, movement.c.line)

    def _write(self, dialect: str) -> None:
        self.add_account = insert_new(dialect, account)


statements = cache(LedgerStatements)


def _same_account(table: Table, asked: Asked) -> ColumnElement[bool]:
    return and_(table.c.owner == asked.c.owner, table.c.unit == asked.c.unit)


def _at(table: Table) -> ColumnElement[bool]:
    return and_(table.c.owner == bindparam("at_owner"), table.c.unit == bindparam("at_unit"))
