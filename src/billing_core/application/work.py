"""Work: what every capability does its part with, inside one transaction."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from attrs import frozen

from billing_core.domain.events import Event, Message
from billing_core.domain.policies import Policies
from billing_core.errors import Conflict
from billing_core.ports import Ids, Store, UnitOfWork

__all__ = ["Missing", "Work", "retried"]

T = TypeVar("T")

_ATTEMPTS = 10  # the second attempt locks what it can, so a third is rare


@frozen
class Work:
    """One open unit, the moment at which it is done, and who names what it writes.

    `lock` is set after a race was lost, so that it is not lost again.
    """

    unit: UnitOfWork
    now: datetime
    ids: Ids
    policies: Policies = Policies()
    lock: bool = False

    def tell(self, name: str, subject: str, account: str | None = None, at: datetime | None = None, **data: object) -> None:
        """Put an event into the outbox, to be told when the unit commits."""
        shown: Mapping[str, str] = {key: str(value) for key, value in data.items() if value is not None}
        self.tell_all([Event(name=name, subject=subject, occurred_at=at or self.now, account=account, data=shown)])

    def tell_all(self, events: Iterable[Event]) -> None:
        """Put events into the outbox in their order, to be told when the unit commits."""
        messages = [Message(self.ids.new(), event) for event in events]
        if messages:
            self.unit.outbox.add(messages)


def retried(store: Store, what: str, do: Callable[[UnitOfWork, bool], T]) -> T:
    """Do something in a unit of its own and keep it; after a lost race do it again, and with a lock.

    Raises:
        Conflict: The race was lost every time.
    """
    for attempt in range(_ATTEMPTS):
        try:
            with store.begin() as unit:
                done = do(unit, attempt > 0)
                unit.commit()
        except Conflict:
            continue
        return done
    raise Conflict(what)


class Missing(Exception):
    """What is to be done needs objects that have not arrived; the unit must be dropped and tried again when they have."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)
        self.names = names
