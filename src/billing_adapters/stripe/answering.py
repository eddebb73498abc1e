"""Answering: what Stripe's answers say of what was ordered, as this library's own values."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from billing_adapters.stripe.calls import Answer
from billing_adapters.stripe.errors import unreadable
from billing_adapters.stripe.reading import Node
from billing_adapters.stripe.shapes import customer, invoice, payment, subscription
from billing_core.domain.mirrors import Phase, snapshot
from billing_core.domain.orders import Placed
from billing_core.domain.webhooks import Command, RecordCustomer, RecordInvoice, RecordPayment, RecordSubscription
from billing_core.errors import Invalid, Malformed

__all__ = ["placed"]


def placed(answer: Answer) -> Placed:
    """Return what an answer says of something that was ordered.

    News that cannot be read are left out: what was placed is placed, and its webhook shows to a person what is wrong.

    Raises:
        ProviderUnavailable: The answer is about nothing that can be ordered, or has no name for it.
    """
    try:
        return _placed(Node("answer", answer.object), answer.at)
    except Malformed as what:
        raise unreadable(what) from None


def _placed(node: Node, at: datetime) -> Placed:
    kind = node.text("object")
    if kind not in _READINGS:
        raise Malformed(f"{node.path}.object is nothing that can be ordered")
    return _READINGS[kind](node, at)


def _customer(node: Node, at: datetime) -> Placed:
    return Placed(
        id=node.text("id"), status="deleted" if node.flag("deleted") else None, news=_read(_of_customer, node, at)
    )


def _payment(node: Node, at: datetime) -> Placed:
    return Placed(
        id=node.text("id"),
        status=node.optional_text("status"),
        secret=node.optional_text("client_secret"),
        payment=node.text("id"),
        news=_read(_of_payment, node, at),
    )


def _card(node: Node, _at: datetime) -> Placed:
    return Placed(id=node.text("id"), status=node.optional_text("status"), secret=node.optional_text("client_secret"))


def _checkout(node: Node, at: datetime) -> Placed:
    return Placed(
        id=node.text("id"),
        status=node.optional_text("status"),
        url=node.optional_text("url"),
        payment=node.optional_reference("payment_intent"),
        subscription=node.optional_reference("subscription"),
        news=(
            *_inner(_of_payment, node, "payment_intent", at),
            *_inner(_of_subscription, node, "subscription", at),
            *_inner(_of_invoice, node, "invoice", at),
        ),
    )


def _portal(node: Node, _at: datetime) -> Placed:
    return Placed(id=node.text("id"), url=node.text("url"))


def _subscription(node: Node, at: datetime) -> Placed:
    first = node.expanded("latest_invoice")
    return Placed(
        id=node.text("id"),
        status=node.optional_text("status"),
        secret=_secret(node, first),
        payment=_paying(first),
        subscription=node.text("id"),
        news=(*_read(_of_subscription, node, at), *_inner(_of_invoice, node, "latest_invoice", at)),
    )


def _secret(agreement: Node, bill: Node | None) -> str | None:
    """Return what the customer finishes with: the payment of an invoice that is not paid, else the saving of a card."""
    asked = bill.optional_node("confirmation_secret") if bill and bill.optional_text("status") != "paid" else None
    setup = agreement.expanded("pending_setup_intent")
    finishes = asked or setup
    return finishes.optional_text("client_secret") if finishes else None


def _paying(bill: Node | None) -> str | None:
    """Return the payment intent that pays an invoice."""
    payments = [one.optional_node("payment") for one in bill.listed("payments")] if bill else []
    found = [payment.optional_reference("payment_intent") for payment in payments if payment]
    return next((payment for payment in found if payment), None)


def _refund(node: Node, _at: datetime) -> Placed:
    return Placed(
        id=node.text("id"), status=node.optional_text("status"), payment=node.optional_reference("payment_intent")
    )


_Reading: TypeAlias = Callable[[Node, datetime], Placed]

_READINGS: Mapping[str, _Reading] = MappingProxyType({
    "billing_portal.session": _portal,
    "checkout.session": _checkout,
    "customer": _customer,
    "payment_intent": _payment,
    "refund": _refund,
    "setup_intent": _card,
    "subscription": _subscription,
})


# News ---------------------------------------------------------------------------------------------------------------------

# An answer tells what a webhook of the same second knows at least as well: as the earliest of that second it never wins.
_PHASE = Phase.CREATED


def _of_customer(node: Node, at: datetime) -> Command:
    return RecordCustomer(snapshot(customer(node.members, at), at, _PHASE))


def _of_subscription(node: Node, at: datetime) -> Command:
    return RecordSubscription(snapshot(subscription(node.members, at), at, _PHASE))


def _of_payment(node: Node, at: datetime) -> Command | None:
    """Return a payment that is proven. It does not say when it succeeded; its charge says when it was made."""
    if node.optional_text("status") != "succeeded":
        return None
    charge = node.expanded("latest_charge")
    return RecordPayment(payment(node.members, (charge and charge.optional_moment("created")) or at))


def _of_invoice(node: Node, at: datetime) -> Command | None:
    paid = invoice(node.members, at)
    return RecordInvoice(paid) if paid else None


_Telling: TypeAlias = Callable[[Node, datetime], Command | None]


def _read(tell: _Telling, node: Node, at: datetime) -> tuple[Command, ...]:
    with suppress(Malformed, Invalid):
        told = tell(node, at)
        return (told,) if told else ()
    return ()


def _inner(tell: _Telling, node: Node, name: str, at: datetime) -> tuple[Command, ...]:
    whole = node.expanded(name)
    return _read(tell, whole, at) if whole else ()
