"""Deliveries: events on their way to endpoints. What fails is tried again, later and later, by the clock of the world.

Source: https://docs.stripe.com/webhooks. Stripe does not publish the intervals; these are the simulator's: three retries
within a few hours in test mode, and up to three days in live mode.
"""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TypeAlias

from attrs import define, field, frozen

from billing_adapters.simulator.downgrades import downgrade
from billing_adapters.simulator.faults import WebhookFaults
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.relations import related
from billing_adapters.simulator.webhook_endpoints import listening, secret_of
from billing_adapters.simulator.world import World

__all__ = ["Delivered", "Deliveries", "Delivery", "Pending", "Send"]

_MINUTE, _HOUR = 60, 3600
_TEST_MODE = (5 * _MINUTE, _HOUR, 3 * _HOUR)
_LIVE_MODE = (5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, *(10 * _HOUR,) * 6)

Send: TypeAlias = Callable[[str, bytes, Mapping[str, str]], int]


@frozen
class Delivery:
    """One try: what is sent where. `headers` hold a signature that was made now."""

    event_id: str
    event_type: str
    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@frozen
class Delivered:
    """What became of one try: the status of the answer, 0 if there was none."""

    event_id: str
    event_type: str
    url: str
    status: int

    @property
    def succeeded(self) -> bool:
        """Say whether it is done: only 2xx is."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


@define
class Pending:
    """An event that is to be sent to an endpoint."""

    event: JsonObject
    endpoint_id: str
    due: int
    retries: int = 0


@define(eq=False)
class Deliveries:
    """What is on its way. It listens to the events of a world."""

    world: World
    faults: WebhookFaults
    _pending: list[Pending] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        """Hear of every event from now on."""
        self.world.listeners.append(self._enqueue)

    def _enqueue(self, world: World, event: JsonObject) -> None:
        for endpoint in listening(world, event):
            for later in self.faults.sendings(event["type"]):
                self._pending.append(Pending(event, endpoint["id"], world.now + later))
                event["pending_webhooks"] += 1

    def take(self) -> list[Pending]:
        """Take what is due out of the queue, in the order in which it is sent."""
        due = [one for one in self._pending if one.due <= self.world.now]
        self._pending = [one for one in self._pending if one.due > self.world.now]
        return self.faults.ordered(sorted(due, key=lambda one: one.due))

    def put_back(self, taken: list[Pending]) -> None:
        """Take back what was not sent after all."""
        self._pending = [*taken, *self._pending]

    def render(self, pending: Pending) -> Delivery | None:
        """Return what is sent: written in the version of the endpoint, and signed now. None if the endpoint is gone."""
        endpoint = self.world.table("webhook_endpoint").get(pending.endpoint_id)
        if endpoint is None or endpoint["status"] != "enabled":
            self._finish(pending)
            return None
        version = endpoint["api_version"] or self.world.api_version
        event = downgrade(pending.event, version, related(self.world))
        body = json.dumps(event, indent=2).encode()
        headers = _signed(body, secret_of(self.world, endpoint), self.world.now)
        return Delivery(event["id"], event["type"], endpoint["url"], body, headers)

    def record(self, pending: Pending, delivered: Delivered) -> None:
        """Note what became of a try; one that failed is tried again, unless it was the last."""
        waits = _LIVE_MODE if pending.event["livemode"] else _TEST_MODE
        if delivered.succeeded or pending.retries >= len(waits):
            self._finish(pending)
            return
        pending.due = self.world.now + waits[pending.retries]
        pending.retries += 1
        self._pending.append(pending)

    def __len__(self) -> int:
        """Return how many are on their way, now or later."""
        return len(self._pending)

    def _finish(self, pending: Pending) -> None:
        pending.event["pending_webhooks"] -= 1


def _signed(body: bytes, secret: str, now: int) -> dict[str, str]:
    # Importing stripe takes 0.2 s and 20 MB, which nobody should pay who sends nothing.
    from stripe import WebhookSignature  # noqa: PLC0415

    signature = WebhookSignature.generate_signature_header(body.decode(), secret, now)
    return {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature,
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
