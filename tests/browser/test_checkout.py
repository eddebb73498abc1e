"""A person pays in a browser: from our `Billing` to the simulator's page, and back to a shop that asks how it stands.

Three parties on this machine: a simulated Stripe, a shop whose `Billing` reaches it over HTTP, and Chromium between them.
"""

import asyncio
import urllib.parse
from contextlib import closing
from datetime import timedelta

import pytest
import stripe as sdk

from billing_adapters.cli.serving import in_background, listening, url
from billing_adapters.simulator import SimulatedStripe, simulator_asgi
from billing_adapters.simulator.asgi import post
from billing_adapters.stripe.gateway import StripeGateway
from billing_adapters.testing import SimulatedClock
from billing_adapters.web.asgi import AsgiWebhooks
from billing_adapters.web.endpoint import WebhookEndpoint
from billing_adapters.wiring import Settings, open_billing
from billing_core.domain.subscriptions import Status

KEY = "sk_test_simulated"
GOOD, DECLINED, ASKS_THE_BANK = "4242 4242 4242 4242", "4000 0000 0000 0002", "4000 0000 0000 3220"
PACK = {"credit_amount": "100", "credit_type": "payg"}
PLAN = {"credit_amount": "1000", "credit_type": "subscription", "plan_tier": "pro"}
WEBHOOKS_TAKE = timedelta(minutes=1)


# The simulated Stripe ----------------------------------------------------------------------------------------------------


@pytest.fixture
def site():
    with listening("127.0.0.1", 0) as listener:
        yield listener


@pytest.fixture
def stripe(site):
    """Serve a simulated Stripe, whose webhooks take longer than the customer."""
    simulated = SimulatedStripe(seed=7, site=url(site))
    simulated.faults.webhooks.delay(WEBHOOKS_TAKE, times=1000)
    with in_background(simulator_asgi(simulated), site):
        yield simulated


@pytest.fixture
def api(stripe):
    return sdk.StripeClient(KEY, http_client=stripe.http_client()).v1


@pytest.fixture
def sell(api, billing):
    """Return a function that puts something up for sale, and returns its price."""

    def sold(metadata, **price):
        product = api.products.create({"name": "100 credits", "metadata": metadata})
        made = api.prices.create({"product": product.id, "currency": "usd", **price})
        billing.catalog.sync()
        return made.id

    return sold


# The shop -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def door():
    with listening("127.0.0.1", 0) as listener:
        yield listener


@pytest.fixture
def gateway(stripe, site):
    with closing(StripeGateway(KEY, base_address=url(site), now=SimulatedClock(stripe).now)) as opened:
        yield opened


@pytest.fixture
def billing(stripe, api, gateway, door, tmp_path):
    endpoint = api.webhook_endpoints.create({"url": f"{url(door)}/webhooks", "enabled_events": ["*"]})
    settings = Settings(f"sqlite:///{tmp_path}/shop.db", webhook_secrets=(endpoint.secret,))
    with open_billing(settings, clock=SimulatedClock(stripe), gateway=gateway, migrate=True) as opened:
        yield opened


@pytest.fixture
def shop(billing, gateway, door):
    """Serve the page for whoever comes back, and the endpoint for webhooks; return how the first is written."""
    webhooks = AsgiWebhooks(WebhookEndpoint(billing), path="/webhooks")

    def thanks(query):
        with closing(gateway):  # the connections of this thread
            placed = billing.checkout.returned(query["session_id"])
        available = billing.credits.balance("acme").available
        return f"<!doctype html><title>Thanks</title><p>{placed.status}: {available} credits</p>".encode()

    async def answer(scope, receive, send):
        if scope.get("path") != "/thanks":
            await webhooks(scope, receive, send)
            return
        page = await asyncio.to_thread(thanks, dict(urllib.parse.parse_qsl(scope["query_string"].decode())))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": page})

    with in_background(answer, door) as address:
        yield f"{address}/thanks?session_id={{CHECKOUT_SESSION_ID}}"


@pytest.fixture
def webhooks(stripe):
    """Return a function that lets the webhooks arrive, and returns their types; none of them is refused."""

    def arrived():
        stripe.advance(WEBHOOKS_TAKE)
        sent = stripe.deliver(post)
        assert {one.status for one in sent} == {200}
        return [one.event_type for one in sent]

    return arrived


# The customer -------------------------------------------------------------------------------------------------------------


class Customer:
    """Somebody who knows of a page what a screen reader says: what is written, and the names of fields and buttons."""

    def __init__(self, browser):
        self.browser = browser

    def opens(self, address):
        self.browser.get(address)

    def sees(self, sentence, role=""):
        """Wait until this is there, on this page or the next."""
        of_role = f'[@role="{role}"]' if role else ""
        self.browser.find_element("xpath", f'//*{of_role}[normalize-space()="{sentence}"]')

    def is_at(self):
        return self.browser.find_element("css selector", "input:focus").accessible_name

    def enters(self, name, text):
        self._finds(f'//input[@id=//label[normalize-space()="{name}"]/@for]', name).send_keys(text)

    def presses(self, name):
        self._finds(f'//button[normalize-space()="{name}"]', name).click()

    def pays(self, card, button="Pay"):
        self.enters("Card number", card)
        self.enters("Expiry (MM / YY)", "12 / 34")
        self.enters("Security code (CVC)", "123")
        self.presses(button)

    def _finds(self, path, name):
        found = self.browser.find_element("xpath", path)
        assert found.accessible_name == name
        return found


@pytest.fixture
def customer(browser):
    return Customer(browser)


# What they do -------------------------------------------------------------------------------------------------------------


def test_a_browser_pays_and_the_credits_are_there(billing, sell, shop, customer, webhooks):
    placed = billing.checkout.page("acme", sell(PACK, unit_amount=900), success_url=shop)

    customer.opens(placed.url)
    customer.sees("Due today: 9.00 usd")
    customer.enters("Email", "jenny@example.com")
    customer.pays(GOOD)

    customer.sees("complete: 100 credits")
    assert "checkout.session.completed" in webhooks()
    assert billing.credits.balance("acme").available == 100


def test_a_declined_card_is_explained_and_another_one_pays(billing, sell, shop, customer):
    placed = billing.checkout.page("acme", sell(PACK, unit_amount=900), success_url=shop)

    customer.opens(placed.url)
    customer.enters("Email", "jenny@example.com")
    customer.pays(DECLINED)
    customer.sees("Your card was declined.", role="alert")
    assert customer.is_at() == "Card number"
    assert billing.credits.balance("acme").available == 0
    customer.pays(GOOD)

    customer.sees("complete: 100 credits")


def test_the_bank_asks_whether_it_is_really_the_customer(billing, sell, shop, customer):
    placed = billing.checkout.page("acme", sell(PACK, unit_amount=900), success_url=shop)

    customer.opens(placed.url)
    customer.enters("Email", "jenny@example.com")
    customer.pays(ASKS_THE_BANK)
    customer.sees("Your bank wants you to confirm this with 3-D Secure.")
    assert billing.checkout.returned(placed.id).status == "open"
    customer.presses("Complete")

    customer.sees("complete: 100 credits")


def test_a_plan_is_subscribed_to_with_a_promotion_code(api, billing, sell, shop, customer, webhooks):
    half = api.coupons.create({"percent_off": 50, "duration": "once"})
    api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": half.id}, "code": "HALF"})
    monthly = sell(PLAN, unit_amount=2000, recurring={"interval": "month"})
    placed = billing.checkout.page("acme", monthly, success_url=shop, codes=True)

    customer.opens(placed.url)
    customer.enters("Promotion code (optional)", "HALF")
    customer.presses("Apply the code")
    customer.sees("Due today: 10.00 usd")
    customer.enters("Email", "jenny@example.com")
    customer.pays(GOOD, "Subscribe")

    customer.sees("complete: 1000 credits")
    [plan] = billing.subscriptions.of("acme")
    assert plan.status is Status.ACTIVE
    assert "invoice.paid" in webhooks()
    assert billing.credits.balance("acme").available == 1000
