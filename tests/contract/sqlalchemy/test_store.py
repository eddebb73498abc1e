"""The SQLAlchemy store keeps the contract of every store, on every database that it serves."""

import pytest

from billing_adapters.sqlalchemy import migrate
from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine
from billing_core.testing.contracts import StoreContract, UnitContract


def opened(url):
    engine = open_engine(url)
    migrate.upgrade(engine)  # which the one in memory needs
    yield SqlAlchemyStore(engine)
    engine.dispose()


class TestSqliteFile(StoreContract):
    @pytest.fixture
    def store(self, sqlite_url):
        yield from opened(sqlite_url)


class TestSqlitePassing(UnitContract):
    """The same as a file but for how long it lasts, so that only its units could differ."""

    @pytest.fixture
    def store(self):
        yield from opened("sqlite://")


class TestPostgresql(StoreContract):
    @pytest.fixture
    def store(self, postgresql_url):
        yield from opened(postgresql_url)
