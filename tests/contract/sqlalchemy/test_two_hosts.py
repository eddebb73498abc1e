"""Two hosts on one database: what they are told at the same time has the effects that it has one after the other.

One host is held at a point of its work while the other does all of its own, or as much as the database lets it: PostgreSQL
lets it run until it meets a row that the first has written, SQLite not even begin.
"""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event
from typing import NamedTuple

import attrs
import pytest

from billing_adapters.memory import FixedClock
from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine
from billing_adapters.stripe.samples import Samples, body, sign
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_adapters.system import Uuid7Ids
from billing_core import Billing
from billing_core.domain.customers import ACCOUNT
from billing_core.domain.policies import Policies, Rollover
from billing_core.domain.products import CREDIT_AMOUNT, CREDIT_TYPE
from billing_core.domain.webhooks import AlreadyApplied, Applied, Deferred, DeliveryState

pytestmark = pytest.mark.deep

SECRET = "whsec_two_hosts"
START = datetime(2026, 1, 5, tzinfo=UTC)
CHANGE = START + timedelta(days=10)
END = START + timedelta(days=31)
NOW = START + timedelta(days=20)
PERIOD = (START, END)

LONG = 30  # for what must happen
PATIENCE = {"sqlite": 0.1, "postgresql": 0.3}  # for what cannot happen while the other host is held, or not even begin

# What the provider tells --------------------------------------------------------------------------------------------------

new = Samples()
TERMS = {CREDIT_AMOUNT: "100", CREDIT_TYPE: "subscription"}
STARTER = new.price("price_starter", "prod_starter", 1900, interval="month")
PRO = new.price("price_pro", "prod_pro", 4900, interval="month")


def agreement(price):
    return new.subscription("sub_1", "cus_1", [(price, 1)], PERIOD, created=START)


def invoice(name="in_1", period=PERIOD):
    line = new.line("il_1", STARTER, period, subscription="sub_1")
    return new.invoice(name, agreement(STARTER), [line], period[0])


def told(event_id, event_type, about, at=START, previous=None):
    """Return the request that brings an event."""
    content = body(new.event(event_type, about, at, event_id=event_id, previous=previous))
    return content, sign(content, SECRET, NOW)


PRODUCT = told("evt_product", "product.created", new.product("prod_starter", "Starter", metadata=TERMS))
PRICE = told("evt_price", "price.created", STARTER)
CUSTOMER = told("evt_customer", "customer.created", new.customer("cus_1", metadata={ACCOUNT: "acme"}))
AGREED = told("evt_agreed", "customer.subscription.created", agreement(STARTER))
PAID = told("evt_paid", "invoice.paid", invoice())
BEFORE = told("evt_before", "invoice.paid", invoice("in_0", (START - timedelta(days=31), START)))
SUCCEEDED = told("evt_succeeded", "invoice.payment_succeeded", invoice())
CHANGED = told(
    "evt_changed", "customer.subscription.updated", agreement(PRO), CHANGE, {"items": agreement(STARTER)["items"]}
)
PAYMENT = told("evt_payment", "payment_intent.succeeded", new.payment_intent("pi_1", 1900, customer="cus_1"))
SETTLED = told("evt_settled", "invoice_payment.paid", new.invoice_payment("in_1", "pi_1", 1900))
REFUNDED = told("evt_refunded", "refund.created", new.refund("re_1", "pi_1", 950, created=CHANGE), CHANGE)
DISPUTED = told(
    "evt_disputed", "charge.dispute.created", new.dispute("dp_1", "pi_1", 475, moved=[-475], created=CHANGE), CHANGE
)

# Two hosts ----------------------------------------------------------------------------------------------------------------


class Point:
    """One method of a unit, such as `inbox.put`, before which the first who comes is held until told to go on."""

    def __init__(self, name):
        self.name = name
        self.reached = Event()
        self.go = Event()

    def meet(self):
        if not self.reached.is_set():
            self.reached.set()
            assert self.go.wait(LONG)


class Watched:
    """A unit, or a part of one, that meets the point."""

    def __init__(self, inner, point, path=""):
        self._inner = inner
        self._point = point
        self._path = path

    def __getattr__(self, name):
        found, path = getattr(self._inner, name), f"{self._path}{name}"
        if path == self._point.name:
            self._point.meet()
        return found if callable(found) else Watched(found, self._point, f"{path}.")


@attrs.define
class WatchedStore:
    """A store whose units meet the point."""

    store: SqlAlchemyStore
    point: Point

    def begin(self):
        return _Entered(self.store.begin(), self.point)

    def view(self):
        return self.store.view()


@attrs.define
class _Entered:
    unit: object
    point: Point

    def __enter__(self):
        return Watched(self.unit.__enter__(), self.point)

    def __exit__(self, *failure):
        return self.unit.__exit__(*failure)


def a_host(store, policies=Policies()):
    parts = {"provider": StripeWebhooks((SECRET,)), "clock": FixedClock(NOW), "ids": Uuid7Ids()}
    return Billing(store=store, policies=policies, **parts)


class Stores(NamedTuple):
    """Two stores on one database, each with connections of its own, and how long to let one run while the other is held."""

    one: SqlAlchemyStore
    other: SqlAlchemyStore
    patience: float


@pytest.fixture
def stores(engine, migrated_url):
    other = open_engine(migrated_url)
    yield Stores(SqlAlchemyStore(engine), SqlAlchemyStore(other), PATIENCE[engine.dialect.name])
    other.dispose()


@pytest.fixture
def hosts(stores):
    return [a_host(store) for store in (stores.one, stores.other)]


def held(stores, point, first, other, policies=Policies()):
    """Let one host do something, be held, and another do something else meanwhile; return what both made of it."""
    point = Point(point)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first, a_host(WatchedStore(stores.one, point), policies))
        try:
            assert point.reached.wait(LONG)
            two = pool.submit(other, a_host(stores.other, policies))
            wait([two], stores.patience)
        finally:
            point.go.set()
        return one.result(LONG), two.result(LONG)


def at_once(*does):
    """Do all of these at the same moment and return what came of them."""
    start = Barrier(len(does))

    def do(one):
        start.wait(LONG)
        return one()

    with ThreadPoolExecutor(len(does)) as pool:
        return [job.result(LONG) for job in [pool.submit(do, one) for one in does]]


def receive(request):
    return lambda host: host.webhooks.receive(*request)


def tell(host, *requests):
    return [host.webhooks.receive(*request) for request in requests]


def credits_of(host, account="acme"):
    """Return what an account has of each kind."""
    return {kind.value: amount for kind, amount in host.credits.balance(account).by_kind.items() if amount}


def grants(host, account="acme"):
    """Return how many entries an account has."""
    return len(host.credits.statement(account).entries)


def unsettled(host):
    """Return what is not applied."""
    states = (DeliveryState.DEFERRED, DeliveryState.FAILED, DeliveryState.DEAD)
    return [(one.id, one.error) for state in states for one in host.webhooks.deliveries(state)]


# What they must not do ----------------------------------------------------------------------------------------------------


def test_an_event_that_comes_eight_times_at_once_is_applied_once(hosts):
    """Half of them to each host."""
    tell(hosts[0], PRODUCT, PRICE, CUSTOMER, AGREED)

    outcomes = at_once(*(lambda host=hosts[at % 2]: host.webhooks.receive(*PAID) for at in range(8)))

    assert sorted(type(one).__name__ for one in outcomes) == [*["AlreadyApplied"] * 7, "Applied"]
    assert (credits_of(hosts[0]), grants(hosts[0])) == ({"subscription": 100}, 1)


@pytest.mark.parametrize("point", ["payments.record_invoice", "ledger.record", "inbox.put", "commit"])
def test_two_events_that_tell_of_one_payment_grant_once(stores, hosts, point):
    """Under whatever name the provider tells it first."""
    tell(hosts[0], PRODUCT, PRICE, CUSTOMER, AGREED)

    outcomes = held(stores, point, receive(PAID), receive(SUCCEEDED))

    assert outcomes == (Applied("evt_paid"), Applied("evt_succeeded"))
    assert (credits_of(hosts[0]), grants(hosts[0])) == ({"subscription": 100}, 1)


@pytest.mark.parametrize("point", ["subscriptions.put", "payments.invoices_of", "inbox.put", "commit"])
@pytest.mark.parametrize("change_first", [False, True], ids=["the invoice is held", "the change is held"])
def test_a_plan_change_and_the_invoice_that_it_ends_do_not_miss_each_other(stores, hosts, point, change_first):
    """Each looks for the other before it is committed; what is unused is converted all the same."""
    if point == "payments.invoices_of" and not change_first:
        point = "payments.invoices"
    if point == "subscriptions.put" and change_first:
        point = "subscriptions.put_all"
    tell(hosts[0], PRODUCT, PRICE, CUSTOMER, AGREED)

    outcomes = held(stores, point, *(map(receive, (CHANGED, PAID) if change_first else (PAID, CHANGED))))

    assert all(isinstance(one, Applied) for one in outcomes)
    assert credits_of(hosts[0]) == {"payg": 100}
    assert unsettled(hosts[0]) == []


@pytest.mark.parametrize("point", ["subscriptions.put", "payments.invoices_of", "inbox.put", "commit"])
@pytest.mark.parametrize("requests", [(BEFORE, PAID), (PAID, BEFORE)], ids=["the first is held", "the renewal is held"])
def test_a_renewal_and_the_period_that_it_renews_do_not_miss_each_other(stores, hosts, point, requests):
    """Each looks for the other before it is committed; what was unused is carried over all the same, and once."""
    tell(hosts[0], PRODUCT, PRICE, CUSTOMER, AGREED)

    outcomes = held(stores, point, *map(receive, requests), policies=Policies(rollover=Rollover(40)))

    assert all(isinstance(one, Applied) for one in outcomes)
    assert credits_of(hosts[0]) == {"subscription": 140}
    assert unsettled(hosts[0]) == []


@pytest.mark.parametrize("point", ["payments.payments", "payments.settled_by", "inbox.put", "commit"])
@pytest.mark.parametrize("refund_first", [False, True], ids=["the settlement is held", "the refund is held"])
def test_a_refund_and_the_news_of_what_was_paid_do_not_miss_each_other(stores, hosts, point, refund_first):
    """Each looks for the other before it is committed; the credits go with the money all the same."""
    if point == "payments.settled_by" and not refund_first:
        point = "payments.record_settlement"
    tell(hosts[0], PRODUCT, PRICE, CUSTOMER, AGREED, PAYMENT, PAID)

    outcomes = held(stores, point, *(map(receive, (REFUNDED, SETTLED) if refund_first else (SETTLED, REFUNDED))))

    assert all(isinstance(one, Applied) for one in outcomes)
    assert credits_of(hosts[0]) == {"subscription": 50}


@pytest.mark.parametrize("point", ["refunds.put_all", "ledger.load", "ledger.record", "inbox.put", "commit"])
def test_a_refund_and_a_dispute_of_one_payment_add_up(stores, hosts, point):
    """Whatever each of them saw of the other at first."""
    tell(hosts[0], PRODUCT, PRICE, CUSTOMER, AGREED, PAYMENT, PAID, SETTLED)

    outcomes = held(stores, point, receive(REFUNDED), receive(DISPUTED))

    assert all(isinstance(one, Applied) for one in outcomes)
    assert credits_of(hosts[0]) == {"subscription": 25}


@pytest.mark.parametrize("point", ["payments.payments", "inbox.put", "commit"])
def test_a_refund_does_not_wait_for_a_payment_that_has_just_come(stores, hosts, point):
    """Nobody would wake it."""
    tell(hosts[0], PRODUCT, PRICE, CUSTOMER, AGREED)

    held(stores, point, receive(REFUNDED), receive(PAYMENT))

    assert unsettled(hosts[0]) == []


@pytest.mark.parametrize("point", ["products.get", "inbox.get", "inbox.put", "commit"])
def test_an_invoice_does_not_wait_for_what_has_just_come(stores, hosts, point):
    """Nobody would wake it: it looks for the product, the product for who waits, and both before either is committed."""
    tell(hosts[0], PRICE, CUSTOMER, AGREED)

    held(stores, point, receive(PAID), receive(PRODUCT))

    assert unsettled(hosts[0]) == []
    assert credits_of(hosts[0]) == {"subscription": 100}


@pytest.mark.parametrize("point", ["inbox.put", "commit"])
def test_a_product_does_not_miss_the_invoice_that_has_just_come(stores, hosts, point):
    """The same with the product held."""
    tell(hosts[0], PRICE, CUSTOMER, AGREED)

    held(stores, point, receive(PRODUCT), receive(PAID))

    assert unsettled(hosts[0]) == []
    assert credits_of(hosts[0]) == {"subscription": 100}


def _waiting(hosts, stores, count):
    """Let payments wait for a customer whom nobody links yet, until they are due."""
    frozen = {"billing_purchase": "order", CREDIT_AMOUNT: "10"}
    for n in range(count):
        payment = new.payment_intent(f"pi_{n}", 100, customer="cus_2", metadata=frozen)
        assert isinstance(tell(hosts[0], told(f"evt_{n}", "payment_intent.succeeded", payment))[0], Deferred)
    with stores.one.begin() as unit:
        for one in unit.inbox.in_state(DeliveryState.DEFERRED, count):
            unit.inbox.put(attrs.evolve(one, next_attempt_at=NOW))
        unit.commit()


def test_two_workers_judge_each_due_delivery_once(hosts, stores):
    """Started at the same moment, as by two clocks."""
    _waiting(hosts, stores, 20)

    outcomes = at_once(*(lambda host=host: host.webhooks.retry(7) for host in hosts for _ in range(2)))

    judged = [one.webhook for some in outcomes for one in some]
    assert sorted(judged) == sorted(set(judged))
    assert len(judged) >= 7
    assert len({one.attempts for one in hosts[0].webhooks.deliveries(DeliveryState.DEFERRED) if one.id in judged}) == 1


@pytest.mark.parametrize("point", ["inbox.put", "commit"])
def test_a_worker_leaves_alone_what_another_is_claiming(hosts, stores, point):
    """Where the database can, it takes others meanwhile; nothing is judged twice either way."""
    _waiting(hosts, stores, 4)

    one, two = held(stores, point, lambda host: host.webhooks.retry(2), lambda host: host.webhooks.retry(4))

    assert (len(one), len(two)) == (2, 2)
    assert len({outcome.webhook for outcome in (*one, *two)}) == 4


@pytest.mark.parametrize("point", ["customers.get", "ledger.record", "inbox.put", "commit"])
def test_a_customer_who_is_linked_anew_is_granted_once(stores, hosts, point):
    """To the one account or to the other; a second host links at the same time as well."""
    tell(hosts[0], PRODUCT, PRICE, AGREED)
    hosts[0].customers.link("acme", "cus_1")

    def relink(host):
        host.customers.link("umbrella", "cus_1")
        return tell(host, SUCCEEDED)

    held(stores, point, receive(PAID), relink)

    assert sorted([credits_of(hosts[0]), credits_of(hosts[0], "umbrella")], key=len) == [{}, {"subscription": 100}]
    assert unsettled(hosts[0]) == []


def test_two_hosts_that_link_a_customer_at_once_grant_once(hosts):
    """The invoice waits for exactly that."""
    tell(hosts[0], PRODUCT, PRICE, AGREED)
    assert isinstance(tell(hosts[0], PAID)[0], Deferred)

    links = [(host, account) for host in hosts for account in ("acme", "umbrella")]
    at_once(*(lambda host=host, account=account: host.customers.link(account, "cus_1") for host, account in links))

    assert sorted([credits_of(hosts[0]), credits_of(hosts[0], "umbrella")], key=len) == [{}, {"subscription": 100}]
    assert tell(hosts[1], PAID) == [AlreadyApplied("evt_paid")]
    assert unsettled(hosts[0]) == []
