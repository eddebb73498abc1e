"""Networks: in which order, how often and for which endpoints the webhooks arrive that are under way together.

Each event arrives at least once: the provider goes on until it is answered.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TypeAlias

from billing_adapters.cli.demo.provider import Letter

__all__ = ["Network", "by_event", "unlucky"]

Network: TypeAlias = Callable[[Sequence[Letter]], Iterable[Letter]]


def by_event(letters: Iterable[Letter]) -> Mapping[int, Sequence[Letter]]:
    """Return the letters of each event, by its number."""
    number = attrgetter("number")
    return {event: tuple(group) for event, group in groupby(sorted(letters, key=number), number)}


def unlucky(seed: int) -> Network:
    """Return a network that reorders and repeats at random, each time in the version of another endpoint."""
    luck = random.Random(seed)  # noqa: S311 - nobody guards a secret with it

    def deliver(letters: Sequence[Letter]) -> Iterable[Letter]:
        events = by_event(letters).values()
        arriving = [luck.choice(versions) for versions in events for _ in range(luck.choice((1, 1, 1, 2)))]
        luck.shuffle(arriving)
        return arriving

    return deliver
