"""Payments: money that arrived, and how it is sent back."""

from collections.abc import Sequence

from attrs import frozen

from billing_core.application.outward import Outward
from billing_core.application.work import Work
from billing_core.domain.money import Money
from billing_core.domain.orders import IssuedInvoice, Order, Placed, RefundPayment
from billing_core.domain.payments import Payment
from billing_core.domain.refunds import Dispute, Refund
from billing_core.errors import CurrencyMismatch, UnknownPayment
from billing_core.ports import Store

__all__ = ["Payments"]


@frozen
class Payments:
    """Opened as `billing.payments`."""

    _store: Store
    _outward: Outward

    def of(self, account: str) -> Sequence[Payment]:
        """Return the payments that name an account or bought something for it, oldest first; not its invoices."""
        with self._store.view() as unit:
            return unit.payments.payments_of(account)

    def invoices(self, account: str, limit: int = 100) -> Sequence[IssuedInvoice]:
        """Return at most `limit` invoices of an account, the latest first, as the provider shows them now."""
        with self._store.view() as unit:
            customers = [one.id for one in unit.customers.of_account(account)]
        found = [invoice for one in customers for invoice in self._outward.gateway.invoices(one, limit)]
        return sorted(found, key=lambda one: one.issued_at, reverse=True)[:limit]

    def refunds_of(self, payment: str) -> Sequence[Refund]:
        """Return the refunds of a payment, failed ones too, by id."""
        with self._store.view() as unit:
            return unit.refunds.of_payments([payment])

    def disputes_of(self, payment: str) -> Sequence[Dispute]:
        """Return the disputes of a payment, decided ones too, by id."""
        with self._store.view() as unit:
            return unit.disputes.of_payments([payment])

    def refund(
        self, account: str, payment: str, amount: Money | None = None, *, reason: str | None = None, key: str | None = None
    ) -> Placed:
        """Send a payment back, all that is left of it or an amount; its credits go when the refund's news comes.

        A `key` makes it happen once. What an order may raise stands with `billing.checkout`; the provider refuses more than
        is left.

        Raises:
            UnknownPayment: The account made no such payment.
            CurrencyMismatch: It was in another currency.
        """

        def make(work: Work) -> Order:
            made = {one.id: one for one in work.unit.payments.payments_of(account)}.get(payment)
            if made is None:
                raise UnknownPayment(account, payment)
            if amount and amount.currency != made.amount.currency:
                raise CurrencyMismatch(amount.currency.code, made.amount.currency.code)
            return RefundPayment(payment=payment, amount_minor=amount.amount_minor if amount else None, reason=reason)

        asked = ["refund", payment, amount and [amount.amount_minor, amount.currency.code], reason]
        return self._outward.order(account, key, asked, make)
