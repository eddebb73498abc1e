"""Transaction: how every statement of a unit is executed; the edge at which failures become the core's errors."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Executable, Row

from billing_adapters.sqlalchemy.failures import translated
from billing_core.errors import BillingError, Conflict, Invalid

__all__ = ["Transaction"]

Parameters = Mapping[str, Any]


class Transaction:
    """One open transaction. After a failure nothing of it can be kept, whatever the database would still allow."""

    def __init__(self, connection: Connection, *, writes: bool) -> None:
        self.dialect = connection.dialect.name
        self.writes = writes
        self._connection = connection
        self._over = False
        self._failure: BillingError | None = None

    def rows(self, statement: Executable, parameters: Parameters, what: str = "what was asked for") -> Sequence[Row[Any]]:
        """Return what a query finds."""
        self._usable()
        try:
            with translated(what):
                return self._connection.execute(statement, parameters).all()
        except BillingError as failure:
            self._failure = failure
            raise

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
        try:
            with translated(what):
                written = self._connection.execute(statement, parameters).rowcount
            if expected not in {None, written}:
                raise Conflict(what)
        except BillingError as failure:
            self._failure = failure
            raise
        return written

    def commit(self) -> None:
        """Keep everything that was written.

        Raises:
            BillingError: What went wrong before; nothing is kept.
            Invalid: It only reads, or is over.
        """
        self._writable()
        self._over = True
        try:
            with translated("the unit"):
                self._connection.commit()
        except BaseException:
            # A COMMIT that failed may have left the transaction open, which the pool would hand on with its locks, and the
            # next unit keep: SQLite does so when it is busy.
            self._connection.invalidate()
            raise

    def _writable(self) -> None:
        self._usable()
        if not self.writes:
            raise Invalid("unit", "only reads: what writes needs `begin`")

    def _usable(self) -> None:
        if self._over:
            raise Invalid("unit", "is over: open another one")
        if self._failure:
            # PostgreSQL answers the COMMIT of a failed transaction with a quiet ROLLBACK.
            raise self._failure
