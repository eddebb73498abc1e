"""Invoicing: the life of an invoice, whoever writes it: a subscription or a request.

Source: https://docs.stripe.com/invoicing/overview. A draft becomes open and then is paid, void or uncollectible.
"""

from collections.abc import Callable, Sequence

from attrs import field, frozen

from billing_adapters.simulator import intents
from billing_adapters.simulator.cards import Decline
from billing_adapters.simulator.charging import Presence
from billing_adapters.simulator.currencies import LEAST
from billing_adapters.simulator.discounts import discount_lines
from billing_adapters.simulator.expanding import EXPANDABLE
from billing_adapters.simulator.invoice_payments import intent_of, payment_by, request_payment, withdraw_payment
from billing_adapters.simulator.invoice_shape import blank
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import invalid
from billing_adapters.simulator.world import World

__all__ = [
    "KIND",
    "ON_FAILED",
    "ON_PAID",
    "Terms",
    "attempt",
    "composed",
    "drafted",
    "finalized",
    "marked_out_of_band",
    "marked_paid",
    "marked_uncollectible",
    "relined",
    "voided",
]

KIND = "invoice"
_UPDATED = "invoice.updated"

EXPANDABLE.update(invoice=KIND, latest_invoice=KIND)

ON_PAID: list[Callable[[World, JsonObject], None]] = []
"""What others do about an invoice that is paid."""

ON_FAILED: list[Callable[[World, JsonObject], None]] = []
"""What others do about an invoice whose payment failed, or that waits for its customer."""


@frozen
class Terms:
    """What an invoice is for. `parent` says which subscription it is of; `advances` whether it goes on by itself."""

    customer: JsonObject
    currency: str
    reason: str
    period: tuple[int, int]
    parent: JsonObject | None = None
    discounts: Sequence[JsonObject] = ()
    advances: bool = True
    more: JsonObject = field(factory=dict)


def composed(world: World, terms: Terms, lines: Sequence[JsonObject]) -> JsonObject:
    """Return an invoice with its sums, which is not kept yet."""
    invoice = world.new(KIND, "in", {**blank(terms.customer), **terms.more})
    invoice.update(
        auto_advance=terms.advances,
        billing_reason=terms.reason,
        currency=terms.currency,
        discounts=[one["id"] for one in terms.discounts],
        parent=terms.parent,
        period_start=terms.period[0],
        period_end=terms.period[1],
        starting_balance=terms.customer["balance"],
    )
    relined(world, invoice, lines, terms.discounts)
    return invoice


def relined(world: World, invoice: JsonObject, lines: Sequence[JsonObject], discounts: Sequence[JsonObject]) -> None:
    """Put these lines into an invoice, and sum them up."""
    url = f"/v1/invoices/{invoice['id']}/lines"
    data = [{**one, "invoice": invoice["id"]} for one in lines]
    invoice["lines"] = {"object": "list", "data": data, "has_more": False, "total_count": len(data), "url": url}
    discount_lines(world, invoice, discounts)
    subtotal = sum(one["amount"] for one in data)
    total = subtotal - sum(one["amount"] for one in invoice["total_discount_amounts"])
    due, _ = _settled(total, invoice["starting_balance"], invoice["currency"])
    invoice.update(subtotal=subtotal, subtotal_excluding_tax=subtotal, total=total, total_excluding_tax=total)
    invoice.update(amount_due=due, amount_remaining=due)


def drafted(world: World, terms: Terms, lines: Sequence[JsonObject]) -> JsonObject:
    """Create an invoice that is still a draft, and tell it."""
    invoice = world.add(composed(world, terms, lines))
    world.emit("invoice.created", invoice)
    return invoice


def finalized(world: World, invoice: JsonObject) -> None:
    """Close a draft: it gets its number, and a payment intent unless nothing is due.

    Raises:
        Refused: It is no draft, or the customer is deleted.
    """
    if invoice["status"] != "draft":
        raise invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.", code="invoice_not_editable"
        )
    customer = world.get("customer", invoice["customer"], "customer")
    due, balance = _settled(invoice["total"], customer["balance"], invoice["currency"])
    number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}"
    customer["next_invoice_sequence"] += 1
    invoice.update(starting_balance=customer["balance"], ending_balance=balance, amount_due=due, amount_remaining=due)
    invoice.update(number=number, status="open", effective_at=world.now, automatically_finalizes_at=None)
    invoice.update(
        hosted_invoice_url=f"{world.site}/invoices/{invoice['id']}",
        invoice_pdf=f"{world.site}/invoices/{invoice['id']}/pdf",
    )
    _note(world, invoice, "finalized_at")
    with world.changing(customer, "customer.updated"):
        customer["balance"] = balance
    if due:
        request_payment(world, invoice)
    world.emit("invoice.finalized", invoice)
    if not due:
        marked_paid(world, invoice)


def attempt(
    world: World,
    invoice: JsonObject,
    method: JsonObject | None,
    presence: Presence,
    then: int | None = None,
    *,
    counts: bool = True,
) -> Decline | None:
    """Try to collect an open invoice, and return why it was declined.

    `then` is when it is tried again if it fails; `counts` whether it counts as one of the tries that are planned.
    """
    intent = intent_of(world, invoice)
    tries = invoice["attempt_count"] + 1 if counts else max(invoice["attempt_count"], 1)
    invoice.update(attempted=True, attempt_count=tries, next_payment_attempt=then)
    if method is None:
        world.emit("invoice.payment_failed", invoice)
        _tell(ON_FAILED, world, invoice)
        return None
    why = intents.attempted(world, intent, method, presence)
    if intent["status"] == "requires_action" or (why and why.code == "authentication_required"):
        world.emit("invoice.payment_action_required", invoice)
        _tell(ON_FAILED, world, invoice)
    return why


def marked_paid(world: World, invoice: JsonObject, amount: int = 0) -> None:
    """Note that an invoice is paid, and tell it."""
    with world.changing(invoice, _UPDATED):
        invoice.update(status="paid", attempted=True, amount_paid=amount, amount_remaining=0, auto_advance=False)
        invoice.update(next_payment_attempt=None, attempt_count=max(invoice["attempt_count"], 1 if amount else 0))
        _note(world, invoice, "paid_at")
    world.emit("invoice.paid", invoice)
    world.emit("invoice.payment_succeeded", invoice)
    _tell(ON_PAID, world, invoice)


def marked_out_of_band(world: World, invoice: JsonObject) -> None:
    """Note that an invoice was paid elsewhere."""
    withdraw_payment(world, invoice)
    with world.changing(invoice, _UPDATED):
        paid = invoice["amount_due"]
        invoice.update(status="paid", amount_paid=paid, amount_remaining=0, amount_paid_off_stripe=paid, auto_advance=False)
        invoice["next_payment_attempt"] = None
        _note(world, invoice, "paid_at")
    world.emit("invoice.paid", invoice)
    _tell(ON_PAID, world, invoice)


def voided(world: World, invoice: JsonObject) -> None:
    """Declare an open invoice void: as if it had never been."""
    withdraw_payment(world, invoice)
    with world.changing(invoice, _UPDATED):
        invoice.update(status="void", auto_advance=False, next_payment_attempt=None)
        _note(world, invoice, "voided_at")
    world.emit("invoice.voided", invoice)


def marked_uncollectible(world: World, invoice: JsonObject, reason: str = "user_forgiven") -> None:
    """Give up on an open invoice; it can still be paid."""
    with world.changing(invoice, _UPDATED):
        invoice.update(status="uncollectible", auto_advance=False, next_payment_attempt=None)
        invoice["status_details"] = {"uncollectible": {"reason": reason}}
        _note(world, invoice, "marked_uncollectible_at")
    world.emit("invoice.marked_uncollectible", invoice)


def _settled(total: int, balance: int, currency: str) -> tuple[int, int]:
    """Return what is due of a total, and the customer's balance after it: too little to be charged is added to that."""
    due = total + balance
    return (due, 0) if due >= LEAST.get(currency, 1) else (0, due)


def _note(world: World, invoice: JsonObject, what: str) -> None:
    invoice["status_transitions"] = {**invoice["status_transitions"], what: world.now}


def _tell(whom: list[Callable[[World, JsonObject], None]], world: World, invoice: JsonObject) -> None:
    for react in whom:
        react(world, invoice)


# Payments -----------------------------------------------------------------------------------------------------------------


def _charged(world: World, charge: JsonObject) -> None:
    payment = payment_by(world, charge["payment_intent"])
    if payment is None:
        return
    invoice = world.table(KIND)[payment["invoice"]]
    payment.update(status="paid", amount_paid=charge["amount"])
    payment["status_transitions"] = {"canceled_at": None, "paid_at": world.now}
    marked_paid(world, invoice, charge["amount"])
    world.emit("invoice_payment.paid", payment)


def _declined(world: World, intent: JsonObject) -> None:
    payment = payment_by(world, intent["id"])
    if payment is None:
        return
    invoice = world.table(KIND)[payment["invoice"]]
    invoice.update(attempted=True, attempt_count=max(invoice["attempt_count"], 1))
    world.emit("invoice.payment_failed", invoice)
    _tell(ON_FAILED, world, invoice)


intents.ON_PAID.append(_charged)
intents.ON_FAILED.append(_declined)
