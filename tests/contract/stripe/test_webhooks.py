"""What the endpoint takes for a genuine webhook of Stripe, and how it refuses everything else."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import WebhookSignature

from billing_adapters.stripe.samples import VERSION, Samples, body, sign
from billing_adapters.stripe.shapes import COMMANDS
from billing_adapters.stripe.webhooks import SIGNATURE, StripeWebhooks, parse
from billing_core.domain.mirrors import Phase, snapshot
from billing_core.domain.products import Product
from billing_core.domain.webhooks import RecordProduct, Webhook
from billing_core.errors import BadSignature, Invalid, Malformed, Stale, WebhookRejected

SECRET = "whsec_the_one_in_use"
OTHER = "whsec_the_one_before"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
PRODUCT = Samples().product("prod_1", "Pack")
EVENT = body(Samples().event("product.created", PRODUCT, NOW, event_id="evt_1"))
STRIPE = StripeWebhooks((SECRET,))


def signature(content=EVENT, secret=SECRET, seconds=SECONDS):
    """Return the hexadecimal signature alone."""
    return WebhookSignature.generate_signature_header(content.decode(), secret, seconds).partition("v1=")[2]


def with_header(value):
    return {SIGNATURE: value}


# Genuine ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Stripe-Signature", "stripe-signature", "STRIPE-SIGNATURE"])
def test_the_name_of_the_header_is_taken_in_any_case(name):
    headers = {"content-type": "application/json", name: sign(EVENT, SECRET, NOW)[SIGNATURE]}

    STRIPE.verify(EVENT, headers, NOW)


@pytest.mark.parametrize("secret", [SECRET, OTHER])
def test_each_of_several_secrets_is_good_while_one_replaces_the_other(secret):
    source = StripeWebhooks((SECRET, OTHER))

    source.verify(EVENT, sign(EVENT, secret, NOW), NOW)


def test_one_good_signature_among_several_is_enough():
    header = f"t={SECONDS},v1={signature(secret=OTHER)},v1={signature()},v0={'0' * 64}"

    STRIPE.verify(EVENT, with_header(header), NOW)


def test_white_space_around_a_configured_secret_does_not_count():
    source = StripeWebhooks(["", f"  {SECRET}\r\n"])

    source.verify(EVENT, sign(EVENT, SECRET, NOW), NOW)


def test_the_first_timestamp_is_the_one_that_is_signed_and_judged():
    header = f"t={SECONDS},t={SECONDS - 10**6},v1={signature()}"

    STRIPE.verify(EVENT, with_header(header), NOW)


@pytest.mark.parametrize("seconds", [-300, 300])
def test_a_timestamp_may_be_as_far_from_now_as_the_tolerance(seconds):
    STRIPE.verify(EVENT, sign(EVENT, SECRET, NOW + timedelta(seconds=seconds)), NOW)


def test_a_body_of_exactly_the_cap_is_taken():
    source = StripeWebhooks((SECRET,), max_body=len(EVENT))

    source.verify(EVENT, sign(EVENT, SECRET, NOW), NOW)


def test_text_beyond_ascii_is_signed_as_it_was_sent():
    content = '{"name": "Crédits ✓ 💳"}'.encode()

    STRIPE.verify(content, sign(content, SECRET, NOW), NOW)


# Refused ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "nonsense",
        ",,,===",
        f"v1={signature()}",
        f"t=,v1={signature()}",
        f"t,v1={signature()}",
        f"t=soon,v1={signature()}",
        f"t=-{SECONDS},v1={signature()}",
        f"t=+{SECONDS},v1={signature()}",
        f"t={SECONDS}.0,v1={signature()}",
        f"t={SECONDS}=1,v1={signature()}",
        f"t={'9' * 13},v1={signature()}",
        f"t={'9' * 4000},v1={signature()}",
        f"t=1,t={SECONDS},v1={signature()}",
        f"t={SECONDS}",
        f"t={SECONDS},v1=",
        f"t={SECONDS}, v1={signature()}",
        f"t={SECONDS},v0={signature()}",
        f"t={SECONDS},v1={signature().upper()}",
        f"t={SECONDS},v1={signature()[:-1]}",
        f"t={SECONDS},v1={signature(seconds=SECONDS - 1)}",
        f"t={SECONDS},v1={signature(secret=OTHER)}",
        f"t={SECONDS},v1=ключ",
        f"t={SECONDS},v1=\udcff",
        f"t={SECONDS}," + ",".join([f"v1={signature(secret=OTHER)}"] * 5000) + f",v1={signature()}",
    ],
    ids=lambda header: ascii(header[:40]),
)
def test_a_header_that_proves_nothing_is_a_bad_signature(header):
    with pytest.raises(BadSignature):
        STRIPE.verify(EVENT, with_header(header), NOW)


def test_a_request_without_the_header_is_a_bad_signature():
    with pytest.raises(BadSignature, match="Stripe-Signature is missing"):
        STRIPE.verify(EVENT, {"content-type": "application/json"}, NOW)


def test_a_body_that_was_parsed_and_written_again_is_a_bad_signature():
    rewritten = json.dumps(json.loads(EVENT)).encode()

    with pytest.raises(BadSignature):
        STRIPE.verify(rewritten, sign(EVENT, SECRET, NOW), NOW)


@pytest.mark.parametrize(("seconds", "age"), [(-301, 301), (301, -301), (86_400, -86_400), (-SECONDS, SECONDS)])
def test_a_genuine_signature_of_another_time_is_stale(seconds, age):
    with pytest.raises(Stale) as caught:
        STRIPE.verify(EVENT, sign(EVENT, SECRET, NOW + timedelta(seconds=seconds)), NOW)

    assert caught.value.age_seconds == age


def test_a_forged_signature_of_another_time_is_bad_rather_than_stale():
    with pytest.raises(BadSignature):
        STRIPE.verify(EVENT, sign(EVENT, OTHER, NOW - timedelta(days=1)), NOW)


def test_reading_needs_no_secret():
    assert parse(EVENT) == STRIPE.parse(EVENT)


def test_a_body_above_the_cap_is_malformed():
    source = StripeWebhooks((SECRET,), max_body=len(EVENT) - 1)

    with pytest.raises(Malformed, match="longer than"):
        source.verify(EVENT, sign(EVENT, SECRET, NOW), NOW)


def test_a_body_that_is_not_utf_8_is_malformed():
    with pytest.raises(Malformed, match="UTF-8"):
        STRIPE.verify(b"\xff\xfe", sign(EVENT, SECRET, NOW), NOW)


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (EVENT, {}),
        (EVENT, with_header(f"t={SECONDS},v1={signature(secret=OTHER)}")),
        (EVENT, sign(EVENT, SECRET, NOW - timedelta(days=1))),
        (EVENT + b"\xff", sign(EVENT, SECRET, NOW)),
    ],
)
def test_a_refusal_holds_neither_the_secret_nor_the_body(content, headers):
    with pytest.raises(WebhookRejected) as caught:
        STRIPE.verify(content, headers, NOW)

    told = f"{caught.value} {caught.value!r} {caught.value.__context__!r}"
    assert SECRET not in told
    assert "prod_1" not in told


@given(header=st.text() | st.text(alphabet=f"tv01=,{SECONDS}"), content=st.binary())
def test_arbitrary_requests_raise_nothing_but_a_rejection(header, content):
    with pytest.raises(WebhookRejected):
        STRIPE.verify(content, with_header(header), NOW)


@given(prefix=st.text(max_size=20), suffix=st.text(max_size=20))
def test_text_around_a_good_header_passes_or_is_rejected(prefix, suffix):
    header = f"{prefix}{sign(EVENT, SECRET, NOW)[SIGNATURE]}{suffix}"

    try:
        STRIPE.verify(EVENT, with_header(header), NOW)
    except WebhookRejected:
        return
    assert f"t={SECONDS}" in header


# Configuration ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secrets", [(), ("",), (" \n", "\t"), "whsec_one_text"])
def test_a_source_without_a_usable_secret_is_refused(secrets):
    with pytest.raises(Invalid, match="secrets"):
        StripeWebhooks(secrets)


@pytest.mark.parametrize("given_", [{"tolerance": timedelta(0)}, {"tolerance": timedelta(-1)}, {"max_body": 0}])
def test_a_tolerance_or_cap_that_is_not_above_zero_is_refused(given_):
    with pytest.raises(Invalid, match="above zero"):
        StripeWebhooks((SECRET,), **given_)


def test_a_source_that_is_printed_does_not_show_its_secrets():
    assert SECRET not in repr(STRIPE)


def test_the_adapter_is_imported_without_the_sdk():
    program = (
        "import billing_adapters.stripe.webhooks, billing_adapters.stripe.samples, sys; print('stripe' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603 - our own text

    assert ran.stdout.strip() == "False"


# Parsed -------------------------------------------------------------------------------------------------------------------


def test_an_event_of_a_known_type_asks_for_its_command():
    webhook = STRIPE.parse(EVENT)

    product = snapshot(Product("prod_1", "Pack"), NOW, Phase.CREATED)
    assert webhook == Webhook("evt_1", "product.created", NOW, api_version=VERSION, commands=(RecordProduct(product),))


@pytest.mark.parametrize("api_version", ["2020-03-02", "2030-01-01.future", None])
def test_an_event_of_an_unknown_type_asks_for_nothing(api_version):
    content = (
        b'{"id": "evt_1", "object": "event", "type": "tax.settled", "created": 1767225600, "data": {}, "livemode": true}'
    )
    event = {**json.loads(content), "api_version": api_version}

    webhook = STRIPE.parse(json.dumps(event).encode())

    assert webhook == Webhook(
        "evt_1", "tax.settled", datetime(2026, 1, 1, tzinfo=UTC), livemode=True, api_version=api_version
    )


def test_a_thin_event_is_read_and_asks_for_nothing():
    event = {
        "id": "evt_test_65",
        "object": "v2.core.event",
        "type": "v1.customer.subscription.created",
        "created": "2026-01-31T09:30:00.250Z",
        "livemode": False,
        "related_object": {"id": "sub_1", "type": "subscription", "url": "/v1/subscriptions/sub_1"},
    }

    webhook = STRIPE.parse(json.dumps(event).encode())

    occurred_at = datetime(2026, 1, 31, 9, 30, 0, 250_000, tzinfo=UTC)
    assert webhook == Webhook("evt_test_65", "v1.customer.subscription.created", occurred_at)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"not json",
        b"[]",
        b"{}",
        b"null",
        b'"event"',
        b'{"object": "event"',
        b'{"amount": NaN}',
        b'{"amount": -Infinity}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"created": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda content: ascii(content[:20]),
)
def test_what_is_not_a_json_object_or_says_nothing_is_malformed(content):
    with pytest.raises(Malformed):
        STRIPE.parse(content)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"object": "customer"}, "event.object is not an event"),
        ({"object": None}, "event.object is missing"),
        ({"id": None}, "event.id is missing"),
        ({"id": 7}, "event.id is no text"),
        ({"type": ""}, "event.type is missing"),
        ({"type": ["product.created"]}, "event.type is no text"),
        ({"created": None}, "event.created is missing"),
        ({"created": True}, "event.created is no whole number"),
        ({"created": 1.5}, "event.created is no whole number"),
        ({"created": -1}, "event.created is out of range"),
        ({"created": 10**12}, "event.created is out of range"),
        ({"created": 10**30}, "event.created is out of range"),
        ({"livemode": "yes"}, "event.livemode is neither true nor false"),
        ({"object": "v2.core.event"}, "event.created is no text"),
        ({"object": "v2.core.event", "created": "yesterday"}, "event.created is no moment"),
        ({"object": "v2.core.event", "created": "2026-01-31T09:30:00"}, "event.created is no moment"),
        ({"object": "v2.core.event", "created": "0001-01-01T00:00:00+12:00"}, "event.created is no moment"),
    ],
)
def test_an_envelope_that_cannot_be_read_is_malformed_and_says_where(change, reason):
    event = {**json.loads(EVENT), **change}

    with pytest.raises(Malformed) as caught:
        STRIPE.parse(json.dumps(event).encode())

    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data": None}, "event.data is missing"),
        ({"data": "thin"}, "event.data is no object"),
        ({"data": {}}, "event.data.object is missing"),
        ({"data": {"object": ["prod_1"]}}, "event.data.object is no object"),
        ({"data": {"object": {}}}, "product.id is missing"),
        ({"data": {"object": PRODUCT, "previous_attributes": 1}}, "event.data.previous_attributes is no object"),
    ],
)
def test_an_event_of_a_known_type_that_cannot_be_read_is_kept_and_says_where(change, reason):
    event = {**json.loads(EVENT), **change}

    webhook = STRIPE.parse(json.dumps(event).encode())

    assert webhook == Webhook("evt_1", "product.created", NOW, api_version=VERSION, unreadable=reason)


def test_text_that_no_database_could_keep_is_replaced():
    event = json.loads(EVENT)
    event["data"]["object"]["name"] = "a\0b\ud800"

    webhook = STRIPE.parse(json.dumps(event).encode())

    assert webhook.commands[0].product.value.name == "a\ufffdb\ufffd"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["id", "object", "data", "items"]), inner),
    max_leaves=20,
)


@given(content=JSON.map(lambda value: json.dumps(value).encode()) | st.binary())
def test_arbitrary_bodies_raise_nothing_but_malformed(content):
    with pytest.raises(Malformed):
        STRIPE.parse(content)


MEMBERS = st.sampled_from(
    "id object name active metadata customer status items data price plan product quantity currency unit_amount recurring "
    "interval tiers currency_options usd lines parent type subscription_details pricing price_details period start amount "
    "amount_paid amount_received proration status_transitions paid_at default_price current_period_end cancel_at".split()
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.text(max_size=5)
    | st.sampled_from([
        "usd",
        "paid",
        "active",
        "month",
        "subscription_details",
        "invoice_item_details",
        "12.50",
        "prod_1",
    ]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=8),
    max_leaves=30,
)


@given(kind=st.sampled_from(sorted(COMMANDS)), about=st.dictionaries(MEMBERS, VALUES), previous=VALUES)
def test_arbitrary_objects_of_known_types_are_read_or_unreadable(kind, about, previous):
    data = {"object": about, "previous_attributes": previous}
    event = {"id": "evt_1", "object": "event", "type": kind, "created": SECONDS, "data": data}

    webhook = STRIPE.parse(json.dumps(event).encode())

    assert webhook.type == kind
    assert not (webhook.unreadable and webhook.commands)
