"""Mirroring: keeping one more snapshot of a provider's object, whatever came before it."""

from typing import Generic, TypeVar

from attrs import frozen

from billing_core.application.work import Work
from billing_core.domain.events import MIRROR_TIED
from billing_core.domain.mirrors import Kind, Mirrorable, Mirrored, merge
from billing_core.ports import Mirror

__all__ = ["Kept", "keep"]

T = TypeVar("T", bound=Mirrorable)


@frozen
class Kept(Generic[T]):
    """What was known before a snapshot came, and what is known now."""

    before: T | None
    after: T

    @property
    def changed(self) -> bool:
        """Whether the snapshot told anything new."""
        return self.before != self.after


def keep(work: Work, mirror: Mirror[T], kind: Kind, incoming: Mirrored[T]) -> Kept[T]:
    """Merge a snapshot into what is stored.

    Two snapshots that claim the same place in history are settled the same way everywhere, and told onward, so that the
    object can be fetched.
    """
    object_id = incoming.value.id
    stored = mirror.get([object_id]).get(object_id)
    if stored is None:
        mirror.put(incoming)
        return Kept(None, incoming.value)
    if stored.revision.tied(incoming.revision):
        work.tell(MIRROR_TIED, kind.named(object_id), at=incoming.revision.occurred_at)
    merged = merge(stored, incoming)
    if merged != stored:
        mirror.put(merged)
    return Kept(stored.value, merged.value)
