"""A payment provider in plain memory, for tests: it does what is ordered, and the test says what the world does.

It keeps customers, payments, pages, subscriptions with their renewals, invoices and refunds, remembers keys for a day, and
says no where a real one would. It knows no taxes, disputes, or payment methods that take days.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import RLock
from types import MappingProxyType
from typing import Any, TypeVar

import attrs
from attrs import frozen

from billing_adapters.memory.shop import Shop, agreements, pages, payments
from billing_adapters.memory.shop.answering import placed
from billing_adapters.memory.shop.records import Agreement, Buyer, Page, Saving, Taking, refused
from billing_adapters.memory.shop.shop import link_in
from billing_adapters.memory.shop.telling import read
from billing_core.domain.customers import ACCOUNT, Customer
from billing_core.domain.mirrors import Mirrored
from billing_core.domain.orders import (
    CancelSubscription,
    ChangePlan,
    CreateCustomer,
    CreateSubscription,
    IssuedInvoice,
    KeepSubscription,
    OpenCheckout,
    OpenPortal,
    Order,
    PauseSubscription,
    Placed,
    Preview,
    RefundPayment,
    ResumeSubscription,
    SaveCard,
    TakePayment,
)
from billing_core.domain.pages import EventPage, Unreadable
from billing_core.domain.pages import Page as Listed
from billing_core.domain.products import Price, Product
from billing_core.domain.webhooks import RecordCustomer, RecordPrice, RecordProduct, Webhook
from billing_core.errors import BadSignature, ProviderDeclined, ProviderUnavailable
from billing_core.ports import Clock

__all__ = ["MemoryGateway"]

T = TypeVar("T", Product, Price)
I = TypeVar("I")  # noqa: E741 - an item of a list

_KEY_LIFETIME = timedelta(hours=24)


@frozen
class _Remembered:
    """What was answered to a key."""

    order: Order
    at: datetime
    answer: Placed | ProviderDeclined


class MemoryGateway:
    """A `PaymentProvider`, and the `WebhookSource` of its own events; any number of threads may use it.

    Subscriptions renew, trials end and unpaid ones expire as the clock goes on, whenever it is asked for something.

    Args:
        clock: Tells the time; `FixedClock` lets a test move it.
        products: What is sold.
        prices: At which prices.
        page: How many objects one answer lists.
    """

    def __init__(
        self, clock: Clock, products: Iterable[Product] = (), prices: Iterable[Price] = (), *, page: int = 100
    ) -> None:
        """Open the shop."""
        self._clock = clock
        self._page = page
        self._shop = Shop(clock.now())
        self._lock = RLock()
        self._keys: dict[str, _Remembered] = {}
        self._led_to: dict[str, str] = {}
        self._spoiled: dict[str, str] = {}
        self._failures: list[bool] = []
        for product in products:
            self.put_product(product)
        for price in prices:
            self.put_price(price)

    # What the port asks for -----------------------------------------------------------------------------------------------

    def place(self, order: Order, key: str) -> Placed:
        """Do what is ordered, once for a key, and answer the same to it for a day."""
        with self._asked():
            known = self._keys.get(key)
            if known is None or self._shop.now >= known.at + _KEY_LIFETIME:
                known = self._keys[key] = _Remembered(order, self._shop.now, self._done(order, key))
            if known.order != order:
                raise refused("idempotency_error", f"the key {key!r} was used for another order: use a new key")
            if isinstance(known.answer, ProviderDeclined):
                raise attrs.evolve(known.answer)
            return known.answer

    def find(self, order: Order, key: str) -> Placed | None:
        """Return what became of an order that was placed under this key."""
        del order
        with self._asked():
            led_to = self._led_to.get(key)
            return self._told(led_to) if led_to else None

    def fetch(self, placed: str) -> Placed:
        """Return what is said now of something that was placed."""
        with self._asked():
            return self._told(placed)

    def preview(self, change: ChangePlan, at: datetime) -> Preview:
        """Return what a change of plan would cost at a moment."""
        with self._asked():
            return agreements.preview(self._shop, change, at)

    def invoices(self, customer: str, limit: int = 100) -> Sequence[IssuedInvoice]:
        """Return at most `limit` invoices of a customer, the latest first."""
        with self._asked():
            self._shop.get(Buyer, customer, "customer")
            found = [one.issued for one in self._shop.bills.values() if one.customer == customer]
            return found[::-1][:limit]

    def products(self, after: str | None = None) -> Listed[Product]:
        """Return some products, in the order in which they were put in."""
        with self._asked():
            return self._listed(self._shop.products, after)

    def prices(self, after: str | None = None) -> Listed[Price]:
        """Return some prices, in the order in which they were put in."""
        with self._asked():
            return self._listed(self._shop.prices, after)

    def events(self, after: str | None = None) -> EventPage:
        """Return some events, the earliest first, in JSON of this gateway's own, which `parse` reads."""
        with self._asked():
            found, more = self._from(self._shop.events, after)
            bodies = tuple(self._shop.events[name].body for name in found)
            return EventPage(bodies=bodies, last=found[-1] if found else after, more=more)

    def verify(self, body: bytes, headers: Mapping[str, str], now: datetime) -> None:
        """Make sure that this gateway itself tells of exactly this; it knows what it told, and signs nothing.

        Raises:
            BadSignature: It does not.
        """
        del headers, now
        with self._lock:
            if all(body != event.body for event in self._shop.events.values()):
                raise BadSignature("this gateway never told that")

    def parse(self, body: bytes) -> Webhook:
        """Read what `events` told.

        Raises:
            Malformed: It is no such event.
        """
        return read(body)

    # What the world does --------------------------------------------------------------------------------------------------

    def put_product(self, product: Product) -> None:
        """Sell a product, or change one; it is archived by having it inactive."""
        with self._world() as shop:
            kind = "product.updated" if product.id in shop.products else "product.created"
            shop.products[product.id] = told = shop.snapped(product)
            shop.tell(kind, RecordProduct(told))

    def put_price(self, price: Price) -> None:
        """Sell at a price, or change it."""
        with self._world() as shop:
            kind = "price.updated" if price.id in shop.prices else "price.created"
            shop.prices[price.id] = told = shop.snapped(price)
            shop.tell(kind, RecordPrice(told))

    def put_coupon(self, coupon: str, percent_off: int, *, promotion_code: str | None = None) -> None:
        """Make the first payment cheaper for whoever has a coupon, or the code for it."""
        with self._world() as shop:
            shop.coupons[coupon] = percent_off
            if promotion_code:
                shop.codes[promotion_code] = coupon

    def spoil(self, listed: str, reason: str = "it cannot be read") -> None:
        """Let a product or price be unreadable whenever it is listed."""
        with self._world():
            self._spoiled[listed] = reason

    def save_card(self, customer: str, *, declines: str | None = None) -> str:
        """Let a customer save a card, which pays from now on or declines for a reason; return what it is called."""
        with self._world() as shop:
            return payments.add_card(shop, customer, declines).id

    def pay(self, placed: str) -> None:
        """Let the customer pay a payment, a page or the open invoice of a subscription, or save a card, with a good one.

        Raises:
            ProviderRefused: There is nothing to pay.
        """
        with self._world() as shop:
            match shop.things.get(placed):
                case Taking(paid_at=None) as taking:
                    payments.receive(shop, taking)
                case Page() as page:
                    pages.buy(shop, page, payments.add_card(shop, page.order.customer))
                case Agreement() as agreement:
                    agreements.pay(shop, agreement, payments.add_card(shop, agreement.now.customer))
                case Saving() as saving:
                    payments.add_card(shop, saving.customer)
                    saving.status = "succeeded"
                case _:
                    raise refused("nothing_to_pay", f"there is nothing to pay for {placed!r}")

    def decline(self, placed: str, code: str = "card_declined") -> ProviderDeclined:
        """Let the customer try to pay with a card that declines, and return what the customer is told; nothing is paid."""
        with self._world() as shop:
            thing = shop.things.get(placed)
            if isinstance(thing, Page):
                pages.require_open(thing)
            elif not isinstance(thing, Taking | Agreement):
                raise refused("nothing_to_pay", f"there is nothing to pay for {placed!r}")
            return payments.declined(code, thing if isinstance(thing, Taking) else None)

    def expire(self, page: str) -> None:
        """Let a page be open no more."""
        with self._world() as shop:
            pages.expire(shop.get(Page, page, "page"))

    def delete_customer(self, customer: str) -> None:
        """Delete a customer, whose subscriptions end at once."""
        with self._world() as shop:
            buyer = shop.buyer(customer)
            for agreement in shop.all(Agreement):
                if agreement.now.customer == customer and not agreement.now.ended:
                    agreements.end(shop, agreement)
            buyer.told = shop.snapped(attrs.evolve(buyer.told.value, deleted=True))
            shop.tell("customer.deleted", RecordCustomer(buyer.told))

    def fail_next(self, *, after: bool = False, times: int = 1) -> None:
        """Let the next so many answers never come: before anything is done, or `after` it was; 0 lets them come again."""
        with self._lock:
            self._failures = [after] * times

    # Inside ---------------------------------------------------------------------------------------------------------------

    @contextmanager
    def _world(self) -> Iterator[Shop]:
        with self._lock:
            self._shop.now, now = self._shop.now, self._clock.now()
            while (due := self._shop.due()) and due[0] <= now:
                self._shop.now, agreement = due
                agreements.fall_due(self._shop, agreement)
            self._shop.now = now
            yield self._shop

    @contextmanager
    def _asked(self) -> Iterator[None]:
        with self._world():
            lost = self._failures.pop(0) if self._failures else None
            if lost is False:
                raise ProviderUnavailable("nothing arrived")
            try:
                yield
            finally:
                if lost:
                    raise ProviderUnavailable("the answer was lost")

    def _done(self, order: Order, key: str) -> Placed | ProviderDeclined:
        try:
            if isinstance(order, CreateCustomer):
                self._led_to[key] = self._led_to.get(key) or _customer(self._shop, order)
            else:
                self._led_to[key] = _DONE[type(order)](self._shop, order)
        except ProviderDeclined as declined:
            if declined.payment:
                self._led_to[key] = declined.payment
            return declined
        return self._told(self._led_to[key])

    def _told(self, name: str) -> Placed:
        thing = self._shop.things.get(name)
        if thing is None:
            raise refused("resource_missing", f"there is nothing called {name!r}", "id")
        return placed(self._shop, thing)

    def _listed(self, all_of: Mapping[str, Mirrored[T]], after: str | None) -> Listed[T]:
        found, more = self._from(all_of, after)
        return Listed(
            values=tuple(all_of[name].value for name in found if name not in self._spoiled),
            unreadable=tuple(Unreadable(name, self._spoiled[name]) for name in found if name in self._spoiled),
            next=found[-1] if more else None,
        )

    def _from(self, all_of: Mapping[str, I], after: str | None) -> tuple[list[str], bool]:
        """Return the names that come after another, as many as one answer holds, and whether others follow."""
        if after is not None and after not in all_of:
            raise refused("resource_missing", f"there is nothing called {after!r}", "after")
        names = [*all_of]
        begin = 0 if after is None else names.index(after) + 1
        return names[begin : begin + self._page], len(names) > begin + self._page


def _customer(shop: Shop, order: CreateCustomer) -> str:
    metadata = {ACCOUNT: order.account}
    name = shop.new_id("cus")
    made = Customer(name, link_in(metadata, shop.now), order.email, order.name, metadata=metadata)
    buyer = Buyer(shop.snapped(made))
    shop.things[name] = buyer
    shop.tell("customer.created", RecordCustomer(buyer.told))
    return name


def _subscription(shop: Shop, order: CreateSubscription) -> str:
    return agreements.begin(shop, order).now.id


_DONE: Mapping[type[Order], Callable[[Shop, Any], str]] = MappingProxyType({
    TakePayment: payments.take,
    OpenCheckout: pages.open_checkout,
    OpenPortal: pages.open_portal,
    SaveCard: payments.begin_saving,
    CreateSubscription: _subscription,
    ChangePlan: agreements.change,
    PauseSubscription: agreements.pause,
    ResumeSubscription: agreements.resume,
    CancelSubscription: agreements.cancel,
    KeepSubscription: agreements.keep,
    RefundPayment: payments.send_back,
})
