"""The memory store: what was committed, and the units that read and write it.

One unit writes at a time: the next one waits for it, and gives up after a while. Units that only read wait for nobody.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from threading import Lock

from attrs import field, frozen

from billing_adapters.memory.cursors import MemoryCursors
from billing_adapters.memory.inbox import MemoryInbox
from billing_adapters.memory.intents import MemoryIntents
from billing_adapters.memory.ledger import Ledgered, MemoryLedger
from billing_adapters.memory.mirrors import (
    MemoryCustomers,
    MemoryDisputes,
    MemoryPrices,
    MemoryProducts,
    MemoryRefunds,
    MemorySubscriptions,
)
from billing_adapters.memory.outbox import MemoryOutbox
from billing_adapters.memory.payments import MemoryPayments
from billing_adapters.memory.tables import Life, Table
from billing_adapters.memory.topups import MemoryTopUps
from billing_core.domain.credits import AccountId
from billing_core.domain.customers import Customer
from billing_core.domain.events import Message
from billing_core.domain.intents import Intent
from billing_core.domain.mirrors import Mirrored
from billing_core.domain.payments import Invoice, Payment
from billing_core.domain.products import Price, Product
from billing_core.domain.refunds import Dispute, Refund
from billing_core.domain.subscriptions import Subscription
from billing_core.domain.topups import TopUp
from billing_core.domain.webhooks import Delivery
from billing_core.errors import Invalid, StoreUnavailable

__all__ = ["MemoryStore", "MemoryUnit"]


@frozen
class Committed:
    """The whole store at one moment; nothing in it is ever changed."""

    products: Mapping[str, Mirrored[Product]] = field(factory=dict)
    prices: Mapping[str, Mirrored[Price]] = field(factory=dict)
    past_products: Mapping[tuple[str, int], Mirrored[Product]] = field(factory=dict)
    past_prices: Mapping[tuple[str, int], Mirrored[Price]] = field(factory=dict)
    customers: Mapping[str, Mirrored[Customer]] = field(factory=dict)
    subscriptions: Mapping[str, Mirrored[Subscription]] = field(factory=dict)
    payments: Mapping[str, Payment] = field(factory=dict)
    invoices: Mapping[str, Invoice] = field(factory=dict)
    accounts: Mapping[AccountId, Ledgered] = field(factory=dict)
    top_ups: Mapping[AccountId, TopUp] = field(factory=dict)
    intents: Mapping[str, Intent] = field(factory=dict)
    places: Mapping[str, str] = field(factory=dict)
    deliveries: Mapping[str, Delivery] = field(factory=dict)
    messages: Mapping[str, Message] = field(factory=dict)
    delivered: Mapping[str, datetime] = field(factory=dict)
    settled: Mapping[str, str] = field(factory=dict)
    refunds: Mapping[str, Mirrored[Refund]] = field(factory=dict)
    disputes: Mapping[str, Mirrored[Dispute]] = field(factory=dict)


class MemoryUnit:
    """One transaction: its own view of every collection."""

    def __init__(self, committed: Committed, life: Life, keep: Callable[[Committed], None]) -> None:
        """See what was committed, and give what is to be kept to `keep`."""
        self._life = life
        self._keep = keep
        self._products = Table(committed.products, life)
        self._prices = Table(committed.prices, life)
        self._past_products = Table(committed.past_products, life)
        self._past_prices = Table(committed.past_prices, life)
        self._customers = Table(committed.customers, life)
        self._subscriptions = Table(committed.subscriptions, life)
        self._payments = Table(committed.payments, life)
        self._invoices = Table(committed.invoices, life)
        self._accounts = Table(committed.accounts, life)
        self._top_ups = Table(committed.top_ups, life)
        self._intents = Table(committed.intents, life)
        self._places = Table(committed.places, life)
        self._deliveries = Table(committed.deliveries, life)
        self._messages = Table(committed.messages, life)
        self._delivered = Table(committed.delivered, life)
        self._settled = Table(committed.settled, life)
        self._refunds = Table(committed.refunds, life)
        self._disputes = Table(committed.disputes, life)
        self.products = MemoryProducts(self._products, self._past_products)
        self.prices = MemoryPrices(self._prices, self._past_prices)
        self.customers = MemoryCustomers(self._customers)
        self.subscriptions = MemorySubscriptions(self._subscriptions)
        self.payments = MemoryPayments(self._payments, self._invoices, self._settled)
        self.ledger = MemoryLedger(self._accounts, self._top_ups)
        self.top_ups = MemoryTopUps(self._top_ups)
        self.intents = MemoryIntents(self._intents)
        self.cursors = MemoryCursors(self._places)
        self.inbox = MemoryInbox(self._deliveries)
        self.outbox = MemoryOutbox(self._messages, self._delivered)
        self.refunds = MemoryRefunds(self._refunds)
        self.disputes = MemoryDisputes(self._disputes)

    def commit(self) -> None:
        """Keep everything that this unit wrote.

        Raises:
            Conflict: One of its writes was refused: nothing is kept.
            Invalid: It only reads, or ended before.
        """
        self._life.check()
        after = Committed(
            products=self._products.rows,
            prices=self._prices.rows,
            past_products=self._past_products.rows,
            past_prices=self._past_prices.rows,
            customers=self._customers.rows,
            subscriptions=self._subscriptions.rows,
            payments=self._payments.rows,
            invoices=self._invoices.rows,
            accounts=self._accounts.rows,
            top_ups=self._top_ups.rows,
            intents=self._intents.rows,
            places=self._places.rows,
            deliveries=self._deliveries.rows,
            messages=self._messages.rows,
            delivered=self._delivered.rows,
            settled=self._settled.rows,
            refunds=self._refunds.rows,
            disputes=self._disputes.rows,
        )
        self._keep(after)


class MemoryStore:
    """A database in plain memory, shared by any number of threads."""

    def __init__(self, patience: timedelta = timedelta(seconds=30)) -> None:
        """Start empty. `patience` is how long a unit waits for the one that writes."""
        self._committed = Committed()
        self._writing = Lock()
        self._patience = patience

    @contextmanager
    def begin(self) -> Iterator[MemoryUnit]:
        """Open a unit that may write, once no other one does.

        Raises:
            StoreUnavailable: Another unit writes for longer than this store's patience.
        """
        if not self._writing.acquire(timeout=self._patience.total_seconds()):
            raise StoreUnavailable("another unit is still open")
        with ExitStack() as turn:
            life = Life()
            turn.callback(self._writing.release)
            turn.callback(life.end, Invalid("unit", "is over: open another one"))
            yield MemoryUnit(self._committed, life, partial(self._publish, turn))

    @contextmanager
    def view(self) -> Iterator[MemoryUnit]:
        """Open a unit that only reads, and sees the store as it is now until the unit ends."""
        life = Life()
        life.end(Invalid("unit", "only reads: open one that writes with `begin`"))
        with ExitStack() as turn:
            yield MemoryUnit(self._committed, life, partial(self._publish, turn))

    def _publish(self, turn: ExitStack, after: Committed) -> None:
        self._committed = after
        turn.close()
