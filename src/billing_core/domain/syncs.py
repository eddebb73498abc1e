"""Syncs: what reading the provider's whole catalog found, and how far it has come."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Self

import attrs
from attrs import field, frozen

from billing_core.domain.mirrors import Kind
from billing_core.domain.pages import Unreadable
from billing_core.domain.products import Problem
from billing_core.domain.times import moment

__all__ = ["Found", "Place", "SyncReport", "goes_on"]

_STALE = timedelta(days=1)


@frozen
class Found:
    """What was found of one kind, by ids, in the order in which it was found.

    `archived` are those that were for sale before, `deleted` those that the provider does not list any more, and `changed`
    all others that say something else than before.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    archived: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    unchanged: int = 0
    unreadable: tuple[Unreadable, ...] = ()

    def __add__(self, more: Self) -> Self:
        """Return both together."""
        return attrs.evolve(self, **{name: getattr(self, name) + getattr(more, name) for name in _FOUND})

    @property
    def listed(self) -> int:
        """How many the provider listed."""
        return len(self.added) + len(self.changed) + len(self.archived) + self.unchanged + len(self.unreadable)


_FOUND = tuple(one.name for one in attrs.fields(Found))


@frozen
class SyncReport:
    """What a sync found. If it `resumed` an earlier one, what that one found is not told again.

    `problems` are those for which products grant nothing, whether they are new or not.
    """

    started_at: datetime = field(converter=moment)
    resumed: bool = False
    products: Found = Found()
    prices: Found = Found()
    problems: tuple[Problem, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether everything could be read, and every product grants what it should."""
        return not (self.problems or self.products.unreadable or self.prices.unreadable)

    def adding(self, kind: Kind, found: Found) -> Self:
        """Return the report with more that was found."""
        if kind is Kind.PRODUCT:
            return attrs.evolve(self, products=self.products + found)
        return attrs.evolve(self, prices=self.prices + found)


def _ids(value: Iterable[str]) -> tuple[str, ...]:
    """Return the ids as they are kept; shaped as an attrs converter."""
    return tuple(value)


@frozen
class Place:
    """How far a sync has come: it reads the list of a kind, and has read it up to a cursor.

    `unreadable` are the ids of what that list holds, but could not be read: what is known of them stays.
    """

    started_at: datetime = field(converter=moment)
    kind: Kind = field(default=Kind.PRODUCT, converter=Kind)
    after: str | None = None
    unreadable: tuple[str, ...] = field(default=(), converter=_ids)

    def reaching(self, after: str | None, unreadable: Iterable[str]) -> Self:
        """Return the place after one more page; the last one, after which nothing comes, is read again from here."""
        return attrs.evolve(self, after=after or self.after, unreadable=(*self.unreadable, *unreadable))

    def next(self) -> Self | None:
        """Return the beginning of the next list, if there is one: a product's prices come after it."""
        return type(self)(self.started_at, Kind.PRICE) if self.kind is Kind.PRODUCT else None

    def written(self) -> str:
        """Return the place as text, for `read`."""
        return json.dumps({**attrs.asdict(self), "started_at": self.started_at.isoformat()})

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the place that was written."""
        told = json.loads(text)
        return cls(**{**told, "started_at": datetime.fromisoformat(told["started_at"])})


def goes_on(written: str | None, now: datetime) -> Place | None:
    """Return where an earlier sync stopped, if one did within the last day; an older one says too little about today."""
    place = Place.read(written) if written else None
    return place if place and now - place.started_at < _STALE else None
