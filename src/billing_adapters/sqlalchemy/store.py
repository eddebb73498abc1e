"""Store: SQLite and PostgreSQL, each transaction a unit of work.

SQLite: a unit that writes starts with BEGIN IMMEDIATE and is alone; a view sees the last commit and waits for nobody.
PostgreSQL: units that write run beside one another in READ COMMITTED, guarded by versions; a view is one REPEATABLE READ
snapshot. Either begins with the first statement that needs it.
"""

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from types import TracebackType
from typing import Any
from weakref import finalize

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from billing_adapters.sqlalchemy import schema
from billing_adapters.sqlalchemy.cursors import SqlAlchemyCursors
from billing_adapters.sqlalchemy.failures import translated
from billing_adapters.sqlalchemy.inbox import SqlAlchemyInbox
from billing_adapters.sqlalchemy.intents import SqlAlchemyIntents
from billing_adapters.sqlalchemy.ledger import SqlAlchemyLedger
from billing_adapters.sqlalchemy.mirrors import (
    SqlAlchemyCustomers,
    SqlAlchemyDisputes,
    SqlAlchemyPrices,
    SqlAlchemyProducts,
    SqlAlchemyRefunds,
    SqlAlchemySubscriptions,
)
from billing_adapters.sqlalchemy.outbox import SqlAlchemyOutbox
from billing_adapters.sqlalchemy.payments import SqlAlchemyPayments
from billing_adapters.sqlalchemy.topups import SqlAlchemyTopUps
from billing_adapters.sqlalchemy.transaction import Transaction
from billing_core.errors import Invalid

__all__ = ["SqlAlchemyStore", "SqlAlchemyUnit", "open_engine", "sqlite_engine"]

_BUSY_SECONDS = 5.0
_DRIVERS = {"sqlite": "pysqlite", "postgresql": "psycopg"}  # by which what a failure says is told


class SqlAlchemyUnit:
    """One transaction. What it wrote is kept if `commit` was called, and dropped otherwise."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.ledger = SqlAlchemyLedger(transaction)

    @property
    def products(self) -> SqlAlchemyProducts:
        """The products."""
        return SqlAlchemyProducts(self._transaction)

    @property
    def prices(self) -> SqlAlchemyPrices:
        """The prices."""
        return SqlAlchemyPrices(self._transaction)

    @property
    def customers(self) -> SqlAlchemyCustomers:
        """The customers."""
        return SqlAlchemyCustomers(self._transaction)

    @property
    def subscriptions(self) -> SqlAlchemySubscriptions:
        """The subscriptions."""
        return SqlAlchemySubscriptions(self._transaction)

    @property
    def payments(self) -> SqlAlchemyPayments:
        """Payments and paid invoices."""
        return SqlAlchemyPayments(self._transaction)

    @property
    def top_ups(self) -> SqlAlchemyTopUps:
        """The rules by which accounts are topped up."""
        return SqlAlchemyTopUps(self._transaction)

    @property
    def intents(self) -> SqlAlchemyIntents:
        """What was ordered from the payment provider."""
        return SqlAlchemyIntents(self._transaction)

    @property
    def cursors(self) -> SqlAlchemyCursors:
        """How far what goes on another time has come."""
        return SqlAlchemyCursors(self._transaction)

    @property
    def inbox(self) -> SqlAlchemyInbox:
        """The webhooks."""
        return SqlAlchemyInbox(self._transaction)

    @property
    def outbox(self) -> SqlAlchemyOutbox:
        """The events for the application."""
        return SqlAlchemyOutbox(self._transaction)

    @property
    def refunds(self) -> SqlAlchemyRefunds:
        """The refunds of payments."""
        return SqlAlchemyRefunds(self._transaction)

    @property
    def disputes(self) -> SqlAlchemyDisputes:
        """The disputes of payments."""
        return SqlAlchemyDisputes(self._transaction)

    def commit(self) -> None:
        """Keep everything that this unit wrote; the unit is over.

        Raises:
            StoreUnavailable: No answer came: whether it was kept is unknown.
            BillingError: The unit failed before; nothing is kept.
        """
        self._transaction.commit()


class SqlAlchemyStore:
    """The database behind an engine; any number of threads, each with its own units.

    The engine is best made by `open_engine`, which sets SQLite up; for PostgreSQL one of the host's own will do.
    """

    def __init__(self, engine: Engine) -> None:
        """Take an engine, which stays the caller's to dispose of.

        Raises:
            Invalid: The engine is for another database, or goes through another driver than sqlite3 and psycopg 3.
        """
        _refuse_others("engine", engine.dialect.name, engine.dialect.driver)
        self._engine = engine
        self._migrated = False
        self._own = engine.execution_options(preserve_rowcount=True)

    def begin(self) -> "_Opened":
        """Open a unit that may write; leaving the block without `commit` drops what it wrote.

        Raises:
            NotMigrated: The tables are missing or of another version.
            StoreUnavailable: The database does not answer, or somebody else keeps it from writing.
        """
        return _Opened(self._transaction, writes=True)

    def view(self) -> "_Opened":
        """Open a unit that only reads, all of it as of one moment, and hinders no writer.

        Raises:
            NotMigrated: The tables are missing or of another version.
            StoreUnavailable: The database does not answer.
        """
        return _Opened(self._transaction, writes=False)

    def _transaction(self, *, writes: bool) -> Transaction:
        if not self._migrated:
            schema.require(self._engine)
            self._migrated = True
        with translated("the unit"):
            connection = self._own.connect()
        try:
            return Transaction(connection, writes=writes)
        except BaseException:
            connection.close()
            raise


class _Opened:
    """The block in which a unit is open."""

    __slots__ = ("_open", "_transaction", "_writes")

    def __init__(self, opening: Callable[..., Transaction], *, writes: bool) -> None:
        self._open, self._writes = opening, writes

    def __enter__(self) -> SqlAlchemyUnit:
        self._transaction = transaction = self._open(writes=self._writes)
        if transaction.dialect == "sqlite":
            try:
                transaction.begin()
            except BaseException:
                transaction.close()
                raise
        return SqlAlchemyUnit(transaction)

    def __exit__(
        self, _kind: type[BaseException] | None, _failure: BaseException | None, _place: TracebackType | None
    ) -> None:
        self._transaction.close()


def open_engine(url: str | URL, **options: Any) -> Engine:  # noqa: ANN401 - SQLAlchemy's own
    """Return an engine for `sqlite:///file`, `sqlite://` (gone with the engine) or `postgresql://...`, through psycopg 3.

    `options` are those of `sqlalchemy.create_engine`.

    Raises:
        Invalid: No engine can be made from this URL.
    """
    try:
        return _engine(make_url(url), options)
    except (ArgumentError, ValueError):
        # What a library says about an address may repeat its password.
        raise Invalid("url", "cannot be read as the address of a database") from None
    except ImportError as failure:
        missing = failure.name or "psycopg"
        raise Invalid("url", f"needs the module {missing}: install billing-core[postgres]") from failure


def _engine(url: URL, options: dict[str, Any]) -> Engine:
    if url.drivername in {"postgres", "postgresql"}:
        url = url.set(drivername="postgresql+psycopg")
    _refuse_others("url", url.get_backend_name(), url.get_driver_name())
    if url.get_backend_name() == "postgresql":
        return create_engine(url, **{"hide_parameters": True, **options})
    if url != URL.create(url.drivername, database=url.database):
        raise Invalid("url", "holds more than the path of a SQLite file, which begins after three slashes: sqlite:///file")
    return sqlite_engine(url.database, **options)


def sqlite_engine(path: str | PathLike[str] | None = None, **options: Any) -> Engine:  # noqa: ANN401 - SQLAlchemy's own
    """Return an engine for a SQLite file in WAL mode, which survives a power cut.

    Without a path the database is gone with the engine. It is a temporary file all the same: one in memory is a single
    connection, and no view could be open beside a unit that writes.
    """
    lasting = path not in {None, "", ":memory:"}
    place = str(path) if lasting else str(Path(mkdtemp(prefix="billing-")) / "billing.db")
    arguments = {"check_same_thread": False, "timeout": _BUSY_SECONDS}
    address = URL.create("sqlite", database=place)
    engine = create_engine(address, connect_args=arguments, **{"hide_parameters": True, **options})
    event.listen(engine, "connect", _lasting if lasting else _passing)
    if not lasting:
        finalize(engine, rmtree, Path(place).parent, ignore_errors=True)
    return engine


def _refuse_others(field: str, database: str, driver: str) -> None:
    if database not in _DRIVERS:
        raise Invalid(field, f"must be for SQLite or PostgreSQL, not {database}")
    if driver != _DRIVERS[database]:
        raise Invalid(field, f"must go through {_DRIVERS[database]}, not {driver}")


def _lasting(connection: Any, _record: object) -> None:  # noqa: ANN401 - a connection of the driver
    _set_up(connection, synchronous="FULL")


def _passing(connection: Any, _record: object) -> None:  # noqa: ANN401 - a connection of the driver
    _set_up(connection, synchronous="OFF")


def _set_up(connection: Any, *, synchronous: str) -> None:  # noqa: ANN401 - a connection of the driver
    for pragma in ("journal_mode = WAL", f"synchronous = {synchronous}", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()
