"""What every payment provider must do: carry out what is ordered, once, and say truly what became of it.

The contract speaks in the words of the port. What the world does (a customer pays, a card declines, an answer is lost) is
told by a `World`, which whoever runs the contract writes beside the provider.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias, TypeVar

import attrs
import pytest

from billing_core.domain.customers import ACCOUNT, Customer
from billing_core.domain.money import Money
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
    Placed,
    Proration,
    RefundPayment,
    ResumeSubscription,
    SaveCard,
    TakePayment,
)
from billing_core.domain.pages import Page
from billing_core.domain.payments import PURCHASE, Invoice, Payment, Purchase
from billing_core.domain.products import CREDIT_AMOUNT, Interval, Recurring
from billing_core.domain.subscriptions import Status, Subscription
from billing_core.domain.webhooks import (
    Command,
    RecordCustomer,
    RecordInvoice,
    RecordPayment,
    RecordSubscription,
    Webhook,
)
from billing_core.errors import ProviderDeclined, ProviderRefused, ProviderUnavailable
from billing_core.ports import PaymentProvider, WebhookSource
from billing_core.testing.examples import fresh

__all__ = ["PaymentProviderContract", "World"]

T = TypeVar("T")

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_NEXT_PERIOD = timedelta(days=32)
_MONTHLY = Recurring(Interval.MONTH)
_DONE = "https://shop.example/done"
_MANY = 105  # more than one answer lists, wherever an answer lists a hundred
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


def _key() -> str:
    return fresh("key")


def _customer(provider: PaymentProvider) -> str:
    return provider.place(CreateCustomer(account=fresh("user")), _key()).id


def _payment(customer: str, **rest: Any) -> TakePayment:  # noqa: ANN401 - any field of the order
    return TakePayment(**{"customer": customer, "amount_minor": 1500, "currency": "usd", **rest})


def _page(customer: str, price: str, **rest: Any) -> OpenCheckout:  # noqa: ANN401 - any field of the order
    return OpenCheckout(**{"customer": customer, "price": price, "success_url": _DONE, **rest})


def _bought(number: str = "first", account: str = "acme") -> dict[str, str]:
    return {ACCOUNT: account, PURCHASE: number, CREDIT_AMOUNT: "100"}


def _pack(world: World, amount_minor: int = 700) -> str:
    return world.price(world.product(), amount_minor)


def _plan(world: World, amount_minor: int = 1_000, recurring: Recurring = _MONTHLY) -> str:
    return world.price(world.product(), amount_minor, recurring=recurring)


def _told(commands: Sequence[Command], kind: type[Telling]) -> list[Any]:
    found = [one for one in commands if isinstance(one, kind)]
    values = [getattr(one, attrs.fields(kind)[0].name) for one in found]
    return [getattr(one, "value", one) for one in values]


def _payments(placed: Placed) -> list[Payment]:
    return _told(placed.news, RecordPayment)


def _invoices(placed: Placed) -> list[Invoice]:
    return _told(placed.news, RecordInvoice)


def _subscribed(placed: Placed) -> Subscription:
    (found,) = _told(placed.news, RecordSubscription)
    assert isinstance(found, Subscription)
    return found


def _running(provider: PaymentProvider, world: World, price: str, customer: str | None = None) -> Placed:
    """Return a subscription that is paid for."""
    order = CreateSubscription(customer=customer or _customer(provider), price=price)
    placed = provider.place(order, _key())
    world.pay(placed)
    return provider.fetch(placed.id)


def _paid(provider: PaymentProvider, world: World, amount_minor: int = 1500) -> str:
    """Return a payment that succeeded."""
    placed = provider.place(_payment(_customer(provider), amount_minor=amount_minor), _key())
    world.pay(placed)
    return placed.id


def _change(placed: Placed, price: str, **rest: Any) -> ChangePlan:  # noqa: ANN401 - any field of the order
    one = _subscribed(placed)
    return ChangePlan(subscription=one.id, item=one.items[0].id, price=price, **rest)


def _all(listed: Callable[[str | None], Page[T]]) -> tuple[list[T], list[str]]:
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


def _events(provider: PaymentProvider, source: WebhookSource, after: str | None = None) -> list[Webhook]:
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


def _told_of(provider: PaymentProvider, source: WebhookSource, kind: type[Telling]) -> list[Any]:
    commands = [command for event in _events(provider, source) for command in event.commands]
    return _told(commands, kind)


Make: TypeAlias = Callable[[PaymentProvider, World], Order]


def _makes() -> dict[str, Make]:
    """Return how to make an order of each kind that creates something."""
    return {
        "customer": lambda _provider, _world: CreateCustomer(account=fresh("user"), email="ada@shop.example"),
        "payment": lambda provider, _world: _payment(_customer(provider)),
        "payment at once": _at_once,
        "page": lambda provider, world: _page(_customer(provider), _pack(world)),
        "saved card": lambda provider, _world: SaveCard(customer=_customer(provider)),
        "subscription": lambda provider, world: CreateSubscription(customer=_customer(provider), price=_plan(world)),
        "refund": lambda provider, world: RefundPayment(payment=_paid(provider, world), amount_minor=100),
    }


def _at_once(provider: PaymentProvider, world: World) -> TakePayment:
    customer = _customer(provider)
    world.save_card(customer)
    return _payment(customer, off_session=True)


_created = pytest.mark.parametrize("make", _makes().values(), ids=_makes().keys())
_silent = pytest.mark.parametrize("heard", [False, True], ids=["unheard", "heard"])


class PaymentProviderContract:
    """What `PaymentProvider` promises; fill the three fixtures."""

    @pytest.fixture
    def provider(self) -> PaymentProvider:
        """Return a provider at which nothing has happened."""
        raise NotImplementedError("fill this fixture: return a provider at which nothing has happened")

    @pytest.fixture
    def world(self) -> World:
        """Return the world around this provider."""
        raise NotImplementedError("fill this fixture: return the world around the provider")

    @pytest.fixture
    def source(self) -> WebhookSource:
        """Return what reads the events of this provider."""
        raise NotImplementedError("fill this fixture: return what reads the provider's events")

    # Once for a key -------------------------------------------------------------------------------------------------------

    @_created
    def test_an_order_is_carried_out_once_for_a_key(self, provider: PaymentProvider, world: World, make: Make) -> None:
        """Whoever asks again is told what it led to the first time."""
        order, key = make(provider, world), _key()

        first = provider.place(order, key)
        again = provider.place(order, key)

        assert again.id == first.id

    @_created
    def test_another_key_is_another_order(self, provider: PaymentProvider, world: World, make: Make) -> None:
        """However much they are alike."""
        order = make(provider, world)

        first, other = provider.place(order, _key()), provider.place(order, _key())

        assert other.id != first.id

    def test_money_is_taken_once_for_a_key(self, provider: PaymentProvider, world: World, source: WebhookSource) -> None:
        """And told of once."""
        order, key = _at_once(provider, world), _key()

        first = provider.place(order, key)
        provider.place(order, key)

        assert [one.id for one in _told_of(provider, source, RecordPayment)] == [first.payment]

    def test_a_key_belongs_to_one_order(self, provider: PaymentProvider, world: World, source: WebhookSource) -> None:
        """Another one under it is refused, and not carried out."""
        order, key = _at_once(provider, world), _key()
        first = provider.place(order, key)

        with pytest.raises(ProviderRefused):
            provider.place(attrs.evolve(order, amount_minor=order.amount_minor + 1), key)

        assert [one.id for one in _told_of(provider, source, RecordPayment)] == [first.payment]

    def test_a_customer_is_created_once_for_a_key_however_late(self, provider: PaymentProvider, world: World) -> None:
        """Days later the provider has forgotten the key, and the customer is still the one."""
        order, key = CreateCustomer(account=fresh("user")), _key()
        first = provider.place(order, key)

        world.advance(3 * _DAY)

        assert provider.place(order, key).id == first.id

    # Without an answer ----------------------------------------------------------------------------------------------------

    @_silent
    @_created
    def test_an_order_without_an_answer_can_be_repeated(
        self,
        provider: PaymentProvider,
        world: World,
        make: Make,
        heard: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        """Under its key it has one effect, whether or not it had been heard."""
        order, key = make(provider, world), _key()

        with world.silence(heard=heard), pytest.raises(ProviderUnavailable):
            provider.place(order, key)
        placed = provider.place(order, key)

        assert provider.place(order, key).id == placed.id

    @_silent
    def test_money_is_taken_once_although_no_answer_came(
        self,
        provider: PaymentProvider,
        world: World,
        source: WebhookSource,
        heard: bool,  # noqa: FBT001
    ) -> None:
        """The customer pays once, and not never."""
        order, key = _at_once(provider, world), _key()

        with world.silence(heard=heard), pytest.raises(ProviderUnavailable):
            provider.place(order, key)
        placed = provider.place(order, key)

        assert [one.id for one in _payments(placed)] == [placed.payment]
        assert [one.id for one in _told_of(provider, source, RecordPayment)] == [placed.payment]

    @_created
    def test_what_was_carried_out_without_an_answer_is_found(
        self, provider: PaymentProvider, world: World, make: Make
    ) -> None:
        """An hour later, by its key."""
        order, key = make(provider, world), _key()
        with world.silence(heard=True), pytest.raises(ProviderUnavailable):
            provider.place(order, key)

        world.advance(2 * _HOUR)
        found = provider.find(order, key)

        assert found is not None
        assert found.id == provider.place(order, key).id

    @_created
    def test_what_never_arrived_is_not_found(self, provider: PaymentProvider, world: World, make: Make) -> None:
        """Also if the same was ordered under another key."""
        order, key = make(provider, world), _key()
        provider.place(order, _key())
        with world.silence(heard=False), pytest.raises(ProviderUnavailable):
            provider.place(order, key)

        world.advance(2 * _HOUR)

        assert provider.find(order, key) is None

    def test_what_is_found_tells_what_is_known(self, provider: PaymentProvider, world: World) -> None:
        """As every answer does."""
        order, key = _at_once(provider, world), _key()
        with world.silence(heard=True), pytest.raises(ProviderUnavailable):
            provider.place(order, key)

        world.advance(2 * _HOUR)
        found = provider.find(order, key)

        assert found is not None
        assert [one.amount for one in _payments(found)] == [Money(order.amount_minor, "usd")]

    @pytest.mark.parametrize(
        "ask",
        [
            lambda provider, placed: provider.fetch(placed),
            lambda provider, placed: provider.invoices(placed),
            lambda provider, _placed: provider.products(),
            lambda provider, _placed: provider.prices(),
            lambda provider, _placed: provider.events(),
        ],
        ids=["fetch", "invoices", "products", "prices", "events"],
    )
    def test_a_question_without_an_answer_says_so(
        self, provider: PaymentProvider, world: World, ask: Callable[[PaymentProvider, str], object]
    ) -> None:
        """Nothing empty stands for what nobody heard."""
        customer = _customer(provider)

        with world.silence(heard=True), pytest.raises(ProviderUnavailable):
            ask(provider, customer)

        ask(provider, customer)

    # Customers ------------------------------------------------------------------------------------------------------------

    def test_a_customer_is_told_with_its_account(self, provider: PaymentProvider) -> None:
        """As the news of its webhook would tell it."""
        order = CreateCustomer(account=fresh("user"), email="ada@shop.example", name="Ada")

        placed = provider.place(order, _key())

        (told,) = _told(placed.news, RecordCustomer)
        assert isinstance(told, Customer)
        assert (told.id, told.account, told.email, told.name) == (placed.id, order.account, order.email, order.name)

    def test_a_portal_is_a_page_of_the_providers(self, provider: PaymentProvider) -> None:
        """To which the customer can be sent."""
        placed = provider.place(OpenPortal(customer=_customer(provider), return_url=_DONE), _key())

        assert placed.url is not None
        assert placed.url.startswith(("https://", "http://"))

    def test_a_card_is_saved_with_a_secret(self, provider: PaymentProvider) -> None:
        """Which the customer's browser finishes it with."""
        placed = provider.place(SaveCard(customer=_customer(provider)), _key())

        assert placed.secret
        assert provider.fetch(placed.id).id == placed.id

    def test_secrets_are_not_told_by_accident(self, provider: PaymentProvider, world: World) -> None:
        """Who has them can pay, or look into an account."""
        customer = _customer(provider)

        payment = provider.place(_payment(customer), _key())
        page = provider.place(_page(customer, _pack(world)), _key())

        assert payment.secret
        assert payment.secret not in repr(payment)
        assert page.url
        assert page.url not in repr(page)

    # Payments -------------------------------------------------------------------------------------------------------------

    def test_a_payment_waits_for_its_customer(self, provider: PaymentProvider) -> None:
        """With a secret to pay it, and nothing that is known to be paid."""
        placed = provider.place(_payment(_customer(provider)), _key())

        assert placed.payment == placed.id
        assert placed.secret
        assert _payments(placed) == []
        assert _payments(provider.fetch(placed.id)) == []

    def test_a_payment_is_news_when_it_has_succeeded(self, provider: PaymentProvider, world: World) -> None:
        """With the amount, the customer, and what it bought."""
        customer = _customer(provider)
        placed = provider.place(_payment(customer, amount_minor=2345, metadata=_bought()), _key())

        world.pay(placed)

        (told,) = _payments(provider.fetch(placed.id))
        assert (told.id, told.amount, told.customer) == (placed.id, Money(2345, "usd"), customer)
        assert (told.account, told.purchase) == ("acme", Purchase("first", "100"))
        assert abs(told.paid_at - world.now()) < _HOUR

    def test_a_declined_payment_is_no_news(self, provider: PaymentProvider, world: World, source: WebhookSource) -> None:
        """And can be paid with another card."""
        placed = provider.place(_payment(_customer(provider)), _key())

        world.decline(placed)
        declined = _payments(provider.fetch(placed.id)), _told_of(provider, source, RecordPayment)
        world.pay(placed)

        assert declined == ([], [])
        assert len(_payments(provider.fetch(placed.id))) == 1

    def test_a_saved_card_pays_at_once(self, provider: PaymentProvider, world: World) -> None:
        """While nobody is there."""
        placed = provider.place(_at_once(provider, world), _key())

        assert [one.id for one in _payments(placed)] == [placed.payment]

    def test_the_card_that_pays_can_be_chosen(self, provider: PaymentProvider, world: World) -> None:
        """Whichever one would pay otherwise."""
        customer = _customer(provider)
        good = world.save_card(customer)
        world.save_card(customer, declines=True)

        placed = provider.place(_payment(customer, off_session=True, payment_method=good), _key())

        assert len(_payments(placed)) == 1

    def test_a_card_that_declines_pays_nothing(
        self, provider: PaymentProvider, world: World, source: WebhookSource
    ) -> None:
        """The decline says why, for the customer too, and which payment failed."""
        customer = _customer(provider)
        world.save_card(customer, declines=True)

        with pytest.raises(ProviderDeclined) as said:
            provider.place(_payment(customer, off_session=True), _key())

        assert said.value.code
        assert said.value.reason
        assert said.value.payment is None or not _payments(provider.fetch(said.value.payment))
        assert _told_of(provider, source, RecordPayment) == []

    def test_what_was_declined_is_declined_again(
        self, provider: PaymentProvider, world: World, source: WebhookSource
    ) -> None:
        """Under the same key, although another card would pay now."""
        customer, key = _customer(provider), _key()
        world.save_card(customer, declines=True)
        order = _payment(customer, off_session=True)
        with pytest.raises(ProviderDeclined):
            provider.place(order, key)

        world.save_card(customer)
        with pytest.raises(ProviderDeclined):
            provider.place(order, key)

        assert _told_of(provider, source, RecordPayment) == []
        assert len(_payments(provider.place(order, _key()))) == 1

    def test_without_a_card_nothing_is_paid_at_once(self, provider: PaymentProvider, source: WebhookSource) -> None:
        """And it is said so."""
        with pytest.raises((ProviderDeclined, ProviderRefused)):
            provider.place(_payment(_customer(provider), off_session=True), _key())

        assert _told_of(provider, source, RecordPayment) == []

    # What is refused ------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "make",
        [
            lambda customer, _world: _payment(customer),
            lambda customer, world: _page(customer, _pack(world)),
            lambda customer, _world: OpenPortal(customer=customer, return_url=_DONE),
            lambda customer, _world: SaveCard(customer=customer),
            lambda customer, world: CreateSubscription(customer=customer, price=_plan(world)),
        ],
        ids=["payment", "page", "portal", "saved card", "subscription"],
    )
    @pytest.mark.parametrize("deleted", [False, True], ids=["unknown", "deleted"])
    def test_nothing_is_ordered_for_a_customer_who_is_not_there(
        self,
        provider: PaymentProvider,
        world: World,
        make: Callable[[str, World], Order],
        deleted: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        """The refusal says why."""
        customer = _customer(provider)
        if deleted:
            world.delete_customer(customer)

        with pytest.raises(ProviderRefused) as said:
            provider.place(make(customer if deleted else f"{customer}x", world), _key())

        assert said.value.code
        assert said.value.reason

    @pytest.mark.parametrize("recurring", [False, True], ids=["once", "every period"])
    def test_a_price_that_nobody_knows_is_not_sold(self, provider: PaymentProvider, world: World, recurring: bool) -> None:  # noqa: FBT001
        """On a page, or as a subscription."""
        customer, price = _customer(provider), _plan(world) if recurring else _pack(world)

        with pytest.raises(ProviderRefused):
            provider.place(_page(customer, f"{price}x", recurring=recurring), _key())
        with pytest.raises(ProviderRefused):
            provider.place(CreateSubscription(customer=customer, price=f"{price}x"), _key())

    @pytest.mark.parametrize("recurring", [False, True], ids=["once", "every period"])
    def test_an_archived_price_is_not_sold(self, provider: PaymentProvider, world: World, recurring: bool) -> None:  # noqa: FBT001
        """Also to those who had it on their page."""
        customer, price = _customer(provider), _plan(world) if recurring else _pack(world)
        world.archive_price(price)

        with pytest.raises(ProviderRefused):
            provider.place(_page(customer, price, recurring=recurring), _key())
        if recurring:
            with pytest.raises(ProviderRefused):
                provider.place(CreateSubscription(customer=customer, price=price), _key())

    @pytest.mark.parametrize("recurring", [False, True], ids=["once", "every period"])
    def test_a_price_is_not_sold_in_another_way(self, provider: PaymentProvider, world: World, recurring: bool) -> None:  # noqa: FBT001
        """What is paid every period is not bought once, nor the other way round."""
        customer, price = _customer(provider), _pack(world) if recurring else _plan(world)

        with pytest.raises(ProviderRefused):
            provider.place(_page(customer, price, recurring=recurring), _key())

    def test_a_coupon_that_nobody_knows_is_refused(self, provider: PaymentProvider, world: World) -> None:
        """Rather than that the full price is asked for."""
        with pytest.raises(ProviderRefused):
            provider.place(_page(_customer(provider), _pack(world), coupon="unheard_of"), _key())

    def test_a_payment_method_of_nobody_pays_nothing(self, provider: PaymentProvider, world: World) -> None:
        """Nor does the default one instead."""
        customer = _customer(provider)
        card = world.save_card(customer)

        with pytest.raises((ProviderRefused, ProviderDeclined)):
            provider.place(_payment(customer, off_session=True, payment_method=f"{card}x"), _key())

    @_created
    def test_what_was_never_placed_cannot_be_fetched(self, provider: PaymentProvider, world: World, make: Make) -> None:
        """A name that only looks alike is another one."""
        placed = provider.place(make(provider, world), _key())

        with pytest.raises(ProviderRefused):
            provider.fetch(f"{placed.id}x")

    # Pages ----------------------------------------------------------------------------------------------------------------

    def test_a_page_waits_for_its_customer(self, provider: PaymentProvider, world: World) -> None:
        """At an address, and nothing is bought yet."""
        placed = provider.place(_page(_customer(provider), _pack(world)), _key())

        assert placed.url is not None
        assert placed.url.startswith(("https://", "http://"))
        assert placed.news == ()
        assert provider.fetch(placed.id).news == ()

    def test_a_page_that_is_paid_tells_the_payment(self, provider: PaymentProvider, world: World) -> None:
        """Of so many units, and for what its metadata says."""
        customer = _customer(provider)
        placed = provider.place(_page(customer, _pack(world, 700), quantity=3, metadata=_bought()), _key())

        world.pay(placed)
        paid = provider.fetch(placed.id)

        (told,) = _payments(paid)
        assert (told.id, told.amount, told.customer) == (paid.payment, Money(2100, "usd"), customer)
        assert (told.account, told.purchase) == ("acme", Purchase("first", "100"))
        assert paid.subscription is None

    def test_a_page_on_which_the_card_declined_tells_nothing(
        self, provider: PaymentProvider, world: World, source: WebhookSource
    ) -> None:
        """The customer can try another one."""
        placed = provider.place(_page(_customer(provider), _pack(world)), _key())

        world.decline(placed)
        declined = _payments(provider.fetch(placed.id)), _told_of(provider, source, RecordPayment)
        world.pay(placed)

        assert declined == ([], [])
        assert len(_payments(provider.fetch(placed.id))) == 1

    def test_a_page_begins_a_subscription(self, provider: PaymentProvider, world: World) -> None:
        """For the account that its metadata names, with its first invoice paid."""
        customer, price = _customer(provider), _plan(world, 900)
        order = _page(customer, price, recurring=True, quantity=2, metadata={ACCOUNT: "acme"})
        placed = provider.place(order, _key())

        world.pay(placed)
        begun = provider.fetch(placed.id)

        told = _subscribed(begun)
        assert (told.id, told.customer, told.account) == (begun.subscription, customer, "acme")
        assert told.status is Status.ACTIVE
        assert [(one.price, one.quantity) for one in told.items] == [(price, 2)]
        assert [(one.subscription, one.amount_paid) for one in _invoices(begun)] == [(told.id, Money(1800, "usd"))]

    def test_a_page_begins_a_trial(self, provider: PaymentProvider, world: World) -> None:
        """In which nothing is paid."""
        order = _page(_customer(provider), _plan(world), recurring=True, trial_days=14)
        placed = provider.place(order, _key())

        world.pay(placed)
        begun = provider.fetch(placed.id)

        assert _subscribed(begun).status is Status.TRIALING
        assert sum(one.amount_paid.amount_minor for one in _invoices(begun)) == 0

    def test_a_coupon_makes_it_cheaper(self, provider: PaymentProvider, world: World) -> None:
        """By so many percent."""
        order = _page(_customer(provider), _pack(world, 1_000), coupon=world.coupon(25))
        placed = provider.place(order, _key())

        world.pay(placed)

        assert [one.amount for one in _payments(provider.fetch(placed.id))] == [Money(750, "usd")]

    # Subscriptions --------------------------------------------------------------------------------------------------------

    def test_a_subscription_waits_for_its_first_payment(self, provider: PaymentProvider, world: World) -> None:
        """With a secret to pay it; until then it entitles to nothing."""
        order = CreateSubscription(customer=_customer(provider), price=_plan(world), metadata={ACCOUNT: "acme"})

        placed = provider.place(order, _key())

        told = _subscribed(placed)
        assert (told.id, placed.subscription) == (placed.id, placed.id)
        assert (told.customer, told.account, told.live) == (order.customer, "acme", False)
        assert placed.secret
        assert _invoices(placed) == []

    def test_a_subscription_begins_when_it_is_paid(self, provider: PaymentProvider, world: World) -> None:
        """For a period that lies ahead."""
        price = _plan(world, 1_200)

        placed = _running(provider, world, price)

        told = _subscribed(placed)
        assert told.status is Status.ACTIVE
        assert [(one.price, one.quantity) for one in told.items] == [(price, 1)]
        assert told.period_end is not None
        assert 27 * _DAY < told.period_end - world.now() < 32 * _DAY
        (invoice,) = _invoices(placed)
        assert (invoice.subscription, invoice.amount_paid) == (told.id, Money(1_200, "usd"))
        assert [(line.price, line.amount.amount_minor) for line in invoice.lines] == [(price, 1_200)]

    def test_a_declined_first_payment_begins_nothing(self, provider: PaymentProvider, world: World) -> None:
        """The subscription goes on waiting."""
        order = CreateSubscription(customer=_customer(provider), price=_plan(world))
        placed = provider.place(order, _key())

        world.decline(placed)
        after = provider.fetch(placed.id)

        assert not _subscribed(after).live
        assert _invoices(after) == []

    def test_a_trial_begins_at_once(self, provider: PaymentProvider, world: World) -> None:
        """And lasts as long as was said."""
        order = CreateSubscription(customer=_customer(provider), price=_plan(world), trial_days=10)

        told = _subscribed(provider.place(order, _key()))

        assert told.status is Status.TRIALING
        assert told.trial_end is not None
        assert abs(told.trial_end - world.now() - 10 * _DAY) < _HOUR

    def test_a_subscription_renews(self, provider: PaymentProvider, world: World, source: WebhookSource) -> None:
        """The next period is paid with the same card, and told of."""
        placed = _running(provider, world, _plan(world, 1_200))

        world.advance(_NEXT_PERIOD)

        told = _subscribed(provider.fetch(placed.id))
        paid = [one for one in _told_of(provider, source, RecordInvoice) if one.subscription == placed.id]
        assert told.status is Status.ACTIVE
        assert told.period_end is not None
        assert told.period_end > world.now()
        assert [one.amount_paid for one in paid] == 2 * [Money(1_200, "usd")]

    def test_a_customer_has_several_subscriptions(self, provider: PaymentProvider, world: World) -> None:
        """Each lives its own life."""
        customer, price = _customer(provider), _plan(world)
        one, other = (_running(provider, world, price, customer) for _ in range(2))

        provider.place(CancelSubscription(subscription=one.id, at_period_end=False), _key())

        assert _subscribed(provider.fetch(one.id)).ended
        assert _subscribed(provider.fetch(other.id)).status is Status.ACTIVE

    def test_a_subscription_is_canceled_at_once(self, provider: PaymentProvider, world: World) -> None:
        """And says when."""
        placed = _running(provider, world, _plan(world))

        told = _subscribed(provider.place(CancelSubscription(subscription=placed.id, at_period_end=False), _key()))

        assert told.status is Status.CANCELED
        assert told.ended_at is not None
        assert abs(told.ended_at - world.now()) < _HOUR

    @pytest.mark.parametrize("at_period_end", [False, True], ids=["now", "later"])
    def test_what_has_ended_can_be_ended_again(
        self,
        provider: PaymentProvider,
        world: World,
        at_period_end: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        """That is to have done it, under any key, and changes nothing."""
        placed = _running(provider, world, _plan(world))
        order = CancelSubscription(subscription=placed.id, at_period_end=False)
        first, key = _subscribed(provider.place(order, _key())), _key()

        again = _subscribed(provider.place(attrs.evolve(order, at_period_end=at_period_end), key))

        assert again == first

    def test_a_subscription_ends_with_its_period(self, provider: PaymentProvider, world: World) -> None:
        """Until then it goes on."""
        placed = _running(provider, world, _plan(world))

        told = _subscribed(provider.place(CancelSubscription(subscription=placed.id), _key()))
        world.advance(_NEXT_PERIOD)

        assert (told.status, told.cancel_at_period_end) == (Status.ACTIVE, True)
        assert _subscribed(provider.fetch(placed.id)).status is Status.CANCELED

    def test_a_subscription_can_be_kept(self, provider: PaymentProvider, world: World) -> None:
        """It goes on as if nothing had been said."""
        placed = _running(provider, world, _plan(world))
        provider.place(CancelSubscription(subscription=placed.id), _key())

        told = _subscribed(provider.place(KeepSubscription(subscription=placed.id), _key()))
        world.advance(_NEXT_PERIOD)

        assert (told.status, told.cancel_at_period_end, told.cancel_at) == (Status.ACTIVE, False, None)
        assert _subscribed(provider.fetch(placed.id)).status is Status.ACTIVE

    def test_a_paused_subscription_costs_nothing(
        self, provider: PaymentProvider, world: World, source: WebhookSource
    ) -> None:
        """Until it is resumed."""
        placed = _running(provider, world, _plan(world, 1_200))

        def paid() -> int:
            return sum(one.amount_paid.amount_minor for one in _told_of(provider, source, RecordInvoice))

        provider.place(PauseSubscription(subscription=placed.id), _key())
        world.advance(_NEXT_PERIOD)
        while_paused = paid()
        provider.place(ResumeSubscription(subscription=placed.id), _key())
        world.advance(_NEXT_PERIOD)

        assert (while_paused, paid()) == (1_200, 2_400)

    @pytest.mark.parametrize(
        "make",
        [
            lambda name: KeepSubscription(subscription=name),
            lambda name: PauseSubscription(subscription=name),
            lambda name: ResumeSubscription(subscription=name),
            lambda name: CancelSubscription(subscription=name),
            lambda name: CancelSubscription(subscription=name, at_period_end=False),
        ],
        ids=["keep", "pause", "resume", "cancel later", "cancel now"],
    )
    def test_a_subscription_that_nobody_knows_does_not_change(
        self, provider: PaymentProvider, world: World, make: Callable[[str], Order]
    ) -> None:
        """Not even to its end."""
        placed = _running(provider, world, _plan(world))

        with pytest.raises(ProviderRefused):
            provider.place(make(f"{placed.id}x"), _key())

        assert _subscribed(provider.fetch(placed.id)).status is Status.ACTIVE

    @pytest.mark.parametrize(
        "make",
        [
            lambda placed, _price: KeepSubscription(subscription=placed.id),
            lambda placed, _price: PauseSubscription(subscription=placed.id),
            _change,
        ],
        ids=["keep", "pause", "change"],
    )
    def test_what_has_ended_does_not_come_back(
        self, provider: PaymentProvider, world: World, make: Callable[[Placed, str], Order]
    ) -> None:
        """Whatever is ordered of it."""
        placed = _running(provider, world, _plan(world))
        provider.place(CancelSubscription(subscription=placed.id, at_period_end=False), _key())

        with pytest.raises(ProviderRefused):
            provider.place(make(placed, _plan(world)), _key())

        assert _subscribed(provider.fetch(placed.id)).status is Status.CANCELED

    # Changes of plan ------------------------------------------------------------------------------------------------------

    def test_a_plan_changes_at_once(self, provider: PaymentProvider, world: World) -> None:
        """The price and the quantity, in the running period."""
        placed, price = _running(provider, world, _plan(world, 1_000)), _plan(world, 3_000)
        world.advance(10 * _DAY)

        told = _subscribed(provider.place(_change(placed, price, quantity=2), _key()))

        assert [(one.price, one.quantity) for one in told.items] == [(price, 2)]
        assert (told.status, told.period_end) == (Status.ACTIVE, _subscribed(placed).period_end)

    def test_a_preview_changes_nothing(self, provider: PaymentProvider, world: World) -> None:
        """Neither the subscription nor what is billed."""
        customer = _customer(provider)
        placed = _running(provider, world, _plan(world, 1_000), customer)
        world.advance(10 * _DAY)
        before = _subscribed(provider.fetch(placed.id)), provider.invoices(customer)

        provider.preview(_change(placed, _plan(world, 3_000)), world.now())

        assert (_subscribed(provider.fetch(placed.id)), provider.invoices(customer)) == before

    def test_a_preview_says_of_what_it_is_made(self, provider: PaymentProvider, world: World) -> None:
        """What was not used is given back, what replaces it is charged, and the sum is due."""
        before, after = _plan(world, 1_000), _plan(world, 3_000)
        placed = _running(provider, world, before)
        world.advance(10 * _DAY)

        seen = provider.preview(_change(placed, after), world.now())

        amounts = {line.price: line.amount.amount_minor for line in seen.lines}
        assert amounts.keys() == {before, after}
        assert -1_000 < amounts[before] < 0 < amounts[after] < 3_000
        assert seen.due == Money(sum(amounts.values()), "usd")
        assert all(line.proration for line in seen.lines)

    @pytest.mark.parametrize("quantity", [1, 4])
    def test_a_preview_comes_true(self, provider: PaymentProvider, world: World, quantity: int) -> None:
        """Whoever changes the plan at that moment pays that."""
        customer = _customer(provider)
        placed = _running(provider, world, _plan(world, 1_000), customer)
        order = _change(placed, _plan(world, 3_000), quantity=quantity)
        world.advance(10 * _DAY)

        seen = provider.preview(order, world.now())
        changed = provider.place(order, _key())

        (paid,) = _invoices(changed)
        assert paid.amount_paid == seen.due
        assert provider.invoices(customer)[0].id == paid.id

    def test_a_change_can_be_settled_later(self, provider: PaymentProvider, world: World) -> None:
        """Then it brings no invoice of its own."""
        customer = _customer(provider)
        placed = _running(provider, world, _plan(world, 1_000), customer)
        world.advance(10 * _DAY)

        provider.place(_change(placed, _plan(world, 3_000), proration=Proration.LATER), _key())
        at_once = len(provider.invoices(customer))
        world.advance(_NEXT_PERIOD)

        assert at_once == 1
        assert provider.invoices(customer)[0].total > Money(3_000, "usd")

    def test_a_change_that_is_not_settled_costs_nothing_now(self, provider: PaymentProvider, world: World) -> None:
        """The next period costs what the new plan costs."""
        customer = _customer(provider)
        placed = _running(provider, world, _plan(world, 1_000), customer)
        world.advance(10 * _DAY)
        order = _change(placed, _plan(world, 3_000), proration=Proration.NONE)

        seen = provider.preview(order, world.now())
        provider.place(order, _key())
        world.advance(_NEXT_PERIOD)

        assert seen.due == Money(0, "usd")
        assert [one.total.amount_minor for one in provider.invoices(customer)] == [3_000, 1_000]

    @pytest.mark.parametrize("ask", ["preview", "place"])
    @pytest.mark.parametrize("wrong", ["item", "price", "archived", "subscription", "currency"])
    def test_a_change_that_cannot_be_is_refused(
        self, provider: PaymentProvider, world: World, ask: str, wrong: str
    ) -> None:
        """Whether it is only looked at, or made; nothing has changed then."""
        placed, price = _running(provider, world, _plan(world)), _plan(world)
        order = _change(placed, price)
        if wrong == "archived":
            world.archive_price(price)
        elif wrong == "currency":
            other = world.price(world.product(), 100, currency="eur", recurring=_MONTHLY)
            order = attrs.evolve(order, price=other)
        else:
            order = attrs.evolve(order, **{wrong: f"{getattr(order, wrong)}x"})

        def make() -> object:
            return provider.preview(order, world.now()) if ask == "preview" else provider.place(order, _key())

        with pytest.raises(ProviderRefused):
            make()

        assert _subscribed(provider.fetch(placed.id)).items == _subscribed(placed).items

    # Refunds --------------------------------------------------------------------------------------------------------------

    def test_a_payment_is_sent_back(self, provider: PaymentProvider, world: World) -> None:
        """All of it, if nobody says how much."""
        payment = _paid(provider, world)

        placed = provider.place(RefundPayment(payment=payment), _key())

        assert placed.payment == payment
        assert placed.id != payment
        with pytest.raises(ProviderRefused):
            provider.place(RefundPayment(payment=payment, amount_minor=1), _key())

    def test_a_payment_is_sent_back_in_parts(self, provider: PaymentProvider, world: World) -> None:
        """Until nothing is left, and no more than that."""
        payment = _paid(provider, world, 1_000)

        first = provider.place(RefundPayment(payment=payment, amount_minor=400, reason="duplicate"), _key())
        with pytest.raises(ProviderRefused):
            provider.place(RefundPayment(payment=payment, amount_minor=601), _key())
        rest = provider.place(RefundPayment(payment=payment), _key())

        assert first.id != rest.id
        with pytest.raises(ProviderRefused):
            provider.place(RefundPayment(payment=payment), _key())

    def test_a_refund_has_a_reason_in_any_words(self, provider: PaymentProvider, world: World) -> None:
        """They need not be those of the provider."""
        order = RefundPayment(payment=_paid(provider, world), reason="the parrot was dead")

        assert provider.place(order, _key()).payment == order.payment

    def test_what_was_never_paid_is_not_sent_back(self, provider: PaymentProvider) -> None:
        """Nor what nobody knows."""
        unpaid = provider.place(_payment(_customer(provider)), _key())

        for payment in (unpaid.id, f"{unpaid.id}x"):
            with pytest.raises(ProviderRefused):
                provider.place(RefundPayment(payment=payment), _key())

    # Invoices -------------------------------------------------------------------------------------------------------------

    def test_invoices_come_latest_first(self, provider: PaymentProvider, world: World) -> None:
        """Those of the customer, and no more than were asked for."""
        customer = _customer(provider)
        placed = _running(provider, world, _plan(world, 1_200), customer)
        _running(provider, world, _plan(world))
        for _ in range(2):
            world.advance(_NEXT_PERIOD)

        found = provider.invoices(customer)

        assert len(found) == 3
        assert [one.issued_at for one in found] == sorted((one.issued_at for one in found), reverse=True)
        assert {(one.subscription, one.total) for one in found} == {(placed.id, Money(1_200, "usd"))}
        assert [one.id for one in provider.invoices(customer, 2)] == [one.id for one in found[:2]]

    def test_a_customer_who_bought_nothing_has_no_invoices(self, provider: PaymentProvider) -> None:
        """A new one, for instance."""
        assert [*provider.invoices(_customer(provider))] == []

    # The catalog ----------------------------------------------------------------------------------------------------------

    def test_all_products_are_listed_once(self, provider: PaymentProvider, world: World) -> None:
        """Archived ones too, over as many answers as it takes."""
        sold = [world.product() for _ in range(_MANY)]
        world.archive_product(sold[7])

        found, unreadable = _all(provider.products)

        assert sorted(one.id for one in found) == sorted(sold)
        assert [one.id for one in found if not one.active] == [sold[7]]
        assert unreadable == []

    def test_all_prices_are_listed_once(self, provider: PaymentProvider, world: World) -> None:
        """Archived ones too, over as many answers as it takes."""
        product = world.product()
        sold = [world.price(product, 100 + number) for number in range(_MANY)]
        world.archive_price(sold[7])

        found, unreadable = _all(provider.prices)

        assert sorted(one.id for one in found) == sorted(sold)
        assert [one.id for one in found if not one.active] == [sold[7]]
        assert {one.product for one in found} == {product}
        assert unreadable == []

    def test_a_price_says_what_it_costs_and_how_often(self, provider: PaymentProvider, world: World) -> None:
        """In its currency."""
        price = world.price(world.product(), 1_250, currency="eur", recurring=Recurring(Interval.YEAR))

        (found,) = _all(provider.prices)[0]

        assert (found.id, found.currency.code, found.unit_amount) == (price, "eur", 1_250)
        assert found.recurring == Recurring(Interval.YEAR)

    def test_what_cannot_be_read_does_not_stop_the_rest(self, provider: PaymentProvider, world: World) -> None:
        """It is named."""
        first, bad, last = world.product(), world.unreadable_product(), world.product()

        found, unreadable = _all(provider.products)

        assert {one.id for one in found} == {first, last}
        assert unreadable == [bad]

    @pytest.mark.parametrize("what", ["products", "prices"])
    def test_a_list_of_nothing_is_empty(self, provider: PaymentProvider, what: str) -> None:
        """And ends there."""
        assert _all(getattr(provider, what)) == ([], [])

    # Events ---------------------------------------------------------------------------------------------------------------

    def test_events_tell_what_happened(self, provider: PaymentProvider, world: World, source: WebhookSource) -> None:
        """The same that the answers told."""
        customer = _customer(provider)
        placed = provider.place(_payment(customer, metadata=_bought()), _key())
        world.pay(placed)
        running = _running(provider, world, _plan(world), customer)

        assert customer in {one.id for one in _told_of(provider, source, RecordCustomer)}
        assert _payments(provider.fetch(placed.id))[0] in _told_of(provider, source, RecordPayment)
        assert [one.id for one in _told_of(provider, source, RecordInvoice)] == [one.id for one in _invoices(running)]
        last = [one for one in _told_of(provider, source, RecordSubscription) if one.id == running.id][-1]
        assert (last.status, last.items) == (Status.ACTIVE, _subscribed(running).items)

    def test_events_come_in_their_order_and_each_once(
        self, provider: PaymentProvider, world: World, source: WebhookSource
    ) -> None:
        """Over as many answers as it takes."""
        customers = []
        for number in range(_MANY):
            customers.append(_customer(provider))
            if number % 10 == 0:
                world.advance(_HOUR)

        events = _events(provider, source)

        told = [one.id for event in events for one in _told(event.commands, RecordCustomer)]
        assert told == customers
        assert len({one.id for one in events}) == len(events)
        assert [one.occurred_at for one in events] == sorted(one.occurred_at for one in events)

    def test_events_go_on_after_any_of_them(self, provider: PaymentProvider, world: World, source: WebhookSource) -> None:
        """Nothing is left out, and nothing comes again."""
        for _ in range(3):
            _customer(provider)
            world.advance(_HOUR)
        before = _events(provider, source)

        customer = _customer(provider)
        after = _events(provider, source, before[-1].id)

        assert [one.id for event in after for one in _told(event.commands, RecordCustomer)] == [customer]
        for number, event in enumerate(before):
            rest = [*before[number + 1 :], *after]
            assert [one.id for one in _events(provider, source, event.id)] == [one.id for one in rest]

    def test_after_the_last_event_there_is_none(self, provider: PaymentProvider, source: WebhookSource) -> None:
        """Whoever asks again goes on from the same place."""
        _customer(provider)
        last = _events(provider, source)[-1].id

        page = provider.events(last)

        assert (page.bodies, page.more) == ((), False)
        assert page.last in {last, None}
