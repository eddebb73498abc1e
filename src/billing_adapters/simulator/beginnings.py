"""Beginnings: how a subscription comes to be, with its first invoice. Source: https://docs.stripe.com/api/subscriptions/create."""

from typing import Any

from billing_adapters.simulator import invoicing, setups
from billing_adapters.simulator.cards import Decline
from billing_adapters.simulator.charging import AUTHENTICATION_REQUIRED, Presence, wants_authentication
from billing_adapters.simulator.discounts import chosen, left_after_invoice, redeemed
from billing_adapters.simulator.methods import card_of, is_set_up
from billing_adapters.simulator.params import Params, merged
from billing_adapters.simulator.payers import default_given, method_of_subscription
from billing_adapters.simulator.periods import DAY, HOUR, period_end
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import card_declined, exclusive, invalid
from billing_adapters.simulator.renewals import cancel_later, expires_later, planned, warned_of_trial_end
from billing_adapters.simulator.subscribing import KIND, billed, collected, keep_quiet, tell_created, with_items
from billing_adapters.simulator.subscription_items import new_item, rhythm_of
from billing_adapters.simulator.world import World

__all__ = ["begun", "check_end", "check_payable", "prepared"]


def begun(world: World, params: Params) -> JsonObject:
    """Subscribe a customer: the first invoice is written, finalized, and collected as `payment_behavior` says."""
    customer = world.get("customer", params["customer"], "customer")
    behavior = params.get("payment_behavior", "allow_incomplete")
    subscription = prepared(world, customer, params)
    discounts = chosen(world, params.get("discounts"), customer["id"])
    method = method_of_subscription(world, subscription)
    pays = subscription["status"] == "incomplete"
    if pays and behavior != "default_incomplete":
        check_payable(world, method, strict=behavior == "error_if_incomplete")
    with world.changing(customer, "customer.updated"):
        customer["currency"] = subscription["currency"]
    world.add(subscription)
    keep_quiet(world, subscription)
    subscription["discounts"] = [redeemed(world, one, subscription=subscription["id"]) for one in discounts]
    _first_invoice(world, subscription, behavior, away=params.get("off_session", False), has_method=method is not None)
    tell_created(world, subscription)
    _look_ahead(world, subscription)
    return subscription


def prepared(world: World, customer: JsonObject, params: Params) -> JsonObject:
    """Return a subscription as a request wants it, which is not kept yet.

    Raises:
        Refused: Something in it does not exist, or does not fit.
    """
    subscription = world.new(KIND, "sub", _blank(customer["id"], world.now))
    given = params.get("items") or []
    if not given:
        raise invalid("Missing required param: items.", "items", "parameter_missing")
    items = [new_item(world, subscription["id"], one, f"items[{place}]") for place, one in enumerate(given)]
    rhythm, currency = rhythm_of(items), items[0]["price"]["currency"]
    if customer["currency"] not in {None, currency}:
        message = (
            "You cannot combine currencies on a single customer. This customer has had a subscription, coupon, or invoice "
            f"item with currency {customer['currency']}."
        )
        raise invalid(message)
    trial_end = _trial_end(world, params)
    anchor = trial_end or world.now
    end = trial_end or period_end(anchor, world.now, rhythm)
    periods: JsonObject = {"current_period_start": world.now, "current_period_end": end}
    subscription.update(
        billing_cycle_anchor=anchor,
        currency=currency,
        items=with_items(subscription, [{**one, **periods} for one in items]),
        metadata=merged({}, params.get("metadata", {})),
        description=params.get("description"),
    )
    if trial_end:
        subscription.update(status="trialing", trial_start=world.now, trial_end=trial_end)
    _settle_terms(world, subscription, params, end)
    return subscription


def check_payable(world: World, method: JsonObject | None, *, strict: bool) -> None:
    """Make sure that there is something to pay with; if `strict`, that it is not going to fail.

    Raises:
        Refused: There is nothing, or it would fail.
    """
    if method is None:
        message = (
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-"
            "setting#payment-method-priority."
        )
        raise invalid(message, code="resource_missing")
    why = _would_fail(world, method) if strict else None
    if why:
        raise card_declined(why.message, why.code, why.decline_code, param=why.param)


def _would_fail(world: World, method: JsonObject) -> Decline | None:
    card = card_of(world, method)
    asks = wants_authentication(card, Presence.HERE, set_up=is_set_up(world, method))
    return AUTHENTICATION_REQUIRED if asks else card.decline


def _settle_terms(world: World, subscription: JsonObject, params: Params, end: int) -> None:
    """Write down how the subscription is paid, and when it ends."""
    if "default_payment_method" in params:
        named = default_given(world, params["default_payment_method"], subscription["customer"])
        subscription["default_payment_method"] = named
    subscription["payment_settings"] = {**subscription["payment_settings"], **params.get("payment_settings", {})}
    if "trial_settings" in params:
        subscription["trial_settings"] = params["trial_settings"]
    if params.get("billing_mode", {}).get("type") == "classic":
        subscription["billing_mode"] = {"flexible": None, "type": "classic", "updated_at": None}
    check_end(world, params)
    ends = end if params.get("cancel_at_period_end") else params.get("cancel_at")
    if ends:
        details = {**subscription["cancellation_details"], "reason": "cancellation_requested"}
        at_period_end = bool(params.get("cancel_at_period_end"))
        subscription.update(
            cancel_at=ends, cancel_at_period_end=at_period_end, canceled_at=world.now, cancellation_details=details
        )


def check_end(world: World, params: Params) -> None:
    """Make sure that a subscription can end when a request says.

    Raises:
        Refused: It says two moments, or one that has passed.
    """
    if "cancel_at_period_end" in params and "cancel_at" in params:
        raise exclusive("cancel_at", "cancel_at_period_end")
    ends = params.get("cancel_at")
    if ends is not None and ends <= world.now:
        raise invalid("Invalid timestamp: `cancel_at` must be in the future.", "cancel_at")


def _trial_end(world: World, params: Params) -> int | None:
    if "trial_end" in params and "trial_period_days" in params:
        raise exclusive("trial_end", "trial_period_days")
    if "trial_period_days" in params:
        return world.now + int(params["trial_period_days"]) * DAY
    end = params.get("trial_end", "now")
    if end == "now":
        return None
    if end <= world.now:
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", "trial_end")
    return int(end)


def _first_invoice(world: World, subscription: JsonObject, behavior: str, *, away: bool, has_method: bool) -> None:
    trialing = subscription["status"] == "trialing"
    invoice = billed(world, subscription, "subscription_create", free=trialing)
    subscription["latest_invoice"] = invoice["id"]
    if not trialing:
        subscription["discounts"] = left_after_invoice(world, subscription["discounts"])
    invoicing.finalized(world, invoice)
    if behavior != "default_incomplete":
        collected(world, invoice, Presence.AWAY if away else Presence.HERE)
    if not has_method and not invoice["amount_due"]:
        setup = setups.opened(world, {"customer": subscription["customer"], "usage": "off_session"})
        subscription["pending_setup_intent"] = setup["id"]


def _look_ahead(world: World, subscription: JsonObject) -> None:
    """See to it that time moves the subscription on."""
    planned(world, subscription)
    if subscription["status"] == "incomplete":
        expires_later(world, subscription, world.now + 23 * HOUR)
    if subscription["status"] == "trialing":
        warned_of_trial_end(world, subscription)
    if subscription["cancel_at"] and not subscription["cancel_at_period_end"]:
        cancel_later(world, subscription)


def _blank(customer_id: str, now: int) -> dict[str, Any]:
    return {
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": now,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible", "updated_at": now},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "feedback_option": None, "reason": None},
        "collection_method": "charge_automatically",
        "currency": "usd",
        "customer": customer_id,
        "customer_account": None,
        "days_until_due": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "latest_invoice": None,
        "managed_payments": None,
        "metadata": {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": now,
        "status": "incomplete",
        "status_details": None,
        "test_clock": None,
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {
            "end_behavior": {"billing_cycle_anchor": "unchanged", "missing_payment_method": "create_invoice"}
        },
        "trial_start": None,
    }
