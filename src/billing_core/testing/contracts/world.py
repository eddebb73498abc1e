"""The world around a payment provider, and what its contracts say again and again, each said once.

What the world does (a customer pays, a card declines, an answer is lost) is told by whoever runs the contracts.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias, TypeVar

import attrs
import pytest

from billing_core.domain.customers import ACCOUNT
from billing_core.domain.orders import (
    ChangePlan,
    CreateCustomer,
    CreateSubscription,
    OpenCheckout,
    Order,
    Placed,
    RefundPayment,
    SaveCard,
    TakePayment,
)
from billing_core.domain.pages import Page
from billing_core.domain.payments import PURCHASE, Invoice, Payment
from billing_core.domain.products import CREDIT_AMOUNT, Interval, Recurring
from billing_core.domain.subscriptions import Subscription
from billing_core.domain.webhooks import (
    Command,
    RecordCustomer,
    RecordInvoice,
    RecordPayment,
    RecordSubscription,
    Webhook,
)
from billing_core.ports import PaymentProvider, WebhookSource
from billing_core.testing.examples import fresh

__all__ = [
    "DAY",
    "DONE",
    "HOUR",
    "MANY",
    "MONTHLY",
    "NEXT_PERIOD",
    "Make",
    "Telling",
    "World",
    "a_change_of",
    "a_customer",
    "a_key",
    "a_pack",
    "a_page",
    "a_paid_one",
    "a_payment",
    "a_plan",
    "a_running_one",
    "at_once",
    "bought",
    "created",
    "events_of",
    "invoiced_by",
    "paid_by",
    "silent",
    "subscribed",
    "told_in",
    "told_of",
    "whole_list",
]

T = TypeVar("T")

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NEXT_PERIOD = timedelta(days=32)
MONTHLY = Recurring(Interval.MONTH)
DONE = "https://shop.example/done"
MANY = 105  # more than one answer lists, wherever an answer lists a hundred
_MOST_ANSWERS = 1_000


class World(Protocol):
    """What a test makes happen at the provider, or to its answers. What it is given was ordered from the provider."""

    def now(self) -> datetime:
        """Return the moment at which the provider is."""

    def advance(self, by: timedelta) -> None:
        """Let time pass, and whatever happens in it."""

    def product(self) -> str:
        """Sell a product, and return its id."""

    def unreadable_product(self) -> str:
        """Have a product that cannot be read when products are listed, and return its id."""

    def price(self, product: str, amount_minor: int, *, currency: str = "usd", recurring: Recurring | None = None) -> str:
        """Sell a product for so much, once or every period, and return the id of the price."""

    def archive_product(self, product: str) -> None:
        """Sell a product no longer."""

    def archive_price(self, price: str) -> None:
        """Sell at a price no longer."""

    def coupon(self, percent_off: int) -> str:
        """Make the first payment cheaper for whoever has a coupon, and return its id."""

    def save_card(self, customer: str, *, declines: bool = False) -> str:
        """Let a customer save a card that pays from now on, or declines, and return the id of the payment method."""

    def pay(self, placed: Placed) -> None:
        """Let the customer pay a payment, a page, or the first invoice of a subscription, with a good card."""

    def decline(self, placed: Placed) -> None:
        """Let the customer try the same with a card that declines."""

    def delete_customer(self, customer: str) -> None:
        """Delete a customer."""

    def silence(self, *, heard: bool) -> AbstractContextManager[None]:
        """Let no answer come inside of the block, however often it is asked for; orders are `heard` or not even that."""


Telling: TypeAlias = RecordCustomer | RecordInvoice | RecordPayment | RecordSubscription


# What is said again and again ---------------------------------------------------------------------------------------------


def a_key() -> str:
    """Return a fresh key."""
    return fresh("key")


def a_customer(provider: PaymentProvider) -> str:
    """Return a new customer."""
    return provider.place(CreateCustomer(account=fresh("user")), a_key()).id


def a_payment(customer: str, **rest: Any) -> TakePayment:  # noqa: ANN401 - any field of the order
    """Return the order to take a payment."""
    return TakePayment(**{"customer": customer, "amount_minor": 1500, "currency": "usd", **rest})


def a_page(customer: str, price: str, **rest: Any) -> OpenCheckout:  # noqa: ANN401 - any field of the order
    """Return the order to open a page."""
    return OpenCheckout(**{"customer": customer, "price": price, "success_url": DONE, **rest})


def bought(number: str = "first", account: str = "acme") -> dict[str, str]:
    """Return metadata that says what a payment buys, and for whom."""
    return {ACCOUNT: account, PURCHASE: number, CREDIT_AMOUNT: "100"}


def a_pack(world: World, amount_minor: int = 700) -> str:
    """Sell something once, and return its price."""
    return world.price(world.product(), amount_minor)


def a_plan(world: World, amount_minor: int = 1_000, recurring: Recurring = MONTHLY) -> str:
    """Sell something every period, and return its price."""
    return world.price(world.product(), amount_minor, recurring=recurring)


def told_in(commands: Sequence[Command], kind: type[Telling]) -> list[Any]:
    """Return what commands of one kind tell."""
    found = [one for one in commands if isinstance(one, kind)]
    values = [getattr(one, attrs.fields(kind)[0].name) for one in found]
    return [getattr(one, "value", one) for one in values]


def paid_by(placed: Placed) -> list[Payment]:
    """Return the payments that an answer tells."""
    return told_in(placed.news, RecordPayment)


def invoiced_by(placed: Placed) -> list[Invoice]:
    """Return the paid invoices that an answer tells."""
    return told_in(placed.news, RecordInvoice)


def subscribed(placed: Placed) -> Subscription:
    """Return the subscription that an answer tells."""
    (found,) = told_in(placed.news, RecordSubscription)
    assert isinstance(found, Subscription)
    return found


def a_running_one(provider: PaymentProvider, world: World, price: str, customer: str | None = None) -> Placed:
    """Return a subscription that is paid for."""
    order = CreateSubscription(customer=customer or a_customer(provider), price=price)
    placed = provider.place(order, a_key())
    world.pay(placed)
    return provider.fetch(placed.id)


def a_paid_one(provider: PaymentProvider, world: World, amount_minor: int = 1500) -> str:
    """Return a payment that succeeded."""
    placed = provider.place(a_payment(a_customer(provider), amount_minor=amount_minor), a_key())
    world.pay(placed)
    return placed.id


def a_change_of(placed: Placed, price: str, **rest: Any) -> ChangePlan:  # noqa: ANN401 - any field of the order
    """Return the order to change the plan of a subscription."""
    one = subscribed(placed)
    return ChangePlan(subscription=one.id, item=one.items[0].id, price=price, **rest)


def whole_list(listed: Callable[[str | None], Page[T]]) -> tuple[list[T], list[str]]:
    """Return everything that is listed, and the ids of what could not be read."""
    values: list[T] = []
    unreadable: list[str] = []
    after: str | None = None
    for _ in range(_MOST_ANSWERS):
        page = listed(after)
        values.extend(page.values)
        unreadable.extend(one.id for one in page.unreadable)
        after = page.next
        if after is None:
            return values, unreadable
    raise AssertionError("the list has no end")


def events_of(provider: PaymentProvider, source: WebhookSource, after: str | None = None) -> list[Webhook]:
    """Return all events that came after one."""
    found: list[Webhook] = []
    for _ in range(_MOST_ANSWERS):
        page = provider.events(after)
        found.extend(source.parse(body) for body in page.bodies)
        if page.bodies:
            assert page.last == found[-1].id
        if not page.more:
            return found
        assert page.bodies, "others follow, but none came"
        after = page.last
    raise AssertionError("the events have no end")


def told_of(provider: PaymentProvider, source: WebhookSource, kind: type[Telling]) -> list[Any]:
    """Return what all events tell by commands of one kind."""
    commands = [command for event in events_of(provider, source) for command in event.commands]
    return told_in(commands, kind)


Make: TypeAlias = Callable[[PaymentProvider, World], Order]


def _makes() -> dict[str, Make]:
    """Return how to make an order of each kind that creates something."""
    return {
        "customer": lambda _provider, _world: CreateCustomer(account=fresh("user"), email="ada@shop.example"),
        "payment": lambda provider, _world: a_payment(a_customer(provider)),
        "payment at once": at_once,
        "page": lambda provider, world: a_page(a_customer(provider), a_pack(world)),
        "saved card": lambda provider, _world: SaveCard(customer=a_customer(provider)),
        "subscription": lambda provider, world: CreateSubscription(customer=a_customer(provider), price=a_plan(world)),
        "refund": lambda provider, world: RefundPayment(payment=a_paid_one(provider, world), amount_minor=100),
    }


def at_once(provider: PaymentProvider, world: World) -> TakePayment:
    """Return the order to take a payment from a customer who has saved a card."""
    customer = a_customer(provider)
    world.save_card(customer)
    return a_payment(customer, off_session=True)


created = pytest.mark.parametrize("make", _makes().values(), ids=_makes().keys())
silent = pytest.mark.parametrize("heard", [False, True], ids=["unheard", "heard"])
