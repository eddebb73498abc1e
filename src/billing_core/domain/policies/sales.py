"""Sales: what may be sold, and what an order for it says.

What a purchase entitles to is written on the order when it is made: whoever edits the product while somebody is paying
changes nothing about what was bought.
"""

from collections.abc import Iterable, Mapping

from billing_core.domain.customers import ACCOUNT
from billing_core.domain.money import whole
from billing_core.domain.orders import TakePayment
from billing_core.domain.payments import PRICE, PRODUCT, PURCHASE, QUANTITY
from billing_core.domain.products import CREDIT_AMOUNT, Price, Product, lint, quarantined
from billing_core.domain.subscriptions import Subscription, SubscriptionItem
from billing_core.errors import Invalid, NotForSale, ProductQuarantined

__all__ = ["MOST_UNITS", "item_to_change", "pack_order", "plan_terms", "purchase_terms", "require_for_sale"]

# https://docs.stripe.com/api/checkout/sessions/create, `line_items.quantity`.
MOST_UNITS = 999_999


def require_for_sale(product: Product, price: Price, quantity: int) -> None:
    """Make sure that so many units of a product are for sale at a price.

    Raises:
        Invalid: The quantity cannot be.
        NotForSale: The product or the price is archived or deleted, or bills what was used.
        ProductQuarantined: Nobody can tell what a purchase would entitle to.
    """
    if not 1 <= whole(QUANTITY, quantity) <= MOST_UNITS:
        raise Invalid(QUANTITY, f"must be between 1 and {MOST_UNITS}, not {quantity}")
    for name, one in ((f"product {product.id}", product), (f"price {price.id}", price)):
        if one.deleted or not one.active:
            raise NotForSale(name, "was deleted" if one.deleted else "is archived")
    problems = quarantined(lint(product, [price]))
    if problems:
        raise ProductQuarantined(product.id, tuple(map(str, problems)))
    if price.recurring and price.recurring.metered:
        raise NotForSale(f"price {price.id}", "bills what was used")


def pack_order(purchase: str, account: str, customer: str, sold: tuple[Product, Price], quantity: int) -> TakePayment:
    """Return the order to take one payment for so many units of a product that is paid once.

    Raises:
        NotForSale: The price is recurring, or says no whole amount for so many units.
    """
    product, price = sold
    if price.recurring:
        raise NotForSale(f"price {price.id}", "is paid every period: subscribe to it")
    if price.unit_amount is None:
        raise NotForSale(f"price {price.id}", "says no amount: tiers and amounts of choice need the provider's page")
    total = price.unit_amount * quantity
    if total <= 0 or total != int(total):
        raise NotForSale(f"price {price.id}", f"comes to {total} minor units, which nobody can pay")
    return TakePayment(
        customer=customer,
        amount_minor=int(total),
        currency=price.currency.code,
        description=product.name,
        metadata=purchase_terms(purchase, account, sold, quantity),
    )


def purchase_terms(purchase: str, account: str, sold: tuple[Product, Price], quantity: int) -> Mapping[str, str]:
    """Return the metadata that freezes what a one-time purchase entitles to, and whom.

    A product that grants nothing is sold all the same; its payment names no purchase of credits.
    """
    product, price = sold
    named = {ACCOUNT: account, PRODUCT: product.id, PRICE: price.id, QUANTITY: str(quantity)}
    each = product.terms.credit_amount
    return {**named, PURCHASE: purchase, CREDIT_AMOUNT: str(each)} if each else named


def plan_terms(account: str) -> Mapping[str, str]:
    """Return the metadata that names whose a subscription is; what it entitles to, its products say each period."""
    return {ACCOUNT: account}


def item_to_change(subscription: Subscription, price: str | None) -> SubscriptionItem:
    """Return the item of a subscription that has a price; without one the only item.

    Raises:
        Invalid: None has this price, or there are several and none was named.
        NotForSale: The subscription has ended.
    """
    if subscription.ended:
        raise NotForSale(f"subscription {subscription.id}", "has ended: begin another one")
    found = [one for one in subscription.items if price in {None, one.price}]
    if len(found) != 1:
        raise Invalid("item", f"must be the price of one item of {subscription.id}: {_listed(subscription.items)}")
    return found[0]


def _listed(items: Iterable[SubscriptionItem]) -> str:
    return ", ".join(one.price for one in items) or "it has none"
