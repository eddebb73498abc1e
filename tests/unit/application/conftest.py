"""A shop: `Billing` over the memory store, and a provider that says what it is told to say."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from billing_adapters.memory import FixedClock, MemoryStore, SequentialIds
from billing_core.billing import Billing
from billing_core.domain.credits import AccountId, Needs
from billing_core.domain.customers import Customer, Link
from billing_core.domain.mirrors import Phase, snapshot
from billing_core.domain.money import Currency, Money
from billing_core.domain.payments import Invoice, InvoiceLine, Payment, Purchase, Settlement
from billing_core.domain.policies import Policies
from billing_core.domain.products import Interval, Price, Product, Recurring
from billing_core.domain.refunds import Dispute, Refund, Refunded
from billing_core.domain.subscriptions import PlanChange, Status, Subscription, SubscriptionItem
from billing_core.domain.webhooks import (
    CheckRefunds,
    RecordCustomer,
    RecordDispute,
    RecordInvoice,
    RecordPayment,
    RecordPrice,
    RecordProduct,
    RecordRefund,
    RecordSettlement,
    RecordSubscription,
    Webhook,
)
from billing_core.errors import BadSignature, Malformed

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class ScriptedSource:
    """A provider whose every body is the name of a webhook that was prepared."""

    def __init__(self):
        self.prepared = {}

    def verify(self, body, headers, now):
        del body, now
        if headers.get("signature") != "genuine":
            raise BadSignature("it is forged")

    def parse(self, body):
        if body not in self.prepared:
            raise Malformed("it names nothing")
        return self.prepared[body]


class ScriptedGateway:
    """A provider that answers, or fails, as it was told to; what it was asked is noted.

    An answer is what it returns, an error that it raises, or a function of the order and the key.
    """

    def __init__(self):
        self.answers = []
        self.asked = []
        self.looked_for = []
        self.objects = {}
        self.issued = {}

    def place(self, order, key):
        self.asked.append((order, key))
        return self._answer(order, key)

    def find(self, order, key):
        self.looked_for.append((order, key))
        return self._answer(order, key)

    def fetch(self, placed):
        return self.objects[placed]

    def invoices(self, customer, limit):
        return self.issued[customer][:limit]

    def preview(self, change, at):
        return self._answer(change, at)

    def _answer(self, *asked):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(*asked) if callable(answer) else answer


class EventfulStore:
    """A store whose next commits fail as they were told to, and before whose next units something else happens.

    None in either list lets one pass.
    """

    def __init__(self, store):
        self._store = store
        self.failures = []
        self.meanwhile = []

    @contextmanager
    def begin(self):
        happens = self.meanwhile.pop(0) if self.meanwhile else None
        if happens:
            happens()
        with self._store.begin() as unit:
            yield EventfulUnit(unit, self.failures)

    def view(self):
        return self._store.view()


class EventfulUnit:
    def __init__(self, unit, failures):
        self._unit = unit
        self._failures = failures

    def __getattr__(self, name):
        return getattr(self._unit, name)

    def commit(self):
        failure = self._failures.pop(0) if self._failures else None
        if failure:
            raise failure
        self._unit.commit()


class Shop:
    """Everything that a test touches. What happens takes place on days after the first of January 2026."""

    def __init__(self, today=1, policies=None, gateway=None):
        self.store = EventfulStore(MemoryStore())
        self.clock = FixedClock(self.day(today))
        self.source = ScriptedSource()
        self.gateway = gateway or ScriptedGateway()
        self.ids = SequentialIds()
        self._events = 0
        self.policies = policies or Policies()
        self.choose(self.policies)

    def choose(self, policies):
        """Open the same shop with these policies."""
        parts = {"store": self.store, "provider": self.source, "clock": self.clock, "ids": self.ids}
        self.billing = Billing(**parts, policies=policies, gateway=self.gateway)

    # Asking

    @staticmethod
    def day(number):
        return START + number * DAY

    def receive(self, *commands, signature="genuine", **webhook):
        """Let the provider tell something, under a new event id unless it is given one."""
        return self.billing.webhooks.receive(self.prepare(*commands, **webhook), {"signature": signature})

    def know(self, command):
        """Let the provider tell something long ago, which is not counted among the events."""
        self.receive(command, id=f"evt_known_{self._events}_{type(command).__name__}")
        self.billing.outbox.acknowledge([one.id for one in self.billing.outbox.pending()])
        self._events -= 1

    def prepare(self, *commands, **webhook):
        self._events += 1
        told = {"id": f"evt_{self._events}", "type": "thing.happened", "occurred_at": self.day(0), **webhook}
        body = told["id"].encode()
        self.source.prepared[body] = Webhook(commands=commands, **told)
        return body

    def ledger(self, account="acme"):
        """Return an account as it is written, with nothing settled that nobody settled."""
        named = AccountId(account)
        with self.store.view() as unit:
            return unit.ledger.load([Needs(named)])[named]

    def balance(self, account="acme"):
        """Return what is available of each kind that there is anything of."""
        by_kind = self.billing.credits.balance(account).by_kind
        return {kind.value: amount for kind, amount in by_kind.items() if amount}

    def told(self, name=None):
        """Return the events in the outbox, or those of one name."""
        return [one.event for one in self.billing.outbox.pending(1000) if name in {None, one.event.name}]

    def state(self, webhook):
        return self.billing.webhooks.get(webhook).state.value

    # What the provider can say

    def product(self, product_id="prod_pro", amount="100", credit_type="subscription", day=0, phase=Phase.UPDATED, **rest):
        metadata = {"credit_amount": amount, "credit_type": credit_type} if amount else {}
        terms = {"name": "Pro", "metadata": {**metadata, **rest.pop("metadata", {})}, **rest}
        return RecordProduct(snapshot(Product(product_id, **terms), self.day(day), phase))

    def price(self, price_id="price_pro", product="prod_pro", cents=900, day=0, **rest):
        terms = {"recurring": Recurring(Interval.MONTH), **rest}
        amount = None if cents is None else Decimal(cents)
        value = Price(price_id, product, Currency("usd"), amount, **terms)
        return RecordPrice(snapshot(value, self.day(day), Phase.UPDATED))

    def customer(self, customer="cus_1", account="acme", day=0, phase=Phase.UPDATED, **rest):
        link = account and Link(self.day(day), account)
        return RecordCustomer(snapshot(Customer(customer, link, **rest), self.day(day), phase))

    def subscription(self, status=Status.ACTIVE, prices=("price_pro",), day=0, left=(), account=None, **rest):
        terms = {
            "id": "sub_1",
            "customer": "cus_1",
            "link": account and Link(self.day(day), account),
            "items": tuple(SubscriptionItem(f"si_{price}", price) for price in prices),
            "started_at": self.day(0),
            "changes": (PlanChange(self.day(day), tuple(left)),) if left else (),
            **rest,
        }
        return RecordSubscription(snapshot(Subscription(status=status, **terms), self.day(day), Phase.UPDATED))

    def line(self, line_id="il_1", price="price_pro", product="prod_pro", cents=900, start=0, days=31, **rest):
        terms = {"subscription": "sub_1", "period_start": self.day(start), "period_end": self.day(start + days), **rest}
        return InvoiceLine(line_id, Money(cents, "usd"), price=price, product=product, **terms)

    def invoice(self, invoice="in_1", *lines, day=0, **rest):
        terms = {"reason": "subscription_cycle", "customer": "cus_1", "subscription": "sub_1", **rest}
        paid = Invoice(invoice, Money(900, "usd"), self.day(day), lines=lines or (self.line(start=day),), **terms)
        return RecordInvoice(paid)

    def payment(self, payment="pi_1", amount="50", quantity="1", day=0, **rest):
        terms = {"customer": "cus_1", "purchase": Purchase("order_1", amount, quantity), **rest}
        return RecordPayment(Payment(payment, Money(500, "usd"), self.day(day), **terms))

    def settlement(self, payment="pi_1", invoice="in_1"):
        return RecordSettlement(Settlement(payment, invoice))

    def refund(self, cents=500, refund="re_1", payment="pi_1", status="succeeded", day=0, since=None, **rest):
        began = self.day(day if since is None else since)
        value = Refund(refund, payment, Money(cents, "usd"), status, began, **rest)
        return RecordRefund(snapshot(value, self.day(day), Phase.UPDATED))

    def dispute(self, cents=500, status="needs_response", payment="pi_1", day=0, *, since=None, currency="usd", **rest):
        began = self.day(day if since is None else since)
        terms = {"id": "dp_1", "withdrawn": True, **rest}
        value = Dispute(payment=payment, amount=Money(cents, currency), status=status, at=began, **terms)
        return RecordDispute(snapshot(value, self.day(day), Phase.UPDATED))

    def refunded(self, cents, payment="pi_1"):
        return CheckRefunds(Refunded(payment, Money(cents, "usd")))


@pytest.fixture(scope="session")
def open_shop():
    """Open any number of shops, each of its own."""
    return Shop


@pytest.fixture
def shop(open_shop):
    return open_shop()


@pytest.fixture
def selling(shop):
    """Open a shop that knows what it sells and to whom."""
    shop.know(shop.subscription(day=-1))
    shop.receive(shop.product())
    shop.receive(shop.price())
    shop.receive(shop.customer())
    return shop
