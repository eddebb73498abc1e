"""Ports: everything the core asks of the world outside, on one page.

A stranger implements these and proves it with the contracts in `billing_core.testing`. All times are aware UTC. Reads speak
in plurals, one is a batch of one; what is not there is absent from the answer. "By id" is the order of code points, and
equals are in that order. A write that somebody else overtook raises `Conflict`, a database that does not answer
`StoreUnavailable`; after either, and after any other refusal, nothing of the unit is kept, even if it goes on.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol, TypeVar

from billing_core.domain.credits import Account, AccountId, Change, Entry, Needs
from billing_core.domain.customers import Customer
from billing_core.domain.events import Message
from billing_core.domain.intents import Intent
from billing_core.domain.mirrors import Mirrorable, Mirrored
from billing_core.domain.orders import ChangePlan, IssuedInvoice, Order, Placed, Preview
from billing_core.domain.pages import EventPage, Page
from billing_core.domain.payments import Invoice, Payment, Settlement
from billing_core.domain.products import Price, Product
from billing_core.domain.refunds import Dispute, Refund
from billing_core.domain.subscriptions import Subscription
from billing_core.domain.topups import TopUp
from billing_core.domain.webhooks import Delivery, DeliveryState, Webhook

__all__ = [
    "Clock",
    "Cursors",
    "Customers",
    "Disputes",
    "Folding",
    "Ids",
    "Inbox",
    "Intents",
    "Ledger",
    "Listed",
    "Mirror",
    "Outbox",
    "PaymentProvider",
    "Payments",
    "Prices",
    "Products",
    "Refunds",
    "Store",
    "Subscriptions",
    "TopUps",
    "UnitOfWork",
    "WebhookSource",
]

A = TypeVar("A")
Q = TypeVar("Q")
T = TypeVar("T", bound=Mirrorable)


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware and in UTC."""


class Ids(Protocol):
    """Makes names that nobody made before."""

    def new(self) -> str:
        """Return a new id; later ids sort after earlier ones of the same process."""


class Folding(Protocol):
    """Lets callers that wait for the same thing share one turn."""

    def fold(self, lane: Hashable, one: Q, together: Callable[[Sequence[Q]], Sequence[A]]) -> A:
        """Return what `together` answers to `one`, asked alone or with what others ask in the same lane meanwhile.

        Of one lane nothing is asked while an answer is still awaited. Answers come in the order of the questions; what
        `together` raises, all of its askers get; what interrupts one of them, only that one.
        """


class WebhookSource(Protocol):
    """Reads what one provider sends."""

    def verify(self, body: bytes, headers: Mapping[str, str], now: datetime) -> None:
        """Make sure that the provider itself sent exactly these bytes, lately; header names are in any case.

        Raises:
            WebhookRejected: It did not, or that cannot be told; whatever the input, nothing else is raised.
        """

    def parse(self, body: bytes) -> Webhook:
        """Read verified bytes, in any version of the provider's API, also years later.

        An event whose object cannot be read is a webhook all the same, with `unreadable` set: it must not be lost.

        Raises:
            Malformed: The bytes are no event of this provider.
        """


class PaymentProvider(Protocol):
    """Does what is ordered, and tells what it knows. It is never asked inside a transaction.

    Every method raises `ProviderUnavailable` if no answer came, so that nobody knows whether anything was done;
    `ProviderDenied` if the provider does not take the key; and `ProviderRefused` if it would not do this, or knows nothing
    by that name. None repeats what was declined.
    """

    def place(self, order: Order, key: str) -> Placed:
        """Do what is ordered, once for a key, however often it is asked within a day; say what it led to.

        What is created carries the key in its metadata, so that `find` finds it. To end what has ended already, and to
        create a customer that the key created before, is to have done it.

        Raises:
            ProviderDeclined: Whoever was to pay said no.
        """

    def find(self, order: Order, key: str) -> Placed | None:
        """Return what became of an order that was placed under this key at least an hour ago, if anything did."""

    def fetch(self, placed: str) -> Placed:
        """Return what the provider says now of something that it placed, by the `id` that it gave it."""

    def preview(self, change: ChangePlan, at: datetime) -> Preview:
        """Return what a change of plan would cost at a moment, without making it."""

    def invoices(self, customer: str, limit: int = 100) -> Sequence[IssuedInvoice]:
        """Return at most `limit` invoices of a customer, the latest first."""

    def products(self, after: str | None = None) -> Page[Product]:
        """Return some of all products, archived ones too, that come after a cursor; the first ones without one."""

    def prices(self, after: str | None = None) -> Page[Price]:
        """Return some of all prices, archived ones too, whole with tiers and other currencies, likewise."""

    def events(self, after: str | None = None) -> EventPage:
        """Return some events that came after the one that `after` names, the earliest first.

        Without `after` the earliest that the provider still has. The bodies are what `WebhookSource.parse` reads.
        """


class Mirror(Protocol[T]):
    """Local copies of one kind of the provider's objects."""

    def get(self, ids: Iterable[str]) -> Mapping[str, Mirrored[T]]:
        """Return those that are known, deleted ones too."""

    def put(self, snapshot: Mirrored[T]) -> None:
        """Write a snapshot over the one that has its `version` (0: over none) and raise that version by one.

        Raises:
            Conflict: The stored version is another one.
        """

    def put_all(self, snapshots: Iterable[Mirrored[T]]) -> None:
        """Write snapshots of different objects, each as `put` does.

        Raises:
            Conflict: One of the stored versions is another one.
        """


class Listed(Mirror[T], Protocol):
    """Local copies of what the provider can list from end to end, with what they said before."""

    def live(self, *, after: str | None = None, before: datetime | None = None, limit: int = 100) -> Sequence[Mirrored[T]]:
        """Return at most `limit` that were not deleted and whose id comes after another, by id.

        `before`: only those whose place in history is earlier than that moment.
        """

    def remember(self, snapshots: Iterable[Mirrored[T]]) -> None:
        """Keep snapshots as they were stored, with their versions, before something else is written over them.

        Raises:
            Conflict: The version of an object was kept before.
        """

    def past(self, object_id: str) -> Sequence[Mirrored[T]]:
        """Return what was kept of an object, by version."""


class Products(Listed[Product], Protocol):
    """The products."""

    def all(self) -> Sequence[Product]:
        """Return every product, deleted ones too, by id."""


class Prices(Listed[Price], Protocol):
    """The prices."""

    def of_products(self, products: Iterable[str]) -> Sequence[Price]:
        """Return every price of these products, deleted ones too, by id."""


class Customers(Mirror[Customer], Protocol):
    """The customers."""

    def of_account(self, account: str) -> Sequence[Customer]:
        """Return the customers linked to an account, deleted ones too, by id."""


class Subscriptions(Mirror[Subscription], Protocol):
    """The subscriptions."""

    def of_account(self, account: str) -> Sequence[Subscription]:
        """Return the subscriptions that are linked to an account, ended ones too, by id."""

    def of_customer(self, customer: str) -> Sequence[Mirrored[Subscription]]:
        """Return the subscriptions of a customer, ended ones too, by id."""


class Refunds(Mirror[Refund], Protocol):
    """The refunds of payments."""

    def of_payments(self, payments: Iterable[str]) -> Sequence[Refund]:
        """Return every refund of these payments, failed ones too, by id."""


class Disputes(Mirror[Dispute], Protocol):
    """The disputes of payments."""

    def of_payments(self, payments: Iterable[str]) -> Sequence[Dispute]:
        """Return every dispute of these payments, decided ones too, by id."""


class Payments(Protocol):
    """Money that arrived. What is recorded is never changed: recording it again does nothing and returns False."""

    def record_payment(self, payment: Payment) -> bool:
        """Keep a payment, unless its id is known; return whether it was new."""

    def record_invoice(self, invoice: Invoice) -> bool:
        """Keep a paid invoice with its lines, unless its id is known; return whether it was new."""

    def invoices(self, ids: Iterable[str]) -> Mapping[str, Invoice]:
        """Return those that are recorded, with their lines in order."""

    def payments_of(self, account: str) -> Sequence[Payment]:
        """Return the payments that name an account, oldest first, then by id."""

    def invoices_of(self, subscription: str) -> Sequence[Invoice]:
        """Return the paid invoices of a subscription, oldest first, then by id."""

    def payments(self, ids: Iterable[str], *, lock: bool = False) -> Mapping[str, Payment]:
        """Return those that are recorded. `lock`: nobody else gets them locked until the unit ends."""

    def record_settlement(self, settlement: Settlement) -> bool:
        """Keep which invoice a payment was made for, unless that is known; return whether it was new."""

    def settled_by(self, payments: Iterable[str]) -> Mapping[str, str]:
        """Return which invoice each of these payments was made for, where that is recorded."""

    def settling(self, invoice: str) -> Sequence[str]:
        """Return the payments that were made for an invoice, by id."""


class Ledger(Protocol):
    """Accounts of credits. An account that was never written is an empty one, at version 0."""

    def load(self, needs: Iterable[Needs], *, lock: bool = False) -> Mapping[AccountId, Account]:
        """Return every account asked for: its books, open lots, open holds, and what else the needs name.

        Those are the entries behind the keys, the lots behind the sources and the holds with the numbers, also closed ones;
        as `related` the entries with the numbers and those whose `of` is one of them, with all lots that the former moved
        something on; and, if they ask for what was `repaid`, the lots whose `owed` is above zero. Lots, holds and related
        entries come in the order of their numbers. `top_up_below` is what the account's top-up is `watched_below`.

        `lock`: nobody else writes these accounts until the unit ends. It saves a caller that lost a race from losing again.
        """

    def record(self, changes: Iterable[Change], *, last: bool = False) -> None:
        """Write what was decided: the books, the lots, and the entries, which are never changed afterwards.

        `last`: the caller commits next, so that the store may do so at once and save a journey. What it raises then says
        as much as what `commit` raises.

        Raises:
            Conflict: An account is not at its change's `expected_version` any more, or a key or source is taken.
        """

    def entries(self, account: AccountId, *, before: int | None = None, limit: int = 100) -> Sequence[Entry]:
        """Return at most `limit` entries with a smaller number than `before`, the latest first."""

    def journal(self, account: AccountId, *, after: int = 0, limit: int = 1000) -> Sequence[Entry]:
        """Return at most `limit` entries with a larger number than `after`, the earliest first."""

    def accounts(self, *, after: AccountId | None = None, limit: int = 1000) -> Sequence[AccountId]:
        """Return at most `limit` accounts that come after another by owner, then by unit, in that order."""

    def due(self, now: datetime, limit: int = 1000) -> Sequence[AccountId]:
        """Return at most `limit` accounts whose `next_due_at` has come, the longest due first, then as `accounts` does."""


class TopUps(Protocol):
    """The rules by which accounts are topped up, at most one for each account."""

    def get(self, accounts: Iterable[AccountId]) -> Mapping[AccountId, TopUp]:
        """Return those that were ever set, removed ones too."""

    def put(self, top_up: TopUp) -> None:
        """Write a top-up over the one that has its `version` (0: over none) and raise that version by one.

        The ledger loads the account with what it is `watched_below`. The account's version stays, and that of one that was
        never written stays 0.

        Raises:
            Conflict: The stored version is another one.
        """

    def due(self, now: datetime, limit: int) -> Sequence[TopUp]:
        """Return at most `limit` top-ups whose `next_attempt_at` has come, the longest due first, then by account."""


class Intents(Protocol):
    """What was ordered from the payment provider, and what became of it."""

    def get(self, ids: Iterable[str]) -> Mapping[str, Intent]:
        """Return those that are written down."""

    def put(self, intent: Intent) -> None:
        """Write an intent over the one that has its `version` (0: over none) and raise that version by one.

        Raises:
            Conflict: The stored version is another one.
        """

    def due(self, now: datetime, limit: int) -> Sequence[Intent]:
        """Return at most `limit` intents whose `next_attempt_at` has come, the longest due first, then by id."""


class Cursors(Protocol):
    """How far something has come that goes on another time."""

    def get(self, name: str) -> str | None:
        """Return the place, if one was kept."""

    def put(self, name: str, place: str | None) -> None:
        """Keep the place instead of the one before; None forgets it."""


class Inbox(Protocol):
    """Webhooks as they came, and what became of them."""

    def get(self, ids: Iterable[str]) -> Mapping[str, Delivery]:
        """Return those that are stored."""

    def put(self, delivery: Delivery) -> None:
        """Write a delivery over the one that has its `version` (0: over none) and raise that version by one.

        Raises:
            Conflict: The stored version is another one.
        """

    def waiting_for(self, names: Iterable[str]) -> Sequence[Delivery]:
        """Return the deferred deliveries that wait for any of these objects, in the order in which they happened."""

    def due(self, now: datetime, limit: int) -> Sequence[Delivery]:
        """Return at most `limit` deliveries whose `next_attempt_at` has come, the longest due first.

        Where the database can, they are locked until the unit ends, and those that somebody else has locked are left out.
        """

    def in_state(self, state: DeliveryState, limit: int) -> Sequence[Delivery]:
        """Return at most `limit` deliveries in a state, the latest received first."""


class Outbox(Protocol):
    """Events for the application, written in the transaction that made them happen."""

    def add(self, messages: Iterable[Message]) -> None:
        """Keep these messages until they are delivered.

        Raises:
            Conflict: One of their ids is taken.
        """

    def pending(self, limit: int) -> Sequence[Message]:
        """Return at most `limit` undelivered messages, in the order in which they were added."""

    def delivered(self, ids: Iterable[str], at: datetime) -> None:
        """Never return these again; ids that are unknown or were delivered before do nothing."""


class UnitOfWork(Protocol):
    """One transaction. What it wrote is kept if `commit` was called, and dropped otherwise."""

    @property
    def products(self) -> Products:
        """The products."""

    @property
    def prices(self) -> Prices:
        """The prices."""

    @property
    def customers(self) -> Customers:
        """The customers."""

    @property
    def subscriptions(self) -> Subscriptions:
        """The subscriptions."""

    @property
    def payments(self) -> Payments:
        """Payments and paid invoices."""

    @property
    def ledger(self) -> Ledger:
        """The accounts of credits."""

    @property
    def top_ups(self) -> TopUps:
        """The rules by which accounts are topped up."""

    @property
    def intents(self) -> Intents:
        """What was ordered from the payment provider."""

    @property
    def cursors(self) -> Cursors:
        """How far what goes on another time has come."""

    @property
    def inbox(self) -> Inbox:
        """The webhooks."""

    @property
    def outbox(self) -> Outbox:
        """The events for the application."""

    @property
    def refunds(self) -> Refunds:
        """The refunds of payments."""

    @property
    def disputes(self) -> Disputes:
        """The disputes of payments."""

    def commit(self) -> None:
        """Keep everything that this unit wrote; the unit is over.

        Raises:
            Conflict: One of its writes was overtaken; other refusals of its writes are raised again, too.
            Invalid: It only reads, or is over.
        """


class Store(Protocol):
    """The database. One store serves any number of threads, each with its own units."""

    def begin(self) -> AbstractContextManager[UnitOfWork]:
        """Open a unit that may write; leaving the block without `commit` drops what it wrote.

        Raises:
            NotMigrated: The tables are missing or of another version.
        """

    def view(self) -> AbstractContextManager[UnitOfWork]:
        """Open a unit that only reads, all of it as of one moment, and hinders no writer; what writes raises `Invalid`."""
