"""Outbox: what happened here, for the application to react to, at least once and after it was committed."""

from collections.abc import Iterable, Sequence

from attrs import frozen

from billing_core.domain.events import Message
from billing_core.ports import Clock, Store

__all__ = ["Outbox"]


@frozen
class Outbox:
    """Opened as `billing.outbox`."""

    _store: Store
    _clock: Clock

    def pending(self, limit: int = 100) -> Sequence[Message]:
        """Return at most `limit` messages that were not acknowledged, the oldest first."""
        with self._store.view() as unit:
            return unit.outbox.pending(limit)

    def acknowledge(self, messages: Iterable[str]) -> None:
        """Say that these messages, by their ids, were dealt with: they do not come again."""
        with self._store.begin() as unit:
            unit.outbox.delivered(messages, self._clock.now())
            unit.commit()
