"""Pricing: what a price may be, and how one is made. Source: https://docs.stripe.com/api/prices/create."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from billing_adapters.simulator.params import (
    Check,
    Fields,
    Params,
    amount,
    choice,
    currency,
    decimal,
    either,
    flag,
    integer,
    many,
    mapping,
    merged,
    metadata,
    nested,
    required,
)
from billing_adapters.simulator.presenting import JsonObject, asked_only, kept
from billing_adapters.simulator.refusals import exclusive, invalid
from billing_adapters.simulator.world import World

__all__ = [
    "CURRENCY_OPTIONS",
    "INTERVALS",
    "OF_A_PRODUCT",
    "RECURRING",
    "TAX_BEHAVIOR",
    "TIERS",
    "check_rhythm",
    "made",
    "options",
    "plan_of",
    "take_lookup_key",
]

asked_only("price", "tiers", kept("tiers"))
asked_only("price", "currency_options", kept("currency_options"))

INTERVALS = ("day", "month", "week", "year")
_LONGEST: Mapping[str, int] = {"day": 1095, "week": 156, "month": 36, "year": 3}  # three years
_DEFAULT_TAX = "unspecified"

TAX_BEHAVIOR = choice("exclusive", "inclusive", _DEFAULT_TAX)
_custom: Check = nested({"enabled": required(flag), "maximum": amount, "minimum": amount, "preset": amount})
TIERS: Check = many(
    nested({
        "flat_amount": amount,
        "flat_amount_decimal": decimal,
        "unit_amount": amount,
        "unit_amount_decimal": decimal,
        "up_to": required(either("inf", integer(1))),
    })
)
RECURRING: Fields = {"interval": required(choice(*INTERVALS)), "interval_count": integer(1)}
CURRENCY_OPTIONS: Check = mapping(
    nested({
        "custom_unit_amount": _custom,
        "tax_behavior": TAX_BEHAVIOR,
        "tiers": TIERS,
        "unit_amount": amount,
        "unit_amount_decimal": decimal,
    })
)

OF_A_PRODUCT: Fields = {
    "currency": required(currency),
    "currency_options": CURRENCY_OPTIONS,
    "custom_unit_amount": _custom,
    "metadata": metadata,
    "recurring": nested(RECURRING),
    "tax_behavior": TAX_BEHAVIOR,
    "unit_amount": amount,
    "unit_amount_decimal": decimal,
}
"""What a price needs that is created together with its product."""


def made(world: World, params: Params) -> JsonObject:
    """Create the price of a product that exists.

    Raises:
        Refused: The parameters contradict each other, or the lookup key is taken.
    """
    _check_amounts(params)
    check_rhythm(params.get("recurring"))
    product = world.get("product", params["product"], "product")
    price = world.new("price", "price", {**_members(params), "product": product["id"]})
    if params.get("lookup_key"):
        take_lookup_key(world, price, params["lookup_key"], transfer=params.get("transfer_lookup_key", False))
    world.add(price)
    if price["recurring"]:
        world.emit("plan.created", plan_of(price))
    world.emit("price.created", price)
    return price


def take_lookup_key(world: World, price: JsonObject, key: str | None, *, transfer: bool) -> None:
    """Give a price its lookup key, which one price has at a time.

    Raises:
        Refused: Another has it, and it is not to be transferred.
    """
    holder = next((one for one in world.rows("price") if key and one["lookup_key"] == key and one is not price), None)
    if holder:
        if not transfer:
            raise invalid(f"A price (`{holder['id']}`) already uses that lookup key.", "lookup_key")
        with world.changing(holder, "price.updated"):
            holder["lookup_key"] = None
    price["lookup_key"] = key


def options(given: Mapping[str, Params]) -> JsonObject:
    """Return what a price costs in other currencies, each with all its members."""
    return {
        code: {
            "custom_unit_amount": _custom_amount(option.get("custom_unit_amount")),
            "tax_behavior": option.get("tax_behavior", _DEFAULT_TAX),
            **({"tiers": [_tier(one) for one in option["tiers"]]} if "tiers" in option else {}),
            **_amounts(option),
        }
        for code, option in given.items()
    }


def plan_of(price: JsonObject) -> JsonObject:
    """Return a recurring price as the plan that older integrations read."""
    rhythm = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": rhythm["interval"],
        "interval_count": rhythm["interval_count"],
        "livemode": price["livemode"],
        "metadata": price["metadata"],
        "meter": rhythm["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": price["transform_quantity"],
        "trial_period_days": rhythm["trial_period_days"],
        "usage_type": rhythm["usage_type"],
    }


def _members(params: Params) -> JsonObject:
    own = {
        "custom_unit_amount": _custom_amount(params.get("custom_unit_amount")),
        "tax_behavior": params.get("tax_behavior", _DEFAULT_TAX),
        **_amounts(params),
    }
    tiers = [_tier(one) for one in params["tiers"]] if "tiers" in params else None
    in_its_own = {**own, "tiers": tiers} if tiers else own
    return {
        "active": params.get("active", True),
        "billing_scheme": params.get("billing_scheme", "per_unit"),
        "currency": params["currency"],
        "currency_options": {params["currency"]: in_its_own, **options(params.get("currency_options", {}))},
        "lookup_key": None,
        "metadata": merged({}, params.get("metadata", {})),
        "nickname": params.get("nickname"),
        "recurring": _rhythm(params["recurring"]) if "recurring" in params else None,
        "tiers": tiers,
        "tiers_mode": params.get("tiers_mode"),
        "transform_quantity": params.get("transform_quantity"),
        "type": "recurring" if "recurring" in params else "one_time",
        **own,
    }


def _rhythm(given: Params) -> JsonObject:
    return {
        "interval": given["interval"],
        "interval_count": given.get("interval_count", 1),
        "meter": given.get("meter"),
        "trial_period_days": given.get("trial_period_days"),
        "usage_type": given.get("usage_type", "licensed"),
    }


def _amounts(given: Params) -> JsonObject:
    """Return an amount in minor units, and the same with decimals; what is not a whole number has only the second."""
    precise = given.get("unit_amount_decimal", given.get("unit_amount"))
    if precise is None:
        return {"unit_amount": None, "unit_amount_decimal": None}
    number = Decimal(precise)
    whole = int(number) if number == int(number) else None
    return {"unit_amount": whole, "unit_amount_decimal": _written(number)}


def _written(number: Decimal) -> str:
    """Return a number without needless zeros, and never with an exponent."""
    text_of = f"{number:f}"
    return text_of.rstrip("0").rstrip(".") if "." in text_of else text_of


def _tier(given: Params) -> JsonObject:
    flat = _amounts({f"unit_{name[5:]}": value for name, value in given.items() if name.startswith("flat_")})
    return {
        "flat_amount": flat["unit_amount"],
        "flat_amount_decimal": flat["unit_amount_decimal"],
        **_amounts(given),
        "up_to": None if given["up_to"] == "inf" else given["up_to"],
    }


def _custom_amount(given: Params | None) -> JsonObject | None:
    return {name: given.get(name) for name in ("maximum", "minimum", "preset")} if given and given["enabled"] else None


# What contradicts itself --------------------------------------------------------------------------------------------------


def _check_amounts(params: Params) -> None:
    if "unit_amount" in params and "unit_amount_decimal" in params:
        raise exclusive("unit_amount", "unit_amount_decimal")
    tiered = params.get("billing_scheme") == "tiered"
    if tiered:
        _check_tiers(params)
    elif "tiers" in params or "tiers_mode" in params:
        raise invalid("`tiers` can only be used with `billing_scheme` = tiered.", "tiers")
    elif not {"unit_amount", "unit_amount_decimal", "custom_unit_amount"} & params.keys():
        message = "You must specify one of `unit_amount`, `unit_amount_decimal`, or `custom_unit_amount`."
        raise invalid(message, "unit_amount", "parameter_missing")
    if params["currency"] in params.get("currency_options", {}):
        raise invalid("`currency_options` must not name the currency of the price itself.", "currency_options")


def _check_tiers(params: Params) -> None:
    for needed in ("tiers", "tiers_mode"):
        if not params.get(needed):
            message = f"Missing required param: {needed}."
            raise invalid(message, needed, "parameter_missing")
    bounds = [tier["up_to"] for tier in params["tiers"]]
    *upper, last = bounds
    if last != "inf" or "inf" in upper:
        raise invalid("The last tier, and no other, must be up to `inf`.", "tiers")
    if sorted(set(upper)) != upper:
        raise invalid("Tiers must be in ascending order of `up_to`.", "tiers")


def check_rhythm(recurring: Mapping[str, Any] | None) -> None:
    """Make sure that a price recurs often enough, if at all.

    Raises:
        Refused: It does not.
    """
    if recurring and recurring.get("interval_count", 1) > _LONGEST[recurring["interval"]]:
        raise invalid("Prices may recur at most every three years.", "recurring[interval_count]")
