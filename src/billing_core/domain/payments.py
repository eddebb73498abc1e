"""Payments: money that was proven to have arrived, and what it was for."""

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from billing_core.domain.money import Money
from billing_core.domain.products import CREDIT_AMOUNT
from billing_core.domain.times import moment, optional_moment

__all__ = [
    "PRICE",
    "PRODUCT",
    "PURCHASE",
    "QUANTITY",
    "BillingReason",
    "Invoice",
    "InvoiceLine",
    "Payment",
    "Purchase",
    "Settlement",
    "purchase_in",
]


class BillingReason:
    """Why an invoice was written. Providers add reasons, so these are names for known strings and not an enum."""

    SUBSCRIPTION_CREATE = "subscription_create"
    SUBSCRIPTION_CYCLE = "subscription_cycle"
    SUBSCRIPTION_UPDATE = "subscription_update"


# The metadata that marks a payment as one of ours and freezes what it buys, beside the account (see `customers`) and the
# product's own `credit_amount`.
PURCHASE = "billing_purchase"
QUANTITY = "quantity"
PRODUCT = "product"
PRICE = "price"


@frozen
class Purchase:
    """What a one-time payment bought, frozen in its metadata when the payment was created.

    It grants `credit_amount * quantity` credits. Both are the text that the provider carried: `policies` reads them, so
    that a bad value is explained in one place.
    """

    id: str
    credit_amount: str
    quantity: str = "1"
    product: str | None = None
    price: str | None = None


def purchase_in(metadata: Mapping[str, str]) -> Purchase | None:
    """Return what the metadata of a payment says that it bought, if anything."""
    if not metadata.get(PURCHASE):
        return None
    return Purchase(
        id=metadata[PURCHASE],
        credit_amount=metadata.get(CREDIT_AMOUNT, ""),
        quantity=metadata.get(QUANTITY, "1"),
        product=metadata.get(PRODUCT) or None,
        price=metadata.get(PRICE) or None,
    )


@frozen
class Payment:
    """One payment that succeeded. `purchase` None: it bought nothing that we sold, such as an invoice's own payment."""

    id: str
    amount: Money
    paid_at: datetime = field(converter=moment)
    customer: str | None = None
    account: str | None = None
    invoice: str | None = None
    purchase: Purchase | None = None


@frozen
class InvoiceLine:
    """One line of an invoice, for `quantity` units of a price over a period.

    A proration settles a change inside a running period: negative for what was not used, positive for what replaces it.
    A line is `one_off` if it is neither that nor a period of the subscription: something bought along with it.
    """

    id: str
    amount: Money
    quantity: int = 1
    product: str | None = None
    price: str | None = None
    subscription: str | None = None
    proration: bool = False
    one_off: bool = False
    period_start: datetime | None = field(default=None, converter=optional_moment)
    period_end: datetime | None = field(default=None, converter=optional_moment)


@frozen
class Invoice:
    """One invoice that is paid. `account` is set only where the subscription's own metadata names it.

    `partial`: it has more lines than the news of it could carry.
    """

    id: str
    amount_paid: Money
    paid_at: datetime = field(converter=moment)
    reason: str
    customer: str | None = None
    account: str | None = None
    subscription: str | None = None
    lines: tuple[InvoiceLine, ...] = ()
    partial: bool = False


@frozen
class Settlement:
    """Which invoice a payment was made for; an invoice may be settled by several payments."""

    payment: str
    invoice: str
