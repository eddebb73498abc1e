"""Shapes: how the mirrored values are laid out over columns, and read back."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from billing_adapters.sqlalchemy.columns import from_micros, to_micros
from billing_core.domain.customers import Customer, Link
from billing_core.domain.money import Currency, Money
from billing_core.domain.products import CurrencyOption, Interval, Price, Product, Recurring, Tier
from billing_core.domain.refunds import Dispute, Refund
from billing_core.domain.subscriptions import PlanChange, Status, Subscription, SubscriptionItem

__all__ = [
    "customer_columns",
    "customer_of",
    "dispute_columns",
    "dispute_of",
    "price_columns",
    "price_of",
    "product_columns",
    "product_of",
    "refund_columns",
    "refund_of",
    "subscription_columns",
    "subscription_of",
]

Columns = dict[str, Any]
Document = Mapping[str, Any]

_PRODUCT = ("id", "name", "active", "deleted", "description", "default_price")
_PRICE = ("id", "product", "unit_amount", "active", "deleted", "tiers_mode", "lookup_key", "nickname")
_CUSTOMER = ("id", "email", "name", "deleted")
_REFUND = ("id", "payment", "status", "at", "failure")
_DISPUTE = ("id", "payment", "status", "at", "withdrawn")
_SUBSCRIPTION = (
    "id",
    "customer",
    "started_at",
    "period_start",
    "period_end",
    "trial_end",
    "cancel_at",
    "cancel_at_period_end",
    "canceled_at",
    "ended_at",
)


def product_columns(product: Product) -> Columns:
    """Lay a product out."""
    return _same(product, _PRODUCT) | {"metadata": dict(product.metadata)}


def product_of(row: Row[Any]) -> Product:
    """Read a product."""
    return Product(**_same(row, _PRODUCT), metadata=row.metadata)


def price_columns(price: Price) -> Columns:
    """Lay a price out."""
    recurring = price.recurring
    return _same(price, _PRICE) | {
        "currency": price.currency.code,
        "recurring_interval": recurring and recurring.interval.value,
        "recurring_count": recurring and recurring.count,
        "recurring_metered": recurring and recurring.metered,
        "tiers": [_tier_document(tier) for tier in price.tiers],
        "currency_options": [_option_document(option) for option in price.currency_options],
        "metadata": dict(price.metadata),
    }


def price_of(row: Row[Any]) -> Price:
    """Read a price."""
    return Price(
        **_same(row, _PRICE),
        currency=Currency(row.currency),
        recurring=_recurring(row),
        tiers=tuple(_tier(tier) for tier in row.tiers),
        currency_options=tuple(_option(option) for option in row.currency_options),
        metadata=row.metadata,
    )


def customer_columns(customer: Customer) -> Columns:
    """Lay a customer out."""
    return _same(customer, _CUSTOMER) | _link_columns(customer.link) | {"metadata": dict(customer.metadata)}


def customer_of(row: Row[Any]) -> Customer:
    """Read a customer."""
    return Customer(**_same(row, _CUSTOMER), link=_link(row), metadata=row.metadata)


def subscription_columns(subscription: Subscription) -> Columns:
    """Lay a subscription out."""
    return (
        _same(subscription, _SUBSCRIPTION)
        | _link_columns(subscription.link)
        | {
            "status": subscription.status.value,
            "items": [_item_document(item) for item in subscription.items],
            "changes": [{"at": to_micros(change.at), "left": list(change.left)} for change in subscription.changes],
            "metadata": dict(subscription.metadata),
        }
    )


def subscription_of(row: Row[Any]) -> Subscription:
    """Read a subscription."""
    return Subscription(
        **_same(row, _SUBSCRIPTION),
        status=Status(row.status),
        link=_link(row),
        items=tuple(_item(item) for item in row.items),
        changes=tuple(PlanChange(from_micros(change["at"]), tuple(change["left"])) for change in row.changes),
        metadata=row.metadata,
    )


def refund_columns(refund: Refund) -> Columns:
    """Lay a refund out."""
    return _same(refund, _REFUND) | _amount_columns(refund.amount) | {"metadata": dict(refund.metadata)}


def refund_of(row: Row[Any]) -> Refund:
    """Read a refund."""
    return Refund(**_same(row, _REFUND), amount=Money(row.amount_minor, row.currency), metadata=row.metadata)


def dispute_columns(dispute: Dispute) -> Columns:
    """Lay a dispute out."""
    return _same(dispute, _DISPUTE) | _amount_columns(dispute.amount) | {"metadata": dict(dispute.metadata)}


def dispute_of(row: Row[Any]) -> Dispute:
    """Read a dispute."""
    return Dispute(**_same(row, _DISPUTE), amount=Money(row.amount_minor, row.currency), metadata=row.metadata)


def _same(one: object, names: tuple[str, ...]) -> Columns:
    """Return what has the same name and form on both sides."""
    return {name: getattr(one, name) for name in names}


def _amount_columns(amount: Money) -> Columns:
    return {"amount_minor": amount.amount_minor, "currency": amount.currency.code}


def _link_columns(link: Link | None) -> Columns:
    return {"account": link and link.account, "linked_at": link and link.at}


def _link(row: Row[Any]) -> Link | None:
    return None if row.account is None else Link(row.linked_at, row.account)


def _recurring(row: Row[Any]) -> Recurring | None:
    if row.recurring_interval is None:
        return None
    return Recurring(Interval(row.recurring_interval), row.recurring_count, row.recurring_metered)


def _tier_document(tier: Tier) -> Document:
    return {"up_to": tier.up_to, "unit_amount": _text(tier.unit_amount), "flat_amount": _text(tier.flat_amount)}


def _tier(document: Document) -> Tier:
    return Tier(document["up_to"], _decimal(document["unit_amount"]), _decimal(document["flat_amount"]))


def _option_document(option: CurrencyOption) -> Document:
    tiers = [_tier_document(tier) for tier in option.tiers]
    return {"currency": option.currency.code, "unit_amount": _text(option.unit_amount), "tiers": tiers}


def _option(document: Document) -> CurrencyOption:
    tiers = tuple(_tier(tier) for tier in document["tiers"])
    return CurrencyOption(Currency(document["currency"]), _decimal(document["unit_amount"]), tiers)


def _item_document(item: SubscriptionItem) -> Document:
    return {
        "id": item.id,
        "price": item.price,
        "product": item.product,
        "quantity": item.quantity,
        "period_start": _micros(item.period_start),
        "period_end": _micros(item.period_end),
    }


def _item(document: Document) -> SubscriptionItem:
    return SubscriptionItem(**{
        **document,
        "period_start": _moment(document["period_start"]),
        "period_end": _moment(document["period_end"]),
    })


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _micros(at: datetime | None) -> int | None:
    return None if at is None else to_micros(at)


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
