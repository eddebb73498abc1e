"""Coupons: reductions that can be redeemed. Source: https://docs.stripe.com/api/coupons."""

from typing import Any

from billing_adapters.simulator.discounts import coupon_is_valid
from billing_adapters.simulator.listing import CREATED, PAGE, page
from billing_adapters.simulator.params import (
    Fields,
    Params,
    amount,
    choice,
    clearable,
    currency,
    decimal,
    integer,
    many,
    mapping,
    merged,
    metadata,
    moment,
    nested,
    required,
    text,
)
from billing_adapters.simulator.presenting import JsonObject, asked_only, kept
from billing_adapters.simulator.refusals import exclusive, invalid
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.world import World

__all__ = ["ROUTES"]

ROUTES = Routes()
_URL = "/v1/coupons"
_KIND = "coupon"
_WHOLE = 100

asked_only(_KIND, "applies_to", kept("applies_to"))
asked_only(_KIND, "currency_options", kept("currency_options"))


def _percent(given: Any, param: str) -> float:  # noqa: ANN401 - any form
    """Take a percentage above zero."""
    number = decimal(given, param)
    if not 0 < number <= _WHOLE:
        raise invalid(f"Invalid percent_off: must be between 0 and {_WHOLE}.", param)
    return float(number)


_OPTIONS = mapping(nested({"amount_off": required(amount)}))
_CREATE: Fields = {
    "amount_off": integer(1),
    "applies_to": nested({"products": many(text)}),
    "currency": currency,
    "currency_options": _OPTIONS,
    "duration": choice("forever", "once", "repeating"),
    "duration_in_months": integer(1),
    "id": text,
    "max_redemptions": integer(1),
    "metadata": metadata,
    "name": text,
    "percent_off": _percent,
    "redeem_by": moment,
}
_UPDATE: Fields = {"currency_options": _OPTIONS, "metadata": metadata, "name": clearable(text)}


@ROUTES.post(_URL, _CREATE)
def create(world: World, params: Params) -> JsonObject:
    """Create a coupon."""
    _check(world, params)
    members = {
        "amount_off": params.get("amount_off"),
        "applies_to": params.get("applies_to"),
        "currency": params.get("currency") if "amount_off" in params else None,
        "currency_options": params.get("currency_options"),
        "duration": params.get("duration", "once"),
        "duration_in_months": params.get("duration_in_months"),
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merged({}, params.get("metadata", {})),
        "name": params.get("name"),
        "percent_off": params.get("percent_off"),
        "redeem_by": params.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }
    coupon = world.add(world.new(_KIND, "cpn", members, params.get("id") or world.letters(8)))
    world.emit("coupon.created", coupon)
    return coupon


@ROUTES.get(f"{_URL}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return a coupon."""
    return _today(world, world.get(_KIND, params["id"]))


@ROUTES.post(f"{_URL}/{{id}}", _UPDATE)
def update(world: World, params: Params) -> JsonObject:
    """Change what is said about a coupon, never what it takes off."""
    coupon = world.get(_KIND, params["id"])
    after: JsonObject = {name: params[name] for name in ("name", "currency_options") if name in params}
    if "metadata" in params:
        after["metadata"] = merged(coupon["metadata"], params["metadata"])
    with world.changing(coupon, "coupon.updated"):
        coupon.update(after)
    return _today(world, coupon)


@ROUTES.delete(f"{_URL}/{{id}}")
def delete(world: World, params: Params) -> JsonObject:
    """Delete a coupon; discounts that come from it stay."""
    coupon = world.get(_KIND, params["id"])
    world.table("deleted coupons")[coupon["id"]] = coupon
    gone = world.remove(coupon)
    world.emit("coupon.deleted", coupon)
    return gone


@ROUTES.get(_URL, {**PAGE, **CREATED})
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of coupons."""
    found = page(world, _KIND, _URL, params)
    return {**found, "data": [_today(world, one) for one in found["data"]]}


def _today(world: World, coupon: JsonObject) -> JsonObject:
    return {**coupon, "valid": coupon_is_valid(world, coupon)}


def _check(world: World, params: Params) -> None:
    if params.get("id") in world.table(_KIND):
        raise invalid(f"Coupon already exists: {params['id']}", "id", "resource_already_exists")
    if "amount_off" in params and "percent_off" in params:
        raise exclusive("amount_off", "percent_off")
    if not params.keys() & {"amount_off", "percent_off"}:
        raise invalid("You must pass either `percent_off` or `amount_off`.", "percent_off", "parameter_missing")
    if "amount_off" in params and "currency" not in params:
        raise invalid("You must pass `currency` when passing `amount_off`.", "currency", "parameter_missing")
    if (params.get("duration") == "repeating") != ("duration_in_months" in params):
        raise invalid("`duration_in_months` goes together with `duration` = repeating.", "duration_in_months")
    if params.get("redeem_by", world.now + 1) <= world.now:
        raise invalid("Invalid timestamp: must be in the future.", "redeem_by")
