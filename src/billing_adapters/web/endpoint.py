"""The endpoint: what a provider's HTTP request becomes, and the answer it gets, whatever the framework.

The status says what the provider should do: 2xx never send it again, because it is stored; 4xx it will never be taken; 5xx
send it again. This is the only place that knows HTTP; the shells know only how their interface carries it.
"""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import assert_never

from attrs import field, frozen

from billing_core.billing import Billing
from billing_core.domain.webhooks import AlreadyApplied, Applied, Deferred, Failed, Ignored, Outcome
from billing_core.errors import BillingError, Malformed, WebhookRejected

__all__ = ["NOT_FOUND", "Answer", "WebhookEndpoint"]

_MOST_READ = 2**22  # above what a source takes, so that it is the source that judges
_RETRY_AFTER_SECONDS = 30

_log = logging.getLogger(__name__)


@frozen
class Answer:
    """An HTTP answer, for a framework to send."""

    status: HTTPStatus
    body: bytes
    headers: tuple[tuple[str, str], ...]


@frozen
class WebhookEndpoint:
    """Answers the requests that a provider sends to its webhook endpoint.

    Args:
        billing: What receives them.
        max_body: How many bytes of a body are read: whoever carries the request stops one byte beyond it. It only guards
            the memory. What an event may have is the source's to say (`StripeWebhooks.max_body`, by default a quarter of
            this): to take less or more, change it there, and this only for what is larger than this.
    """

    billing: Billing
    max_body: int = field(default=_MOST_READ)

    def __call__(self, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Receive one request and say what became of it.

        No answer repeats anything of the body, the signature or a secret: it may be read by whoever forged the request.

        Args:
            method: The HTTP method; only POST is taken.
            headers: The request's headers, names in any case.
            body: The raw bytes, exactly as they came.
        """
        if method != "POST":
            return _refusal(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", "webhooks are sent by POST", Allow="POST")
        try:
            self._measure(body)
            outcome = self.billing.webhooks.receive(body, headers)
        except WebhookRejected as rejected:
            return _refusal(HTTPStatus.BAD_REQUEST, type(rejected).__name__, str(rejected))
        except BillingError as failure:
            # The database, or a race that was lost too often. What failed may have come after the commit, so whether it is
            # stored is unknown; if it is, the next delivery finds it and goes on from there.
            _log.warning("a webhook was not finished and will be sent again: %s", failure)
            after = {"Retry-After": str(_RETRY_AFTER_SECONDS)}
            return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, type(failure).__name__, "not finished: send it again", **after)
        return _answer(HTTPStatus.OK, {"outcome": _word(outcome)})

    def _measure(self, body: bytes) -> None:
        if not body:
            raise Malformed("it is empty: has something else read it, or does the request not say how long it is?")
        if len(body) > self.max_body:
            raise Malformed(f"it is longer than {self.max_body} bytes")


def _word(outcome: Outcome) -> str:
    match outcome:
        case Applied():
            return "applied"
        case AlreadyApplied():
            return "already_applied"
        case Ignored():
            return "ignored"
        case Deferred():
            return "deferred"
        case Failed():
            return "failed"
        case _:
            assert_never(outcome)


def _refusal(status: HTTPStatus, error: str, message: str, **headers: str) -> Answer:
    return _answer(status, {"error": error, "message": message}, **headers)


def _answer(status: HTTPStatus, content: Mapping[str, str], **headers: str) -> Answer:
    body = json.dumps(content).encode()
    described = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    return Answer(status, body, tuple(described.items()))


NOT_FOUND = _refusal(HTTPStatus.NOT_FOUND, "NotFound", "nothing is here")
