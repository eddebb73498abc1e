"""Answering: what is said of a thing that was ordered, and what is known by that already."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from billing_adapters.memory.shop import payments
from billing_adapters.memory.shop.records import Agreement, Buyer, Page, Portal, Refund, Saving, Taking, Thing
from billing_adapters.memory.shop.shop import Shop
from billing_core.domain.orders import Placed
from billing_core.domain.webhooks import Command, RecordCustomer, RecordInvoice, RecordSubscription

__all__ = ["placed"]

_SITE = "https://memory.invalid"


def placed(shop: Shop, thing: Thing) -> Placed:
    """Return what is said of a thing now."""
    return _ANSWERS[type(thing)](shop, thing)


def _buyer(_shop: Shop, buyer: Buyer) -> Placed:
    return Placed(id=buyer.told.value.id, news=(RecordCustomer(buyer.told),))


def _taking(_shop: Shop, taking: Taking) -> Placed:
    secret = None if taking.paid_at else _secret(taking.id)
    news = payments.news_of(taking)
    return Placed(id=taking.id, status=taking.status, secret=secret, payment=taking.id, news=news)


def _saving(_shop: Shop, saving: Saving) -> Placed:
    return Placed(id=saving.id, status=saving.status, secret=_secret(saving.id))


def _portal(_shop: Shop, portal: Portal) -> Placed:
    return Placed(id=portal.id, url=f"{_SITE}/{portal.id}")


def _refund(_shop: Shop, refund: Refund) -> Placed:
    return Placed(id=refund.id, status="succeeded", payment=refund.payment)


def _page(shop: Shop, page: Page) -> Placed:
    news: tuple[Command, ...] = ()
    if page.payment:
        news = payments.news_of(shop.get(Taking, page.payment, "payment"))
    if page.subscription:
        news = _agreement(shop, shop.get(Agreement, page.subscription, "subscription")).news
    return Placed(
        id=page.id,
        status=page.status,
        url=f"{_SITE}/{page.id}" if page.status == "open" else None,
        payment=page.payment,
        subscription=page.subscription,
        news=news,
    )


def _agreement(_shop: Shop, agreement: Agreement) -> Placed:
    one, bill = agreement.now, agreement.bill
    waits = bill is not None and bill.status == "open"
    paid = bill.paid if bill else None
    return Placed(
        id=one.id,
        status=one.status.value,
        secret=_secret(one.id) if waits else None,
        payment=bill.payment if bill else None,
        subscription=one.id,
        news=(RecordSubscription(agreement.told), *([RecordInvoice(paid)] if paid else [])),
    )


_ANSWERS: Mapping[type[Thing], Callable[[Shop, Any], Placed]] = MappingProxyType({
    Agreement: _agreement,
    Buyer: _buyer,
    Page: _page,
    Portal: _portal,
    Refund: _refund,
    Saving: _saving,
    Taking: _taking,
})


def _secret(name: str) -> str:
    return f"{name}_secret_{name[::-1]}"
