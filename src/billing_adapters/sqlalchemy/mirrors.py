"""Mirrors: local copies of the provider's objects, a table for each kind."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar

from sqlalchemy import Executable, Row, Table, bindparam, select, update

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
        self._put([snapshot], f"{self._name} {snapshot.value.id}")

    def put_all(self, snapshots: Iterable[Mirrored[T]]) -> None:
        """Write snapshots of different objects, each as `put` does; the new ones at once, and the others at once.

        Raises:
            Conflict: One of the stored versions is another one.
        """
        # Everybody locks rows in one order.
        self._put(sorted(snapshots, key=lambda one: one.value.id), f"some {self._name}s")

    def _put(self, snapshots: Sequence[Mirrored[T]], what: str) -> None:
        new = [self._row(one, 1) for one in snapshots if not one.version]
        others = [
            {**self._row(one, one.version + 1), "stored_id": one.value.id, "stored_version": one.version}
            for one in snapshots
            if one.version
        ]
        self._write(self._sql.add, new, what)
        self._write(self._sql.replace, others, what)

    def _write(self, statement: Executable, rows: Sequence[dict[str, Any]], what: str) -> None:
        if rows:
            self._transaction.write(statement, rows if len(rows) > 1 else rows[0], what, expected=len(rows))

    @property
    def _name(self) -> str:
        return self._table.name.removeprefix("billing_")

    def _row(self, snapshot: Mirrored[T], version: int) -> dict[str, Any]:
        revision = snapshot.revision
        return {
            **self._columns(snapshot.value),
            "occurred_at": revision.occurred_at,
            "rank": revision.rank,
            "digest": revision.digest,
            "version": version,
        }

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


class SqlAlchemyListed(SqlAlchemyMirror[T]):
    """What the mirrors share of what the provider lists: `past` is the table of what they said before."""

    def __init__(
        self,
        transaction: Transaction,
        table: Table,
        past: Table,
        columns: Callable[[T], dict[str, Any]],
        value: Callable[[Row[Any]], T],
    ) -> None:
        super().__init__(transaction, table, columns, value)
        self._list = _list_statements(table, past, transaction.dialect)

    def live(self, *, after: str | None = None, before: datetime | None = None, limit: int = 100) -> Sequence[Mirrored[T]]:
        """Return at most `limit` that were not deleted and whose id comes after another, by id.

        `before`: only those whose place in history is earlier than that moment.
        """
        asked = {"after": after or "", "most": limit}
        if before is None:
            found = self._transaction.rows(self._list.live, asked)
        else:
            found = self._transaction.rows(self._list.live_before, {**asked, "before": before})
        return [self._mirrored(row) for row in found]

    def remember(self, snapshots: Iterable[Mirrored[T]]) -> None:
        """Keep snapshots as they were stored, with their versions, before something else is written over them.

        Raises:
            Conflict: The version of an object was kept before.
        """
        self._write(self._list.remember, [self._row(one, one.version) for one in snapshots], f"a past {self._name}")

    def past(self, object_id: str) -> Sequence[Mirrored[T]]:
        """Return what was kept of an object, by version."""
        return [self._mirrored(row) for row in self._transaction.rows(self._list.past, {"asked": object_id})]


class _ListStatements:
    """What is asked of a mirror of what the provider lists, and of its past."""

    def __init__(self, table: Table, past: Table, dialect: str) -> None:
        live = select(table).where(table.c.id > bindparam("after"), ~table.c.deleted)
        self.live = live.order_by(table.c.id).limit(bindparam("most"))
        self.live_before = self.live.where(table.c.occurred_at < bindparam("before"))
        self.remember = insert_new(dialect, past)
        self.past = select(past).where(past.c.id == bindparam("asked")).order_by(past.c.version)


_list_statements = cache(_ListStatements)


_ALL_PRODUCTS = select(tables.product).order_by(tables.product.c.id)


class SqlAlchemyProducts(SqlAlchemyListed[Product]):
    """The products."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction, tables.product, tables.past_product, shapes.product_columns, shapes.product_of)

    def all(self) -> Sequence[Product]:
        """Return every product, deleted ones too, by id."""
        return [self._value(row) for row in self._transaction.rows(_ALL_PRODUCTS, {})]


class _Of:
    """How those of one kind are asked for that belong to some others, by id."""

    def __init__(self, table: Table, others: str, dialect: str) -> None:
        self.others = Asked(dialect, others)
        self.select = select(table).join(self.others.table, table.c[others] == self.others.c[others]).order_by(table.c.id)


_of = cache(_Of)


class SqlAlchemyPrices(SqlAlchemyListed[Price]):
    """The prices."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction, tables.price, tables.past_price, shapes.price_columns, shapes.price_of)
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
