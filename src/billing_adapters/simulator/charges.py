"""Charges: what was charged, by a payment intent or, in older integrations, directly.

Source: https://docs.stripe.com/api/charges.
"""

from billing_adapters.simulator.charging import (
    AUTHENTICATION_REQUIRED,
    Presence,
    Terms,
    captured,
    charged,
    wants_authentication,
)
from billing_adapters.simulator.intents import tell_paid
from billing_adapters.simulator.listing import CREATED, PAGE, page, same
from billing_adapters.simulator.methods import card_of, is_set_up, spend, used_by
from billing_adapters.simulator.params import (
    Fields,
    Params,
    anything,
    clearable,
    currency,
    flag,
    integer,
    merged,
    metadata,
    required,
    text,
)
from billing_adapters.simulator.payable import check_amount
from billing_adapters.simulator.payments import SHIPPING, shipped
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import card_declined, invalid
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.search import SEARCH, search
from billing_adapters.simulator.wallets import legacy_card
from billing_adapters.simulator.world import World

__all__ = ["ROUTES"]

ROUTES = Routes()
_URL = "/v1/charges"
_KIND = "charge"

_CREATE: Fields = {
    "amount": required(integer(1)),
    "capture": flag,
    "currency": required(currency),
    "customer": text,
    "description": clearable(text),
    "metadata": metadata,
    "receipt_email": clearable(text),
    "shipping": SHIPPING,
    "source": text,
    "statement_descriptor": text,
    "statement_descriptor_suffix": text,
    "transfer_group": text,
}
_UPDATE: Fields = {
    "customer": text,
    "description": clearable(text),
    "fraud_details": anything,
    "metadata": metadata,
    "receipt_email": clearable(text),
    "shipping": SHIPPING,
    "transfer_group": text,
}
_LIST: Fields = {**PAGE, **CREATED, "customer": text, "payment_intent": text, "transfer_group": text}
_SEARCHED = ("amount", "created", "currency", "customer", "disputed", "metadata", "refunded", "status")


@ROUTES.post(_URL, _CREATE)
def create(world: World, params: Params) -> JsonObject:
    """Charge a card directly; nobody can be asked to authenticate."""
    check_amount(params["amount"], params["currency"])
    method = _source(world, params)
    card = card_of(world, method)
    why = (
        AUTHENTICATION_REQUIRED
        if wants_authentication(card, Presence.AWAY, set_up=is_set_up(world, method))
        else card.decline
    )
    charge = charged(world, method, _terms(params), why)
    charge["source"] = legacy_card(world, method)
    if why:
        raise card_declined(why.message, why.code, why.decline_code, charge=charge["id"], param=why.param)
    spend(world, method)
    if charge["captured"]:
        tell_paid(world, charge)
    return charge


@ROUTES.get(f"{_URL}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return a charge."""
    return world.get(_KIND, params["id"])


@ROUTES.post(f"{_URL}/{{id}}", _UPDATE)
def update(world: World, params: Params) -> JsonObject:
    """Change what is said about a charge."""
    charge = world.get(_KIND, params["id"])
    after: JsonObject = {
        name: params[name] for name in ("description", "receipt_email", "transfer_group") if name in params
    }
    if "metadata" in params:
        after["metadata"] = merged(charge["metadata"], params["metadata"])
    if "shipping" in params:
        after["shipping"] = shipped(params["shipping"])
    with world.changing(charge, "charge.updated"):
        charge.update(after)
    return charge


@ROUTES.post(f"{_URL}/{{id}}/capture", {"amount": integer(1)})
def capture(world: World, params: Params) -> JsonObject:
    """Take the money that was authorized by a direct charge."""
    charge = world.get(_KIND, params["id"])
    if charge["captured"]:
        raise invalid(f"Charge {charge['id']} has already been captured.", code="charge_already_captured")
    if charge["refunded"] or charge["status"] != "succeeded":
        raise invalid(f"Charge {charge['id']} cannot be captured.", code="charge_expired_for_capture")
    if charge["payment_intent"]:
        raise invalid(f"Charge {charge['id']} belongs to a PaymentIntent: capture {charge['payment_intent']} instead.")
    amount = int(params.get("amount", charge["amount"]) or 0)
    if amount > charge["amount"]:
        raise invalid("The amount to capture is greater than the amount of the charge.", "amount", "amount_too_large")
    captured(world, charge, amount)
    tell_paid(world, charge)
    return charge


@ROUTES.get(_URL, _LIST)
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of charges."""
    return page(world, _KIND, _URL, params, same(params, "customer", "payment_intent", "transfer_group"))


@ROUTES.get(f"{_URL}/search", SEARCH)
def find(world: World, params: Params) -> JsonObject:
    """Return the charges that a query finds."""
    return search(world, _KIND, f"{_URL}/search", params, _SEARCHED)


def _source(world: World, params: Params) -> JsonObject:
    """Return what is charged: a token, or what the customer has for it."""
    customer = world.get("customer", params["customer"], "customer") if "customer" in params else None
    source = params.get("source") or (customer["default_source"] if customer else None)
    if source:
        return used_by(world, source, params.get("customer"), "source")
    if customer:
        raise invalid("Cannot charge a customer that has no active card", "card", "missing")
    raise invalid("Must provide source or customer.", code="parameter_missing")


def _terms(params: Params) -> Terms:
    return Terms(
        amount=params["amount"],
        currency=params["currency"],
        capture=params.get("capture", True),
        customer=params.get("customer"),
        description=params.get("description"),
        metadata=merged({}, params.get("metadata", {})),
        receipt_email=params.get("receipt_email"),
        shipping=shipped(params.get("shipping")),
        statement_descriptor=params.get("statement_descriptor"),
        statement_descriptor_suffix=params.get("statement_descriptor_suffix"),
        presence=Presence.AWAY,
    )
