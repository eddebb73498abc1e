"""A clock that stands still until it is told otherwise."""

from datetime import UTC, datetime, timedelta

from billing_core.domain.times import moment

__all__ = ["FixedClock"]


class FixedClock:
    """Tells the time that it was set to."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        """Start at a moment."""
        self._now = moment(now)

    def now(self) -> datetime:
        """Return the moment it was set to, in UTC."""
        return self._now

    def set(self, now: datetime) -> None:
        """Jump to a moment, forwards or backwards."""
        self._now = moment(now)

    def advance(self, by: timedelta) -> datetime:
        """Move on by a while (a negative one goes back) and return the new moment."""
        self._now += by
        return self._now
