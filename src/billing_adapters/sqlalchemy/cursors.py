"""Cursors: how far something has come that goes on another time."""

from functools import cache

from sqlalchemy import bindparam, delete, select

from billing_adapters.sqlalchemy.statements import insert_over
from billing_adapters.sqlalchemy.tables import cursor
from billing_adapters.sqlalchemy.transaction import Transaction

__all__ = ["SqlAlchemyCursors"]


class _Statements:
    """What is asked of the cursors."""

    def __init__(self, dialect: str) -> None:
        named = cursor.c.name == bindparam("asked")
        self.get = select(cursor.c.place).where(named)
        self.keep = insert_over(dialect, cursor)
        self.forget = delete(cursor).where(named)


_statements = cache(_Statements)


class SqlAlchemyCursors:
    """How far something has come that goes on another time."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._sql = _statements(transaction.dialect)

    def get(self, name: str) -> str | None:
        """Return the place, if one was kept."""
        found = self._transaction.rows(self._sql.get, {"asked": name})
        return found[0].place if found else None

    def put(self, name: str, place: str | None) -> None:
        """Keep the place instead of the one before; None forgets it."""
        what = f"cursor {name}"
        if place is None:
            self._transaction.write(self._sql.forget, {"asked": name}, what)
        else:
            self._transaction.write(self._sql.keep, {"name": name, "place": place}, what, expected=1)
