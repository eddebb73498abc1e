"""Subscription items: prices and quantities that a subscription has. Source: https://docs.stripe.com/api/subscription_items."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from billing_adapters.simulator.listing import PAGE, inline
from billing_adapters.simulator.params import (
    Fields,
    Params,
    anything,
    clearable,
    currency,
    decimal,
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
from billing_adapters.simulator.pricing import RECURRING, made, plan_of
from billing_adapters.simulator.refusals import exclusive, invalid
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.world import World

__all__ = ["ITEM", "ITEMS", "ROUTES", "changed_items", "new_item", "rhythm_of"]

ROUTES = Routes()
_MOST_ITEMS = 20

_PRICE_DATA: Fields = {
    "currency": required(currency),
    "product": required(text),
    "recurring": required(nested(RECURRING)),
    "tax_behavior": text,
    "unit_amount": integer(0),
    "unit_amount_decimal": decimal,
}
ITEM: Fields = {
    "billing_thresholds": clearable(anything),
    "metadata": metadata,
    "plan": text,
    "price": text,
    "price_data": nested(_PRICE_DATA),
    "quantity": integer(0),
    "tax_rates": clearable(many(text)),
}
ITEMS = many(nested({**ITEM, "id": text, "deleted": flag, "clear_usage": flag}), _MOST_ITEMS)
"""The parameter that says what becomes of the items of a subscription."""


@ROUTES.get("/v1/subscription_items", {**PAGE, "subscription": required(text)})
def list_all(world: World, params: Params) -> JsonObject:
    """Return the items of a subscription."""
    subscription = world.get("subscription", params["subscription"], "subscription")
    return inline(subscription["items"]["data"], "/v1/subscription_items")


@ROUTES.get("/v1/subscription_items/{id}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return an item of a subscription."""
    every = (item for one in world.rows("subscription") for item in one["items"]["data"])
    found: JsonObject | None = next((item for item in every if item["id"] == params["id"]), None)
    return found or world.get("subscription_item", params["id"])


def new_item(world: World, subscription_id: str, given: Params, param: str) -> JsonObject:
    """Return a new item; its period is still to be said.

    Raises:
        Refused: The price does not exist, is archived, or does not recur.
    """
    price = _price(world, given, param)
    item: JsonObject = {
        "id": world.new_id("si"),
        "object": "subscription_item",
        "billed_until": None,
        "billing_thresholds": None,
        "created": world.now,
        "current_period_end": 0,
        "current_period_start": 0,
        "current_trial": None,
        "discounts": [],
        "metadata": merged({}, given.get("metadata", {})),
        "plan": plan_of(price),
        "price": price,
        "subscription": subscription_id,
        "tax_rates": [],
    }
    return _counted(item, given, param)


def changed_items(world: World, subscription: JsonObject, given: Sequence[Params]) -> list[JsonObject]:
    """Return the items of a subscription as a request wants them.

    Raises:
        Refused: An item does not exist, none would be left, or they do not fit together.
    """
    after = {one["id"]: one for one in subscription["items"]["data"]}
    for place, one in enumerate(given):
        param = f"items[{place}]"
        if "id" not in one:
            added = new_item(world, subscription["id"], one, param)
            after[added["id"]] = added
        elif one["id"] not in after:
            raise invalid(f"No such subscription item: '{one['id']}'", f"{param}[id]", "resource_missing")
        elif one.get("deleted"):
            del after[one["id"]]
        else:
            after[one["id"]] = _changed(world, after[one["id"]], one, param)
    items = list(after.values())
    if not items:
        raise invalid("A subscription must have at least one active item.", "items")
    rhythm_of(items)
    if items[0]["price"]["currency"] != subscription["currency"]:
        raise invalid(f"The subscription is in {subscription['currency']}: a price must be, too.", "items")
    return items


def rhythm_of(items: Sequence[JsonObject]) -> JsonObject:
    """Return the rhythm of some items.

    Raises:
        Refused: They differ in rhythm or currency, or two have the same price.
    """
    prices = [one["price"] for one in items]
    rhythms = {(one["recurring"]["interval"], one["recurring"]["interval_count"]) for one in prices}
    if len(rhythms) > 1:
        message = "All prices on a subscription must have the same `recurring.interval` and `recurring.interval_count`."
        raise invalid(message, "items")
    if len({one["currency"] for one in prices}) > 1:
        raise invalid("All prices on a subscription must have the same currency.", "items")
    if len({one["id"] for one in prices}) < len(prices):
        message = "Cannot add multiple subscription items with the same plan."
        raise invalid(message, "items")
    found: JsonObject = prices[0]["recurring"]
    return found


def _changed(world: World, item: JsonObject, given: Params, param: str) -> JsonObject:
    after = dict(item)
    if given.keys() & {"price", "plan", "price_data"}:
        price = _price(world, given, param)
        after.update(price=price, plan=plan_of(price))
    if "metadata" in given:
        after["metadata"] = merged(item["metadata"], given["metadata"])
    return _counted(after, given, param)


def _counted(item: JsonObject, given: Params, param: str) -> JsonObject:
    """Return an item with its quantity; what is metered has none."""
    if item["price"]["recurring"]["usage_type"] == "metered":
        if "quantity" in given:
            raise invalid("You cannot set a quantity for metered plans.", f"{param}[quantity]")
        return {name: value for name, value in item.items() if name != "quantity"}
    return {**item, "quantity": given.get("quantity", item.get("quantity", 1))}


def _price(world: World, given: Params, param: str) -> JsonObject:
    ways = [name for name in ("price", "plan", "price_data") if name in given]
    if len(ways) > 1:
        raise exclusive(f"{param}[{ways[0]}]", f"{param}[{ways[1]}]")
    if not ways:
        raise invalid(f"Missing required param: {param}[price].", f"{param}[price]", "parameter_missing")
    if "price_data" in given:
        return made(world, _whole(given["price_data"]))
    price = world.get("price", given[ways[0]], f"{param}[{ways[0]}]")
    if price["type"] != "recurring":
        message = (
            f"The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`: "
            f"{price['id']}."
        )
        raise invalid(message, f"{param}[price]")
    if not price["active"]:
        raise invalid(
            f"The price specified is inactive. This field only accepts active prices: {price['id']}.", f"{param}[price]"
        )
    return price


def _whole(given: dict[str, Any]) -> dict[str, Any]:
    """Return price data with an amount, which may be zero."""
    return given if given.keys() & {"unit_amount", "unit_amount_decimal"} else {**given, "unit_amount_decimal": Decimal(0)}
