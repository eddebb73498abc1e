"""Charging: whether a card pays, and the charge that tells. Source: https://docs.stripe.com/testing."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from attrs import field, frozen

from billing_adapters.simulator.balance import booked, fee_of
from billing_adapters.simulator.cards import Authentication, Card, Decline
from billing_adapters.simulator.methods import card_of
from billing_adapters.simulator.presenting import JsonObject, presented
from billing_adapters.simulator.world import World

__all__ = ["AUTHENTICATION_REQUIRED", "Presence", "Terms", "captured", "charged", "last_error", "wants_authentication"]


class Presence(Enum):
    """Where the owner of a card is."""

    HERE = "here"
    AUTHENTICATED = "here, and has confirmed the payment"
    AWAY = "away"


AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)


@frozen
class Terms:
    """What is charged, and for what."""

    amount: int
    currency: str
    capture: bool = True
    customer: str | None = None
    description: str | None = None
    metadata: Mapping[str, str] = field(factory=dict)
    payment_intent: str | None = None
    receipt_email: str | None = None
    shipping: JsonObject | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    presence: Presence = Presence.HERE


def wants_authentication(card: Card, presence: Presence, *, set_up: bool) -> bool:
    """Say whether a card wants its owner to confirm the payment first."""
    match card.authentication:
        case Authentication.ALWAYS:
            return presence != Presence.AUTHENTICATED
        case Authentication.UNLESS_SET_UP:
            return presence == Presence.HERE or (presence == Presence.AWAY and not set_up)
        case Authentication.ON_SESSION:
            return presence == Presence.HERE
        case Authentication.NEVER:
            return False


def charged(world: World, method: JsonObject, terms: Terms, why: Decline | None) -> JsonObject:
    """Charge a card, or note that it was declined, and tell it."""
    charge = world.new("charge", "ch", {**_members(terms, method, why), **_outcome(terms, why)})
    charge["payment_method_details"] = _details(world, method, terms)
    charge["receipt_url"] = None if why else f"{world.site}/receipts/{charge['id']}"
    world.add(charge)
    if terms.capture and not why:
        charge["balance_transaction"] = booked(world, "charge", charge, terms.amount, fee=fee_of(terms.amount))["id"]
    world.emit("charge.failed" if why else "charge.succeeded", charge)
    return charge


def captured(world: World, charge: JsonObject, amount: int) -> None:
    """Capture a charge that was only authorized; what is not captured goes back to the card."""
    with world.changing(charge, "charge.captured"):
        charge.update(captured=True, amount_captured=amount)
        charge["amount_refunded"] = charge["amount"] - amount
        charge["balance_transaction"] = booked(world, "charge", charge, amount, fee=fee_of(amount))["id"]


def _members(terms: Terms, method: JsonObject, why: Decline | None) -> JsonObject:
    done = terms.capture and not why
    return {
        "amount": terms.amount,
        "amount_captured": terms.amount if done else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "SIMULATED",
        "captured": done,
        "currency": terms.currency,
        "customer": terms.customer,
        "description": terms.description,
        "disputed": False,
        "failure_balance_transaction": None,
        "fraud_details": {},
        "metadata": dict(terms.metadata),
        "on_behalf_of": None,
        "paid": not why,
        "payment_intent": terms.payment_intent,
        "payment_method": method["id"],
        "presentment_details": None,
        "radar_options": {},
        "receipt_email": terms.receipt_email,
        "receipt_number": None,
        "refunded": False,
        "review": None,
        "shipping": terms.shipping,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": terms.statement_descriptor,
        "statement_descriptor_suffix": terms.statement_descriptor_suffix,
        "transfer_data": None,
        "transfer_group": None,
    }


def _outcome(terms: Terms, why: Decline | None) -> JsonObject:
    """Return the members that say how it went."""
    outcome: dict[str, Any] = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "risk_score": 32,
        "seller_message": "Payment complete." if terms.capture else "Payment authorized.",
        "type": "authorized",
    }
    if why is None:
        return {"failure_code": None, "failure_message": None, "outcome": outcome, "status": "succeeded"}
    outcome.update(
        network_status="declined_by_network",
        reason=why.decline_code or why.code,
        seller_message="The bank did not return any further details with this decline.",
        type="issuer_declined",
    )
    return {"failure_code": why.code, "failure_message": why.message, "outcome": outcome, "status": "failed"}


def _details(world: World, method: JsonObject, terms: Terms) -> JsonObject:
    card = card_of(world, method)
    authenticated = terms.presence == Presence.AUTHENTICATED
    secured = {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": world.letters(20),
        "version": "2.2.0",
    }
    unavailable = {"status": "unavailable"}
    return {
        "card": {
            "amount_authorized": terms.amount,
            "authorization_code": f"{world.random.randrange(10**6):06}",
            "brand": card.brand,
            "checks": method["card"]["checks"],
            "country": card.country,
            "exp_month": method["card"]["exp_month"],
            "exp_year": method["card"]["exp_year"],
            "extended_authorization": {"status": "disabled"},
            "fingerprint": card.fingerprint,
            "funding": card.funding,
            "incremental_authorization": unavailable,
            "installments": None,
            "last4": card.last4,
            "mandate": None,
            "multicapture": unavailable,
            "network": card.brand,
            "network_token": {"used": False},
            "network_transaction_id": world.letters(15),
            "overcapture": {"maximum_amount_capturable": terms.amount, **unavailable},
            "regulated_status": "unregulated",
            "three_d_secure": secured if authenticated else None,
            "transaction_link_id": None,
            "wallet": None,
        },
        "type": "card",
    }


def last_error(method: JsonObject, why: Decline, *, by_card: bool) -> JsonObject:
    """Return what an intent keeps of a failed attempt: by the card, or because nobody confirmed that it is theirs."""
    error: JsonObject = {
        "code": why.code,
        "doc_url": f"https://stripe.com/docs/error-codes/{why.code.replace('_', '-')}",
        "message": why.message,
        "payment_method": presented(method),
        "type": "card_error" if by_card else "invalid_request_error",
    }
    if why.decline_code:
        error["decline_code"] = why.decline_code
    return error
