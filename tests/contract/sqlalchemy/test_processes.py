"""Several processes on one database, each with several threads: what they ask at the same time has one order."""

import pickle
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine
from billing_core.testing.contracts import ConcurrencyContract
from billing_core.testing.contracts.claims import done
from billing_core.testing.contracts.crowds import Step
from billing_core.testing.examples import a_grant, a_spend, an_account

pytestmark = pytest.mark.deep

CALLER = Path(__file__).with_name("caller.py")
PROCESSES = 3


class Caller:
    """A process that takes part in crowds until the tests are over."""

    def __init__(self, process):
        self._process = process

    def write(self, what):
        pickle.dump(what, self._process.stdin)
        self._process.stdin.flush()

    def read(self):
        return pickle.load(self._process.stdout)  # noqa: S301 - from the process that we started


@pytest.fixture(scope="module")
def callers():
    """Return the processes: to start one takes longer than to ask it."""
    with ExitStack() as running:
        command = [sys.executable, "-W", "error", str(CALLER)]
        processes = [
            running.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own program
            )
            for _ in range(PROCESSES)
        ]
        yield [Caller(one) for one in processes]


def ask(callers, url, scripts):
    """Deal the scripts out, let all begin at the same moment, and return what each was told."""
    dealt = [[*scripts][at :: len(callers)] for at in range(len(callers))]
    for caller, some in zip(callers, dealt, strict=True):
        caller.write((url, some))
    for caller in callers:
        assert caller.read() == "ready"
    for caller in callers:
        caller.write("go")
    return [told for caller in callers for told in caller.read()]


def opened(url):
    engine = open_engine(url)
    yield SqlAlchemyStore(engine)
    engine.dispose()


class TestSqliteProcesses(ConcurrencyContract):
    @pytest.fixture
    def store(self, sqlite_url):
        yield from opened(sqlite_url)

    @pytest.fixture
    def crowd(self, callers, sqlite_url, store):
        assert store
        return partial(ask, callers, sqlite_url)


class TestPostgresqlProcesses(ConcurrencyContract):
    @pytest.fixture
    def store(self, postgresql_url):
        yield from opened(postgresql_url)

    @pytest.fixture
    def crowd(self, callers, postgresql_url, store):
        assert store
        return partial(ask, callers, postgresql_url)

    @pytest.mark.parametrize("lock", [False, True], ids=["free", "locked"])
    def test_the_database_has_no_knot_to_untie(self, postgresql_url, store, crowd, lock):
        """Where two wait for one another, PostgreSQL would sacrifice one after a second, and nobody else would notice."""
        accounts = [an_account() for _ in range(3)]
        done(store, *(a_grant(account) for account in accounts))
        before = deadlocks(postgresql_url)

        crowd([
            [Step([a_spend(account) for account in [*accounts[by:], *accounts[:by]]], lock=lock) for _ in range(5)]
            for by in [0, 1, 2] * 3
        ])

        assert deadlocks(postgresql_url) == before


def deadlocks(url):
    """Return how often the database had to choose."""
    engine = open_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
        number = found.scalar_one()
    engine.dispose()
    return number
