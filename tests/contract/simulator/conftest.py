"""A simulated Stripe, and Stripe's own library in front of it."""

import json

import pytest
import stripe as sdk
from conformance import check_answer, check_object

from billing_adapters.simulator import SimulatedStripe

VERSION = "2026-10-28.endive"


@pytest.fixture(autouse=True)
def _no_telemetry(monkeypatch):
    monkeypatch.setattr(sdk, "enable_telemetry", False)


class Conforming(SimulatedStripe):
    """A simulated Stripe that notes what it says in today's version, and not as Stripe's specification wants it."""

    def __init__(self, **options):
        super().__init__(**options)
        self.wrong = []

    def answer(self, call):
        answer = super().answer(call)
        if answer.headers.get("Stripe-Version") == VERSION and answer.headers["Content-Type"] == "application/json":
            said = json.loads(answer.body)
            if "error" in said:
                about = [one for one in said["error"].values() if isinstance(one, dict) and "object" in one]
                self.wrong += [why for one in about for why in check_object(one, strict=True)]
            else:
                self.wrong += check_answer(call.method, call.path, said, strict=True)
        return answer


@pytest.fixture
def stripe():
    conforming = Conforming(seed=7)
    yield conforming
    client = sdk.StripeClient("sk_test_simulated", http_client=conforming.http_client(), stripe_version=VERSION)
    events = client.v1.events.list({"limit": 100}).auto_paging_iter()
    wrong = [why for one in events for why in check_object(one.to_dict(for_json=True), strict=True)]
    assert conforming.wrong + wrong == []


@pytest.fixture
def connect(stripe):
    """Return a function that connects a client to the simulated Stripe."""

    def connected(key="sk_test_simulated", **options):
        return sdk.StripeClient(key, **{"http_client": stripe.http_client(), "stripe_version": VERSION, **options}).v1

    return connected


@pytest.fixture
def api(connect):
    return connect()


@pytest.fixture
def events(stripe):
    """Return a function that tells the types of the new events, oldest first; or of one type, the events."""
    seen = set()
    client = sdk.StripeClient("sk_test_simulated", http_client=stripe.http_client(), stripe_version=VERSION)

    def happened(kind=None):
        every = [one.to_dict() for one in client.v1.events.list({"limit": 100}).auto_paging_iter()]
        new = [one for one in reversed(every) if one["id"] not in seen]
        seen.update(one["id"] for one in new)
        return [one for one in new if one["type"] == kind] if kind else [one["type"] for one in new]

    return happened


@pytest.fixture
def every_event(stripe):
    """Return a function that tells every event that has happened, oldest first, as plain JSON."""
    client = sdk.StripeClient("sk_test_simulated", http_client=stripe.http_client(), stripe_version=VERSION)

    def happened():
        every = [one.to_dict(for_json=True) for one in client.v1.events.list({"limit": 100}).auto_paging_iter()]
        return every[::-1]

    return happened


@pytest.fixture
def gold(api):
    """Make a price of 20.00 a month."""
    product = api.products.create({"name": "Gold", "metadata": {"credits": "100"}})
    return api.prices.create({
        "product": product.id,
        "currency": "usd",
        "unit_amount": 2000,
        "recurring": {"interval": "month"},
    })


@pytest.fixture
def silver(api, gold):
    """Make a price of 10.00 a month."""
    return api.prices.create({
        "product": gold.product,
        "currency": "usd",
        "unit_amount": 1000,
        "recurring": {"interval": "month"},
    })


@pytest.fixture
def with_card(api):
    """Return a function that makes a customer who pays with a card."""

    def customer(card="pm_card_visa"):
        made = api.customers.create({"email": "jenny@example.com"})
        method = api.payment_methods.attach(card, {"customer": made.id})
        settings = {"invoice_settings": {"default_payment_method": method.id}}
        return api.customers.update(made.id, settings)

    return customer


@pytest.fixture
def subscribe(api, gold, with_card):
    """Return a function that subscribes a customer with a card to gold, unless told otherwise."""

    def subscribed(customer=None, card="pm_card_visa", **params):
        who = customer or with_card(card).id
        return api.subscriptions.create({"customer": who, "items": [{"price": gold.id}], **params})

    return subscribed
