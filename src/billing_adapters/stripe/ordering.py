"""Ordering: each order as the one request that carries it out.

What is created carries the order's key in its metadata, so that it can be found when no answer came. A change of something
that exists does not, for it would overwrite the key under which that was created. Source: https://docs.stripe.com/api.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from billing_adapters.stripe.calls import Params, Request, path_to
from billing_core.domain.customers import ACCOUNT
from billing_core.domain.orders import (
    CancelSubscription,
    ChangePlan,
    CreateCustomer,
    CreateSubscription,
    KeepSubscription,
    OpenCheckout,
    OpenPortal,
    Order,
    PauseSubscription,
    RefundPayment,
    ResumeSubscription,
    SaveCard,
    TakePayment,
)

__all__ = ["EXPAND", "INTENT", "PAUSED", "REQUESTS", "plan_change", "requested"]

# The metadata in which an object carries the key of the order that created it.
INTENT = "billing_intent"

# What is wanted whole in an answer, by the kind of object.
EXPAND: Mapping[str, list[str]] = MappingProxyType({
    "checkout.session": ["invoice", "payment_intent.latest_charge", "subscription"],
    "payment_intent": ["latest_charge"],
    "subscription": ["latest_invoice.confirmation_secret", "latest_invoice.payments", "pending_setup_intent"],
})

# Invoices of a paused subscription are void: nobody pays for that time.
PAUSED = "void"

_LONGEST_REFERENCE = 200
# Other reasons are kept in the metadata.
_REASONS = {"duplicate", "fraudulent", "requested_by_customer"}
_REASON = "reason"


def requested(order: Order, key: str) -> Request:
    """Return the request that carries out an order."""
    return REQUESTS[type(order)](order, key)


def plan_change(change: ChangePlan) -> Params:
    """Return a change of plan as parameters of a subscription."""
    item = {"id": change.item, "price": change.price, "quantity": change.quantity}
    return {"items": [item], "proration_behavior": change.proration}


def _customer(order: CreateCustomer, key: str) -> Request:
    metadata = {ACCOUNT: order.account, INTENT: key}
    return _posted("customers", email=order.email, name=order.name, metadata=metadata)


def _payment(order: TakePayment, key: str) -> Request:
    return _posted(
        "payment_intents",
        amount=order.amount_minor,
        currency=order.currency,
        customer=order.customer,
        payment_method=order.payment_method,
        description=order.description,
        metadata=_marked(order.metadata, key),
        expand=EXPAND["payment_intent"],
        **(_AT_ONCE if order.off_session else {"automatic_payment_methods": {"enabled": True}}),
    )


# The customer is not there: nobody can be sent to a bank's page, and what would need that is a refusal.
_AT_ONCE: Mapping[str, object] = MappingProxyType({
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    "confirm": True,
    "error_on_requires_action": True,
    "off_session": True,
})


def _checkout(order: OpenCheckout, key: str) -> Request:
    metadata = _marked(order.metadata, key)
    bought = {"metadata": metadata, "trial_period_days": order.trial_days}
    return _posted(
        "checkout", "sessions",
        mode="subscription" if order.recurring else "payment",
        customer=order.customer,
        line_items=[{"price": order.price, "quantity": order.quantity}],
        success_url=order.success_url,
        cancel_url=order.cancel_url,
        allow_promotion_codes=order.codes or None,
        discounts=_discounts(order),
        client_reference_id=order.metadata.get(ACCOUNT, key)[:_LONGEST_REFERENCE],
        metadata=metadata,
        expand=EXPAND["checkout.session"],
        **{"subscription_data" if order.recurring else "payment_intent_data": _said(bought)},
    )  # fmt: skip


def _portal(order: OpenPortal, _key: str) -> Request:
    return _posted("billing_portal", "sessions", customer=order.customer, return_url=order.return_url)


def _card(order: SaveCard, key: str) -> Request:
    # For later, while the customer is not there: that is what a setup intent is for unless it says otherwise.
    automatic = {"enabled": True}
    return _posted("setup_intents", customer=order.customer, automatic_payment_methods=automatic, metadata=_marked({}, key))


def _subscription(order: CreateSubscription, key: str) -> Request:
    return _posted(
        "subscriptions",
        customer=order.customer,
        items=[{"price": order.price, "quantity": order.quantity}],
        trial_period_days=order.trial_days,
        discounts=_discounts(order),
        payment_behavior="default_incomplete",
        payment_settings={"save_default_payment_method": "on_subscription"},
        metadata=_marked(order.metadata, key),
        expand=EXPAND["subscription"],
    )


def _change(order: ChangePlan, _key: str) -> Request:
    return _updated(order.subscription, **plan_change(order))


def _pause(order: PauseSubscription, _key: str) -> Request:
    return _updated(order.subscription, pause_collection={"behavior": PAUSED})


def _resume(order: ResumeSubscription, _key: str) -> Request:
    return _updated(order.subscription, pause_collection="")  # the empty text clears it; None would not be sent


def _cancel(order: CancelSubscription, _key: str) -> Request:
    if order.at_period_end:
        return _updated(order.subscription, cancel_at_period_end=True)
    return Request("DELETE", path_to("subscriptions", order.subscription), {"expand": EXPAND["subscription"]})


def _keep(order: KeepSubscription, _key: str) -> Request:
    return _updated(order.subscription, cancel_at_period_end=False)


def _refund(order: RefundPayment, key: str) -> Request:
    known = order.reason in _REASONS
    metadata = {_REASON: order.reason} if order.reason and not known else {}
    return _posted(
        "refunds",
        payment_intent=order.payment,
        amount=order.amount_minor,
        reason=order.reason if known else None,
        metadata=_marked(metadata, key),
    )


_Ordering: TypeAlias = Callable[[Any, str], Request]

REQUESTS: Mapping[type[Order], _Ordering] = MappingProxyType({
    CancelSubscription: _cancel,
    ChangePlan: _change,
    CreateCustomer: _customer,
    CreateSubscription: _subscription,
    KeepSubscription: _keep,
    OpenCheckout: _checkout,
    OpenPortal: _portal,
    PauseSubscription: _pause,
    RefundPayment: _refund,
    ResumeSubscription: _resume,
    SaveCard: _card,
    TakePayment: _payment,
})


def _posted(*path: str, **params: object) -> Request:
    return Request("POST", path_to(*path), _said(params))


def _updated(subscription: str, **params: object) -> Request:
    return _posted("subscriptions", subscription, **params, expand=EXPAND["subscription"])


def _said(params: Params) -> Params:
    """Return what is not None."""
    return {name: value for name, value in params.items() if value is not None}


def _marked(metadata: Mapping[str, str], key: str) -> Mapping[str, str]:
    return {**metadata, INTENT: key}


def _discounts(order: OpenCheckout | CreateSubscription) -> list[Mapping[str, str]] | None:
    if order.coupon:
        return [{"coupon": order.coupon}]
    return [{"promotion_code": order.promotion_code}] if order.promotion_code else None
