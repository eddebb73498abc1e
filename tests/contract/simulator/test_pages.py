"""The pages of the simulated Stripe: the one on which a customer pays, and the customer portal."""

import contextlib
import html.parser
import http.client
import urllib.parse

import pytest
import stripe as sdk

from billing_adapters.cli.serving import in_background, listening, url
from billing_adapters.simulator import SimulatedStripe, simulator_asgi
from billing_adapters.simulator.exchange import call

CARD = {"number": "4242 4242 4242 4242", "expiry": "12 / 34", "cvc": "123", "email": "jenny@example.com"}
THREE_D_SECURE = "4000000000003220"
PAYMENT = {"mode": "payment", "success_url": "https://shop.example/thanks?session_id={CHECKOUT_SESSION_ID}"}


def sold(name):
    return {"price_data": {"currency": "usd", "unit_amount": 1000, "product_data": {"name": name}}, "quantity": 2}


class Page(html.parser.HTMLParser):
    """What a person, or a screen reader, makes of a page."""

    def __init__(self, text):
        super().__init__()
        self.labels, self.fields, self.buttons, self.links, self.tags, self.text = set(), set(), [], {}, [], ""
        self.wrong, self.warning = None, None
        self._link = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        if tag == "label":
            self.labels.add(attributes["for"])
        if tag == "input":
            self.fields.add(attributes["id"])
            if "autofocus" in attributes:
                self.wrong = attributes["id"], attributes["aria-invalid"], attributes["aria-describedby"]
        if attributes.get("role") == "alert":
            self.warning = attributes["id"]
        if tag == "button":
            self.buttons.append(attributes["value"])
        self._link = attributes["href"] if tag == "a" else None

    def handle_data(self, data):
        self.text += data
        if self._link:
            self.links[data] = self._link
            self._link = None


@pytest.fixture
def visit(stripe):
    """Return a function that looks at a page, or sends its form, and returns the status, where it leads, and the page."""

    def visited(address, **form):
        body = urllib.parse.urlencode(form)
        answer = stripe.page(call("POST" if form else "GET", address, {}, body))
        return answer.status, answer.headers.get("Location"), Page(answer.body.decode())

    return visited


@pytest.fixture
def sell(api):
    """Return a function that opens a session for something by this name."""

    def opened(name="100 credits", **params):
        return api.checkout.sessions.create({**PAYMENT, "line_items": [sold(name)], **params})

    return opened


def test_the_page_says_what_is_sold_and_every_field_has_a_label(sell, visit):
    session = sell(cancel_url="https://shop.example/cart")

    status, _, page = visit(session.url)

    assert status == 200
    assert "100 credits" in page.text
    assert "Due today: 20.00 usd" in page.text
    assert page.fields == page.labels == {"email", "number", "expiry", "cvc", "name"}
    assert page.wrong is None
    assert page.links == {"Cancel and go back": "https://shop.example/cart"}
    assert "script" not in page.tags


def test_paying_leads_back_to_the_shop(api, sell, visit):
    session = sell()

    status, location, _ = visit(session.url, **CARD, name="Jenny Rosen")

    assert (status, location) == (303, f"https://shop.example/thanks?session_id={session.id}")
    after = api.checkout.sessions.retrieve(session.id)
    assert (after.payment_status, after.customer_details.email) == ("paid", "jenny@example.com")
    assert after.customer_details.name == "Jenny Rosen"
    assert "paid already" in visit(session.url)[2].text


@pytest.mark.parametrize(
    ("entered", "said", "field"),
    [
        ({"number": "4000000000000002"}, "Your card was declined.", "number"),
        ({"number": "4000000000009995"}, "Your card has insufficient funds.", "number"),
        ({"number": "4000000000000127"}, "Your card's security code is incorrect.", "cvc"),
        ({"number": "4242424242424241"}, "Your card number is incorrect.", "number"),
        ({"number": ""}, "Your card number is incomplete.", "number"),
        ({"expiry": "13 / 34"}, "Your card's expiration date is incomplete.", "expiry"),
        ({"expiry": "12 / 20"}, "Your card's expiration year is invalid.", "expiry"),
        ({"cvc": "12"}, "Your card's security code is incomplete.", "cvc"),
        ({"email": ""}, "Please say where the receipt goes.", "email"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_can_be_put_right(api, sell, visit, entered, said, field):
    session = sell()

    status, location, page = visit(session.url, **{**CARD, **entered})

    assert (status, location) == (402, None)
    assert said in page.text
    assert page.wrong == (field, "true", page.warning)
    assert api.checkout.sessions.retrieve(session.id).status == "open"
    assert visit(session.url, **CARD)[0] == 303


def test_a_code_that_nobody_knows_is_said_at_its_field(sell, visit):
    session = sell(allow_promotion_codes=True)

    status, _, page = visit(session.url, action="apply", promotion_code="NOBODYS")

    assert status == 400
    assert "This code is invalid." in page.text
    assert page.wrong == ("promotion_code", "true", page.warning)


def test_the_bank_asks_on_a_second_page(api, sell, visit):
    session = sell()

    status, location, _ = visit(session.url, **{**CARD, "number": THREE_D_SECURE})
    assert (status, location) == (303, session.url)
    assert visit(session.url)[2].buttons == ["complete", "fail"]
    failed = visit(session.url, action="fail")
    assert failed[0] == 402
    assert "failed authentication" in failed[2].text
    visit(session.url, **{**CARD, "number": THREE_D_SECURE})
    status, location, _ = visit(session.url, action="complete")

    assert (status, location) == (303, f"https://shop.example/thanks?session_id={session.id}")
    assert api.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_who_sends_the_form_of_the_bank_without_being_asked_is_refused(sell, visit):
    status, _, page = visit(sell().url, action="complete")

    assert status == 400
    assert "does not wait for authentication" in page.text


def test_a_known_customer_is_not_asked_for_an_email(sell, visit, api):
    customer = api.customers.create({"email": "jenny@example.com"})

    assert "email" not in visit(sell(customer=customer.id).url)[2].fields
    assert "email" not in visit(sell(customer_email="guest@example.com").url)[2].fields


def test_a_card_can_be_saved_on_the_page(api, visit):
    params = {"mode": "setup", "currency": "usd", "success_url": "https://shop.example/kept"}
    session = api.checkout.sessions.create(params)

    assert "Nothing is charged today." in visit(session.url)[2].text
    assert visit(session.url, **CARD)[:2] == (303, "https://shop.example/kept")


def test_nothing_that_anybody_writes_becomes_html(sell, visit):
    evil = "<script>alert('1')</script>"
    session = sell(evil, cancel_url='https://shop.example/"><script>')

    for page in (visit(session.url)[2], visit(session.url, **{**CARD, "number": "", "email": f'">{evil}'})[2]):
        assert "script" not in page.tags
    assert evil in page.text


def test_an_expired_session_and_one_that_never_was_have_pages_too(api, sell, visit):
    session = sell()
    api.checkout.sessions.expire(session.id)

    assert "has expired" in visit(session.url)[2].text
    assert "has expired" in visit(session.url, **CARD)[2].text
    assert visit("https://stripe.simulator.invalid/c/pay/cs_test_none")[0] == 404
    assert visit("https://stripe.simulator.invalid/elsewhere")[0] == 404


def test_a_live_session_is_paid_in_live_mode(connect, visit):
    live = connect("sk_live_simulated")
    session = live.checkout.sessions.create({**PAYMENT, "line_items": [sold("Pack")]})

    assert session.id.startswith("cs_live_")
    assert visit(session.url, **CARD)[0] == 303
    assert live.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_the_portal_shows_what_a_customer_has_and_leads_back(api, visit):
    customer = api.customers.create({"name": "<b>Jenny</b>"})
    api.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    api.customers.create({"payment_method": "pm_card_mastercard"})
    session = api.billing_portal.sessions.create({"customer": customer.id, "return_url": "https://shop.example/account"})

    status, _, page = visit(session.url)

    assert status == 200
    assert "<b>Jenny</b>" in page.text
    assert "visa ending in 4242" in page.text
    assert "mastercard" not in page.text
    assert page.links == {"Return to the shop": "https://shop.example/account"}
    api.customers.delete(customer.id)
    assert visit(session.url)[0] == 404


def test_the_page_is_served_over_http():
    with listening("127.0.0.1", 0) as listener:
        address = url(listener)
        stripe = SimulatedStripe(seed=7, site=address)
        with in_background(simulator_asgi(stripe), listener):
            sending = sdk.RequestsClient(timeout=10)
            client = sdk.StripeClient("sk_test_simulated", base_addresses={"api": address}, http_client=sending)
            session = client.v1.checkout.sessions.create({**PAYMENT, "line_items": [sold("Pack")]})
            sending.close()
            connection = http.client.HTTPConnection(urllib.parse.urlsplit(address).netloc, timeout=10)
            with contextlib.closing(connection):
                path = urllib.parse.urlsplit(session.url).path
                connection.request("GET", path)
                shown = connection.getresponse()
                page = Page(shown.read().decode())
                connection.request("POST", path, urllib.parse.urlencode(CARD))
                answer = connection.getresponse()

    assert session.url.startswith(address)
    assert (shown.status, shown.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "Pack" in page.text
    assert (answer.status, answer.headers["Location"]) == (303, f"https://shop.example/thanks?session_id={session.id}")
