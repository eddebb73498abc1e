"""Testing: fixtures for an application's own tests, an offline Stripe, a `Billing` in front of it, and one clock for both.

Enable them in the `conftest.py` at the root of the tests: `pytest_plugins = ["billing_adapters.testing"]`.
What is imported from here may be imported before that: nothing is asserted here (PYTEST_DONT_REWRITE).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import pytest
from stripe import StripeClient

from billing_adapters.memory import MemoryStore, SequentialIds
from billing_adapters.simulator import Delivered, SimulatedStripe
from billing_adapters.stripe.gateway import StripeGateway
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_adapters.web.endpoint import WebhookEndpoint
from billing_core import Billing, Policies

__all__ = ["KEY", "SimulatedClock", "billing", "billing_policies", "clock", "deliver_webhooks", "simulated_stripe"]

KEY = "sk_test_simulated"
_ADDRESS = "https://billing.invalid/webhooks"


class SimulatedClock:
    """The time at the simulated Stripe, as a `Clock`: both go on together."""

    def __init__(self, stripe: SimulatedStripe) -> None:
        """Tell the time of this Stripe."""
        self._stripe = stripe
        self._afterwards: list[Callable[[], object]] = []

    def now(self) -> datetime:
        """Return the simulated moment, in UTC."""
        return self._stripe.now

    def advance(self, by: timedelta) -> datetime:
        """Move on by a while, do what was to be done `afterwards`, and return the new moment."""
        self._stripe.advance(by)
        for do in self._afterwards:
            do()
        return self.now()

    def afterwards(self, do: Callable[[], object]) -> None:
        """Do this each time that the clock was advanced."""
        self._afterwards.append(do)


@pytest.fixture
def simulated_stripe() -> SimulatedStripe:
    """Return an offline Stripe without anything in it, at midnight of January 1st 2026."""
    return SimulatedStripe()


@pytest.fixture
def clock(simulated_stripe: SimulatedStripe) -> SimulatedClock:
    """Return the clock of the simulated Stripe and of `billing`."""
    return SimulatedClock(simulated_stripe)


@pytest.fixture
def billing_policies() -> Policies:
    """Return what the application chose; define a fixture of this name to choose otherwise."""
    return Policies()


@pytest.fixture
def billing(simulated_stripe: SimulatedStripe, clock: SimulatedClock, billing_policies: Policies) -> Iterator[Billing]:
    """Open a `Billing` in memory on the simulated Stripe, whose webhooks come whenever the clock is advanced."""
    client = StripeClient(KEY, http_client=simulated_stripe.http_client())
    endpoint = client.v1.webhook_endpoints.create({"url": _ADDRESS, "enabled_events": ["*"]})
    gateway = StripeGateway(KEY, http_client=simulated_stripe.http_client(), per_second=None, sleep=_without_waiting)
    opened = Billing(
        store=MemoryStore(),
        provider=StripeWebhooks([str(endpoint.secret)]),
        clock=clock,
        ids=SequentialIds(),
        policies=billing_policies,
        gateway=gateway,
    )
    clock.afterwards(partial(_deliver, simulated_stripe, opened))
    yield opened
    gateway.close()


@pytest.fixture
def deliver_webhooks(simulated_stripe: SimulatedStripe, billing: Billing) -> Callable[[], Sequence[Delivered]]:
    """Return a function that lets `billing` receive the webhooks that are due, and returns what came of each."""
    return partial(_deliver, simulated_stripe, billing)


def _deliver(stripe: SimulatedStripe, billing: Billing) -> Sequence[Delivered]:
    endpoint = WebhookEndpoint(billing)

    def send(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        if url != _ADDRESS:
            raise ConnectionRefusedError(f"nobody listens on {url}")
        return endpoint("POST", headers, body).status

    return stripe.deliver(send)


def _without_waiting(_seconds: float) -> None:
    """Let what is asked again be asked at once: the simulated time stands still."""
