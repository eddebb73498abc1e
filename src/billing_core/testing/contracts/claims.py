"""Claims: what the contracts say again and again, each said once."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any, TypeAlias, TypeVar

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

from billing_core.domain.credits import Account, AccountId, AnyCommand, Change, Entry, Needs
from billing_core.ports import Store, UnitOfWork
from billing_core.testing.driver import account_in, carry_out, journal_of
from billing_core.testing.examples import NOW
from billing_core.testing.laws import check_account, check_journal

__all__ = ["check_laws", "done", "every", "in_threads", "keep", "meanwhile", "record", "shape", "whole"]

T = TypeVar("T")
Write: TypeAlias = Callable[[UnitOfWork], object]

_LONGEST_WAIT_SECONDS = 30


def every(**drawn: SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test of a contract for whatever is drawn.

    Its examples share one store, so they use fresh names; and a database has no deadline.
    """
    shared = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow]

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        return settings(deadline=None, suppress_health_check=shared)(given(**drawn)(test))

    return decorate


def keep(store: Store, write: Write) -> None:
    """Write in a unit of its own, and commit."""
    with store.begin() as unit:
        write(unit)
        unit.commit()


def record(store: Store, *changes: Change) -> None:
    """Record these changes in a unit of its own, and commit."""
    keep(store, lambda unit: unit.ledger.record(iter(changes)))


def done(store: Store, *commands: AnyCommand, now: datetime = NOW) -> tuple[Entry, ...]:
    """Carry out these commands, and return what was written."""
    return tuple(entry for command in commands for entry in carry_out(store, command, now))


def whole(store: Store, account: AccountId) -> tuple[Account, tuple[Entry, ...]]:
    """Return an account with all the lots and holds that it ever had, and all its entries."""
    entries = journal_of(store, account)
    keys = frozenset(entry.key for entry in entries if entry.key)
    sources = frozenset(entry.opened.source for entry in entries if entry.opened)
    holds = frozenset(entry.seq for entry in entries if entry.placed)
    return account_in(store, Needs(account, keys, sources, holds)), entries


def check_laws(store: Store, account: AccountId) -> None:
    """Assert that an account, as it is stored, obeys every law."""
    loaded, entries = whole(store, account)
    check_journal(entries)
    check_account(loaded, entries)


def meanwhile(store: Store, write: Write, end: Callable[[], None]) -> BaseException | None:
    """Let another thread write and commit while this one is still inside of a unit, and then ends it.

    Stores differ in where the other thread waits: at the beginning, at its write, or not at all. Returns its error.
    """
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(keep, store, write)
        _let_it_try(other)
        end()
        return other.exception(_LONGEST_WAIT_SECONDS)


def in_threads(jobs: Iterable[Callable[[], T]]) -> list[T]:
    """Start all jobs at the same moment, each in its thread, and return what they return."""
    all_of = [*jobs]
    start = Barrier(len(all_of))

    def run(job: Callable[[], T]) -> T:
        start.wait(_LONGEST_WAIT_SECONDS)
        return job()

    with ThreadPoolExecutor(len(all_of)) as pool:
        return [*pool.map(run, all_of, timeout=_LONGEST_WAIT_SECONDS)]


def shape(value: object) -> object:
    """Return a value in a form in which only what is alike to the last detail is equal.

    A `StrEnum` equals its text, `Decimal("0.5")` equals `0.5`, and moments are equal across time zones: not here.
    """
    if isinstance(value, datetime):
        return value.isoformat(), value.tzinfo is not None and value.utcoffset() == UTC.utcoffset(None)
    kind: type[Any] = type(value)
    if attrs.has(kind):
        return kind, [(one.name, shape(getattr(value, one.name))) for one in attrs.fields(kind)]
    if isinstance(value, Mapping):
        return sorted((key, shape(one)) for key, one in value.items())
    if isinstance(value, tuple | list):
        return kind, [shape(one) for one in value]
    return kind, value


def _let_it_try(other: "Future[None]") -> None:
    """Give the other thread time to run into whatever stops it; if it needs more, the test proves less, not wrongly."""
    try:
        other.exception(timeout=0.05)
    except TimeoutError:
        return
