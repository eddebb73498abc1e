"""How the SDK is used: nothing of the application's is touched, nothing of this machine is told, and no key is shown."""

import asyncio
import json
import pickle
import subprocess
import sys
import threading
import time as clock
import warnings
from datetime import timedelta

import pytest
import stripe
from scripted_stripe import LIVE_KEY, TEST_KEY, Reply, gateway, listed

from billing_adapters.simulator import SimulatedStripe
from billing_adapters.stripe.budget import Budget
from billing_adapters.stripe.gateway import StripeGateway
from billing_adapters.stripe.keys import Key
from billing_adapters.stripe.samples import Samples
from billing_core.domain.pages import Page
from billing_core.errors import Invalid

# Keys ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "livemode"),
    [
        ("sk_test_51Abc", False),
        ("rk_test_51Abc", False),
        ("sk_live_51Abc", True),
        ("rk_live_51Abc", True),
        (" sk_live_51Abc\n", True),
    ],
)
def test_a_key_says_whether_real_money_moves(key, livemode):
    assert StripeGateway(key).livemode is livemode


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("pk_live_51Abc", "publishable key"),
        ("whsec_51Abc", "signing secret"),
        ("sk_test_", "none of them"),
        ("sk_org_live_51Abc", "none of them"),
        ("sk_51Abc", "none of them"),
        ("hunter2", "none of them"),
        ("sk_test_51Abc sk_live_51Abc", "none of them"),
        ("sk_test_51Abc\nX-Header: 1", "none of them"),
        (None, "no text"),
        (b"sk_test_51Abc", "no text"),
    ],
)
def test_what_is_no_key_is_refused_without_being_repeated(key, why):
    with pytest.raises(Invalid, match=f"^key must be a secret or restricted key.*{why}") as refusal:
        StripeGateway(key)

    assert "51Abc" not in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("key", [TEST_KEY, LIVE_KEY])
def test_nothing_shows_the_key(key):
    stripe_gateway, _ = gateway(listed(), key=key)
    stripe_gateway.products()

    shown = "".join(map(repr, [stripe_gateway, Key.of(key), *vars(stripe_gateway).values()]))

    assert key not in shown
    assert repr(stripe_gateway) == f"StripeGateway(livemode={key == LIVE_KEY})"


@pytest.mark.parametrize(
    "options", [{"timeout": timedelta()}, {"timeout": timedelta(seconds=-1)}, {"per_second": 0}, {"per_second": -1.0}]
)
def test_no_time_and_no_requests_are_refused(options):
    with pytest.raises(Invalid, match=f"^{next(iter(options))} must be above zero"):
        StripeGateway(TEST_KEY, **options)


# The SDK ------------------------------------------------------------------------------------------------------------------


def test_the_sdk_is_imported_when_it_is_first_needed():
    program = (
        "import sys; from billing_adapters.stripe.gateway import StripeGateway; StripeGateway('sk_test_51Abc');"
        "print(sorted({'stripe', 'requests', 'tenacity'} & sys.modules.keys()))"
    )

    told = subprocess.run(  # noqa: S603 - this interpreter, and the program above
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert told.stdout == "[]\n"


def switches():
    names = (
        "api_key api_base api_version app_info default_http_client enable_telemetry max_network_retries proxy "
        "verify_ssl_certs log".split()
    )
    return {name: getattr(stripe, name) for name in names}


def test_nothing_that_is_process_wide_is_set():
    before = switches()
    stripe_gateway, _ = gateway(listed())

    stripe_gateway.products()
    stripe_gateway.products()

    assert switches() == before


@pytest.fixture
def _curious(monkeypatch, tmp_path):
    """Let the SDK be as it is where nobody told it anything, on a machine where it can write."""
    monkeypatch.setattr(stripe, "enable_telemetry", True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.mark.usefixtures("_curious")
def test_stripe_is_told_nothing_about_this_machine():
    stripe_gateway, script = gateway(listed())

    stripe_gateway.products()
    stripe_gateway.products()

    for sent in script.sent:
        assert "X-Stripe-Client-Telemetry" not in sent.headers
        about = json.loads(sent.headers["X-Stripe-Client-User-Agent"])
        assert about.keys() == {"bindings_version", "httplib", "lang", "lang_version"}


def test_a_notice_of_stripe_s_does_not_become_a_warning():
    stripe_gateway, _ = gateway(Reply(listed(), headers={"Stripe-Notice": "You are using an old version."}))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stripe_gateway.products()


def test_closing_closes_the_client_and_need_not_have_been_opened():
    stripe_gateway, script = gateway(listed())
    stripe_gateway.close()

    stripe_gateway.products()
    stripe_gateway.close()

    assert script.sent[1:] == ["closed"]


def test_a_gateway_is_bound_to_no_event_loop():
    """The SDK's own asynchronous methods are, to the first that they meet."""
    stripe_gateway = StripeGateway(TEST_KEY, http_client=SimulatedStripe().http_client())

    pages = [asyncio.run(asyncio.to_thread(stripe_gateway.products)) for _ in range(2)]

    assert pages == [Page(), Page()]


def test_threads_that_come_first_together_share_one_client(monkeypatch):
    made, client = [], stripe.StripeClient

    def slowly(*options, **named):
        clock.sleep(0.05)
        made.append(client(*options, **named))
        return made[-1]

    monkeypatch.setattr(stripe, "StripeClient", slowly)
    stripe_gateway, _ = gateway(listed())
    threads = [threading.Thread(target=stripe_gateway.products) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 1


def test_a_gateway_is_not_written_down():
    with pytest.raises(TypeError):
        pickle.dumps(StripeGateway(TEST_KEY))


# The budget ---------------------------------------------------------------------------------------------------------------


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def time():
    return Time()


def moments(time, lanes, **options):
    budget = Budget(20.0, clock=time, sleep=time.sleep, **options)
    taken = []
    for lane in lanes:
        budget.take(lane)
        taken.append(round(time.now, 6))
    return taken


def test_a_few_may_leave_at_once_and_the_others_one_after_the_other(time):
    assert moments(time, ["a"] * 8) == [0, 0, 0, 0, 0.05, 0.1, 0.15, 0.2]


def test_in_no_second_leave_as_many_as_stripe_takes(time):
    taken = moments(time, ["a"] * 200)

    assert max(sum(start <= moment < start + 1 for moment in taken) for start in taken) <= 24
    assert taken[-1] == pytest.approx(196 / 20)


def test_lanes_do_not_wait_for_each_other(time):
    assert moments(time, ["a", "b"] * 4) == [0] * 8


def test_after_a_pause_a_few_may_leave_at_once_again(time):
    budget = Budget(20.0, clock=time, sleep=time.sleep)
    for _ in range(10):
        budget.take("a")

    time.sleep(60)
    before = time.now
    for _ in range(4):
        budget.take("a")

    assert time.now == before


def test_threads_share_a_budget():
    left, lock = [], threading.Lock()

    def pause(seconds):
        with lock:
            left.append(seconds)

    budget = Budget(20.0, clock=lambda: 0.0, sleep=pause)
    threads = [threading.Thread(target=lambda: [budget.take("a") for _ in range(25)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(round(pause, 6) for pause in left) == [round(n * 0.05, 6) for n in range(1, 97)]


def spent(key, *asked):
    """Return how long a gateway waited before each request."""
    pauses = []
    stripe_gateway, script = gateway(listed(), key=key, per_second=1.0, sleep=pauses.append)
    for ask in asked:
        ask(stripe_gateway)
    assert len(script.sent) == len(asked)
    return len(pauses)


MIXED = [StripeGateway.products, StripeGateway.prices, StripeGateway.events, lambda one: one.invoices("cus_1")] * 2


def test_in_a_sandbox_all_requests_share_a_budget():
    assert spent(TEST_KEY, *MIXED) == 4


def test_in_live_mode_every_kind_of_object_has_its_own():
    assert spent(LIVE_KEY, *MIXED) == 0
    assert spent(LIVE_KEY, *[StripeGateway.products] * 6) == 2


def test_attempts_that_the_sdk_repeats_count():
    pauses = []
    failure = Reply({"error": {"type": "api_error"}}, 500)
    answers = [failure, failure, listed(), failure, failure, Samples().customer("cus_1")]
    stripe_gateway, script = gateway(*answers, per_second=1.0, sleep=pauses.append)

    stripe_gateway.products()
    stripe_gateway.fetch("cus_1")

    assert (len(script.sent), len(pauses)) == (6, 2)
