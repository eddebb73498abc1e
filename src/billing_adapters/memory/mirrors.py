"""Mirrors in memory: copies of the provider's objects, each guarded by its version."""

from collections.abc import Iterable, Mapping, Sequence
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
    "MemoryMirror",
    "MemoryPrices",
    "MemoryProducts",
    "MemoryRefunds",
    "MemorySubscriptions",
]

T = TypeVar("T", bound=Mirrorable)


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

    def _sorted(self) -> Sequence[Mirrored[T]]:
        return sorted(self._table.rows.values(), key=lambda one: one.value.id)


class MemoryProducts(MemoryMirror[Product]):
    """The products."""

    def all(self) -> Sequence[Product]:
        """Return every product, by id."""
        return [one.value for one in self._sorted()]


class MemoryPrices(MemoryMirror[Price]):
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
