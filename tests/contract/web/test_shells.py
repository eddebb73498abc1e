"""The endpoint answers the same through ASGI, on a real server, and through WSGI, on another."""

import http.client
import json
import socket
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from billing_adapters.cli.serving import in_background, listening
from billing_adapters.memory import FixedClock, MemoryStore, SequentialIds
from billing_adapters.stripe.samples import Samples, body, sign
from billing_adapters.stripe.webhooks import SIGNATURE, StripeWebhooks
from billing_adapters.web.asgi import AsgiWebhooks
from billing_adapters.web.endpoint import WebhookEndpoint
from billing_adapters.web.wsgi import WsgiWebhooks
from billing_adapters.wiring import Settings, open_billing
from billing_core import Billing
from billing_core.domain.webhooks import DeliveryState
from billing_core.errors import StoreUnavailable

SECRET = "whsec_of_the_shells"
CAP = 20_000
NEW = Samples()


class BrokenStore:
    """A database that does not answer."""

    def begin(self):
        raise StoreUnavailable("it is on fire at db.internal.example")

    view = begin


def billing_on(store, clock, **options):
    return Billing(store=store, provider=StripeWebhooks((SECRET,), **options), clock=clock, ids=SequentialIds())


@contextmanager
def in_memory(_directory, clock):
    yield billing_on(MemoryStore(), clock)


@contextmanager
def on_a_file(directory, clock):
    with open_billing(Settings(f"sqlite:///{directory}/shells.db", (SECRET,)), clock=clock, migrate=True) as billing:
        yield billing


class Client:
    """Sends requests to one address."""

    def __init__(self, address, clock, billing):
        self.address, self.clock, self.billing = urlsplit(address), clock, billing

    def send(self, method, content=None, headers=(), path="/webhooks"):
        connection = http.client.HTTPConnection(self.address.netloc, timeout=10)
        try:
            connection.request(method, path, content, dict(headers))
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"{}"), response.headers
        finally:
            connection.close()

    def deliver(self, event):
        content = body(event)
        status, answer, _ = self.send("POST", content, sign(content, SECRET, self.clock.now()))
        return status, answer

    def raw(self, request):
        """Send bytes as they are, end there, and return everything that comes back."""
        with socket.create_connection((self.address.hostname, self.address.port), timeout=10) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))


class Quiet(WSGIRequestHandler):
    """Writes no log."""

    def log_message(self, *args):
        pass


@contextmanager
def asgi(endpoint):
    with in_background(AsgiWebhooks(endpoint, path="/webhooks"), listening("127.0.0.1", 0)) as address:
        yield address


@contextmanager
def wsgi(endpoint):
    with make_server("127.0.0.1", 0, WsgiWebhooks(endpoint), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(params=[asgi, wsgi], ids=["asgi", "wsgi"])
def shell(request):
    return request.param


@pytest.fixture
def opened():
    """Return where what is received is kept, which is in memory unless a test asks for more."""
    return in_memory


everywhere = pytest.mark.parametrize("opened", [in_memory, on_a_file], ids=["memory", "file"])


@pytest.fixture
def client(shell, opened, tmp_path):
    clock = FixedClock()
    with opened(tmp_path, clock) as billing, shell(WebhookEndpoint(billing, max_body=CAP)) as address:
        yield Client(address, clock, billing)


def stored(billing):
    return [one for state in DeliveryState for one in billing.webhooks.deliveries(state)]


def event(clock, kind="product.created", about=None, number=1):
    return NEW.event(kind, about or NEW.product("prod_1", "Pack"), clock.now(), event_id=f"evt_{number}")


def test_a_genuine_webhook_is_applied(client):
    assert client.deliver(event(client.clock)) == (200, {"outcome": "applied"})
    assert [one.id for one in client.billing.catalog.products()] == ["prod_1"]


def test_the_same_webhook_again_is_answered_with_200(client):
    client.deliver(event(client.clock))

    assert client.deliver(event(client.clock)) == (200, {"outcome": "already_applied"})


def test_an_unknown_type_is_ignored_with_200(client):
    assert client.deliver(event(client.clock, "tea.brewed")) == (200, {"outcome": "ignored"})


def test_what_waits_for_something_is_acknowledged(client):
    frozen = {"billing_purchase": "order-1", "credit_amount": "10"}
    payment = NEW.payment_intent("pi_1", 100, customer="cus_nobody_knows", metadata=frozen)

    assert client.deliver(event(client.clock, "payment_intent.succeeded", payment)) == (200, {"outcome": "deferred"})


def test_what_fails_is_stored_and_acknowledged(client):
    frozen = {"billing_purchase": "order-1", "billing_account": "acme", "credit_amount": "ten"}
    payment = NEW.payment_intent("pi_1", 100, metadata=frozen)

    assert client.deliver(event(client.clock, "payment_intent.succeeded", payment)) == (200, {"outcome": "failed"})


@everywhere
def test_a_forged_webhook_is_refused_without_a_trace_or_an_echo(client):
    content = body(event(client.clock))
    headers = sign(content, "whsec_forged", client.clock.now())

    status, answer, received = client.send("POST", content, headers)

    assert (status, answer["error"]) == (400, "BadSignature")
    assert received["Content-Type"] == "application/json"
    echoed = json.dumps(answer)
    assert not any(secret in echoed for secret in (SECRET, "whsec_forged", headers[SIGNATURE], "evt_1", "prod_1"))
    assert not client.billing.catalog.products()
    assert stored(client.billing) == []


@everywhere
@pytest.mark.parametrize("content", [b"", b"not json", b"\xff\xfe", b"[]", b"{}", b'{"id": "evt_secret"}', b"[" * 9000])
def test_what_is_no_webhook_is_a_clean_400_without_a_trace(client, content):
    headers = sign(b"", SECRET, client.clock.now()) if content[:1] == b"\xff" else sign(content, SECRET, client.clock.now())

    status, answer, _ = client.send("POST", content, headers)

    assert status == 400
    assert set(answer) == {"error", "message"}
    echoed = json.dumps(answer)
    assert not any(secret in echoed for secret in (SECRET, headers[SIGNATURE], "evt_secret", "not json"))
    assert stored(client.billing) == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_another_method_is_told_which_one_is_allowed(client, method):
    status, _, headers = client.send(method)

    assert status == 405
    assert headers["Allow"] == "POST"


def test_a_body_that_is_too_long_is_refused(client):
    content = b" " * (CAP + 1)

    status, answer, _ = client.send("POST", content, sign(content, SECRET, client.clock.now()))

    assert (status, answer["error"]) == (400, "Malformed")
    assert stored(client.billing) == []


@pytest.mark.parametrize(("options", "expected"), [({}, 400), ({"max_body": 3 * 2**20}, 200)], ids=["default", "raised"])
def test_how_long_an_event_may_be_is_said_in_one_place(shell, options, expected):
    clock = FixedClock()
    billing = billing_on(MemoryStore(), clock, **options)
    long = event(clock, about=NEW.product("prod_1", "x" * 2 * 2**20))

    with shell(WebhookEndpoint(billing)) as address:
        status, answer = Client(address, clock, billing).deliver(long)

    assert status == expected
    assert expected == 200 or answer["message"].endswith("it is longer than 1048576 bytes")


def test_a_body_that_is_far_too_long_is_not_read_to_its_end(client):
    announced = b"POST /webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n"

    with socket.create_connection((client.address.hostname, client.address.port), timeout=10) as connection:
        connection.sendall(announced + b" " * (CAP + 1))
        answer = connection.recv(65536)

    assert answer.split(b" ", 2)[1] == b"400"


@pytest.mark.parametrize(
    "length", [b"", b"Content-Length: garbage\r\n", b"Content-Length: -5\r\n", b"Content-Length: 9\r\n"]
)
def test_a_length_that_is_none_hurts_nobody(client, length):
    answer = client.raw(b"POST /webhooks HTTP/1.1\r\nHost: x\r\n" + length + b"\r\n")

    assert answer == b"" or answer.split(b" ", 2)[1] == b"400"
    assert client.deliver(event(client.clock)) == (200, {"outcome": "applied"})


def test_a_client_that_goes_away_hurts_nobody(client):
    with socket.create_connection((client.address.hostname, client.address.port)) as connection:
        connection.sendall(b"POST /webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{")

    assert client.deliver(event(client.clock)) == (200, {"outcome": "applied"})


def test_a_database_that_does_not_answer_asks_for_another_delivery(shell, caplog):
    clock = FixedClock()
    content = body(event(clock))
    signed = sign(content, SECRET, clock.now())

    with shell(WebhookEndpoint(billing_on(BrokenStore(), clock))) as address:
        status, answer, headers = Client(address, clock, None).send("POST", content, signed)

    assert status == 503
    assert int(headers["Retry-After"]) > 0
    assert answer == {"error": "StoreUnavailable", "message": "not finished: send it again"}
    (told,) = (one for one in caplog.records if one.name == "billing_adapters.web.endpoint")
    assert told.levelname == "WARNING"
    assert "it is on fire at db.internal.example" in told.getMessage()
    assert not any(secret in caplog.text for secret in (SECRET, signed[SIGNATURE], "evt_1", "prod_1"))


def test_the_asgi_shell_takes_one_path_only():
    clock = FixedClock()
    with asgi(WebhookEndpoint(billing_on(MemoryStore(), clock))) as address:
        status, answer, _ = Client(address, clock, None).send("POST", b"{}", path="/elsewhere")

    assert (status, answer["error"]) == (404, "NotFound")


def test_the_asgi_shell_reads_a_chunked_body():
    clock = FixedClock()
    content = body(event(clock))
    headers = sign(content, SECRET, clock.now())

    with asgi(WebhookEndpoint(billing_on(MemoryStore(), clock))) as address:
        status, _, _ = Client(address, clock, None).send("POST", iter([content[:100], content[100:]]), headers)

    assert status == 200


def test_the_wsgi_shell_reads_an_input_that_the_server_ends(tmp_path):
    clock = FixedClock()
    content = body(event(clock))
    (tmp_path / "body").write_bytes(content)
    headers = {
        f"HTTP_{name.upper().replace('-', '_')}": value for name, value in sign(content, SECRET, clock.now()).items()
    }
    started = []

    with (tmp_path / "body").open("rb") as ended:
        environ = {"REQUEST_METHOD": "POST", "wsgi.input": ended, "wsgi.input_terminated": True, **headers}
        app = WsgiWebhooks(WebhookEndpoint(billing_on(MemoryStore(), clock)))
        answer = b"".join(app(environ, lambda status, _: started.append(status)))

    assert started == ["200 OK"]
    assert json.loads(answer) == {"outcome": "applied"}
