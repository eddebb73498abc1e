"""Subscribing: the life of a subscription, whoever moves it on: a request, a payment or the clock.

Source: https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from billing_adapters.simulator import customers, invoice_payments, invoicing, setups
from billing_adapters.simulator.charging import Presence
from billing_adapters.simulator.expanding import EXPANDABLE
from billing_adapters.simulator.invoice_items import pending_of, take
from billing_adapters.simulator.lines import of_item
from billing_adapters.simulator.payers import method_of, subscription_of
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.world import World

__all__ = [
    "AFTER_LAST_RETRY",
    "KIND",
    "LIVE",
    "billed",
    "changing",
    "collected",
    "ended",
    "expired",
    "items_of",
    "keep_quiet",
    "parent_of",
    "period_of",
    "settings",
    "tell_created",
    "with_items",
]

KIND = "subscription"
_UNTOLD = "subscriptions that nobody has been told of"

EXPANDABLE.update(subscription=KIND, price="price", customer="customer")

AFTER_LAST_RETRY = ("cancel", "mark_unpaid", "leave_past_due")
LIVE = ("active", "trialing", "past_due", "unpaid", "paused")
"""The statuses of a subscription that has begun and not ended."""


def settings(world: World) -> JsonObject:
    """Return what becomes of a subscription when its last retry failed: `cancel`, `mark_unpaid` or `leave_past_due`."""
    return world.table("billing settings").setdefault("subscriptions", {"after_last_retry": "cancel"})


# Reading ------------------------------------------------------------------------------------------------------------------


def items_of(subscription: JsonObject) -> list[JsonObject]:
    """Return the items of a subscription."""
    found: list[JsonObject] = subscription["items"]["data"]
    return found


def with_items(subscription: JsonObject, items: Sequence[JsonObject]) -> JsonObject:
    """Return the member `items` of a subscription that has these."""
    url = f"/v1/subscription_items?subscription={subscription['id']}"
    return {"object": "list", "data": list(items), "has_more": False, "total_count": len(items), "url": url}


def period_of(subscription: JsonObject) -> tuple[int, int]:
    """Return the current period, which all items share."""
    first = items_of(subscription)[0]
    return first["current_period_start"], first["current_period_end"]


def parent_of(subscription: JsonObject, proration_date: int | None = None) -> JsonObject:
    """Return what an invoice says about the subscription that it is of."""
    details: JsonObject = {"metadata": dict(subscription["metadata"]), "subscription": subscription["id"]}
    if proration_date is not None:
        details["subscription_proration_date"] = proration_date
    return {"quote_details": None, "subscription_details": details, "type": "subscription_details"}


# Moving on ----------------------------------------------------------------------------------------------------------------


@contextmanager
def changing(world: World, subscription: JsonObject) -> Iterator[JsonObject]:
    """Let the block change a subscription, and tell it, if anybody knows of the subscription already."""
    if subscription["id"] in world.table(_UNTOLD):
        yield subscription
    else:
        with world.changing(subscription, "customer.subscription.updated"):
            yield subscription


def keep_quiet(world: World, subscription: JsonObject) -> None:
    """Tell nobody of a subscription until its first invoice is settled."""
    world.table(_UNTOLD)[subscription["id"]] = {}


def tell_created(world: World, subscription: JsonObject) -> None:
    """Tell that there is a subscription."""
    world.table(_UNTOLD).pop(subscription["id"], None)
    world.emit("customer.subscription.created", subscription)


def billed(
    world: World,
    subscription: JsonObject,
    reason: str,
    *,
    whole: bool = True,
    pending: bool = True,
    free: bool = False,
    period: tuple[int, int] | None = None,
    **more: Any,  # noqa: ANN401 - members of the invoice
) -> JsonObject:
    """Draft the invoice of a subscription: what is pending, and if `whole`, its items for the period that is current."""
    waiting = pending_of(world, subscription["customer"], subscription["id"]) if pending else []
    lines = [of_item(world, subscription, item, free=free) for item in items_of(subscription)] if whole else []
    customer = world.table("customer")[subscription["customer"]]
    terms = invoicing.Terms(
        customer,
        subscription["currency"],
        reason,
        period or (world.now, world.now),
        parent_of(subscription, more.pop("proration_date", None)),
        [world.table("discount")[one] for one in subscription["discounts"]],
        more=more,
    )
    invoice = invoicing.drafted(world, terms, [*take(world, waiting), *lines])
    for one in waiting:
        one["invoice"] = invoice["id"]
    return invoice


def collected(world: World, invoice: JsonObject, presence: Presence, then: int | None = None) -> None:
    """Try to collect an invoice, if it is open."""
    if invoice["status"] == "open":
        invoicing.attempt(world, invoice, method_of(world, invoice), presence, then)


def ended(world: World, subscription: JsonObject, reason: str | None, **details: Any) -> None:  # noqa: ANN401 - any members
    """Let a subscription be canceled: nothing follows."""
    canceled_at = subscription["canceled_at"] if subscription["cancel_at_period_end"] else world.now
    incomplete = subscription["status"] == "incomplete"
    subscription.update(
        status="canceled",
        canceled_at=canceled_at,
        ended_at=world.now,
        cancellation_details={**subscription["cancellation_details"], "reason": reason, **details},
        status_details=None,
    )
    _close_invoice(world, subscription, void=incomplete)
    world.emit("customer.subscription.deleted", subscription)


def expired(world: World, subscription: JsonObject) -> None:
    """Let a subscription expire whose first invoice was never paid."""
    with changing(world, subscription):
        subscription.update(status="incomplete_expired", ended_at=world.now)
    _close_invoice(world, subscription, void=True)


def _close_invoice(world: World, subscription: JsonObject, *, void: bool) -> None:
    """Stop collecting the latest invoice."""
    invoice = world.table("invoice").get(subscription["latest_invoice"])
    if invoice is None or invoice["status"] not in {"draft", "open"}:
        return
    if void and invoice["status"] == "open":
        invoicing.voided(world, invoice)
        return
    with world.changing(invoice, "invoice.updated"):
        invoice.update(auto_advance=False, next_payment_attempt=None, automatically_finalizes_at=None)


# What payments do ---------------------------------------------------------------------------------------------------------


def _paid(world: World, invoice: JsonObject) -> None:
    subscription = subscription_of(world, invoice)
    if subscription is None or subscription["latest_invoice"] != invoice["id"]:
        return
    with changing(world, subscription):
        if subscription["status"] in {"incomplete", "past_due", "unpaid"}:
            subscription["status"] = "active"
        if _keeps_method(subscription) and invoice_payments.payments_of(world, invoice):
            subscription["default_payment_method"] = invoice_payments.intent_of(world, invoice)["payment_method"]


def _failed(world: World, invoice: JsonObject) -> None:
    subscription = subscription_of(world, invoice)
    if (
        subscription is not None
        and subscription["status"] == "active"
        and invoice["billing_reason"] != "subscription_create"
    ):
        with changing(world, subscription):
            subscription["status"] = "past_due"


def _set_up(world: World, setup: JsonObject) -> None:
    """Take the card that a subscription waited for."""
    for subscription in world.table(KIND).values():
        if subscription["pending_setup_intent"] == setup["id"]:
            with changing(world, subscription):
                subscription["pending_setup_intent"] = None
                if _keeps_method(subscription):
                    subscription["default_payment_method"] = setup["payment_method"]


def _keeps_method(subscription: JsonObject) -> bool:
    return bool(subscription["payment_settings"]["save_default_payment_method"] == "on_subscription")


def _end_all(world: World, customer: JsonObject) -> None:
    for subscription in list(world.table(KIND).values()):
        if subscription["customer"] == customer["id"] and subscription["status"] in {*LIVE, "incomplete"}:
            ended(world, subscription, "cancellation_requested")


invoicing.ON_PAID.append(_paid)
invoicing.ON_FAILED.append(_failed)
setups.ON_SUCCEEDED.append(_set_up)
customers.ON_DELETE.insert(0, _end_all)
