"""Ledger: how fast the public `Billing` API spends and tells balances, as processes and threads call it."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection

from attrs import frozen

from billing_adapters.conveyor import Conveyor
from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_adapters.system import SystemClock, Uuid7Ids
from billing_core import AccountId, Billing
from billing_core.domain.credits import Spend

__all__ = ["BATCH", "Callers", "Work", "ask", "calling", "open_billing", "spend_batch", "spend_one"]

BATCH = 100

# Does one piece of work on some of the accounts named, and returns how many operations it was.
Work = Callable[[Billing, Sequence[str]], int]

_IDS = Uuid7Ids()
_PATIENCE = 60.0  # seconds beyond its own for a round; one that needs more hangs


def spend_one(billing: Billing, owners: Sequence[str]) -> int:
    """Spend one credit of one account."""
    billing.credits.spend(random.choice(owners), 1, key=_IDS.new())
    return 1


def spend_batch(billing: Billing, owners: Sequence[str]) -> int:
    """Spend one credit a hundred times, in one batch."""
    asked = [Spend(account=AccountId(random.choice(owners)), amount=1, key=_IDS.new()) for _ in range(BATCH)]
    return len(billing.credits.spend_many(asked))


def ask(billing: Billing, owners: Sequence[str]) -> int:
    """Ask for one balance."""
    billing.credits.balance(random.choice(owners))
    return 1


@contextmanager
def open_billing(url: str, connections: int = 1) -> Iterator[Billing]:
    """Open a `Billing` on a migrated database, as an application that holds one does."""
    engine = open_engine(url, pool_size=connections)
    try:
        yield Billing(
            store=SqlAlchemyStore(engine),
            provider=StripeWebhooks(("whsec_none",)),
            clock=SystemClock(),
            ids=Uuid7Ids(),
            folding=Conveyor(),
        )
    finally:
        engine.dispose()


@frozen
class Callers:
    """Who calls: so many processes of so many threads each, all doing the same work on the same accounts."""

    url: str
    work: Work
    owners: tuple[str, ...]
    processes: int = 1
    threads: int = 1


@contextmanager
def calling(callers: Callers) -> Iterator[Callable[[float], float]]:
    """Start the processes, and give the function that lets them work for some seconds and returns operations a second."""
    context = get_context("spawn")
    pipes: list[Connection] = []
    processes = []
    for _ in range(callers.processes):
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(callers, theirs), daemon=True)
        process.start()
        theirs.close()  # so that a process that ends is noticed
        pipes.append(ours)
        processes.append(process)
    try:
        for pipe in pipes:
            _answer(pipe, 0)  # it has its connections, and has warmed up
        yield lambda seconds: _round(pipes, seconds)
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join(_PATIENCE)
            process.terminate()


def _round(pipes: Sequence[Connection], seconds: float) -> float:
    for pipe in pipes:
        pipe.send(seconds)
    return sum(_answer(pipe, seconds) for pipe in pipes)


def _answer(pipe: Connection, seconds: float) -> float:
    if not pipe.poll(seconds + _PATIENCE):
        raise TimeoutError("a caller does not answer")
    rate: float = pipe.recv()
    return rate


def _serve(callers: Callers, pipe: Connection) -> None:
    """Work as often as the pipe asks for, for as many seconds as it says; the process ends when the pipe is closed."""
    with open_billing(callers.url, callers.threads) as billing:
        callers.work(billing, callers.owners)
        pipe.send(0.0)
        while True:
            try:
                seconds = pipe.recv()
            except EOFError:
                return
            pipe.send(_rate(billing, callers, seconds))


def _rate(billing: Billing, callers: Callers, seconds: float) -> float:
    counts: list[int] = []
    begun = time.perf_counter()

    def work() -> None:
        done = 0
        while time.perf_counter() - begun < seconds:
            done += callers.work(billing, callers.owners)
        counts.append(done)

    threads = [threading.Thread(target=work) for _ in range(callers.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(counts) < callers.threads:
        raise RuntimeError("a caller failed; what it raised is above")
    return sum(counts) / (time.perf_counter() - begun)
