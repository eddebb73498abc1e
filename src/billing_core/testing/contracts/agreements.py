"""What every payment provider must do with subscriptions: begin, renew, change and end them, and bill what is due."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from billing_core.domain.customers import ACCOUNT
from billing_core.domain.money import Money
from billing_core.domain.orders import (
    CancelSubscription,
    CreateSubscription,
    KeepSubscription,
    Order,
    PauseSubscription,
    Placed,
    Proration,
    ResumeSubscription,
)
from billing_core.domain.subscriptions import Status
from billing_core.domain.webhooks import (
    RecordInvoice,
)
from billing_core.errors import ProviderRefused
from billing_core.ports import PaymentProvider, WebhookSource
from billing_core.testing.contracts.world import (
    DAY,
    HOUR,
    MONTHLY,
    NEXT_PERIOD,
    World,
    a_change_of,
    a_customer,
    a_key,
    a_plan,
    a_running_one,
    invoiced_by,
    subscribed,
    told_of,
)

__all__ = ["AgreementContract"]


class AgreementContract:
    """What is promised of subscriptions, changes of plan and invoices; fill `provider`, `world` and `source`."""

    # Subscriptions --------------------------------------------------------------------------------------------------------

    def test_a_subscription_waits_for_its_first_payment(self, provider: PaymentProvider, world: World) -> None:
        """With a secret to pay it; until then it entitles to nothing."""
        order = CreateSubscription(customer=a_customer(provider), price=a_plan(world), metadata={ACCOUNT: "acme"})

        placed = provider.place(order, a_key())

        told = subscribed(placed)
        assert (told.id, placed.subscription) == (placed.id, placed.id)
        assert (told.customer, told.account, told.live) == (order.customer, "acme", False)
        assert placed.secret
        assert invoiced_by(placed) == []

    def test_a_subscription_begins_when_it_is_paid(self, provider: PaymentProvider, world: World) -> None:
        """For a period that lies ahead."""
        price = a_plan(world, 1_200)

        placed = a_running_one(provider, world, price)

        told = subscribed(placed)
        assert told.status is Status.ACTIVE
        assert [(one.price, one.quantity) for one in told.items] == [(price, 1)]
        assert told.period_end is not None
        assert 27 * DAY < told.period_end - world.now() < 32 * DAY
        (invoice,) = invoiced_by(placed)
        assert (invoice.subscription, invoice.amount_paid) == (told.id, Money(1_200, "usd"))
        assert [(line.price, line.amount.amount_minor) for line in invoice.lines] == [(price, 1_200)]

    def test_a_declined_first_payment_begins_nothing(self, provider: PaymentProvider, world: World) -> None:
        """The subscription goes on waiting."""
        order = CreateSubscription(customer=a_customer(provider), price=a_plan(world))
        placed = provider.place(order, a_key())

        world.decline(placed)
        after = provider.fetch(placed.id)

        assert not subscribed(after).live
        assert invoiced_by(after) == []

    def test_a_trial_begins_at_once(self, provider: PaymentProvider, world: World) -> None:
        """And lasts as long as was said."""
        order = CreateSubscription(customer=a_customer(provider), price=a_plan(world), trial_days=10)

        told = subscribed(provider.place(order, a_key()))

        assert told.status is Status.TRIALING
        assert told.trial_end is not None
        assert abs(told.trial_end - world.now() - 10 * DAY) < HOUR

    def test_a_subscription_renews(self, provider: PaymentProvider, world: World, source: WebhookSource) -> None:
        """The next period is paid with the same card, and told of."""
        placed = a_running_one(provider, world, a_plan(world, 1_200))

        world.advance(NEXT_PERIOD)

        told = subscribed(provider.fetch(placed.id))
        paid = [one for one in told_of(provider, source, RecordInvoice) if one.subscription == placed.id]
        assert told.status is Status.ACTIVE
        assert told.period_end is not None
        assert told.period_end > world.now()
        assert [one.amount_paid for one in paid] == 2 * [Money(1_200, "usd")]

    def test_a_customer_has_several_subscriptions(self, provider: PaymentProvider, world: World) -> None:
        """Each lives its own life."""
        customer, price = a_customer(provider), a_plan(world)
        one, other = (a_running_one(provider, world, price, customer) for _ in range(2))

        provider.place(CancelSubscription(subscription=one.id, at_period_end=False), a_key())

        assert subscribed(provider.fetch(one.id)).ended
        assert subscribed(provider.fetch(other.id)).status is Status.ACTIVE

    def test_a_subscription_is_canceled_at_once(self, provider: PaymentProvider, world: World) -> None:
        """And says when."""
        placed = a_running_one(provider, world, a_plan(world))

        told = subscribed(provider.place(CancelSubscription(subscription=placed.id, at_period_end=False), a_key()))

        assert told.status is Status.CANCELED
        assert told.ended_at is not None
        assert abs(told.ended_at - world.now()) < HOUR

    @pytest.mark.parametrize("at_period_end", [False, True], ids=["now", "later"])
    def test_what_has_ended_can_be_ended_again(
        self,
        provider: PaymentProvider,
        world: World,
        *,
        at_period_end: bool,
    ) -> None:
        """That is to have done it, under any key, and changes nothing."""
        placed = a_running_one(provider, world, a_plan(world))
        order = CancelSubscription(subscription=placed.id, at_period_end=False)
        first, key = subscribed(provider.place(order, a_key())), a_key()

        again = subscribed(provider.place(attrs.evolve(order, at_period_end=at_period_end), key))

        assert again == first

    def test_a_subscription_ends_with_its_period(self, provider: PaymentProvider, world: World) -> None:
        """Until then it goes on."""
        placed = a_running_one(provider, world, a_plan(world))

        told = subscribed(provider.place(CancelSubscription(subscription=placed.id), a_key()))
        world.advance(NEXT_PERIOD)

        assert (told.status, told.cancel_at_period_end) == (Status.ACTIVE, True)
        assert subscribed(provider.fetch(placed.id)).status is Status.CANCELED

    def test_a_subscription_can_be_kept(self, provider: PaymentProvider, world: World) -> None:
        """It goes on as if nothing had been said."""
        placed = a_running_one(provider, world, a_plan(world))
        provider.place(CancelSubscription(subscription=placed.id), a_key())

        told = subscribed(provider.place(KeepSubscription(subscription=placed.id), a_key()))
        world.advance(NEXT_PERIOD)

        assert (told.status, told.cancel_at_period_end, told.cancel_at) == (Status.ACTIVE, False, None)
        assert subscribed(provider.fetch(placed.id)).status is Status.ACTIVE

    def test_a_paused_subscription_costs_nothing(
        self, provider: PaymentProvider, world: World, source: WebhookSource
    ) -> None:
        """Until it is resumed."""
        placed = a_running_one(provider, world, a_plan(world, 1_200))

        def paid() -> dict[str, int]:  # by invoice, of which more than one event may tell, or none after a while
            return {one.id: one.amount_paid.amount_minor for one in told_of(provider, source, RecordInvoice)}

        before = paid()
        provider.place(PauseSubscription(subscription=placed.id), a_key())
        world.advance(NEXT_PERIOD)
        while_paused = paid()
        provider.place(ResumeSubscription(subscription=placed.id), a_key())
        world.advance(NEXT_PERIOD)

        assert while_paused.keys() <= before.keys()
        assert [amount for name, amount in paid().items() if name not in before] == [1_200]

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
        placed = a_running_one(provider, world, a_plan(world))

        with pytest.raises(ProviderRefused):
            provider.place(make(f"{placed.id}x"), a_key())

        assert subscribed(provider.fetch(placed.id)).status is Status.ACTIVE

    @pytest.mark.parametrize(
        "make",
        [
            lambda placed, _price: KeepSubscription(subscription=placed.id),
            lambda placed, _price: PauseSubscription(subscription=placed.id),
            a_change_of,
        ],
        ids=["keep", "pause", "change"],
    )
    def test_what_has_ended_does_not_come_back(
        self, provider: PaymentProvider, world: World, make: Callable[[Placed, str], Order]
    ) -> None:
        """Whatever is ordered of it."""
        placed = a_running_one(provider, world, a_plan(world))
        provider.place(CancelSubscription(subscription=placed.id, at_period_end=False), a_key())

        with pytest.raises(ProviderRefused):
            provider.place(make(placed, a_plan(world)), a_key())

        assert subscribed(provider.fetch(placed.id)).status is Status.CANCELED

    # Changes of plan ------------------------------------------------------------------------------------------------------

    def test_a_plan_changes_at_once(self, provider: PaymentProvider, world: World) -> None:
        """The price and the quantity, in the running period."""
        placed, price = a_running_one(provider, world, a_plan(world, 1_000)), a_plan(world, 3_000)
        world.advance(10 * DAY)

        told = subscribed(provider.place(a_change_of(placed, price, quantity=2), a_key()))

        assert [(one.price, one.quantity) for one in told.items] == [(price, 2)]
        assert (told.status, told.period_end) == (Status.ACTIVE, subscribed(placed).period_end)

    def test_a_preview_changes_nothing(self, provider: PaymentProvider, world: World) -> None:
        """Neither the subscription nor what is billed."""
        customer = a_customer(provider)
        placed = a_running_one(provider, world, a_plan(world, 1_000), customer)
        world.advance(10 * DAY)
        before = subscribed(provider.fetch(placed.id)), provider.invoices(customer)

        provider.preview(a_change_of(placed, a_plan(world, 3_000)), world.now())

        assert (subscribed(provider.fetch(placed.id)), provider.invoices(customer)) == before

    def test_a_preview_says_of_what_it_is_made(self, provider: PaymentProvider, world: World) -> None:
        """What was not used is given back, what replaces it is charged, and the sum is due."""
        before, after = a_plan(world, 1_000), a_plan(world, 3_000)
        placed = a_running_one(provider, world, before)
        world.advance(10 * DAY)

        seen = provider.preview(a_change_of(placed, after), world.now())

        amounts = {line.price: line.amount.amount_minor for line in seen.lines}
        assert amounts.keys() == {before, after}
        assert -1_000 < amounts[before] < 0 < amounts[after] < 3_000
        assert seen.due == Money(sum(amounts.values()), "usd")
        assert all(line.proration for line in seen.lines)

    @pytest.mark.parametrize("quantity", [1, 4])
    def test_a_preview_comes_true(self, provider: PaymentProvider, world: World, quantity: int) -> None:
        """Whoever changes the plan at that moment pays that."""
        customer = a_customer(provider)
        placed = a_running_one(provider, world, a_plan(world, 1_000), customer)
        order = a_change_of(placed, a_plan(world, 3_000), quantity=quantity)
        world.advance(10 * DAY)

        seen = provider.preview(order, world.now())
        changed = provider.place(order, a_key())

        (paid,) = invoiced_by(changed)
        assert paid.amount_paid == seen.due
        assert provider.invoices(customer)[0].id == paid.id

    def test_a_change_can_be_settled_later(self, provider: PaymentProvider, world: World) -> None:
        """Then it brings no invoice of its own."""
        customer = a_customer(provider)
        placed = a_running_one(provider, world, a_plan(world, 1_000), customer)
        world.advance(10 * DAY)

        provider.place(a_change_of(placed, a_plan(world, 3_000), proration=Proration.LATER), a_key())
        at_once = len(provider.invoices(customer))
        world.advance(NEXT_PERIOD)

        assert at_once == 1
        assert provider.invoices(customer)[0].total > Money(3_000, "usd")

    def test_a_change_that_is_not_settled_costs_nothing_now(self, provider: PaymentProvider, world: World) -> None:
        """The next period costs what the new plan costs."""
        customer = a_customer(provider)
        placed = a_running_one(provider, world, a_plan(world, 1_000), customer)
        world.advance(10 * DAY)
        order = a_change_of(placed, a_plan(world, 3_000), proration=Proration.NONE)

        seen = provider.preview(order, world.now())
        provider.place(order, a_key())
        world.advance(NEXT_PERIOD)

        assert seen.due == Money(0, "usd")
        assert [one.total.amount_minor for one in provider.invoices(customer)] == [3_000, 1_000]

    @pytest.mark.parametrize("ask", ["preview", "place"])
    @pytest.mark.parametrize("wrong", ["item", "price", "archived", "subscription", "currency"])
    def test_a_change_that_cannot_be_is_refused(
        self, provider: PaymentProvider, world: World, ask: str, wrong: str
    ) -> None:
        """Whether it is only looked at, or made; nothing has changed then."""
        placed, price = a_running_one(provider, world, a_plan(world)), a_plan(world)
        order = a_change_of(placed, price)
        if wrong == "archived":
            world.archive_price(price)
        elif wrong == "currency":
            other = world.price(world.product(), 100, currency="eur", recurring=MONTHLY)
            order = attrs.evolve(order, price=other)
        else:
            renamed: dict[str, Any] = {wrong: f"{getattr(order, wrong)}x"}
            order = attrs.evolve(order, **renamed)

        def make() -> object:
            return provider.preview(order, world.now()) if ask == "preview" else provider.place(order, a_key())

        with pytest.raises(ProviderRefused):
            make()

        assert subscribed(provider.fetch(placed.id)).items == subscribed(placed).items

    # Invoices -------------------------------------------------------------------------------------------------------------

    def test_invoices_come_latest_first(self, provider: PaymentProvider, world: World) -> None:
        """Those of the customer, and no more than were asked for."""
        customer = a_customer(provider)
        placed = a_running_one(provider, world, a_plan(world, 1_200), customer)
        a_running_one(provider, world, a_plan(world))
        for _ in range(2):
            world.advance(NEXT_PERIOD)

        found = provider.invoices(customer)

        assert len(found) == 3
        assert [one.issued_at for one in found] == sorted((one.issued_at for one in found), reverse=True)
        assert {(one.subscription, one.total) for one in found} == {(placed.id, Money(1_200, "usd"))}
        assert [one.id for one in provider.invoices(customer, 2)] == [one.id for one in found[:2]]

    def test_a_customer_who_bought_nothing_has_no_invoices(self, provider: PaymentProvider) -> None:
        """A new one, for instance."""
        assert [*provider.invoices(a_customer(provider))] == []
