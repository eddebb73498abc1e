"""Script: what is sent to a database, and what goes wrong with it."""

from contextlib import contextmanager
from enum import StrEnum
from threading import Lock

# What tells nothing: a pool asks whether a connection is alive, a driver tidies up or sets up as it sees fit.
_PINGS = ("", ";", "SELECT 1")
_HOUSEKEEPING = ("DEALLOCATE", "PRAGMA")


class Fault(StrEnum):
    """What goes wrong at a statement, which is not carried out then, unless that is said."""

    CUT = "the connection breaks"  # SQLite: the disk fails
    KILLED = "the server ends the session"  # SQLite: the disk fails, and the transaction is rolled back by itself
    UNANSWERED = "it is carried out, and the answer lost"
    UNSERIALIZABLE = "the server answers 40001"
    DEADLOCK = "the server answers 40P01"
    LOCKED = "the server answers 55P03"
    BUSY = "somebody else is writing"

    @property
    def sqlstate(self):
        return self.value.rpartition(" ")[2]


RACES = (Fault.UNSERIALIZABLE, Fault.DEADLOCK, Fault.LOCKED)
LOSSES = (Fault.CUT, Fault.KILLED, Fault.UNANSWERED)
FAULTS = {"sqlite": (*LOSSES, Fault.BUSY), "postgresql": (*LOSSES, *RACES)}


class Script:
    """What is sent while the script runs, and the one statement of it, counted from 1, at which something happens."""

    def __init__(self):
        self._lock = Lock()
        self._running = False
        self._at, self._fault, self._meanwhile, self.sent = 0, None, None, []

    @contextmanager
    def running(self, at=0, fault=None, *, meanwhile=None):
        """Record what is sent within the block; at one statement let a fault happen, or call `meanwhile` before it."""
        self._at, self._fault, self._meanwhile, self.sent = at, fault, meanwhile, []
        self._running = True
        try:
            yield self.sent
        finally:
            self._running = False

    @property
    def happened(self):
        """Whether so much was sent that it happened."""
        return 0 < self._at <= len(self.sent)

    def meet(self, sql):
        """Take note of a statement that is about to be carried out; return what goes wrong with it, or nothing."""
        with self._lock:
            if not self._running or sql in _PINGS or sql.startswith(_HOUSEKEEPING):
                return None
            self.sent.append(sql)
            if len(self.sent) != self._at:
                return None
        if self._meanwhile:
            self._meanwhile()
        return self._fault
