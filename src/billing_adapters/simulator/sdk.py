"""The door in process: an HTTP client for Stripe's own library that reaches a simulated Stripe without a socket.

Importing this imports stripe, which takes 0.2 s and 20 MB: nobody should pay that who serves HTTP only.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from io import BytesIO
from typing import Any

from stripe import APIConnectionError, HTTPClient

from billing_adapters.simulator.exchange import Answer, Call, Silence, Silent, call

__all__ = ["InProcess"]

_SAID = {
    Silence.TIMED_OUT: "Request timed out.",
    Silence.REFUSED: "Unexpected error communicating with Stripe: connection refused.",
}


class InProcess(HTTPClient):
    """Hands requests, synchronous or not, to a function. What Stripe's library retries, it retries without waiting."""

    name = "simulator"

    def __init__(self, answer: Callable[[Call], Answer]) -> None:
        """Take the function that answers."""
        super().__init__()
        self._answer = answer

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: object = None, **_: object
    ) -> tuple[str, int, Mapping[str, str]]:
        """Answer a request."""
        answer = self._answered(method, url, headers, post_data)
        return answer.body.decode(), answer.status, answer.headers

    def request_stream(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: object = None, **_: object
    ) -> tuple[Any, int, Mapping[str, str]]:
        """Answer a request with a stream."""
        answer = self._answered(method, url, headers, post_data)
        return BytesIO(answer.body), answer.status, answer.headers

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: object = None, **_: object
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Answer a request; nothing is waited for."""
        answer = self._answered(method, url, headers, post_data)
        return answer.body, answer.status, answer.headers

    async def request_stream_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: object = None, **_: object
    ) -> tuple[Any, int, Mapping[str, str]]:
        """Answer a request with a stream; nothing is waited for."""
        answer = self._answered(method, url, headers, post_data)

        async def stream() -> AsyncIterator[bytes]:
            yield answer.body

        return stream(), answer.status, answer.headers

    def close(self) -> None:
        """Do nothing: there is no connection."""

    async def close_async(self) -> None:
        """Do nothing: there is no connection."""

    async def sleep_async(self, secs: float) -> None:
        """Do not wait."""

    def _sleep_time_seconds(self, num_retries: int) -> float:  # noqa: ARG002 - the library's own hook
        return 0

    def _answered(self, method: str, url: str, headers: Mapping[str, str] | None, post_data: object) -> Answer:
        try:
            return self._answer(call(method, url, headers or {}, post_data))
        except Silent as silent:
            raise APIConnectionError(_SAID[silent.why], should_retry=True) from silent  # type: ignore[no-untyped-call]
