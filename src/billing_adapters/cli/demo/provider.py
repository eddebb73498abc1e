"""The provider: an offline Stripe, and what it has to tell, written for endpoints of several versions."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Self

from attrs import field, frozen
from stripe import StripeClient

from billing_adapters.simulator import SimulatedStripe
from billing_adapters.stripe.gateway import StripeGateway

__all__ = ["VERSIONS", "Letter", "Provider"]

VERSIONS = ("2020-08-27", "2022-11-15", "2024-06-20", "2025-03-31.basil", "2026-10-28.endive")

_KEY = "sk_test_simulated"
_ADDRESS = "https://billing.invalid/webhooks"
_HEARD = (
    "coupon.created",
    "customer.created",
    "customer.updated",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.updated",
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice_payment.paid",
    "payment_intent.succeeded",
    "price.created",
    "price.updated",
    "product.created",
    "product.updated",
)


@frozen
class Letter:
    """A signed webhook: an event, as one of the endpoints gets it. Events are numbered as they happened."""

    number: int
    event_type: str
    version: str
    at: datetime
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@frozen
class Provider:
    """A simulated Stripe, as whoever owns the account reaches it; its clock is everybody's.

    Attributes:
        stripe: Stripe itself, for what customers do and for the time.
        client: Stripe's own library under the key of the shop.
        secrets: What the endpoints' webhooks are signed with.
    """

    stripe: SimulatedStripe
    client: StripeClient
    secrets: tuple[str, ...] = field(repr=False)
    _numbers: dict[str, int] = field(factory=dict, repr=False)

    @classmethod
    def opened(cls, now: datetime, *, seed: int = 0, versions: Iterable[str] = VERSIONS) -> Self:
        """Open an account with nothing in it but an endpoint for each of these versions."""
        stripe = SimulatedStripe(seed, now)
        client = StripeClient(_KEY, http_client=stripe.http_client())
        # The SDK's types take literals alone.
        endpoints = [
            client.v1.webhook_endpoints.create({
                "url": _ADDRESS,
                "enabled_events": [*_HEARD],  # type: ignore[list-item]
                "api_version": version,  # type: ignore[typeddict-item]
            })
            for version in versions
        ]
        return cls(stripe, client, tuple(str(one.secret) for one in endpoints))

    def gateway(self) -> StripeGateway:
        """Return how the application asks this Stripe: at once, as the simulated time stands still meanwhile."""
        return StripeGateway(_KEY, http_client=self.stripe.http_client(), per_second=None, sleep=lambda _: None)

    def now(self) -> datetime:
        """Return the simulated moment, in UTC."""
        return self.stripe.now

    def wait(self, until: datetime) -> None:
        """Let time pass, and happen what falls due."""
        self.stripe.advance(until - self.stripe.now)

    def letters(self) -> tuple[Letter, ...]:
        """Take everything that is to be delivered: each event once for every endpoint, in the order of events."""
        found: list[Letter] = []

        def collect(_url: str, body: bytes, headers: Mapping[str, str]) -> int:
            found.append(self._letter(body, headers))
            return 200

        self.stripe.deliver(collect)
        return tuple(found)

    def _letter(self, body: bytes, headers: Mapping[str, str]) -> Letter:
        event = json.loads(body)
        number = self._numbers.setdefault(event["id"], len(self._numbers) + 1)
        at = datetime.fromtimestamp(event["created"], UTC)
        return Letter(number, event["type"], event["api_version"], at, body, headers)
