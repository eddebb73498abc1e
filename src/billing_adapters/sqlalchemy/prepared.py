"""Prepared: statements that PostgreSQL is asked again and again, through what psycopg hands on of libpq.

A cursor of psycopg's takes longer over such a statement than anything else that is done for it. Here it is prepared once on
each connection, under a name that the pool keeps with the connection, and from then on only told its parameters: as text,
whose types the statement says. What it finds comes as binary. https://www.psycopg.org/psycopg3/docs/api/pq.html
"""

from collections.abc import MutableMapping, Sequence
from itertools import count
from typing import Any

from psycopg import Connection, generators
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult

from billing_adapters.sqlalchemy.failures import is_forgotten

__all__ = ["Prepared"]

_KNOWN = "billing_core.prepared"
_DONE = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK})


class Prepared:
    """The prepared statements of one connection, by what the pool remembers with it."""

    __slots__ = ("_driver", "_known")

    def __init__(self, driver: Connection[Any], remembered: MutableMapping[Any, Any]) -> None:
        """Take a connection, and what lasts as long as it does."""
        self._driver = driver
        self._known: _Known = remembered.get(_KNOWN) or remembered.setdefault(_KNOWN, _Known())

    def asked(self, statement: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        """Return what a statement finds; its parameters are given as text, but for None.

        Raises:
            psycopg.Error: The server refuses it, or does not answer.
        """
        driver, server = self._driver, self._driver.pgconn
        letters = "utf-8" if server.parameter_status(b"client_encoding") == b"UTF8" else driver.info.encoding
        given = [None if one is None else str(one).encode(letters) for one in parameters]
        with driver.lock:
            name = self._known.names.get(statement) or self._prepare(statement)
            server.send_query_prepared(name, given, result_format=Format.BINARY)
            found = self._answer()
        reader = Transformer(driver)
        reader.set_pgresult(found, format=Format.BINARY)
        return reader.load_rows(0, found.ntuples, tuple)

    def _prepare(self, statement: str) -> bytes:
        name = b"billing_%d" % next(self._known.numbers)
        self._driver.pgconn.send_prepare(name, statement.encode())
        self._answer()
        self._known.names[statement] = name
        return name

    def _answer(self) -> PGresult:
        """Wait as psycopg does, which a signal ends, and which lets others work meanwhile."""
        result: PGresult = self._driver.wait(generators.execute(self._driver.pgconn))[0]
        if result.status in _DONE:
            return result
        failure = error_from_result(result, self._driver.info.encoding)
        if is_forgotten(failure):
            self._known.names.clear()
        raise failure


class _Known:
    """The names of what is prepared on a connection. None is given twice, whoever makes the server forget some of them."""

    __slots__ = ("names", "numbers")

    def __init__(self) -> None:
        self.names: dict[str, bytes] = {}
        self.numbers = count()
