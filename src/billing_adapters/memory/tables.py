"""Tables: rows in plain dicts, shared by all units until one of them writes.

What was committed is never changed again; a unit that writes into a table copies it first. A reader therefore keeps seeing
one moment of the store without holding up anybody, and dropping a unit is forgetting its copies. A commit costs as much as
the tables it wrote to are long, which is nothing for thousands of rows and too much for millions.
"""

from collections.abc import Iterable, Mapping
from typing import Generic, NoReturn, TypeVar

from billing_core.errors import BillingError, Conflict

__all__ = ["Life", "Table"]

K = TypeVar("K")
V = TypeVar("V")


class Life:
    """Whether a unit takes writes: not if it is a view, not after it ended, and not after one of them was refused."""

    def __init__(self) -> None:
        """Begin a life in which everything may be written."""
        self._ended: BillingError | None = None

    def end(self, why: BillingError) -> BillingError:
        """Refuse every further write, and return the reason: this one, unless there was one before."""
        self._ended = self._ended or why
        return self._ended

    def check(self) -> None:
        """Let a write pass.

        Raises:
            BillingError: The life ended, for this reason.
        """
        if self._ended:
            raise self._ended


class Table(Generic[K, V]):
    """The rows of one kind, as one unit sees them."""

    def __init__(self, rows: Mapping[K, V], life: Life) -> None:
        """See these rows, and write as long as the unit lives."""
        self._rows = rows
        self._own: dict[K, V] | None = None
        self._life = life

    @property
    def rows(self) -> Mapping[K, V]:
        """All rows, in the order in which they were first written."""
        return self._rows

    def pick(self, keys: Iterable[K]) -> dict[K, V]:
        """Return those rows that are there."""
        return {key: self._rows[key] for key in keys if key in self._rows}

    def put(self, key: K, row: V) -> None:
        """Write a row over whatever was there."""
        self._writable()[key] = row

    def drop(self, key: K) -> None:
        """Remove a row, if it is there."""
        self._writable().pop(key, None)

    def guard(self, what: str, *, passes: bool) -> None:
        """Keep the unit from writing anything at all unless a condition holds.

        Raises:
            Conflict: It does not hold.
        """
        if not passes:
            self.refuse(Conflict(what))

    def refuse(self, why: BillingError) -> NoReturn:
        """Keep the unit from writing anything at all.

        Raises:
            BillingError: This reason, or an earlier one.
        """
        raise self._life.end(why)

    def _writable(self) -> dict[K, V]:
        self._life.check()
        if self._own is None:
            self._rows = self._own = dict(self._rows)
        return self._own
