"""Cards in use: what pays, and what is kept for a customer. The requests about them are in `payment_methods`."""

from datetime import UTC, datetime
from typing import Any

from billing_adapters.simulator import customers
from billing_adapters.simulator.cards import Card, by_name, by_number
from billing_adapters.simulator.expanding import EXPANDABLE
from billing_adapters.simulator.params import (
    Fields,
    Params,
    anything,
    choice,
    clearable,
    integer,
    merged,
    metadata,
    nested,
    required,
    text,
)
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import Refused, card_declined, invalid, no_such
from billing_adapters.simulator.world import World

__all__ = [
    "BILLING",
    "DATA",
    "KIND",
    "REDISPLAY",
    "attach",
    "billed",
    "card_of",
    "check_attachable",
    "detach",
    "existing",
    "is_detached",
    "is_set_up",
    "made",
    "named",
    "remember_set_up",
    "spend",
    "used_by",
]

KIND = "payment_method"
_NUMBERS, _DETACHED, _SET_UP = "cards of payment methods", "detached payment methods", "payment methods that are set up"

EXPANDABLE.update(payment_method=KIND, default_payment_method=KIND)

BILLING: Fields = {
    "address": clearable(nested(customers.ADDRESS)),
    "email": clearable(text),
    "name": clearable(text),
    "phone": clearable(text),
    "tax_id": text,
}
_CARD: Fields = {
    "cvc": text,
    "exp_month": integer(1, 12),
    "exp_year": integer(0),
    "networks": anything,
    "number": text,
    "token": text,
}
REDISPLAY = choice("always", "limited", "unspecified")

DATA: Fields = {
    "allow_redisplay": REDISPLAY,
    "billing_details": nested(BILLING),
    "card": nested(_CARD),
    "metadata": metadata,
    "radar_options": anything,
    "type": required(choice("card")),
}
"""What makes a payment method, here and in `payment_method_data`."""


def made(world: World, data: Params) -> JsonObject:
    """Create a payment method of the data that describe a card.

    Raises:
        Refused: It is no card of the test suite, or it has expired.
    """
    given = data.get("card")
    if not given:
        raise invalid("Missing required param: card.", "card", "parameter_missing")
    card = _described(world, given)
    method = _of_card(world, card, world.new_id("pm"))
    method["card"].update({name: given[name] for name in ("exp_month", "exp_year") if name in given})
    method["billing_details"].update(billed(data.get("billing_details", {})))
    method["allow_redisplay"] = data.get("allow_redisplay", "unspecified")
    method["metadata"] = merged({}, data.get("metadata", {}))
    return method


def named(world: World, name: str, param: str = "id") -> JsonObject:
    """Return the payment method by an id, or a new one by a well-known name such as `pm_card_visa` or `tok_visa`.

    Raises:
        Refused: There is none.
    """
    card = by_name(name)
    if card is None:
        return existing(world, name, param)
    return _of_card(world, card, world.new_id("card" if name.startswith("tok_") else "pm"))


def used_by(world: World, name: str, customer_id: str | None, param: str = "payment_method") -> JsonObject:
    """Return a payment method with which a customer, or nobody in particular, wants to pay.

    Raises:
        Refused: There is none, it belongs to another, or it was detached.
    """
    method = named(world, name, param)
    if method["customer"] not in {None, customer_id}:
        message = (
            f"The PaymentMethod {method['id']} belongs to the Customer {method['customer']}. Please include the Customer "
            "in the `customer` parameter on the PaymentIntent."
        )
        raise invalid(message, param)
    if is_detached(world, method):
        raise _spent(param)
    return method


def attach(world: World, method: JsonObject, customer: JsonObject) -> JsonObject:
    """Keep a payment method for a customer; its issuer is asked whether it is any good.

    Raises:
        Refused: It belongs to another, was detached, or is declined.
    """
    check_attachable(world, method, customer)
    if method["customer"] is None:
        method["customer"] = customer["id"]
        world.emit("payment_method.attached", method)
    return method


def check_attachable(world: World, method: JsonObject, customer: JsonObject) -> None:
    """Make sure that a payment method can be kept for a customer.

    Raises:
        Refused: It belongs to another, was detached, or is declined.
    """
    if method["customer"] == customer["id"]:
        return
    if method["customer"] is not None:
        raise invalid("The payment method you provided has already been attached to a customer.", "payment_method")
    if is_detached(world, method):
        raise _spent("payment_method")
    card = card_of(world, method)
    if card.decline and not card.attaches:
        why = card.decline
        raise card_declined(why.message, why.code, why.decline_code, param=why.param)


def card_of(world: World, method: JsonObject) -> Card:
    """Return the card behind a payment method."""
    return by_number(world.table(_NUMBERS)[method["id"]]["number"])


def remember_set_up(world: World, method: JsonObject) -> None:
    """Note that its owner agreed to be charged while away."""
    world.table(_SET_UP)[method["id"]] = {}


def is_set_up(world: World, method: JsonObject) -> bool:
    """Say whether its owner agreed to be charged while away."""
    return method["id"] in world.table(_SET_UP)


def spend(world: World, method: JsonObject) -> None:
    """Note that a payment method has paid: one that belongs to nobody pays once."""
    if method["customer"] is None:
        world.table(_DETACHED)[method["id"]] = {}


# Inside -------------------------------------------------------------------------------------------------------------------


def existing(world: World, object_id: str, param: str) -> JsonObject:
    """Return the payment method by an id.

    Raises:
        Refused: There is none.
    """
    try:
        return world.get(KIND, object_id, param)
    except Refused:
        raise no_such("PaymentMethod", object_id, param) from None


def _described(world: World, given: Params) -> Card:
    if "token" in given:
        card = by_name(given["token"])
        if card is None:
            raise no_such("token", given["token"], "card[token]")
        return card
    for needed in ("number", "exp_month", "exp_year"):
        if needed not in given:
            raise invalid(f"Missing required param: card[{needed}].", f"card[{needed}]", "parameter_missing")
    card = by_number(given["number"])
    today = datetime.fromtimestamp(world.now, UTC)
    if (given["exp_year"], given["exp_month"]) < (today.year, today.month):
        raise card_declined("Your card's expiration year is invalid.", "invalid_expiry_year", param="exp_year")
    return card


def _of_card(world: World, card: Card, object_id: str) -> JsonObject:
    method = world.new(
        KIND,
        "pm",
        {
            "allow_redisplay": "unspecified",
            "billing_details": {"address": customers.addressed({}), **dict.fromkeys(("email", "name", "phone", "tax_id"))},
            "card": _card(card, datetime.fromtimestamp(world.now, UTC).year + 1),
            "customer": None,
            "customer_account": None,
            "metadata": {},
            "type": "card",
        },
        object_id,
    )
    world.table(_NUMBERS)[object_id] = {"number": card.number}
    return world.add(method)


def _card(card: Card, year: int) -> JsonObject:
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": year,
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def billed(given: Params) -> dict[str, Any]:
    """Return what a request says about whom a card belongs to."""
    details = dict(given)
    if "address" in details:
        details["address"] = customers.addressed(details["address"] or {})
    return details


def is_detached(world: World, method: JsonObject) -> bool:
    """Say whether a payment method was taken away from its customer, or has paid without one."""
    return method["id"] in world.table(_DETACHED)


def _spent(param: str) -> Refused:
    message = (
        "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, and "
        "may not be used again."
    )
    return invalid(message, param)


def detach(world: World, method: JsonObject) -> None:
    """Let a payment method be no customer's for good, and no default."""
    world.table(_DETACHED)[method["id"]] = {}
    _undefault(world, method)
    with world.changing(method, "payment_method.detached"):
        method["customer"] = None


def _undefault(world: World, method: JsonObject) -> None:
    owner = world.find("customer", method["customer"])
    if owner is None:
        return
    settings = owner["invoice_settings"]
    with world.changing(owner, "customer.updated"):
        if settings["default_payment_method"] == method["id"]:
            owner["invoice_settings"] = {**settings, "default_payment_method": None}
        if owner["default_source"] == method["id"]:
            owner["default_source"] = None
