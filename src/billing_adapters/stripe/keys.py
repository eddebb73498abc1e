"""Keys: what Stripe knows us by. A key is checked before it is used, says which mode it is for, and is never shown."""

import re
from typing import Self

from attrs import field, frozen

from billing_core.errors import Invalid

__all__ = ["Key"]

# https://docs.stripe.com/keys: secret and restricted keys of a sandbox or of live mode.
_KEY = re.compile(r"(?:sk|rk)_(test|live)_[A-Za-z0-9_]{1,240}")
_KINDS = "a secret or restricted key: sk_test_..., sk_live_..., rk_test_... or rk_live_..."


@frozen
class Key:
    """A secret or restricted key, and whether it moves real money."""

    text: str = field(repr=False)
    livemode: bool

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a key, without the white space that files and variables end with.

        Raises:
            Invalid: It is no key that could be used here; the sentence does not repeat it.
        """
        if not isinstance(text, str):
            raise Invalid("key", f"must be {_KINDS}; this is no text")
        stripped = text.strip()
        known = _KEY.fullmatch(stripped)
        if not known:
            raise Invalid("key", f"must be {_KINDS}; {_complaint(stripped)}")
        return cls(stripped, livemode=known[1] == "live")


def _complaint(text: str) -> str:
    if not text:
        return "this is empty"
    if text.startswith("pk_"):
        return "this is a publishable key, which is for browsers"
    if text.startswith("whsec_"):
        return "this is the signing secret of a webhook endpoint"
    return "this is none of them"
