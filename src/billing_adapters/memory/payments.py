"""Payments in memory: what is there stays as it is."""

from collections.abc import Iterable, Mapping, Sequence

from billing_adapters.memory.tables import Table
from billing_core.domain.payments import Invoice, Payment, Settlement

__all__ = ["MemoryPayments"]


class MemoryPayments:
    """Payments and paid invoices."""

    def __init__(self, payments: Table[str, Payment], invoices: Table[str, Invoice], settled: Table[str, str]) -> None:
        """Keep them in these tables, and which invoice each payment was made for."""
        self._payments = payments
        self._invoices = invoices
        self._settled = settled

    def record_payment(self, payment: Payment) -> bool:
        """Keep a payment, unless its id is known; return whether it was new."""
        new = payment.id not in self._payments.rows
        if new:
            self._payments.put(payment.id, payment)
        return new

    def record_invoice(self, invoice: Invoice) -> bool:
        """Keep a paid invoice, unless its id is known; return whether it was new."""
        new = invoice.id not in self._invoices.rows
        if new:
            self._invoices.put(invoice.id, invoice)
        return new

    def invoices(self, ids: Iterable[str]) -> Mapping[str, Invoice]:
        """Return those that are recorded."""
        return self._invoices.pick(ids)

    def payments_of(self, account: str) -> Sequence[Payment]:
        """Return the payments that name an account, oldest first."""
        found = [one for one in self._payments.rows.values() if one.account == account]
        return sorted(found, key=lambda one: (one.paid_at, one.id))

    def invoices_of(self, subscription: str) -> Sequence[Invoice]:
        """Return the paid invoices of a subscription, oldest first."""
        found = [one for one in self._invoices.rows.values() if one.subscription == subscription]
        return sorted(found, key=lambda one: (one.paid_at, one.id))

    def payments(self, ids: Iterable[str], *, lock: bool = False) -> Mapping[str, Payment]:
        """Return those that are recorded; nobody else writes while this unit does."""
        del lock
        return self._payments.pick(ids)

    def record_settlement(self, settlement: Settlement) -> bool:
        """Keep which invoice a payment was made for, unless that is known; return whether it was new."""
        new = settlement.payment not in self._settled.rows
        if new:
            self._settled.put(settlement.payment, settlement.invoice)
        return new

    def settled_by(self, payments: Iterable[str]) -> Mapping[str, str]:
        """Return which invoice each of these payments was made for, where that is recorded."""
        return self._settled.pick(payments)

    def settling(self, invoice: str) -> Sequence[str]:
        """Return the payments that were made for an invoice, by id."""
        return sorted(payment for payment, settled in self._settled.rows.items() if settled == invoice)
