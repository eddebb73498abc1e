"""Statements: the things that the databases do not say alike. Everything else is SQLAlchemy's."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, FromClause, Insert, Table, Text, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["Asked", "insert_new", "insert_over"]


class Asked:
    """Rows of text, handed to a statement as parameters.

    The text of the statement is the same for one row and for thousands: it is compiled once, prepared once, and meets no
    limit on the number of parameters.
    """

    def __init__(self, dialect: str, *columns: str) -> None:
        self.table = _arrays(columns) if dialect == "postgresql" else _json(columns)
        self.c = self.table.c
        self._dialect = dialect
        self._columns = columns

    def rows(self, rows: Iterable[tuple[str, ...]]) -> dict[str, Any]:
        """Return the parameters that stand for these rows; one that is given twice counts once."""
        distinct = list(dict.fromkeys(rows))
        if self._dialect == "postgresql":
            return {f"asked_{name}": [row[at] for row in distinct] for at, name in enumerate(self._columns)}
        return {"asked": json.dumps(distinct)}


def insert_new(dialect: str, table: Table) -> Insert:
    """Return the INSERT that leaves a row alone whose name is taken."""
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def insert_over(dialect: str, table: Table) -> Insert:
    """Return the INSERT that replaces a row whose name is taken."""
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    others = {one.name: insert.excluded[one.name] for one in table.columns if not one.primary_key}
    return insert.on_conflict_do_update(index_elements=table.primary_key.columns, set_=others)


def _arrays(columns: tuple[str, ...]) -> FromClause:
    arrays = (bindparam(f"asked_{name}", type_=ARRAY(Text)) for name in columns)
    return func.unnest(*arrays).table_valued(*columns, name="asked").render_derived()


def _json(columns: tuple[str, ...]) -> FromClause:
    row = func.json_each(bindparam("asked", type_=Text)).table_valued("value", name="row")
    return select(*(func.json_extract(row.c.value, f"$[{at}]").label(name) for at, name in enumerate(columns))).subquery(
        "asked"
    )
