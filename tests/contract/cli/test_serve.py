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
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import uvicorn

from billing_adapters.cli.serve import keep_retrying
from billing_adapters.cli.serving import in_background, listening
from billing_adapters.stripe.samples import Samples, body, sign
from billing_adapters.web.asgi import AsgiWebhooks
from billing_core import Applied
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


@contextmanager
def serving(environment):
    program = "from billing_adapters.cli import main; main()"
    command = [sys.executable, "-u", "-c", program, "serve", "--port", "0", "--retry-every", "0.1"]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **environment}
    ) as served:
        try:
            yield served
        finally:
            served.kill()


def address_of(served):
    return re.search(r"http://127\.0\.0\.1:\d+/webhooks", served.stdout.readline())[0]


def test_serving_receives_webhooks(billing, environment):
    with serving(environment) as served:
        address = address_of(served)
        hint = served.stdout.readline().strip()
        _post(address, NEW.event("product.created", NEW.product("prod_1", "Pack"), datetime.now(UTC), event_id="evt_1"))

    assert hint == f"stripe listen --forward-to {address}"
    assert [one.id for one in billing.catalog.products()] == ["prod_1"]


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_serving_ends_cleanly(run, environment, tmp_path, by):
    assert run("db", "upgrade").exit_code == 0

    with serving(environment) as served:
        _post(address_of(served), NEW.event("tea.brewed", {"id": "tea_1"}, datetime.now(UTC), event_id="evt_1"))
        served.send_signal(by)
        code = served.wait(timeout=20)

    assert code == 0
    # The last connection that is closed takes the journal with it.
    assert [one.name for one in tmp_path.iterdir()] == ["shell.db"]


def test_looking_at_what_failed_goes_on_when_it_fails_itself(caplog):
    stop, looks = threading.Event(), []

    class Webhooks:
        def retry(self, limit):
            looks.append(limit)
            if len(looks) == 1:
                raise StoreUnavailable("away for a moment")
            stop.set()
            return []

    keep_retrying(SimpleNamespace(webhooks=Webhooks()), 0.001, stop)

    assert len(looks) == 2
    assert "away for a moment" in caplog.text


class Backlog:
    """Answers as webhooks of which some are due; `stop` is set while the last of `looks` is answered."""

    def __init__(self, due, stop, looks):
        self.due, self.stop, self.looks = due, stop, looks

    def retry(self, limit):
        self.looks -= 1
        if not self.looks:
            self.stop.set()
        judged = min(limit, self.due)
        self.due -= judged
        return [Applied(str(number)) for number in range(judged)]


def test_a_backlog_is_worked_off_in_one_go():
    stop = threading.Event()
    backlog = Backlog(due=50, stop=stop, looks=3)

    started = time.monotonic()
    keep_retrying(SimpleNamespace(webhooks=backlog), 0.5, stop)

    assert backlog.due == 0
    assert time.monotonic() - started < 1  # one wait, and not one for each batch


def test_a_backlog_does_not_keep_it_from_stopping():
    stop = threading.Event()
    backlog = Backlog(due=1_000, stop=stop, looks=2)

    keep_retrying(SimpleNamespace(webhooks=backlog), 0.001, stop)

    assert backlog.looks == 0
    assert backlog.due > 0


def test_a_pause_does_not_end_the_connection_of_who_is_served_in_the_background(monkeypatch):
    configured = []

    class Watched(uvicorn.Server):
        def __init__(self, config):
            configured.append(config)
            super().__init__(config)

    monkeypatch.setattr(uvicorn, "Server", Watched)
    with in_background(AsgiWebhooks(None, path="/nowhere"), listening("127.0.0.1", 0)):
        pass

    assert configured[0].timeout_keep_alive > 3600


def _post(address, event):
    content = body(event)
    request = urllib.request.Request(address, content, sign(content, SECRET, datetime.now(UTC)))  # noqa: S310 - it is http
    for _ in range(200):
        try:
            return urllib.request.urlopen(request, timeout=5).read()  # noqa: S310 - it is http
        except urllib.error.URLError:
            time.sleep(0.05)
    raise TimeoutError
