"""Failures: what a driver raises, told in the core's words.

The cause is kept, and goes into logs and the inbox: what was to be written stays out of it as out of the sentence.
"""

import re
from types import TracebackType

from sqlalchemy import exc

from billing_adapters.sqlalchemy.tables import REVISION
from billing_core.errors import BillingError, Conflict, Invalid, NotMigrated, StoreError, StoreUnavailable

__all__ = ["is_forgotten", "translated"]

# https://www.postgresql.org/docs/current/errcodes-appendix.html: serialization_failure, deadlock_detected,
# lock_not_available, unique_violation, invalid_sql_statement_name; then undefined_table, undefined_column.
_FORGOTTEN = "26000"
_OVERTAKEN = frozenset({"40001", "40P01", "55P03", "23505", _FORGOTTEN})
_MISSING = frozenset({"42P01", "42703"})

_SQLITE_MISSING = ("no such table", "no such column", "has no column named")
_SQLITE_RULE = re.compile(r"CHECK constraint failed: (\w+)|^(billing_\w+)$|(FOREIGN KEY|NOT NULL) constraint failed")


class translated:  # noqa: N801 - a block, like `suppress`
    """Raise what the core knows in place of what the driver raised while it dealt with `what`.

    Raises:
        Conflict: Somebody else wrote first.
        NotMigrated: The tables are missing.
        StoreUnavailable: The database did not answer, or did not do it.
        StoreError: It may not, or cannot, do this.
        Invalid: The database's own rules refuse the value, or it cannot hold it.
    """

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        """Begin to watch."""

    def __exit__(
        self, _kind: type[BaseException] | None, failure: BaseException | None, _place: TracebackType | None
    ) -> None:
        """Raise in place of what was raised, if that was the driver's."""
        match failure:
            case exc.DBAPIError():
                meaning = _meaning(failure, self._what)
                _conceal(failure)
                raise meaning from failure
            case exc.StatementError():
                failure.hide_parameters = True
            case exc.TimeoutError():
                raise StoreUnavailable("no connection was free") from failure
            case OverflowError() | UnicodeEncodeError():
                raise Invalid(self._what, "holds a value that the database cannot store") from failure


def is_forgotten(failure: BaseException) -> bool:
    """Tell whether a server says that it does not know what was prepared: somebody sent DISCARD ALL on this connection."""
    return getattr(failure, "sqlstate", None) == _FORGOTTEN


def _meaning(failure: exc.DBAPIError, what: str) -> BillingError:
    state, sentence = getattr(failure.orig, "sqlstate", None), str(failure.orig)
    if state in _OVERTAKEN or sentence.startswith("UNIQUE constraint failed"):
        return Conflict(what)
    if state in _MISSING or any(one in sentence for one in _SQLITE_MISSING):
        return NotMigrated("none", REVISION)
    if isinstance(failure, exc.IntegrityError):
        return Invalid(what, f"breaks the database's rule {_rule(failure)}")
    if isinstance(failure, exc.DataError):
        return Invalid(what, "holds a value that the database cannot store")
    if isinstance(failure, exc.ProgrammingError | exc.NotSupportedError):
        return StoreError()  # no permission, or a mistake of ours: trying again will not help
    return StoreUnavailable(_reason(failure))


def _conceal(failure: exc.DBAPIError) -> None:
    """Take the values out of what a failure says, whoever made the engine.

    Of what a server says only the first line is kept, and of a value that it could not read nothing: the other lines quote
    the row (`DETAIL: Failing row contains ...`). SQLite quotes no values.
    """
    failure.hide_parameters = True
    if failure.orig is not None and not _of_sqlite(failure):
        kind = type(failure.orig)
        told = "" if isinstance(failure, exc.DataError) else str(failure.orig).partition("\n")[0]
        failure.orig.args = (told,)
        failure.args = (f"({kind.__module__}.{kind.__name__}) {told}",)


def _rule(failure: exc.DBAPIError) -> str:
    diagnosis = getattr(failure.orig, "diag", None)
    if diagnosis is not None:
        return str(diagnosis.constraint_name or diagnosis.column_name)
    found = _SQLITE_RULE.search(str(failure.orig))
    return next((part for part in found.groups() if part), "") if found else type(failure.orig).__name__


def _reason(failure: exc.DBAPIError) -> str:
    """Name the failure; SQLite's sentences are short and hold no values, those of a server may."""
    name = type(failure.orig).__name__
    return f"{name}: {failure.orig}" if _of_sqlite(failure) else name


def _of_sqlite(failure: exc.DBAPIError) -> bool:
    return type(failure.orig).__module__ == "sqlite3"
