"""`StripeGateway`, through the real SDK into the simulated Stripe, keeps the contract of every payment provider."""

import json
from contextlib import contextmanager

import pytest
import stripe
from conformance import check_sent

from billing_adapters.cli.serving import in_background, listening
from billing_adapters.simulator import SimulatedStripe, simulator_asgi
from billing_adapters.simulator.refusals import Refused
from billing_adapters.stripe.calls import API_VERSION
from billing_adapters.stripe.gateway import StripeGateway
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_core.testing.contracts import PaymentProviderContract
from billing_core.testing.examples import fresh

KEY = "sk_test_contract"
_DECLINES = "pm_card_visa_chargeDeclinedInsufficientFunds"


class Gateway(StripeGateway):
    """A gateway that says when it places an order: what is heard then is the order, not what is looked up for it."""

    placing = False

    def place(self, order, key):
        self.placing = True
        try:
            return super().place(order, key)
        finally:
            self.placing = False


class Line(stripe.HTTPClient):
    """The line to a simulated Stripe, which can go dead, and on which products can be garbled.

    What is asked against Stripe's specification is kept for the end of the test.
    """

    name = "line"

    def __init__(self, inner):
        super().__init__()
        self._inner = inner
        self.gateway = None
        self.heard = None  # whether what is asked is heard, while no answer comes; None: answers come
        self.garbled = set()
        self.complaints = []

    def request(self, method, url, headers, post_data=None, **_):
        if self.heard is None or (self.heard and method == "get" and self.gateway.placing):
            return self._answered(method, url, headers, post_data)
        if self.heard:
            self._answered(method, url, headers, post_data)
        raise stripe.APIConnectionError("Request timed out.", should_retry=True)

    def close(self):
        self._inner.close()

    def _answered(self, method, url, headers, post_data):
        self.complaints += check_sent(method.upper(), url, post_data or "", strict=True)
        body, status, answered = self._inner.request(method, url, headers, post_data)
        told = json.loads(body)
        assert "Unrecognized request URL" not in told.get("error", {}).get("message", "")
        for one in told["data"] if told.get("object") == "list" else ():
            if one["id"] in self.garbled:
                one["name"] = None
        return json.dumps(told), status, answered

    def _sleep_time_seconds(self, _num_retries):
        return 0


class SimulatedWorld:
    """What happens at a simulated Stripe, done through its own API as a shop and its customers would."""

    def __init__(self, simulated, line):
        self._stripe = simulated
        self._line = line
        self._shop = Line(simulated.http_client())
        self._api = stripe.StripeClient(KEY, http_client=self._shop, stripe_version=API_VERSION).v1

    def now(self):
        return self._stripe.now

    def advance(self, by):
        self._stripe.advance(by)

    def product(self):
        return self._api.products.create({"name": fresh("product")}).id

    def unreadable_product(self):
        product = self.product()
        self._line.garbled.add(product)
        return product

    def price(self, product, amount_minor, *, currency="usd", recurring=None):
        rhythm = recurring and {"interval": str(recurring.interval), "interval_count": recurring.count}
        params = {"product": product, "unit_amount": amount_minor, "currency": currency, "recurring": rhythm}
        return self._api.prices.create({name: value for name, value in params.items() if value}).id

    def archive_product(self, product):
        self._api.products.update(product, {"active": False})

    def archive_price(self, price):
        self._api.prices.update(price, {"active": False})

    def coupon(self, percent_off):
        return self._api.coupons.create({"percent_off": percent_off, "duration": "once"}).id

    def save_card(self, customer, *, declines=False):
        # Cards that decline when they are saved could not be saved: this one declines later.
        card = "pm_card_chargeCustomerFail" if declines else "pm_card_visa"
        saved = self._api.payment_methods.attach(card, {"customer": customer}).id
        settings = {"default_payment_method": saved}
        self._api.customers.update(customer, {"invoice_settings": settings})
        return saved

    def pay(self, placed):
        if placed.url:
            self._stripe.pay(placed.id)
        else:
            self._confirm(placed, "pm_card_visa")

    def decline(self, placed):
        if placed.url:
            with pytest.raises(Refused):
                self._stripe.pay(placed.id, "4000000000000002")
            return
        with pytest.raises(stripe.CardError):
            self._confirm(placed, _DECLINES)

    def _confirm(self, placed, card):
        self._api.payment_intents.confirm(placed.payment, {"payment_method": card, "return_url": "https://shop.example/"})

    def delete_customer(self, customer):
        self._api.customers.delete(customer)

    @contextmanager
    def silence(self, *, heard):
        self._line.heard = heard
        try:
            yield
        finally:
            self._line.heard = None


@pytest.mark.deep
class TestStripeGateway(PaymentProviderContract):
    @pytest.fixture
    def simulated(self):
        return SimulatedStripe()

    @pytest.fixture
    def door(self, simulated):
        """Return the client that reaches the simulator, and its address: in process it needs none."""
        return simulated.http_client(), None

    @pytest.fixture
    def line(self, door):
        line = Line(door[0])
        yield line
        assert line.complaints == []

    @pytest.fixture
    def world(self, simulated, line):
        return SimulatedWorld(simulated, line)

    @pytest.fixture
    def provider(self, simulated, line, door):
        line.gateway = Gateway(KEY, http_client=line, base_address=door[1], per_second=None, now=lambda: simulated.now)
        return line.gateway

    @pytest.fixture
    def source(self):
        return StripeWebhooks(["whsec_unused"])


class TestStripeGatewayOverHttp(TestStripeGateway):
    @pytest.fixture
    def door(self, simulated):
        with in_background(simulator_asgi(simulated), listening("127.0.0.1", 0)) as address:
            client = stripe.RequestsClient(timeout=10)
            yield client, address
            client.close()
