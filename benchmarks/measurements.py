"""Measurements: each returns rows of the table, and brings along whatever it needs."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from benchmarks.databases import Server, postgres, sqlite
from benchmarks.imports import imports
from benchmarks.ledger import BATCH, Callers, Work, ask, calling, open_billing, spend_batch, spend_one
from benchmarks.limits import pgbench, raw_sqlite
from benchmarks.rounds import Effort, Row, in_turns
from benchmarks.seeding import CREDITS, Accounts, seed
from benchmarks.selling import calls, shop, syncs
from billing_adapters.sqlalchemy.store import open_engine

__all__ = ["MEASUREMENTS"]

_MANY = Accounts("many", 100_000)  # so many that two batches of a hundred seldom meet: one time in ten
_HOT = Accounts("hot", 1)
# Beside the accounts that are measured, so that no plan is made for tables that are next to empty.
_OTHERS = Accounts("others", 1_000, spends=50)
_FLAT = 1 / 1.1  # ten percent more for each is so much less in the same time


def singles(effort: Effort) -> Iterator[Row]:
    """Spend one by one, by eight processes."""
    with postgres() as server:
        yield _against_pgbench(
            "spend, 8 processes, many accounts", server, _MANY, spend_one, effort, least=0.5, processes=8
        )


def batches(effort: Effort) -> Iterator[Row]:
    """Spend in batches of a hundred."""
    with postgres() as server:
        many, hot = "spend_many of 100, 2 processes, many accounts", "spend_many of 100, 1 process, one account"
        yield _against_pgbench(many, server, _MANY, spend_batch, effort, least=2.5, processes=2)
        yield _against_pgbench(hot, server, _HOT, spend_batch, effort, least=5.0)


def hot(effort: Effort) -> Iterator[Row]:
    """Spend one by one on one account, by many threads."""
    with postgres() as server:
        yield _against_pgbench("spend, 16 threads, one account", server, _HOT, spend_one, effort, least=2.0, threads=16)


def history(effort: Effort) -> Iterator[Row]:
    """Spend and ask with little and with much behind the accounts."""
    count, few = 100, 10_000
    with postgres() as server:
        short, long = (Accounts("old", count, spends=entries // count) for entries in (few, effort.entries))
        urls = server.database("short"), server.database("long")
        for url, accounts in zip(urls, (short, long), strict=True):
            _seed(url, accounts)
        for work, name in ((spend_one, "spend"), (ask, "balance")):
            base, ours = (Callers(url, work, short.owners) for url in urls)
            yield _flat(f"{name}, {effort.entries:,} entries instead of {few:,}", base, ours, effort)


def lots(effort: Effort) -> Iterator[Row]:
    """Spend and ask with one live lot and with many."""
    one, many = Accounts("one", 100, lots=1), Accounts("many", 100, lots=64)
    with postgres() as server:
        url = server.database("lots")
        _seed(url, one, many)
        for work, name in ((spend_one, "spend"), (ask, "balance")):
            base, ours = (Callers(url, work, accounts.owners) for accounts in (one, many))
            yield _flat(f"{name}, {many.lots} live lots instead of {one.lots}", base, ours, effort)


def on_sqlite(effort: Effort) -> Iterator[Row]:
    """Spend on SQLite, one by one and in batches."""
    with sqlite() as url:
        owners = Accounts("many", 200).owners
        with open_billing(url) as billing:
            for owner in owners:
                for _ in range(3):
                    billing.credits.grant(owner, CREDITS)
        for name, work, batch in (("spend", spend_one, 1), ("spend_many of 100", spend_batch, BATCH)):
            with raw_sqlite(url, owners, batch) as limit, calling(Callers(url, work, owners)) as ours:
                yield in_turns(f"SQLite: {name}, many accounts", limit, ours, effort, least=0.5)


def selling(effort: Effort) -> Iterator[Row]:
    """Sync the catalog, and ask for one thing, through the gateway instead of Stripe's own library alone."""
    count = 10_000
    with shop(count) as opened:
        with syncs(opened) as (bare, ours):
            yield in_turns(f"sync of {count:,} products with prices", bare, ours, effort, least=1 / 1.3)
        yield in_turns("one call of the gateway", *calls(opened), effort, least=1 / 1.05)


def importing(_effort: Effort) -> Iterator[Row]:
    """Import the core."""
    yield imports()


MEASUREMENTS: Mapping[str, Callable[[Effort], Iterator[Row]]] = MappingProxyType({
    "singles": singles,
    "batches": batches,
    "hot": hot,
    "history": history,
    "lots": lots,
    "sqlite": on_sqlite,
    "selling": selling,
    "imports": importing,
})


def _against_pgbench(
    name: str,
    server: Server,
    accounts: Accounts,
    work: Work,
    effort: Effort,
    *,
    least: float,
    processes: int = 1,
    threads: int = 1,
) -> Row:
    url = server.database(accounts.prefix)
    _seed(url, accounts, _OTHERS)
    callers = Callers(url, work, accounts.owners, processes, threads)
    with pgbench(server.pgbench, url, accounts) as limit, calling(callers) as ours:
        return in_turns(name, limit, ours, effort, least=least)


def _flat(name: str, base: Callers, ours: Callers, effort: Effort) -> Row:
    with calling(base) as limit, calling(ours) as rate:
        return in_turns(name, limit, rate, effort, least=_FLAT)


def _seed(url: str, *accounts: Accounts) -> None:
    engine = open_engine(url)
    try:
        seed(engine, *accounts)
    finally:
        engine.dispose()
