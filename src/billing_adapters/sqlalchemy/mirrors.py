"""Mirrors: local copies of the provider's objects, a table for each kind."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

from sqlalchemy import Row, Table, bindparam, select, update

from billing_adapters.sqlalchemy import shapes, tables
from billing_adapters.sqlalchemy.statements import Asked, insert_new
from billing_adapters.sqlalchemy.transaction import Transaction
from billing_core.domain.customers import Customer
from billing_core.domain.mirrors import Mirrorable, Mirrored, Revision
from billing_core.domain.products import Price, Product
from billing_core.domain.refunds import Dispute, Refund
from billing_core.domain.subscriptions import Subscription

__all__ = [
    "SqlAlchemyCustomers",
    "SqlAlchemyDisputes",
    "SqlAlchemyPrices",
    "SqlAlchemyProducts",
    "SqlAlchemyRefunds",
    "SqlAlchemySubscriptions",
]

T = TypeVar("T", bound=Mirrorable)


class SqlAlchemyMirror(Generic[T]):
    """What all mirrors share: `columns` lays a value out over the table's columns, `value` reads it back."""

    def __init__(
        self,
        transaction: Transaction,
        table: Table,
        columns: Callable[[T], dict[str, Any]],
        value: Callable[[Row[Any]], T],
    ) -> None:
        self._transaction = transaction
        self._table = table
        self._columns = columns
        self._value = value
        self._sql = _statements(table, transaction.dialect)

    def get(self, ids: Iterable[str]) -> Mapping[str, Mirrored[T]]:
        """Return those that are known, deleted ones too."""
        found = self._transaction.rows(self._sql.get, self._sql.ids.rows((one,) for one in ids))
        return {row.id: self._mirrored(row) for row in found}

    def put(self, snapshot: Mirrored[T]) -> None:
        """Write a snapshot over the one that has its `version` (0: over none) and raise that version by one.

        Raises:
            Conflict: The stored version is another one.
        """
        value, revision, version = snapshot.value, snapshot.revision, snapshot.version
        row = {
            **self._columns(value),
            "occurred_at": revision.occurred_at,
            "rank": revision.rank,
            "digest": revision.digest,
            "version": version + 1,
        }
        what = f"{self._table.name.removeprefix('billing_')} {value.id}"
        if version:
            row |= {"stored_id": value.id, "stored_version": version}
        self._transaction.write(self._sql.replace if version else self._sql.add, row, what, expected=1)

    def _mirrored(self, row: Row[Any]) -> Mirrored[T]:
        return Mirrored(self._value(row), Revision(row.occurred_at, row.rank, row.digest), row.version)


class _Statements:
    """What is asked of one mirror's table."""

    def __init__(self, table: Table, dialect: str) -> None:
        self.ids = Asked(dialect, "id")
        self.get = select(table).join(self.ids.table, table.c.id == self.ids.c.id)
        self.add = insert_new(dialect, table)
        stored = table.c.id == bindparam("stored_id"), table.c.version == bindparam("stored_version")
        self.replace = update(table).where(*stored)


_statements = cache(_Statements)


_ALL_PRODUCTS = select(tables.product).order_by(tables.product.c.id)


class SqlAlchemyProducts(SqlAlchemyMirror[Product]):
    """The products."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction, tables.product, shapes.product_columns, shapes.product_of)

    def all(self) -> Sequence[Product]:
        """Return every product, deleted ones too, by id."""
        return [self._value(row) for row in self._transaction.rows(_ALL_PRODUCTS, {})]


class _Of:
    """How those of one kind are asked for that belong to some others, by id."""

    def __init__(self, table: Table, others: str, dialect: str) -> None:
        self.others = Asked(dialect, others)
        self.select = select(table).join(self.others.table, table.c[others] == self.others.c[others]).order_by(table.c.id)


_of = cache(_Of)


class SqlAlchemyPrices(SqlAlchemyMirror[Price]):
    """The prices."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction, tables.price, shapes.price_columns, shapes.price_of)
        self._of = _of(tables.price, "product", transaction.dialect)

    def of_products(self, products: Iterable[str]) -> Sequence[Price]:
        """Return every price of these products, deleted ones too, by id."""
        asked = self._of.others.rows((one,) for one in products)
        return [self._value(row) for row in self._transaction.rows(self._of.select, asked)]


_CUSTOMERS_OF_ACCOUNT = (
    select(tables.customer).where(tables.customer.c.account == bindparam("account")).order_by(tables.customer.c.id)
)


class SqlAlchemyCustomers(SqlAlchemyMirror[Customer]):
    """The customers."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction, tables.customer, shapes.customer_columns, shapes.customer_of)

    def of_account(self, account: str) -> Sequence[Customer]:
        """Return the customers linked to an account, deleted ones too, by id."""
        return [self._value(row) for row in self._transaction.rows(_CUSTOMERS_OF_ACCOUNT, {"account": account})]


_SUBSCRIPTIONS = select(tables.subscription).order_by(tables.subscription.c.id)
_SUBSCRIPTIONS_OF_ACCOUNT = _SUBSCRIPTIONS.where(tables.subscription.c.account == bindparam("account"))
_SUBSCRIPTIONS_OF_CUSTOMER = _SUBSCRIPTIONS.where(tables.subscription.c.customer == bindparam("customer"))


class SqlAlchemySubscriptions(SqlAlchemyMirror[Subscription]):
    """The subscriptions."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction, tables.subscription, shapes.subscription_columns, shapes.subscription_of)

    def of_account(self, account: str) -> Sequence[Subscription]:
        """Return the subscriptions that are linked to an account, ended ones too, by id."""
        return [self._value(row) for row in self._transaction.rows(_SUBSCRIPTIONS_OF_ACCOUNT, {"account": account})]

    def of_customer(self, customer: str) -> Sequence[Mirrored[Subscription]]:
        """Return the subscriptions of a customer, ended ones too, by id."""
        return [self._mirrored(row) for row in self._transaction.rows(_SUBSCRIPTIONS_OF_CUSTOMER, {"customer": customer})]


class SqlAlchemyRefunds(SqlAlchemyMirror[Refund]):
    """The refunds of payments."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction, tables.refund, shapes.refund_columns, shapes.refund_of)
        self._of = _of(tables.refund, "payment", transaction.dialect)

    def of_payments(self, payments: Iterable[str]) -> Sequence[Refund]:
        """Return every refund of these payments, by id."""
        asked = self._of.others.rows((one,) for one in payments)
        return [self._value(row) for row in self._transaction.rows(self._of.select, asked)]


class SqlAlchemyDisputes(SqlAlchemyMirror[Dispute]):
    """The disputes of payments."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction, tables.dispute, shapes.dispute_columns, shapes.dispute_of)
        self._of = _of(tables.dispute, "payment", transaction.dialect)

    def of_payments(self, payments: Iterable[str]) -> Sequence[Dispute]:
        """Return every dispute of these payments, by id."""
        asked = self._of.others.rows((one,) for one in payments)
        return [self._value(row) for row in self._transaction.rows(self._of.select, asked)]
