"""Webhooks: what a provider told us, as commands that no longer depend on the provider.

A webhook is stored before it is judged. Its state says what became of it; nothing that was acknowledged leaves the inbox
without having been applied, ignored for a reason, or shown as dead to a person.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias, assert_never

import attrs
from attrs import field, frozen

from billing_core.domain.customers import Customer
from billing_core.domain.mirrors import Mirrored
from billing_core.domain.payments import Invoice, Payment, Settlement
from billing_core.domain.products import Price, Product
from billing_core.domain.refunds import Dispute, Refund, Refunded
from billing_core.domain.subscriptions import Subscription
from billing_core.domain.times import moment, optional_moment

__all__ = [
    "AlreadyApplied",
    "Applied",
    "CheckRefunds",
    "Command",
    "Deferred",
    "Delivery",
    "DeliveryState",
    "Failed",
    "Ignored",
    "Outcome",
    "RecordCustomer",
    "RecordDispute",
    "RecordInvoice",
    "RecordPayment",
    "RecordPrice",
    "RecordProduct",
    "RecordRefund",
    "RecordSettlement",
    "RecordSubscription",
    "Webhook",
    "judged",
]


# What it asks for ---------------------------------------------------------------------------------------------------------


@frozen
class RecordProduct:
    """Keep this snapshot of a product."""

    product: Mirrored[Product]


@frozen
class RecordPrice:
    """Keep this snapshot of a price."""

    price: Mirrored[Price]


@frozen
class RecordCustomer:
    """Keep this snapshot of a customer."""

    customer: Mirrored[Customer]


@frozen
class RecordSubscription:
    """Keep this snapshot of a subscription."""

    subscription: Mirrored[Subscription]


@frozen
class RecordPayment:
    """Keep a payment that succeeded, and grant what it bought."""

    payment: Payment


@frozen
class RecordInvoice:
    """Keep an invoice that is paid, and grant what its lines entitle to."""

    invoice: Invoice


@frozen
class RecordSettlement:
    """Keep which invoice a payment was made for."""

    settlement: Settlement


@frozen
class RecordRefund:
    """Keep this snapshot of a refund, and take back the credits that its money bought, or return them if it failed."""

    refund: Mirrored[Refund]


@frozen
class RecordDispute:
    """Keep this snapshot of a dispute, and take back or return credits as its money goes and comes."""

    dispute: Mirrored[Dispute]


@frozen
class CheckRefunds:
    """Make sure that all refunds of a payment are known; this alone moves nothing."""

    refunded: Refunded


Command: TypeAlias = (
    RecordProduct
    | RecordPrice
    | RecordCustomer
    | RecordSubscription
    | RecordPayment
    | RecordInvoice
    | RecordSettlement
    | RecordRefund
    | RecordDispute
    | CheckRefunds
)


@frozen
class Webhook:
    """One event of the provider. `type` stays the provider's own word; no commands: nothing here cares about it.

    `unreadable` says why the object of a known type could not be read: it is kept for a person to see, and for a later
    version to read.
    """

    id: str
    type: str
    occurred_at: datetime = field(converter=moment)
    livemode: bool = False
    api_version: str | None = None
    commands: tuple[Command, ...] = ()
    unreadable: str | None = None


# What became of it --------------------------------------------------------------------------------------------------------


@frozen
class Applied:
    """Its effects took place, in the same transaction that stored it."""

    webhook: str


@frozen
class AlreadyApplied:
    """It was applied before: nothing changed."""

    webhook: str


@frozen
class Ignored:
    """It is stored, and has no effect here."""

    webhook: str
    reason: str


@frozen
class Deferred:
    """It is stored, and is applied as soon as the objects it names are known."""

    webhook: str
    until: tuple[str, ...]


@frozen
class Failed:
    """It is stored, and is tried again; `dead`: only when somebody asks for it."""

    webhook: str
    reason: str
    dead: bool = False


Outcome: TypeAlias = Applied | AlreadyApplied | Ignored | Deferred | Failed


class DeliveryState(StrEnum):
    """What became of a stored webhook."""

    APPLIED = "applied"
    IGNORED = "ignored"
    DEFERRED = "deferred"
    FAILED = "failed"
    DEAD = "dead"


@frozen
class Delivery:
    """A webhook as it stands in the inbox: the bytes that came, and what became of them.

    `attempts` counts how often in a row it was judged with the same outcome. `next_attempt_at` None: nobody tries it again
    by itself. `error` is why it failed or was ignored, for a person to read.
    """

    id: str
    type: str
    body: bytes
    occurred_at: datetime = field(converter=moment)
    received_at: datetime = field(converter=moment)
    livemode: bool = False
    api_version: str | None = None
    state: DeliveryState = DeliveryState.FAILED
    waiting_for: tuple[str, ...] = ()
    attempts: int = 0
    next_attempt_at: datetime | None = field(default=None, converter=optional_moment)
    error: str | None = None
    version: int = 0

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do for it; what was ignored may mean something to a later version."""
        return self.state is DeliveryState.APPLIED


_FIRST_RETRY = timedelta(seconds=30)
_LONGEST_RETRY = timedelta(hours=6)
_MAX_ATTEMPTS = 20  # about two and a half days


def judged(delivery: Delivery, outcome: Outcome, now: datetime, error: str | None = None) -> Delivery:
    """Return a delivery after one more look at it; `error` is what a person should read of a failure.

    What failed is looked at again later every time, at most six hours apart, and is dead after twenty failures: from then
    on a person decides. What is deferred is looked at when the objects it waits for come, and now and then in any case.
    """
    state = _state(outcome)
    attempts = 1 + (delivery.attempts if delivery.state is state else 0)
    if state is DeliveryState.FAILED and (attempts >= _MAX_ATTEMPTS or delivery.state is DeliveryState.DEAD):
        state = DeliveryState.DEAD
    later = now + min(_FIRST_RETRY * (1 << min(attempts - 1, _MAX_ATTEMPTS)), _LONGEST_RETRY)
    return attrs.evolve(
        delivery,
        state=state,
        attempts=attempts,
        waiting_for=outcome.until if isinstance(outcome, Deferred) else (),
        next_attempt_at=later if state in {DeliveryState.DEFERRED, DeliveryState.FAILED} else None,
        error=error or (outcome.reason if isinstance(outcome, Failed | Ignored) else None),
    )


def _state(outcome: Outcome) -> DeliveryState:
    match outcome:
        case Applied() | AlreadyApplied():
            return DeliveryState.APPLIED
        case Ignored():
            return DeliveryState.IGNORED
        case Deferred():
            return DeliveryState.DEFERRED
        case Failed(dead=dead):
            return DeliveryState.DEAD if dead else DeliveryState.FAILED
        case _:
            assert_never(outcome)
