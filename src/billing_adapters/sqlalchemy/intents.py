"""Intents: what was ordered from the payment provider, and what became of it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from billing_adapters.sqlalchemy.columns import Instant
from billing_adapters.sqlalchemy.statements import Asked, insert_new
from billing_adapters.sqlalchemy.tables import intent as table
from billing_adapters.sqlalchemy.transaction import Transaction
from billing_core.domain.intents import Intent, IntentState
from billing_core.domain.orders import order_of, plain_order

__all__ = ["SqlAlchemyIntents"]

_SAME = ("id", "account", "asked", "asked_at", "placed", "code", "reason", "attempts", "next_attempt_at")


class _Statements:
    """What is asked of the intents."""

    def __init__(self, dialect: str) -> None:
        self.ids = Asked(dialect, "id")
        every = select(table)
        self.get = every.join(self.ids.table, table.c.id == self.ids.c.id)
        due = table.c.next_attempt_at <= bindparam("now", type_=Instant)
        self.due = every.where(due).order_by(table.c.next_attempt_at, table.c.id).limit(bindparam("most"))
        self.add = insert_new(dialect, table)
        stored = table.c.id == bindparam("stored_id"), table.c.version == bindparam("stored_version")
        self.replace = update(table).where(*stored)


_statements = cache(_Statements)


class SqlAlchemyIntents:
    """What was ordered from the payment provider, and what became of it."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._sql = _statements(transaction.dialect)

    def get(self, ids: Iterable[str]) -> Mapping[str, Intent]:
        """Return those that are written down."""
        found = self._transaction.rows(self._sql.get, self._sql.ids.rows((one,) for one in ids))
        return {row.id: _intent_of(row) for row in found}

    def put(self, intent: Intent) -> None:
        """Write an intent over the one that has its `version` (0: over none) and raise that version by one.

        Raises:
            Conflict: The stored version is another one.
        """
        what = f"intent {intent.id}"
        if intent.version:
            stored = {"stored_id": intent.id, "stored_version": intent.version}
            self._transaction.write(self._sql.replace, _columns(intent) | stored, what, expected=1)
        else:
            self._transaction.write(self._sql.add, _columns(intent), what, expected=1)

    def due(self, now: datetime, limit: int) -> Sequence[Intent]:
        """Return at most `limit` intents whose `next_attempt_at` has come, the longest due first, then by id."""
        return [_intent_of(row) for row in self._transaction.rows(self._sql.due, {"now": now, "most": limit})]


def _columns(one: Intent) -> dict[str, Any]:
    same = {name: getattr(one, name) for name in _SAME}
    return same | {"ordered": plain_order(one.order), "state": one.state.value, "version": one.version + 1}


def _intent_of(row: Row[Any]) -> Intent:
    same = {name: getattr(row, name) for name in _SAME}
    return Intent(**same, order=order_of(row.ordered), state=IntentState(row.state), version=row.version)
