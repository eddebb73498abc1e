"""Whatever goes wrong is said once, in our words, by what the caller can do next; and no secret is in it."""

import random
import socket
import threading
import time
import traceback
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import stripe
from scripted_stripe import LIVE_KEY, TEST_KEY, Reply, error, gateway, listed

from billing_adapters.stripe.errors import Cause, spoken
from billing_adapters.stripe.gateway import StripeGateway
from billing_adapters.stripe.samples import Samples
from billing_core.domain.orders import CancelSubscription, TakePayment
from billing_core.errors import (
    ProviderDeclined,
    ProviderDenied,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)

KEY = "order:acme:1"
ORDER = TakePayment(customer="cus_1", amount_minor=500, currency="usd", description="jo@acme.example")
CUSTOMER = Samples().customer("cus_1", metadata={"billing_account": "acme", "billing_intent": KEY})


def raised_by(*answers, order=ORDER, **options):
    stripe_gateway, script = gateway(*answers, **options)
    with pytest.raises(ProviderError) as told:
        stripe_gateway.place(order, KEY)
    return told.value, script


def fields(problem):
    return type(problem), *(getattr(problem, name.name) for name in problem.__attrs_attrs__)


# The table ----------------------------------------------------------------------------------------------------------------

CARD = {"code": "card_declined", "decline_code": "insufficient_funds", "message": "Your card has insufficient funds."}
AUTHENTICATION = {"code": "authentication_required", "message": "Your card was declined. It needs authentication."}
TABLE = {
    "declined by the bank": (
        error("card_error", 402, **CARD, payment_intent={"id": "pi_1", "status": "requires_payment_method"}),
        (ProviderDeclined, "insufficient_funds", "Your card has insufficient funds.", "pi_1"),
    ),
    "needs the customer": (
        error("card_error", 402, **AUTHENTICATION, payment_intent="pi_1"),
        (ProviderDeclined, "authentication_required", AUTHENTICATION["message"], "pi_1"),
    ),
    "declined without a word": (
        error("card_error", 402),
        (ProviderDeclined, "card_declined", "The payment was declined.", None),
    ),
    "declined with nonsense": (
        error("card_error", 402, code=7, message=["no"], payment_intent=[]),
        (ProviderDeclined, "card_declined", "The payment was declined.", None),
    ),
    "unknown price": (
        error(code="resource_missing", message="No such price: 'price_0'", param="line_items[0][price]"),
        (ProviderRefused, "resource_missing", "No such price: 'price_0'", "line_items[0][price]"),
    ),
    "not found": (
        error(status=404, code="resource_missing", message="No such customer: 'cus_0'", param="id"),
        (ProviderRefused, "resource_missing", "No such customer: 'cus_0'", "id"),
    ),
    "refused without a code": (
        error(message="The price specified is inactive."),
        (ProviderRefused, "invalid_request_error", "The price specified is inactive.", None),
    ),
    "refused without a word": (
        Reply({"error": {}}, 400),
        (ProviderRefused, "unknown", "it did not say why", None),
    ),
    "wrong key": (
        error(status=401, message="Invalid API Key provided: sk_test_********dden"),
        (ProviderDenied, "it is unknown, expired or revoked (invalid_request_error)"),
    ),
    "expired key": (
        error(status=401, code="api_key_expired", message="Expired API Key provided: sk_test_********dden"),
        (ProviderDenied, "it is unknown, expired or revoked (api_key_expired)"),
    ),
    "restricted key": (
        error(status=403, message="The provided key 'rk_test_********dden' does not have the required permissions"),
        (ProviderDenied, "it may not do this (invalid_request_error)"),
    ),
    "conflict": (
        error(status=409, code="lock_timeout", message="This object cannot be accessed right now"),
        (ProviderUnavailable, "HTTP 409, lock_timeout"),
    ),
    "same key at the same time": (
        error("idempotency_error", 409, code="idempotency_key_in_use", message="There is currently another request"),
        (ProviderUnavailable, "HTTP 409, idempotency_key_in_use"),
    ),
    "too many": (
        error(status=429, code="rate_limit", message="Too many requests"),
        (ProviderUnavailable, "too many requests, rate_limit"),
    ),
    "too many, as it was said before": (
        error(status=400, code="rate_limit", message="Too many requests"),
        (ProviderUnavailable, "too many requests, rate_limit"),
    ),
    "failed": (error("api_error", 500, message="Oops"), (ProviderUnavailable, "HTTP 500, api_error")),
    "down": (Reply("<html>503</html>", 503), (ProviderUnavailable, "HTTP 503, unknown")),
    "a page instead of an answer": (
        Reply("<html>Sign in to the network</html>"),
        (ProviderUnavailable, "HTTP 200, which is no JSON object"),
    ),
    "nothing": (Reply("", 200), (ProviderUnavailable, "HTTP 200, which is no JSON object")),
    "a list": (Reply([]), (ProviderUnavailable, "HTTP 200, which is no JSON object")),
    "no UTF-8": (Reply(b"\xff\xfe"), (ProviderUnavailable, "UnicodeDecodeError")),
    "an error that is a word": (Reply({"error": "invalid_grant"}, 400), None),
    "an error that is a list": (Reply({"error": []}, 400), None),
    "a refusal that is a list": (Reply([1], 400), None),
    "a teapot": (error(status=418), (ProviderUnavailable, "HTTP 418, invalid_request_error")),
    "no network": (
        stripe.APIConnectionError("GET https://api/v1/customers?email=jo@acme.example", should_retry=True),
        (ProviderUnavailable, "APIConnectionError"),
    ),
    "something of the client's": (ValueError("sk_test_51HiddenHidden"), (ProviderUnavailable, "ValueError")),
    "Python's own error of this name": (PermissionError("/home/jo"), (ProviderUnavailable, "PermissionError")),
}


@pytest.mark.parametrize(("answer", "told"), TABLE.values(), ids=TABLE)
def test_what_went_wrong_is_told_by_what_can_be_done(answer, told):
    problem, _ = raised_by(answer)

    assert fields(problem) == told if told else isinstance(problem, ProviderUnavailable)


def test_a_key_that_belongs_to_another_request_is_refused():
    reused = error("idempotency_error", message="Keys for idempotent requests can only be used with the same parameters")
    order = CancelSubscription(subscription="sub_1")
    going_on = {"object": "subscription", "id": "sub_1", "status": "active"}

    problem, _ = raised_by(reused, going_on, order=order)

    assert (type(problem), problem.code) == (ProviderRefused, "idempotency_error")


# No secret ----------------------------------------------------------------------------------------------------------------

SECRETS = [
    TEST_KEY, LIVE_KEY, "rk_live_abc123", "whsec_abc123", "pk_live_abc", "jo@acme.example", "4242424242424242",
    "4242 4242 4242 4242", "4000-0025-0000-3155", "pi_1_secret_abc",
]  # fmt: skip
LOOSE = f"Invalid: {', '.join(SECRETS)}."


def everything_in(problem):
    """Return all that a log, a tracker or a curious person could get out of an error."""
    told, seen = [], problem
    while seen:
        told += [str(seen), repr(seen), repr(seen.args), repr(vars(seen)) if hasattr(seen, "__dict__") else ""]
        seen = seen.__cause__ or seen.__context__
    return "\n".join([*told, *traceback.format_exception(problem)])


@pytest.mark.parametrize(
    "answer",
    [
        error(message=LOOSE, code=LOOSE, param=LOOSE),
        error("card_error", 402, message=LOOSE, code=LOOSE, decline_code=LOOSE, payment_intent={"id": "pi_1"}),
        error("idempotency_error", message=LOOSE),
        error(status=401, message=LOOSE, code=LOOSE),
        error(status=403, message=LOOSE),
        error(status=429, message=LOOSE),
        error(status=500, message=LOOSE, headers={"Request-Id": LOOSE}),
        Reply(LOOSE, 200),
        Reply(LOOSE, 502),
        stripe.APIConnectionError(LOOSE, http_body=LOOSE),
        ValueError(LOOSE),
    ],
)
def test_nothing_that_is_raised_holds_a_secret(answer):
    problem, script = raised_by(answer, listed())
    told = everything_in(problem)

    assert "jo@acme.example" in script.sent[0].form.values()
    assert [secret for secret in SECRETS if secret in told] == []


def test_what_is_no_secret_is_told_whole():
    sentence = "No such price: 'price_1NxYz2eZvKYlo2C'; amount 999999999, on 2026-01-01 12:00:00, at 50 %"

    assert spoken(sentence) == sentence


def test_a_sentence_has_an_end_and_takes_no_time():
    began = time.perf_counter()

    assert len(spoken("x" * 1_000_000)) == 500

    assert time.perf_counter() - began < 0.5


def test_a_sentence_holds_what_a_database_can_keep():
    problem, _ = raised_by(error(code="a\0b", message="a\0b\ud800"))

    assert (problem.code, problem.reason) == ("a\ufffdb", "a\ufffdb\ufffd")


def test_the_cause_names_what_support_asks_for():
    problem, _ = raised_by(error(code="parameter_unknown"))

    assert isinstance(problem.__cause__, Cause)
    assert str(problem.__cause__) == "InvalidRequestError, HTTP 400, parameter_unknown, req_1"
    assert problem.__context__ is None


# Repeating ----------------------------------------------------------------------------------------------------------------

BUSY = error(status=429, code="rate_limit", message="Too many requests")


def attempts(*answers, **options):
    """Return how often Stripe was asked, and under which keys."""
    stripe_gateway, script = gateway(*answers, **options)
    with suppress(ProviderError):
        stripe_gateway.place(ORDER, KEY)
    return [sent.key for sent in script.sent]


@pytest.mark.parametrize(
    "answer",
    [error("api_error", 500), error(status=409, code="lock_timeout"), stripe.APIConnectionError("", should_retry=True)],
)
def test_what_broke_off_or_failed_is_asked_for_three_times_under_one_key(answer):
    assert attempts(answer) == [KEY] * 3
    assert attempts(answer, answer, CUSTOMER) == [KEY] * 3
    assert attempts(answer, CUSTOMER) == [KEY] * 2


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404])
def test_a_refusal_is_not_asked_for_again(status):
    assert len(attempts(error("card_error", status, code="card_declined"))) == 1


def test_what_stripe_says_of_repeating_is_obeyed():
    never, again = {"Stripe-Should-Retry": "false"}, {"stripe-should-retry": "true"}

    assert len(attempts(error("api_error", 500, headers=never))) == 1
    assert len(attempts(error(status=429, headers=never))) == 1
    assert len(attempts(error(status=400, headers=again), CUSTOMER)) == 2


def test_too_many_requests_are_repeated_later_every_time():
    pauses = []
    random.seed(7)

    assert attempts(BUSY, sleep=pauses.append) == [KEY] * 5

    assert len(pauses) == 4
    for pause, least in zip(pauses, [0.5, 1, 2, 4], strict=True):
        assert least <= pause <= least + 0.5
    assert len({pause % 0.5 for pause in pauses}) == 4  # no two hosts come back together


def test_what_was_too_much_may_succeed_later():
    stripe_gateway, script = gateway(BUSY, BUSY, CUSTOMER)

    assert stripe_gateway.place(ORDER, KEY).id == "cus_1"
    assert len(script.sent) == 3


# Over a real socket -------------------------------------------------------------------------------------------------------


class Line(ThreadingHTTPServer):
    """A Stripe on loopback that does as it is told: an answer, "hang", or "drop"."""

    daemon_threads = True

    def __init__(self, *script):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.asked = list(script), []
        self.released = threading.Event()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        told = self.server.script.pop(0) if len(self.server.script) > 1 else self.server.script[0]
        if told == "hang":
            self.server.released.wait(10)
        if told in {"hang", "drop"}:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        status, body = told
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def _hurried(monkeypatch):
    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0)


GOOD = (200, b'{"object": "customer", "id": "cus_1", "livemode": false}')


def over(line, **options):
    return StripeGateway(TEST_KEY, base_address=line.address, per_second=None, **options)


@pytest.mark.usefixtures("_hurried")
@pytest.mark.parametrize("failure", ["drop", (500, b"{}"), (503, b"<html>"), (409, b'{"error": {"code": "lock_timeout"}}')])
def test_on_the_wire_what_failed_is_repeated_under_the_same_key(failure):
    with Line(failure, failure, GOOD) as line:
        assert over(line).place(ORDER, KEY).id == "cus_1"

    assert [headers["Idempotency-Key"] for _, _, headers in line.asked] == [KEY] * 3


@pytest.mark.usefixtures("_hurried")
def test_on_the_wire_a_page_is_no_answer():
    with Line((200, b"<html>")) as line, pytest.raises(ProviderUnavailable, match="HTTP 200, which is no JSON object"):
        over(line).place(ORDER, KEY)

    assert len(line.asked) == 1


@pytest.mark.usefixtures("_hurried")
def test_on_the_wire_nobody_is_waited_for_longer_than_said():
    with Line("hang") as line, pytest.raises(ProviderUnavailable, match="ReadTimeout"):
        over(line, timeout=timedelta(seconds=0.1)).place(ORDER, KEY)

    assert len(line.asked) == 3


@pytest.mark.usefixtures("_hurried")
def test_on_the_wire_nobody_is_there():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"

    stripe_gateway = StripeGateway(TEST_KEY, base_address=address, per_second=None)

    with pytest.raises(ProviderUnavailable, match="ConnectionError") as told:
        stripe_gateway.place(ORDER, KEY)
    assert "127.0.0.1" not in everything_in(told.value)


@pytest.mark.usefixtures("_hurried")
def test_on_the_wire_who_speaks_no_tls_is_no_stripe():
    with Line(GOOD) as line, pytest.raises(ProviderUnavailable, match="SSLError"):
        StripeGateway(TEST_KEY, base_address=line.address.replace("http", "https"), per_second=None).place(ORDER, KEY)


@pytest.mark.usefixtures("_hurried")
def test_one_gateway_serves_many_threads():
    with Line(GOOD) as line:
        stripe_gateway = over(line)
        told = []

        def ask(number):
            told.extend(stripe_gateway.place(ORDER, f"order:{number}:{n}").id for n in range(20))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stripe_gateway.close()

    assert told == ["cus_1"] * 160
    assert len({headers["Idempotency-Key"] for _, _, headers in line.asked}) == 160
