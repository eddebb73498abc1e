"""Limits: how many requests an endpoint takes in a second. Source: https://docs.stripe.com/rate-limits."""

from collections import deque
from collections.abc import Callable
from http import HTTPStatus

from attrs import define, field

from billing_adapters.simulator.refusals import Refused

__all__ = ["RateLimit", "too_many"]

_WINDOW_SECONDS = 1.0


@define
class RateLimit:
    """A limit for each endpoint, by a clock of seconds. The ids in a path make no other endpoint.

    Args:
        clock: The seconds that count, such as `time.monotonic`.
        per_second: How many requests an endpoint takes in any second.
    """

    clock: Callable[[], float]
    per_second: int = 25
    _taken: dict[str, deque[float]] = field(factory=dict)

    def take(self, endpoint: str) -> None:
        """Count a request.

        Raises:
            Refused: It is one too many (429).
        """
        now = self.clock()
        taken = self._taken.setdefault(endpoint, deque())
        while taken and taken[0] <= now - _WINDOW_SECONDS:
            taken.popleft()
        if len(taken) >= self.per_second:
            raise too_many()
        taken.append(now)


def too_many() -> Refused:
    """Return the refusal of one request too many."""
    message = "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."
    return Refused(
        HTTPStatus.TOO_MANY_REQUESTS,
        {"message": message, "type": "invalid_request_error", "code": "rate_limit"},
    )
