"""Leases: a hold used as a local budget, for work that is metered in steps too small to write each of them down."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Self, TypeAlias

from attrs import define, field

from billing_core.domain.credits import Unit
from billing_core.domain.money import MAX_AMOUNT
from billing_core.errors import HoldClosed, HoldExceeded, Invalid

__all__ = ["Lease", "leave_room", "positive_step"]

_REST = "rest"
_LONGEST_KEY = 255 - len(f":{MAX_AMOUNT}:{_REST}")

# Captures so many credits under this key, for the last time or not.
Captures: TypeAlias = Callable[[int, str, bool], object]


def positive_step(every: int) -> int:
    """Return after how many credits a lease captures.

    Raises:
        Invalid: After none.
    """
    if every < 1:
        raise Invalid("every", f"must be at least 1, not {every}")
    return every


def leave_room(key: object) -> None:
    """Let the keys of a lease's captures, which are made of its own, be no longer than a key may be.

    Otherwise the work would be done before anybody was told that none of it can be captured.

    Raises:
        Invalid: Its own is too long.
    """
    if isinstance(key, str) and len(key) > _LONGEST_KEY:
        raise Invalid("key", f"of a lease must have at most {_LONGEST_KEY} characters, not {len(key)}")


@define
class Lease:
    """Credits that are held for one piece of work, which spends them here and now, in memory.

    What was spent is captured whenever `every` credits have come together, and at the end. A crash in between loses what
    was not captured yet, which is less than that, and the rest of the hold returns when it times out. A lease serves one
    thread.

    What is captured carries a key made of the lease's own and of how much was captured before, so that a capture whose
    outcome is unknown is repeated as it was.
    """

    account: str
    hold: int
    expires_at: datetime
    unit: Unit
    every: int
    left: int
    captured: int
    _key: str = field(alias="key")
    _now: Callable[[], datetime] = field(alias="now")
    _capture: Captures = field(alias="capture")
    _spent: int = 0
    _asked: int = 0

    def __enter__(self) -> Self:
        """Spend of it inside the block."""
        return self

    def __exit__(self, *_failure: object) -> None:
        """Close it, also if the work failed: what it spent until then was consumed."""
        self.close()

    @property
    def spent(self) -> int:
        """How much was spent of it, whether or not it was captured yet."""
        return self.captured + self._asked + self._spent

    def spend(self, amount: int | Decimal) -> None:
        """Spend some of what is held.

        Raises:
            HoldExceeded: Less is left; nothing was spent.
            HoldClosed: The hold has timed out; nothing was spent.
            StoreUnavailable: It was spent, and the database could not be told yet: it will be at the next occasion.
            Invalid: The amount is no amount.
        """
        steps = self.unit.steps(amount)
        if steps < 0:
            raise Invalid("amount", f"must be at least 0, not {steps}")
        if self._now() >= self.expires_at:
            raise HoldClosed(self.account, self.hold, self.captured, self.left)
        if steps > self.left:
            raise HoldExceeded(self.account, self.hold, steps, self.left)
        self.left -= steps
        self._spent += steps
        if self._spent >= self.every:
            self.flush()

    def flush(self) -> None:
        """Capture what was spent, so that a crash cannot lose it.

        Raises:
            HoldClosed: The hold has timed out.
            StoreUnavailable: No answer came: it is captured at the next occasion.
        """
        while self._asked or self._spent:
            if not self._asked:
                self._asked, self._spent = self._spent, 0
            self._capture(self._asked, self._next_key, False)  # noqa: FBT003 - it is not the last
            self.captured += self._asked
            self._asked = 0

    def close(self) -> None:
        """Capture what was spent and return the rest.

        Raises:
            HoldClosed: The hold had timed out before everything was captured.
            StoreUnavailable: No answer came: close it again, or let it time out.
        """
        self.flush()
        if self.left:
            self._capture(0, f"{self._next_key}:{_REST}", True)  # noqa: FBT003 - it is the last
            self.left = 0

    @property
    def _next_key(self) -> str:
        return f"{self._key}:{self.captured}"
