"""Telling: events as JSON that people can read, and that says again what it said.

A value is an object with the name of its class and its fields; what those are made of is told by their types.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import attrs
from attrs import frozen

from billing_core.domain.customers import Customer, Link
from billing_core.domain.mirrors import Mirrored, Revision
from billing_core.domain.money import Currency, Money
from billing_core.domain.payments import Invoice, InvoiceLine, Payment, Purchase
from billing_core.domain.products import CurrencyOption, Interval, Price, Product, Recurring, Tier
from billing_core.domain.subscriptions import PlanChange, Status, Subscription, SubscriptionItem
from billing_core.domain.webhooks import (
    RecordCustomer,
    RecordInvoice,
    RecordPayment,
    RecordPrice,
    RecordProduct,
    RecordSubscription,
    Webhook,
)
from billing_core.errors import Invalid, Malformed

__all__ = ["Event", "read", "written"]

_KINDS: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        *(Currency, CurrencyOption, Customer, Interval, Invoice, InvoiceLine, Link, Mirrored, Money, Payment, PlanChange),
        *(Price, Product, Purchase, RecordCustomer, RecordInvoice, RecordPayment, RecordPrice, RecordProduct),
        *(RecordSubscription, Recurring, Revision, Status, Subscription, SubscriptionItem, Tier, Webhook),
        *(datetime, Decimal),
    )
}
_IS = "is"


@frozen
class Event:
    """Something that happened, in the bytes that tell of it."""

    id: str
    body: bytes


def written(webhook: Webhook) -> bytes:
    """Return the body that tells of an event."""
    return json.dumps(_plain(webhook), ensure_ascii=False, indent=1).encode()


def read(body: bytes) -> Webhook:
    """Return the event that a body tells of.

    Raises:
        Malformed: It tells of none.
    """
    try:
        told = _value(json.loads(body))
    except (ValueError, ArithmeticError, TypeError, KeyError, RecursionError, Invalid):
        raise Malformed("it tells of no event") from None
    if not isinstance(told, Webhook):
        raise Malformed("it tells of something else than an event")
    return told


def _plain(value: object) -> object:
    kind: type[Any] = type(value)
    if attrs.has(kind):
        told = {field.name: getattr(value, field.name) for field in attrs.fields(kind)}
        return {_IS: kind.__name__, **{name: _plain(one) for name, one in told.items() if one is not None}}
    if isinstance(value, Mapping):
        return {_IS: "texts", "texts": dict(value)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return {_IS: kind.__name__, "value": str(value)} if kind.__name__ in _KINDS else value


def _value(told: object) -> object:
    if isinstance(told, list):
        return tuple(_value(one) for one in told)
    if not isinstance(told, dict):
        return told
    if told[_IS] == "texts":
        return told["texts"]
    kind = _KINDS[told.pop(_IS)]
    if kind is datetime:
        return datetime.fromisoformat(told["value"])
    if attrs.has(kind):
        return kind(**{name: _value(one) for name, one in told.items()})
    return kind(told["value"])
