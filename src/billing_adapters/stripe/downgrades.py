"""Downgrades: events of today's shape, rewritten as an older version of Stripe's API would have sent them.

Source: https://docs.stripe.com/changelog; the version that changed a member stands beside each change.
"""

import copy
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

__all__ = ["JsonObject", "downgrade"]

JsonObject: TypeAlias = dict[str, Any]

# Versions sort by their dates, as text.
_PRICES = "2020-08-27"
_LATEST_CHARGE = "2022-11-15"
_SUBSCRIPTION_DETAILS = "2023-08-16"
_MARKETING_FEATURES = "2024-04-10"
_BASIL = "2025-03-31"
_BILLING_MODE = "2025-06-30"


def downgrade(event: JsonObject, api_version: str) -> JsonObject:
    """Return an event as an endpoint of an older version, from 2020 on, receives it; the original stays as it is."""
    older = copy.deepcopy(event)
    older["api_version"] = api_version
    about = older["data"]["object"]
    rewrite = _REWRITES.get(about["object"])
    if rewrite:
        rewrite(about, api_version)
    if about["object"] == "subscription" and "items" in older["data"].get("previous_attributes", {}):
        _subscription(older["data"]["previous_attributes"], api_version)
    return older


def _product(product: JsonObject, version: str) -> None:
    if version < _MARKETING_FEATURES:
        product["features"] = product.pop("marketing_features")


def _price(price: JsonObject, version: str) -> None:
    if version < _BASIL and price["recurring"]:
        del price["recurring"]["meter"]
        price["recurring"]["aggregate_usage"] = None


def _payment_intent(payment: JsonObject, version: str) -> None:
    if version < _BASIL:
        payment.setdefault("invoice", None)
    if version < _LATEST_CHARGE:
        charge = {"id": payment.pop("latest_charge"), "object": "charge", "amount": payment["amount"]}
        payment["charges"] = {"object": "list", "data": [charge], "has_more": False, "url": "/v1/charges"}


def _subscription(subscription: JsonObject, version: str) -> None:
    """Rewrite a subscription, or the part of one that holds its items."""
    items = subscription["items"]["data"]
    if version < _BILLING_MODE:
        subscription.pop("billing_mode", None)
        subscription.pop("billing_schedules", None)
    if version < _BASIL and items:
        subscription["current_period_start"] = min(item.pop("current_period_start") for item in items)
        subscription["current_period_end"] = max(item.pop("current_period_end") for item in items)
        subscription["plan"] = items[0]["plan"] if len(items) == 1 else None
        subscription["quantity"] = items[0]["quantity"] if len(items) == 1 else None
    for item in items:
        _price(item["price"], version)
        if version < _PRICES:
            del item["price"]


def _invoice(invoice: JsonObject, version: str) -> None:
    if version >= _BASIL:
        return
    parent = invoice.pop("parent", None)
    details = parent["subscription_details"] if parent else {}
    invoice["subscription"] = details.get("subscription")
    if version >= _SUBSCRIPTION_DETAILS:
        invoice["subscription_details"] = {"metadata": details.get("metadata")}
    own_id = invoice["id"].removeprefix("in_")
    invoice.update(paid=True, paid_out_of_band=False, charge=f"ch_{own_id}", payment_intent=f"pi_{own_id}", tax=None)
    invoice["total_tax_amounts"] = invoice.pop("total_taxes")
    for line in invoice["lines"]["data"]:
        _line(line, version)


def _line(line: JsonObject, version: str) -> None:
    parent = line.pop("parent")
    kind = parent["type"]
    origin = parent[kind]
    line["type"] = "subscription" if kind == "subscription_item_details" else "invoiceitem"
    line.update({name: origin.get(name) for name in ("proration", "subscription", "subscription_item", "invoice_item")})
    line["tax_amounts"] = line.pop("taxes")
    pricing = line.pop("pricing")
    named = pricing["price_details"]
    price = {"id": named["price"], "object": "price", "currency": line["currency"], "product": named["product"]}
    plan = {**price, "object": "plan", "amount_decimal": pricing["unit_amount_decimal"]}
    line["plan"] = plan if line["subscription"] else None
    if version >= _PRICES:
        line["price"] = {**price, "unit_amount_decimal": pricing["unit_amount_decimal"]}


_REWRITES: Mapping[str, Callable[[JsonObject, str], None]] = MappingProxyType({
    "invoice": _invoice,
    "payment_intent": _payment_intent,
    "price": _price,
    "product": _product,
    "subscription": _subscription,
})
