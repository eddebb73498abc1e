"""Hot statements: what every command reads and writes, in the databases' own words, for the drivers' own connections.

One look finds the books, the open lots and whether a key is known. One write puts down whatever was decided, on any number
of accounts: on PostgreSQL in one statement, which writes everything if all guards hold, and nothing otherwise.

What is handed over as one row is written into a statement as one row, and several rows as arrays: the planner then knows
which is which, and prepares a plan for one row that does not read whole tables for it. The text is the same for two rows
and for thousands.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Protocol, TypeAlias

from sqlalchemy import JSON, Boolean, Table, Text

from billing_adapters.sqlalchemy import ledger_rows as laid_out
from billing_adapters.sqlalchemy.tables import account, entry, hold, lot, movement
from billing_adapters.sqlalchemy.transaction import Transaction
from billing_core.domain.credits import Change

__all__ = ["Hot", "hot"]

Columns: TypeAlias = dict[str, Any]
Name: TypeAlias = tuple[str, ...]

_ACCOUNT = ("owner", "unit")
_KEY = (*_ACCOUNT, "key")
_NUMBERED = (*_ACCOUNT, "number")
_FOUND = ", ".join([
    *(f"account.{name}" for name in (*_ACCOUNT, *laid_out.BOOKS, "top_up_below")),
    "{known} AS known",
    *(f"lot.{name}" for name in laid_out.LOT),
])


class Hot(Protocol):
    """The hot statements of one database."""

    def look(self, transaction: Transaction, accounts: Sequence[Name], keys: Sequence[Name]) -> Sequence[Any]:
        """Return for every account that is there its open lots, or a row without one.

        A row has the names and books of the account, whether any of the keys is known, and a lot.
        """

    def record(self, transaction: Transaction, changes: Sequence[Change], what: str, *, last: bool) -> None:
        """Write changes; `last` if the unit writes nothing else."""


@cache
def hot(dialect: str) -> Hot:
    """Return the hot statements of a database."""
    return _Postgresql() if dialect == "postgresql" else _Sqlite()


def _looking(accounts: str, keys: str, is_open: str) -> str:
    entries = (
        "JOIN billing_entry AS entry ON entry.owner = asked.owner AND entry.unit = asked.unit AND entry.key = asked.key"
    )
    known = f"EXISTS (SELECT 1 FROM {keys} AS asked {entries})" if keys else "0"
    return (
        f"SELECT {_FOUND.format(known=known)} FROM {accounts} AS asked"
        " JOIN billing_account AS account ON account.owner = asked.owner AND account.unit = asked.unit"
        f" LEFT JOIN billing_lot AS lot ON lot.owner = account.owner AND lot.unit = account.unit AND {is_open}"
    )


def _parts(changes: Iterable[Change]) -> Iterator[tuple[str, list[Columns]]]:
    """Return what is to be written beside the books, by the name of a statement."""
    changes = [*changes]
    for name, rows_of in _ROWS.items():
        rows = [row for one in changes for row in rows_of(one)]
        if rows:
            yield name, rows


_ROWS = {
    "opened": laid_out.opened,
    "touched": laid_out.touched,
    "placed": laid_out.placed,
    "held": laid_out.held,
    "entries": laid_out.entries,
    "movements": laid_out.movements,
}
_INSERTED = {"opened": lot, "placed": hold, "entries": entry, "movements": movement}
_UPDATED = {"touched": (lot, laid_out.LEFT), "held": (hold, laid_out.HOLDING)}


# SQLite -------------------------------------------------------------------------------------------------------------------


class _Sqlite:
    """One statement for each table, inside the transaction that has the database to itself."""

    def __init__(self) -> None:
        self._books = _sqlite_update(account, (*_ACCOUNT, "version"), laid_out.BOOKS)
        self._written = {
            **{name: _sqlite_insert(table) for name, table in _INSERTED.items()},
            **{name: _sqlite_update(table, _NUMBERED, values) for name, (table, values) in _UPDATED.items()},
        }

    def look(self, transaction: Transaction, accounts: Sequence[Name], keys: Sequence[Name]) -> Sequence[Any]:
        """Return for every account that is there its open lots, or a row without one."""
        parameters = (*(_json(keys) if keys else ()), *_json(accounts))
        return transaction.look(_sqlite_look(len(accounts) > 1, min(len(keys), 2)), parameters)

    def record(self, transaction: Transaction, changes: Sequence[Change], what: str, *, last: bool) -> None:
        """Write changes; a transaction is open anyway."""
        del last
        transaction.write_rows(self._books, [laid_out.books(one) for one in changes], what, expected=len(changes))
        for name, rows in _parts(changes):
            transaction.write_rows(self._written[name], rows, what, expected=len(rows))


def _sqlite_insert(table: Table) -> str:
    names = table.c.keys()
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"


def _sqlite_update(table: Table, at: Name, values: Name) -> str:
    assigned, found = (
        (", ".join(f"{name} = :{name}" for name in values)),
        " AND ".join(f"{name} = :at_{name}" for name in at),
    )
    return f"UPDATE {table.name} SET {assigned} WHERE {found}"


@lru_cache
def _sqlite_look(many: bool, keys: int) -> str:  # noqa: FBT001 - the shape of a statement
    return _looking(_from_json(_ACCOUNT, many), _from_json(_KEY, keys > 1) if keys else "", "lot.is_open = 1")


def _from_json(names: Name, many: bool) -> str:  # noqa: FBT001 - the shape of a statement
    if not many:
        return f"(SELECT {', '.join(f'? AS {name}' for name in names)})"
    columns = ", ".join(f"json_extract(value, '$[{at}]') AS {name}" for at, name in enumerate(names))
    return f"(SELECT {columns} FROM json_each(?))"


def _json(rows: Sequence[Name]) -> Sequence[str]:
    return (json.dumps(rows),) if len(rows) > 1 else rows[0]


# PostgreSQL ---------------------------------------------------------------------------------------------------------------

_TYPES = {Text: "text", Boolean: "boolean", JSON: "jsonb"}  # all others are numbers
_GUARDED = "account.owner = new.at_owner AND account.unit = new.at_unit AND account.version = new.at_version"


class _Postgresql:
    """One statement for everything, so that the rows are locked for one round trip."""

    def look(self, transaction: Transaction, accounts: Sequence[Name], keys: Sequence[Name]) -> Sequence[Any]:
        """Return for every account that is there its open lots, or a row without one."""
        parameters = (*(_texts(keys) if keys else ()), *_texts(accounts))
        return transaction.look(_postgresql_look(len(accounts) > 1, min(len(keys), 2)), parameters)

    def record(self, transaction: Transaction, changes: Sequence[Change], what: str, *, last: bool) -> None:
        """Write changes; if nothing else is written, in a transaction of the statement's own."""
        parts = {"books": [laid_out.books(one) for one in changes], **dict(_parts(changes))}
        shape = tuple((name, len(rows) > 1) for name, rows in parts.items())
        parameters = tuple(value for name, rows in parts.items() for value in _handed_over(name, rows))
        transaction.write_at_once(_postgresql_write(shape), parameters, what, expected=len(changes), last=last)


@lru_cache
def _postgresql_look(many: bool, keys: int) -> str:  # noqa: FBT001 - the shape of a statement
    text: dict[str, str] = dict.fromkeys(_KEY, "text")
    accounts = _given({name: text[name] for name in _ACCOUNT}, many)
    return _looking(accounts, _given(text, keys > 1) if keys else "", "lot.is_open")


@lru_cache
def _postgresql_write(shape: tuple[tuple[str, bool], ...]) -> str:
    (_, many), *others = shape
    written = [_guarding(many), *(_writing(name, several) for name, several in others)]
    return f"WITH {', '.join(written)} SELECT count(*) FROM account"


def _guarding(many: bool) -> str:  # noqa: FBT001 - the shape of a statement
    """Return how the books are written: all of them, if every account is at its version, or none."""
    new = f"new AS MATERIALIZED (SELECT * FROM {_given(_handed('books'), many)} AS new)"
    assigned = ", ".join(f"{name} = new.{name}" for name in laid_out.BOOKS)
    update = f"UPDATE billing_account AS account SET {assigned} FROM"
    if not many:
        return f"account AS ({update} {_given(_handed('books'), many)} AS new WHERE {_GUARDED} RETURNING 1)"
    # Locked in the order in which everybody locks, and looked at again by whoever had to wait for it.
    locked = (
        f"locked AS MATERIALIZED (SELECT 1 FROM billing_account AS account JOIN new ON {_GUARDED}"
        " ORDER BY account.owner, account.unit FOR UPDATE OF account)"
    )
    all_of_them = "(SELECT count(*) FROM locked) = (SELECT count(*) FROM new)"
    return f"{new}, {locked}, account AS ({update} new WHERE {_GUARDED} AND {all_of_them} RETURNING 1)"


def _writing(name: str, many: bool) -> str:  # noqa: FBT001 - the shape of a statement
    given, guard = f"{_given(_handed(name), many)} AS new", "EXISTS (SELECT 1 FROM account)"
    if name in _INSERTED:
        columns = ", ".join(_INSERTED[name].c.keys())
        return f"{name} AS (INSERT INTO {_INSERTED[name].name} ({columns}) SELECT {columns} FROM {given} WHERE {guard})"
    table, values = _UPDATED[name]
    assigned = ", ".join(f"{one} = new.{one}" for one in values)
    found = " AND ".join(f"old.{one} = new.at_{one}" for one in _NUMBERED)
    return f"{name} AS (UPDATE {table.name} AS old SET {assigned} FROM {given} WHERE {found} AND {guard})"


def _given(columns: Mapping[str, str], many: bool) -> str:  # noqa: FBT001 - the shape of a statement
    """Return what stands for rows that are handed over as parameters."""
    if many:
        arrays = ", ".join(f"%s::{kind}[]" for kind in columns.values())
        return f"(SELECT * FROM unnest({arrays}) AS given({', '.join(columns)}))"
    return f"(SELECT {', '.join(f'%s::{kind} AS {name}' for name, kind in columns.items())})"


@cache
def _handed(name: str) -> Mapping[str, str]:
    """Return the columns of the rows of a part, and their types."""
    if name == "books":
        return _typed(account, (*_ACCOUNT, "version"), laid_out.BOOKS)
    if name in _UPDATED:
        table, values = _UPDATED[name]
        return _typed(table, _NUMBERED, values)
    return _typed(_INSERTED[name], (), tuple(_INSERTED[name].c.keys()))


def _typed(table: Table, at: Name, values: Name) -> Mapping[str, str]:
    kinds = {name: _TYPES.get(type(column.type), "bigint") for name, column in table.c.items()}
    return {f"at_{name}": kinds[name] for name in at} | {name: kinds[name] for name in values}


def _handed_over(name: str, rows: Sequence[Columns]) -> Iterable[str | None]:
    columns = _handed(name)
    return _arrays([[row[column] for column in columns] for row in rows], columns.values())


def _texts(rows: Sequence[Name]) -> Iterable[str | None]:
    return _arrays(rows, ("text",) * len(rows[0]))


def _arrays(rows: Sequence[Sequence[Any]], kinds: Iterable[str]) -> Iterable[str | None]:
    """Return the parameters that stand for rows: as text, whose type the statement says, so that it is prepared once."""
    if len(rows) == 1:
        return [None if value is None else str(value) for value in rows[0]]
    return [_array(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)]


def _array(values: Iterable[Any], kind: str) -> str:
    # https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
    if kind in {"text", "jsonb"}:
        return f"{{{','.join(map(_quoted, values))}}}"
    return f"{{{','.join('NULL' if value is None else str(value) for value in values)}}}"


def _quoted(value: str | None) -> str:
    if value is None:
        return "NULL"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
