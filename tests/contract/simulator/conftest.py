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
