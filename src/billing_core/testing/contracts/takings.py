"""What every payment provider must do with money: take it once, tell of it when it is there, and send it back."""

import pytest

from billing_core.domain.customers import ACCOUNT, Customer
from billing_core.domain.money import Money
from billing_core.domain.orders import (
    CreateCustomer,
    OpenPortal,
    RefundPayment,
    SaveCard,
)
from billing_core.domain.payments import Purchase
from billing_core.domain.subscriptions import Status
from billing_core.domain.webhooks import (
    RecordCustomer,
    RecordPayment,
)
from billing_core.errors import ProviderDeclined, ProviderRefused
from billing_core.ports import PaymentProvider, WebhookSource
from billing_core.testing.contracts.world import (
    DONE,
    HOUR,
    World,
    a_customer,
    a_key,
    a_pack,
    a_page,
    a_paid_one,
    a_payment,
    a_plan,
    at_once,
    bought,
    invoiced_by,
    paid_by,
    subscribed,
    told_in,
    told_of,
)
from billing_core.testing.examples import fresh

__all__ = ["TakingContract"]


class TakingContract:
    """What is promised of customers, payments, pages and refunds; fill `provider`, `world` and `source`."""

    # Customers ------------------------------------------------------------------------------------------------------------

    def test_a_customer_is_told_with_its_account(self, provider: PaymentProvider) -> None:
        """As the news of its webhook would tell it."""
        order = CreateCustomer(account=fresh("user"), email="ada@shop.example", name="Ada")

        placed = provider.place(order, a_key())

        (told,) = told_in(placed.news, RecordCustomer)
        assert isinstance(told, Customer)
        assert (told.id, told.account, told.email, told.name) == (placed.id, order.account, order.email, order.name)

    def test_a_portal_is_a_page_of_the_providers(self, provider: PaymentProvider) -> None:
        """To which the customer can be sent."""
        placed = provider.place(OpenPortal(customer=a_customer(provider), return_url=DONE), a_key())

        assert placed.url is not None
        assert placed.url.startswith(("https://", "http://"))

    def test_a_card_is_saved_with_a_secret(self, provider: PaymentProvider) -> None:
        """Which the customer's browser finishes it with."""
        placed = provider.place(SaveCard(customer=a_customer(provider)), a_key())

        assert placed.secret
        assert provider.fetch(placed.id).id == placed.id

    def test_secrets_are_not_told_by_accident(self, provider: PaymentProvider, world: World) -> None:
        """Who has them can pay, or look into an account."""
        customer = a_customer(provider)

        payment = provider.place(a_payment(customer), a_key())
        page = provider.place(a_page(customer, a_pack(world)), a_key())

        assert payment.secret
        assert payment.secret not in repr(payment)
        assert page.url
        assert page.url not in repr(page)

    # Payments -------------------------------------------------------------------------------------------------------------

    def test_a_payment_waits_for_its_customer(self, provider: PaymentProvider) -> None:
        """With a secret to pay it, and nothing that is known to be paid."""
        placed = provider.place(a_payment(a_customer(provider)), a_key())

        assert placed.payment == placed.id
        assert placed.secret
        assert paid_by(placed) == []
        assert paid_by(provider.fetch(placed.id)) == []

    def test_a_payment_is_news_when_it_has_succeeded(self, provider: PaymentProvider, world: World) -> None:
        """With the amount, the customer, and what it bought."""
        customer = a_customer(provider)
        placed = provider.place(a_payment(customer, amount_minor=2345, metadata=bought()), a_key())

        world.pay(placed)

        (told,) = paid_by(provider.fetch(placed.id))
        assert (told.id, told.amount, told.customer) == (placed.id, Money(2345, "usd"), customer)
        assert (told.account, told.purchase) == ("acme", Purchase("first", "100"))
        assert abs(told.paid_at - world.now()) < HOUR

    def test_a_declined_payment_is_no_news(self, provider: PaymentProvider, world: World, source: WebhookSource) -> None:
        """And can be paid with another card."""
        placed = provider.place(a_payment(a_customer(provider)), a_key())

        world.decline(placed)
        declined = paid_by(provider.fetch(placed.id)), told_of(provider, source, RecordPayment)
        world.pay(placed)

        assert declined == ([], [])
        assert len(paid_by(provider.fetch(placed.id))) == 1

    def test_a_saved_card_pays_at_once(self, provider: PaymentProvider, world: World) -> None:
        """While nobody is there."""
        placed = provider.place(at_once(provider, world), a_key())

        assert [one.id for one in paid_by(placed)] == [placed.payment]

    def test_the_card_that_pays_can_be_chosen(self, provider: PaymentProvider, world: World) -> None:
        """Whichever one would pay otherwise."""
        customer = a_customer(provider)
        good = world.save_card(customer)
        world.save_card(customer, declines=True)

        placed = provider.place(a_payment(customer, off_session=True, payment_method=good), a_key())

        assert len(paid_by(placed)) == 1

    def test_a_card_that_declines_pays_nothing(
        self, provider: PaymentProvider, world: World, source: WebhookSource
    ) -> None:
        """The decline says why, for the customer too, and which payment failed."""
        customer = a_customer(provider)
        world.save_card(customer, declines=True)

        with pytest.raises(ProviderDeclined) as said:
            provider.place(a_payment(customer, off_session=True), a_key())

        assert said.value.code
        assert said.value.reason
        assert said.value.payment is None or not paid_by(provider.fetch(said.value.payment))
        assert told_of(provider, source, RecordPayment) == []

    def test_what_was_declined_is_declined_again(
        self, provider: PaymentProvider, world: World, source: WebhookSource
    ) -> None:
        """Under the same key, although another card would pay now."""
        customer, key = a_customer(provider), a_key()
        world.save_card(customer, declines=True)
        order = a_payment(customer, off_session=True)
        with pytest.raises(ProviderDeclined):
            provider.place(order, key)

        world.save_card(customer)
        with pytest.raises(ProviderDeclined):
            provider.place(order, key)

        assert told_of(provider, source, RecordPayment) == []
        assert len(paid_by(provider.place(order, a_key()))) == 1

    def test_without_a_card_nothing_is_paid_at_once(self, provider: PaymentProvider, source: WebhookSource) -> None:
        """And it is said so."""
        with pytest.raises((ProviderDeclined, ProviderRefused)):
            provider.place(a_payment(a_customer(provider), off_session=True), a_key())

        assert told_of(provider, source, RecordPayment) == []

    # Pages ----------------------------------------------------------------------------------------------------------------

    def test_a_page_waits_for_its_customer(self, provider: PaymentProvider, world: World) -> None:
        """At an address, and nothing is bought yet."""
        placed = provider.place(a_page(a_customer(provider), a_pack(world)), a_key())

        assert placed.url is not None
        assert placed.url.startswith(("https://", "http://"))
        assert placed.news == ()
        assert provider.fetch(placed.id).news == ()

    def test_a_page_that_is_paid_tells_the_payment(self, provider: PaymentProvider, world: World) -> None:
        """Of so many units, and for what its metadata says."""
        customer = a_customer(provider)
        placed = provider.place(a_page(customer, a_pack(world, 700), quantity=3, metadata=bought()), a_key())

        world.pay(placed)
        paid = provider.fetch(placed.id)

        (told,) = paid_by(paid)
        assert (told.id, told.amount, told.customer) == (paid.payment, Money(2100, "usd"), customer)
        assert (told.account, told.purchase) == ("acme", Purchase("first", "100"))
        assert paid.subscription is None

    def test_a_page_on_which_the_card_declined_tells_nothing(
        self, provider: PaymentProvider, world: World, source: WebhookSource
    ) -> None:
        """The customer can try another one."""
        placed = provider.place(a_page(a_customer(provider), a_pack(world)), a_key())

        world.decline(placed)
        declined = paid_by(provider.fetch(placed.id)), told_of(provider, source, RecordPayment)
        world.pay(placed)

        assert declined == ([], [])
        assert len(paid_by(provider.fetch(placed.id))) == 1

    def test_a_page_begins_a_subscription(self, provider: PaymentProvider, world: World) -> None:
        """For the account that its metadata names, with its first invoice paid."""
        customer, price = a_customer(provider), a_plan(world, 900)
        order = a_page(customer, price, recurring=True, quantity=2, metadata={ACCOUNT: "acme"})
        placed = provider.place(order, a_key())

        world.pay(placed)
        begun = provider.fetch(placed.id)

        told = subscribed(begun)
        assert (told.id, told.customer, told.account) == (begun.subscription, customer, "acme")
        assert told.status is Status.ACTIVE
        assert [(one.price, one.quantity) for one in told.items] == [(price, 2)]
        assert [(one.subscription, one.amount_paid) for one in invoiced_by(begun)] == [(told.id, Money(1800, "usd"))]

    def test_a_page_begins_a_trial(self, provider: PaymentProvider, world: World) -> None:
        """In which nothing is paid."""
        order = a_page(a_customer(provider), a_plan(world), recurring=True, trial_days=14)
        placed = provider.place(order, a_key())

        world.pay(placed)
        begun = provider.fetch(placed.id)

        assert subscribed(begun).status is Status.TRIALING
        assert sum(one.amount_paid.amount_minor for one in invoiced_by(begun)) == 0

    def test_a_coupon_makes_it_cheaper(self, provider: PaymentProvider, world: World) -> None:
        """By so many percent."""
        order = a_page(a_customer(provider), a_pack(world, 1_000), coupon=world.coupon(25))
        placed = provider.place(order, a_key())

        world.pay(placed)

        assert [one.amount for one in paid_by(provider.fetch(placed.id))] == [Money(750, "usd")]

    # Refunds --------------------------------------------------------------------------------------------------------------

    def test_a_payment_is_sent_back(self, provider: PaymentProvider, world: World) -> None:
        """All of it, if nobody says how much."""
        payment = a_paid_one(provider, world)

        placed = provider.place(RefundPayment(payment=payment), a_key())

        assert placed.payment == payment
        assert placed.id != payment
        with pytest.raises(ProviderRefused):
            provider.place(RefundPayment(payment=payment, amount_minor=1), a_key())

    def test_a_payment_is_sent_back_in_parts(self, provider: PaymentProvider, world: World) -> None:
        """Until nothing is left, and no more than that."""
        payment = a_paid_one(provider, world, 1_000)

        first = provider.place(RefundPayment(payment=payment, amount_minor=400, reason="duplicate"), a_key())
        with pytest.raises(ProviderRefused):
            provider.place(RefundPayment(payment=payment, amount_minor=601), a_key())
        rest = provider.place(RefundPayment(payment=payment), a_key())

        assert first.id != rest.id
        with pytest.raises(ProviderRefused):
            provider.place(RefundPayment(payment=payment), a_key())

    def test_a_refund_has_a_reason_in_any_words(self, provider: PaymentProvider, world: World) -> None:
        """They need not be those of the provider."""
        order = RefundPayment(payment=a_paid_one(provider, world), reason="the parrot was dead")

        assert provider.place(order, a_key()).payment == order.payment

    def test_what_was_never_paid_is_not_sent_back(self, provider: PaymentProvider) -> None:
        """Nor what nobody knows."""
        unpaid = provider.place(a_payment(a_customer(provider)), a_key())

        for payment in (unpaid.id, f"{unpaid.id}x"):
            with pytest.raises(ProviderRefused):
                provider.place(RefundPayment(payment=payment), a_key())
