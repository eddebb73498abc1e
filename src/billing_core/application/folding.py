"""Folding: the simplest one, in which every caller has a turn of its own."""

from collections.abc import Callable, Hashable, Sequence

from billing_core.ports import A, Q

__all__ = ["Unfolded"]


class Unfolded:
    """Gives every caller a turn of its own."""

    def fold(self, lane: Hashable, one: Q, together: Callable[[Sequence[Q]], Sequence[A]]) -> A:
        """Return what `together` answers to `one` alone."""
        del lane
        (answer,) = together([one])
        return answer
