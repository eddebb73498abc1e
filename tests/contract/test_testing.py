"""The fixtures for users: an offline Stripe, a `Billing` in front of it, and one clock that both go by."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import stripe as sdk

from billing_adapters.testing import KEY
from billing_core import Policies
from billing_core.errors import ProviderDeclined

pytest_plugins = ["billing_adapters.testing"]

SOON = timedelta(minutes=1)


@pytest.fixture
def api(simulated_stripe):
    return sdk.StripeClient(KEY, http_client=simulated_stripe.http_client()).v1


@pytest.fixture
def pack(api):
    """Offer a hundred credits at Stripe, and return the id of their price."""
    product = api.products.create({"name": "Pack", "metadata": {"credit_amount": "100", "credit_type": "payg"}})
    return api.prices.create({"product": product.id, "currency": "usd", "unit_amount": 1000}).id


@pytest.fixture
def buy(billing, api, clock, pack):
    """Return a function that lets somebody buy the pack with a card."""

    def bought(card="pm_card_visa"):
        clock.advance(SOON)
        method = api.payment_methods.attach(card, {"customer": billing.checkout.customer("acme")})
        return billing.checkout.charge("acme", pack, payment_method=method.id)

    return bought


def test_everything_begins_at_a_fixed_moment(simulated_stripe, clock):
    assert clock.now() == simulated_stripe.now == datetime(2026, 1, 1, tzinfo=UTC)


def test_stripe_and_billing_go_on_together(simulated_stripe, billing, clock):
    billing.credits.grant("acme", 100, key="a gift", expires_at=clock.now() + timedelta(days=30))

    assert clock.advance(timedelta(days=29)) == simulated_stripe.now
    assert billing.credits.balance("acme").available == 100
    assert clock.advance(timedelta(days=1)) == clock.now() == datetime(2026, 1, 31, tzinfo=UTC)
    assert billing.credits.balance("acme").available == 0


def test_what_is_bought_at_stripe_is_there_once(billing, buy, deliver_webhooks):
    buy()
    deliver_webhooks()

    assert billing.credits.balance("acme").available == 100


def test_what_a_bank_declines_is_declined(billing, buy):
    with pytest.raises(ProviderDeclined):
        buy("pm_card_chargeCustomerFail")

    assert billing.credits.balance("acme").available == 0


def test_webhooks_arrive_when_the_clock_is_advanced(billing, api, clock):
    product = api.products.create({"name": "Pack"})
    before = list(billing.catalog.products())

    clock.advance(SOON)

    assert (before, [one.id for one in billing.catalog.products()]) == ([], [product.id])


def test_webhooks_arrive_when_they_are_asked_for(billing, api, deliver_webhooks):
    product = api.products.create({"name": "Pack"})

    [delivered] = deliver_webhooks()

    assert (delivered.event_type, delivered.status) == ("product.created", 200)
    assert [one.id for one in billing.catalog.products()] == [product.id]
    assert deliver_webhooks() == []


def test_a_refund_at_stripe_takes_the_credits_back(billing, buy, api, clock):
    payment = buy()

    api.refunds.create({"payment_intent": payment.id})
    clock.advance(SOON)

    assert billing.credits.balance("acme").available == 0


def test_what_goes_to_another_address_is_not_taken_by_billing(billing, api, deliver_webhooks):
    api.webhook_endpoints.create({"url": "https://shop.example/webhooks", "enabled_events": ["*"]})
    api.products.create({"name": "Pack"})

    came_of = {one.url: one.status for one in deliver_webhooks()}

    assert came_of.pop("https://shop.example/webhooks") == 0
    assert list(came_of.values()) == [200]
    assert len(billing.catalog.products()) == 1


def test_nobody_waits_in_real_time(simulated_stripe, billing):
    simulated_stripe.faults.limit_rate("POST", "/v1/customers")
    started = time.monotonic()

    assert billing.checkout.customer("acme").startswith("cus_")

    assert time.monotonic() - started < 0.2


class TestOfAnApplicationWithItsOwnPolicies:
    @pytest.fixture
    def billing_policies(self):
        return Policies(livemode=True)

    def test_billing_follows_them(self, billing, api, clock):
        api.products.create({"name": "Pack"})  # in test mode

        clock.advance(SOON)

        assert billing.catalog.products() == []
