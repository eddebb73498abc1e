"""The intents in memory: what was ordered, guarded by its version."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import attrs

from billing_adapters.memory.tables import Table
from billing_core.domain.intents import Intent

__all__ = ["MemoryIntents"]


class MemoryIntents:
    """What was ordered from the payment provider, and what became of it."""

    def __init__(self, intents: Table[str, Intent]) -> None:
        """Keep them in this table."""
        self._intents = intents

    def get(self, ids: Iterable[str]) -> Mapping[str, Intent]:
        """Return those that are written down."""
        return self._intents.pick(ids)

    def put(self, intent: Intent) -> None:
        """Write an intent over the one that has its version."""
        stored = self._intents.rows.get(intent.id)
        self._intents.guard(f"intent {intent.id}", passes=intent.version == (stored.version if stored else 0))
        self._intents.put(intent.id, attrs.evolve(intent, version=intent.version + 1))

    def due(self, now: datetime, limit: int) -> Sequence[Intent]:
        """Return at most `limit` intents whose next attempt has come, the longest due first."""
        found = [(one.next_attempt_at, name) for name, one in self._intents.rows.items() if one.next_attempt_at]
        return [self._intents.rows[name] for due_at, name in sorted(found) if due_at <= now][:limit]
