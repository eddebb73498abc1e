"""The outbox in memory: messages stay in the order in which they came until they are delivered; their ids stay taken."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

from billing_adapters.memory.tables import Table
from billing_core.domain.events import Message

__all__ = ["MemoryOutbox"]


class MemoryOutbox:
    """The events for the application."""

    def __init__(self, messages: Table[str, Message], delivered: Table[str, datetime]) -> None:
        """Keep those that are not yet delivered in one table, and when the others were in the other."""
        self._messages = messages
        self._delivered = delivered

    def add(self, messages: Iterable[Message]) -> None:
        """Keep these messages until they are delivered."""
        for one in messages:
            taken = one.id in self._messages.rows or one.id in self._delivered.rows
            self._messages.guard(one.id, passes=not taken)
            self._messages.put(one.id, one)

    def pending(self, limit: int) -> Sequence[Message]:
        """Return at most `limit` undelivered messages, the oldest first."""
        return [*islice(self._messages.rows.values(), limit)]

    def delivered(self, ids: Iterable[str], at: datetime) -> None:
        """Forget what these messages said: nobody reads them again."""
        for one in ids:
            if one in self._messages.rows:
                self._messages.drop(one)
                self._delivered.put(one, at)
