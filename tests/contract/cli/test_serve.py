"""`billing serve` receives webhooks and tries again what failed."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from billing_adapters.cli.serve import keep_retrying
from billing_adapters.stripe.samples import Samples, body, sign
from billing_core.errors import StoreUnavailable

SECRET = "whsec_of_the_shell"
NEW = Samples()


@pytest.mark.usefixtures("billing")
def test_serving_needs_a_secret(run, monkeypatch):
    monkeypatch.delenv("BILLING_WEBHOOK_SECRETS")

    ended = run("serve")

    assert ended.exit_code == 1
    assert ended.stderr.startswith("BILLING_WEBHOOK_SECRETS is not set")


@pytest.mark.usefixtures("billing")
def test_serving_on_an_address_of_somebody_else_is_one_sentence(run):
    ended = run("serve", "--host", "192.0.2.1")

    assert ended.exit_code == 1
    assert ended.stderr.startswith("address 192.0.2.1:4242 cannot be listened on")


def test_serving_receives_webhooks(billing, environment):
    program = "from billing_adapters.cli import main; main()"
    command = [sys.executable, "-u", "-c", program, "serve", "--port", "0", "--retry-every", "0.1"]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **environment}
    ) as served:
        try:
            announced = [served.stdout.readline(), served.stdout.readline()]
            address = re.search(r"http://127\.0\.0\.1:\d+/webhooks", announced[0])[0]
            _post(address, NEW.event("product.created", NEW.product("prod_1", "Pack"), datetime.now(UTC), event_id="evt_1"))
        finally:
            served.send_signal(signal.SIGINT)

    assert announced[1].strip() == f"stripe listen --forward-to {address}"
    assert [one.id for one in billing.catalog.products()] == ["prod_1"]


def test_looking_at_what_failed_goes_on_when_it_fails_itself(caplog):
    stop, looks = threading.Event(), []

    class Webhooks:
        def retry(self):
            looks.append(1)
            if len(looks) == 1:
                raise StoreUnavailable("away for a moment")
            stop.set()

    keep_retrying(SimpleNamespace(webhooks=Webhooks()), 0.001, stop)

    assert len(looks) == 2
    assert "away for a moment" in caplog.text


def _post(address, event):
    content = body(event)
    request = urllib.request.Request(address, content, sign(content, SECRET, datetime.now(UTC)))  # noqa: S310 - it is http
    for _ in range(200):
        try:
            return urllib.request.urlopen(request, timeout=5).read()  # noqa: S310 - it is http
        except urllib.error.URLError:
            time.sleep(0.05)
    raise TimeoutError
