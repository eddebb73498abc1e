"""Faults: a database that fails at a statement of one's choice, below everything that sends it statements.

SQLite's driver gets connections of another class, psycopg's are led through a relay to their server. So nothing is sent
past a script: no BEGIN, COMMIT or ROLLBACK, no row of many, and nothing that goes around SQLAlchemy.

```python
with scripted(engine) as script:
    with script.running() as sent:  # undisturbed
        spend()
    with script.running(at=len(sent), fault=Fault.UNANSWERED):
        spend()
```
"""

import sqlite3
from contextlib import contextmanager

from relay import Relay
from script import FAULTS, LOSSES, RACES, Fault, Script
from sqlalchemy import event

__all__ = ["FAULTS", "LOSSES", "RACES", "Fault", "Script", "scripted"]


@contextmanager
def scripted(engine):
    """Lead everything that an engine sends within the block past a script, which is returned."""
    script = Script()
    with _leading(engine, script) as connect:
        engine.dispose()
        event.listen(engine, "do_connect", connect)
        try:
            yield script
        finally:
            event.remove(engine, "do_connect", connect)
            engine.dispose()


@contextmanager
def _leading(engine, script):
    """Return what changes the arguments of the driver's `connect`."""
    if engine.dialect.name == "sqlite":
        yield lambda _dialect, _record, _arguments, options: options.update(factory=_scripted_connection(script))
        return
    _, there = engine.dialect.create_connect_args(engine.url)
    with Relay(script, there) as relay:
        yield lambda _dialect, _record, _arguments, options: options.update(relay.address)


# SQLite -------------------------------------------------------------------------------------------------------------------


def _scripted_connection(script):
    def connect(*arguments, **options):
        connection = _Connection(*arguments, **options)
        connection.script = script
        return connection

    return connect


class _Connection(sqlite3.Connection):
    """A connection of the driver that keeps to a script. A BEGIN that the driver sends unasked is not seen."""

    script = Script()

    def cursor(self, factory=None):
        return super().cursor(factory or _Cursor)

    def execute(self, sql, parameters=(), /):
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql, rows, /):
        return self.cursor().executemany(sql, rows)

    def executescript(self, sql, /):
        return self.cursor().executescript(sql)

    def commit(self):
        if self.in_transaction:
            self.met("COMMIT", super().commit)

    def rollback(self):
        if self.in_transaction:
            self.met("ROLLBACK", super().rollback)

    def __exit__(self, kind, failure, place):
        self.rollback() if kind else self.commit()
        return False

    def met(self, sql, do):
        """Carry out a statement, or fail, or both."""
        fault = self.script.meet(sql)
        if fault is None:
            return do()
        if fault is Fault.UNANSWERED:
            do()
        raise self.failed(fault)

    def failed(self, fault):
        """Return how a statement fails."""
        if fault is Fault.KILLED and self.in_transaction:
            # https://sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction
            super().rollback()
        if fault is Fault.BUSY:
            return _failure("database is locked", "SQLITE_BUSY")
        return _failure("disk I/O error", "SQLITE_IOERR")


class _Cursor(sqlite3.Cursor):
    """A cursor of such a connection."""

    def execute(self, sql, parameters=(), /):
        do = super().execute
        return self.connection.met(sql, lambda: do(sql, parameters))

    def executescript(self, sql, /):
        do = super().executescript
        return self.connection.met(sql, lambda: do(sql))

    def executemany(self, sql, rows, /):
        return super().executemany(sql, self._each(sql, rows))

    def _each(self, sql, rows):
        for row in rows:
            fault = self.connection.script.meet(sql)
            if fault in {None, Fault.UNANSWERED}:
                yield row  # and is written before the next one is asked for
            if fault:
                raise self.connection.failed(fault)


def _failure(sentence, name):
    failure = sqlite3.OperationalError(sentence)
    failure.sqlite_errorname, failure.sqlite_errorcode = name, getattr(sqlite3, name)
    return failure
