"""News: what a provider told, kept in an open unit with all that follows from it, whichever way it came."""

from collections.abc import Iterable, Sequence
from typing import assert_never

from billing_core.application.agreements import record_subscription
from billing_core.application.customers import record_customer
from billing_core.application.products import record_price, record_product
from billing_core.application.receipts import record_invoice, record_payment
from billing_core.application.refunds import check_refunds, record_dispute, record_refund, record_settlement
from billing_core.application.work import Work
from billing_core.domain.mirrors import Kind
from billing_core.domain.webhooks import (
    CheckRefunds,
    Command,
    RecordCustomer,
    RecordDispute,
    RecordInvoice,
    RecordPayment,
    RecordPrice,
    RecordProduct,
    RecordRefund,
    RecordSettlement,
    RecordSubscription,
)

__all__ = ["made_known", "record"]


def record(work: Work, commands: Iterable[Command]) -> None:
    """Keep what these commands say, in their order.

    Raises:
        Missing: Something of it needs objects that are not known yet.
        Invalid: Something of it cannot be.
    """
    for command in commands:
        _record(work, command)


def made_known(commands: Iterable[Command]) -> Sequence[str]:
    """Return the names of the objects that these commands make known, for which others may wait."""
    return [name for name in map(_made_known, commands) if name]


def _record(work: Work, command: Command) -> None:  # noqa: C901 - one for each command
    match command:
        case RecordProduct(product):
            record_product(work, product)
        case RecordPrice(price):
            record_price(work, price)
        case RecordCustomer(customer):
            record_customer(work, customer)
        case RecordSubscription(subscription):
            record_subscription(work, subscription)
        case RecordPayment(payment):
            record_payment(work, payment)
        case RecordInvoice(invoice):
            record_invoice(work, invoice)
        case RecordSettlement(settlement):
            record_settlement(work, settlement)
        case RecordRefund(refund):
            record_refund(work, refund)
        case RecordDispute(dispute):
            record_dispute(work, dispute)
        case CheckRefunds(refunded):
            check_refunds(work, refunded)
        case _:
            assert_never(command)


def _made_known(command: Command) -> str | None:  # noqa: PLR0911 - one for each command
    match command:
        case RecordProduct(one):
            return Kind.PRODUCT.named(one.value.id)
        case RecordPrice(one):
            return Kind.PRICE.named(one.value.id)
        case RecordCustomer(one):
            return Kind.CUSTOMER.named(one.value.id)
        case RecordSubscription(one):
            return Kind.SUBSCRIPTION.named(one.value.id)
        case RecordInvoice(one):
            return Kind.INVOICE.named(one.id)
        case RecordPayment(one):
            return Kind.PAYMENT.named(one.id)
        case RecordRefund(one):
            return Kind.REFUNDS.named(one.value.payment)
        case RecordSettlement() | RecordDispute() | CheckRefunds():
            return None
        case _:
            assert_never(command)
