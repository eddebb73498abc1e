"""The budget of `nox`: all that it runs by default, with one Python, fits into eight minutes on two cores.

The clock of a shared machine is no judge. So what others had of the cores meanwhile, as far as the system tells, is taken
off the clock, and so is what a disk was waited for. Whatever the clock says, two cores cannot do in eight minutes what
takes more than sixteen of one. Nor is a slow machine a judge: a piece of work is timed now and then, and what it takes
longer than on the machine for which the eight minutes were meant, everything did.
"""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

SECONDS = 8 * 60
CORES = 2
# The PostgreSQL servers of the tests are daemons, of which nobody is told what they used: about so many seconds of a core.
SERVERS = 30
YARDSTICK = 0.012  # seconds, on that machine, for `_work`


class Used(NamedTuple):
    """What was used, in seconds: of the clock, of the cores by the commands that were run, and of the cores by anybody."""

    clock: float
    ours: float
    anybodys: float


def used(stat: Path = Path("/proc/stat")) -> Used:
    """Return what has been used until now, since some moment or other; what the system does not tell is zero."""
    times = os.times()
    return Used(time.monotonic(), times.children_user + times.children_system, _busy(stat))


def _busy(stat: Path) -> float:
    """Return how long the cores have worked, waited for a disk or, in a virtual machine, were taken away."""
    if not stat.exists():
        return 0.0
    total, *_ = stat.read_text(encoding="ascii").splitlines()
    user, nice, system, _idle, *others = map(int, total.split()[1:9])
    return (user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")


def pace() -> float:
    """Return how many times as long as there a piece of work takes here and now."""
    begun = time.perf_counter()
    _work()
    return (time.perf_counter() - begun) / YARDSTICK


def _work() -> int:
    return sum(number * number for number in range(400_000))


def between(before: Used, after: Used) -> Used:
    """Return what was used meanwhile."""
    return Used(*(one - other for one, other in zip(after, before, strict=True)))


def together(some: Iterable[Used]) -> Used:
    """Return what was used in all."""
    return Used(*map(sum, zip(*some, strict=True)))


def needed(total: Used, cores: int, paces: Iterable[float] = ()) -> float:
    """Return how many seconds two idle cores would have needed at least, given how many this machine has, and its paces."""
    cpu = total.ours + SERVERS
    others = max(total.anybodys - cpu, 0.0)
    return max(cpu / CORES, total.clock - others / cores) / max(median([*paces] or [1.0]), 1.0)


def told(sessions: Mapping[str, Used], cores: int, paces: Sequence[float] = ()) -> str:
    """Return a sentence about these sessions, by name, and the longest of them."""
    total = together(sessions.values())
    longest = sorted(sessions, key=lambda name: sessions[name].clock, reverse=True)[:5]
    return (
        f"{needed(total, cores, paces):.0f} of {SECONDS} seconds are needed on {CORES} idle cores;"
        f" the clock says {total.clock:.0f}, our commands used {total.ours:.0f} of a core, everybody {total.anybodys:.0f},"
        f" and this machine takes {median([*paces] or [1.0]):.1f} times as long."
        f" Longest: {', '.join(f'{name} {sessions[name].clock:.0f}' for name in longest)}"
    )
