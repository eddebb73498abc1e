"""The inbox in memory: every webhook as it came, guarded by its version."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import attrs

from billing_adapters.memory.tables import Table
from billing_core.domain.webhooks import Delivery, DeliveryState

__all__ = ["MemoryInbox"]


class MemoryInbox:
    """The webhooks, and what became of them."""

    def __init__(self, deliveries: Table[str, Delivery]) -> None:
        """Keep them in this table."""
        self._deliveries = deliveries

    def get(self, ids: Iterable[str]) -> Mapping[str, Delivery]:
        """Return those that are stored."""
        return self._deliveries.pick(ids)

    def put(self, delivery: Delivery) -> None:
        """Write a delivery over the one that has its version."""
        stored = self._deliveries.rows.get(delivery.id)
        self._deliveries.guard(delivery.id, passes=delivery.version == (stored.version if stored else 0))
        self._deliveries.put(delivery.id, attrs.evolve(delivery, version=delivery.version + 1))

    def waiting_for(self, names: Iterable[str]) -> Sequence[Delivery]:
        """Return the deferred deliveries that wait for any of these objects, in the order in which they happened."""
        wanted = frozenset(names)
        found = [one for one in self._all(DeliveryState.DEFERRED) if not wanted.isdisjoint(one.waiting_for)]
        return sorted(found, key=lambda one: (one.occurred_at, one.id))

    def due(self, now: datetime, limit: int) -> Sequence[Delivery]:
        """Return at most `limit` deliveries whose next attempt has come, the longest due first."""
        found = [(one.next_attempt_at, one.id, one) for one in self._deliveries.rows.values() if one.next_attempt_at]
        return [one for due_at, _, one in sorted(found, key=lambda row: row[:2]) if due_at <= now][:limit]

    def in_state(self, state: DeliveryState, limit: int) -> Sequence[Delivery]:
        """Return at most `limit` deliveries in a state, the latest received first."""
        found = sorted(self._all(state), key=lambda one: (one.received_at, one.id), reverse=True)
        return found[:limit]

    def _all(self, state: DeliveryState) -> Iterable[Delivery]:
        return (one for one in self._deliveries.rows.values() if one.state is state)
