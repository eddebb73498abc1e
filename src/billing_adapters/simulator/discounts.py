"""Discounts: coupons in use, by a subscription or an invoice. Source: https://docs.stripe.com/api/discounts."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from billing_adapters.simulator.amounts import Off, taken_off
from billing_adapters.simulator.expanding import EXPANDABLE
from billing_adapters.simulator.params import Fields, Params, clearable, many, nested, text
from billing_adapters.simulator.periods import shifted
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import exclusive, invalid
from billing_adapters.simulator.world import World

__all__ = [
    "DISCOUNTS",
    "chosen",
    "coupon_is_valid",
    "discount_lines",
    "left_after_invoice",
    "net",
    "redeemed",
    "still_running",
]

_KIND = "discount"
_GIVEN: Fields = {"coupon": text, "discount": text, "promotion_code": text}

EXPANDABLE.update(coupon="coupon", discount=_KIND, discounts=_KIND, promotion_code="promotion_code")

DISCOUNTS = clearable(many(nested(_GIVEN)))
"""The parameter that says which discounts there are."""


def coupon_is_valid(world: World, coupon: JsonObject) -> bool:
    """Say whether a coupon can still be redeemed."""
    used_up = coupon["max_redemptions"] is not None and coupon["times_redeemed"] >= coupon["max_redemptions"]
    return not used_up and (coupon["redeem_by"] is None or coupon["redeem_by"] > world.now)


def chosen(world: World, given: Sequence[Params] | None, customer_id: str) -> list[JsonObject]:
    """Return what a request chooses as discounts: existing ones, and new ones that nobody has redeemed yet.

    Raises:
        Refused: A coupon or code does not exist, or is good no more, or not for this customer.
    """
    return [_chosen(world, one, customer_id, f"discounts[{place}]") for place, one in enumerate(given or ())]


def redeemed(world: World, discount: JsonObject, **owner: str) -> str:
    """Keep a discount for its owner, and return its id; a new one counts as one use of its coupon."""
    if discount["id"] not in world.table(_KIND):
        discount.update(owner)
        world.add(discount)
        world.table("coupon")[discount["source"]["coupon"]]["times_redeemed"] += 1
        if discount["promotion_code"]:
            world.table("promotion_code")[discount["promotion_code"]]["times_redeemed"] += 1
        if "subscription" in owner:
            world.emit("customer.discount.created", discount)
    return str(discount["id"])


def still_running(world: World, names: Sequence[str]) -> list[str]:
    """Return the discounts whose time is not over."""
    every = world.table(_KIND)
    return [one for one in names if every[one]["end"] is None or every[one]["end"] > world.now]


def left_after_invoice(world: World, names: Sequence[str]) -> list[str]:
    """Return the discounts that go on after an invoice: not those that count once."""
    return [one for one in names if _coupon(world, world.table(_KIND)[one])["duration"] != "once"]


def discount_lines(world: World, invoice: JsonObject, discounts: Sequence[JsonObject]) -> None:
    """Write into the lines of an invoice what its discounts take off, and the sums into the invoice."""
    lines = [one for one in invoice["lines"]["data"] if one["discountable"]]
    taken = taken_off([(one["amount"], _product(one)) for one in lines], [_off(world, one) for one in discounts])
    for line, parts in zip(lines, zip(*taken, strict=True), strict=False):
        line["discount_amounts"] = [
            {"amount": part, "discount": one["id"]} for part, one in zip(parts, discounts, strict=True) if part
        ]
    sums = [(sum(parts), one["id"]) for parts, one in zip(taken, discounts, strict=True)]
    invoice["total_discount_amounts"] = [{"amount": amount, "discount": named} for amount, named in sums]


def net(world: World, amounts: Sequence[tuple[int, str | None]], discounts: Sequence[JsonObject]) -> list[int]:
    """Return what is left of amounts, given with their products."""
    taken = taken_off(amounts, [_off(world, one) for one in discounts])
    return [amount - sum(parts[place] for parts in taken) for place, (amount, _) in enumerate(amounts)]


def _chosen(world: World, given: Params, customer_id: str, param: str) -> JsonObject:
    if len(given) > 1:
        raise exclusive(*[f"{param}[{name}]" for name in given][:2])
    if "discount" in given:
        return world.get(_KIND, given["discount"], f"{param}[discount]")
    if "promotion_code" in given:
        code = world.get("promotion_code", given["promotion_code"], f"{param}[promotion_code]")
        _check_code(world, code, customer_id, param)
        return _new(world, code["promotion"]["coupon"], customer_id, code["id"])
    coupon = world.get("coupon", given.get("coupon", ""), f"{param}[coupon]")
    if not coupon_is_valid(world, coupon):
        raise invalid(f"Coupon expired: {coupon['id']}", f"{param}[coupon]", "coupon_expired")
    return _new(world, coupon["id"], customer_id, None)


def _check_code(world: World, code: JsonObject, customer_id: str, param: str) -> None:
    coupon = world.table("coupon").get(code["promotion"]["coupon"])
    used_up = code["max_redemptions"] is not None and code["times_redeemed"] >= code["max_redemptions"]
    expired = code["expires_at"] is not None and code["expires_at"] <= world.now
    if not code["active"] or used_up or expired or coupon is None or not coupon_is_valid(world, coupon):
        message = f"This promotion code is inactive and cannot be used: {code['code']}"
        raise invalid(message, f"{param}[promotion_code]", "promotion_code_inactive")
    if code["customer"] not in {None, customer_id}:
        message = "This promotion code cannot be redeemed because it belongs to a different customer."
        raise invalid(message, f"{param}[promotion_code]", "promotion_code_wrong_customer")


def _new(world: World, coupon_id: str, customer_id: str, code_id: str | None) -> JsonObject:
    coupon = world.table("coupon")[coupon_id]
    months = coupon["duration_in_months"]
    return {
        "id": world.new_id("di"),
        "object": _KIND,
        "checkout_session": None,
        "customer": customer_id,
        "customer_account": None,
        "end": shifted(world.now, months) if months else None,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": code_id,
        "source": {"coupon": coupon_id, "type": "coupon"},
        "start": world.now,
        "subscription": None,
        "subscription_item": None,
    }


def _coupon(world: World, discount: JsonObject) -> JsonObject:
    named = discount["source"]["coupon"]
    found: JsonObject = world.table("coupon").get(named) or world.table("deleted coupons")[named]
    return found


def _off(world: World, discount: JsonObject) -> Off:
    coupon = _coupon(world, discount)
    percent: Any = coupon["percent_off"]
    products = frozenset((coupon["applies_to"] or {}).get("products", ()))
    return Off(None if percent is None else Decimal(str(percent)), coupon["amount_off"] or 0, products)


def _product(line: JsonObject) -> str | None:
    return line["pricing"]["price_details"]["product"] if line["pricing"] else None
