"""Records: what the shop keeps of payments, pages, subscriptions, invoices and refunds, and changes as they change."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from attrs import define

from billing_core.domain.customers import Customer
from billing_core.domain.mirrors import Mirrored
from billing_core.domain.money import Money
from billing_core.domain.orders import IssuedInvoice, OpenCheckout
from billing_core.domain.payments import Invoice, InvoiceLine
from billing_core.domain.subscriptions import Status, Subscription
from billing_core.errors import ProviderRefused

__all__ = ["Agreement", "Bill", "Buyer", "Card", "Page", "Portal", "Refund", "Saving", "Taking", "Thing", "refused"]

# How long a first payment is waited for.
PATIENCE = timedelta(hours=23)


@define(eq=False)
class Buyer:
    """A customer, and the card that pays if nobody says which."""

    told: Mirrored[Customer]
    card: "Card | None" = None


@define(eq=False)
class Card:
    """A payment method; `declines` is why it pays nothing."""

    id: str
    customer: str
    declines: str | None = None


@define(eq=False)
class Taking:
    """A payment, which has succeeded if it was paid."""

    id: str
    customer: str
    amount: Money
    metadata: Mapping[str, str]
    invoice: str | None = None
    paid_at: datetime | None = None
    refunded: int = 0

    @property
    def status(self) -> str:
        """How it stands."""
        return "succeeded" if self.paid_at else "requires_payment"

    @property
    def left(self) -> int:
        """How much of it can still be sent back."""
        return self.amount.amount_minor - self.refunded if self.paid_at else 0


@define(eq=False)
class Saving:
    """A card that a customer is to save."""

    id: str
    customer: str
    status: str = "requires_card"


@define(eq=False)
class Page:
    """A page on which somebody buys something."""

    id: str
    order: OpenCheckout
    status: str = "open"
    payment: str | None = None
    subscription: str | None = None


@define(eq=False)
class Portal:
    """A page on which a customer looks after things."""

    id: str
    customer: str


@define(eq=False)
class Refund:
    """What was sent back of a payment."""

    id: str
    payment: str
    amount_minor: int


@define(eq=False)
class Bill:
    """An invoice. `due` is what has to be paid of it: less than the total if a credit was left from before."""

    id: str
    customer: str
    subscription: str
    reason: str
    lines: tuple[InvoiceLine, ...]
    total: Money
    due: Money
    issued_at: datetime
    status: str = "open"
    paid_at: datetime | None = None
    payment: str | None = None

    @property
    def issued(self) -> IssuedInvoice:
        """The invoice as its customer sees it."""
        return IssuedInvoice(
            id=self.id,
            status=self.status,
            total=self.total,
            due=self.due,
            issued_at=self.issued_at,
            number=f"M-{self.id.partition('_')[2]}",
            subscription=self.subscription,
            url=f"https://memory.invalid/invoices/{self.id}",
        )

    @property
    def paid(self) -> Invoice | None:
        """The invoice as it was paid, if it was."""
        if self.paid_at is None:
            return None
        return Invoice(
            id=self.id,
            amount_paid=self.due,
            paid_at=self.paid_at,
            reason=self.reason,
            customer=self.customer,
            subscription=self.subscription,
            lines=self.lines,
        )


@define(eq=False)
class Agreement:
    """A subscription, and what is not told of it.

    Its periods are counted from `anchor`. `bill` is the latest invoice, `pending` what the next one settles, and `credit`
    what it need not ask for.
    """

    told: Mirrored[Subscription]
    anchor: datetime
    cycles: int = 0
    bill: Bill | None = None
    card: Card | None = None
    paused: bool = False
    pending: tuple[InvoiceLine, ...] = ()
    credit: int = 0

    @property
    def now(self) -> Subscription:
        """The subscription as it stands."""
        return self.told.value

    @property
    def due_at(self) -> datetime | None:
        """When something happens to it by itself."""
        one = self.now
        if one.ended:
            return None
        if one.status is Status.INCOMPLETE:
            return self.anchor + PATIENCE
        return one.period_end


Thing: TypeAlias = Buyer | Taking | Saving | Page | Portal | Refund | Agreement


def refused(code: str, reason: str, param: str | None = None) -> ProviderRefused:
    """Return the refusal to do something."""
    return ProviderRefused(code, reason, param)
