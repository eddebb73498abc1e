"""Stripe's own command line plays its scripts against the simulator; the webhooks reach a database through `billing serve`.

`nox -s stripe_cli` installs the command line, and says in BILLING_STRIPE_CLI where it is.
"""

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
import stripe as sdk

from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine
from billing_adapters.stripe.shapes import COMMANDS
from billing_adapters.wiring import Settings, upgrade
from billing_core.domain.subscriptions import Status
from billing_core.domain.webhooks import DeliveryState

CLI = os.environ.get("BILLING_STRIPE_CLI", "")
KEY = "sk_test_simulated"
NOWHERE = "http://127.0.0.1:9"
OURS = {name: value for name, value in os.environ.items() if not name.startswith(("BILLING_", "STRIPE_"))}
LATEST_SECONDS = 20

pytestmark = pytest.mark.skipif(not CLI, reason="`nox -s stripe_cli` runs these")


# What runs ----------------------------------------------------------------------------------------------------------------


@contextmanager
def running(*arguments, **environment):
    """Run a command of our shell until the block ends, and return the address that it says."""
    program = [sys.executable, "-u", "-c", "from billing_adapters.cli import main; main()", *arguments]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env={**OURS, **environment}) as served:  # noqa: S603
        try:
            yield re.search(r"http://127\.0\.0\.1:\d+(/webhooks)?", served.stdout.readline())[0]
        finally:
            served.kill()


@pytest.fixture(scope="module")
def address():
    with running("simulator", "serve", "--port", "0") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def stripe(address):
    return sdk.StripeClient(KEY, base_addresses={"api": address})


@pytest.fixture(scope="module")
def store(stripe, tmp_path_factory):
    """Receive the simulator's webhooks, and return the database that they reach."""
    url = f"sqlite:///{tmp_path_factory.mktemp('shop')}/shop.db"
    endpoint = stripe.v1.webhook_endpoints.create({"url": NOWHERE, "enabled_events": ["*"]})
    environment = {"BILLING_DATABASE_URL": url, "BILLING_WEBHOOK_SECRETS": endpoint.secret}
    upgrade(Settings.from_environment(environment))
    engine = open_engine(url)
    with running("serve", "--port", "0", "--retry-every", "0.2", **environment) as receiver:
        stripe.v1.webhook_endpoints.update(endpoint.id, {"url": receiver})
        yield SqlAlchemyStore(engine)
    engine.dispose()


@pytest.fixture
def trigger(address, tmp_path):
    """Return a function that lets the command line play one of its scripts, at home in an empty directory.

    Whatever it would ask of anybody but this machine, such as whether there is a newer version, goes to a closed port.
    """
    alone = {"HOME": str(tmp_path), "STRIPE_CLI_TELEMETRY_OPTOUT": "1", "HTTPS_PROXY": NOWHERE, "HTTP_PROXY": NOWHERE}

    def triggered(event):
        command = [CLI, "trigger", event, "--api-base", address, "--api-key", KEY]
        ended = subprocess.run(command, env=alone, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
        assert ended.returncode == 0, ended.stdout + ended.stderr

    return triggered


# What it leads to ---------------------------------------------------------------------------------------------------------


def mirrored_product(unit, product):
    assert unit.products.get([product.id])[product.id].value.name == product.name


def mirrored_price(unit, price):
    known = unit.prices.get([price.id])[price.id].value
    assert (known.product, known.unit_amount) == (price.product, price.unit_amount)
    assert price.product in unit.products.get([price.product])


def mirrored_customer(unit, customer):
    known = unit.customers.get([customer.id])[customer.id].value
    assert (known.email, known.name) == (customer.email, customer.name)


def recorded_payment(unit, intent):
    assert amounts([unit.payments.payments([intent.id])[intent.id]]) == [(intent.amount, intent.currency)]


def no_payment(unit, intent):
    assert unit.payments.payments([intent.id]) == {}


def recorded_refund(unit, charge):
    assert amounts([unit.payments.payments([charge.payment_intent])[charge.payment_intent]]) == [
        (charge.amount, charge.currency)
    ]
    assert amounts(unit.refunds.of_payments([charge.payment_intent])) == [(charge.amount_refunded, charge.currency)]


def recorded_dispute(unit, dispute):
    assert dispute.payment_intent in unit.payments.payments([dispute.payment_intent])
    assert amounts(unit.disputes.of_payments([dispute.payment_intent])) == [(dispute.amount, dispute.currency)]


def paid_page(unit, page):
    assert amounts([unit.payments.payments([page.payment_intent])[page.payment_intent]]) == [
        (page.amount_total, page.currency)
    ]


def mirrored_subscription(unit, subscription):
    known = unit.subscriptions.get([subscription.id])[subscription.id].value
    assert (known.customer, known.items[0].price) == (subscription.customer, subscription["items"].data[0].price.id)


def ended_subscription(unit, subscription):
    assert unit.subscriptions.get([subscription.id])[subscription.id].value.status is Status.CANCELED


def recorded_invoice(unit, invoice):
    assert unit.payments.invoices([invoice.id])[invoice.id].amount_paid.amount_minor == invoice.amount_paid


def no_invoice(unit, invoice):
    assert unit.payments.invoices([invoice.id]) == {}


def amounts(money):
    return [(one.amount.amount_minor, one.amount.currency.code.lower()) for one in money]


@pytest.mark.parametrize(
    ("event", "route", "leads_to"),
    [
        ("product.created", "/v1/products", mirrored_product),
        ("price.created", "/v1/prices", mirrored_price),
        ("customer.created", "/v1/customers", mirrored_customer),
        ("payment_intent.succeeded", "/v1/payment_intents", recorded_payment),
        ("payment_intent.payment_failed", "/v1/payment_intents", no_payment),
        ("charge.refunded", "/v1/refunds", recorded_refund),
        ("charge.dispute.created", "/v1/disputes", recorded_dispute),
        ("checkout.session.completed", "/v1/payment_pages/none", paid_page),
        ("customer.subscription.created", "/v1/subscriptions", mirrored_subscription),
        ("customer.subscription.updated", "/v1/subscriptions", mirrored_subscription),
        ("customer.subscription.deleted", "/v1/subscriptions", ended_subscription),
        ("invoice.paid", "/v1/invoices", recorded_invoice),
        ("invoice.payment_failed", "/v1/invoices", no_invoice),
    ],
)
def test_a_script_of_stripes_ends_in_webhooks_and_local_state(event, route, leads_to, stripe, store, trigger):
    if not knows(stripe, route):
        pytest.skip(f"the simulator does not know {route}")
    before = {one.id for one in happened(stripe)}

    trigger(event)

    new = [one for one in happened(stripe) if one.id not in before]
    arrived = received(store, {one.id for one in new})
    assert {one.id for one in new if arrived[one.id].state is DeliveryState.APPLIED} == {
        one.id for one in new if one.type in COMMANDS
    }
    [told, *_] = [one for one in new if one.type == event]
    with store.view() as unit:
        leads_to(unit, told.data.object)


def knows(stripe, route):
    """Ask the simulator: whoever teaches it a route runs the scripts that need it."""
    try:
        stripe.raw_request("get", route)
    except sdk.InvalidRequestError as refusal:
        return "Unrecognized request URL" not in str(refusal)
    return True


def happened(stripe):
    return list(stripe.v1.events.list({"limit": 100}).auto_paging_iter())


def received(store, ids):
    """Wait until all these webhooks have come, and nothing more is to be done for them; return them by id."""
    latest = time.monotonic() + LATEST_SECONDS
    while True:
        with store.view() as unit:
            arrived = unit.inbox.get(ids)
        done = {name for name, one in arrived.items() if one.state in {DeliveryState.APPLIED, DeliveryState.IGNORED}}
        if done == ids:
            return arrived
        assert time.monotonic() < latest, [(one.type, one.state, one.error) for one in arrived.values()]
        time.sleep(0.05)
