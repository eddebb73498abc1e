"""The gateway: what the core orders from Stripe, and asks it, through Stripe's own SDK."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from billing_adapters.stripe import answering, finding, history, listing, previewing
from billing_adapters.stripe.budget import Budget
from billing_adapters.stripe.calls import Answer, Calls, named
from billing_adapters.stripe.errors import IDEMPOTENCY, unreadable
from billing_adapters.stripe.keys import Key
from billing_adapters.stripe.ordering import requested
from billing_adapters.stripe.payers import paying_now
from billing_core.domain.orders import (
    CancelSubscription,
    ChangePlan,
    CreateCustomer,
    IssuedInvoice,
    OpenPortal,
    Order,
    Placed,
    Preview,
    TakePayment,
)
from billing_core.domain.pages import EventPage, Page
from billing_core.domain.products import Price, Product
from billing_core.errors import Invalid, Malformed, ProviderRefused

if TYPE_CHECKING:
    import stripe

__all__ = ["StripeGateway"]

_TIMEOUT = timedelta(seconds=20)
# Stripe takes 25 a second; the four that may leave at once after a pause, and one to spare, come off that.
_PER_SECOND = 20.0


class StripeGateway:
    """Stripe, as a `PaymentProvider`. One gateway serves any number of threads; it connects when it is first asked.

    Every method raises `Invalid` for an id that cannot be one, before anything is sent.

    Args:
        key: A secret or restricted key; it says whether real money moves, and is never shown.
        http_client: Who makes the requests instead of the SDK's own client, such as a simulator's.
        base_address: Where Stripe is, if it is not where it always is: `http://127.0.0.1:12111`.
        timeout: How long to wait for an answer, each time that it is asked for; an own `http_client` has its own.
        per_second: How many requests leave in a second for one kind of object, or in all with a test key; None: as come.
        now: What time it is at Stripe; None: what its answers say.
        sleep: How to wait, in seconds.

    Raises:
        Invalid: The key is no key for this, or the time-out or the budget is not above zero.
    """

    def __init__(
        self,
        key: str,
        *,
        http_client: "stripe.HTTPClient | None" = None,
        base_address: str | None = None,
        timeout: timedelta = _TIMEOUT,
        per_second: float | None = _PER_SECOND,
        now: Callable[[], datetime] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if timeout <= timedelta():
            raise Invalid("timeout", "must be above zero")
        if per_second is not None and per_second <= 0:
            raise Invalid("per_second", "must be above zero, or None for no limit")
        self._key = Key.of(key)
        budget = Budget(per_second, sleep=sleep) if per_second else None
        self._calls = Calls(self._key, http_client, base_address, timeout, budget, now, sleep)

    def __repr__(self) -> str:
        """Tell the mode, and nothing of the key."""
        return f"StripeGateway(livemode={self.livemode})"

    @property
    def livemode(self) -> bool:
        """Whether the key moves real money."""
        return self._key.livemode

    def close(self) -> None:
        """Close the connections of this thread."""
        self._calls.close()

    def place(self, order: Order, key: str) -> Placed:
        """Do what is ordered, once for a key: see `PaymentProvider.place`.

        An answer that Stripe gives again, as it was the first time, is looked up anew. A customer is looked for first, for
        the same account may ask for one when Stripe has long forgotten the key.

        Raises:
            ProviderDeclined: Whoever was to pay said no.
        """
        request = requested(paying_now(self._calls, order), named(key, "key"))
        known = self._created_before(order, key)
        if known:
            return answering.placed(known)
        try:
            answer = self._calls.send(request, key)
        except ProviderRefused as refusal:
            done = self._done_before(order, key, refusal.code)
            if done is None:
                raise
            return done
        if answer.replayed and not isinstance(order, OpenPortal):
            answer = finding.fetched(self._calls, str(answer.object.get("id")))
        return answering.placed(answer)

    def _created_before(self, order: Order, key: str) -> Answer | None:
        if not isinstance(order, CreateCustomer):
            return None
        with suppress(ProviderRefused), _readable():  # in some countries Stripe does not search
            return finding.created(self._calls, order, key)
        return None

    def _done_before(self, order: Order, key: str, code: str) -> Placed | None:
        """Return what was done already, where that is what was ordered.

        Who creates a customer may say another name the second time; who is charged, have another card by then.
        """
        if isinstance(order, CancelSubscription):
            answer = finding.fetched(self._calls, order.subscription)
            return answering.placed(answer) if finding.ended(answer.object) else None
        if code == IDEMPOTENCY and isinstance(order, CreateCustomer | TakePayment):
            return self.find(order, key)
        return None

    def find(self, order: Order, key: str) -> Placed | None:
        """Return what became of an order: see `PaymentProvider.find`.

        Raises:
            ProviderDeclined: It was to be paid at once, and whoever was to pay said no.
        """
        with _readable():
            return finding.found(self._calls, order, named(key, "key"))

    def fetch(self, placed: str) -> Placed:
        """Return what Stripe says now of something that it placed."""
        return answering.placed(finding.fetched(self._calls, placed))

    def preview(self, change: ChangePlan, at: datetime) -> Preview:
        """Return what a change of plan would cost at a moment: the invoice that it would lead to."""
        with _readable():
            return previewing.previewed(self._calls, change, at)

    def invoices(self, customer: str, limit: int = 100) -> Sequence[IssuedInvoice]:
        """Return at most `limit` invoices of a customer, the latest first."""
        with _readable():
            return listing.invoices(self._calls, named(customer, "customer"), limit)

    def products(self, after: str | None = None) -> Page[Product]:
        """Return at most a hundred of all products."""
        return listing.products(self._calls, after)

    def prices(self, after: str | None = None) -> Page[Price]:
        """Return at most a hundred of all prices."""
        return listing.prices(self._calls, after)

    def events(self, after: str | None = None) -> EventPage:
        """Return at most a hundred events of the last 30 days, the earliest first, in the version they were made in.

        Without `after`, some thirty requests find the earliest.
        """
        return history.events(self._calls, after)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except Malformed as what:
        raise unreadable(what) from None
