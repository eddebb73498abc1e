"""Transport: the way out, wrapped around the SDK's own HTTP client. Importing this imports Stripe's SDK.

Every attempt passes here, those that the SDK repeats by itself too: each waits for its share of the budget, and none tells
Stripe about this machine. The SDK's only switch for that is process-wide, and belongs to the application.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import stripe
from requests.structures import CaseInsensitiveDict

from billing_adapters.stripe.budget import Budget

__all__ = ["Transport", "sdk_client"]

_TELEMETRY = "X-Stripe-Client-Telemetry"
_USER_AGENT = "X-Stripe-Client-User-Agent"
_PERSONAL = ("telemetry_id", "platform")  # a number kept on this machine, and its operating system in full
_LONGEST_CONNECT = 3.05  # seconds; a little more than the three after which TCP tries again


class Transport(stripe.HTTPClient):
    """An HTTP client of the SDK that lets another one make the requests."""

    def __init__(self, inner: stripe.HTTPClient, budget: Budget | None, *, livemode: bool) -> None:
        super().__init__()
        self.name = inner.name  # type: ignore[misc]  # the SDK declares it for the class, and reads it from the instance
        self._inner = inner
        self._budget = budget
        self._livemode = livemode

    def request(  # type: ignore[override]  # the SDK's own clients are called like this
        self, method: str, url: str, headers: Mapping[str, str], post_data: object = None
    ) -> tuple[Any, int, Mapping[str, str]]:
        """Make one attempt, when its turn has come."""
        if self._budget:
            self._budget.take(_lane(method, url) if self._livemode else "sandbox")
        body, status, answered = self._inner.request(method, url, _discreet(headers), post_data)
        return body, status, CaseInsensitiveDict(answered)

    def _sleep_time_seconds(self, num_retries: int) -> float:
        """Return how long the SDK waits before it repeats an attempt: as long as the other client would."""
        return self._inner._sleep_time_seconds(num_retries)  # noqa: SLF001 - the SDK's own hook

    def close(self) -> None:
        """Close the connections of this thread."""
        self._inner.close()  # type: ignore[no-untyped-call]


def sdk_client(timeout: timedelta) -> stripe.HTTPClient:
    """Return the SDK's own client, which waits so long for an answer, and at most three seconds for a connection."""
    seconds = timeout.total_seconds()
    return stripe.RequestsClient(timeout=(min(seconds, _LONGEST_CONNECT), seconds))


def _lane(method: str, url: str) -> str:
    """Return what shares one limit, a little coarser than Stripe: all of one kind of object, whatever its id."""
    return f"{method} {'/'.join(urlsplit(url).path.split('/')[:3])}"


def _discreet(headers: Mapping[str, str]) -> Mapping[str, str]:
    told = {name: value for name, value in headers.items() if name != _TELEMETRY}
    if _USER_AGENT in told:
        about = json.loads(told[_USER_AGENT])
        told[_USER_AGENT] = json.dumps({name: value for name, value in about.items() if name not in _PERSONAL})
    return told
