"""Inbox: webhooks as they came, and what became of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Row, bindparam, delete, insert, select, update

from billing_adapters.sqlalchemy.columns import Instant
from billing_adapters.sqlalchemy.statements import Asked, insert_new
from billing_adapters.sqlalchemy.tables import webhook, webhook_wait
from billing_adapters.sqlalchemy.transaction import Transaction
from billing_core.domain.webhooks import Delivery, DeliveryState

__all__ = ["SqlAlchemyInbox"]

_SAME = (
    "id",
    "type",
    "body",
    "occurred_at",
    "received_at",
    "livemode",
    "api_version",
    "attempts",
    "next_attempt_at",
    "error",
)


class _Statements:
    """What is asked of the inbox."""

    def __init__(self, dialect: str) -> None:
        self.ids, self.names = Asked(dialect, "id"), Asked(dialect, "name")
        most: BindParameter[int] = bindparam("most")
        every = select(webhook)
        self.get = every.join(self.ids.table, webhook.c.id == self.ids.c.id)
        self.add = insert_new(dialect, webhook)
        stored = webhook.c.id == bindparam("stored_id"), webhook.c.version == bindparam("stored_version")
        self.replace = update(webhook).where(*stored)
        self.forget_waits = delete(webhook_wait).where(webhook_wait.c.webhook == bindparam("stored_id"))
        self.add_waits = insert(webhook_wait)
        self.waits = (
            select(webhook_wait)
            .join(self.ids.table, webhook_wait.c.webhook == self.ids.c.id)
            .order_by(webhook_wait.c.webhook, webhook_wait.c.position)
        )
        waits = select(webhook_wait.c.webhook).join(self.names.table, webhook_wait.c.name == self.names.c.name)
        waiting = waits.distinct().subquery("waiting")
        self.waiting_for = (
            every
            .join(waiting, webhook.c.id == waiting.c.webhook)
            .where(webhook.c.state == DeliveryState.DEFERRED.value)
            .order_by(webhook.c.occurred_at, webhook.c.id)
        )
        now = bindparam("now", type_=Instant)
        self.due = (
            every.where(webhook.c.next_attempt_at <= now).order_by(webhook.c.next_attempt_at, webhook.c.id).limit(most)
        )
        self.due_free = self.due.with_for_update(skip_locked=True)
        self.in_state = (
            every
            .where(webhook.c.state == bindparam("state"))
            .order_by(webhook.c.received_at.desc(), webhook.c.id.desc())
            .limit(most)
        )


_statements = cache(_Statements)


class SqlAlchemyInbox:
    """The webhooks; the objects that a deferred one waits for have a table of their own, by name."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._sql = _statements(transaction.dialect)

    def get(self, ids: Iterable[str]) -> Mapping[str, Delivery]:
        """Return those that are stored."""
        found = self._transaction.rows(self._sql.get, self._sql.ids.rows((one,) for one in ids))
        return {delivery.id: delivery for delivery in self._deliveries(found)}

    def put(self, delivery: Delivery) -> None:
        """Write a delivery over the one that has its `version` (0: over none) and raise that version by one.

        Raises:
            Conflict: The stored version is another one.
        """
        what, version = f"webhook {delivery.id}", delivery.version
        row = {name: getattr(delivery, name) for name in _SAME} | {"state": delivery.state.value, "version": version + 1}
        stored = {"stored_id": delivery.id, "stored_version": version}
        if version:
            self._transaction.write(self._sql.replace, row | stored, what, expected=1)
            self._transaction.write(self._sql.forget_waits, {"stored_id": delivery.id}, what)
        else:
            self._transaction.write(self._sql.add, row, what, expected=1)
        waits = [{"webhook": delivery.id, "position": at, "name": name} for at, name in enumerate(delivery.waiting_for)]
        if waits:
            self._transaction.write(self._sql.add_waits, waits, what)

    def waiting_for(self, names: Iterable[str]) -> Sequence[Delivery]:
        """Return the deferred deliveries that wait for any of these objects, in the order in which they happened."""
        asked = self._sql.names.rows((name,) for name in names)
        return self._deliveries(self._transaction.rows(self._sql.waiting_for, asked))

    def due(self, now: datetime, limit: int) -> Sequence[Delivery]:
        """Return at most `limit` deliveries whose `next_attempt_at` has come, the longest due first.

        In a unit that writes, PostgreSQL locks them until it ends and leaves out those that others have locked; SQLite
        has one writer at a time.
        """
        query = self._sql.due_free if self._transaction.writes else self._sql.due
        return self._deliveries(self._transaction.rows(query, {"now": now, "most": limit}))

    def in_state(self, state: DeliveryState, limit: int) -> Sequence[Delivery]:
        """Return at most `limit` deliveries in a state, the latest received first."""
        found = self._transaction.rows(self._sql.in_state, {"state": state.value, "most": limit})
        return self._deliveries(found)

    def _deliveries(self, rows: Sequence[Row[Any]]) -> Sequence[Delivery]:
        waits: dict[str, list[str]] = {row.id: [] for row in rows}
        if waits:
            for wait in self._transaction.rows(self._sql.waits, self._sql.ids.rows((one,) for one in waits)):
                waits[wait.webhook].append(wait.name)
        return [_delivery(row, tuple(waits[row.id])) for row in rows]


def _delivery(row: Row[Any], waiting_for: tuple[str, ...]) -> Delivery:
    same = {name: getattr(row, name) for name in _SAME}
    return Delivery(**same, state=DeliveryState(row.state), version=row.version, waiting_for=waiting_for)
