"""Lines: what an invoice lists, in the shape in which it lists it. Source: https://docs.stripe.com/api/invoice-line-item."""

from datetime import UTC, datetime
from typing import Any

from billing_adapters.simulator.amounts import cost
from billing_adapters.simulator.currencies import written
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.world import World

__all__ = ["of_item", "of_pending", "priced", "spoken_date"]


def of_item(world: World, subscription: JsonObject, item: JsonObject, *, free: bool = False) -> JsonObject:
    """Return the line for the current period of a subscription's item; `free` during a trial."""
    price, quantity = item["price"], item.get("quantity")
    product = world.table("product")[price["product"]]["name"]
    amount = 0 if free or quantity is None else cost(price, quantity)
    description = f"Trial period for {product}" if free else f"{quantity or 0} \u00d7 {product} ({_rate(price)})"
    origin = {
        "invoice_item": None,
        "proration": False,
        "proration_details": {"credited_items": None},
        "subscription": subscription["id"],
        "subscription_item": item["id"],
    }
    return _line(
        world,
        amount=amount,
        currency=subscription["currency"],
        description=description,
        discountable=True,
        discounts=[],
        metadata=dict(subscription["metadata"]),
        parent={
            "invoice_item_details": None,
            "subscription_item_details": origin,
            "type": "subscription_item_details",
        },
        period={"start": item["current_period_start"], "end": item["current_period_end"]},
        pricing=priced(price, "0" if free else None),
        quantity=quantity,
        subscription=subscription["id"],
    )


def of_pending(world: World, pending: JsonObject) -> JsonObject:
    """Return the line for an invoice item, which waited for an invoice."""
    subscription = pending["parent"] and pending["parent"]["subscription_details"]["subscription"]
    origin = {
        "invoice_item": pending["id"],
        "proration": pending["proration"],
        "proration_details": {"credited_items": None},
        "subscription": subscription,
    }
    parent = {"invoice_item_details": origin, "subscription_item_details": None, "type": "invoice_item_details"}
    alike = {name: pending[name] for name in ("amount", "currency", "description", "discountable", "period", "pricing")}
    return _line(
        world,
        **alike,
        discounts=list(pending["discounts"]),
        metadata=dict(pending["metadata"]),
        parent=parent,
        quantity=pending["quantity"],
        subscription=subscription,
    )


def priced(price: JsonObject, unit: str | None = None) -> JsonObject:
    """Return how a line says what it is the price of; `unit` is the amount per unit, if not that of the price."""
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"] if unit is None else unit,
    }


def spoken_date(when: int) -> str:
    """Return a day as Stripe writes it in descriptions: `02 Jan 2026`."""
    return f"{datetime.fromtimestamp(when, UTC):%d %b %Y}"


def _line(world: World, **members: Any) -> JsonObject:  # noqa: ANN401 - any members
    return {
        "id": world.new_id("il"),
        "object": "line_item",
        "discount_amounts": [],
        "invoice": None,
        "livemode": world.caller.livemode,
        "pretax_credit_amounts": [],
        "quantity_decimal": None if members["quantity"] is None else str(members["quantity"]),
        "subtotal": members["amount"],
        "taxes": [],
        **members,
    }


def _rate(price: JsonObject) -> str:
    rhythm = price["recurring"]
    every = rhythm["interval"] if rhythm["interval_count"] == 1 else f"{rhythm['interval_count']} {rhythm['interval']}s"
    if price["unit_amount"] is None:
        return f"per {every}"
    return f"at {written(price['unit_amount'], price['currency'])} / {every}"
