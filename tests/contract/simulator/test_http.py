"""The door over HTTP: uvicorn on a free port of this machine, Stripe's own library in front of it."""

import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.parse
import urllib.request

import pytest
import stripe as sdk

from billing_adapters.cli.serving import in_background, listening
from billing_adapters.simulator import SimulatedStripe, simulator_asgi
from billing_adapters.stripe.webhooks import StripeWebhooks

KEY = "sk_test_simulated"


def client_of(address, **options):
    http = sdk.RequestsClient(timeout=options.pop("timeout", 10))
    return sdk.StripeClient(KEY, base_addresses={"api": address}, http_client=http, **options).v1


@pytest.fixture
def address(stripe):
    with in_background(simulator_asgi(stripe), listening("127.0.0.1", 0)) as served:
        yield served


@pytest.fixture
def received():
    """Receive webhooks on a port of this machine, and return the address and a queue of what came."""
    came = []
    arrived = threading.Semaphore(0)

    class Shop(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            came.append((self.rfile.read(int(self.headers["Content-Length"])), dict(self.headers)))
            self.send_response(200)
            self.end_headers()
            arrived.release()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()

        def next_one():
            assert arrived.acquire(timeout=10)
            return came.pop(0)

        yield f"http://127.0.0.1:{server.server_port}/hooks", next_one
        server.shutdown()
        thread.join()


def test_the_library_talks_to_it_over_http(address):
    api = client_of(address)
    customer = api.customers.create({"email": "jenny+1@example.com", "metadata": {"k": "ä&b"}})

    assert api.customers.retrieve(customer.id).metadata.k == "ä&b"
    assert api.customers.search({"query": "email:'jenny+1@example.com'"}).data[0].id == customer.id
    with pytest.raises(sdk.InvalidRequestError) as caught:
        api.customers.retrieve("../nobody")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    assert caught.value.request_id.startswith("req_")


def test_webhooks_are_posted_by_themselves(stripe, address, received):
    url, next_one = received
    api = client_of(address)
    secret = api.webhook_endpoints.create({"url": url, "enabled_events": ["customer.created"]}).secret

    api.customers.create({"email": "jenny@example.com"})

    body, headers = next_one()
    StripeWebhooks([secret]).verify(body, headers, stripe.now)
    assert json.loads(body)["type"] == "customer.created"


@pytest.mark.parametrize("fault", ["time_out", "refuse_connection"])
def test_no_answer_is_no_answer_over_http_too(stripe, address, fault):
    getattr(stripe.faults, fault)("POST")
    api = client_of(address, timeout=0.5)

    with pytest.raises(sdk.APIConnectionError):
        api.customers.create({"name": "a"})
    assert api.customers.list().data == []


def test_html_is_an_error(stripe, address):
    stripe.faults.answer_html()

    with pytest.raises(sdk.APIError) as caught:
        client_of(address).customers.list()
    assert caught.value.http_status == 502


def test_the_clock_is_advanced_over_http(stripe, address):
    before = stripe.now

    with urllib.request.urlopen(f"{address}/_simulator/clock", b"seconds=3600") as answer:  # noqa: S310 - our own
        assert json.load(answer)["now"] == stripe.now.isoformat()

    assert (stripe.now - before).total_seconds() == 3600


@pytest.mark.parametrize(("outcome", "status"), [("complete", "succeeded"), ("fail", "requires_payment_method")])
def test_a_person_authenticates_on_a_page(outcome, status):
    listener = listening("127.0.0.1", 0)
    stripe = SimulatedStripe(site=f"http://127.0.0.1:{listener.getsockname()[1]}")
    with in_background(simulator_asgi(stripe), listener) as address:
        api = client_of(address)
        paid = {"amount": 1000, "currency": "usd", "payment_method": "pm_card_authenticationRequired", "confirm": True}
        intent = api.payment_intents.create({**paid, "return_url": f"{address}/v1/back"})
        page = intent.next_action.redirect_to_url.url

        with urllib.request.urlopen(page) as shown:  # noqa: S310 - our own page
            assert b"<form" in shown.read()
        with pytest.raises(urllib.error.HTTPError) as back:  # where the shop would be
            urllib.request.urlopen(page, urllib.parse.urlencode({"outcome": outcome}).encode())  # noqa: S310 - our own page

        assert back.value.url == f"{address}/v1/back"
        back.value.close()
        assert api.payment_intents.retrieve(intent.id).status == status


def test_the_command_serves_until_it_is_interrupted():
    command = [sys.executable, "-c", "from billing_adapters.cli import main; main()", "simulator", "serve", "--port", "0"]
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as served:  # noqa: S603 - our own program
        try:
            address = re.search(r"http://127\.0\.0\.1:\d+", served.stdout.readline())[0]
            assert address in served.stdout.readline()
            assert f"--api-base {address}" in served.stdout.readline()
            assert client_of(address).customers.create({"name": "a"}).name == "a"
        finally:
            served.send_signal(signal.SIGINT)
        assert served.wait(timeout=20) in {0, -signal.SIGINT, 130}
