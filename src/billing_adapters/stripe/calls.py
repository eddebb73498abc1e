"""Calls: one request to Stripe and its answer as plain JSON, through the SDK's client.

The answer is taken as it came (`raw_request`): the SDK's objects cost more than they give, and follow one version.
The SDK repeats what broke off or failed at Stripe; what Stripe had no time for (429) it does not, so that is repeated here.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeAlias, cast
from urllib.parse import quote

from attrs import define, field, frozen

from billing_adapters.stripe.budget import Budget
from billing_adapters.stripe.errors import translated
from billing_adapters.stripe.keys import Key
from billing_adapters.stripe.reading import Json
from billing_core.errors import Invalid, ProviderRefused, ProviderUnavailable

if TYPE_CHECKING:
    import stripe
    import tenacity

__all__ = ["API_VERSION", "PAGE", "Answer", "Calls", "Params", "Request", "named", "path_to"]

API_VERSION = "2026-10-28.endive"
PAGE = 100  # what Stripe gives at most

_NETWORK_RETRIES = 2
_ATTEMPTS = 5
_LONGEST_PAUSE = 8.0
_LONGEST_NAME = 255

Params: TypeAlias = Mapping[str, object]


@frozen
class Request:
    """What is asked of Stripe. The parameters are as the SDK takes them, before they become a form."""

    method: str
    path: str
    params: Params = field(factory=dict)


@frozen
class Answer:
    """What Stripe answered, and when: not later than anything that it tells.

    `replayed`: it was given to an earlier request with the same key, and may be old.
    """

    object: Json
    at: datetime
    replayed: bool = False

    @property
    def listed(self) -> tuple[Json, ...]:
        """The objects of a list."""
        found = self.object.get("data")
        return tuple(one for one in cast("list[Json]", found) if isinstance(one, dict)) if isinstance(found, list) else ()

    @property
    def more(self) -> bool:
        """Whether others follow those of a list."""
        return self.object.get("has_more") is True


def path_to(*parts: str) -> str:
    """Return the path of an object; the ids in it are quoted.

    Raises:
        Invalid: An id is empty, with which Stripe would answer for all objects of its kind, or too long to be one.
    """
    return "/".join(("/v1", *(quote(named(part, "id"), safe="") for part in parts)))


def named(value: object, field: str) -> str:
    """Return a text that can name something.

    Raises:
        Invalid: It cannot.
    """
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_NAME:
        raise Invalid(field, f"must be a text of 1 to {_LONGEST_NAME} characters")
    return value


@define
class Calls:
    """The SDK's client, made when it is first needed, and what every call has in common."""

    _key: Key
    _http_client: "stripe.HTTPClient | None"
    _base_address: str | None
    _timeout: timedelta
    _budget: Budget | None
    _now: Callable[[], datetime] | None
    _sleep: Callable[[float], None]
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)
    _connection: "tuple[stripe.StripeClient, tenacity.Retrying] | None" = field(default=None, init=False, repr=False)
    _outlet: "stripe.HTTPClient | None" = field(default=None, init=False, repr=False)

    def get(self, path: str, **params: object) -> Answer:
        """Ask for something."""
        return self.send(Request("GET", path, params))

    def pages(self, path: str, params: Params, size: int = PAGE) -> Iterator[Answer]:
        """Ask for a whole list, page by page."""
        after: Params = {}
        while True:
            answer = self.get(path, **params, **after, limit=size)
            yield answer
            if not answer.more or not answer.listed:
                return
            after = {"starting_after": answer.listed[-1].get("id")}

    def send(self, request: Request, key: str | None = None) -> Answer:
        """Make one request, once for an idempotency key.

        Raises:
            ProviderError: What is said instead of whatever the SDK raised.
        """
        began, known = time.monotonic(), self._now() if self._now else None
        response = self._response(request, key)
        headers = response.headers
        at = known or _dated(headers) - timedelta(seconds=time.monotonic() - began)
        replayed = headers.get("Idempotent-Replayed") == "true"
        answer = Answer(_whole(response.data), at.replace(microsecond=0), replayed)
        for one in (answer.object, *answer.listed):
            self._same_mode(one)
        return answer

    def close(self) -> None:
        """Close the connections of this thread."""
        if self._outlet:
            self._outlet.close()  # type: ignore[no-untyped-call]

    def _response(self, request: Request, key: str | None) -> "stripe.StripeResponse":
        options = {"idempotency_key": _header(key)} if key and request.method == "POST" else {}
        try:
            client, retrying = self._connected()
            ask: Callable[..., stripe.StripeResponse] = client.raw_request
            return retrying(ask, request.method.lower(), request.path, **request.params, **options)
        except Exception as raised:  # noqa: BLE001 - whatever it is, nobody knows what Stripe did
            error, cause = translated(raised)
        raise error from cause  # out here, so that it does not hold what the SDK raised

    def _connected(self) -> "tuple[stripe.StripeClient, tenacity.Retrying]":
        with self._lock:
            if self._connection is None:
                self._connection = self._connect(), _retrying(self._sleep)
            return self._connection

    def _connect(self) -> "stripe.StripeClient":
        # Importing stripe takes 0.2 s and 20 MB, which nobody should pay who never asks it for anything.
        import stripe  # noqa: PLC0415

        from billing_adapters.stripe.transport import Transport, sdk_client  # noqa: PLC0415

        inner = self._http_client or sdk_client(self._timeout)
        self._outlet = Transport(inner, self._budget, livemode=self._key.livemode)
        return stripe.StripeClient(
            self._key.text,
            stripe_version=API_VERSION,
            max_network_retries=_NETWORK_RETRIES,
            http_client=self._outlet,
            base_addresses={"api": self._base_address} if self._base_address else None,
        )

    def _same_mode(self, told: Json) -> None:
        mode = told.get("livemode")
        if isinstance(mode, bool) and mode is not self._key.livemode:
            key, other = ("live", "test") if self._key.livemode else ("test", "live")
            raise ProviderRefused(
                "livemode_mismatch", f"the key is of {key} mode, and the answer of {other} mode", "livemode"
            )


def _retrying(sleep: Callable[[float], None]) -> "tenacity.Retrying":
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential, wait_random  # noqa: PLC0415

    return Retrying(
        retry=retry_if_exception(_limited),
        wait=wait_exponential(multiplier=0.5, max=_LONGEST_PAUSE) + wait_random(0, 0.5),
        stop=stop_after_attempt(_ATTEMPTS),
        sleep=sleep,
        reraise=True,
    )


def _limited(raised: BaseException) -> bool:
    """Tell whether Stripe had no time for a request, and does not say that it never will."""
    headers = getattr(raised, "headers", None) or {}
    return type(raised).__name__ == "RateLimitError" and headers.get("Stripe-Should-Retry") != "false"


def _header(key: str) -> str:
    """Return a key as a header can carry it: its digest, if it has other letters than ASCII's or too many."""
    fits = key.isascii() and key.isprintable() and len(key) <= _LONGEST_NAME
    return key if fits else hashlib.sha256(key.encode()).hexdigest()


def _dated(headers: Mapping[str, str]) -> datetime:
    """Return when an answer was given by Stripe's clock, which is also that of its events; else by ours."""
    try:
        return parsedate_to_datetime(headers.get("Date") or "").replace(tzinfo=UTC)  # in HTTP it is always GMT
    except ValueError:
        return datetime.now(UTC)


def _whole(data: object) -> Json:
    if not isinstance(data, dict):
        raise ProviderUnavailable("HTTP 200, which is no JSON object")
    return data
