"""Checkout discounts: coupons and promotion codes of a session. Source: https://docs.stripe.com/payments/checkout/discounts."""

from decimal import Decimal

from billing_adapters.simulator.checkout_amounts import rounded
from billing_adapters.simulator.expanding import EXPANDABLE
from billing_adapters.simulator.params import Params
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import Refused, invalid
from billing_adapters.simulator.world import World

__all__ = ["apply", "by_code", "check_usable", "redeem", "reductions"]

EXPANDABLE.update(coupon="coupon", promotion_code="promotion_code")

_PERCENT = 100


def by_code(world: World, code: str) -> JsonObject:
    """Return the promotion code that a customer has entered.

    Raises:
        Refused: There is none, or no more.
    """
    for promotion in world.rows("promotion_code"):
        if promotion["code"].casefold() == code.strip().casefold() and promotion["active"]:
            return promotion
    raise invalid("This code is invalid.", "promotion_code", "resource_missing")


def check_usable(world: World, discount: Params, customer_id: str | None, code: str, subtotal: int) -> JsonObject:
    """Return the coupon of a discount for a purchase of so much by this customer.

    Raises:
        Refused: There is no such coupon or promotion code, or it may not be used for this.
    """
    coupon_id: str = discount.get("coupon", "")
    if discount.get("promotion_code"):
        promotion = world.get("promotion_code", discount["promotion_code"], "discounts[0][promotion_code]")
        _check_promotion(promotion, customer_id, code, subtotal)
        coupon_id = promotion["promotion"]["coupon"]
    coupon = world.get("coupon", coupon_id, "discounts[0][coupon]")
    if not coupon["valid"]:
        raise _unusable(f"Coupon {coupon['id']} is not valid any more.")
    if coupon["amount_off"] is not None and _amount_off(coupon, code) is None:
        raise _unusable(f"Coupon {coupon['id']} takes nothing off an amount in {code}.")
    return coupon


def _check_promotion(promotion: JsonObject, customer_id: str | None, code: str, subtotal: int) -> None:
    if not promotion["active"]:
        raise _unusable("This promotion code is not active.")
    if promotion["customer"] not in {None, customer_id}:
        raise _unusable("This promotion code is for another customer.")
    least = promotion["restrictions"]["minimum_amount"]
    if least is not None and promotion["restrictions"]["minimum_amount_currency"] == code and subtotal < least:
        raise _unusable("This promotion code is for larger purchases.")


def _unusable(message: str) -> Refused:
    return invalid(message, "discounts")


def apply(session: JsonObject, items: list[JsonObject], coupon: JsonObject | None) -> None:
    """Take a coupon off the items of a session, and add them up."""
    taken = reductions(items, coupon, session["currency"])
    for item, amount in zip(items, taken, strict=True):
        item.update(amount_discount=amount, amount_total=item["amount_subtotal"] - amount)
    session["amount_subtotal"] = sum(item["amount_subtotal"] for item in items)
    session["amount_total"] = session["amount_subtotal"] - sum(taken)
    session["total_details"] = {"amount_discount": sum(taken), "amount_shipping": 0, "amount_tax": 0}


def reductions(items: list[JsonObject], coupon: JsonObject | None, code: str) -> list[int]:
    """Return what a coupon takes off each item; a fixed amount is spread over them in proportion."""
    if coupon is None:
        return [0] * len(items)
    products = (coupon.get("applies_to") or {}).get("products")
    bases = [item["amount_subtotal"] if products is None or item["price"]["product"] in products else 0 for item in items]
    if coupon["percent_off"] is not None:
        return [rounded(base * Decimal(str(coupon["percent_off"])) / _PERCENT) for base in bases]
    return _spread(min(_amount_off(coupon, code) or 0, sum(bases)), bases)


def _amount_off(coupon: JsonObject, code: str) -> int | None:
    if coupon["currency"] == code:
        return int(coupon["amount_off"])
    option = (coupon.get("currency_options") or {}).get(code)
    return int(option["amount_off"]) if option else None


def _spread(amount: int, bases: list[int]) -> list[int]:
    """Spread an amount in proportion, to the last minor unit."""
    shares, left, base_left = [], amount, sum(bases)
    for base in bases:
        share = left * base // base_left if base_left else 0
        shares.append(share)
        left, base_left = left - share, base_left - base
    return shares


def redeem(world: World, discounts: list[JsonObject]) -> None:
    """Count that the coupons and promotion codes of a session were used; the last time that is allowed ends them."""
    for discount in discounts:
        promotion = world.find("promotion_code", discount["promotion_code"] or "")
        coupon = world.find("coupon", discount["coupon"] or (promotion["promotion"]["coupon"] if promotion else ""))
        for one, member, kind in ((promotion, "active", "promotion_code.updated"), (coupon, "valid", "coupon.updated")):
            if one:
                with world.changing(one, kind):
                    one["times_redeemed"] += 1
                    one[member] = one[member] and one["times_redeemed"] != one["max_redemptions"]
