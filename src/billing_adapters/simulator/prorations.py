"""Prorations: what a change in the middle of a period gives back, and what it costs, by the second.

Source: https://docs.stripe.com/billing/subscriptions/prorations.
"""

from collections.abc import Sequence

from attrs import frozen

from billing_adapters.simulator.amounts import cost, in_part
from billing_adapters.simulator.discounts import net
from billing_adapters.simulator.invoice_items import waiting
from billing_adapters.simulator.lines import priced, spoken_date
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.world import World

__all__ = ["Proration", "described", "kept_waiting", "nets_of", "prorations"]


@frozen
class Proration:
    """A part of an item's price, which is given back or asked for; what is given back is negative."""

    item: JsonObject
    amount: int
    start: int
    end: int
    back: bool


def prorations(
    before: Sequence[JsonObject], after: Sequence[JsonObject], nets: dict[int, int], when: int, *, credit_only: bool = False
) -> list[Proration]:
    """Return what a change at a moment gives back of the items before it, then what it asks for those after it.

    `nets` is what each item costs for a whole period, less discounts, by the identity of the item. What did not change in
    price or quantity is left alone, unless all of it is given back.
    """
    unchanged = set() if credit_only else {_terms(one) for one in before} & {_terms(one) for one in after}
    back = [_part(one, -nets[id(one)], when, back=True) for one in before if _terms(one) not in unchanged]
    asked = (
        []
        if credit_only
        else [_part(one, nets[id(one)], when, back=False) for one in after if _terms(one) not in unchanged]
    )
    return [*back, *asked]


def nets_of(world: World, subscription: JsonObject, items: Sequence[JsonObject]) -> dict[int, int]:
    """Return what each of these items costs for a whole period, less the discounts of the subscription."""
    discounts = [world.table("discount")[one] for one in subscription["discounts"]]
    amounts = [(cost(one["price"], one.get("quantity") or 0), one["price"]["product"]) for one in items]
    return {id(item): amount for item, amount in zip(items, net(world, amounts, discounts), strict=True)}


def kept_waiting(world: World, subscription: JsonObject, parts: Sequence[Proration]) -> list[JsonObject]:
    """Let prorations wait for an invoice, as invoice items, and tell them."""
    return [waiting(world, **described(world, subscription, one)) for one in parts]


def described(world: World, subscription: JsonObject, part: Proration) -> JsonObject:
    """Return the members of the invoice item for a proration."""
    item, quantity = part.item, part.item.get("quantity")
    product = world.table("product")[item["price"]["product"]]["name"]
    what = "Unused" if part.back else "Remaining"
    counted = f"{quantity} \u00d7 {product}" if quantity not in {None, 1} else product
    details = {"subscription": subscription["id"], "subscription_item": item["id"]}
    return {
        "amount": part.amount,
        "currency": subscription["currency"],
        "customer": subscription["customer"],
        "description": f"{what} time on {counted} after {spoken_date(part.start)}",
        "discountable": False,
        "metadata": dict(subscription["metadata"]),
        "parent": {"subscription_details": details, "type": "subscription_details"},
        "period": {"start": part.start, "end": part.end},
        "pricing": priced(item["price"]),
        "proration": True,
        "proration_details": {"credited_items": None, "discount_amounts": []},
        "quantity": quantity or 0,
    }


def _terms(item: JsonObject) -> tuple[str, str, int | None]:
    return item["id"], item["price"]["id"], item.get("quantity")


def _part(item: JsonObject, amount: int, when: int, *, back: bool) -> Proration:
    start, end = item["current_period_start"], item["current_period_end"]
    return Proration(item, in_part(amount, max(end - when, 0), end - start), when, end, back)
