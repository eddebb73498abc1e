"""Intents: the life of a payment, whoever begins it: a request, an invoice, a checkout.

Source: https://docs.stripe.com/payments/paymentintents/lifecycle. What may follow what is `MAY`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from billing_adapters.simulator.cards import Decline
from billing_adapters.simulator.charging import (
    AUTHENTICATION_REQUIRED,
    Presence,
    Terms,
    captured,
    charged,
    last_error,
    wants_authentication,
)
from billing_adapters.simulator.expanding import EXPANDABLE
from billing_adapters.simulator.methods import attach, card_of, is_set_up, remember_set_up, spend
from billing_adapters.simulator.presenting import JsonObject, presented
from billing_adapters.simulator.refusals import Refused, card_declined, unexpected_state
from billing_adapters.simulator.world import World

__all__ = [
    "MAY",
    "ON_FAILED",
    "ON_PAID",
    "attempted",
    "authenticated",
    "canceled",
    "capture",
    "check",
    "opened",
    "refusal",
    "tell_paid",
]

EXPANDABLE.update(payment_intent="payment_intent", latest_charge="charge")

ON_PAID: list[Callable[[World, JsonObject], None]] = []
"""What other resources do about a charge that brought money."""

ON_FAILED: list[Callable[[World, JsonObject], None]] = []
"""What other resources do about a payment intent whose payment failed."""

_BEFORE = ("requires_payment_method", "requires_confirmation", "requires_action")
MAY: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "confirmed": _BEFORE,
    "updated": _BEFORE,
    "captured": ("requires_capture",),
    "canceled": ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing"),
})
"""What may be done to an intent in which statuses."""

_AUTHORIZED_SECONDS = 7 * 24 * 3600
_FAILED_AUTHENTICATION = Decline(
    "payment_intent_authentication_failure",
    None,
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod to "
    "attempt to fulfill this PaymentIntent again.",
)


def opened(world: World, members: JsonObject) -> JsonObject:
    """Create a payment intent and tell it; `members` are at least `amount` and `currency`."""
    intent = world.new("payment_intent", "pi", {**_blank(), **members})
    intent["client_secret"] = f"{intent['id']}_secret_{world.letters(25)}"
    if intent["payment_method"]:
        intent["status"] = "requires_confirmation"
    world.add(intent)
    world.emit("payment_intent.created", intent)
    return intent


def check(intent: JsonObject, what: str) -> None:
    """Make sure that something may be done to an intent in the status that it has.

    Raises:
        Refused: It may not.
    """
    if intent["status"] in MAY[what]:
        return
    message = (
        f"This PaymentIntent could not be {what} because it has a status of {intent['status']}. Only a PaymentIntent with "
        f"one of the following statuses may be {what}: {', '.join(MAY[what])}."
    )
    raise unexpected_state("payment_intent", message, payment_intent=presented(intent))


def attempted(
    world: World, intent: JsonObject, method: JsonObject, presence: Presence, return_url: str | None = None
) -> Decline | None:
    """Try to pay with a payment method, and return why it was declined.

    Afterwards the intent has succeeded, waits for its capture or for its owner's authentication, or wants another payment
    method.
    """
    card = card_of(world, method)
    intent.update(payment_method=method["id"], next_action=None, last_payment_error=None)
    if wants_authentication(card, presence, set_up=is_set_up(world, method)):
        if presence == Presence.AWAY:
            return _failed(world, intent, method, presence, AUTHENTICATION_REQUIRED)
        _ask(world, intent, return_url)
        return None
    if card.decline:
        return _failed(world, intent, method, presence, card.decline)
    _pay(world, intent, method, presence)
    return None


def authenticated(world: World, intent: JsonObject, *, succeeded: bool) -> Decline | None:
    """Let the owner of a card confirm the payment, or not, and return why it was declined."""
    method = world.get("payment_method", intent["payment_method"], "payment_method")
    if succeeded:
        return attempted(world, intent, method, Presence.AUTHENTICATED)
    intent["next_action"] = None
    return _failed(world, intent, method, Presence.HERE, _FAILED_AUTHENTICATION)


def refusal(intent: JsonObject, why: Decline) -> Refused:
    """Return what is answered about an attempt that was declined."""
    error = intent["last_payment_error"]
    return card_declined(
        why.message,
        why.code,
        why.decline_code,
        charge=error.get("charge"),
        param=why.param,
        payment_intent=presented(intent),
        payment_method=error["payment_method"],
    )


def capture(world: World, intent: JsonObject, amount: int) -> None:
    """Take the money that was authorized; what is not taken goes back."""
    charge = world.get("charge", intent["latest_charge"], "latest_charge")
    captured(world, charge, amount)
    intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
    world.emit("payment_intent.succeeded", intent)
    tell_paid(world, charge)


def canceled(world: World, intent: JsonObject, reason: str | None, event: str = "charge.refunded") -> None:
    """End an intent without a payment; what was authorized goes back."""
    if intent["status"] == "requires_capture":
        charge = world.get("charge", intent["latest_charge"], "latest_charge")
        charge.update(amount_refunded=charge["amount"], refunded=True)
        world.emit(event, charge)
    intent.update(
        status="canceled", canceled_at=world.now, cancellation_reason=reason, amount_capturable=0, next_action=None
    )
    world.emit("payment_intent.canceled", intent)


def _pay(world: World, intent: JsonObject, method: JsonObject, presence: Presence) -> None:
    charge = charged(world, method, _terms(intent, presence), None)
    intent.update(latest_charge=charge["id"], next_action=None)
    _keep(world, intent, method)
    spend(world, method)
    if charge["captured"]:
        intent.update(status="succeeded", amount_received=intent["amount"])
        world.emit("payment_intent.succeeded", intent)
        tell_paid(world, charge)
        return
    intent.update(status="requires_capture", amount_capturable=intent["amount"])
    world.emit("payment_intent.amount_capturable_updated", intent)
    world.schedule(world.now + _AUTHORIZED_SECONDS, lambda later: _expire(later, intent))


def _expire(world: World, intent: JsonObject) -> None:
    if intent["status"] == "requires_capture":
        canceled(world, intent, "automatic", "charge.expired")


def _keep(world: World, intent: JsonObject, method: JsonObject) -> None:
    """Keep the payment method for later, if that was asked for."""
    if intent["setup_future_usage"] and intent["customer"]:
        attach(world, method, world.get("customer", intent["customer"], "customer"))
    if intent["setup_future_usage"] == "off_session":
        remember_set_up(world, method)


def _failed(world: World, intent: JsonObject, method: JsonObject, presence: Presence, why: Decline) -> Decline:
    error = last_error(method, why, by_card=why != _FAILED_AUTHENTICATION)
    if why != _FAILED_AUTHENTICATION:
        charge = charged(world, method, _terms(intent, presence), why)
        intent["latest_charge"] = error["charge"] = charge["id"]
    intent.update(status="requires_payment_method", payment_method=None, last_payment_error=error)
    world.emit("payment_intent.payment_failed", intent)
    for react in ON_FAILED:
        react(world, intent)
    return why


def _ask(world: World, intent: JsonObject, return_url: str | None) -> None:
    url = f"{world.site}/authenticate/{intent['id']}"
    if return_url:
        action: JsonObject = {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}
    else:
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url}}
    intent.update(status="requires_action", next_action=action)
    world.emit("payment_intent.requires_action", intent)


def tell_paid(world: World, charge: JsonObject) -> None:
    """Tell the other resources of a charge that brought money."""
    for react in ON_PAID:
        react(world, charge)


def _terms(intent: JsonObject, presence: Presence) -> Terms:
    return Terms(
        amount=intent["amount"],
        currency=intent["currency"],
        capture=intent["capture_method"] != "manual",
        customer=intent["customer"],
        description=intent["description"],
        metadata=dict(intent["metadata"]),
        payment_intent=intent["id"],
        receipt_email=intent["receipt_email"],
        shipping=intent["shipping"],
        statement_descriptor=intent["statement_descriptor"],
        statement_descriptor_suffix=intent["statement_descriptor_suffix"],
        presence=presence,
    )


def _blank() -> JsonObject:
    """Return the members that an intent has if nothing is said about them."""
    return {
        "allowed_payment_method_types": None,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": None,
        "confirmation_method": "automatic",
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
