"""Mirrors in memory: copies of the provider's objects, each guarded by its version."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeVar

import attrs

from billing_adapters.memory.tables import Table
from billing_core.domain.customers import Customer
from billing_core.domain.mirrors import Mirrorable, Mirrored
from billing_core.domain.products import Price, Product
from billing_core.domain.refunds import Dispute, Refund
from billing_core.domain.subscriptions import Subscription

__all__ = [
    "MemoryCustomers",
    "MemoryDisputes",
    "MemoryListed",
    "MemoryMirror",
    "MemoryPrices",
    "MemoryProducts",
    "MemoryRefunds",
    "MemorySubscriptions",
]

T = TypeVar("T", bound=Mirrorable)
L = TypeVar("L", bound=Product | Price)


class MemoryMirror(Generic[T]):
    """Copies of one kind of the provider's objects."""

    def __init__(self, table: Table[str, Mirrored[T]]) -> None:
        """Keep them in this table."""
        self._table = table

    def get(self, ids: Iterable[str]) -> Mapping[str, Mirrored[T]]:
        """Return those that are known."""
        return self._table.pick(ids)

    def put(self, snapshot: Mirrored[T]) -> None:
        """Write a snapshot over the one that has its version."""
        key = snapshot.value.id
        stored = self._table.rows.get(key)
        self._table.guard(key, passes=snapshot.version == (stored.version if stored else 0))
        self._table.put(key, attrs.evolve(snapshot, version=snapshot.version + 1))

    def put_all(self, snapshots: Iterable[Mirrored[T]]) -> None:
        """Write snapshots of different objects."""
        for one in snapshots:
            self.put(one)

    def _sorted(self) -> Sequence[Mirrored[T]]:
        return sorted(self._table.rows.values(), key=lambda one: one.value.id)


class MemoryListed(MemoryMirror[L]):
    """Copies of one kind of what the provider lists, and what they said before."""

    def __init__(self, table: Table[str, Mirrored[L]], past: Table[tuple[str, int], Mirrored[L]]) -> None:
        """Keep them in the first table, and what they said before in the other one."""
        super().__init__(table)
        self._past = past

    def live(self, *, after: str | None = None, before: datetime | None = None, limit: int = 100) -> Sequence[Mirrored[L]]:
        """Return at most `limit` that were not deleted and whose id comes after another, by id."""
        found = [
            one
            for one in self._sorted()
            if not one.value.deleted
            and (after is None or one.value.id > after)
            and (before is None or one.revision.occurred_at < before)
        ]
        return found[:limit]

    def remember(self, snapshots: Iterable[Mirrored[L]]) -> None:
        """Keep snapshots as they were stored."""
        for one in snapshots:
            key = one.value.id, one.version
            self._past.guard(f"{one.value.id} at {one.version}", passes=key not in self._past.rows)
            self._past.put(key, one)

    def past(self, object_id: str) -> Sequence[Mirrored[L]]:
        """Return what was kept of an object, by version."""
        found = (one for one in self._past.rows.values() if one.value.id == object_id)
        return sorted(found, key=lambda one: one.version)


class MemoryProducts(MemoryListed[Product]):
    """The products."""

    def all(self) -> Sequence[Product]:
        """Return every product, by id."""
        return [one.value for one in self._sorted()]


class MemoryPrices(MemoryListed[Price]):
    """The prices."""

    def of_products(self, products: Iterable[str]) -> Sequence[Price]:
        """Return every price of these products, by id."""
        wanted = frozenset(products)
        return [one.value for one in self._sorted() if one.value.product in wanted]


class MemoryCustomers(MemoryMirror[Customer]):
    """The customers."""

    def of_account(self, account: str) -> Sequence[Customer]:
        """Return the customers linked to an account, by id."""
        return [one.value for one in self._sorted() if one.value.account == account]


class MemorySubscriptions(MemoryMirror[Subscription]):
    """The subscriptions."""

    def of_account(self, account: str) -> Sequence[Subscription]:
        """Return the subscriptions linked to an account, by id."""
        return [one.value for one in self._sorted() if one.value.account == account]

    def of_customer(self, customer: str) -> Sequence[Mirrored[Subscription]]:
        """Return the subscriptions of a customer, by id."""
        return [one for one in self._sorted() if one.value.customer == customer]


class MemoryRefunds(MemoryMirror[Refund]):
    """The refunds of payments."""

    def of_payments(self, payments: Iterable[str]) -> Sequence[Refund]:
        """Return every refund of these payments, by id."""
        wanted = frozenset(payments)
        return [one.value for one in self._sorted() if one.value.payment in wanted]


class MemoryDisputes(MemoryMirror[Dispute]):
    """The disputes of payments."""

    def of_payments(self, payments: Iterable[str]) -> Sequence[Dispute]:
        """Return every dispute of these payments, by id."""
        wanted = frozenset(payments)
        return [one.value for one in self._sorted() if one.value.payment in wanted]
