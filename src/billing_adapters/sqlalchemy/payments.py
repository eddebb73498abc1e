"""Payments: money that arrived."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, Table, bindparam, insert, select

from billing_adapters.sqlalchemy import tables
from billing_adapters.sqlalchemy.statements import Asked, insert_new
from billing_adapters.sqlalchemy.transaction import Transaction
from billing_core.domain.money import Money
from billing_core.domain.payments import Invoice, InvoiceLine, Payment, Purchase, Settlement

__all__ = ["SqlAlchemyPayments"]

_payment, _invoice, _line, _settlement = tables.payment, tables.invoice, tables.invoice_line, tables.settlement

_PAYMENT = ("id", "paid_at", "customer", "account", "invoice")
_PURCHASE = ("id", "credit_amount", "quantity", "product", "price")
_INVOICE = ("id", "paid_at", "reason", "customer", "account", "subscription", "partial")
_LINE = ("id", "quantity", "product", "price", "subscription", "proration", "one_off", "period_start", "period_end")

_insert_new = cache(insert_new)
_ADD_LINES = insert(_line)
_PAYMENTS_OF = (
    select(_payment).where(_payment.c.account == bindparam("account")).order_by(_payment.c.paid_at, _payment.c.id)
)
_INVOICES_OF = (
    select(_invoice).where(_invoice.c.subscription == bindparam("subscription")).order_by(_invoice.c.paid_at, _invoice.c.id)
)
_LINES_OF = (
    select(_line)
    .join(_invoice, _invoice.c.id == _line.c.invoice)
    .where(_invoice.c.subscription == bindparam("subscription"))
    .order_by(_line.c.invoice, _line.c.position)
)
_SETTLING = (
    select(_settlement.c.payment).where(_settlement.c.invoice == bindparam("invoice")).order_by(_settlement.c.payment)
)


class _Statements:
    """What is asked by id, which each database says in its own way."""

    def __init__(self, dialect: str) -> None:
        self.ids = Asked(dialect, "id")
        self.invoices = select(_invoice).join(self.ids.table, _invoice.c.id == self.ids.c.id)
        self.payments = select(_payment).join(self.ids.table, _payment.c.id == self.ids.c.id)
        # Two units that lock several do so in one order, or they would wait for one another.
        self.locked = self.payments.order_by(_payment.c.id).with_for_update(of=_payment)
        self.settled = select(_settlement).join(self.ids.table, _settlement.c.payment == self.ids.c.id)
        self.lines = (
            select(_line).join(self.ids.table, _line.c.invoice == self.ids.c.id).order_by(_line.c.invoice, _line.c.position)
        )


_statements = cache(_Statements)


class SqlAlchemyPayments:
    """Money that arrived. What is recorded is never changed: recording it again does nothing."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._sql = _statements(transaction.dialect)

    def record_payment(self, payment: Payment) -> bool:
        """Keep a payment, unless its id is known; return whether it was new."""
        return bool(self._add(_payment, _payment_columns(payment), f"payment {payment.id}"))

    def record_invoice(self, invoice: Invoice) -> bool:
        """Keep a paid invoice with its lines, unless its id is known; return whether it was new."""
        what = f"invoice {invoice.id}"
        new = bool(self._add(_invoice, _invoice_columns(invoice), what))
        if new and invoice.lines:
            lines = [_line_columns(invoice, at, line) for at, line in enumerate(invoice.lines)]
            self._transaction.write(_ADD_LINES, lines, what)
        return new

    def invoices(self, ids: Iterable[str]) -> Mapping[str, Invoice]:
        """Return those that are recorded, with their lines."""
        asked = self._sql.ids.rows((one,) for one in ids)
        return {one.id: one for one in self._found(self._sql.invoices, self._sql.lines, asked)}

    def payments_of(self, account: str) -> Sequence[Payment]:
        """Return the payments that name an account, oldest first, then by id."""
        return [_payment_of(row) for row in self._transaction.rows(_PAYMENTS_OF, {"account": account})]

    def invoices_of(self, subscription: str) -> Sequence[Invoice]:
        """Return the paid invoices of a subscription, oldest first, then by id."""
        return self._found(_INVOICES_OF, _LINES_OF, {"subscription": subscription})

    def payments(self, ids: Iterable[str], *, lock: bool = False) -> Mapping[str, Payment]:
        """Return those that are recorded. `lock`: nobody else gets them locked until the unit ends."""
        asked = self._sql.ids.rows((one,) for one in ids)
        found = self._transaction.rows(self._sql.locked if lock else self._sql.payments, asked)
        return {row.id: _payment_of(row) for row in found}

    def record_settlement(self, settlement: Settlement) -> bool:
        """Keep which invoice a payment was made for, unless that is known; return whether it was new."""
        row = {"payment": settlement.payment, "invoice": settlement.invoice}
        return bool(self._add(_settlement, row, f"the settlement by {settlement.payment}"))

    def settled_by(self, payments: Iterable[str]) -> Mapping[str, str]:
        """Return which invoice each of these payments was made for, where that is recorded."""
        found = self._transaction.rows(self._sql.settled, self._sql.ids.rows((one,) for one in payments))
        return {row.payment: row.invoice for row in found}

    def settling(self, invoice: str) -> Sequence[str]:
        """Return the payments that were made for an invoice, by id."""
        return [row.payment for row in self._transaction.rows(_SETTLING, {"invoice": invoice})]

    def _found(self, which: Select[Any], with_lines: Select[Any], asked: dict[str, Any]) -> Sequence[Invoice]:
        invoices = self._transaction.rows(which, asked)
        lines: dict[str, list[InvoiceLine]] = {row.id: [] for row in invoices}
        for row in self._transaction.rows(with_lines, asked) if invoices else ():
            # An invoice that was committed between the two queries is not part of the answer.
            lines.get(row.invoice, []).append(_line_of(row))
        return [_invoice_of(row, tuple(lines[row.id])) for row in invoices]

    def _add(self, table: Table, row: dict[str, Any], what: str) -> int:
        return self._transaction.write(_insert_new(self._transaction.dialect, table), row, what)


def _same(one: object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(one, name) for name in names}


def _payment_columns(payment: Payment) -> dict[str, Any]:
    bought = {f"purchase_{name}": getattr(payment.purchase, name, None) for name in _PURCHASE}
    amount = {"amount_minor": payment.amount.amount_minor, "currency": payment.amount.currency.code}
    return _same(payment, _PAYMENT) | amount | bought


def _payment_of(row: Row[Any]) -> Payment:
    bought = {name: getattr(row, f"purchase_{name}") for name in _PURCHASE}
    purchase = None if row.purchase_id is None else Purchase(**bought)
    return Payment(**_same(row, _PAYMENT), amount=Money(row.amount_minor, row.currency), purchase=purchase)


def _invoice_columns(invoice: Invoice) -> dict[str, Any]:
    paid = {"amount_paid_minor": invoice.amount_paid.amount_minor, "currency": invoice.amount_paid.currency.code}
    return _same(invoice, _INVOICE) | paid


def _invoice_of(row: Row[Any], lines: tuple[InvoiceLine, ...]) -> Invoice:
    return Invoice(**_same(row, _INVOICE), amount_paid=Money(row.amount_paid_minor, row.currency), lines=lines)


def _line_columns(invoice: Invoice, position: int, line: InvoiceLine) -> dict[str, Any]:
    amount = {"amount_minor": line.amount.amount_minor, "currency": line.amount.currency.code}
    return _same(line, _LINE) | amount | {"invoice": invoice.id, "position": position}


def _line_of(row: Row[Any]) -> InvoiceLine:
    return InvoiceLine(**_same(row, _LINE), amount=Money(row.amount_minor, row.currency))
