"""Hot statements: what every command reads and writes, in the databases' own words, for the drivers' own connections.

One look finds the books, the open lots and whether a key is known. One write puts down whatever was decided, on any number
of accounts: on PostgreSQL in one statement, which writes everything if all guards hold, and nothing otherwise.

What is handed over as one row is written into a statement as one row, and several rows as arrays: the planner then knows
which is which, and prepares a plan for one row that does not read whole tables for it. The text is the same for two rows
and for thousands.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

from attrs import frozen
from sqlalchemy import JSON, Boolean, Table, Text

from billing_adapters.sqlalchemy import ledger_rows as laid_out
from billing_adapters.sqlalchemy.ledger_rows import Values
from billing_adapters.sqlalchemy.tables import account, entry, hold, lot, movement
from billing_adapters.sqlalchemy.transaction import Transaction
from billing_core.domain.credits import Change

__all__ = ["Hot", "hot"]

Name: TypeAlias = tuple[str, ...]

_ACCOUNT = ("owner", "unit")
_KEY = (*_ACCOUNT, "key")
_NUMBERED = (*_ACCOUNT, "number")


@frozen
class _Part:
    """What a change writes into one table: columns of new rows, or of those that are found by the columns `at`."""

    rows: Callable[[Change], Iterable[Values]]
    table: Table
    columns: Name
    at: Name = ()


_BOOKS = "account"
_PARTS: Mapping[str, _Part] = MappingProxyType({
    _BOOKS: _Part(laid_out.books, account, laid_out.BOOKS, at=(*_ACCOUNT, "version")),
    "opened": _Part(laid_out.opened, lot, (*_ACCOUNT, *laid_out.TERMS, *laid_out.LEFT)),
    "touched": _Part(laid_out.touched, lot, laid_out.LEFT, at=_NUMBERED),
    "placed": _Part(laid_out.placed, hold, (*_ACCOUNT, *laid_out.HOLD, *laid_out.HOLDING)),
    "held": _Part(laid_out.held, hold, laid_out.HOLDING, at=_NUMBERED),
    "entries": _Part(laid_out.entries, entry, (*_ACCOUNT, *laid_out.ENTRY)),
    "movements": _Part(laid_out.movements, movement, (*_ACCOUNT, *laid_out.MOVEMENT)),
})


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


def _rows(changes: Sequence[Change]) -> Iterator[tuple[str, Sequence[Values]]]:
    """Return what is to be written, by the names of the parts: the books first."""
    for name, part in _PARTS.items():
        rows = [row for one in changes for row in part.rows(one)]
        if rows:
            yield name, rows


def _looking(accounts: str, keys: str | None, is_open: str) -> str:
    same_key = "entry.owner = asked.owner AND entry.unit = asked.unit AND entry.key = asked.key"
    known = f"EXISTS (SELECT 1 FROM {keys} AS asked JOIN billing_entry AS entry ON {same_key})" if keys else "0"
    books = ", ".join(f"account.{name}" for name in (*_ACCOUNT, *laid_out.LOOKED))
    lots = ", ".join(f"lot.{name}" for name in laid_out.LOT)
    return (
        f"SELECT {books}, {known} AS known, {lots} FROM {accounts} AS asked"
        " JOIN billing_account AS account ON account.owner = asked.owner AND account.unit = asked.unit"
        f" LEFT JOIN billing_lot AS lot ON lot.owner = account.owner AND lot.unit = account.unit AND {is_open}"
    )


# SQLite -------------------------------------------------------------------------------------------------------------------


class _Sqlite:
    """One statement for each table, inside the transaction that has the database to itself."""

    def __init__(self) -> None:
        self._written = {name: _sqlite_write(part) for name, part in _PARTS.items()}

    def look(self, transaction: Transaction, accounts: Sequence[Name], keys: Sequence[Name]) -> Sequence[Any]:
        """Return for every account that is there its open lots, or a row without one."""
        return transaction.look(_sqlite_look(len(accounts) > 1, min(len(keys), 2)), (*_json(keys), *_json(accounts)))

    def record(self, transaction: Transaction, changes: Sequence[Change], what: str, *, last: bool) -> None:
        """Write changes; a transaction is open anyway."""
        del last
        for name, rows in _rows(changes):
            transaction.write_rows(self._written[name], rows, what, expected=len(rows))


def _sqlite_write(part: _Part) -> str:
    name, columns = part.table.name, part.columns
    if not part.at:
        return f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})"
    assigned = ", ".join(f"{column} = ?" for column in columns)
    found = " AND ".join(f"{column} = ?" for column in part.at)
    return f"UPDATE {name} SET {assigned} WHERE {found}"


@cache
def _sqlite_look(many: bool, keys: int) -> str:  # noqa: FBT001 - the shape of a statement
    return _looking(_from_json(_ACCOUNT, many), _from_json(_KEY, keys > 1) if keys else None, "lot.is_open = 1")


def _from_json(names: Name, many: bool) -> str:  # noqa: FBT001 - the shape of a statement
    if not many:
        return f"(SELECT {', '.join(f'? AS {name}' for name in names)})"
    columns = ", ".join(f"json_extract(value, '$[{at}]') AS {name}" for at, name in enumerate(names))
    return f"(SELECT {columns} FROM json_each(?))"


def _json(rows: Sequence[Name]) -> Sequence[str]:
    return (json.dumps(rows),) if len(rows) > 1 else (*rows, ())[0]


# PostgreSQL ---------------------------------------------------------------------------------------------------------------

# All others are numbers.
_TYPES: Mapping[type, str] = MappingProxyType({Text: "text", Boolean: "boolean", JSON: "jsonb"})
_QUOTED = frozenset({"text", "jsonb"})
_TEXTS = ("text",) * len(_KEY)


class _Postgresql:
    """One statement for everything, so that the rows are locked for one round trip."""

    def look(self, transaction: Transaction, accounts: Sequence[Name], keys: Sequence[Name]) -> Sequence[Any]:
        """Return for every account that is there its open lots, or a row without one."""
        parameters = (*_handed_over(keys, _TEXTS), *_handed_over(accounts, _TEXTS))
        return transaction.look(_postgresql_look(len(accounts) > 1, min(len(keys), 2)), parameters)

    def record(self, transaction: Transaction, changes: Sequence[Change], what: str, *, last: bool) -> None:
        """Write changes; if nothing else is written, in a transaction of the statement's own."""
        shape: list[tuple[str, bool]] = []
        parameters: list[Any] = []
        for name, rows in _rows(changes):
            shape.append((name, len(rows) > 1))
            parameters += _handed_over(rows, _types(name))
        transaction.write_at_once(_postgresql_write(*shape), parameters, what, expected=len(changes), last=last)


@cache
def _postgresql_look(many: bool, keys: int) -> str:  # noqa: FBT001 - the shape of a statement
    accounts = _given(_ACCOUNT, _TEXTS[:-1], many)
    return _numbered(_looking(accounts, _given(_KEY, _TEXTS, keys > 1) if keys else None, "lot.is_open"))


@cache
def _postgresql_write(*shape: tuple[str, bool]) -> str:
    written = ", ".join(_writing(name, many) for name, many in shape)
    return _numbered(f"WITH {written} SELECT count(*) FROM {_BOOKS}")


def _numbered(statement: str) -> str:
    """Give the parameters of a statement, each of which is `%s`, the numbers by which PostgreSQL knows them."""
    numbers = count(1)
    return re.sub("%s", lambda _: f"${next(numbers)}", statement)


def _writing(name: str, many: bool) -> str:  # noqa: FBT001 - the shape of a statement
    part = _PARTS[name]
    given = _given((*part.columns, *(f"at_{one}" for one in part.at)), _types(name), many)
    if name == _BOOKS:
        return _guarding(part, given) if many else f"{name} AS ({_updating(part, given)} RETURNING 1)"
    guard = f"EXISTS (SELECT 1 FROM {_BOOKS})"
    if part.at:
        return f"{name} AS ({_updating(part, given)} AND {guard})"
    columns = ", ".join(part.columns)
    return f"{name} AS (INSERT INTO {part.table.name} ({columns}) SELECT {columns} FROM {given} AS new WHERE {guard})"


def _guarding(part: _Part, given: str) -> str:
    """Return how the books of several accounts are written: all of them, if each is at its version, or none.

    They are locked in the order in which everybody locks, and looked at again by whoever had to wait for one.
    """
    new = f"given AS MATERIALIZED (SELECT * FROM {given} AS given)"
    locked = (
        f"locked AS MATERIALIZED (SELECT 1 FROM given AS new JOIN {part.table.name} AS old ON {_found(part)}"
        " ORDER BY old.owner, old.unit FOR UPDATE OF old)"
    )
    all_locked = "(SELECT count(*) FROM locked) = (SELECT count(*) FROM given)"
    return f"{new}, {locked}, {_BOOKS} AS ({_updating(part, 'given')} AND {all_locked} RETURNING 1)"


def _updating(part: _Part, given: str) -> str:
    assigned = ", ".join(f"{column} = new.{column}" for column in part.columns)
    return f"UPDATE {part.table.name} AS old SET {assigned} FROM {given} AS new WHERE {_found(part)}"


def _found(part: _Part) -> str:
    return " AND ".join(f"old.{column} = new.at_{column}" for column in part.at)


@cache
def _types(name: str) -> Name:
    part = _PARTS[name]
    return tuple(_TYPES.get(type(part.table.c[column].type), "bigint") for column in (*part.columns, *part.at))


def _given(names: Name, types: Name, many: bool) -> str:  # noqa: FBT001 - the shape of a statement
    """Return what stands for rows that are handed over as parameters."""
    typed = zip(names, types, strict=True)
    if many:
        return f"(SELECT * FROM unnest({', '.join(f'%s::{kind}[]' for kind in types)}) AS row_of({', '.join(names)}))"
    return f"(SELECT {', '.join(f'%s::{kind} AS {name}' for name, kind in typed)})"


def _handed_over(rows: Sequence[Values], types: Name) -> Sequence[Any]:
    """Return the parameters that stand for rows, whose types the statement says."""
    if len(rows) == 1:
        return rows[0]
    return [_array(column, kind) for column, kind in zip(zip(*rows, strict=True), types, strict=False)]


def _array(values: Sequence[Any], kind: str) -> str:
    # https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
    if None in values:
        written = map(_quoted, values) if kind in _QUOTED else ("NULL" if one is None else str(one) for one in values)
    elif kind in _QUOTED:
        joined = '","'.join(values)
        if "\\" not in joined and joined.count('"') == 2 * (len(values) - 1):  # there is nothing to escape
            return f'{{"{joined}"}}'
        written = map(_quoted, values)
    else:
        written = map(str, values)
    return f"{{{','.join(written)}}}"


def _quoted(value: str | None) -> str:
    if value is None:
        return "NULL"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
