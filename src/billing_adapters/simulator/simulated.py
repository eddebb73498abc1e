"""The simulated Stripe: a world, the service that answers for it, and what is delivered from it, behind one lock."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Literal

from billing_adapters.simulator import checkout_paying, disputes, intents, pages, refunds, setups, subscribing
from billing_adapters.simulator.deliveries import Delivered, Deliveries, Delivery, Pending, Send
from billing_adapters.simulator.exchange import Answer, Call
from billing_adapters.simulator.faults import Faults
from billing_adapters.simulator.limits import RateLimit
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.resources import all_routes
from billing_adapters.simulator.service import Service
from billing_adapters.simulator.versions import known_version
from billing_adapters.simulator.world import VERSION, Caller, World

if TYPE_CHECKING:
    from stripe import HTTPClient

__all__ = ["SimulatedStripe"]

_START = datetime(2026, 1, 1, tzinfo=UTC)


class SimulatedStripe:
    """Stripe, offline and in memory: the same seed and the same calls give the same bytes. Safe to use from threads.

    Args:
        seed: What ids and secrets are made from.
        now: Where the clock begins; aware. It stands still until it is advanced.
        api_version: The account's own version: events are written in it, and answers to requests that name none.
        site: Where the pages are that objects name: the address of the HTTP door, if it is used.
        running: A clock that runs by itself, such as `lambda: datetime.now(UTC)`; `now` is then where it stands, and
            advancing the simulated clock puts it ahead of that one.

    Attributes:
        faults: What will go wrong, on demand.
    """

    def __init__(
        self,
        seed: int = 0,
        now: datetime = _START,
        *,
        api_version: str = VERSION,
        site: str = "https://stripe.simulator.invalid",
        running: Callable[[], datetime] | None = None,
    ) -> None:
        """Begin with nothing."""
        begins = running() if running else now
        self._running = running
        self._ahead = timedelta()
        self._lock = threading.RLock()
        self._world = World(Random(seed), int(begins.timestamp()), known_version(api_version), site)  # noqa: S311 - seeded on purpose
        self._service = Service(self._world, all_routes())
        self.faults: Faults = self._service.faults
        self._deliveries = Deliveries(self._world, self.faults.webhooks)

    # Requests -------------------------------------------------------------------------------------------------------------

    def answer(self, call: Call) -> Answer:
        """Answer a request, whichever door it came through.

        Raises:
            Silent: A fault was asked for, and no answer arrives.
        """
        with self._lock:
            self._catch_up()
            return self._service.answer(call)

    def http_client(self) -> "HTTPClient":
        """Return a client for `stripe.StripeClient(key, http_client=...)`, which needs no socket."""
        from billing_adapters.simulator.sdk import InProcess  # noqa: PLC0415 - see there

        return InProcess(self.answer)

    def revoke_key(self, key: str) -> None:
        """Let a key be good no more."""
        with self._lock:
            self._service.revoked_keys.add(key)

    def limit_rate(self, per_second: int = 25, clock: Callable[[], float] | None = None) -> None:
        """Answer 429 to whoever asks an endpoint more often, by the simulated clock or by one of seconds; 0 ends it."""
        with self._lock:
            counted = clock or (lambda: float(self._world.now))
            self._service.rate_limit = RateLimit(counted, per_second) if per_second else None

    # What customers and banks do -----------------------------------------------------------------------------------------

    def pay(
        self,
        session_id: str,
        card: str = "4242424242424242",
        *,
        email: str = "customer@example.com",
        promotion_code: str | None = None,
        authenticates: bool = True,
    ) -> str:
        """Let a customer pay in a Checkout Session, as on its page, and return where they go next.

        Args:
            session_id: A session of any mode that is open.
            card: The number of a test card.
            email: What they say when they are asked.
            promotion_code: What they enter first.
            authenticates: Whether they confirm the payment if their card wants that, or fail to.

        Raises:
            ValueError: There is no such session.
            Refused: The card is declined, and the session stays open; or it is open no more.
        """
        with self._lock:
            self._catch_up()
            session = self._existing(checkout_paying.KIND, session_id)
            with self._world.called_by(Caller(session["livemode"])):
                if promotion_code:
                    checkout_paying.use_code(self._world, session, promotion_code)
                details = {"number": card, "exp_month": 12, "exp_year": self.now.year + 1, "cvc": "123"}
                checkout_paying.pay(self._world, session, checkout_paying.Payer(details, email))
                if checkout_paying.waits_for(self._world, session):
                    checkout_paying.authenticate(self._world, session, succeeded=authenticates)
            return checkout_paying.return_url(session)

    def page(self, call: Call) -> Answer:
        """Answer whoever looks at a page that an object names, such as that of a Checkout Session, or sends its form."""
        with self._lock:
            self._catch_up()
            return pages.page(self._world, call)

    def authenticate(self, intent_id: str, *, succeeded: bool = True) -> None:
        """Let the owner of a card confirm a payment or setup intent that requires action, or fail to.

        Raises:
            ValueError: There is no such intent, or it does not wait for this.
        """
        with self._lock:
            self._catch_up()
            kind = "setup_intent" if intent_id.startswith("seti_") else "payment_intent"
            intent = self._existing(kind, intent_id)
            if intent["status"] != "requires_action":
                raise ValueError(f"{intent_id} does not wait for authentication: it is {intent['status']}")
            finish = setups.authenticated if kind == "setup_intent" else intents.authenticated
            with self._world.called_by(Caller(intent["livemode"])):
                finish(self._world, intent, succeeded=succeeded)
                checkout_paying.settle(self._world, intent)

    def return_url(self, intent_id: str) -> str | None:
        """Return where the owner of a card goes after having authenticated an intent, or None."""
        with self._lock:
            kind = "setup_intent" if intent_id.startswith("seti_") else "payment_intent"
            action = (self._world.table(kind).get(intent_id) or {}).get("next_action") or {}
            back = action.get("redirect_to_url", {}).get("return_url")
            return str(back) if back else None

    def settle_refund(self, refund_id: str, status: Literal["succeeded", "failed"]) -> None:
        """Let a refund succeed that was pending, or let it fail.

        Raises:
            ValueError: There is no such refund, or it has failed already.
        """
        with self._lock:
            self._catch_up()
            refund = self._existing("refund", refund_id)
            if refund["status"] in {"failed", status}:
                raise ValueError(f"{refund_id} is {refund['status']} already")
            with self._world.called_by(Caller(self._world.livemode_of(refund))):
                refunds.settle(self._world, refund, status)

    def dispute(self, charge_id: str, reason: str = "fraudulent", *, inquiry: bool = False) -> str:
        """Let the owner of a card dispute a charge, or the bank ask about it, and return the id of the dispute.

        Raises:
            ValueError: There is no such charge.
        """
        with self._lock:
            self._catch_up()
            charge = self._existing("charge", charge_id)
            with self._world.called_by(Caller(charge["livemode"])):
                return str(disputes.opened(self._world, charge, reason, inquiry=inquiry)["id"])

    def after_last_retry(self, behavior: Literal["cancel", "mark_unpaid", "leave_past_due"]) -> None:
        """Say what becomes of a subscription when the last retry of a renewal has failed; it is canceled otherwise.

        Raises:
            ValueError: It is none of these.
        """
        if behavior not in subscribing.AFTER_LAST_RETRY:
            raise ValueError(f"it must be cancel, mark_unpaid or leave_past_due, not {behavior!r}")
        with self._lock:
            subscribing.settings(self._world)["after_last_retry"] = behavior

    def _existing(self, kind: str, object_id: str) -> JsonObject:
        found = self._world.table(kind).get(object_id)
        if found is None:
            raise ValueError(f"there is no {kind} {object_id}")
        return found

    # Time -----------------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The simulated time."""
        with self._lock:
            self._catch_up()
            return datetime.fromtimestamp(self._world.now, UTC)

    def advance(self, by: timedelta) -> None:
        """Move the clock forward; what falls due meanwhile happens, in order of time."""
        with self._lock:
            self._catch_up()
            self._ahead += by
            self._world.advance(self._world.now + int(by.total_seconds()))

    def _catch_up(self) -> None:
        if self._running:
            self._world.advance(int((self._running() + self._ahead).timestamp()))

    # Webhooks -------------------------------------------------------------------------------------------------------------

    @property
    def pending_deliveries(self) -> int:
        """How many webhooks are on their way, now or later."""
        with self._lock:
            return len(self._deliveries)

    def deliver(self, send: Send) -> list[Delivered]:
        """Hand every webhook that is due to a function, which returns the status of the answer, and say what came of each.

        The function gets the address, the body and the headers. It may call this simulator; if it raises `OSError`, nobody
        answered; if anything else, what was not sent yet waits for the next time. What fails is due again
        later, by the simulated clock.
        """
        with self._lock:
            self._catch_up()
            due = self._deliveries.take()
        results = []
        try:
            while due:
                delivered = self._deliver_one(due[0], send)
                results += [delivered] if delivered else []
                del due[0]
        finally:
            with self._lock:
                self._deliveries.put_back(due)
        return results

    def _deliver_one(self, pending: Pending, send: Send) -> Delivered | None:
        with self._lock:
            delivery = self._deliveries.render(pending)
        if delivery is None:
            return None
        delivered = _sent(send, delivery)  # without the lock: whoever receives it may call back
        with self._lock:
            self._deliveries.record(pending, delivered)
        return delivered

    def __repr__(self) -> str:
        """Say when it is."""
        return f"SimulatedStripe(now={self.now.isoformat()})"


def _sent(send: Send, delivery: Delivery) -> Delivered:
    try:
        status = send(delivery.url, delivery.body, delivery.headers)
    except OSError:
        status = 0
    return Delivered(delivery.event_id, delivery.event_type, delivery.url, status)
