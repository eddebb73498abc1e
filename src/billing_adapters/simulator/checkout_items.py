"""Checkout items: what a session sells, and what that costs.

Source: https://docs.stripe.com/api/checkout/sessions/line_items.
"""

from typing import Any

from billing_adapters.simulator.amounts import cost
from billing_adapters.simulator.catalog import new_product
from billing_adapters.simulator.params import (
    Fields,
    Params,
    currency,
    decimal,
    integer,
    many,
    merged,
    metadata,
    nested,
    required,
    text,
)
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.pricing import RECURRING, TAX_BEHAVIOR, check_rhythm, made
from billing_adapters.simulator.refusals import exclusive, invalid, missing
from billing_adapters.simulator.world import World

__all__ = ["ITEMS", "amount_of", "check_mode", "currency_of", "is_recurring", "items_of", "keep_items", "planned"]

_ITEMS = "items of checkout sessions"
_MOST_ITEMS = 100

_PRODUCT_DATA: Fields = {
    "description": text,
    "images": many(text, 8),
    "metadata": metadata,
    "name": required(text),
    "tax_code": text,
    "unit_label": text,
}
_PRICE_DATA: Fields = {
    "currency": required(currency),
    "product": text,
    "product_data": nested(_PRODUCT_DATA),
    "recurring": nested(RECURRING),
    "tax_behavior": TAX_BEHAVIOR,
    "unit_amount": integer(0),
    "unit_amount_decimal": decimal,
}
ITEMS = many(
    nested({"metadata": metadata, "price": text, "price_data": nested(_PRICE_DATA), "quantity": integer(0)}),
    _MOST_ITEMS,
)
"""The parameter `line_items`."""


def planned(world: World, params: Params) -> list[Params]:
    """Return the items that are asked for, each with its price, or with a draft of it, which is not created yet.

    Raises:
        Refused: There is no such price, it is not for sale, or its quantity is missing.
    """
    return [_planned(world, item, f"line_items[{place}]") for place, item in enumerate(params.get("line_items", []))]


def _planned(world: World, item: Params, param: str) -> Params:
    if "price" in item and "price_data" in item:
        raise exclusive(f"{param}[price]", f"{param}[price_data]")
    if "price" not in item and "price_data" not in item:
        raise invalid("You must provide either `price` or `price_data` for each line item when using prices.", param)
    price = _sold(world, item["price"], f"{param}[price]") if "price" in item else _draft(world, item, param)
    if (price["recurring"] or {}).get("usage_type") == "metered":
        if "quantity" in item:
            raise invalid("Quantity should not be specified where usage_type is `metered`.", f"{param}[quantity]")
    elif "quantity" not in item:
        raise missing(f"{param}[quantity]")
    return {**item, "metadata": merged({}, item.get("metadata", {})), "of": price}


def _sold(world: World, price_id: str, param: str) -> JsonObject:
    price = world.get("price", price_id, param)
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", param)
    if not world.get("product", price["product"], param)["active"]:
        raise invalid(f"Price `{price_id}` is not available to be purchased because its product is not active.", param)
    if price["custom_unit_amount"]:
        raise invalid("The simulator does not sell at prices that customers choose (`custom_unit_amount`).", param)
    return price


def _draft(world: World, item: Params, param: str) -> JsonObject:
    """Return what a price will cost that is created together with the session."""
    data, param = item["price_data"], f"{param}[price_data]"
    for first, second in (("product", "product_data"), ("unit_amount", "unit_amount_decimal")):
        if first in data and second in data:
            raise exclusive(f"{param}[{first}]", f"{param}[{second}]")
        if first not in data and second not in data:
            raise missing(f"{param}[{first}]")
    if "product" in data:
        world.get("product", data["product"], f"{param}[product]")
    check_rhythm(data.get("recurring"))
    merged({}, data.get("product_data", {}).get("metadata", {}))
    precise = str(data.get("unit_amount_decimal", data.get("unit_amount")))
    terms = {"currency": data["currency"], "recurring": data.get("recurring"), "unit_amount_decimal": precise}
    return {**terms, "tiers": None, "transform_quantity": None}


def check_mode(mode: str, items: list[Params]) -> None:
    """Make sure that what is sold is sold in this mode.

    Raises:
        Refused: It is not.
    """
    recurring = [is_recurring(item["of"]) for item in items]
    if mode == "payment" and any(recurring):
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only "
            "one-time prices.",
            "mode",
        )
    if mode == "subscription" and not any(recurring):
        message = "You must provide at least one recurring price in `subscription` mode when using prices."
        raise invalid(message, "line_items")


def amount_of(price: JsonObject, quantity: int, code: str) -> int:
    """Return what a quantity costs, in minor units of a currency in which the price is given."""
    return cost(price if code == price["currency"] else {**price, **price["currency_options"][code]}, quantity)


def is_recurring(price: JsonObject) -> bool:
    """Say whether a price is to be paid again and again."""
    return bool(price["recurring"])


def currency_of(items: list[Params], wanted: str | None) -> str:
    """Return the currency of all items: the one that was asked for, or that of the first.

    Raises:
        Refused: An item has no price in it.
    """
    code: str = wanted or items[0]["of"]["currency"]
    for place, item in enumerate(items):
        price = item["of"]
        if code != price["currency"] and code not in price.get("currency_options", {}):
            message = f"The price is not available in `{code}`: all items of a session have the same currency."
            raise invalid(message, f"line_items[{place}][price]")
    return code


def keep_items(world: World, session_id: str, items: list[Params], code: str, *, tried: bool) -> list[JsonObject]:
    """Create the items of a session, and the prices that come with them; what is tried first costs nothing today."""
    kept = [_item(world, item, code, tried=tried) for item in items]
    for one in reversed(kept):  # lists begin with the newest, and this one with the first
        world.add(one)
    world.table(_ITEMS)[session_id] = {one["id"]: one for one in kept}
    return kept


def items_of(world: World, session: JsonObject) -> list[JsonObject]:
    """Return the items of a session, in the order in which they were given."""
    return list(world.table(_ITEMS).get(session["id"], {}).values())


def _item(world: World, item: Params, code: str, *, tried: bool) -> JsonObject:
    price = world.get("price", item["price"]) if "price" in item else _inline(world, item["price_data"])
    due = "quantity" in item and not (tried and is_recurring(price))
    amount = amount_of(price, item["quantity"], code) if due else 0
    return {
        "id": world.new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": code,
        "description": world.get("product", price["product"])["name"],
        "metadata": item["metadata"],
        "price": price,
        "quantity": item.get("quantity"),
    }


def _inline(world: World, data: Params) -> JsonObject:
    """Create a price for this session only, which is not active; a recurring one is, as long as it is subscribed to."""
    terms: dict[str, Any] = {name: value for name, value in data.items() if name != "product_data"}
    if "product_data" in data:
        terms["product"] = new_product(world, {**data["product_data"], "active": False})["id"]
    return made(world, {**terms, "active": "recurring" in data})
