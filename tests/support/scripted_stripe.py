"""Stripe as a script: an HTTP client for the real SDK that writes down what it is asked, and answers as it was told to."""

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

import stripe
from attrs import field, frozen

from billing_adapters.stripe.gateway import StripeGateway

# What the tests let Stripe say is of this moment.
DATE = "Thu, 01 Jan 2026 12:00:00 GMT"
TEST_KEY = "sk_test_51HiddenHidden"
LIVE_KEY = TEST_KEY.replace("test", "live")


@frozen
class Sent:
    """One request as it left, its parameters as they are in the form."""

    method: str
    path: str
    form: Mapping[str, str]
    headers: Mapping[str, str]
    raw: str = field(default="", repr=False)

    @property
    def key(self):
        return self.headers.get("Idempotency-Key")


@frozen
class Reply:
    """What Stripe is to answer; a `dict` becomes JSON."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)


class Script(stripe.HTTPClient):
    """Answers one after the other; the last one again and again. An exception is raised instead."""

    name = "script"

    def __init__(self, *answers):
        super().__init__()
        self.answers = list(answers)
        self.sent = []

    def request(self, method, url, headers, post_data=None):
        address = urlsplit(url)
        raw = post_data or address.query
        self.sent.append(Sent(method.upper(), address.path, dict(parse_qsl(raw, keep_blank_values=True)), headers, raw))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        answer = answer(self.sent[-1]) if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        reply = answer if isinstance(answer, Reply) else Reply(answer)
        body = reply.body if isinstance(reply.body, str | bytes) else json.dumps(reply.body)
        return body, reply.status, {"Date": DATE, "Request-Id": "req_1", **reply.headers}

    def close(self):
        self.sent.append("closed")

    def _sleep_time_seconds(self, _num_retries):
        return 0


def gateway(*answers, key=TEST_KEY, per_second=None, **options):
    """Return a gateway whose Stripe is a script, and that script; nobody waits for anything."""
    script = Script(*answers)
    options = {"sleep": lambda _: None, **options}
    return StripeGateway(key, http_client=script, per_second=per_second, **options), script


def listed(*objects, more=False):
    """Return a page of a list."""
    return {"object": "list", "data": list(objects), "has_more": more, "url": "/v1/things"}


def error(kind="invalid_request_error", status=400, headers=None, **members):
    """Return an answer of Stripe's that is an error."""
    return Reply({"error": {"type": kind, **members}}, status, headers or {})
