"""Both databases, empty and migrated."""

from contextlib import contextmanager

import pytest
from faults import scripted
from sqlalchemy import URL, event

from billing_adapters.sqlalchemy import migrate
from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine

DATABASES = ["sqlite", "postgresql"]


class Executed(list):
    """What was sent to the database: pairs of a statement and its parameters, many rows at once being one."""

    @contextmanager
    def afresh(self):
        """Count from zero within the block."""
        self.clear()
        yield self


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
    """Return the record of what is sent to the database, BEGIN left out."""
    record = Executed()

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, parameters, _context, _many):
        if not statement.startswith("BEGIN"):
            record.append((statement, parameters))

    return record


@pytest.fixture
def script(engine):
    """Return the script past which everything is led that is sent to the database: what was sent, and what goes wrong."""
    with scripted(engine) as script:
        yield script
