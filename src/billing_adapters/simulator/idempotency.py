"""Idempotency: the first answer to a key is kept and given again. Source: https://docs.stripe.com/api/idempotent_requests."""

import hashlib
from http import HTTPStatus

from attrs import define, field, frozen

from billing_adapters.simulator.exchange import Answer, Call
from billing_adapters.simulator.refusals import Refused, invalid

__all__ = ["Answers"]

_KEPT_SECONDS = 24 * 3600
_LONGEST = 255


@frozen
class _Kept:
    until: int
    fingerprint: str
    answer: Answer


@define
class Answers:
    """The answers that were given, by mode and key, for a day."""

    _kept: dict[tuple[bool, str], _Kept] = field(factory=dict)

    def find(self, key: str, call: Call, now: int, *, livemode: bool) -> Answer | None:
        """Return the first answer to this key, or None.

        Raises:
            Refused: The key is too long, or came with another request.
        """
        if len(key) > _LONGEST:
            message = f"Idempotency-Key may have at most {_LONGEST} characters; yours has {len(key)}."
            raise invalid(message)
        kept = self._kept.get((livemode, key))
        if kept is None or kept.until <= now:
            return None
        if kept.fingerprint != _fingerprint(call):
            raise _other_request(key)
        replayed = {"Idempotent-Replayed": "true", "Original-Request": kept.answer.headers["Request-Id"]}
        return Answer(kept.answer.status, {**kept.answer.headers, **replayed}, kept.answer.body)

    def keep(self, key: str, call: Call, answer: Answer, now: int, *, livemode: bool) -> None:
        """Keep an answer for a day; those that are older go."""
        # In order of time, so that the oldest are first.
        for oldest in [name for name, kept in self._kept.items() if kept.until <= now]:
            del self._kept[oldest]
        self._kept[livemode, key] = _Kept(now + _KEPT_SECONDS, _fingerprint(call), answer)


def _fingerprint(call: Call) -> str:
    said = f"{call.method} {call.path}?{call.query}\n".encode() + call.body
    return hashlib.sha256(said).hexdigest()


def _other_request(key: str) -> Refused:
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key "
        f"other than '{key}' if you meant to execute a different request."
    )
    return Refused(HTTPStatus.BAD_REQUEST, {"message": message, "type": "idempotency_error"})
