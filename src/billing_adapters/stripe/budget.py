"""Budget: how many requests may leave in a second, so that bulk reads stay below what Stripe takes.

Stripe takes 25 requests a second for an endpoint, and 25 in all in a sandbox (https://docs.stripe.com/rate-limits).
"""

import threading
import time
from collections.abc import Callable

from attrs import define, field

__all__ = ["Budget"]


@define
class Budget:
    """A budget for each of several lanes, shared by any number of threads: whoever comes too early waits for its turn.

    `per_second` may leave in every second, and after a pause `burst` at once: in no second are there more than both
    together. Each request reserves its moment when it comes, so that nobody overtakes and nobody starves.
    """

    per_second: float
    burst: int = 4
    _clock: Callable[[], float] = field(default=time.monotonic, alias="clock")
    _sleep: Callable[[float], None] = field(default=time.sleep, alias="sleep")
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)
    _full: dict[str, float] = field(factory=dict, init=False, repr=False)

    def take(self, lane: str) -> None:
        """Return when one more request may leave in this lane."""
        pause = self._reserved(lane)
        if pause > 0:
            self._sleep(pause)

    def _reserved(self, lane: str) -> float:
        """Reserve the next moment of a lane and return how far off it is. `_full` is when a lane may burst again."""
        step = 1 / self.per_second
        with self._lock:
            now = self._clock()
            full = max(self._full.get(lane, now), now)
            self._full[lane] = full + step
        return full - (self.burst - 1) * step - now
