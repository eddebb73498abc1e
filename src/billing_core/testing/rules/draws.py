"""Draws: what the rules of the machine have in common."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeAlias, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle

from billing_core.domain.credits import LotKind
from billing_core.testing.watching import Pause

__all__ = [
    "HOUR",
    "Share",
    "ages",
    "amounts",
    "done",
    "kinds",
    "lifetimes",
    "nth_of",
    "nths",
    "of",
    "parts",
    "pauses",
    "shares",
    "which",
]

T = TypeVar("T")
Share: TypeAlias = int | str

HOUR = timedelta(hours=1)

done = Bundle("done")
which = st.sampled_from((0, 0, 0, 1, 2))  # more happens where more has happened
amounts = st.integers(1, 20)
kinds = st.sampled_from(LotKind)
# Mostly little time passes, or hardly a hold would be open and hardly a lot running.
pauses = st.sampled_from((Pause.NONE, Pause.SHORT, Pause.NEARLY)) | st.sampled_from(Pause)
# Whole hours, so that things often fall on the same moment.
ages = st.none() | st.integers(0, 30).map(lambda hours: hours * HOUR)
lifetimes = st.none() | st.integers(1, 40).map(lambda hours: hours * HOUR)
shares = st.sampled_from((0, 1, 7, "half", "half", "everything", "too much"))
parts = shares | st.none()
nths = st.just(0) | st.integers(0, 3)  # the first of them are those of which something is left


def of(whole: int, share: Share) -> int:
    """Return an amount: itself, or as a share of all that there is."""
    match share:
        case int():
            return share
        case "half":
            return (whole + 1) // 2
        case _:
            return whole + (share == "too much")


def nth_of(things: Iterable[T], nth: int, last: Callable[[T], bool]) -> T:
    """Return one of several things, of which some come after the others."""
    ordered = sorted(things, key=last)
    return ordered[nth % len(ordered)]
