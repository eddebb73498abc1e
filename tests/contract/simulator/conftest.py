"""A simulated Stripe, and Stripe's own library in front of it."""

import pytest
import stripe as sdk

from billing_adapters.simulator import SimulatedStripe

VERSION = "2026-10-28.endive"


@pytest.fixture(autouse=True)
def _no_telemetry(monkeypatch):
    monkeypatch.setattr(sdk, "enable_telemetry", False)


@pytest.fixture
def stripe():
    return SimulatedStripe(seed=7)


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
