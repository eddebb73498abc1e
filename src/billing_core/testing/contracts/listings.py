"""What every payment provider must do with lists: tell everything once, in order, over as many answers as it takes."""

from decimal import Decimal

import pytest

from billing_core.domain.products import Interval, Recurring
from billing_core.domain.subscriptions import Status
from billing_core.domain.webhooks import (
    RecordCustomer,
    RecordInvoice,
    RecordPayment,
    RecordSubscription,
)
from billing_core.ports import PaymentProvider, WebhookSource
from billing_core.testing.contracts.world import (
    HOUR,
    MANY,
    World,
    a_customer,
    a_key,
    a_payment,
    a_plan,
    a_running_one,
    bought,
    events_of,
    invoiced_by,
    paid_by,
    subscribed,
    told_in,
    told_of,
    whole_list,
)

__all__ = ["ListingContract"]


class ListingContract:
    """What is promised of products, prices and events; fill `provider`, `world` and `source`."""

    # The catalog ----------------------------------------------------------------------------------------------------------

    def test_all_products_are_listed_once(self, provider: PaymentProvider, world: World) -> None:
        """Archived ones too, over as many answers as it takes."""
        sold = [world.product() for _ in range(MANY)]
        world.archive_product(sold[7])

        found, unreadable = whole_list(provider.products)

        assert sorted(one.id for one in found) == sorted(sold)
        assert [one.id for one in found if not one.active] == [sold[7]]
        assert unreadable == []

    def test_all_prices_are_listed_once(self, provider: PaymentProvider, world: World) -> None:
        """Archived ones too, over as many answers as it takes."""
        product = world.product()
        sold = [world.price(product, 100 + number) for number in range(MANY)]
        world.archive_price(sold[7])

        found, unreadable = whole_list(provider.prices)

        assert sorted(one.id for one in found) == sorted(sold)
        assert [one.id for one in found if not one.active] == [sold[7]]
        assert {one.product for one in found} == {product}
        assert unreadable == []

    def test_a_price_says_what_it_costs_and_how_often(self, provider: PaymentProvider, world: World) -> None:
        """In its currency."""
        price = world.price(world.product(), 1_250, currency="eur", recurring=Recurring(Interval.YEAR))

        (found,) = whole_list(provider.prices)[0]

        assert (found.id, found.currency.code, found.unit_amount) == (price, "eur", Decimal(1_250))
        assert found.recurring == Recurring(Interval.YEAR)

    def test_what_cannot_be_read_does_not_stop_the_rest(self, provider: PaymentProvider, world: World) -> None:
        """It is named."""
        first, bad, last = world.product(), world.unreadable_product(), world.product()

        found, unreadable = whole_list(provider.products)

        assert {one.id for one in found} == {first, last}
        assert unreadable == [bad]

    @pytest.mark.parametrize("what", ["products", "prices"])
    def test_a_list_of_nothing_is_empty(self, provider: PaymentProvider, what: str) -> None:
        """And ends there."""
        assert whole_list(getattr(provider, what)) == ([], [])

    # Events ---------------------------------------------------------------------------------------------------------------

    def test_events_tell_what_happened(self, provider: PaymentProvider, world: World, source: WebhookSource) -> None:
        """The same that the answers told."""
        customer = a_customer(provider)
        placed = provider.place(a_payment(customer, metadata=bought()), a_key())
        world.pay(placed)
        running = a_running_one(provider, world, a_plan(world), customer)

        assert customer in {one.id for one in told_of(provider, source, RecordCustomer)}
        assert paid_by(provider.fetch(placed.id))[0] in told_of(provider, source, RecordPayment)
        assert {one.id for one in told_of(provider, source, RecordInvoice)} == {one.id for one in invoiced_by(running)}
        last = [one for one in told_of(provider, source, RecordSubscription) if one.id == running.id][-1]
        assert (last.status, last.items) == (Status.ACTIVE, subscribed(running).items)

    def test_events_come_in_their_order_and_each_once(
        self, provider: PaymentProvider, world: World, source: WebhookSource
    ) -> None:
        """Over as many answers as it takes."""
        customers = []
        for number in range(MANY):
            customers.append(a_customer(provider))
            if number % 10 == 0:
                world.advance(HOUR)

        events = events_of(provider, source)

        told = [one.id for event in events for one in told_in(event.commands, RecordCustomer)]
        assert told == customers
        assert len({one.id for one in events}) == len(events)
        assert [one.occurred_at for one in events] == sorted(one.occurred_at for one in events)

    def test_events_go_on_after_any_of_them(self, provider: PaymentProvider, world: World, source: WebhookSource) -> None:
        """Nothing is left out, and nothing comes again."""
        for _ in range(3):
            a_customer(provider)
            world.advance(HOUR)
        before = events_of(provider, source)

        customer = a_customer(provider)
        after = events_of(provider, source, before[-1].id)

        assert [one.id for event in after for one in told_in(event.commands, RecordCustomer)] == [customer]
        for number, event in enumerate(before):
            rest = [*before[number + 1 :], *after]
            assert [one.id for one in events_of(provider, source, event.id)] == [one.id for one in rest]

    def test_after_the_last_event_there_is_none(self, provider: PaymentProvider, source: WebhookSource) -> None:
        """Whoever asks again goes on from the same place."""
        a_customer(provider)
        last = events_of(provider, source)[-1].id

        page = provider.events(last)

        assert (page.bodies, page.more) == ((), False)
        assert page.last in {last, None}
