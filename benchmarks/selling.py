"""Selling: how much the gateway adds to Stripe's own library, both asking the same offline Stripe in this process."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import stripe

from benchmarks.databases import sqlite
from benchmarks.rounds import Rate
from billing_adapters.simulator import SimulatedStripe
from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine
from billing_adapters.stripe.gateway import StripeGateway
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_adapters.system import SystemClock, Uuid7Ids
from billing_core import Billing

__all__ = ["Shop", "calls", "shop", "syncs"]

_KEY = "sk_test_benchmark"
_AT_ONCE = 50  # calls between two looks at the clock


class Shop:
    """A simulated Stripe that sells so many products, each at a price, the library that asks it, and the gateway."""

    def __init__(self, products: int) -> None:
        """Fill the shelves."""
        simulated = SimulatedStripe(seed=1, now=datetime.now(UTC))
        self.client = stripe.StripeClient(_KEY, http_client=simulated.http_client())
        self.gateway = StripeGateway(_KEY, http_client=simulated.http_client(), per_second=None, now=lambda: simulated.now)
        metadata = {"credit_amount": "100", "credit_type": "payg", "plan_tier": "pro"}
        for number in range(products):
            made = self.client.v1.products.create({"name": f"Pack {number}", "metadata": metadata})
            self.client.v1.prices.create({"product": made.id, "currency": "usd", "unit_amount": 500})
        self.customer = self.client.v1.customers.create({"email": "ann@example.com"}).id


@contextmanager
def shop(products: int) -> Iterator[Shop]:
    """Open a shop for as long as the block lasts."""
    opened = Shop(products)
    try:
        yield opened
    finally:
        opened.gateway.close()


def calls(opened: Shop) -> tuple[Rate, Rate]:
    """Return how fast the library asks for one customer, and how fast the gateway does."""
    return _often(lambda: opened.client.v1.customers.retrieve(opened.customer)), _often(
        lambda: opened.gateway.fetch(opened.customer)
    )


@contextmanager
def syncs(opened: Shop) -> Iterator[tuple[Rate, Rate]]:
    """Give how fast the library pages through products and prices, and how fast a sync of them is; in objects a second."""

    def paged() -> int:
        lists = (opened.client.v1.products, opened.client.v1.prices)
        return sum(1 for one in lists for _ in one.list({"limit": 100}).auto_paging_iter())

    with sqlite() as url:
        engine = open_engine(url)
        billing = Billing(
            store=SqlAlchemyStore(engine),
            provider=StripeWebhooks(("whsec_none",)),
            gateway=opened.gateway,
            clock=SystemClock(),
            ids=Uuid7Ids(),
        )

        def synced() -> int:
            report = billing.catalog.sync()
            return report.products.listed + report.prices.listed

        try:
            synced()  # the first time everything is new, which happens once
            yield _whole(paged), _whole(synced)
        finally:
            engine.dispose()


def _whole(work: Callable[[], int]) -> Rate:
    """Return how fast something long is done once, however many seconds that takes."""

    def rate(_seconds: float) -> float:
        begun = time.perf_counter()
        return work() / (time.perf_counter() - begun)

    return rate


def _often(work: Callable[[], object]) -> Rate:
    def rate(seconds: float) -> float:
        begun, done = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            for _ in range(_AT_ONCE):
                work()
            done += _AT_ONCE
        return done / (time.perf_counter() - begun)

    return rate
