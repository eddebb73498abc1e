"""The SQLAlchemy store keeps the contract of every store, on every database that it serves."""

import pytest

from billing_adapters.sqlalchemy import migrate
from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine
from billing_core.testing.contracts import StoreContract


class SqlAlchemyStoreContract(StoreContract):
    @pytest.fixture
    def url(self):
        raise NotImplementedError

    @pytest.fixture
    def store(self, url):
        engine = open_engine(url)
        migrate.upgrade(engine)
        yield SqlAlchemyStore(engine)
        engine.dispose()


class TestSqliteFile(SqlAlchemyStoreContract):
    @pytest.fixture
    def url(self, tmp_path):
        return f"sqlite:///{tmp_path / 'billing.db'}"


class TestSqlitePassing(SqlAlchemyStoreContract):
    @pytest.fixture
    def url(self):
        return "sqlite://"


class TestPostgresql(SqlAlchemyStoreContract):
    @pytest.fixture
    def url(self, postgres_url):
        return postgres_url
