"""Promotion codes: what customers type in to redeem a coupon. Source: https://docs.stripe.com/api/promotion_codes."""

import string

from billing_adapters.simulator.listing import CREATED, PAGE, page, same
from billing_adapters.simulator.params import (
    Fields,
    Params,
    anything,
    choice,
    flag,
    integer,
    merged,
    metadata,
    moment,
    nested,
    required,
    text,
)
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import invalid
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.world import World

__all__ = ["ROUTES"]

ROUTES = Routes()
_URL = "/v1/promotion_codes"
_KIND = "promotion_code"

_RESTRICTIONS = nested({
    "currency_options": anything,
    "first_time_transaction": flag,
    "minimum_amount": integer(1),
    "minimum_amount_currency": text,
})
_CREATE: Fields = {
    "active": flag,
    "code": text,
    "coupon": text,
    "customer": text,
    "expires_at": moment,
    "max_redemptions": integer(1),
    "metadata": metadata,
    "promotion": nested({"coupon": required(text), "type": required(choice("coupon"))}),
    "restrictions": _RESTRICTIONS,
}
_UPDATE: Fields = {"active": flag, "metadata": metadata}
_LIST: Fields = {**PAGE, **CREATED, "active": flag, "code": text, "coupon": text, "customer": text}


@ROUTES.post(_URL, _CREATE)
def create(world: World, params: Params) -> JsonObject:
    """Create a code for a coupon; two that can be used are never spelled alike."""
    named = params.get("promotion", {}).get("coupon") or params.get("coupon")
    if not named:
        raise invalid("Missing required param: promotion.", "promotion", "parameter_missing")
    coupon = world.get("coupon", named, "promotion[coupon]")
    if "customer" in params:
        world.get("customer", params["customer"], "customer")
    code = params.get("code") or "".join(world.random.choices(string.ascii_uppercase + string.digits, k=8))
    _check_free(world, code)
    restrictions = {"first_time_transaction": False, "minimum_amount": None, "minimum_amount_currency": None}
    members = {
        "active": params.get("active", True),
        "code": code,
        "customer": params.get("customer"),
        "customer_account": None,
        "expires_at": params.get("expires_at"),
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merged({}, params.get("metadata", {})),
        "promotion": {"coupon": coupon["id"], "type": "coupon"},
        "restrictions": {**restrictions, **params.get("restrictions", {})},
        "times_redeemed": 0,
    }
    made = world.add(world.new(_KIND, "promo", members))
    world.emit("promotion_code.created", made)
    return made


@ROUTES.get(f"{_URL}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return a code."""
    return world.get(_KIND, params["id"])


@ROUTES.post(f"{_URL}/{{id}}", _UPDATE)
def update(world: World, params: Params) -> JsonObject:
    """Change whether a code can be used, and its metadata."""
    code = world.get(_KIND, params["id"])
    after = {"active": params["active"]} if "active" in params else {}
    if "metadata" in params:
        after["metadata"] = merged(code["metadata"], params["metadata"])
    with world.changing(code, "promotion_code.updated"):
        code.update(after)
    return code


@ROUTES.get(_URL, _LIST)
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of codes; how a code is spelled is compared without case."""
    alike, spelled, coupon = same(params, "active", "customer"), params.get("code"), params.get("coupon")

    def keep(one: JsonObject) -> bool:
        fits = spelled is None or one["code"].lower() == spelled.lower()
        return alike(one) and fits and coupon in {None, one["promotion"]["coupon"]}

    return page(world, _KIND, _URL, params, keep)


def _check_free(world: World, code: str) -> None:
    if any(one["active"] and one["code"].lower() == code.lower() for one in world.rows(_KIND)):
        message = f"An active promotion code with `code: {code}` already exists."
        raise invalid(message, "code", "resource_already_exists")
