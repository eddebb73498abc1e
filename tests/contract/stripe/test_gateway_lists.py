"""The catalog, invoices, events and previews come page by page, whole, and one bad object does not stop the others."""

import json
from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest
from conformance import check_sent
from scripted_stripe import error, gateway, listed

from billing_adapters.stripe.samples import Samples
from billing_adapters.stripe.webhooks import parse
from billing_core.domain.money import Money
from billing_core.domain.orders import ChangePlan, IssuedInvoice
from billing_core.domain.pages import EventPage, Page, Unreadable
from billing_core.errors import Invalid, ProviderRefused, ProviderUnavailable

samples = Samples()
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CHANGE = ChangePlan(subscription="sub_1", item="si_1", price="price_2", quantity=2)


def clean(sent):
    return check_sent(sent.method, f"{sent.path}?{sent.raw}", strict=True) == []


# The catalog --------------------------------------------------------------------------------------------------------------


def test_products_come_a_hundred_at_a_time_archived_ones_too():
    pages = listed(samples.product("prod_2", "Two"), samples.product("prod_1", "One", active=False), more=True)
    stripe_gateway, script = gateway(pages, listed())

    page = stripe_gateway.products()

    assert [(one.id, one.active) for one in page.values] == [("prod_2", True), ("prod_1", False)]
    assert page.next == "prod_1"
    assert stripe_gateway.products(page.next) == Page()
    assert [sent.form for sent in script.sent] == [{"limit": "100"}, {"limit": "100", "starting_after": "prod_1"}]
    assert all(map(clean, script.sent))


def test_prices_come_with_tiers_and_other_currencies():
    tiers = [
        {"up_to": 10, "unit_amount": 100, "flat_amount": None},
        {"up_to": None, "unit_amount": 80, "flat_amount": None},
    ]
    euro = {"eur": {"unit_amount": 90, "unit_amount_decimal": "90", "tiers": None}}
    price = samples.price(
        "price_1", "prod_1", None, interval="month", tiers=tiers, tiers_mode="graduated", currency_options=euro
    )
    stripe_gateway, script = gateway(listed(price))

    (read,) = stripe_gateway.prices().values

    assert (len(read.tiers), read.currency_options[0].currency.code) == (2, "eur")
    (sent,) = script.sent
    assert sent.form == {"limit": "100", "expand[0]": "data.currency_options", "expand[1]": "data.tiers"}
    assert clean(sent)


def test_what_cannot_be_read_is_named_and_stops_nothing():
    bad = samples.price("price_bad", "prod_1", 900, interval="fortnight")
    stripe_gateway, _ = gateway(listed(samples.price("price_1", "prod_1", 900), bad, more=True))

    page = stripe_gateway.prices()

    assert [one.id for one in page.values] == ["price_1"]
    assert page.unreadable == (
        Unreadable("price_bad", "price.recurring.interval is unknown to this version of the library"),
    )
    assert page.next == "price_bad"


@pytest.mark.parametrize("read", ["products", "prices", "events"])
def test_an_empty_cursor_is_refused_before_it_begins_anew(read):
    stripe_gateway, script = gateway(listed())

    with pytest.raises(Invalid, match=r"^after must be"):
        getattr(stripe_gateway, read)("")

    assert script.sent == []


# Invoices -----------------------------------------------------------------------------------------------------------------


def invoice(number, **members):
    price = samples.price("price_1", "prod_1", 900, interval="month")
    period = (NOON, NOON + timedelta(days=31))
    agreement = samples.subscription("sub_1", "cus_1", [(price, 1)], period)
    line = samples.line(f"il_{number}", price, period, subscription="sub_1")
    return samples.invoice(f"in_{number}", agreement, [line], NOON, number=f"A-{number}", **members)


def test_invoices_are_told_as_their_customer_sees_them():
    unpaid = {"status": "open", "amount_remaining": 900, "hosted_invoice_url": "https://invoice.example/1"}
    stripe_gateway, script = gateway(listed(invoice(1, **unpaid)))

    issued = stripe_gateway.invoices("cus_1")

    assert issued == [
        IssuedInvoice(
            id="in_1",
            status="open",
            total=Money(900, "usd"),
            due=Money(900, "usd"),
            issued_at=NOON,
            number="A-1",
            subscription="sub_1",
            url="https://invoice.example/1",
        )
    ]
    (sent,) = script.sent
    assert (sent.path, sent.form) == ("/v1/invoices", {"customer": "cus_1", "limit": "100"})
    assert clean(sent)


def test_no_more_invoices_are_asked_for_than_wanted():
    stripe_gateway, script = gateway(listed(invoice(3), invoice(2), more=True))

    assert [one.id for one in stripe_gateway.invoices("cus_1", 2)] == ["in_3", "in_2"]
    assert [sent.form["limit"] for sent in script.sent] == ["2"]


def test_more_than_a_page_of_invoices_are_put_together():
    hundred = listed(*(invoice(number) for number in range(250, 150, -1)), more=True)
    stripe_gateway, script = gateway(hundred)

    assert len(stripe_gateway.invoices("cus_1", 130)) == 130
    assert script.sent[1].form["starting_after"] == "in_151"


def test_an_invoice_by_hand_has_no_subscription():
    by_hand = samples.invoice("in_1", None, [], NOON)
    stripe_gateway, _ = gateway(listed(by_hand))

    (issued,) = stripe_gateway.invoices("cus_1")

    assert (issued.subscription, issued.url, issued.due) == (None, None, Money(0, "usd"))


def test_an_invoice_that_cannot_be_read_is_no_answer():
    stripe_gateway, _ = gateway(listed(invoice(1, total=None)))

    with pytest.raises(ProviderUnavailable, match=r"invoice.total is missing"):
        stripe_gateway.invoices("cus_1")


def test_the_invoices_of_nobody_are_not_those_of_everybody():
    stripe_gateway, script = gateway(listed(invoice(1)))

    with pytest.raises(Invalid, match=r"^customer must be"):
        stripe_gateway.invoices("")

    assert script.sent == []


# Previews -----------------------------------------------------------------------------------------------------------------


def test_a_preview_is_the_invoice_that_a_change_would_lead_to():
    period = (NOON, NOON + timedelta(days=31))
    old, new = (samples.price(f"price_{n}", f"prod_{n}", n * 1000, interval="month") for n in (1, 2))
    lines = [
        samples.line("il_1", old, period, subscription="sub_1", amount=-500, proration=True),
        samples.line("il_2", new, period, subscription="sub_1", quantity=2, amount=2000, proration=True),
    ]
    stripe_gateway, script = gateway(samples.invoice("upcoming_in_1", None, lines, NOON, status="draft"))
    at = datetime(2026, 1, 1, 13, 0, 0, 700_000, tzinfo=timezone(timedelta(hours=1)))

    preview = stripe_gateway.preview(CHANGE, at)

    assert (preview.due, preview.at) == (Money(1500, "usd"), NOON)
    assert [(line.amount.amount_minor, line.price, line.proration) for line in preview.lines] == [
        (-500, "price_1", True),
        (2000, "price_2", True),
    ]
    (sent,) = script.sent
    assert (sent.method, sent.path) == ("POST", "/v1/invoices/create_preview")
    assert sent.form == {
        "subscription": "sub_1",
        "subscription_details[items][0][id]": "si_1",
        "subscription_details[items][0][price]": "price_2",
        "subscription_details[items][0][quantity]": "2",
        "subscription_details[proration_behavior]": "always_invoice",
        "subscription_details[proration_date]": str(int(NOON.timestamp())),
    }
    assert check_sent(sent.method, sent.path, sent.raw, strict=True) == []


@pytest.mark.parametrize(("proration", "due"), [("create_prorations", 500), ("none", 0)])
def test_a_change_that_is_not_settled_at_once_costs_what_it_adds_to_the_next_invoice(proration, due):
    old, new = (samples.price(f"price_{n}", f"prod_{n}", n * 1000, interval="month") for n in (1, 2))
    month, next_month = (NOON, NOON + timedelta(days=31)), (NOON + timedelta(days=31), NOON + timedelta(days=59))
    before = (NOON - timedelta(days=9), NOON + timedelta(days=31))
    pending = samples.line("il_0", old, before, subscription="sub_1", amount=70, proration=True)
    prorations = [
        samples.line("il_1", old, month, subscription="sub_1", amount=-500, proration=True),
        samples.line("il_2", new, month, subscription="sub_1", amount=1000, proration=True),
    ]
    renewal = samples.line("il_3", new, next_month, subscription="sub_1")
    lines = [pending, *(prorations if due else []), renewal]
    stripe_gateway, _ = gateway(samples.invoice("upcoming_in_1", None, lines, NOON, status="draft"))

    preview = stripe_gateway.preview(attrs.evolve(CHANGE, proration=proration), NOON)

    assert preview.due == Money(due, "usd")
    assert [line.id for line in preview.lines] == (["il_1", "il_2"] if due else [])


def test_a_moment_without_a_time_zone_is_refused():
    stripe_gateway, script = gateway(invoice(1))

    with pytest.raises(Invalid, match="time must be aware"):
        stripe_gateway.preview(CHANGE, datetime(2026, 1, 1, 12))  # noqa: DTZ001 - that is what is refused

    assert script.sent == []


def test_a_preview_that_cannot_be_read_is_no_answer():
    stripe_gateway, _ = gateway({"object": "invoice", "amount_due": "much", "currency": "usd"})

    with pytest.raises(ProviderUnavailable, match=r"invoice.amount_due is no whole number"):
        stripe_gateway.preview(CHANGE, NOON)


# Events -------------------------------------------------------------------------------------------------------------------


class Log:
    """Stripe's list of events: the latest first, with its cursors and its filter."""

    def __init__(self, *moments):
        self.events = [event(number, moment) for number, moment in enumerate(moments)]

    def __call__(self, sent):
        assert clean(sent)
        form, newest_first = sent.form, self.events[::-1]
        names = [one["id"] for one in newest_first]
        if "created[lt]" in form:
            newest_first = [one for one in newest_first if one["created"] < int(form["created[lt]"])]
        if "starting_after" in form:
            newest_first = newest_first[names.index(form["starting_after"]) + 1 :]
        if "ending_before" in form:
            before = newest_first[: names.index(form["ending_before"])]
            return listed(*before[-100:], more=len(before) > 100)
        return listed(*newest_first[:100], more=len(newest_first) > 100)


def event(number, seconds):
    return samples.event(
        "product.created",
        samples.product(f"prod_{number}", "Tü"),
        NOON + timedelta(seconds=seconds),
        event_id=f"evt_{number}",
    )


def everything(stripe_gateway):
    """Return the ids of all events, in the order in which they are told."""
    page, told = stripe_gateway.events(), []
    while True:
        told += [parse(body).id for body in page.bodies]
        if not page.more:
            return told
        page = stripe_gateway.events(page.last)


LOGS = {
    "none": [],
    "one": [0],
    "a page": [*range(100)],
    "a page and one": [*range(101)],
    "a month": [number * 2592 for number in range(1000)],
    "all in one second": [0] * 250,
    "a crowd at the beginning": [*[0] * 150, *range(1, 300)],
    "a crowd at the end": [*range(300), *[300] * 150],
    "two seconds far apart": [*[0] * 120, *[2_592_000] * 120],
}


@pytest.mark.parametrize("moments", LOGS.values(), ids=LOGS)
def test_every_event_is_told_once_the_earliest_first(moments):
    log = Log(*moments)
    stripe_gateway, _ = gateway(log)

    assert everything(stripe_gateway) == [one["id"] for one in log.events]


def test_the_earliest_events_of_a_long_list_are_found_in_few_requests():
    stripe_gateway, script = gateway(Log(*(number * 259 for number in range(10_000))))

    page = stripe_gateway.events()

    assert parse(page.bodies[0]).id == "evt_0"
    assert len(script.sent) < 32  # a list of a hundred pages


def test_events_that_came_after_one_are_told_the_earliest_first():
    stripe_gateway, script = gateway(Log(*range(150)))

    page = stripe_gateway.events("evt_9")

    assert [parse(body).id for body in page.bodies] == [f"evt_{number}" for number in range(10, 110)]
    assert (page.last, page.more) == ("evt_109", True)
    assert script.sent[0].form == {"limit": "100", "ending_before": "evt_9"}


def test_nothing_after_the_last_event_is_an_empty_page():
    stripe_gateway, _ = gateway(Log(0, 1))

    assert stripe_gateway.events("evt_1") == EventPage()


def test_a_body_is_what_stripe_said_in_the_version_that_it_said_it_in():
    said = event(0, 0) | {"api_version": "2020-08-27"}
    stripe_gateway, _ = gateway(listed(said))

    (body,) = stripe_gateway.events().bodies

    assert json.loads(body) == said
    assert "Tü".encode() in body
    assert parse(body).api_version == "2020-08-27"


def test_an_event_that_stripe_forgot_is_refused():
    stripe_gateway, _ = gateway(error(code="resource_missing", message="No such notification", param="ending_before"))

    with pytest.raises(ProviderRefused, match="resource_missing"):
        stripe_gateway.events("evt_old")
