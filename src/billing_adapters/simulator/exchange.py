"""Exchange: a request and its answer, whichever door they go through; and how an answer can fail to arrive."""

import json
from collections.abc import Mapping
from enum import Enum
from urllib.parse import urlsplit

from attrs import field, frozen

__all__ = ["Answer", "Call", "Silence", "Silent", "answered", "call"]


@frozen
class Call:
    """A request. Names of headers are in lower case; `path` is still quoted, as it came."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(factory=dict, repr=False)  # the key is in there
    body: bytes = b""


@frozen
class Answer:
    """An answer: what the client reads."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Silence(Enum):
    """Why no answer arrives."""

    TIMED_OUT = "timed out"
    REFUSED = "connection refused"


@frozen
class Silent(Exception):
    """No answer arrives."""

    why: Silence


def call(method: str, url: str, headers: Mapping[str, str], body: object = None) -> Call:
    """Return a request as a client makes it, of a whole URL."""
    parts = urlsplit(url)
    content = body if isinstance(body, bytes) else str(body or "").encode()
    lowered = {name.lower(): value for name, value in headers.items()}
    return Call(method.upper(), parts.path, parts.query, lowered, content)


def answered(status: int, content: object, headers: Mapping[str, str]) -> Answer:
    """Return an answer that carries JSON."""
    return Answer(int(status), {"Content-Type": "application/json", **headers}, json.dumps(content).encode())
