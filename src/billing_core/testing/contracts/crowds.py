"""Crowds: what many callers ask at the same time, and what each of them is told."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from time import monotonic_ns
from typing import TypeAlias

from attrs import frozen

from billing_core.domain.credits import KeyedCommand, Result
from billing_core.ports import Store
from billing_core.testing.contracts.claims import in_threads, together
from billing_core.testing.examples import NOW

__all__ = ["Crowd", "Script", "Step", "Told", "ask", "tell", "threads"]


@frozen
class Step:
    """What a caller asks in one unit, with a lock from the beginning or only after a lost race."""

    commands: Sequence[KeyedCommand]
    now: datetime = NOW
    lock: bool = False


@frozen
class Told:
    """A command, what came of it, and when: by a clock that all who ask at the same time have in common."""

    command: KeyedCommand
    now: datetime
    asked_at: int
    answered_at: int
    result: Result


# What one caller asks, one step after the other.
Script: TypeAlias = Sequence[Step]
# Lets each script be asked by a caller of its own, all of them at once, and returns what each was told.
Crowd: TypeAlias = Callable[[Iterable[Script]], Sequence[Sequence[Told]]]


def threads(store: Store) -> Crowd:
    """Return a crowd of threads that share a store."""
    return lambda scripts: in_threads([partial(ask, store, script) for script in scripts])


def ask(store: Store, script: Script) -> Sequence[Told]:
    """Ask one step after the other, and return what was told."""
    return [told for step in script for told in tell(partial(_answer, store), step)]


def tell(answer: Callable[[Step], Sequence[Result]], step: Step) -> Sequence[Told]:
    """Let a step be answered, and note when."""
    asked_at = monotonic_ns()
    results = answer(step)
    answered_at = monotonic_ns()
    return [
        Told(command, step.now, asked_at, answered_at, result)
        for command, result in zip(step.commands, results, strict=True)
    ]


def _answer(store: Store, step: Step) -> Sequence[Result]:
    return together(store, *step.commands, now=step.now, lock=step.lock)
