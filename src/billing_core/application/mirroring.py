"""Mirroring: keeping more snapshots of the provider's objects, whatever came before them."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

from attrs import frozen

from billing_core.application.work import Work
from billing_core.domain.events import MIRROR_TIED
from billing_core.domain.mirrors import Kind, Mirrorable, Mirrored, merge
from billing_core.ports import Mirror

__all__ = ["Kept", "Merge", "keep", "keep_all"]

T = TypeVar("T", bound=Mirrorable)

# Says what is known after what was stored and what came.
Merge: TypeAlias = Callable[[Mirrored[T], Mirrored[T]], Mirrored[T]]


@frozen
class Kept(Generic[T]):
    """What was stored before a snapshot came, and what is known now."""

    stored: Mirrored[T] | None
    known: Mirrored[T]

    @property
    def before(self) -> T | None:
        """What was known before."""
        return self.stored.value if self.stored else None

    @property
    def after(self) -> T:
        """What is known now."""
        return self.known.value

    @property
    def changed(self) -> bool:
        """Whether the snapshot told anything new."""
        return self.before != self.after


def keep(work: Work, mirror: Mirror[T], kind: Kind, incoming: Mirrored[T]) -> Kept[T]:
    """Merge a snapshot into what is stored: see `keep_all`."""
    return keep_all(work, mirror, kind, [incoming])[0]


def keep_all(
    work: Work, mirror: Mirror[T], kind: Kind, incoming: Sequence[Mirrored[T]], merged: Merge[T] = merge
) -> Sequence[Kept[T]]:
    """Merge snapshots of different objects into what is stored.

    Two snapshots that claim the same place in history are settled the same way everywhere, and told onward, so that the
    object can be fetched.
    """
    if not incoming:
        return []
    stored = mirror.get(one.value.id for one in incoming)
    for one in incoming:
        known = stored.get(one.value.id)
        if known and known.revision.tied(one.revision):
            work.tell(MIRROR_TIED, kind.named(one.value.id), at=one.revision.occurred_at)
    kept = [_kept(stored.get(one.value.id), one, merged) for one in incoming]
    mirror.put_all(one.known for one in kept if one.known != one.stored)
    return kept


def _kept(stored: Mirrored[T] | None, incoming: Mirrored[T], merged: Merge[T]) -> Kept[T]:
    return Kept(stored, merged(stored, incoming) if stored else incoming)
