"""Callers who order the same thing at once: the real SDK, the simulated Stripe, a real database file."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import stripe

from billing_adapters.simulator import SimulatedStripe
from billing_adapters.sqlalchemy import migrate
from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine
from billing_adapters.stripe.gateway import StripeGateway
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_adapters.system import SystemClock, Uuid7Ids
from billing_core import Billing

KEY = "sk_test_racing"
CALLERS = 8
PACK = {"credit_amount": "100", "credit_type": "payg"}


@pytest.fixture
def simulated():
    return SimulatedStripe(seed=1, now=datetime.now(UTC))


@pytest.fixture
def api(simulated):
    return stripe.StripeClient(KEY, http_client=simulated.http_client()).v1


@pytest.fixture
def billing(simulated, tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/billing.db")
    migrate.upgrade(engine)
    gateway = StripeGateway(KEY, http_client=simulated.http_client(), per_second=None, now=lambda: simulated.now)
    yield Billing(
        store=SqlAlchemyStore(engine),
        provider=StripeWebhooks(("whsec_none",)),
        gateway=gateway,
        clock=SystemClock(),
        ids=Uuid7Ids(),
    )
    gateway.close()
    engine.dispose()


@pytest.fixture
def price(api, billing):
    product = api.products.create({"name": "Pack", "metadata": PACK})
    price = api.prices.create({"product": product.id, "currency": "usd", "unit_amount": 500})
    billing.catalog.sync()
    return price.id


def all_at_once(work):
    """Let eight threads do the same, and return what each got."""
    with ThreadPoolExecutor(CALLERS) as pool:
        return [one.result() for one in [pool.submit(work) for _ in range(CALLERS)]]


def test_an_account_gets_one_customer(api, billing):
    found = all_at_once(lambda: billing.checkout.customer("acme"))

    (customer,) = api.customers.list().data
    assert {*found} == {customer.id}


def test_one_key_makes_one_payment(api, billing, price):
    placed = all_at_once(lambda: billing.checkout.pay("acme", price, key="order-1"))

    (payment,) = api.payment_intents.list().data
    assert {one.id for one in placed} == {payment.id}


def test_a_saved_card_is_charged_once_and_grants_once(api, billing, price):
    customer = billing.checkout.customer("acme")
    card = api.payment_methods.attach("pm_card_visa", {"customer": customer}).id

    all_at_once(lambda: billing.checkout.charge("acme", price, payment_method=card, key="order-1"))

    (charge,) = api.charges.list().data
    assert (charge.amount, billing.credits.balance("acme").available) == (500, 100)
