"""What the benchmarks compare with is a ledger too: whatever they seed and write, verification finds whole."""

from contextlib import contextmanager

import pytest

from benchmarks.databases import postgres, sqlite
from benchmarks.ledger import open_billing, spend_batch, spend_one
from benchmarks.limits import pgbench, raw_sqlite
from benchmarks.seeding import CREDITS, Accounts, seed
from billing_adapters.sqlalchemy.store import open_engine

MANY = Accounts("many", 5, spends=4)


@contextmanager
def seeded(server):
    url = server.database("fair")
    engine = open_engine(url)
    seed(engine, MANY)
    engine.dispose()
    yield url


@pytest.fixture(scope="module")
def server():
    with postgres() as started:
        yield started


def test_the_limit_on_postgresql_is_what_the_library_would_have_written(server):
    with seeded(server) as url, open_billing(url) as billing, pgbench(server.pgbench, url, MANY) as limit:
        before = billing.credits.verify()
        assert (before.accounts, before.entries, before.findings) == (5, 35, ())

        assert limit(1) > 0
        assert (spend_one(billing, MANY.owners), spend_batch(billing, MANY.owners)) == (1, 100)

        after = billing.credits.verify()
        assert (after.accounts, after.findings) == (5, ())
        assert after.entries > before.entries + 101


def test_the_limit_on_sqlite_is_what_the_library_would_have_written():
    with sqlite() as url, open_billing(url) as billing:
        billing.credits.grant("acme", CREDITS)

        with raw_sqlite(url, ["acme"], 10) as limit:
            assert limit(0.1) > 0
        spend_batch(billing, ["acme"])

        report = billing.credits.verify()
        assert report.findings == ()
        assert report.entries > 101
