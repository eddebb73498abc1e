"""Mirrors: local copies of the provider's objects that end the same in whatever order their news arrives.

A snapshot carries a `Revision`. Merging keeps the snapshot with the greater one, so it is commutative, associative and
idempotent: any order and any number of deliveries end in one state. An object that has ended never comes back.
"""

import hashlib
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Generic, Protocol, Self, TypeVar

import attrs
from attrs import field, frozen

from billing_core.domain.times import moment

__all__ = ["Kind", "Mirrorable", "Mirrored", "Phase", "Revision", "merge", "relisted", "snapshot"]


class Phase(IntEnum):
    """What a piece of news says happened to the object.

    `LISTED` is no event: the object was read at that moment or later. Whatever happened within its second may have happened
    after that, so it comes last but for what happened before.
    """

    LISTED = -1
    CREATED = 0
    UPDATED = 1
    DELETED = 2


class Kind(StrEnum):
    """What can be waited for; with an id it names one object, as in `product:prod_1`."""

    PRODUCT = "product"
    PRICE = "price"
    CUSTOMER = "customer"
    SUBSCRIPTION = "subscription"
    INVOICE = "invoice"
    PAYMENT = "payment"
    REFUND = "refund"
    REFUNDS = "refunds"  # those of a payment: all that there are
    DISPUTE = "dispute"

    def named(self, object_id: str) -> str:
        """Name one object of this kind."""
        return f"{self}:{object_id}"


@frozen(order=True)
class Revision:
    """The place of a snapshot in its object's history: the greater one is the later one.

    `occurred_at` has the provider's resolution of one second, so ties are normal. `rank` orders what a second may hold
    (listed, created, then updated by the lifecycle, then deleted). `digest` makes the order total when even that is equal:
    the choice is then arbitrary but the same everywhere, and `tied` reports it so that the object can be fetched.
    """

    occurred_at: datetime = field(converter=moment)
    rank: int = 0
    digest: str = ""

    def tied(self, other: "Revision") -> bool:
        """Tell whether two different snapshots of one second cannot be ordered by what they say."""
        same_place = (self.occurred_at, self.rank) == (other.occurred_at, other.rank)
        return same_place and self.digest != other.digest


class Mirrorable(Protocol):
    """A value that a mirror can keep."""

    @property
    def id(self) -> str:
        """The provider's id."""

    @property
    def ended(self) -> bool:
        """Whether nothing can bring the object back: deleted, canceled."""

    @property
    def stage(self) -> int:
        """How far along its life the object is (0 to 9), where the snapshot itself tells."""

    @property
    def content(self) -> Self:
        """The snapshot without what gathers from all of them, so that two can be compared."""

    def absorb(self, other: Self) -> Self:
        """Return this later snapshot with what only the earlier `other` knows."""


T = TypeVar("T", bound=Mirrorable)


@frozen
class Mirrored(Generic[T]):
    """One object as it is known here. `version` counts the local writes and guards them: 0 was never written."""

    value: T
    revision: Revision
    version: int = 0


def snapshot(value: T, occurred_at: datetime, phase: Phase) -> Mirrored[T]:
    """Return a value with its place in the object's history, as told by one piece of news."""
    content = repr(value.content).encode()
    rank = phase * 10 + value.stage
    return Mirrored(value, Revision(occurred_at, rank, hashlib.sha256(content).hexdigest()[:16]))


def relisted(stored: Mirrored[T], listed: Mirrored[T]) -> Mirrored[T]:
    """Return what is known after the provider listed an object: as `merge` does, but what it lists is not gone.

    An id may have been given out again, or the object may have been missed in an earlier list.
    """
    if stored.value.ended and stored.revision.occurred_at < listed.revision.occurred_at:
        return attrs.evolve(listed, version=stored.version)
    return merge(stored, listed)


def merge(stored: Mirrored[T], incoming: Mirrored[T]) -> Mirrored[T]:
    """Return what is known after both snapshots, in whichever order they came; the version is the stored one's."""
    older, newer = sorted((stored, incoming), key=lambda one: (one.value.ended, one.revision))
    return attrs.evolve(newer, value=newer.value.absorb(older.value), version=stored.version)
