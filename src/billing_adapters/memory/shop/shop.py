"""The shop itself: everything that is kept in it, what it is called, and when it is."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import TypeVar

from billing_adapters.memory.shop.records import Agreement, Bill, Buyer, Card, Thing, refused
from billing_adapters.memory.shop.telling import Event, written
from billing_core.domain.customers import ACCOUNT, Link
from billing_core.domain.mirrors import Mirrorable, Mirrored, Phase, snapshot
from billing_core.domain.products import Price, Product
from billing_core.domain.webhooks import Command, Webhook

__all__ = ["Shop", "link_in"]

V = TypeVar("V", bound=Mirrorable)
K = TypeVar("K", bound=Thing)

_TICK = timedelta(microseconds=1)


class Shop:
    """What there is. `now` is the moment at which whatever is done is done."""

    def __init__(self, now: datetime) -> None:
        """Open with nothing."""
        self.now = now
        self.products: dict[str, Mirrored[Product]] = {}
        self.prices: dict[str, Mirrored[Price]] = {}
        self.coupons: dict[str, int] = {}
        self.codes: dict[str, str] = {}
        self.cards: dict[str, Card] = {}
        self.things: dict[str, Thing] = {}
        self.bills: dict[str, Bill] = {}
        self.events: dict[str, Event] = {}
        self._told_at = now - _TICK
        self._numbers: dict[str, count[int]] = {}

    def new_id(self, prefix: str) -> str:
        """Return `cus_1`, `cus_2`, and so on."""
        return f"{prefix}_{next(self._numbers.setdefault(prefix, count(1)))}"

    def all(self, kind: type[K]) -> Iterable[K]:
        """Return everything of a kind, the earliest first."""
        return [one for one in self.things.values() if isinstance(one, kind)]

    def get(self, kind: type[K], name: str, param: str) -> K:
        """Return a thing of a kind.

        Raises:
            ProviderRefused: There is none.
        """
        found = self.things.get(name)
        if not isinstance(found, kind):
            raise refused("resource_missing", f"there is no {param} {name!r}", param)
        return found

    def buyer(self, name: str) -> Buyer:
        """Return a customer who was not deleted.

        Raises:
            ProviderRefused: There is none.
        """
        found = self.get(Buyer, name, "customer")
        if found.told.value.deleted:
            raise refused("resource_missing", f"customer {name!r} was deleted", "customer")
        return found

    def card(self, name: str, customer: str) -> Card:
        """Return a payment method of a customer.

        Raises:
            ProviderRefused: There is none.
        """
        found = self.cards.get(name)
        if found is None or found.customer != customer:
            raise refused("resource_missing", f"the customer has no payment method {name!r}", "payment_method")
        return found

    def price(self, name: str) -> Price:
        """Return a price, whether or not it is sold.

        Raises:
            ProviderRefused: There is none.
        """
        found = self.prices.get(name)
        if found is None or found.value.deleted:
            raise refused("resource_missing", f"there is no price {name!r}", "price")
        return found.value

    def sold(self, name: str, *, recurring: bool) -> Price:
        """Return a price that can be bought: once, or every period.

        Raises:
            ProviderRefused: There is none, it is archived, or it is sold in another way.
        """
        price = self.price(name)
        product = self.products[price.product].value
        if not price.active or not product.active or product.deleted:
            raise refused("resource_inactive", f"price {name!r} or its product is archived", "price")
        if (price.recurring is not None) != recurring:
            way = "every period" if price.recurring else "once"
            raise refused("price_not_fitting", f"price {name!r} is paid {way}", "price")
        return price

    def percent_off(self, coupon: str | None, promotion_code: str | None) -> int:
        """Return by how much something gets cheaper.

        Raises:
            ProviderRefused: There is no such coupon, or no such code.
        """
        if promotion_code is not None:
            coupon = self.codes.get(promotion_code)
            if coupon is None:
                raise refused("resource_missing", f"there is no promotion code {promotion_code!r}", "promotion_code")
        if coupon is None:
            return 0
        if coupon not in self.coupons:
            raise refused("resource_missing", f"there is no coupon {coupon!r}", "coupon")
        return self.coupons[coupon]

    # What is told ---------------------------------------------------------------------------------------------------------

    def snapped(self, value: V) -> Mirrored[V]:
        """Return a value as it is told from now on. No two moments of news are the same, or their order would be lost."""
        self._told_at = max(self.now, self._told_at + _TICK)
        return snapshot(value, self._told_at, Phase.UPDATED)

    def tell(self, kind: str, command: Command) -> None:
        """Tell everybody what happened."""
        event = Webhook(id=self.new_id("evt"), type=kind, occurred_at=self._told_at, commands=(command,))
        self.events[event.id] = Event(event.id, written(event))

    def due(self) -> tuple[datetime, Agreement] | None:
        """Return what happens next by itself, and when."""
        waiting = [(one.due_at, one) for one in self.all(Agreement)]
        found = [(at, one) for at, one in waiting if at is not None]
        return min(found, key=lambda one: one[0], default=None)


def link_in(metadata: Mapping[str, str], at: datetime) -> Link | None:
    """Return whose an object is, if its metadata says so."""
    account = metadata.get(ACCOUNT)
    return Link(at, account) if account else None
