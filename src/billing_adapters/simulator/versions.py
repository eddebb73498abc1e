"""Versions: in which version of the API a request speaks. Source: https://docs.stripe.com/api/versioning."""

import re
from collections.abc import Mapping

from billing_adapters.simulator.refusals import invalid

__all__ = ["OLDEST", "asked_version", "known_version"]

OLDEST = "2020-08-27"

_VERSION = re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9](?:\.[a-z]+)?")


def asked_version(headers: Mapping[str, str]) -> str:
    """Return the version that a request names, or the empty text if it names none.

    Raises:
        Refused: It is none.
    """
    return known_version(headers["stripe-version"]) if headers.get("stripe-version") else ""


def known_version(version: str, param: str | None = None) -> str:
    """Return a version that looks like one, and is not older than `OLDEST`.

    Raises:
        Refused: It is none.
    """
    if not _VERSION.fullmatch(version) or version < OLDEST:
        raise invalid(f"Invalid Stripe API version: {version}", param)
    return version
