"""Checkout of subscriptions: what a session begins when its customer has a card that is good."""

from billing_adapters.simulator import invoice_items
from billing_adapters.simulator.beginnings import begun
from billing_adapters.simulator.checkout_items import is_recurring, items_of
from billing_adapters.simulator.invoice_payments import intent_of
from billing_adapters.simulator.params import Params
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.subscribing import changing, ended, expired
from billing_adapters.simulator.world import World

__all__ = ["began", "first_intent", "given_up", "paid_with"]


def began(world: World, session: JsonObject, data: Params, owner: str, method_id: str | None) -> JsonObject:
    """Subscribe the customer of a session; what is sold once is on the first invoice, which nobody has tried to collect."""
    items = items_of(world, session)
    for one in items:
        if not is_recurring(one["price"]):
            invoice_items.create(world, {"customer": owner, **_wanted(one)})
    discounts = [{name: value for name, value in one.items() if value} for one in session["discounts"]]
    params: Params = {
        **data,
        "customer": owner,
        "discounts": discounts,
        "items": [_wanted(one) for one in items if is_recurring(one["price"])],
        "payment_behavior": "default_incomplete",
    }
    return begun(world, {**params, "default_payment_method": method_id} if method_id else params)


def first_intent(world: World, subscription: JsonObject) -> JsonObject:
    """Return the intent with which the first invoice of a subscription is paid."""
    return intent_of(world, world.get("invoice", subscription["latest_invoice"], "invoice"))


def paid_with(world: World, subscription: JsonObject, method_id: str) -> None:
    """Let a subscription be paid with another card than the one it began with."""
    with changing(world, subscription):
        subscription["default_payment_method"] = method_id


def given_up(world: World, subscription: JsonObject) -> None:
    """End a subscription whose first invoice was not paid in its session: one that waits for it, or one that is tried."""
    if subscription["status"] == "incomplete":
        expired(world, subscription)
    else:
        ended(world, subscription, "payment_failed")


def _wanted(item: JsonObject) -> Params:
    quantity = {} if item["quantity"] is None else {"quantity": item["quantity"]}
    return {"price": item["price"]["id"], **quantity}
