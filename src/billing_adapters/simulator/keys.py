"""Keys: who asks. Any well-formed secret or restricted key is good, until it is revoked; it says test mode or live mode."""

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from http import HTTPStatus

from billing_adapters.simulator.refusals import Refused, invalid

__all__ = ["authenticated"]

_KEY = re.compile(r"(?:sk|rk)_(test|live)_[A-Za-z0-9_]{4,240}")
_SHOWN = 4


def authenticated(headers: Mapping[str, str], revoked: Collection[str]) -> bool:
    """Return whether the key of a request is one of live mode.

    Args:
        headers: Of the request; names in lower case.
        revoked: The keys that are good no more.

    Raises:
        Refused: There is no key, or it is none that is good.
    """
    key = _key(headers.get("authorization", ""))
    if not key:
        raise _unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer "
            "auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication "
            "for details."
        )
    if key.startswith("pk_"):
        message = "This API call cannot be made with a publishable API key. Please use a secret API key."
        raise _unauthorized(message, "secret_key_required")
    if key in revoked:
        raise _unauthorized(f"Expired API Key provided: {_masked(key)}", "api_key_expired")
    known = _KEY.fullmatch(key)
    if not known:
        raise _unauthorized(f"Invalid API Key provided: {_masked(key)}")
    return known[1] == "live"


def _key(header: str) -> str:
    scheme, _, value = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _masked(key: str) -> str:
    return f"{key[: len('sk_test_')]}{'*' * 8}{key[-_SHOWN:]}" if len(key) > 2 * len("sk_test_") else "*" * 8


def _unauthorized(message: str, code: str | None = None) -> Refused:
    return invalid(message, code=code, status=HTTPStatus.UNAUTHORIZED)
