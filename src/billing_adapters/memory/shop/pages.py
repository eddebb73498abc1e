"""Pages: opened for a customer, who buys something on them once, or leaves."""

from billing_adapters.memory.shop import agreements, payments
from billing_adapters.memory.shop.pricing import cost
from billing_adapters.memory.shop.records import Card, Page, Portal, refused
from billing_adapters.memory.shop.shop import Shop
from billing_core.domain.money import Money
from billing_core.domain.orders import OpenCheckout, OpenPortal

__all__ = ["buy", "expire", "open_checkout", "open_portal", "require_open"]


def open_checkout(shop: Shop, order: OpenCheckout) -> str:
    """Open a page to buy a price on, if it can be bought."""
    shop.buyer(order.customer)
    price = shop.sold(order.price, recurring=order.recurring)
    cost(price, order.quantity, shop.percent_off(order.coupon, order.promotion_code))
    page = Page(shop.new_id("page"), order)
    shop.things[page.id] = page
    return page.id


def open_portal(shop: Shop, order: OpenPortal) -> str:
    """Open a page to look after things."""
    shop.buyer(order.customer)
    portal = Portal(shop.new_id("portal"), order.customer)
    shop.things[portal.id] = portal
    return portal.id


def buy(shop: Shop, page: Page, card: Card) -> None:
    """Let the customer buy what the page is for."""
    require_open(page)
    order = page.order
    if order.recurring:
        agreement = agreements.begin(shop, order)
        agreement.card = card
        if agreement.bill and agreement.bill.status == "open":
            agreements.pay(shop, agreement, card)
        page.subscription = agreement.now.id
    else:
        price = shop.sold(order.price, recurring=False)
        amount = cost(price, order.quantity, shop.percent_off(order.coupon, order.promotion_code))
        taking = payments.taken(shop, order.customer, Money(amount, price.currency), order.metadata)
        payments.receive(shop, taking)
        page.payment = taking.id
    page.status = "complete"


def expire(page: Page) -> None:
    """Let nobody buy on the page any more."""
    require_open(page)
    page.status = "expired"


def require_open(page: Page) -> None:
    """Let nothing more happen on a page that is complete or expired.

    Raises:
        ProviderRefused: It is.
    """
    if page.status != "open":
        raise refused("page_closed", f"page {page.id} is {page.status}")
