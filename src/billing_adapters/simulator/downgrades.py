"""Downgrades: objects and events of today's shape, rewritten as an older version of Stripe's API would have sent them.

Source: https://docs.stripe.com/changelog; the version that changed a member stands beside each change.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from attrs import frozen

__all__ = ["JsonObject", "Related", "downgrade", "downgraded"]

JsonObject: TypeAlias = dict[str, Any]

# Versions sort by their dates, as text.
_PRICES = "2020-08-27"
_LATEST_CHARGE = "2022-11-15"
_SUBSCRIPTION_DETAILS = "2023-08-16"
_MARKETING_FEATURES = "2024-04-10"
_BASIL = "2025-03-31"
_BILLING_MODE = "2025-06-30"
_CLOVER = "2025-09-30"
_HOSTED_PAGE = "2026-03-25"
_REFUND_OWNERS = "2026-08-26"
_ENDIVE = "2026-09-30"
_NEWEST = _ENDIVE


@frozen
class Related:
    """What an older shape says about other objects, which today's does not.

    Args:
        find: Returns an object of a kind by its id, or None.
        payments: Returns the invoice payments of an invoice or of a payment intent, by its id.
    """

    find: Callable[[str, str], JsonObject | None]
    payments: Callable[[str], Sequence[JsonObject]]


def _sample_payments(named: str) -> Sequence[JsonObject]:
    own_id = named.removeprefix("in_")
    paid = {"payment_intent": f"pi_{own_id}", "charge": f"ch_{own_id}"}
    return [{"invoice": None, "payment": paid}] if named.startswith("in_") else []


_SAMPLES = Related(find=lambda _kind, _id: None, payments=_sample_payments)


def downgrade(event: JsonObject, api_version: str, related: Related = _SAMPLES) -> JsonObject:
    """Return an event as an endpoint of an older version, from 2020 on, receives it; the original stays as it is.

    Without `related` the event is a sample: the payment of an invoice is then named after the invoice.
    """
    older = copy.deepcopy(event)
    older["api_version"] = api_version
    data = older["data"]
    kind = data["object"]["object"]
    data["object"] = downgraded(data["object"], api_version, related)
    if "previous_attributes" in data:
        before = downgraded({**data["previous_attributes"], "object": kind}, api_version, related, partial=True)
        data["previous_attributes"] = {name: value for name, value in before.items() if name != "object"}
    return older


def downgraded(content: Any, version: str, related: Related = _SAMPLES, *, partial: bool = False) -> Any:  # noqa: ANN401
    """Return any JSON as an older version of the API writes it: every object in it, and events in the version they have.

    `partial` says that the outermost object has only some of its members.
    """
    if isinstance(content, list):
        return [downgraded(one, version, related) for one in content]
    if not isinstance(content, dict):
        return content
    kind = content.get("object")
    if kind == "event":
        return downgrade(content, content["api_version"], related)
    if version >= _NEWEST and not _holds_events(content):
        return content
    rewrite = _REWRITES.get(kind) if isinstance(kind, str) and not content.get("deleted") else None
    older = rewrite(dict(content), version, _Context(related, partial)) if rewrite else content
    return {name: downgraded(one, version, related) for name, one in older.items()}


def _holds_events(content: JsonObject) -> bool:
    data = content.get("data")
    return isinstance(data, list) and bool(data) and isinstance(data[0], dict) and data[0].get("object") == "event"


@frozen
class _Context:
    related: Related
    partial: bool


Rewrite: TypeAlias = Callable[[JsonObject, str, _Context], JsonObject]


def _renamed(one: JsonObject, today: str, then: str) -> None:
    if today in one:
        one[then] = one.pop(today)


def _product(product: JsonObject, version: str, _: _Context) -> JsonObject:
    if version < _MARKETING_FEATURES:
        _renamed(product, "marketing_features", "features")
    return product


def _price(price: JsonObject, version: str, _: _Context) -> JsonObject:
    if version < _BASIL and price.get("recurring"):
        rhythm = {name: value for name, value in price["recurring"].items() if name != "meter"}
        price["recurring"] = {**rhythm, "aggregate_usage": None}
    return price


def _plan(plan: JsonObject, version: str, _: _Context) -> JsonObject:
    if version < _BASIL:
        plan.pop("meter", None)
    return plan


# Payments -----------------------------------------------------------------------------------------------------------------


def _payment_intent(payment: JsonObject, version: str, context: _Context) -> JsonObject:
    if version < _BASIL and not context.partial:
        payment.setdefault("invoice", _invoice_of(payment["id"], context))
    if version < _LATEST_CHARGE and "latest_charge" in payment:
        named = payment.pop("latest_charge")
        payment["charges"] = {
            "object": "list",
            "data": [_whole_charge(named, payment, context)] if named else [],
            "has_more": False,
            "url": f"/v1/charges?payment_intent={payment.get('id', '')}",
        }
    return payment


def _whole_charge(named: Any, payment: JsonObject, context: _Context) -> JsonObject:  # noqa: ANN401 - an id or an object
    if isinstance(named, dict):
        return named
    return context.related.find("charge", named) or {"id": named, "object": "charge", "amount": payment["amount"]}


def _charge(charge: JsonObject, version: str, context: _Context) -> JsonObject:
    if version < _BASIL and not context.partial and "payment_intent" in charge:
        charge.setdefault("invoice", _invoice_of(charge["payment_intent"], context))
    return charge


def _refund(refund: JsonObject, version: str, _: _Context) -> JsonObject:
    if version < _REFUND_OWNERS:
        for name in ("customer", "customer_account", "payment_method"):
            refund.pop(name, None)
    return refund


def _invoice_of(payment_intent: Any, context: _Context) -> Any:  # noqa: ANN401 - an id or an object
    named = payment_intent["id"] if isinstance(payment_intent, dict) else payment_intent
    payments = context.related.payments(named) if named else ()
    return payments[0]["invoice"] if payments else None


def _session(session: JsonObject, version: str, _: _Context) -> JsonObject:
    if version < _HOSTED_PAGE and session.get("ui_mode") == "hosted_page":
        session["ui_mode"] = "hosted"
    return session


# Subscriptions ------------------------------------------------------------------------------------------------------------


def _subscription(subscription: JsonObject, version: str, _: _Context) -> JsonObject:
    """Rewrite a subscription, or the part of one that changed."""
    if version < _BILLING_MODE:
        subscription.pop("billing_mode", None)
        subscription.pop("billing_schedules", None)
    if version < _ENDIVE:
        subscription.pop("status_details", None)
    items = subscription.get("items", {}).get("data", [])
    if version < _BASIL and items:
        subscription["current_period_start"] = min(item["current_period_start"] for item in items)
        subscription["current_period_end"] = max(item["current_period_end"] for item in items)
        subscription["plan"] = items[0]["plan"] if len(items) == 1 else None
        subscription["quantity"] = items[0].get("quantity") if len(items) == 1 else None
    if version < _BASIL and "discounts" in subscription:
        whole = [one for one in subscription["discounts"] if isinstance(one, dict)]
        subscription["discount"] = whole[0] if whole else None
    return subscription


def _subscription_item(item: JsonObject, version: str, _: _Context) -> JsonObject:
    if version < _BASIL:
        item.pop("current_period_start", None)
        item.pop("current_period_end", None)
    if version < _PRICES:
        item.pop("price", None)
    return item


def _discount(discount: JsonObject, version: str, context: _Context) -> JsonObject:
    if version < _CLOVER and "source" in discount:
        discount["coupon"] = _whole_coupon(discount.pop("source").get("coupon"), context)
    return discount


def _promotion_code(code: JsonObject, version: str, context: _Context) -> JsonObject:
    if version < _CLOVER and "promotion" in code:
        code["coupon"] = _whole_coupon(code.pop("promotion").get("coupon"), context)
    return code


def _whole_coupon(named: Any, context: _Context) -> Any:  # noqa: ANN401 - an id or an object
    return (context.related.find("coupon", named) or named) if isinstance(named, str) else named


# Invoices -----------------------------------------------------------------------------------------------------------------


def _invoice(invoice: JsonObject, version: str, context: _Context) -> JsonObject:
    if version < _ENDIVE:
        invoice.pop("status_details", None)
    if version >= _BASIL:
        return invoice
    if "parent" in invoice:
        details = (invoice.pop("parent") or {}).get("subscription_details") or {}
        invoice["subscription"] = details.get("subscription")
        if version >= _SUBSCRIPTION_DETAILS:
            invoice["subscription_details"] = {"metadata": details.get("metadata")}
    if "status" in invoice:
        invoice.update(paid=invoice["status"] == "paid", paid_out_of_band=False)
    if not context.partial:
        invoice.update(_paid_by(invoice["id"], context), tax=None)
    _renamed(invoice, "total_taxes", "total_tax_amounts")
    for name in ("payments", "confirmation_secret"):
        invoice.pop(name, None)
    return invoice


def _paid_by(invoice_id: str, context: _Context) -> JsonObject:
    payments = context.related.payments(invoice_id)
    payment = payments[0]["payment"] if payments else {}
    named = payment.get("payment_intent")
    intent = context.related.find("payment_intent", named) if named else None
    charge = intent["latest_charge"] if intent else payment.get("charge")
    return {"payment_intent": named, "charge": charge}


def _line(line: JsonObject, version: str, _: _Context) -> JsonObject:
    if version >= _BASIL:
        return line
    parent = line.pop("parent")
    kind = parent["type"]
    origin = parent[kind]
    line["type"] = "subscription" if kind == "subscription_item_details" else "invoiceitem"
    line.update({name: origin.get(name) for name in ("proration", "subscription", "subscription_item", "invoice_item")})
    line["tax_amounts"] = line.pop("taxes")
    pricing = line.pop("pricing")
    if pricing is None:
        line.update(plan=None, price=None)
        return line
    named = pricing["price_details"]
    price = {"id": named["price"], "object": "price", "currency": line["currency"], "product": named["product"]}
    plan = {**price, "object": "plan", "amount_decimal": pricing["unit_amount_decimal"]}
    line["plan"] = plan if line["subscription"] else None
    if version >= _PRICES:
        line["price"] = {**price, "unit_amount_decimal": pricing["unit_amount_decimal"]}
    return line


_REWRITES: Mapping[str, Rewrite] = MappingProxyType({
    "charge": _charge,
    "checkout.session": _session,
    "discount": _discount,
    "invoice": _invoice,
    "line_item": _line,
    "payment_intent": _payment_intent,
    "plan": _plan,
    "price": _price,
    "product": _product,
    "promotion_code": _promotion_code,
    "refund": _refund,
    "subscription": _subscription,
    "subscription_item": _subscription_item,
})
