"""Subscriptions, as requests ask for them. Source: https://docs.stripe.com/api/subscriptions."""

from collections.abc import Callable
from typing import Any

from billing_adapters.simulator import swaps
from billing_adapters.simulator.beginnings import begun, check_end
from billing_adapters.simulator.discounts import DISCOUNTS, chosen, redeemed
from billing_adapters.simulator.listing import CREATED, PAGE, page, same
from billing_adapters.simulator.params import (
    Fields,
    Params,
    anything,
    choice,
    clearable,
    either,
    flag,
    integer,
    many,
    merged,
    metadata,
    moment,
    nested,
    required,
    text,
)
from billing_adapters.simulator.payers import default_given
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import invalid, no_such
from billing_adapters.simulator.renewals import cancel_later, ended_now, resumed, resumes_later
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.search import SEARCH, search
from billing_adapters.simulator.subscribing import KIND, LIVE, changing, period_of
from billing_adapters.simulator.subscription_items import ITEM, ITEMS
from billing_adapters.simulator.world import World

__all__ = ["ROUTES"]

ROUTES = Routes()
_URL = "/v1/subscriptions"

_FEEDBACK = choice(
    "customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex", "too_expensive",
    "unused",
)  # fmt: skip
_WHY: Fields = {"comment": clearable(text), "feedback": clearable(_FEEDBACK)}
_PRORATION = choice("always_invoice", "create_prorations", "none")
_SHARED: Fields = {
    "cancel_at": clearable(moment),
    "cancel_at_period_end": flag,
    "collection_method": choice("charge_automatically"),
    "default_payment_method": text,
    "description": clearable(text),
    "discounts": DISCOUNTS,
    "metadata": metadata,
    "off_session": flag,
    "payment_behavior": choice("allow_incomplete", "default_incomplete", "error_if_incomplete"),
    "payment_settings": nested({
        "payment_method_options": anything,
        "payment_method_types": clearable(many(text)),
        "save_default_payment_method": choice("off", "on_subscription"),
    }),
    "proration_behavior": _PRORATION,
    "trial_end": either("now", moment),
    "trial_from_plan": flag,
    "trial_settings": nested({
        "end_behavior": required(nested({"missing_payment_method": required(choice("cancel", "create_invoice", "pause"))}))
    }),
}
_CREATE: Fields = {
    **_SHARED,
    "billing_mode": nested({"type": required(choice("classic", "flexible")), "flexible": anything}),
    "currency": text,
    "customer": required(text),
    "items": required(many(nested(ITEM), 20)),
    "trial_period_days": integer(1, 730),
}
_UPDATE: Fields = {
    **_SHARED,
    "billing_cycle_anchor": choice("now", "unchanged"),
    "cancellation_details": nested(_WHY),
    "items": ITEMS,
    "pause_collection": clearable(
        nested({"behavior": required(choice("keep_as_draft", "mark_uncollectible", "void")), "resumes_at": moment})
    ),
    "proration_date": moment,
}
_STATUSES = ("active", "canceled", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid")
_LIST: Fields = {
    **PAGE,
    **CREATED,
    "collection_method": text,
    "customer": text,
    "price": text,
    "plan": text,
    "status": choice(*_STATUSES, "all", "ended"),
}
_SEARCHED = ("canceled_at", "created", "metadata", "status")


@ROUTES.post(_URL, _CREATE)
def create(world: World, params: Params) -> JsonObject:
    """Subscribe a customer to prices."""
    return begun(world, params)


@ROUTES.get(f"{_URL}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return a subscription, ended or not."""
    return world.get(KIND, params["id"])


@ROUTES.post(f"{_URL}/{{id}}", _UPDATE)
def update(world: World, params: Params) -> JsonObject:
    """Change a subscription: what it is for, whether it goes on, and how it is paid."""
    subscription = world.get(KIND, params["id"])
    _check_changeable(subscription, params)
    check_end(world, params)
    after, discounts = _members(world, subscription, params), _discounts(world, subscription, params)
    swap = swaps.planned(world, subscription, params)
    with changing(world, subscription):
        if discounts is not None:
            subscription["discounts"] = [redeemed(world, one, subscription=subscription["id"]) for one in discounts]
        subscription.update(after)
        _end_as_wanted(world, subscription, params)
    if subscription["pause_collection"] and "pause_collection" in params:
        resumes_later(world, subscription)
    swaps.carried_out(world, subscription, swap)
    return subscription


@ROUTES.delete(f"{_URL}/{{id}}", {"cancellation_details": nested(_WHY), "invoice_now": flag, "prorate": flag})
def cancel(world: World, params: Params) -> JsonObject:
    """Cancel a subscription now."""
    subscription = world.get(KIND, params["id"])
    if subscription["status"] not in {*LIVE, "incomplete"}:
        raise no_such(KIND, subscription["id"])
    if params.get("prorate"):
        swaps.given_back(world, subscription)
    details = params.get("cancellation_details", {})
    ended_now(world, subscription, invoice=params.get("invoice_now", False), **details)
    return subscription


@ROUTES.post(
    f"{_URL}/{{id}}/resume",
    {"billing_cycle_anchor": choice("now"), "proration_behavior": _PRORATION, "payment_behavior": text},
)
def resume(world: World, params: Params) -> JsonObject:
    """Let a paused subscription go on, with a new period that begins now."""
    subscription = world.get(KIND, params["id"])
    if subscription["status"] != "paused":
        raise invalid("This subscription cannot be resumed because it is not paused.")
    resumed(world, subscription)
    return subscription


@ROUTES.get(_URL, _LIST)
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of subscriptions: those that have not ended, unless a status is asked for."""
    return page(world, KIND, _URL, params, _wanted(params))


@ROUTES.get(f"{_URL}/search", SEARCH)
def find(world: World, params: Params) -> JsonObject:
    """Return the subscriptions that a query finds."""
    return search(world, KIND, f"{_URL}/search", params, _SEARCHED)


# Inside -------------------------------------------------------------------------------------------------------------------


def _wanted(params: Params) -> Callable[[JsonObject], bool]:
    alike = same(params, "customer", "collection_method")
    price, status = params.get("price", params.get("plan")), params.get("status")
    ended = ("canceled", "incomplete_expired")

    def keep(one: JsonObject) -> bool:
        priced = price is None or any(item["price"]["id"] == price for item in one["items"]["data"])
        if status is None:
            return alike(one) and priced and one["status"] != "canceled"
        among = _STATUSES if status == "all" else ended if status == "ended" else (status,)
        return alike(one) and priced and one["status"] in among

    return keep


def _check_changeable(subscription: JsonObject, params: Params) -> None:
    status = subscription["status"]
    if status in {"canceled", "incomplete_expired"} and params.keys() - {"id", "metadata", "cancellation_details"}:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        raise invalid(message)
    if status == "incomplete" and params.keys() & {"items", "trial_end", "pause_collection", "cancel_at_period_end"}:
        raise invalid(
            f"Subscription {subscription['id']} is incomplete: its first invoice must be paid before it is changed."
        )


def _members(world: World, subscription: JsonObject, params: Params) -> JsonObject:
    """Return the members that a request sets as they are."""
    after: JsonObject = {name: params[name] for name in ("description", "trial_settings") if name in params}
    if "metadata" in params:
        after["metadata"] = merged(subscription["metadata"], params["metadata"])
    if "default_payment_method" in params:
        named = default_given(world, params["default_payment_method"], subscription["customer"])
        after["default_payment_method"] = named
    if "payment_settings" in params:
        after["payment_settings"] = {**subscription["payment_settings"], **params["payment_settings"]}
    if "pause_collection" in params:
        given = params["pause_collection"]
        after["pause_collection"] = {"resumes_at": None, **given} if given else None
    if "cancellation_details" in params:
        after["cancellation_details"] = {**subscription["cancellation_details"], **params["cancellation_details"]}
    return after


def _discounts(world: World, subscription: JsonObject, params: Params) -> list[JsonObject] | None:
    if "discounts" not in params:
        return None
    return chosen(world, params["discounts"], subscription["customer"])


def _end_as_wanted(world: World, subscription: JsonObject, params: Params) -> None:
    """Note when the subscription is to end, or that it is not to end after all."""
    if params.get("cancel_at_period_end"):
        _end_at(world, subscription, period_of(subscription)[1], at_period_end=True)
    elif "cancel_at_period_end" in params or ("cancel_at" in params and params["cancel_at"] is None):
        details = {**subscription["cancellation_details"], "reason": None}
        subscription.update(cancel_at=None, cancel_at_period_end=False, canceled_at=None, cancellation_details=details)
    elif "cancel_at" in params:
        _end_at(world, subscription, params["cancel_at"], at_period_end=False)
        cancel_later(world, subscription)


def _end_at(world: World, subscription: JsonObject, when: Any, *, at_period_end: bool) -> None:  # noqa: ANN401 - a moment
    details = {**subscription["cancellation_details"], "reason": "cancellation_requested"}
    subscription.update(
        cancel_at=when, cancel_at_period_end=at_period_end, canceled_at=world.now, cancellation_details=details
    )
