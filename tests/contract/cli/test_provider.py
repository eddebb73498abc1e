"""The commands that ask the provider: an offline Stripe, reached over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest
import stripe as sdk

from billing_adapters.cli.serving import in_background, listening
from billing_adapters.simulator import SimulatedStripe, simulator_asgi
from billing_adapters.wiring import Settings, open_billing
from billing_core import ProviderUnavailable

KEY = "sk_test_of_the_shell"
PACK = {"credit_amount": "100", "credit_type": "payg"}


@pytest.fixture
def stripe():
    return SimulatedStripe(seed=1, now=datetime.now(UTC) - timedelta(minutes=1))


@pytest.fixture
def client(stripe):
    return sdk.StripeClient(KEY, http_client=stripe.http_client()).v1


@pytest.fixture
def environment(environment, stripe, monkeypatch):
    """Let the shell ask the simulator."""
    with in_background(simulator_asgi(stripe), listening("127.0.0.1", 0)) as address:
        for name, value in {"BILLING_STRIPE_KEY": KEY, "BILLING_STRIPE_URL": address}.items():
            monkeypatch.setenv(name, value)
            environment[name] = value
        yield environment


def sell(client, name="Pack", **metadata):
    product = client.products.create({"name": name, "metadata": metadata or PACK})
    client.prices.create({"product": product.id, "currency": "usd", "unit_amount": 500})
    return product.id


def words(text):
    return " ".join(text.split())


# What the provider says ---------------------------------------------------------------------------------------------------


def test_the_catalog_is_read(run, billing, client):
    product = sell(client)

    first, again = run("sync"), run("sync")

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "products 1 0 0 0 0 0" in words(first.stdout)
    assert "prices 0 0 0 0 1 0" in words(again.stdout)
    assert [one.id for one in billing.catalog.products()] == [product]


@pytest.mark.usefixtures("billing")
def test_a_product_that_grants_nothing_is_named_and_is_an_exit_code(run, client):
    product = sell(client, credit_amount="many", credit_type="payg")

    ended = run("sync")

    assert ended.exit_code == 1
    assert f"quarantined: {product}: credit_amount 'many'" in words(ended.stdout)


def test_what_was_missed_is_caught_up_with(run, billing, client):
    sell(client)

    first, again = run("catch-up"), run("catch-up")

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "2 applied" in first.stdout
    assert "nothing is new" in again.stdout
    assert len(billing.catalog.products()) == 1


# Orders -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def unanswered(billing, client, stripe):
    """Leave an order to which no answer came, an hour ago."""
    client.customers.create({"metadata": {"billing_account": "acme"}})
    billing.webhooks.catch_up()
    stripe.faults.fail("POST", "/v1/setup_intents", after_effect=True, times=3)
    with pytest.raises(ProviderUnavailable):
        billing.checkout.save_card("acme", key="card-1")


class InAnHour:
    def now(self):
        return datetime.now(UTC) + timedelta(hours=1)


@pytest.mark.usefixtures("unanswered")
def test_what_nobody_has_to_ask_about_yet_is_left_alone(run):
    ended = run("resume")

    assert (ended.exit_code, ended.stdout) == (0, "nothing is open\n")


@pytest.mark.usefixtures("unanswered")
def test_what_became_of_an_order_is_found_out(run, environment, monkeypatch):
    with open_billing(Settings.from_environment(environment), clock=InAnHour()) as later:
        monkeypatch.setattr("billing_adapters.wiring.SystemClock", InAnHour)
        ended = run("resume")
        intent = later.checkout.intent("acme", "card-1")

    assert ended.exit_code == 0
    assert intent.state == "done"
    assert f"order:acme:card-1 acme SaveCard done {intent.placed}" in words(ended.stdout)


@pytest.mark.usefixtures("unanswered")
def test_an_order_that_is_still_unanswered_is_an_exit_code(run, stripe, monkeypatch):
    stripe.faults.fail("POST", "/v1/setup_intents", after_effect=True, times=3)
    monkeypatch.setattr("billing_adapters.wiring.SystemClock", InAnHour)

    ended = run("resume")

    assert ended.exit_code == 1
    assert "SaveCard open" in words(ended.stdout)


# Settings -----------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("billing")
def test_a_live_key_goes_to_nobody_but_stripe(run, monkeypatch):
    monkeypatch.setenv("BILLING_STRIPE_KEY", "sk_live_of_the_shell")

    ended = run("sync")

    assert ended.exit_code == 1
    assert "BILLING_STRIPE_URL is for test keys" in words(ended.stderr)
    assert "sk_live" not in ended.stderr
