"""Transaction: how every statement of a unit is executed; the edge at which failures become the core's errors.

Most statements are SQLAlchemy's. The few that carry the load go down to the driver's connection, beside which SQLAlchemy's
own execution would take longer than the database does. BEGIN is said here and not by the driver, and on PostgreSQL not
before something needs it: a query of its own, or a single write, is a transaction by itself.
"""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import closing, suppress
from functools import cache
from typing import Any, NoReturn, TypeAlias

from sqlalchemy import Connection, Executable, Row
from sqlalchemy.exc import DBAPIError

from billing_adapters.sqlalchemy.failures import is_forgotten, translated
from billing_core.errors import BillingError, Conflict, Invalid

__all__ = ["Transaction"]

Parameters = Mapping[str, Any]
# Asks what is said in the database's own words, with parameters, and returns what is found.
Ask: TypeAlias = Callable[[str, Sequence[Any]], Sequence[Any]]
# Raises, in the core's words, what went wrong with what, at which statement.
Fail: TypeAlias = Callable[[BaseException, str, str | None], NoReturn]

_BEGIN = {
    # The version that guards a write is compared with what others have committed meanwhile.
    ("postgresql", True): "BEGIN ISOLATION LEVEL READ COMMITTED",
    ("postgresql", False): "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    # Without IMMEDIATE somebody else could write between what this unit reads and what it writes.
    ("sqlite", True): "BEGIN IMMEDIATE",
    ("sqlite", False): "BEGIN",
}


class Transaction:
    """One open transaction. After a failure nothing of it can be kept, whatever the database would still allow."""

    def __init__(self, connection: Connection, *, writes: bool) -> None:
        """Take a connection on which nothing has begun."""
        self.dialect = connection.dialect.name
        self.writes = writes
        self._connection = connection
        self._driver: Any = connection.connection.driver_connection
        self._begun = False
        self._kept = False
        self._over = False
        self._failure: BillingError | None = None
        self._manual: _Manual | None = None
        self._ask = _asking(self.dialect)(self._driver, connection.connection.info)

    def begin(self) -> None:
        """Say BEGIN, unless that was said."""
        if not self._begun:
            begin = _BEGIN[self.dialect, self.writes]
            with self._watched("the unit", begin):
                self._manual = self._manual or _Manual(self._driver, self.dialect)
                with closing(self._driver.cursor()) as cursor:
                    cursor.execute(begin)
            self._begun = True

    def rows(self, statement: Executable, parameters: Parameters, what: str = "what was asked for") -> Sequence[Row[Any]]:
        """Return what a query finds."""
        self._usable()
        self.begin()
        with self._watched(what):
            return self._connection.execute(statement, parameters).all()

    def look(self, statement: str, parameters: Sequence[Any], what: str = "what was asked for") -> Sequence[Any]:
        """Return what a query in the database's own words finds; it alone needs no transaction in a unit that writes."""
        self._usable()
        first = not self._begun
        if not self.writes:
            self.begin()
        try:
            return self._ask(statement, parameters)
        except BaseException as failure:  # noqa: BLE001 - as in `_Watched`, which takes longer
            if not (first and is_forgotten(failure)):
                self._fail(failure, what, statement)
        # Nothing was asked before, so nothing is lost.
        self._begin_again()
        return self._asked(statement, parameters, what)

    def write(
        self,
        statement: Executable,
        parameters: Parameters | Sequence[Parameters],
        what: str,
        *,
        expected: int | None = None,
    ) -> int:
        """Write one row, or many, in the order given; return how many were written.

        Raises:
            Conflict: Another number of rows was written than `expected`: the guard in the statement did not hold.
        """
        self._writable()
        self.begin()
        with self._watched(what):
            written = self._connection.execute(statement, parameters).rowcount
            if expected not in {None, written}:
                raise Conflict(what)
        return written

    def write_rows(self, statement: str, rows: Sequence[Any], what: str, *, expected: int) -> None:
        """Write rows, in the driver's own words.

        Raises:
            Conflict: Another number of rows was written than `expected`.
        """
        self._writable()
        self.begin()
        with self._watched(what, statement), closing(self._driver.cursor()) as cursor:
            if len(rows) == 1:
                cursor.execute(statement, rows[0])
            else:
                cursor.executemany(statement, rows)
            if cursor.rowcount != expected:
                raise Conflict(what)

    def write_at_once(self, statement: str, parameters: Sequence[Any], what: str, *, expected: int, last: bool) -> None:
        """Write everything that one statement in the database's own words writes, or nothing; it says how many it guards.

        `last`: nothing else is written by this unit, so the statement may keep by itself what it writes.

        Raises:
            Conflict: It returned another number than `expected`.
        """
        self._writable()
        self._kept = last
        if not last:
            self.begin()
        ((written,),) = self._asked(statement, parameters, what)
        if written != expected:
            self._failure = Conflict(what)
            raise self._failure

    def commit(self) -> None:
        """Keep everything that was written.

        Raises:
            BillingError: What went wrong before; nothing is kept.
            Invalid: It only reads, or is over.
        """
        self._usable()
        if not self.writes:
            raise Invalid("unit", "only reads: what writes needs `begin`")
        self._over = True
        if self._begun:
            self._end(self._driver.commit)

    def close(self) -> None:
        """Drop whatever was not kept, and give the connection back as it came."""
        try:
            if self._begun and not self._connection.invalidated:
                with suppress(BillingError):  # a connection that cannot even do this is closed, and drops it so
                    self._end(self._driver.commit if self._only_read() else self._driver.rollback)
            if self._manual and not self._connection.invalidated:
                with self._watched("the unit"):
                    self._manual.restore()
        finally:
            with translated("the unit"):
                self._connection.close()

    def _only_read(self) -> bool:
        """Tell whether COMMIT does as well as ROLLBACK, after which psycopg would prepare its statements anew."""
        return not self.writes and not self._failure

    def _end(self, how: Callable[[], None]) -> None:
        self._begun = False
        try:
            with self._watched("the unit"):
                how()
        except BaseException:
            # The transaction may still be open, and its locks held: nobody else may get this connection.
            self._connection.invalidate()
            raise

    def _begin_again(self) -> None:
        if self._begun:
            self._end(self._driver.rollback)
            self.begin()

    def _asked(self, statement: str, parameters: Sequence[Any], what: str) -> Sequence[Any]:
        try:
            return self._ask(statement, parameters)
        except BaseException as failure:  # noqa: BLE001 - as in `_Watched`, which takes longer
            self._fail(failure, what, statement)

    def _watched(self, what: str, statement: str | None = None) -> "_Watched":
        return _Watched(self._fail, what, statement)

    def _fail(self, failure: BaseException, what: str, statement: str | None) -> NoReturn:
        """Raise a failure in the core's words, and remember it: nothing of the unit can be kept."""
        try:
            with translated(what):
                raise self._as_raised(failure, statement)
        except BillingError as told:
            self._failure = told
            raise

    def _as_raised(self, failure: BaseException, statement: str | None) -> BaseException:
        """Return a failure of the driver as SQLAlchemy would raise it, and part with a connection that is of no use."""
        dialect = self._connection.dialect
        if not isinstance(failure, Exception):
            self._connection.invalidate(failure)  # it may have come in the midst of an answer
        if not isinstance(failure, dialect.loaded_dbapi.Error):
            return failure
        lost = dialect.is_disconnect(failure, self._driver, None)
        if lost:
            self._connection.invalidate(failure)
        raised = DBAPIError.instance(
            statement, (), failure, dialect.loaded_dbapi.Error, hide_parameters=True, connection_invalidated=lost
        )
        raised.__cause__ = failure
        return raised

    def _writable(self) -> None:
        self._usable()
        if not self.writes:
            raise Invalid("unit", "only reads: what writes needs `begin`")
        if self._kept:
            raise Invalid("unit", "has written its last")

    def _usable(self) -> None:
        if self._over:
            raise Invalid("unit", "is over: open another one")
        if self._failure:
            # PostgreSQL answers the COMMIT of a failed transaction with a quiet ROLLBACK.
            raise self._failure


class _Watched:
    """A block whose failures are told to somebody. As a generator it would take longer than much of what it watches."""

    __slots__ = ("_fail", "_statement", "_what")

    def __init__(self, fail: Fail, what: str, statement: str | None) -> None:
        self._fail, self._what, self._statement = fail, what, statement

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, failure: BaseException | None, _place: object) -> None:
        if failure is not None:
            self._fail(failure, self._what, self._statement)


class _Manual:
    """A driver's connection that begins nothing by itself, until it is restored."""

    __slots__ = ("_driver", "_name", "_was")

    def __init__(self, driver: Any, dialect: str) -> None:  # noqa: ANN401 - a connection of a driver
        self._driver = driver
        self._name, manual = ("isolation_level", None) if dialect == "sqlite" else ("autocommit", True)
        self._was = getattr(driver, self._name)
        if self._was != manual:
            setattr(driver, self._name, manual)

    def restore(self) -> None:
        """Let it be as it was."""
        if getattr(self._driver, self._name) != self._was:
            setattr(self._driver, self._name, self._was)


@cache
def _asking(dialect: str) -> Callable[[Any, MutableMapping[Any, Any]], Ask]:
    """Return what makes an `Ask` of a driver's connection, and of what the pool remembers with it."""
    if dialect == "sqlite":
        return _from_sqlite
    from billing_adapters.sqlalchemy.prepared import Prepared  # noqa: PLC0415 - who uses SQLite has no psycopg

    return lambda driver, remembered: Prepared(driver, remembered).asked


def _from_sqlite(driver: Any, _remembered: object) -> Ask:  # noqa: ANN401 - a connection of a driver
    def asked(statement: str, parameters: Sequence[Any]) -> Sequence[Any]:
        # The cursor is closed whatever happens: a lock is kept as long as one lives, in a traceback if nowhere else.
        with closing(driver.cursor()) as cursor:
            found: Sequence[Any] = cursor.execute(statement, parameters).fetchall()
        return found

    return asked
