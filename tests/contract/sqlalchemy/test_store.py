"""The SQLAlchemy store keeps the contract of every store, on every database that it serves."""

import shutil

import pytest

from billing_adapters.sqlalchemy import migrate
from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine
from billing_core.testing.contracts import StoreContract, UnitContract


@pytest.fixture(scope="module")
def migrated_file(tmp_path_factory):
    """Return a SQLite file that has the tables: copying it takes less time than migrating another one."""
    place = tmp_path_factory.mktemp("migrated") / "billing.db"
    engine = open_engine(f"sqlite:///{place}")
    migrate.upgrade(engine)
    engine.dispose()
    return place


def opened(url):
    engine = open_engine(url)
    migrate.upgrade(engine)
    yield SqlAlchemyStore(engine)
    engine.dispose()


class TestSqliteFile(StoreContract):
    @pytest.fixture
    def store(self, tmp_path, migrated_file):
        engine = open_engine(f"sqlite:///{shutil.copy(migrated_file, tmp_path)}")
        yield SqlAlchemyStore(engine)
        engine.dispose()


class TestSqlitePassing(UnitContract):
    """The same as a file but for how long it lasts, so that only its units could differ."""

    @pytest.fixture
    def store(self):
        yield from opened("sqlite://")


class TestPostgresql(StoreContract):
    @pytest.fixture
    def store(self, postgres_url):
        yield from opened(postgres_url)
