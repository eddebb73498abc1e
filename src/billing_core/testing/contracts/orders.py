"""What every payment provider must do with orders: carry each out once for its key, whether or not an answer comes."""

from collections.abc import Callable

import attrs
import pytest

from billing_core.domain.money import Money
from billing_core.domain.orders import (
    CreateCustomer,
    CreateSubscription,
    OpenPortal,
    Order,
    SaveCard,
)
from billing_core.domain.webhooks import (
    RecordPayment,
)
from billing_core.errors import ProviderDeclined, ProviderRefused, ProviderUnavailable
from billing_core.ports import PaymentProvider, WebhookSource
from billing_core.testing.contracts.world import (
    DAY,
    DONE,
    HOUR,
    Make,
    World,
    a_customer,
    a_key,
    a_pack,
    a_page,
    a_payment,
    a_plan,
    at_once,
    created,
    paid_by,
    silent,
    told_of,
)
from billing_core.testing.examples import fresh

__all__ = ["OrderContract"]


class OrderContract:
    """What `place` and `find` promise of any order; fill `provider`, `world` and `source`."""

    # Once for a key -------------------------------------------------------------------------------------------------------

    @created
    def test_an_order_is_carried_out_once_for_a_key(self, provider: PaymentProvider, world: World, make: Make) -> None:
        """Whoever asks again is told what it led to the first time."""
        order, key = make(provider, world), a_key()

        first = provider.place(order, key)
        again = provider.place(order, key)

        assert again.id == first.id

    @created
    def test_another_key_is_another_order(self, provider: PaymentProvider, world: World, make: Make) -> None:
        """However much they are alike."""
        order = make(provider, world)

        first, other = provider.place(order, a_key()), provider.place(order, a_key())

        assert other.id != first.id

    def test_money_is_taken_once_for_a_key(self, provider: PaymentProvider, world: World, source: WebhookSource) -> None:
        """And told of once."""
        order, key = at_once(provider, world), a_key()

        first = provider.place(order, key)
        provider.place(order, key)

        assert [one.id for one in told_of(provider, source, RecordPayment)] == [first.payment]

    def test_a_key_belongs_to_one_order(self, provider: PaymentProvider, world: World, source: WebhookSource) -> None:
        """Another one under it is refused, and not carried out."""
        order, key = at_once(provider, world), a_key()
        first = provider.place(order, key)

        with pytest.raises(ProviderRefused):
            provider.place(attrs.evolve(order, amount_minor=order.amount_minor + 1), key)

        assert [one.id for one in told_of(provider, source, RecordPayment)] == [first.payment]

    def test_a_customer_is_created_once_for_a_key_however_late(self, provider: PaymentProvider, world: World) -> None:
        """Days later the provider has forgotten the key, and the customer is still the one."""
        order, key = CreateCustomer(account=fresh("user")), a_key()
        first = provider.place(order, key)

        world.advance(3 * DAY)

        assert provider.place(order, key).id == first.id

    # Without an answer ----------------------------------------------------------------------------------------------------

    @silent
    @created
    def test_an_order_without_an_answer_can_be_repeated(
        self,
        provider: PaymentProvider,
        world: World,
        make: Make,
        *,
        heard: bool,
    ) -> None:
        """Under its key it has one effect, whether or not it had been heard."""
        order, key = make(provider, world), a_key()

        with world.silence(heard=heard), pytest.raises(ProviderUnavailable):
            provider.place(order, key)
        placed = provider.place(order, key)

        assert provider.place(order, key).id == placed.id

    @silent
    def test_money_is_taken_once_although_no_answer_came(
        self,
        provider: PaymentProvider,
        world: World,
        source: WebhookSource,
        *,
        heard: bool,
    ) -> None:
        """The customer pays once, and not never."""
        order, key = at_once(provider, world), a_key()

        with world.silence(heard=heard), pytest.raises(ProviderUnavailable):
            provider.place(order, key)
        placed = provider.place(order, key)

        assert [one.id for one in paid_by(placed)] == [placed.payment]
        assert [one.id for one in told_of(provider, source, RecordPayment)] == [placed.payment]

    @created
    def test_what_was_carried_out_without_an_answer_is_found(
        self, provider: PaymentProvider, world: World, make: Make
    ) -> None:
        """An hour later, by its key."""
        order, key = make(provider, world), a_key()
        with world.silence(heard=True), pytest.raises(ProviderUnavailable):
            provider.place(order, key)

        world.advance(2 * HOUR)
        found = provider.find(order, key)

        assert found is not None
        assert found.id == provider.place(order, key).id

    @created
    def test_what_never_arrived_is_not_found(self, provider: PaymentProvider, world: World, make: Make) -> None:
        """Also if the same was ordered under another key."""
        order, key = make(provider, world), a_key()
        provider.place(order, a_key())
        with world.silence(heard=False), pytest.raises(ProviderUnavailable):
            provider.place(order, key)

        world.advance(2 * HOUR)

        assert provider.find(order, key) is None

    def test_what_is_found_tells_what_is_known(self, provider: PaymentProvider, world: World) -> None:
        """As every answer does."""
        order, key = at_once(provider, world), a_key()
        with world.silence(heard=True), pytest.raises(ProviderUnavailable):
            provider.place(order, key)

        world.advance(2 * HOUR)
        found = provider.find(order, key)

        assert found is not None
        assert [one.amount for one in paid_by(found)] == [Money(order.amount_minor, "usd")]

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
        customer = a_customer(provider)

        with world.silence(heard=True), pytest.raises(ProviderUnavailable):
            ask(provider, customer)

        ask(provider, customer)

    # What is refused ------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "make",
        [
            lambda customer, _world: a_payment(customer),
            lambda customer, world: a_page(customer, a_pack(world)),
            lambda customer, _world: OpenPortal(customer=customer, return_url=DONE),
            lambda customer, _world: SaveCard(customer=customer),
            lambda customer, world: CreateSubscription(customer=customer, price=a_plan(world)),
        ],
        ids=["payment", "page", "portal", "saved card", "subscription"],
    )
    @pytest.mark.parametrize("deleted", [False, True], ids=["unknown", "deleted"])
    def test_nothing_is_ordered_for_a_customer_who_is_not_there(
        self,
        provider: PaymentProvider,
        world: World,
        make: Callable[[str, World], Order],
        *,
        deleted: bool,
    ) -> None:
        """The refusal says why."""
        customer = a_customer(provider)
        if deleted:
            world.delete_customer(customer)

        with pytest.raises(ProviderRefused) as said:
            provider.place(make(customer if deleted else f"{customer}x", world), a_key())

        assert said.value.code
        assert said.value.reason

    @pytest.mark.parametrize("recurring", [False, True], ids=["once", "every period"])
    def test_an_unknown_price_is_not_sold(self, provider: PaymentProvider, world: World, *, recurring: bool) -> None:
        """On a page, or as a subscription."""
        customer, price = a_customer(provider), a_plan(world) if recurring else a_pack(world)

        with pytest.raises(ProviderRefused):
            provider.place(a_page(customer, f"{price}x", recurring=recurring), a_key())
        with pytest.raises(ProviderRefused):
            provider.place(CreateSubscription(customer=customer, price=f"{price}x"), a_key())

    @pytest.mark.parametrize("recurring", [False, True], ids=["once", "every period"])
    def test_an_archived_price_is_not_sold(self, provider: PaymentProvider, world: World, *, recurring: bool) -> None:
        """Also to those who had it on their page."""
        customer, price = a_customer(provider), a_plan(world) if recurring else a_pack(world)
        world.archive_price(price)

        with pytest.raises(ProviderRefused):
            provider.place(a_page(customer, price, recurring=recurring), a_key())
        if recurring:
            with pytest.raises(ProviderRefused):
                provider.place(CreateSubscription(customer=customer, price=price), a_key())

    @pytest.mark.parametrize("recurring", [False, True], ids=["once", "every period"])
    def test_a_price_is_not_sold_in_another_way(self, provider: PaymentProvider, world: World, *, recurring: bool) -> None:
        """What is paid every period is not bought once, nor the other way round."""
        customer, price = a_customer(provider), a_pack(world) if recurring else a_plan(world)

        with pytest.raises(ProviderRefused):
            provider.place(a_page(customer, price, recurring=recurring), a_key())

    def test_a_coupon_that_nobody_knows_is_refused(self, provider: PaymentProvider, world: World) -> None:
        """Rather than that the full price is asked for."""
        with pytest.raises(ProviderRefused):
            provider.place(a_page(a_customer(provider), a_pack(world), coupon="unheard_of"), a_key())

    def test_a_payment_method_of_nobody_pays_nothing(self, provider: PaymentProvider, world: World) -> None:
        """Nor does the default one instead."""
        customer = a_customer(provider)
        card = world.save_card(customer)

        with pytest.raises((ProviderRefused, ProviderDeclined)):
            provider.place(a_payment(customer, off_session=True, payment_method=f"{card}x"), a_key())

    @created
    def test_what_was_never_placed_cannot_be_fetched(self, provider: PaymentProvider, world: World, make: Make) -> None:
        """A name that only looks alike is another one."""
        placed = provider.place(make(provider, world), a_key())

        with pytest.raises(ProviderRefused):
            provider.fetch(f"{placed.id}x")
