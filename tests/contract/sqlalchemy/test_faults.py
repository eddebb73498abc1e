"""Whatever goes wrong, at whichever statement: asked again with the same key, it has happened exactly once.

Each command is carried out once undisturbed, to learn what it sends and what comes of it; then again and again, each time
on an account of its own that was prepared in the same way, with one fault at one statement.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import timedelta
from threading import Event
from typing import Any

import attrs
import pytest
from faults import FAULTS, LOSSES, RACES, Fault
from hypothesis import settings
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import OperationalError

from billing_adapters.memory import FixedClock
from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine
from billing_adapters.stripe.samples import Samples, body, sign
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_adapters.system import Uuid7Ids
from billing_core import Billing
from billing_core.application.recording import carry_out
from billing_core.application.work import Work, retried
from billing_core.domain.credits import Account, AccountId, Change, Entry, Needs, Spend, change, decide, evolve
from billing_core.domain.customers import ACCOUNT
from billing_core.domain.products import CREDIT_AMOUNT, CREDIT_TYPE
from billing_core.domain.webhooks import AlreadyApplied, Applied, DeliveryState
from billing_core.errors import Conflict, StoreUnavailable
from billing_core.testing.contracts.claims import record, whole
from billing_core.testing.driver import account_in
from billing_core.testing.examples import NOW, a_convert, a_grant, a_hold, fresh
from billing_core.testing.laws import check_account, check_journal

pytestmark = pytest.mark.deep

KEY = "once"
HOLD = 4  # the number of the hold that `held` places
SECRET = "whsec_faults"
LONG = 30  # for what must happen
THOROUGH = settings().max_examples > 100

CREDITS = ("credits",)
BOTH = ("credits", "tokens")

IDS = Uuid7Ids()


@attrs.frozen
class Host:
    """Somebody who bills, over an engine."""

    engine: Any
    store: SqlAlchemyStore
    billing: Billing

    @classmethod
    def on(cls, engine):
        store = SqlAlchemyStore(engine)
        return cls(engine, store, Billing(store=store, provider=StripeWebhooks((SECRET,)), clock=FixedClock(NOW), ids=IDS))


@pytest.fixture
def host(script, engine):  # noqa: ARG001 - whatever the host sends is led past the script
    """Return a host that has found out that the tables are there."""
    host = Host.on(engine)
    host.billing.credits.balance("nobody")
    return host


@pytest.fixture
def aside(engine, migrated_url):  # noqa: ARG001 - it brings the tables
    """Return a store in the same database that nothing happens to: accounts are prepared and looked at through it."""
    own = open_engine(migrated_url)
    yield SqlAlchemyStore(own)
    own.dispose()


# What is carried out ------------------------------------------------------------------------------------------------------


def three_lots(account):
    return [a_grant(account, 10, key=f"grant {n}", source=f"money {n}") for n in range(3)]


def held(account):
    return [*three_lots(account), a_hold(account, 25, key="hold", expires_at=NOW + timedelta(days=1))]


def expired(account):
    ended = {"expires_at": NOW - timedelta(hours=1)}
    return [a_grant(account, 10, key=f"grant {n}", source=f"money {n}", **ended) for n in range(2)]


def spend_both(host, owner):
    """Spend on two accounts, recorded together."""
    commands = [Spend(account=AccountId(owner, unit), amount=25, key=KEY) for unit in BOTH]

    def do(unit, lock):
        accounts = unit.ledger.load(map(Needs.of, commands), lock=lock)
        decided = [(accounts[one.account], decide(accounts[one.account], one, NOW)) for one in commands]
        changes = [change(account, entries) for account, entries in decided if entries]
        if changes:
            unit.ledger.record(changes)
        return [one.account.recorded[KEY] for one in changes] or [one.recorded[KEY] for one in accounts.values()]

    return retried(host.store, "both accounts", do)


def convert(host, owner):
    command = a_convert(AccountId(owner), "money 1", key=KEY)
    return retried(host.store, owner, lambda unit, lock: carry_out(Work(unit, NOW, IDS, lock=lock), [command])[0])


def spend_first(host, owner):
    """Spend by a host that does not know yet whether the tables are there."""
    return Host.on(host.engine).billing.credits.spend(owner, 25, key=KEY)


@attrs.frozen
class Case:
    """A command, by the accounts that it needs and the host's way to carry it out on them."""

    do: Callable[[Host, str], Any]
    had: Callable[[AccountId], Sequence[Any]] = three_lots
    units: Sequence[str] = CREDITS

    def prepared(self, store):
        """Return the name of accounts that are as this command needs them."""
        owner = fresh("user")
        for unit in self.units:
            account = Account(AccountId(owner, unit))
            for command in self.had(account.id):
                account = evolve(account, *decide(account, command, NOW - timedelta(days=1)))
            if account.version:
                record(store, Change(0, account, tuple(account.recorded.values())))
        return owner


CASES = {
    "the first grant": Case(lambda host, owner: host.billing.credits.grant(owner, 30, key=KEY), lambda _: ()),
    "another grant": Case(lambda host, owner: host.billing.credits.grant(owner, 30, source="money", key=KEY)),
    "a spend over several lots": Case(lambda host, owner: host.billing.credits.spend(owner, 25, key=KEY)),
    "a spend that settles first": Case(lambda host, owner: host.billing.credits.spend(owner, 0, key=KEY), expired),
    "the first that a host does": Case(spend_first),
    "a hold": Case(lambda host, owner: host.billing.credits.hold(owner, 25, key=KEY)),
    "a partial capture": Case(
        lambda host, owner: host.billing.credits.capture(owner, HOLD, 15, final=False, key=KEY), held
    ),
    "a final capture": Case(lambda host, owner: host.billing.credits.capture(owner, HOLD, 15, key=KEY), held),
    "a release": Case(lambda host, owner: host.billing.credits.release(owner, HOLD, key=KEY), held),
    "a conversion": Case(convert),
    "an expiry": Case(lambda host, owner: host.billing.credits.expire(owner).available, expired),
    "two spends in one unit": Case(spend_both, units=BOTH),
}


# What came of it ----------------------------------------------------------------------------------------------------------


def effects(store, owner, units=CREDITS):
    """Return all that is stored of these accounts but their name, after a look whether it obeys the laws."""
    stored = []
    for unit in units:
        account, entries = whole(store, AccountId(owner, unit))
        check_journal(entries)
        check_account(account, entries)
        stored.append((account.books, account.lots, account.holds, plain(entries)))
    with store.view() as unit:
        told = [one.event for one in unit.outbox.pending(10_000) if one.event.account == owner]
    return stored, [(one.name, one.occurred_at, one.data) for one in told]


def plain(answer):
    """Return an answer without what a command's name for its account is part of."""
    if isinstance(answer, Entry):
        return attrs.evolve(answer, fingerprint=None)
    return [plain(one) for one in answer] if isinstance(answer, Sequence) else answer


def versions(store, owner, units=CREDITS):
    """Return how many entries each of these accounts has."""
    return [account_in(store, Needs(AccountId(owner, unit))).version for unit in units]


@attrs.frozen
class Undisturbed:
    """What a command sends, answers and brings about when nothing goes wrong."""

    sent: Sequence[str]
    answer: Any
    before: Sequence[int]
    after: Sequence[int]
    effects: Any

    @classmethod
    def run(cls, host, script, case, aside):
        owner = case.prepared(aside)
        before = versions(aside, owner, case.units)
        with script.running() as sent:
            answer = case.do(host, owner)
        after = versions(aside, owner, case.units)
        return cls(sent, plain(answer), before, after, effects(aside, owner, case.units))


# At every statement -------------------------------------------------------------------------------------------------------


def everywhere(host, sent):
    """Return which faults happen at which statement: on PostgreSQL two in turn, but all of them at the last one."""
    database = host.engine.dialect.name
    for at, sql in enumerate(sent, 1):
        every = THOROUGH or database == "sqlite" or at == len(sent)
        for nth, fault in enumerate(FAULTS[database]):
            if (every or nth % 3 == at % 3) and (fault in LOSSES or sql != "ROLLBACK"):  # which is never refused
                yield at, fault


@contextmanager
def noted(sent, at, what):
    """Say of a failure of the test where it was."""
    try:
        yield
    except BaseException as failure:
        failure.add_note(f"{what}, at {at} of {len(sent)}: {sent[at - 1]}")
        raise


def attempted(do, *arguments):
    """Return what was answered, and whether anything was."""
    try:
        return do(*arguments), True
    except (StoreUnavailable, Conflict):
        return None, False


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_after_a_repetition_it_has_happened_exactly_once(host, script, case, aside):
    """A race that the database calls off is run again unnoticed. Other failures keep nothing, but for a lost answer."""
    right = Undisturbed.run(host, script, case, aside)

    for at, fault in everywhere(host, right.sent):
        with noted(right.sent, at, fault):
            owner = case.prepared(aside)

            with script.running(at, fault):
                answer, answered = attempted(case.do, host, owner)

            kept = answered or (fault is Fault.UNANSWERED and at == len(right.sent))
            assert script.happened
            assert answered is (fault in RACES)
            assert plain(answer) == (right.answer if answered else None)
            assert versions(aside, owner, case.units) == (right.after if kept else right.before)
            assert plain(case.do(host, owner)) == right.answer
            assert effects(aside, owner, case.units) == right.effects
            assert host.engine.pool.checkedout() == 0


# News of the provider -----------------------------------------------------------------------------------------------------

new = Samples()
START = NOW - timedelta(days=10)
PERIOD = START, START + timedelta(days=31)
TERMS = {CREDIT_AMOUNT: "100", CREDIT_TYPE: "subscription"}
PRICE = new.price("price_1", "prod_1", 1900, interval="month")


def request(event_type, about):
    """Return the request that brings an event of a fresh name, and that name."""
    name = fresh("evt")
    content = body(new.event(event_type, about, START, event_id=name))
    return name, (content, sign(content, SECRET, NOW))


def tell(billing, *news):
    for event_type, about in news:
        assert isinstance(billing.webhooks.receive(*request(event_type, about)[1]), Applied)


def paid(billing):
    """Let a fresh account subscribe; return it, and the news that it has paid."""
    owner, customer = fresh("user"), fresh("cus")
    agreed = new.subscription(fresh("sub"), customer, [(PRICE, 1)], PERIOD, created=START)
    tell(
        billing,
        ("customer.created", new.customer(customer, metadata={ACCOUNT: owner})),
        ("customer.subscription.created", agreed),
    )
    line = new.line(fresh("il"), PRICE, PERIOD, subscription=agreed["id"])
    return owner, *request("invoice.paid", new.invoice(fresh("in"), agreed, [line], START))


def received(store, owner, name):
    """Return what came of the news, without the names that are fresh each time."""
    (stored,), told = effects(store, owner)
    books, (lot,), _, (entry,) = stored
    with store.view() as unit:
        state = unit.inbox.get([name])[name].state
    return state, books, lot.remaining, entry.amount, [one[0] for one in told]


def test_news_is_applied_once_after_it_was_sent_again(host, script, aside):
    """As the provider does with what was not answered, or answered with a failure."""
    tell(host.billing, ("product.created", new.product("prod_1", "Pack", metadata=TERMS)), ("price.created", PRICE))
    owner, name, news = paid(host.billing)
    with script.running() as sent:
        assert isinstance(host.billing.webhooks.receive(*news), Applied)
    right = received(aside, owner, name)
    assert right[0] is DeliveryState.APPLIED

    for at, fault in everywhere(host, sent):
        with noted(sent, at, fault):
            owner, name, news = paid(host.billing)

            with script.running(at, fault):
                answer, answered = attempted(host.billing.webhooks.receive, *news)

            assert script.happened
            assert answer == (Applied(name) if answered else None)
            assert host.billing.webhooks.receive(*news) in {Applied(name), AlreadyApplied(name)}
            assert received(aside, owner, name) == right
            assert host.engine.pool.checkedout() == 0


def test_news_whose_commit_was_not_answered_was_applied(host, script):
    """The provider hears of a failure, sends it again, and hears that there is nothing to do."""
    tell(host.billing, ("product.created", new.product("prod_1", "Pack", metadata=TERMS)), ("price.created", PRICE))
    _, _, news = paid(host.billing)
    with script.running() as sent:
        host.billing.webhooks.receive(*news)
    owner, name, news = paid(host.billing)

    with script.running(sent.index("COMMIT") + 1, Fault.UNANSWERED), pytest.raises(StoreUnavailable):
        host.billing.webhooks.receive(*news)

    assert host.billing.webhooks.receive(*news) == AlreadyApplied(name)
    assert host.billing.credits.balance(owner).available == 100
    assert len(host.billing.credits.statement(owner).entries) == 1


# Real trouble -------------------------------------------------------------------------------------------------------------


def hurried(engine):
    """Let an engine wait for nobody."""

    @event.listens_for(engine, "do_connect")
    def hurry(_dialect, _record, _arguments, options):
        if engine.dialect.name == "sqlite":
            options["timeout"] = 0.001
        else:
            options["options"] += " -clock_timeout=1"

    engine.dispose()


@pytest.fixture
def other(engine, migrated_url):  # noqa: ARG001 - it brings the tables
    """Return another host on the same database."""
    own = open_engine(migrated_url)
    yield Host.on(own)
    own.dispose()


LOCK = text("SELECT FROM billing_account WHERE owner = :owner AND unit = :unit FOR UPDATE")
SOMEBODY_WAITS = text("SELECT count(*) FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))")

BESIDE = ["the first grant", "a spend over several lots", "a partial capture"]


@pytest.mark.parametrize("case", [CASES[name] for name in BESIDE], ids=BESIDE)
def test_another_host_may_write_before_any_statement(host, script, other, case, aside):
    """As far as the database lets it; both have happened once in the end, and only the other one asked again."""
    hurried(other.engine)
    right = Undisturbed.run(host, script, case, aside)
    granted = []

    for at in range(1, len(right.sent) + 1):
        with noted(right.sent, at, "another host writes"):
            owner = case.prepared(aside)

            def grant(owner=owner):
                return other.billing.credits.grant(owner, 7, source="other", key="other")

            with script.running(at, meanwhile=lambda grant=grant: granted.append(attempted(grant)[1])):
                assert attempted(case.do, host, owner)[1]
            grant()

            effects(aside, owner)
            last = whole(aside, AccountId(owner))[1][right.before[0] :]
            assert sorted(entry.key for entry in last) == [KEY, "other"]
            assert last[-1].available_after == right.effects[0][0][0].available + 7

    assert granted[0]


KEPT_FROM = ["a spend over several lots", "two spends in one unit"]


@pytest.mark.parametrize("case", [CASES[name] for name in KEPT_FROM], ids=KEPT_FROM)
def test_a_lock_that_another_host_keeps_is_waited_for_in_vain(host, script, other, case, aside):
    """Nothing has happened then. It has when the lock is gone and the host asks again."""
    hurried(other.engine)
    hurried(host.engine)
    right = Undisturbed.run(host, script, case, aside)
    failed = []

    for at in range(1, len(right.sent) + 1):
        with noted(right.sent, at, "another host keeps the lock"), ExitStack() as kept:
            owner = case.prepared(aside)

            def keep(kept=kept, owner=owner):
                with suppress(StoreUnavailable, Conflict), ExitStack() as lock:
                    unit = lock.enter_context(other.store.begin())
                    unit.ledger.load([Needs(AccountId(owner))], lock=True)
                    kept.push(lock.pop_all())

            with script.running(at, meanwhile=keep):
                _, answered = attempted(case.do, host, owner)
            kept.close()

            failed += [] if answered else [at]
            assert versions(aside, owner, case.units) == (right.after if answered else right.before)
            assert plain(case.do(host, owner)) == right.answer
            assert effects(aside, owner, case.units) == right.effects

    assert failed[0] == 1


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_a_commit_that_fails_leaves_no_lock_behind(engine):
    """A host's own engine without a write-ahead log: who still reads keeps a commit out, and SQLite leaves it open."""
    engine.dispose()
    with closing(sqlite3.connect(engine.url.database, timeout=0)) as reader:
        reader.execute("PRAGMA journal_mode = DELETE")
        own = create_engine(engine.url, connect_args={"timeout": 0.01})
        host = Host.on(own)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM billing_account").fetchall()

        with pytest.raises(StoreUnavailable, match="database is locked"):
            host.billing.credits.grant("acme", 10, key=KEY)
        reader.execute("ROLLBACK")

        reader.execute("BEGIN IMMEDIATE")
        assert reader.execute("SELECT * FROM billing_account").fetchall() == []
        reader.execute("ROLLBACK")
        host.billing.credits.grant("acme", 10, key=KEY)
        assert host.billing.credits.balance("acme").available == 10
        own.dispose()


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_a_deadlock_is_run_again_unnoticed(host, script, other, aside):
    """Another host locks the two accounts the other way round; whoever waited first is told, here that is we."""
    case = CASES["two spends in one unit"]
    right = Undisturbed.run(host, script, case, aside)
    owner = case.prepared(aside)
    locked = Event()

    def lock():
        # When the deadlock is broken, both are after the same account once more.
        with suppress(OperationalError), other.engine.begin() as connection:
            connection.execute(LOCK, {"owner": owner, "unit": "tokens"})
            locked.set()
            end = time.monotonic() + LONG
            while not connection.execute(SOMEBODY_WAITS).scalar():
                assert time.monotonic() < end
            time.sleep(0.1)
            connection.execute(LOCK, {"owner": owner, "unit": "credits"})

    with ThreadPoolExecutor(1) as pool:
        rival = pool.submit(lock)
        assert locked.wait(LONG)
        with script.running() as sent:
            answer = case.do(host, owner)
        rival.result(LONG)

    assert len(sent) > len(right.sent)
    assert plain(answer) == right.answer
    assert effects(aside, owner, case.units) == right.effects
