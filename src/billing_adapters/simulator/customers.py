"""Customers. Source: https://docs.stripe.com/api/customers."""

import string
from collections.abc import Callable
from typing import Any, TypeAlias

from billing_adapters.simulator.expanding import EXPANDABLE
from billing_adapters.simulator.listing import CREATED, PAGE, page, same
from billing_adapters.simulator.params import (
    Fields,
    Params,
    anything,
    choice,
    clearable,
    flag,
    integer,
    many,
    merged,
    metadata,
    nested,
    required,
    text,
)
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.search import SEARCH, search
from billing_adapters.simulator.world import World

__all__ = ["ADDRESS", "ON_CHANGE", "ON_DELETE", "ROUTES", "addressed"]

ROUTES = Routes()
_URL = "/v1/customers"

EXPANDABLE["customer"] = "customer"

Effect: TypeAlias = Callable[[], None]

ON_CHANGE: list[Callable[[World, JsonObject, Params], Effect]] = []
"""What other resources do about a customer that is created or updated, with the parameters that are theirs.

Each is asked before anything is changed, may refuse, may replace a name in the parameters by the id of what it names, and
returns what is done when nobody has refused.
"""

ON_DELETE: list[Callable[[World, JsonObject], None]] = []
"""What other resources do about a customer that is deleted."""

ADDRESS: Fields = {name: clearable(text) for name in ("city", "country", "line1", "line2", "postal_code", "state")}

_SHARED: Fields = {
    "address": clearable(nested(ADDRESS)),
    "balance": integer(),
    "business_name": clearable(text),
    "cash_balance": anything,
    "description": clearable(text),
    "email": clearable(text),
    "individual_name": clearable(text),
    "invoice_prefix": text,
    "invoice_settings": nested({
        "custom_fields": clearable(many(nested({"name": required(text), "value": required(text)}), 4)),
        "default_payment_method": clearable(text),
        "footer": clearable(text),
        "rendering_options": clearable(nested({"amount_tax_display": clearable(text), "template": text})),
    }),
    "metadata": metadata,
    "name": clearable(text),
    "next_invoice_sequence": integer(1),
    "phone": clearable(text),
    "preferred_locales": clearable(many(text)),
    "shipping": clearable(nested({"address": required(nested(ADDRESS)), "name": required(text), "phone": clearable(text)})),
    "source": text,
    "tax": anything,
    "tax_exempt": clearable(choice("exempt", "none", "reverse")),
    "validate": flag,
}
_CREATE: Fields = {**_SHARED, "payment_method": text, "tax_id_data": anything, "test_clock": text}
_UPDATE: Fields = {**_SHARED, "default_source": text}
_SEARCHED = ("created", "email", "metadata", "name", "phone")


@ROUTES.post(_URL, _CREATE)
def create(world: World, params: Params) -> JsonObject:
    """Create a customer."""
    customer = world.new("customer", "cus", _blank())
    effects = [prepare(world, customer, params) for prepare in ON_CHANGE]
    customer.update(_given(customer, params))
    customer["invoice_prefix"] = params.get("invoice_prefix") or "".join(world.random.choices(string.ascii_uppercase, k=8))
    world.add(customer)
    world.emit("customer.created", customer)
    with world.changing(customer, "customer.updated"):
        _carry_out(effects)
    return customer


@ROUTES.get(f"{_URL}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return a customer; of a deleted one only that it is deleted."""
    return world.removed("customer", params["id"]) or world.get("customer", params["id"])


@ROUTES.post(f"{_URL}/{{id}}", _UPDATE)
def update(world: World, params: Params) -> JsonObject:
    """Change a customer."""
    customer = world.get("customer", params["id"])
    effects = [prepare(world, customer, params) for prepare in ON_CHANGE]
    after = _given(customer, params)
    with world.changing(customer, "customer.updated"):
        customer.update(after)
        _carry_out(effects)
    return customer


@ROUTES.delete(f"{_URL}/{{id}}")
def delete(world: World, params: Params) -> JsonObject:
    """Delete a customer for good; what it subscribed to ends."""
    customer = world.get("customer", params["id"])
    for react in ON_DELETE:
        react(world, customer)
    gone = world.remove(customer)
    world.emit("customer.deleted", customer)
    return gone


@ROUTES.get(_URL, {**PAGE, **CREATED, "email": text, "test_clock": text})
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of customers."""
    return page(world, "customer", _URL, params, same(params, "email", "test_clock"))


@ROUTES.get(f"{_URL}/search", SEARCH)
def find(world: World, params: Params) -> JsonObject:
    """Return the customers that a query finds."""
    return search(world, "customer", f"{_URL}/search", params, _SEARCHED)


def addressed(given: Params | None) -> JsonObject | None:
    """Return an address with all its members."""
    return None if given is None else {name: given.get(name) for name in ADDRESS}


def _blank() -> JsonObject:
    return {
        "address": None,
        "balance": 0,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": None,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


_AS_GIVEN = (
    "balance", "business_name", "description", "email", "individual_name", "invoice_prefix", "name",
    "next_invoice_sequence", "phone", "test_clock",
)  # fmt: skip


def _given(customer: JsonObject, params: Params) -> JsonObject:
    """Return the members that a request sets."""
    after: dict[str, Any] = {name: params[name] for name in _AS_GIVEN if name in params}
    if "address" in params:
        after["address"] = addressed(params["address"])
    if "shipping" in params:
        after["shipping"] = _shipped(params["shipping"])
    if "metadata" in params:
        after["metadata"] = merged(customer["metadata"], params["metadata"])
    if "preferred_locales" in params:
        after["preferred_locales"] = params["preferred_locales"] or []
    if "tax_exempt" in params:
        after["tax_exempt"] = params["tax_exempt"] or "none"
    if "invoice_settings" in params:
        after["invoice_settings"] = {**customer["invoice_settings"], **params["invoice_settings"]}
    return after


def _shipped(given: Params | None) -> JsonObject | None:
    if given is None:
        return None
    return {
        "address": addressed(given["address"]),
        "carrier": None,
        "name": given["name"],
        "phone": given.get("phone"),
        "tracking_number": None,
    }


def _carry_out(effects: list[Effect]) -> None:
    for effect in effects:
        effect()
