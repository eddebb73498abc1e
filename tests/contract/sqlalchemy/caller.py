"""A process of its own that asks a database for whatever it is told to; `test_processes` starts it.

From stdin it reads pickles: a URL and what to ask, then a word to begin. To stdout it writes pickles: a word when it is
ready to begin, then what it was told.
"""

import pickle
import sys
from contextlib import suppress

from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine
from billing_core.testing.contracts.crowds import threads


def read():
    return pickle.load(sys.stdin.buffer)  # noqa: S301 - from the test that started this


def write(what):
    pickle.dump(what, sys.stdout.buffer)
    sys.stdout.buffer.flush()


def take_part(url, scripts):
    engine = open_engine(url)
    try:
        store = SqlAlchemyStore(engine)
        with store.view() as unit:
            unit.ledger.accounts(limit=1)
        write("ready")
        read()
        write(threads(store)(scripts))
    finally:
        engine.dispose()


if __name__ == "__main__":
    with suppress(EOFError):  # whoever started it wants nothing more
        while True:
            take_part(*read())
