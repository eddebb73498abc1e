"""Errors: whatever the SDK raises, said once in this library's words.

The SDK's errors hold whole answers, and some of its sentences hold what a customer typed. None of that leaves this module:
what is raised has its class, status, code and request id, and sentences without keys, addresses and numbers of cards.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from types import MappingProxyType
from typing import TypeAlias, cast

from attrs import frozen

from billing_adapters.stripe.reading import Json, Node
from billing_core.errors import (
    Malformed,
    ProviderDeclined,
    ProviderDenied,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)

__all__ = ["IDEMPOTENCY", "MISSING", "Cause", "declined", "spoken", "translated", "unreadable"]

# Stripe's codes, where this library does something about them.
IDEMPOTENCY = "idempotency_error"
MISSING = "resource_missing"

_LONGEST = 500
_UNSAID = "The payment was declined."
_PRIVATE = re.compile(
    r"""
    \b (?: sk | rk | pk | whsec | ek ) _ [\w*]+         # keys
    | \b \w+ _secret_ \w+                               # what a browser finishes a payment with
    | [^\s@'"<>]+ @ [^\s@'"<>]+                         # addresses
    | \b \d (?: [\ -]? \d ){11,18} \b                   # numbers of cards
    """,
    re.VERBOSE,
)


@frozen
class Cause(Exception):
    """What the SDK raised, without the bodies that it holds: `request` is the id that Stripe's support asks for."""

    kind: str
    status: int | None = None
    code: str | None = None
    request: str | None = None

    def __str__(self) -> str:
        """Say what there is of it."""
        facts = (self.kind, self.status and f"HTTP {self.status}", self.code, self.request)
        return ", ".join(fact for fact in facts if fact)


@frozen
class _Failure:
    """An error of the SDK, and the error in the answer's JSON, if it was one."""

    raised: Exception
    status: int | None
    error: Node

    def said(self, name: str) -> str | None:
        """Return a text of the error, as it may be shown."""
        return spoken(_text(self.error, name))

    @property
    def code(self) -> str:
        """Why it failed, in Stripe's word; the SDK leaves its own `code` empty for most errors."""
        return self.said("code") or self.said("type") or "unknown"


def translated(raised: Exception) -> tuple[ProviderError, Cause]:
    """Return what to raise instead of what the SDK raised, and from which cause."""
    failure = _failure(raised)
    headers = getattr(raised, "headers", None)
    request = headers.get("request-id") if isinstance(headers, Mapping) else None
    code = failure.said("code") or failure.said("type")
    cause = Cause(type(raised).__name__, failure.status, code, spoken(request))
    return _SAID.get(_kind(raised), _unavailable)(failure), cause


def declined(error: Json, payment: str | None = None) -> ProviderDeclined:
    """Return the refusal that a payment's last error stands for."""
    node = Node("error", error)
    code = spoken(_text(node, "decline_code")) or spoken(_text(node, "code")) or "card_declined"
    return ProviderDeclined(code, spoken(_text(node, "message")) or _UNSAID, payment)


def unreadable(what: Malformed) -> ProviderUnavailable:
    """Return what an answer that cannot be read comes to: nobody knows what was done."""
    return ProviderUnavailable(f"its answer cannot be read: {what.reason}")


def spoken(text: str | None) -> str | None:
    """Return a text of Stripe's as it may be shown and written down."""
    return _PRIVATE.sub("[removed]", text[: 4 * _LONGEST])[:_LONGEST] if text else None


def _kind(raised: Exception) -> str:
    """Return the name of an SDK's class; Python has a `PermissionError`, too."""
    kind = type(raised)
    return kind.__name__ if kind.__module__.partition(".")[0] == "stripe" else ""


def _failure(raised: Exception) -> _Failure:
    body = getattr(raised, "json_body", None)
    error = body.get("error") if isinstance(body, dict) else None
    status = getattr(raised, "http_status", None)
    return _Failure(raised, status, Node("error", cast("Json", error) if isinstance(error, dict) else {}))


def _text(node: Node, name: str) -> str | None:
    with suppress(Malformed):
        return node.optional_text(name)
    return None


def _declined(failure: _Failure) -> ProviderError:
    payment = None
    with suppress(Malformed):
        payment = failure.error.optional_reference("payment_intent")
    return declined(failure.error.members, payment)


def _refused(failure: _Failure) -> ProviderError:
    return ProviderRefused(failure.code, failure.said("message") or "it did not say why", failure.said("param"))


def _reused(failure: _Failure) -> ProviderError:
    return ProviderRefused(IDEMPOTENCY, failure.said("message") or "the key belongs to another request")


def _unknown_key(failure: _Failure) -> ProviderError:
    return ProviderDenied(f"it is unknown, expired or revoked ({failure.code})")


def _forbidden(failure: _Failure) -> ProviderError:
    return ProviderDenied(f"it may not do this ({failure.code})")


def _limited(failure: _Failure) -> ProviderError:
    return ProviderUnavailable(f"too many requests, {failure.code}")


def _unavailable(failure: _Failure) -> ProviderError:
    if failure.status is None:
        # The SDK's own sentence has the address in it, with whatever was in its query.
        return ProviderUnavailable(type(failure.raised.__cause__ or failure.raised).__name__)
    if failure.status < HTTPStatus.BAD_REQUEST:
        return ProviderUnavailable(f"HTTP {failure.status}, which is no JSON object")
    return ProviderUnavailable(f"HTTP {failure.status}, {failure.code}")


_Said: TypeAlias = Callable[[_Failure], ProviderError]

# By the names of the SDK's classes, so that importing this does not import it. Whatever is not here gave no answer.
_SAID: Mapping[str, _Said] = MappingProxyType({
    "AuthenticationError": _unknown_key,
    "CardError": _declined,
    "IdempotencyError": _reused,
    "InvalidRequestError": _refused,
    "PermissionError": _forbidden,
    "RateLimitError": _limited,
})
