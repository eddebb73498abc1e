"""The WSGI shell: the endpoint as an application of its own, or mounted into one. Source: PEP 3333."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from attrs import frozen

from billing_adapters.web.endpoint import WebhookEndpoint

__all__ = ["WsgiWebhooks"]


class StartResponse(Protocol):
    """What a WSGI server hands over for the status and the headers."""

    def __call__(self, status: str, headers: list[tuple[str, str]], /) -> object:
        """Begin the answer."""


@frozen
class WsgiWebhooks:
    """A WSGI application for every path; a framework or the server routes the request."""

    endpoint: WebhookEndpoint

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        body = _read(environ, self.endpoint.max_body)
        answer = self.endpoint(environ["REQUEST_METHOD"], _headers(environ), body)
        start_response(f"{answer.status.value} {answer.status.phrase}", [*answer.headers])
        return [answer.body]


def _read(environ: Mapping[str, Any], most: int) -> bytes:
    """Read the body, or one byte more than `most`.

    Without a length, reading could wait forever; only a server that ends the input by itself may be read then, as those do
    that take chunked requests.
    """
    length = str(environ.get("CONTENT_LENGTH") or "")
    if length.isascii() and length.isdecimal():
        return _take(environ, most + 1 if len(length) > len(str(most)) else min(int(length), most + 1))
    return _take(environ, most + 1) if environ.get("wsgi.input_terminated") else b""


def _take(environ: Mapping[str, Any], size: int) -> bytes:
    taken: bytes = environ["wsgi.input"].read(size)
    return taken


def _headers(environ: Mapping[str, Any]) -> Mapping[str, str]:
    return {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
