"""Both databases, empty and migrated, and an ear for what reaches them."""

import re
import shutil
import sqlite3
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
from faults import scripted
from sqlalchemy import URL, event, make_url

from billing_adapters.sqlalchemy import migrate
from billing_adapters.sqlalchemy.prepared import Prepared
from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine
from billing_adapters.sqlalchemy.tables import VERSION_TABLE, metadata

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
        return _file(tmp_path / "billing.db")
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def empty_engine(empty_url):
    """Return an engine for a database without any table."""
    engine = open_engine(empty_url)
    yield engine
    engine.dispose()


# To migrate a database takes longer than most tests: a file is copied, a schema used again.


def _file(place):
    return str(URL.create("sqlite", database=str(place)))


def _migrate(url):
    engine = open_engine(url)
    migrate.upgrade(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory):
    """Return a SQLite file that has the tables."""
    place = tmp_path_factory.mktemp("migrated") / "billing.db"
    _migrate(_file(place))
    return place


@pytest.fixture
def sqlite_url(tmp_path, migrated_file):
    """Return the URL of a migrated SQLite file."""
    return _file(shutil.copy(migrated_file, tmp_path))


@pytest.fixture(scope="session")
def migrated_schema(postgres_schema):
    """Return the URL of a migrated schema in PostgreSQL, and what its tables are."""
    with postgres_schema() as url:
        _migrate(url)
        with _beside(url) as connection:
            tables = connection.execute(TABLES).fetchall()
        yield url, tables


@pytest.fixture
def postgresql_url(migrated_schema):
    """Return the URL of a migrated schema, empty it in the end, and make sure that its tables are what they were."""
    url, tables = migrated_schema
    yield url
    with _beside(url) as connection:
        connection.execute(EMPTY)
        assert connection.execute(TABLES).fetchall() == tables, "a test that alters tables begins with `empty_url`"


TABLES = f"""
    SELECT relname, attnum, attname, atttypid FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid
    WHERE relnamespace = current_schema()::regnamespace
    UNION ALL SELECT version_num, 0, '', 0 FROM {VERSION_TABLE} ORDER BY 1, 2
"""
# The triggers would refuse to delete anything.
EMPTY = "".join(
    f"ALTER TABLE {table} DISABLE TRIGGER USER; DELETE FROM {table}; ALTER TABLE {table} ENABLE TRIGGER USER;"
    for table in reversed(metadata.sorted_tables)
)


def _beside(url):
    return psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False))


@pytest.fixture(params=DATABASES)
def migrated_url(request):
    """Return the URL of a migrated database."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(scope="module", params=DATABASES)
def lasting_engine(request, tmp_path_factory):
    """Return an engine for a migrated database that lasts: for tests that leave it as it is."""
    with ExitStack() as lasting:
        if request.param == "sqlite":
            url = _file(tmp_path_factory.mktemp("lasting") / "billing.db")
        else:
            url = lasting.enter_context(request.getfixturevalue("postgres_schema")())
        engine = open_engine(url)
        migrate.upgrade(engine)
        yield engine
        engine.dispose()


@pytest.fixture
def engine(migrated_url):
    """Return an engine for a migrated database, which it has met already."""
    engine = open_engine(migrated_url)
    with engine.connect():
        pass
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine):
    """Return the store in it."""
    return SqlAlchemyStore(engine)


@contextmanager
def _heard(engine):
    record = Executed()
    connect = _LISTENING[engine.dialect.name](record)
    asked = Prepared.asked

    def heard(self, statement, parameters):
        answer = asked(self, statement, parameters)
        record.note(re.sub(r"\$\d+", "%s", statement), tuple(parameters))
        return answer

    @event.listens_for(engine, "do_connect")
    def listen(_dialect, _record, arguments, options):
        return connect(*arguments, **options)

    engine.dispose()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prepared, "asked", heard)
        yield record


@pytest.fixture
def executed(engine):
    """Return the record of what is sent to the database, also of what goes around SQLAlchemy, and around cursors."""
    with _heard(engine) as record:
        yield record


@pytest.fixture(scope="module")
def lasting_executed(lasting_engine):
    """Return the same record of the database that lasts."""
    with _heard(lasting_engine) as record:
        yield record


@pytest.fixture
def script(engine):
    """Return the script past which everything is led that is sent to the database: what was sent, and what goes wrong."""
    with scripted(engine) as script:
        yield script
