"""Previews: the invoice that would come next, while nothing happens.

Source: https://docs.stripe.com/api/invoices/create_preview.
"""

from collections.abc import Sequence
from http import HTTPStatus

from billing_adapters.simulator import swaps
from billing_adapters.simulator.beginnings import prepared
from billing_adapters.simulator.discounts import DISCOUNTS, chosen
from billing_adapters.simulator.invoice_items import formed, pending_of, take
from billing_adapters.simulator.invoicing import Terms, composed
from billing_adapters.simulator.lines import of_item
from billing_adapters.simulator.params import Fields, Params, anything, choice, currency, either, flag, moment, nested, text
from billing_adapters.simulator.periods import HOUR, period_end
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.prorations import described
from billing_adapters.simulator.refusals import Refused, invalid
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.subscribing import KIND, items_of, parent_of, period_of, with_items
from billing_adapters.simulator.subscription_items import ITEMS, rhythm_of
from billing_adapters.simulator.world import World

__all__ = ["ROUTES"]

ROUTES = Routes()

_DETAILS: Fields = {
    "billing_cycle_anchor": choice("now", "unchanged"),
    "billing_mode": anything,
    "cancel_at_period_end": flag,
    "items": ITEMS,
    "proration_behavior": choice("always_invoice", "create_prorations", "none"),
    "proration_date": moment,
    "trial_end": either("now", moment),
}
_CREATE: Fields = {
    "currency": currency,
    "customer": text,
    "discounts": DISCOUNTS,
    "preview_mode": choice("next"),
    "subscription": text,
    "subscription_details": nested(_DETAILS),
}


@ROUTES.post("/v1/invoices/create_preview", _CREATE)
def create(world: World, params: Params) -> JsonObject:
    """Return the invoice that would come: of a subscription as it is, as it would be changed, or as it would begin."""
    details = params.get("subscription_details", {})
    if "subscription" in params:
        return _of_existing(world, world.get(KIND, params["subscription"], "subscription"), details, params)
    if "customer" not in params:
        raise invalid("You must specify `customer` or `subscription`.", "customer", "parameter_missing")
    customer = world.get("customer", params["customer"], "customer")
    if not details.get("items"):
        raise _none(customer["id"])
    subscription = prepared(world, customer, details)
    free = subscription["status"] == "trialing"
    lines = [of_item(world, subscription, item, free=free) for item in items_of(subscription)]
    return _preview(world, subscription, lines, (world.now, world.now), params)


def _of_existing(world: World, subscription: JsonObject, details: Params, params: Params) -> JsonObject:
    if subscription["status"] in {"canceled", "incomplete_expired", "paused"}:
        raise _none(subscription["customer"])
    ends = details.get("cancel_at_period_end", subscription["cancel_at_period_end"])
    swap = swaps.planned(world, subscription, details)
    now = swap is not None and swap.invoices
    if ends and not now:
        raise _none(subscription["customer"])
    changed = {**subscription, "items": with_items(subscription, swap.items)} if swap else dict(subscription)
    if swap and swap.anchor is not None:
        changed["billing_cycle_anchor"] = swap.anchor
    parts = [formed(world, **described(world, subscription, one)) for one in (swap.parts if swap else ())]
    waiting = [*pending_of(world, subscription["customer"], subscription["id"]), *parts]
    lines = take(world, waiting)
    if swap and now:
        whole = items_of(changed) if swap.anchor is not None else []
        lines += [of_item(world, changed, item) for item in whole]
        return _preview(world, changed, lines, (world.now, world.now), params)
    changed["discounts"] = _next_discounts(world, subscription)
    lines += [of_item(world, changed, item) for item in _next_items(changed)]
    return _preview(world, changed, lines, period_of(changed), params)


def _next_items(subscription: JsonObject) -> list[JsonObject]:
    """Return the items as they will be in the next period."""
    items, (_, start) = items_of(subscription), period_of(subscription)
    end = period_end(subscription["billing_cycle_anchor"], start, rhythm_of(items))
    return [{**one, "current_period_start": start, "current_period_end": end} for one in items]


def _next_discounts(world: World, subscription: JsonObject) -> list[str]:
    """Return the discounts that are left when the current period ends."""
    end, every = period_of(subscription)[1], world.table("discount")
    return [one for one in subscription["discounts"] if every[one]["end"] is None or every[one]["end"] > end]


def _preview(
    world: World, subscription: JsonObject, lines: Sequence[JsonObject], period: tuple[int, int], params: Params
) -> JsonObject:
    customer = world.get("customer", subscription["customer"], "customer")
    discounts = [world.table("discount")[one] for one in subscription["discounts"]]
    if "discounts" in params:
        discounts = chosen(world, params["discounts"], customer["id"])
    terms = Terms(
        customer,
        subscription["currency"],
        "upcoming",
        period,
        parent_of(subscription),
        discounts,
        more={"id": f"upcoming_{world.new_id('in')}", "next_payment_attempt": period[1] + HOUR},
    )
    return composed(world, terms, lines)


def _none(customer_id: str) -> Refused:
    message = f"No upcoming invoices for customer: {customer_id}"
    return invalid(message, code="invoice_upcoming_none", status=HTTPStatus.NOT_FOUND)
