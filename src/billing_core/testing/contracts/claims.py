"""Claims: what the contracts say again and again, each said once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any, TypeAlias, TypeVar

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

from billing_core.domain.credits import (
    Account,
    AccountId,
    AnyCommand,
    Change,
    Entry,
    Hold,
    KeyedCommand,
    Lot,
    Needs,
    Result,
    change,
    decide,
    decide_all,
    fold,
    needs_of,
)
from billing_core.errors import Conflict
from billing_core.ports import Store, UnitOfWork
from billing_core.testing.driver import account_in, carry_out, journal_of
from billing_core.testing.examples import NOW, prepared
from billing_core.testing.laws import check_account, check_journal

__all__ = [
    "accounts_in",
    "check_kept",
    "check_laws",
    "check_replay",
    "done",
    "every",
    "in_threads",
    "keep",
    "meanwhile",
    "record",
    "shape",
    "together",
    "unaware",
    "whole",
]

T = TypeVar("T")
N = TypeVar("N", Lot, Hold)
Write: TypeAlias = Callable[[UnitOfWork], object]

_LONGEST_WAIT_SECONDS = 30


def every(one_in: int = 1, **drawn: SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test of a contract for whatever is drawn, or for one in so many: where an example is many transactions.

    Its examples share one store, so they use fresh names; and a database has no deadline.
    """
    shared = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow]

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        examples = max(settings().max_examples // one_in, 1)
        return settings(max_examples=examples, deadline=None, suppress_health_check=shared)(given(**drawn)(test))

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


def together(store: Store, *commands: KeyedCommand, now: datetime = NOW, lock: bool = False) -> tuple[Result, ...]:
    """Carry out these commands in one unit, and begin again with a lock after somebody else was faster.

    Returns:
        In their order the entry of each, or the refusal that kept it from having one.

    Raises:
        Conflict: Somebody else was faster although the accounts were locked from the beginning.
    """
    if lock:
        return _together(store, commands, now, lock=True)
    while True:
        try:
            return _together(store, commands, now, lock=lock)
        except Conflict:
            lock = True


def accounts_in(store: Store, *needs: Needs, lock: bool = False) -> Mapping[AccountId, Account]:
    """Return accounts as they are committed, in a unit that could write and may lock them."""
    with store.begin() as unit:
        return unit.ledger.load(iter(needs), lock=lock)


def unaware(store: Store, command: AnyCommand) -> Change:
    """Return what a command would write if nobody looked for its key or source first."""
    blind = account_in(store, Needs(command.account))
    return change(blind, decide(blind, command, NOW))


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


def check_replay(store: Store, account: AccountId) -> None:
    """Assert that an account, lots and holds and all, is what its entries make it when they are replayed from nothing."""
    stored, entries = whole(store, account)
    replayed = fold(Account(account), entries)
    assert shape(stored.lots) == shape(replayed.lots)
    assert shape(stored.holds) == shape(replayed.holds)
    assert shape(stored.recorded) == shape(replayed.recorded)
    assert (stored.version, stored.books) == (replayed.version, replayed.books)
    assert shape(stored.recorded_at) == shape(replayed.recorded_at)


def check_kept(store: Store, command: KeyedCommand, now: datetime = NOW) -> Change:
    """Assert that what a command writes is kept to the last detail, and return it."""
    written = prepared(store, command, now)
    record(store, written)
    stored, entries = whole(store, command.account)
    (result,) = (entry for entry in written.entries if entry.key == command.key)
    assert shape(entries[written.expected_version :]) == shape(written.entries)
    assert shape(stored.recorded[command.key]) == shape(result)
    assert shape(_of(stored.lots, written.account.lots)) == shape(written.account.lots)
    assert shape(_of(stored.holds, written.account.holds)) == shape(written.account.holds)
    assert stored.books == written.account.books
    check_replay(store, command.account)
    return written


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


def _together(store: Store, commands: Sequence[KeyedCommand], now: datetime, *, lock: bool) -> tuple[Result, ...]:
    with store.begin() as unit:
        changes, results = decide_all(unit.ledger.load(needs_of(commands), lock=lock), commands, now)
        unit.ledger.record(changes)
        unit.commit()
    return results


def _of(stored: Iterable[N], written: Iterable[N]) -> tuple[N, ...]:
    """Return those that have the number of one that was written."""
    numbers = {one.number for one in written}
    return tuple(one for one in stored if one.number in numbers)


def _let_it_try(other: "Future[None]") -> None:
    """Give the other thread time to run into whatever stops it; if it needs more, the test proves less, not wrongly."""
    try:
        other.exception(timeout=0.05)
    except TimeoutError:
        return
