"""Both databases, empty and migrated, and an ear for what reaches them."""

import sqlite3
from contextlib import contextmanager

import psycopg
import pytest
from faults import scripted
from sqlalchemy import URL, event

from billing_adapters.sqlalchemy import migrate
from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine

DATABASES = ["sqlite", "postgresql"]


class Executed(list):
    """What was sent to the database: pairs of a statement and its parameters, many rows at once being one.

    Whoever wants to do something in between listens.
    """

    def __init__(self):
        super().__init__()
        self.listeners = []

    @contextmanager
    def afresh(self):
        """Count from zero within the block."""
        self.clear()
        yield self

    @property
    def statements(self):
        """What was sent, without what sets up connections, and begins and ends transactions."""
        return [one for one in self if not one[0].startswith(("PRAGMA", "BEGIN", "COMMIT", "ROLLBACK"))]

    def note(self, statement, parameters=()):
        self.append((statement, parameters))
        for listen in self.listeners:
            listen(statement)


def _cursor(kind, executed):
    """Return a kind of cursor of which everything is heard that is sent."""

    class Cursor(kind):
        def execute(self, statement, parameters=(), /, **options):
            answer = super().execute(statement, parameters, **options)
            executed.note(statement, parameters)
            return answer

        def executemany(self, statement, rows, /, **options):
            rows = [*rows]
            answer = super().executemany(statement, rows, **options)
            executed.note(statement, rows)
            return answer

    return Cursor


def _connection(kind, executed):
    """Return a kind of connection of which it is heard when a transaction ends."""

    class Connection(kind):
        def commit(self):
            if _begun(self):
                executed.note("COMMIT")
            super().commit()

        def rollback(self):
            if _begun(self):
                executed.note("ROLLBACK")
            super().rollback()

    return Connection


def _begun(connection):
    if isinstance(connection, sqlite3.Connection):
        return connection.in_transaction
    return connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE


def _sqlite(executed):
    heard = _cursor(sqlite3.Cursor, executed)

    class Connection(_connection(sqlite3.Connection, executed)):
        def cursor(self, factory=heard):
            return super().cursor(factory)

        def execute(self, *given):
            return self.cursor().execute(*given)

        def executemany(self, *given):
            return self.cursor().executemany(*given)

    return lambda *given, **options: sqlite3.connect(*given, **options, factory=Connection)


def _postgresql(executed):
    heard = _cursor(psycopg.Cursor, executed)
    connect = _connection(psycopg.Connection, executed).connect
    return lambda *given, **options: connect(*given, **options, cursor_factory=heard)


_LISTENING = {"sqlite": _sqlite, "postgresql": _postgresql}


@pytest.fixture(params=DATABASES)
def empty_url(request, tmp_path):
    """Return the URL of a database without any table."""
    if request.param == "sqlite":
        return str(URL.create("sqlite", database=str(tmp_path / "billing.db")))
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def empty_engine(empty_url):
    """Return an engine for a database without any table."""
    engine = open_engine(empty_url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(empty_engine):
    """Return an engine for a migrated database."""
    migrate.upgrade(empty_engine)
    return empty_engine


@pytest.fixture
def store(engine):
    """Return the store in it."""
    return SqlAlchemyStore(engine)


@pytest.fixture
def executed(engine):
    """Return the record of what is sent to the database, also of what goes around SQLAlchemy."""
    record = Executed()
    connect = _LISTENING[engine.dialect.name](record)

    @event.listens_for(engine, "do_connect")
    def listen(_dialect, _record, arguments, options):
        return connect(*arguments, **options)

    engine.dispose()
    return record


@pytest.fixture
def script(engine):
    """Return the script past which everything is led that is sent to the database: what was sent, and what goes wrong."""
    with scripted(engine) as script:
        yield script
