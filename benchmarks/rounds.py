"""Rounds: two rates that are compared are measured in turns, so that what else the machine does meets both alike."""

from collections.abc import Callable
from statistics import median

from attrs import frozen

__all__ = ["Effort", "Rate", "Row", "heading", "in_turns"]

# Works for so many seconds and returns how many operations a second it did.
Rate = Callable[[float], float]

_LAYOUT = "{:<54} {:>12} {:>12} {:>9} {:>9}  {}"


@frozen
class Effort:
    """How much a run takes upon itself."""

    rounds: int
    seconds: float
    entries: int


@frozen
class Row:
    """One line of the table: what is measured against what, and the target, which is met or not."""

    name: str
    base: str
    ours: str
    result: str
    target: str
    met: bool

    def __str__(self) -> str:
        """Write the line."""
        return _LAYOUT.format(self.name, self.base, self.ours, self.result, self.target, "met" if self.met else "MISSED")


def heading() -> str:
    """Return the first line of the table."""
    return _LAYOUT.format("what", "limit", "ours", "ratio", "target", "")


def in_turns(name: str, base: Rate, ours: Rate, effort: Effort, *, least: float) -> Row:
    """Measure two rates in turns. The ratio is the median of those of each round, whose two halves met the same machine."""
    rounds = [(base(effort.seconds), ours(effort.seconds)) for _ in range(effort.rounds)]
    limit, rate = (median(side) for side in zip(*rounds, strict=True))
    ratio = median(ours_now / base_now for base_now, ours_now in rounds)
    return Row(name, f"{limit:,.0f}/s", f"{rate:,.0f}/s", f"{ratio:.2f}", f">= {least:.2f}", met=ratio >= least)
