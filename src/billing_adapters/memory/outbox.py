"""The outbox in memory: messages stay in the order in which they came until they are delivered."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

from billing_adapters.memory.tables import Table
from billing_core.domain.events import Message

__all__ = ["MemoryOutbox"]


class MemoryOutbox:
    """The events for the application."""

    def __init__(self, messages: Table[str, Message]) -> None:
        """Keep those that are not yet delivered in this table."""
        self._messages = messages

    def add(self, messages: Iterable[Message]) -> None:
        """Keep these messages until they are delivered."""
        for one in messages:
            self._messages.guard(one.id, passes=one.id not in self._messages.rows)
            self._messages.put(one.id, one)

    def pending(self, limit: int) -> Sequence[Message]:
        """Return at most `limit` undelivered messages, the oldest first."""
        return [*islice(self._messages.rows.values(), limit)]

    def delivered(self, ids: Iterable[str], at: datetime) -> None:
        """Forget these messages: nobody reads them again."""
        del at
        for one in ids:
            self._messages.drop(one)
