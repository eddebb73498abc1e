"""What the store costs: how many statements, however many accounts, and by which index they find their rows."""

import re
from datetime import timedelta

import attrs
import pytest
import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine.interfaces import CacheStats

from billing_adapters.memory import FixedClock
from billing_adapters.sqlalchemy.store import SqlAlchemyStore
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_adapters.system import Uuid7Ids
from billing_core.application import recording
from billing_core.application.work import Work, retried
from billing_core.billing import Billing
from billing_core.domain.credits import Account, Change, Needs, change, decide, evolve
from billing_core.domain.money import Money
from billing_core.domain.pages import Page
from billing_core.domain.payments import InvoiceLine, Settlement
from billing_core.domain.webhooks import DeliveryState
from billing_core.testing.driver import account_in, carry_out
from billing_core.testing.examples import (
    NOW,
    a_capture,
    a_convert,
    a_customer,
    a_delivery,
    a_dispute,
    a_grant,
    a_hold,
    a_link,
    a_message,
    a_payment,
    a_payment_refund,
    a_price,
    a_product,
    a_snapshot,
    a_spend,
    a_subscription,
    a_top_up,
    an_account,
    an_intent,
    an_invoice,
    fresh,
)

MANY = 50
HOLDER = an_account()
IN_SQLITE = {
    "billing_account_pk": "sqlite_autoindex_billing_account_1",
    "billing_entry_pk": "sqlite_autoindex_billing_entry_1",
    "billing_hold_pk": "sqlite_autoindex_billing_hold_1",
    "billing_cursor_pk": "sqlite_autoindex_billing_cursor_1",
    "billing_intent_pk": "sqlite_autoindex_billing_intent_1",
    "billing_invoice_line_pk": "sqlite_autoindex_billing_invoice_line_1",
    "billing_invoice_pk": "sqlite_autoindex_billing_invoice_1",
    "billing_payment_pk": "sqlite_autoindex_billing_payment_1",
    "billing_settlement_pk": "sqlite_autoindex_billing_settlement_1",
    "billing_lot_pk": "sqlite_autoindex_billing_lot_1",
    "billing_lot_source_key": "sqlite_autoindex_billing_lot_2",
    "billing_past_price_pk": "sqlite_autoindex_billing_past_price_1",
    "billing_past_product_pk": "sqlite_autoindex_billing_past_product_1",
    "billing_product_pk": "sqlite_autoindex_billing_product_1",
    "billing_top_up_pk": "sqlite_autoindex_billing_top_up_1",
    "billing_webhook_pk": "sqlite_autoindex_billing_webhook_1",
}


def _invoices(unit, count, subscription):
    lines = tuple(InvoiceLine(fresh("line"), Money(5, "usd")) for _ in range(3))
    invoices = [an_invoice(subscription=subscription, lines=lines) for _ in range(count)]
    for invoice in invoices:
        unit.payments.record_invoice(invoice)
    return [invoice.id for invoice in invoices]


def _granted(store, count):
    grants = [a_grant(an_account()) for _ in range(count)]
    for grant in grants:
        carry_out(store, grant, NOW)
    return grants


def _needs(grants):
    return [Needs(one.account, frozenset({one.key, "unknown"}), frozenset({one.source, "unknown"})) for one in grants]


def _loaded(store, executed, grants, *, lock):
    with store.begin() as unit, executed.afresh():
        assert len(unit.ledger.load(_needs(grants), lock=lock)) == len(grants)
        return len(executed.statements)


@pytest.mark.parametrize("lock", [False, True], ids=["free", "locked"])
def test_loading_costs_the_same_for_any_number_of_accounts(store, executed, lock):
    """Books and open lots, lots by source, entries by key, their movements; a lock is one more."""
    grants = _granted(store, MANY)

    costs = {count: _loaded(store, executed, grants[:count], lock=lock) for count in (1, MANY)}

    assert costs == dict.fromkeys((1, MANY), 5 if lock else 4)


def test_loading_for_a_spend_costs_one_statement(store, executed):
    """What a fresh key needs: the books with the open lots, beside the look for the key."""
    grant = _granted(store, 1)[0]

    with store.begin() as unit, executed.afresh():
        unit.ledger.load([Needs(grant.account, frozenset({"fresh"}))])

        assert len(executed.statements) == 1


def _held(store, count):
    grants = _granted(store, count)
    for grant in grants:
        for amount in (1, 2, 3):
            carry_out(store, a_hold(grant.account, amount), NOW)
        carry_out(store, a_capture(grant.account, 2), NOW)
    return [grant.account for grant in grants]


@pytest.mark.parametrize(("holds", "cost"), [((), 2), ((3,), 2), ((2, 3, 99), 3)], ids=["any", "open", "closed"])
def test_loading_holds_costs_the_same_for_any_number_of_accounts(store, executed, holds, cost):
    """One more where something is held, however much is; and another one for closed holds that are named."""
    accounts = _held(store, 10)
    costs = {}
    for count in (1, 10):
        with store.begin() as unit, executed.afresh():
            loaded = unit.ledger.load([Needs(one, holds=frozenset(holds)) for one in accounts[:count]])
            costs[count] = len(executed.statements)

    assert costs == {1: cost, 10: cost}
    assert {len(one.holds) for one in loaded.values()} == {3 if 2 in holds else 2}


def test_locking_accounts_that_are_missing_costs_the_same_for_any_number(store, executed):
    """They are looked for, created and locked."""
    costs = {}
    for count in (1, MANY):
        needs = [Needs(an_account()) for _ in range(count)]
        with store.begin() as unit, executed.afresh():
            unit.ledger.load(needs, lock=True)
            costs[count] = len(executed.statements)

    assert costs == {1: 4, MANY: 4}


RECORDED = {
    "grants": (a_grant, {"sqlite": 5, "postgresql": 2}),
    "spends": (a_spend, {"sqlite": 4, "postgresql": 1}),
    "holds": (a_hold, {"sqlite": 5, "postgresql": 1}),
    "captures": (lambda owner, amount: a_capture(owner, 3, amount), {"sqlite": 5, "postgresql": 1}),
}


@pytest.mark.parametrize(("make", "cost"), RECORDED.values(), ids=RECORDED)
def test_recording_costs_the_same_for_any_number_of_accounts(engine, store, executed, make, cost):
    """New accounts, and then one statement for all that there is of each kind, or for everything."""
    costs = {}
    for count in (1, MANY):
        owners = [an_account() for _ in range(count)] if make is a_grant else _held(store, count)
        commands = [make(owner, 1) for owner in owners]
        changes = [change(was := account_in(store, Needs.of(one)), decide(was, one, NOW)) for one in commands]
        with store.begin() as unit, executed.afresh():
            unit.ledger.record(changes)
            costs[count] = len(executed.statements)

    assert costs == dict.fromkeys((1, MANY), cost[engine.dialect.name])


SPENT = {
    "sqlite": ["BEGIN", "SELECT", "UPDATE", "UPDATE", "INSERT", "INSERT", "COMMIT"],
    "postgresql": ["SELECT", "WITH"],
}


@pytest.mark.parametrize("count", [1, MANY])
def test_a_spend_takes_a_look_and_a_write(engine, store, executed, count):
    """On PostgreSQL they are all, and keep themselves what they write; on SQLite nothing travels."""
    spends = [a_spend(grant.account, 1) for grant in _granted(store, count)]

    with executed.afresh():
        spent = retried(store, "these accounts", lambda unit, _: recording.carry_out(Work(unit, NOW, Uuid7Ids()), spends))
        sent = [statement.partition(" ")[0] for statement, _ in executed]

    assert sent == SPENT[engine.dialect.name]
    assert [account_in(store, Needs(one.account)).version for one in spends] == [entry.seq for entry in spent]


class Shelf:
    """A provider that lists some products, all on one page, and no price."""

    def __init__(self, count):
        self.listed = {one.id: one for one in (a_product() for _ in range(count))}

    def rename(self, name):
        self.listed = {key: attrs.evolve(one, name=name) for key, one in self.listed.items()}

    def products(self, after=None):
        del after
        return Page(tuple(self.listed.values()))

    def prices(self, after=None):
        del after
        return Page()


SYNCED = {
    "new": ["SELECT", "INSERT"],
    "unchanged": ["SELECT", "UPDATE"],
    "changed": ["SELECT", "UPDATE", "INSERT"],
}


@pytest.mark.parametrize("count", [2, MANY])
def test_a_page_of_a_sync_costs_the_same_for_any_number_of_products(store, executed, count):
    """One look, and a write for each kind of row; beside it only the place that was reached."""
    shelf, clock = Shelf(count), FixedClock(NOW)
    billing = Billing(store=store, provider=StripeWebhooks(("whsec_one",)), clock=clock, ids=Uuid7Ids(), gateway=shelf)
    sent = {}
    for kind in SYNCED:
        if kind == "changed":
            shelf.rename("another")
        clock.advance(timedelta(hours=1))
        with executed.afresh():
            billing.catalog.sync()
            sent[kind] = [
                one.partition(" ")[0] for one, _ in executed.statements if "billing_product" in one or "past" in one
            ]

    # After it come the look for what nobody listed, and the walk, to its end, along what may be wrong.
    assert {kind: one[: len(SYNCED[kind])] for kind, one in sent.items()} == SYNCED
    assert {len(one) - len(SYNCED[kind]) for kind, one in sent.items()} == {3}


def test_reading_invoices_costs_the_same_for_any_number(store, executed):
    """The invoices and their lines."""
    costs = set()
    for count in (1, MANY):
        with store.begin() as unit:
            ids = _invoices(unit, count, f"sub_{count}")
            for ask, which in ((unit.payments.invoices, ids), (unit.payments.invoices_of, f"sub_{count}")):
                with executed.afresh():
                    assert len(ask(which)) == count
                    costs.add(len(executed.statements))

    assert costs == {2}


def _everything(unit, again):
    """Ask and write everything once, by other names and amounts the second time."""
    value, owner = a_product(name=f"name {again}"), an_account()
    unit.products.put(a_snapshot(value))
    unit.products.put(unit.products.get([value.id])[value.id])
    unit.products.all()
    unit.products.put_all(a_snapshot(a_product(name=f"name {again}")) for _ in range(2))
    unit.products.live(limit=2 + again)
    unit.products.live(before=NOW, limit=2 + again)
    unit.products.remember([a_snapshot(value, 1), a_snapshot(value, 2)])
    unit.products.past(value.id)
    unit.prices.put(a_snapshot(a_price(product=value.id)))
    unit.prices.of_products([value.id])
    unit.customers.put(a_snapshot(a_customer()))
    unit.customers.of_account(owner.owner)
    unit.subscriptions.put(a_snapshot(a_subscription()))
    unit.subscriptions.of_account(owner.owner)
    unit.subscriptions.of_customer(value.id)
    unit.payments.record_payment(a_payment())
    unit.payments.invoices(_invoices(unit, 2, fresh("sub")))
    unit.payments.payments_of(owner.owner)
    unit.payments.invoices_of("none")
    for command in (grant := a_grant(owner, 100 + again), a_spend(owner, 5 + again), a_convert(owner, grant.source)):
        account = unit.ledger.load([Needs.of(command)], lock=True)[owner]
        unit.ledger.record([change(account, decide(account, command, NOW))])
    unit.ledger.load([Needs(owner, frozenset({grant.key}), frozenset({grant.source}))])
    unit.ledger.entries(owner, limit=2 + again)
    delivery = a_delivery(state=DeliveryState.DEFERRED, waiting_for=(fresh("name"),), next_attempt_at=NOW)
    unit.inbox.put(delivery)
    unit.inbox.put(unit.inbox.get([delivery.id])[delivery.id])
    unit.inbox.waiting_for(delivery.waiting_for)
    unit.inbox.due(NOW, 3 + again)
    unit.inbox.in_state(DeliveryState.DEAD, 3 + again)
    top_up = a_top_up(owner, next_attempt_at=NOW)
    unit.top_ups.put(top_up)
    unit.top_ups.put(unit.top_ups.get([owner])[owner])
    unit.top_ups.put(a_top_up())
    unit.top_ups.due(NOW, 3 + again)
    intent = an_intent(next_attempt_at=NOW)
    unit.intents.put(intent)
    unit.intents.put(unit.intents.get([intent.id])[intent.id])
    unit.intents.due(NOW, 3 + again)
    for place in ("here", unit.cursors.get("sync"), None):
        unit.cursors.put("sync", place)
    unit.outbox.add([a_message(fresh("m"))])
    unit.outbox.delivered([one.id for one in unit.outbox.pending(3 + again)], NOW)


@pytest.mark.skipif(
    sqlalchemy.__version__.startswith("2.0."), reason="SQLAlchemy 2.0 compiles INSERT ... ON CONFLICT anew each time"
)
def test_statements_are_built_and_compiled_once(engine, store):
    """What was asked once is sent as it is the next time."""
    built, compiled = [], []

    @event.listens_for(engine, "before_execute")
    def note_statement(_connection, statement, _many, _parameters, _options):
        built.append(statement)

    @event.listens_for(engine, "after_cursor_execute")
    def note_compilation(_connection, _cursor, statement, _parameters, context, _many):
        if context.compiled and context.cache_hit is not CacheStats.CACHE_HIT:
            compiled.append(statement)

    with store.begin() as unit:
        _everything(unit, 0)
        unit.commit()
    first, many = {id(one) for one in built}, len(built)
    compiled.clear()

    with store.begin() as unit:
        _everything(unit, 1)

    assert len(built) > many > 40
    assert {id(one) for one in built[many:] if not isinstance(one, str)} <= first
    assert compiled == []


def test_the_schema_is_checked_once(engine, store, executed):
    """By one small query, and never again by the same store."""
    store = SqlAlchemyStore(engine)

    for _ in range(3):
        with store.begin():
            pass

    assert len(executed.statements) == 1


# By which index -----------------------------------------------------------------------------------------------------------


def _plans(engine, executed, ask):
    """Return the plan of every statement that a question sends."""
    with SqlAlchemyStore(engine).begin() as unit, executed.afresh():
        ask(unit)
        asked = executed.statements
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET enable_seqscan = off")
        return ["\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + sql, given)) for sql, given in asked]


def _uses(engine, plan, index):
    """Tell whether a plan finds rows by an index; SQLite has its own names for those of constraints."""
    return (IN_SQLITE.get(index, index) if engine.dialect.name == "sqlite" else index) in plan


@pytest.fixture(scope="module")
def filled(lasting_engine):
    """Fill the ledger, so that the planner has something to weigh; return an engine for it."""
    with SqlAlchemyStore(lasting_engine).begin() as unit:
        unit.ledger.load([Needs(an_account()) for _ in range(500)], lock=True)  # what is locked is there
        for owner in (HOLDER, *(an_account() for _ in range(20))):
            account = Account(owner)
            for make in (*(a_grant, a_spend) * 15, *(a_grant, a_hold, a_capture) * 10, a_grant, a_hold):
                command = a_capture(owner, account.version) if make is a_capture else make(owner, 1)
                account = evolve(account, *decide(account, command, NOW))
            unit.ledger.record([Change(0, account, tuple(account.recorded.values()))])
            for number in range(10):
                unit.prices.put(a_snapshot(a_price()))
                unit.customers.put(a_snapshot(a_customer(link=a_link(owner.owner))))
                unit.subscriptions.put(a_snapshot(a_subscription(link=a_link(owner.owner))))
                unit.payments.record_payment(a_payment(account=owner.owner))
                unit.payments.record_settlement(Settlement(fresh("pay"), fresh("inv")))
                unit.refunds.put(a_snapshot(a_payment_refund()))
                unit.disputes.put(a_snapshot(a_dispute()))
                _invoices(unit, 1, fresh("sub") if number else "sub_known")
                unit.top_ups.put(a_top_up(next_attempt_at=NOW))
                unit.intents.put(an_intent(next_attempt_at=NOW))
                unit.cursors.put(fresh("sync"), "here")
                waiting = {"state": DeliveryState.DEFERRED, "waiting_for": (fresh("product"), fresh("price"))}
                unit.inbox.put(a_delivery(**waiting, next_attempt_at=NOW))
        unit.commit()
    with lasting_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    return lasting_engine


def _ask_account(unit):
    needs = Needs(an_account(), frozenset({"key"}), frozenset({"source"}))
    unit.ledger.load([needs])


def _ask_again(unit):
    known = unit.ledger.entries(HOLDER, limit=1)[0].key
    unit.ledger.load([Needs(HOLDER, frozenset({known}))])


def _spend(unit):
    was = unit.ledger.load([Needs(HOLDER)])[HOLDER]
    granted = change(was, decide(was, a_grant(HOLDER, 9), NOW))
    unit.ledger.record([granted])
    unit.ledger.record([change(granted.account, decide(granted.account, a_spend(HOLDER, 5), NOW))])


def _ask_holds(unit):
    unit.ledger.load([Needs(HOLDER, holds=frozenset({99}))])


def _ask_invoices_of(unit):
    return unit.payments.invoices_of("sub_known")


def _ask_invoices(unit):
    unit.payments.invoices([_ask_invoices_of(unit)[0].id])


ASKED = {
    "books, open lots, and known keys": (
        _ask_account,
        0,
        ["billing_account_pk", "billing_lot_burn_idx", "billing_entry_key_idx"],
    ),
    "lots by source": (_ask_account, 1, ["billing_account_pk", "billing_lot_source_key"]),
    "entries by key": (
        _ask_again,
        3,
        ["billing_account_pk", "billing_entry_key_idx", "billing_lot_pk", "billing_hold_pk"],
    ),
    "open holds": (_ask_holds, 1, ["billing_account_pk", "billing_hold_open_idx"]),
    "holds by number": (_ask_holds, 2, ["billing_account_pk", "billing_hold_pk"]),
    "the statement": (
        lambda unit: unit.ledger.entries(an_account()),
        0,
        ["billing_entry_pk", "billing_lot_pk", "billing_hold_pk"],
    ),
    "who waits": (
        lambda unit: unit.inbox.waiting_for(["product:a"]),
        0,
        ["billing_webhook_wait_name_idx", "billing_webhook_pk"],
    ),
    "what is due": (lambda unit: unit.inbox.due(NOW, 10), 0, ["billing_webhook_due_idx"]),
    "what is in a state": (lambda unit: unit.inbox.in_state(DeliveryState.DEAD, 10), 0, ["billing_webhook_state_idx"]),
    "top-ups": (lambda unit: unit.top_ups.get([an_account()]), 0, ["billing_top_up_pk"]),
    "top-ups that are due": (lambda unit: unit.top_ups.due(NOW, 10), 0, ["billing_top_up_due_idx"]),
    "intents": (lambda unit: unit.intents.get(["a"]), 0, ["billing_intent_pk"]),
    "intents that are due": (lambda unit: unit.intents.due(NOW, 10), 0, ["billing_intent_due_idx"]),
    "a cursor": (lambda unit: unit.cursors.get("a"), 0, ["billing_cursor_pk"]),
    "what is pending": (lambda unit: unit.outbox.pending(10), 0, ["billing_outbox_pending_idx"]),
    "products that are left": (lambda unit: unit.products.live(after="a"), 0, ["billing_product_pk"]),
    "products that nobody listed": (lambda unit: unit.products.live(before=NOW), 0, ["billing_product_pk"]),
    "what a product said": (lambda unit: unit.products.past("a"), 0, ["billing_past_product_pk"]),
    "what a price said": (lambda unit: unit.prices.past("a"), 0, ["billing_past_price_pk"]),
    "prices of products": (lambda unit: unit.prices.of_products(["a"]), 0, ["billing_price_product_id_idx"]),
    "customers of an account": (lambda unit: unit.customers.of_account("a"), 0, ["billing_customer_account_id_idx"]),
    "subscriptions of an account": (
        lambda unit: unit.subscriptions.of_account("a"),
        0,
        ["billing_subscription_account_id_idx"],
    ),
    "subscriptions of a customer": (
        lambda unit: unit.subscriptions.of_customer("a"),
        0,
        ["billing_subscription_customer_id_idx"],
    ),
    "payments of an account": (lambda unit: unit.payments.payments_of("a"), 0, ["billing_payment_account_paid_at_id_idx"]),
    "payments": (lambda unit: unit.payments.payments(["a"]), 0, ["billing_payment_pk"]),
    "payments, locked": (lambda unit: unit.payments.payments(["a"], lock=True), 0, ["billing_payment_pk"]),
    "what payments were made for": (lambda unit: unit.payments.settled_by(["a"]), 0, ["billing_settlement_pk"]),
    "payments of an invoice": (lambda unit: unit.payments.settling("a"), 0, ["billing_settlement_invoice_payment_idx"]),
    "refunds of payments": (lambda unit: unit.refunds.of_payments(["a"]), 0, ["billing_refund_payment_id_idx"]),
    "disputes of payments": (lambda unit: unit.disputes.of_payments(["a"]), 0, ["billing_dispute_payment_id_idx"]),
    "invoices": (_ask_invoices, 2, ["billing_invoice_pk"]),
    "their lines": (_ask_invoices, 3, ["billing_invoice_line_pk"]),
    "invoices of a subscription": (_ask_invoices_of, 0, ["billing_invoice_subscription_paid_at_id_idx"]),
    "the lines of a subscription": (
        _ask_invoices_of,
        1,
        ["billing_invoice_subscription_paid_at_id_idx", "billing_invoice_line_pk"],
    ),
}


@pytest.mark.parametrize(("ask", "at", "indexes"), ASKED.values(), ids=ASKED)
def test_every_question_has_its_index(filled, lasting_executed, ask, at, indexes):
    """No table is read from end to end, whatever it holds."""
    plan = _plans(filled, lasting_executed, ask)[at]

    assert [index for index in indexes if not _uses(filled, plan, index)] == [], plan
    assert not re.search(r"SCAN billing_\w+\b(?! USING)", plan), plan


@pytest.mark.parametrize("lasting_engine", ["postgresql"], indirect=True)
def test_a_spend_finds_what_it_writes_by_keys(filled, lasting_executed):
    """The account and its lots."""
    plan = _plans(filled, lasting_executed, _spend)[-1]

    assert "billing_account_pk" in plan
    assert "billing_lot_pk" in plan
    assert "Seq Scan" not in plan


BURN_ORDER = """
    SELECT number FROM billing_lot WHERE owner = 'a' AND unit = 'b' AND {is_open}
    ORDER BY priority, expires_at, effective_at, number LIMIT 10
"""
FALLING_DUE = "SELECT owner, unit FROM billing_account WHERE next_due_at <= 5 ORDER BY next_due_at LIMIT 10"
ORDERED = {
    "burn order": (BURN_ORDER, "billing_lot_burn_idx"),
    "what falls due": (FALLING_DUE, "billing_account_due_idx"),
}


@pytest.mark.parametrize(("query", "index"), ORDERED.values(), ids=ORDERED)
def test_an_order_comes_from_its_index(engine, query, index):
    """Nothing is sorted."""
    sqlite = engine.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
    asked = query.format(is_open="is_open = 1" if sqlite else "is_open")

    with engine.connect() as connection:
        if not sqlite:
            connection.exec_driver_sql("SET enable_seqscan = off; SET enable_bitmapscan = off")
        plan = "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + asked))

    assert index in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


def test_due_and_pending_are_not_sorted(engine, executed):
    """The index gives the order, so that the limit bounds the work."""
    tomorrow = NOW + timedelta(days=1)
    for ask in (
        lambda unit: unit.inbox.due(tomorrow, 1),
        lambda unit: unit.top_ups.due(tomorrow, 1),
        lambda unit: unit.intents.due(tomorrow, 1),
        lambda unit: unit.outbox.pending(1),
    ):
        plan = _plans(engine, executed, ask)[0]

        assert "TEMP B-TREE" not in plan
        if "Bitmap" not in plan:
            assert "Sort" not in plan


def test_the_plans_are_of_what_finds_something(store):
    """The questions above do find rows that are there."""
    with store.begin() as unit:
        unit.outbox.add([a_message("m")])
        unit.inbox.put(a_delivery(next_attempt_at=NOW))

        assert unit.outbox.pending(1)
        assert unit.inbox.due(NOW, 1)
