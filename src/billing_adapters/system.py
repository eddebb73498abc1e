"""The system's own clock and source of names."""

import secrets
import time
import uuid
from datetime import UTC, datetime
from threading import Lock

__all__ = ["SystemClock", "Uuid7Ids"]

# The layout of RFC 9562, section 5.7: 48 bits of milliseconds, 4 of version, 12 random, 2 of variant, 62 random.
_RANDOM_BITS = 74
_LOW_BITS = 62
_VERSION = 7 << 76
_VARIANT = 0b10 << 62


class SystemClock:
    """Tells the time of this machine."""

    def now(self) -> datetime:
        """Return the present moment, in UTC."""
        return datetime.now(UTC)


class Uuid7Ids:
    """Makes UUIDs of version 7: ids that sort by the time of their making.

    Within one process each sorts after the one before, also in the same millisecond and when the clock goes backwards.
    """

    def __init__(self) -> None:
        """Start after nothing."""
        self._last = 0
        self._lock = Lock()

    def new(self) -> str:
        """Return a new id, such as `019b77d0-5c00-7b3c-8d1e-0f5a3c2b4d6e`."""
        fresh = time.time_ns() // 1_000_000 << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        # The step is random as well: a process that was forked in this millisecond counts on from the same id.
        step = secrets.randbits(32) + 1
        with self._lock:
            self._last = max(fresh, self._last + step)
            return str(_uuid7(self._last))


def _uuid7(ordered: int) -> uuid.UUID:
    """Spread 122 bits around the ones that say version and variant, without changing their order."""
    milliseconds, random = divmod(ordered, 1 << _RANDOM_BITS)
    high, low = divmod(random, 1 << _LOW_BITS)
    return uuid.UUID(int=milliseconds << 80 | _VERSION | high << 64 | _VARIANT | low)
