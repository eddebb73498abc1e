"""What a database does wrong reaches the caller in the core's words, with the cause, and without SQL or parameters."""

import gc
import sqlite3
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import attrs
import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import OperationalError, StatementError

from billing_adapters.memory import FixedClock
from billing_adapters.sqlalchemy import migrate
from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine, sqlite_engine
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_adapters.system import Uuid7Ids
from billing_core import Billing
from billing_core.domain.credits import Account, AccountId, Needs, change, decide
from billing_core.domain.money import Money
from billing_core.errors import Conflict, Invalid, NotMigrated, StoreError, StoreUnavailable
from billing_core.testing.driver import account_in, carry_out
from billing_core.testing.examples import (
    NOW,
    a_capture,
    a_grant,
    a_hold,
    a_message,
    a_payment,
    a_product,
    a_snapshot,
    a_spend,
    an_account,
    fresh,
    prepared,
)

SECRET = "cus_secret"


def _kill_others(engine):
    """End every other session of a PostgreSQL server that works in the same schema."""
    with engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND application_name = 'victim'"
            )
        )


@pytest.fixture
def victim(migrated_url, engine):  # noqa: ARG001 - it brings the tables
    """Return a store whose sessions can be told from others."""
    url = migrated_url + ("&application_name=victim" if "postgresql" in migrated_url else "")
    own = open_engine(url)
    yield SqlAlchemyStore(own)
    own.dispose()


def test_other_databases_are_refused():
    """At once, and by name."""
    with pytest.raises(Invalid, match="engine must be for SQLite or PostgreSQL, not mysql"):
        SqlAlchemyStore(create_engine("mysql+pymysql://", module=sqlite3))
    with pytest.raises(Invalid, match="url must be for SQLite or PostgreSQL, not mysql"):
        open_engine("mysql+pymysql://")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql+pg8000://", "must go through psycopg, not pg8000"),
        ("sqlite+pysqlcipher://", "must go through pysqlite, not pysqlcipher"),
    ],
)
def test_other_drivers_are_refused(url, reason):
    """What they say of a failure would not be understood."""
    with pytest.raises(Invalid, match=f"engine {reason}"):
        SqlAlchemyStore(create_engine(url, module=sqlite3))
    with pytest.raises(Invalid, match=f"url {reason}"):
        open_engine(url)


@pytest.mark.parametrize("url", ["no hunter2 at all", "", "postgresql://me:hunter2@db:port/x", "nodb://hunter2@db/x"])
def test_an_address_that_cannot_be_read_is_refused(url):
    """And not repeated, for it may hold a password."""
    with pytest.raises(Invalid) as refusal:
        open_engine(url)

    assert "hunter2" not in "".join(traceback.format_exception(refusal.value)).replace(url, "")


@pytest.mark.parametrize(
    "url", ["sqlite:///billing.db?timeout=1", "sqlite:///file:billing.db?mode=ro&uri=true", "sqlite://billing.db"]
)
def test_what_is_said_beside_the_path_of_a_file_is_refused(url, tmp_path, monkeypatch):
    """It is not left out quietly: two slashes would name a host, and mean no file at all."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(Invalid, match="url holds more than the path of a SQLite file"):
        open_engine(url)


def test_a_driver_that_is_not_installed_is_named(monkeypatch):
    """With the extra that installs it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(Invalid, match=r"needs the module psycopg: install billing-core\[postgres\]"):
        open_engine("postgresql://db/billing")


def test_a_database_that_cannot_be_opened_is_unavailable(tmp_path):
    """The sentence says why, and the cause is kept."""
    store = SqlAlchemyStore(sqlite_engine(tmp_path / "missing" / "billing.db"))

    with pytest.raises(StoreUnavailable, match="unable to open database file") as failure, store.begin():
        pass

    assert isinstance(failure.value.__cause__, OperationalError)


def test_a_server_that_is_not_there_is_unavailable():
    """The sentence names the failure, and no password."""
    store = SqlAlchemyStore(open_engine("postgres://billing:hunter2@127.0.0.1:1/billing"))

    with pytest.raises(StoreUnavailable, match="OperationalError") as failure, store.begin():
        pass

    assert "hunter2" not in str(failure.value)


def test_a_file_that_is_no_database_is_unavailable(tmp_path):
    """It is left alone."""
    path = tmp_path / "billing.db"
    path.write_text("something else entirely, and long enough to be told from a database " * 20)

    with pytest.raises(StoreUnavailable, match="not a database"), SqlAlchemyStore(sqlite_engine(path)).begin():
        pass

    assert path.read_text().startswith("something else")


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_a_busy_database_is_unavailable(engine, store):
    """Somebody else writes for longer than one can wait."""
    impatient = create_engine(engine.url, connect_args={"timeout": 0.05})

    with store.begin(), pytest.raises(StoreUnavailable, match="database is locked"), SqlAlchemyStore(impatient).begin():
        pass

    impatient.dispose()


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("when", ["before a write", "before the commit"])
def test_a_lost_connection_is_unavailable(engine, victim, when):
    """Whether anything was kept is unknown to the caller; here it was not, and the next unit works."""
    product = a_product()

    with victim.begin() as unit:
        unit.products.get(["any"])
        if when == "before the commit":
            unit.products.put(a_snapshot(product))
        _kill_others(engine)

        with pytest.raises(StoreUnavailable, match=r"AdminShutdown|OperationalError"):
            unit.commit() if when == "before the commit" else unit.products.put(a_snapshot(product))

    with victim.begin() as unit:
        assert not unit.products.get([product.id])


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_a_deadlock_is_a_conflict(store):
    """One of the two is told to begin again, and the other goes on."""
    one, other = an_account(), an_account()
    for account in (one, other):
        carry_out(store, a_grant(account), NOW)

    both = Barrier(2)

    def lock(first, second):
        with store.begin() as unit:
            unit.ledger.load([Needs(first)], lock=True)
            both.wait(30)
            unit.ledger.load([Needs(second)], lock=True)

    with ThreadPoolExecutor(2) as pool:
        errors = [job.exception(30) for job in (pool.submit(lock, one, other), pool.submit(lock, other, one))]

    assert sorted(type(error) for error in errors if error) == [Conflict]


def test_missing_tables_are_told_also_later(empty_engine):
    """Somebody downgraded the database under a running store."""
    migrate.upgrade(empty_engine)
    store = SqlAlchemyStore(empty_engine)
    with store.begin():
        pass
    with empty_engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE billing_outbox")

    with pytest.raises(NotMigrated), store.begin() as unit:
        unit.outbox.pending(1)


def test_a_source_that_is_taken_conflicts(store):
    """Also when two units decided without knowing of one another: here the version would not tell."""
    account = an_account()
    carry_out(store, a_grant(account, source="money"), NOW)
    twice = prepared(store, a_grant(account), NOW)
    lots = tuple(attrs.evolve(lot, source="money") for lot in twice.account.lots)

    with pytest.raises(Conflict), store.begin() as unit:
        unit.ledger.record([attrs.evolve(twice, account=attrs.evolve(twice.account, lots=lots))])


def test_a_key_that_is_taken_conflicts(store):
    """The recorded one stays."""
    account = an_account()
    carry_out(store, a_grant(account, key="once"), NOW)
    twice = prepared(store, a_spend(account), NOW)

    with pytest.raises(Conflict), store.begin() as unit:
        unit.ledger.record([attrs.evolve(twice, entries=(attrs.evolve(twice.entries[0], key="once"),))])


def test_one_guard_of_many_that_fails_fails_the_unit(store):
    """The others are not written either."""
    changes = [prepared(store, a_grant(an_account()), NOW) for _ in range(3)]
    with store.begin() as unit:
        unit.ledger.record(changes[1:2])
        unit.commit()

    with store.begin() as unit:
        with pytest.raises(Conflict, match="one of 3 accounts"):
            unit.ledger.record(changes)
        with pytest.raises(Conflict):
            unit.commit()

    assert [account_in(store, Needs(one.account.id)).version for one in changes] == [0, 1, 0]


def test_a_rule_of_the_database_is_named(store):
    """A change that could never be decided meets the database's own rule; trying again would not help."""
    granted = prepared(store, a_grant(an_account(), 5), NOW)
    gap = attrs.evolve(granted, entries=(attrs.evolve(granted.entries[0], seq=7),))

    with pytest.raises(Invalid, match="billing_entry_follows"), store.begin() as unit:
        unit.ledger.record([gap])


@pytest.mark.parametrize("amount", [2**63, -(2**63) - 1, 10**30])
def test_a_number_too_large_to_store_is_refused(store, amount):
    """It is no failure of the database."""
    with pytest.raises(Invalid, match="cannot store"), store.begin() as unit:
        unit.payments.record_payment(a_payment(amount=Money(amount, "usd")))


def test_text_that_is_no_text_is_refused(store):
    """Half of a surrogate pair has no bytes."""
    with pytest.raises(Invalid, match="cannot store"), store.begin() as unit:
        unit.products.put(a_snapshot(a_product(name="\ud800")))


def test_a_refusal_shows_no_parameters(store):
    """What was to be written stays out of the sentence."""
    with store.begin() as unit:
        unit.outbox.add([a_message(SECRET)])
        with pytest.raises(Conflict) as refusal:
            unit.outbox.add([a_message(SECRET)])

    assert SECRET not in str(refusal.value)
    assert "INSERT" not in str(refusal.value)
    assert refusal.value.__cause__


def _taken(unit):
    unit.outbox.add([a_message(SECRET)])
    unit.outbox.add([a_message(SECRET)])


def _ruled_out(unit):
    never = Account(an_account())
    granted = change(never, decide(never, a_grant(never.id, 5, source=SECRET), NOW))
    lots = tuple(attrs.evolve(lot, remaining=6) for lot in granted.account.lots)
    unit.ledger.record([attrs.evolve(granted, account=attrs.evolve(granted.account, lots=lots))])


def _no_moment(unit):
    unit.outbox.delivered([SECRET], "yesterday")


LEAKS = {
    "a name that is taken": (_taken, Conflict),
    "a broken rule": (_ruled_out, Invalid),
    "a value of another type": (_no_moment, StatementError),
}


@pytest.mark.parametrize("hidden", [True, False], ids=["our engine", "the engine of a host"])
@pytest.mark.parametrize(("leak", "error"), LEAKS.values(), ids=LEAKS)
def test_no_traceback_shows_parameters(engine, leak, error, hidden):
    """It is stored in the inbox and logged, with every cause."""
    engine.hide_parameters = hidden

    with pytest.raises(error) as refusal, SqlAlchemyStore(engine).begin() as unit:
        leak(unit)

    told = "".join(traceback.format_exception(refusal.value))
    assert "[SQL" in told
    assert SECRET not in told


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_no_traceback_shows_what_a_server_cannot_read(store):
    """It says where it stopped reading, and all that was before; SQLite reads any text."""
    with pytest.raises(Invalid) as refusal, store.begin() as unit:
        unit.products.put(a_snapshot(a_product(metadata={"email": f"{SECRET}\0"})))

    assert SECRET not in "".join(traceback.format_exception(refusal.value))


def test_our_engines_log_no_parameters(engine):
    """Also where a host turns the log on."""
    assert engine.hide_parameters


def test_what_failed_cannot_be_committed(store):
    """PostgreSQL would answer such a COMMIT with a quiet ROLLBACK."""
    product = a_product()

    with store.begin() as unit:
        unit.outbox.add([a_message("m")])
        with pytest.raises(Conflict):
            unit.outbox.add([a_message("m")])
        with pytest.raises(Conflict):
            unit.products.put(a_snapshot(product))
        with pytest.raises(Conflict):
            unit.commit()

    with store.view() as unit:
        assert not unit.outbox.pending(1)


def test_a_view_does_not_write(store):
    """Nor does it say that it did."""
    with store.view() as unit, pytest.raises(Invalid, match="only reads"):
        unit.products.put(a_snapshot(a_product()))


def test_a_unit_that_is_over_says_so(store):
    """A second commit as well."""
    with store.begin() as unit:
        unit.commit()

        for use in (unit.commit, unit.products.all):
            with pytest.raises(Invalid, match="is over"):
                use()


def test_a_view_is_of_one_moment(store):
    """What is committed while it is open is not in it."""
    product = a_product()

    with store.view() as view:
        view.products.all()
        with store.begin() as unit:
            unit.products.put(a_snapshot(product))
            unit.commit()

        assert not view.products.get([product.id])


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_an_account_that_changes_between_the_queries_is_read_again(engine, store, executed):
    """Books of one version and entries of another would be an account that never was."""
    account = an_account()
    late = a_grant(account, 5)
    carry_out(store, a_grant(account, 7), NOW)
    pending = [lambda: carry_out(SqlAlchemyStore(engine), late, NOW)]

    def meddle(statement):
        if "LEFT JOIN billing_lot" in statement and pending:
            pending.pop()()

    executed.listeners.append(meddle)

    with store.begin() as unit:
        found = unit.ledger.load([Needs(account, frozenset({late.key}), frozenset({late.source}))])[account]

    assert (found.version, found.books.available) == (2, 12)
    assert found.recorded[late.key].seq == 2
    assert [lot.number for lot in found.lots] == [1, 2]


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_an_account_whose_holds_close_between_the_queries_is_read_again(engine, store, executed):
    """What is held and who holds it belong together, also where nobody does any more."""
    account = an_account()
    for command in (a_grant(account, 7), a_hold(account, 5)):
        carry_out(store, command, NOW)
    pending = [lambda: carry_out(SqlAlchemyStore(engine), a_capture(account, 2), NOW)]

    def meddle(statement):
        if "LEFT JOIN billing_lot" in statement and pending:
            pending.pop()()

    executed.listeners.append(meddle)

    with store.begin() as unit:
        found = unit.ledger.load([Needs(account)])[account]

    assert (found.version, found.books.held, found.holds) == (3, 0, ())


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_a_server_that_is_made_to_forget_is_told_again(engine):
    """A host may have its pool send DISCARD ALL between two users of a connection, and lose what was prepared on it."""

    @event.listens_for(engine, "reset")
    def discard(connection, _record, _state):
        connection.rollback()
        connection.autocommit = True
        connection.execute("DISCARD ALL")
        connection.autocommit = False

    billing = Billing(
        store=SqlAlchemyStore(engine), provider=StripeWebhooks(("whsec",)), clock=FixedClock(NOW), ids=Uuid7Ids()
    )
    accounts = [an_account() for _ in range(20)]
    for _ in range(2):
        billing.credits.grant_many([a_grant(one, 10) for one in accounts])
        billing.credits.spend_many([a_spend(one, 1) for one in accounts])
        entries = [billing.credits.spend(one.owner, 2) for one in accounts]
        assert [billing.credits.balance(one.owner).available for one in accounts] == [
            one.available_after for one in entries
        ]

    assert entries[0].available_after == 14


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_a_client_may_speak_another_encoding(engine, store):
    """That is the connection's own; what it has no letters for is refused."""
    account = AccountId(fresh("Zoë"))

    @event.listens_for(engine, "connect")
    def speak(connection, _record):
        connection.execute("SET client_encoding TO 'LATIN1'")
        connection.commit()

    carry_out(store, a_grant(account, source="Größe"), NOW)
    engine.dispose()
    carry_out(store, a_spend(account, 1, reference="café"), NOW)

    found = account_in(store, Needs(account))
    assert [lot.source for lot in found.lots] == ["Größe"]
    with store.view() as unit:
        assert unit.ledger.entries(account)[0].reference == "café"
    with pytest.raises(Invalid, match="cannot store"):
        carry_out(store, a_spend(account, 1, reference="✂"), NOW)


@pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)
def test_what_may_not_be_done_is_no_matter_of_trying_again(empty_engine):
    """A missing permission is an error of the store."""
    migrate.upgrade(empty_engine)
    store = SqlAlchemyStore(empty_engine)
    with store.begin():
        pass
    with empty_engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE billing_outbox ALTER COLUMN occurred_at TYPE boolean USING true")

    with pytest.raises(StoreError) as failure, store.begin() as unit:
        unit.outbox.add([a_message("m")])

    assert not isinstance(failure.value, StoreUnavailable)


def test_a_passing_database_is_gone_with_its_engine():
    """Its file is removed."""
    engine = sqlite_engine()
    place = Path(engine.url.database)
    with engine.connect():
        assert place.exists()

    engine.dispose()
    gc.collect()
    with engine.connect():
        assert place.exists()

    engine.dispose()
    del engine

    gc.collect()
    assert not place.parent.exists()
