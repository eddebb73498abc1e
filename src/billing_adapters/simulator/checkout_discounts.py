"""Checkout discounts: coupons and promotion codes of a session. Source: https://docs.stripe.com/payments/checkout/discounts."""

from billing_adapters.simulator.discounts import chosen, net
from billing_adapters.simulator.params import Params
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import Refused, invalid
from billing_adapters.simulator.world import World

__all__ = ["apply", "by_code", "usable"]


def by_code(world: World, code: str) -> JsonObject:
    """Return the promotion code that a customer has entered.

    Raises:
        Refused: There is none, or no more.
    """
    for promotion in world.rows("promotion_code"):
        if promotion["code"].casefold() == code.strip().casefold() and promotion["active"]:
            return promotion
    raise invalid("This code is invalid.", "promotion_code", "resource_missing")


def usable(world: World, given: Params, customer_id: str | None, code: str, subtotal: int) -> JsonObject:
    """Return the discount that is asked for on a purchase of so much by this customer, or by a guest.

    Raises:
        Refused: There is no such coupon or promotion code, or it may not be used for this.
    """
    [discount] = chosen(world, [given], customer_id or "")
    discount["customer"] = customer_id
    coupon = world.get("coupon", discount["source"]["coupon"], "discounts[0][coupon]")
    if coupon["amount_off"] is not None and coupon["currency"] != code:
        raise _unusable(f"Coupon {coupon['id']} takes nothing off an amount in {code}.")
    if discount["promotion_code"]:
        restrictions = world.get("promotion_code", discount["promotion_code"])["restrictions"]
        least = restrictions["minimum_amount"]
        if least is not None and (restrictions["minimum_amount_currency"] != code or subtotal < least):
            raise _unusable("This promotion code is for larger purchases.")
    return discount


def _unusable(message: str) -> Refused:
    return invalid(message, "discounts")


def apply(world: World, session: JsonObject, items: list[JsonObject], discount: JsonObject | None) -> None:
    """Take a discount off the items of a session, and add them up."""
    amounts = [(item["amount_subtotal"], item["price"]["product"]) for item in items]
    for item, left in zip(items, net(world, amounts, [discount] if discount else []), strict=True):
        item.update(amount_discount=item["amount_subtotal"] - left, amount_total=left)
    session["amount_subtotal"] = sum(item["amount_subtotal"] for item in items)
    session["amount_total"] = sum(item["amount_total"] for item in items)
    taken = session["amount_subtotal"] - session["amount_total"]
    session["total_details"] = {"amount_discount": taken, "amount_shipping": 0, "amount_tax": 0}
