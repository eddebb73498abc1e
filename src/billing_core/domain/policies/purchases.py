"""Purchases: what a one-time payment grants."""

from billing_core.domain.credits import AccountId, Grant, LotKind
from billing_core.domain.money import MAX_AMOUNT
from billing_core.domain.payments import QUANTITY, Payment, Purchase
from billing_core.domain.policies.sources import payment_source
from billing_core.domain.products import CREDIT_AMOUNT, amount_complaint, whole_amount
from billing_core.errors import Invalid

__all__ = ["bought", "purchase_grant"]


def bought(payment: Payment) -> Purchase | None:
    """Return what a payment bought; None if it grants nothing by itself.

    A payment that settles an invoice grants nothing: the invoice does.
    """
    return None if payment.invoice else payment.purchase


def purchase_grant(payment: Payment, purchase: Purchase, owner: str) -> Grant:
    """Return the grant of the credits that a one-time payment bought; they never expire.

    Raises:
        Invalid: The frozen terms cannot be read.
    """
    source = payment_source(payment)
    return Grant(
        account=AccountId(owner),
        key=source,
        source=source,
        amount=_frozen_amount(purchase),
        kind=LotKind.PAYG,
        effective_at=payment.paid_at,
        cost=payment.amount,
        reference=f"purchase:{purchase.id}",
    )


def _frozen_amount(purchase: Purchase) -> int:
    each = _frozen_number(CREDIT_AMOUNT, purchase.credit_amount)
    quantity = _frozen_number(QUANTITY, purchase.quantity)
    if each * quantity > MAX_AMOUNT:
        raise Invalid(CREDIT_AMOUNT, f"times {QUANTITY} is larger than {MAX_AMOUNT}")
    return each * quantity


def _frozen_number(name: str, text: str) -> int:
    complaint = amount_complaint(text)
    if complaint:
        raise Invalid(name, complaint)
    return whole_amount(text)
