"""Webhooks: Stripe's events, proven to be genuine and turned into commands, without touching the network.

The signature is checked by Stripe's own library over the raw bytes; the body is read as plain JSON, because the library's
objects cost many times as much and follow one version of the API. Source: https://docs.stripe.com/webhooks/signature.
"""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NoReturn, cast

import attrs
from attrs import field, frozen

from billing_adapters.stripe.reading import Json, Node
from billing_adapters.stripe.shapes import COMMANDS, commands
from billing_core.domain.times import moment
from billing_core.domain.webhooks import Webhook
from billing_core.errors import BadSignature, Invalid, Malformed, Stale

__all__ = ["SIGNATURE", "StripeWebhooks", "parse"]

SIGNATURE = "Stripe-Signature"

# An event carries its object; a thin one, of the second generation of the API, only says which object it is about.
_WHOLE = "event"
_THIN = "v2.core.event"

# Stripe signs with each active secret, which are few; its events are far below a megabyte.
_LONGEST_HEADER = 4096
_LARGEST_BODY = 2**20
_TIMESTAMP = re.compile(r"t=([0-9]{1,12})")


def _usable(secrets: Iterable[str]) -> tuple[str, ...]:
    """Return the secrets without the white space that files and variables end with; shaped as an attrs converter."""
    if isinstance(secrets, str):
        raise Invalid("secrets", "must be a sequence of texts, not one text")
    stripped = tuple(secret.strip() for secret in secrets)
    usable = tuple(secret for secret in stripped if secret)
    if not usable:
        raise Invalid("secrets", "must hold at least one signing secret of a webhook endpoint (whsec_...)")
    return usable


def _above_zero(_owner: object, attribute: "attrs.Attribute[Any]", value: timedelta | int) -> None:
    if (value.total_seconds() if isinstance(value, timedelta) else value) <= 0:
        raise Invalid(attribute.name, "must be above zero")


@frozen
class StripeWebhooks:
    """What Stripe sends to a webhook endpoint. Several secrets are valid at once, so that one can be replaced.

    `tolerance` is how far a signature's timestamp may be from now, in the past or in the future; `max_body` is how many
    bytes a body may have, whoever carries it: the web edge reads a few times the default, and leaves the judgment to this.

    Raises:
        Invalid: There is no secret, or the tolerance or the cap is not above zero.
    """

    secrets: tuple[str, ...] = field(converter=_usable, repr=False)
    tolerance: timedelta = field(default=timedelta(seconds=300), validator=_above_zero)
    max_body: int = field(default=_LARGEST_BODY, validator=_above_zero)

    def verify(self, body: bytes, headers: Mapping[str, str], now: datetime) -> None:
        """Make sure that Stripe itself sent exactly these bytes, lately; header names are in any case.

        Raises:
            BadSignature: No secret made any of the signatures, or there is none that can be read.
            Stale: The signature is genuine, but from another time.
            Malformed: The body is too long, or not UTF-8.
        """
        if len(body) > self.max_body:
            raise Malformed(f"it is longer than {self.max_body} bytes")
        header = _signature(headers)
        sent_at = _timestamp(header)
        text = _decoded(body)
        if not any(_signed(text, header, secret) for secret in self.secrets):
            raise BadSignature("no known secret made it")
        age = moment(now).timestamp() - sent_at
        if abs(age) > self.tolerance.total_seconds():
            raise Stale(int(age))

    def parse(self, body: bytes) -> Webhook:
        """Read verified bytes, in any version of Stripe's API; an event of no known type, or a thin one, asks for nothing.

        An event of a known type whose object cannot be read is returned with `unreadable`, which names what is wrong.

        Raises:
            Malformed: The bytes are no event of Stripe.
        """
        return parse(body)


def parse(body: bytes) -> Webhook:
    """Read verified bytes, as `StripeWebhooks.parse` does: reading needs no secret.

    Raises:
        Malformed: The bytes are no event of Stripe.
    """
    event = Node("event", _loaded(body))
    webhook = _envelope(event)
    if event.text("object") == _THIN or webhook.type not in COMMANDS:
        return webhook
    try:
        return attrs.evolve(webhook, commands=commands(webhook.type, webhook.occurred_at, event.node("data")))
    except Malformed as unreadable:
        return attrs.evolve(webhook, unreadable=unreadable.reason)


# Signatures ---------------------------------------------------------------------------------------------------------------


def _signature(headers: Mapping[str, str]) -> str:
    found = next((value for name, value in headers.items() if name.lower() == SIGNATURE.lower()), "")
    if not found:
        raise BadSignature(f"the header {SIGNATURE} is missing")
    if len(found) > _LONGEST_HEADER:
        raise BadSignature("it is too long")
    # Comparing signatures raises TypeError for these.
    if not found.isascii():
        raise BadSignature("it is not ASCII")
    return found


def _timestamp(header: str) -> int:
    """Return the seconds that are signed: those of the first `t`, as in Stripe's own check."""
    first = next((part for part in header.split(",") if part.partition("=")[0] == "t"), "")
    match = _TIMESTAMP.fullmatch(first)
    if not match:
        raise BadSignature("it has no timestamp")
    return int(match[1])


def _signed(text: str, header: str, secret: str) -> bool:
    # Importing stripe takes 0.2 s and 20 MB, which nobody should pay who never receives a webhook.
    from stripe import SignatureVerificationError, WebhookSignature  # noqa: PLC0415

    try:
        # No tolerance: Stripe's own check takes any timestamp in the future, and reads the machine's clock.
        WebhookSignature.verify_header(text, header, secret, tolerance=None)
    except (SignatureVerificationError, TypeError, ValueError):
        return False
    return True


# Bodies -------------------------------------------------------------------------------------------------------------------


def _decoded(body: bytes) -> str:
    with suppress(UnicodeDecodeError):
        return body.decode()
    raise Malformed("it is not UTF-8")  # out here, so that the error does not hold the body


def _loaded(body: bytes) -> Json:
    text = _decoded(body)
    loaded: object = None
    # RecursionError is for absurd nesting, ValueError also for a number of thousands of digits.
    with suppress(ValueError, RecursionError):
        loaded = json.loads(text, parse_constant=_refused)
    if not isinstance(loaded, dict):
        raise Malformed("it is not a JSON object")
    return cast("Json", loaded)


def _refused(constant: str) -> NoReturn:
    raise ValueError(constant)


def _envelope(event: Node) -> Webhook:
    """Read what every event says about itself, whatever it is about."""
    kind = event.text("object")
    if kind not in {_WHOLE, _THIN}:
        raise Malformed("event.object is not an event")
    return Webhook(
        id=event.text("id"),
        type=event.text("type"),
        occurred_at=event.moment("created") if kind == _WHOLE else _written_moment(event),
        livemode=event.flag("livemode"),
        api_version=event.optional_text("api_version"),
    )


def _written_moment(event: Node) -> datetime:
    """Return the moment of a thin event, which is written out: `2026-01-31T09:30:00.000Z`."""
    try:
        return moment(datetime.fromisoformat(event.text("created")))
    except (ValueError, OverflowError, Invalid):
        raise Malformed("event.created is no moment") from None
