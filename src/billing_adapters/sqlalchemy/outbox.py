"""Outbox: events for the application, written in the transaction that made them happen."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import bindparam, insert, select, update

from billing_adapters.sqlalchemy.statements import Asked
from billing_adapters.sqlalchemy.tables import outbox
from billing_adapters.sqlalchemy.transaction import Transaction
from billing_core.domain.events import Event, Message

__all__ = ["SqlAlchemyOutbox"]

_EVENT = ("name", "subject", "occurred_at", "account")

_ADD = insert(outbox)
_PENDING = select(outbox).where(outbox.c.delivered_at.is_(None)).order_by(outbox.c.number).limit(bindparam("most"))


class _Delivered:
    """How messages are marked."""

    def __init__(self, dialect: str) -> None:
        self.ids = Asked(dialect, "id")
        among = outbox.c.id.in_(select(self.ids.c.id))
        mark = update(outbox).where(among, outbox.c.delivered_at.is_(None))
        self.update = mark.values(delivered_at=bindparam("at", type_=outbox.c.delivered_at.type))


_delivered = cache(_Delivered)


class SqlAlchemyOutbox:
    """Events for the application, in the order in which they were added."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._mark = _delivered(transaction.dialect)

    def add(self, messages: Iterable[Message]) -> None:
        """Keep these messages until they are delivered."""
        rows = [_columns(message) for message in messages]
        if rows:
            self._transaction.write(_ADD, rows, "the outbox")

    def pending(self, limit: int) -> Sequence[Message]:
        """Return at most `limit` undelivered messages, the oldest first."""
        return [
            Message(row.id, Event(**{name: getattr(row, name) for name in _EVENT}, data=row.data))
            for row in self._transaction.rows(_PENDING, {"most": limit})
        ]

    def delivered(self, ids: Iterable[str], at: datetime) -> None:
        """Never return these again; ids that are unknown or were delivered before do nothing."""
        asked = self._mark.ids.rows((one,) for one in ids)
        self._transaction.write(self._mark.update, {**asked, "at": at}, "the outbox")


def _columns(message: Message) -> dict[str, object]:
    event = message.event
    return {name: getattr(event, name) for name in _EVENT} | {"id": message.id, "data": dict(event.data)}
