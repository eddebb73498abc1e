"""The checker that holds what we send and say to Stripe's specification misses nothing and imagines nothing."""

import copy
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

import pytest
from conformance import check_answer, check_object, check_request, check_sent, decode, routes
from conformance.annotations import Type, class_of, known_type, subject_of, types_of
from hypothesis import given
from hypothesis import strategies as st
from stripe import Event, StripeObject
from stripe._encode import _api_encode
from stripe._object_classes import OBJECT_CLASSES
from typing_extensions import is_typeddict

from billing_adapters.stripe.samples import VERSION, Samples

HERE = Path(__file__).parent
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PERIOD = NOW, datetime(2026, 2, 1, tzinfo=UTC)
SAMPLES = Samples()
GONE = object()

PRODUCT = SAMPLES.product("prod_gold", "Gold", default_price="price_gold")
GOLD = SAMPLES.price("price_gold", "prod_gold", 2000, interval="month", metadata={"a": "b"})
PACK = SAMPLES.price("price_pack", "prod_pack", 1000)
CUSTOMER = SAMPLES.customer("cus_1", email="ada@example.com", name="Ada")
SUBSCRIPTION = SAMPLES.subscription("sub_1", "cus_1", [(GOLD, 2)], PERIOD)
LINES = [
    SAMPLES.line("il_1", GOLD, PERIOD, subscription="sub_1", quantity=2),
    SAMPLES.line("il_2", GOLD, PERIOD, subscription="sub_1", amount=-500, proration=True),
    SAMPLES.line("il_3", PACK, (NOW, NOW)),
]
INVOICE = SAMPLES.invoice("in_1", SUBSCRIPTION, LINES, NOW)
ALL = {
    "product": PRODUCT,
    "archived product": SAMPLES.product("prod_old", "Old", active=False),
    "recurring price": GOLD,
    "price to pay once": PACK,
    "price without amount": SAMPLES.price("price_tiers", "prod_gold", None, interval="year", billing_scheme="tiered"),
    "customer": CUSTOMER,
    "payment": SAMPLES.payment_intent("pi_1", 1000, customer="cus_1", metadata={"quantity": "2"}),
    "payment of nobody": SAMPLES.payment_intent("pi_2", 1000),
    "subscription": SUBSCRIPTION,
    "line of a subscription": LINES[0],
    "line by hand": LINES[2],
    "invoice of a subscription": INVOICE,
    "invoice by hand": SAMPLES.invoice("in_2", None, LINES[2:], NOW),
}
EVENT = SAMPLES.event("invoice.paid", INVOICE, NOW, event_id="evt_1")
UPDATE = SAMPLES.event(
    "customer.subscription.updated",
    SUBSCRIPTION,
    NOW,
    event_id="evt_2",
    previous={"status": "trialing", "metadata": {"a": None}, "items": {"data": [{"quantity": 1}]}, "trial_end": None},
)
LISTED = {"object": "list", "data": [CUSTOMER, GOLD], "has_more": False, "url": "/v1/anything"}


def changed(whole, path, value):
    """Return a copy in which a member is another, or gone."""
    made = copy.deepcopy(whole)
    *outer, last = (int(one) if one.isdecimal() else one for one in path.split("."))
    holder = made
    for one in outer:
        holder = holder[one]
    if value is GONE:
        del holder[last]
    else:
        holder[last] = value
    return made


# What Stripe says, and what we say ----------------------------------------------------------------------------------------


# Stripe's own objects of 2026-07-29.dahlia lack what was added since, have two members that were removed long ago, and are
# of three kinds that only Stripe's own tools ask for.
SINCE_DAHLIA = {
    "account_session.components.payment_method_settings: missing",
    "account_session.components.reporting_chart: missing",
    "account_session.components.terminal_hardware_orders: missing",
    "account_session.components.terminal_hardware_shop: missing",
    "billing_portal.configuration.features.subscription_pause: missing",
    "customer_session.components.active_entitlements: missing",
    "customer_session.components.customer_portal: missing",
    "dispute.evidence_details.submission_method: missing",
    "reserve.hold.destination: missing",
    "reserve.plan.destination: missing",
    "reserve.release.destination: missing",
    "subscription_schedule.pause_schedules: missing",
    "event.data.object.aggregate_usage: unknown",
    "invoice.subscription: unknown",
    "object: expected one that Stripe knows, not 'issuing.settlement'",
    "object: expected one that Stripe knows, not 'sigma.sigma_api_query'",
    "object: expected one that Stripe knows, not 'terminal.refund'",
}


def test_stripes_own_objects_are_right_but_for_what_was_added_since(stripe_fixtures):
    found = {kind: check_object(sample) for kind, sample in stripe_fixtures.items()}

    assert {one for complaints in found.values() for one in complaints} <= SINCE_DAHLIA
    assert sum(not complaints for complaints in found.values()) >= 160


def test_stripes_own_objects_have_one_value_that_the_sdk_has_never_heard_of(stripe_fixtures):
    found = [
        one for sample in stripe_fixtures.values() for one in check_object(sample, strict=True) if one not in SINCE_DAHLIA
    ]

    assert [one.partition(":")[0] for one in found] == ["reserve.release.reason"]


@pytest.mark.parametrize("sample", ALL.values(), ids=ALL.keys())
def test_our_samples_are_right(sample):
    assert check_object(sample, strict=True) == []


@pytest.mark.parametrize("kind", ["customer", "invoice", "payment_intent", "price", "product", "subscription"])
def test_the_objects_written_by_hand_say_nothing_that_stripe_does_not_say_today(kind):
    written = json.loads((HERE / "data" / f"{kind}.json").read_text(encoding="utf-8"))[VERSION]

    assert [one for one in check_object(written, strict=True) if not one.endswith(": missing")] == []


# Wrong objects ------------------------------------------------------------------------------------------------------------

LINE, PRICING = "lines.data.0", "lines.data.0.pricing"
WRONG = [
    (INVOICE, "subscription", None, "invoice.subscription: unknown"),
    (INVOICE, f"{LINE}.period.middle", 5, "invoice.lines.data[0].period.middle: unknown"),
    (INVOICE, f"{LINE}.period.start", GONE, "invoice.lines.data[0].period.start: missing"),
    (INVOICE, "lines.has_more", GONE, "invoice.lines.has_more: missing"),
    (INVOICE, "lines.object", "array", "invoice.lines: expected list, not array object"),
    (INVOICE, "lines.data", {}, "invoice.lines.data: expected a list, not {}"),
    (INVOICE, "lines.data", [PRODUCT], "invoice.lines.data[0]: expected line_item, not product object"),
    (INVOICE, "amount_due", "5", "invoice.amount_due: expected a whole number, not '5'"),
    (INVOICE, "amount_due", True, "invoice.amount_due: expected a whole number, not True"),
    (INVOICE, "amount_due", 5.0, "invoice.amount_due: expected a whole number, not 5.0"),
    (INVOICE, "created", "2026-01-01T00:00:00Z", "invoice.created: expected a whole number, not '2026-01-01T00:00:00Z'"),
    (INVOICE, "attempted", 1, "invoice.attempted: expected true or false, not 1"),
    (INVOICE, "currency", None, "invoice.currency: expected text, not None"),
    (INVOICE, "number", 5, "invoice.number: expected text or null, not 5"),
    (INVOICE, "customer", 5, "invoice.customer: expected text or customer or null, not 5"),
    (INVOICE, "customer", PRODUCT, "invoice.customer: expected text or customer or null, not product object"),
    (INVOICE, "customer", changed(CUSTOMER, "email", 5), "invoice.customer.email: expected text or null, not 5"),
    (INVOICE, "metadata", [], "invoice.metadata: expected a mapping or null, not []"),
    (INVOICE, "metadata", {"a": 5}, "invoice.metadata.a: expected text, not 5"),
    (INVOICE, f"{PRICING}.unit_amount_decimal", 2000, "expected a decimal in text or null, not 2000"),
    (INVOICE, f"{PRICING}.unit_amount_decimal", "2,000", "expected a decimal in text or null, not '2,000'"),
    (INVOICE, f"{LINE}.parent", "gold", "invoice.lines.data[0].parent: expected a mapping or null, not 'gold'"),
    (GOLD, "currency_options", {"eur": {"unit_amount": "5"}}, "price.currency_options.eur.unit_amount: expected "),
    (GOLD, "tiers", [{"up_to": 5}, 7], "price.tiers[1]: expected a mapping, not 7"),
    (PRODUCT, "deleted", False, "product.deleted: expected one of True or null, not False"),
    (PRODUCT, "deleted", 1, "product.deleted: expected one of True or null, not 1"),
    (EVENT, "type", "invoice.eaten", "event.type: expected one of 'account.application.authorized', "),
    (EVENT, "data.object.lines.data.0.livemode", 0, "event.data.object.lines.data[0].livemode: expected true or false"),
    (EVENT, "data.object.object", "bill", "event.data.object: expected an object that Stripe knows, not bill object"),
    (EVENT, "data.object", None, "event.data.object: expected an object that Stripe knows, not None"),
    (EVENT, "data.object", PRODUCT, "event.data.object: expected invoice, not product object"),
    (EVENT, "type", "customer.created", "event.data.object: expected customer, not invoice object"),
    (EVENT, "data.previous_attributes", [], "event.data.previous_attributes: expected a mapping or null, not []"),
    (UPDATE, "data.previous_attributes.plan", None, "event.data.previous_attributes.plan: unknown"),
    (UPDATE, "data.previous_attributes.status", 5, "event.data.previous_attributes.status: expected "),
    (UPDATE, "data.previous_attributes.items.data.0.quantity", "1", "previous_attributes.items.data[0].quantity: expected"),
    (LISTED, "data.1.type", GONE, "list.data[1].type: missing"),
    (LISTED, "data.1", {"id": "price_gold"}, "list.data[1]: expected an object that Stripe knows, not {'id': "),
    (LISTED, "next_page", None, "list.next_page: unknown"),
    ({**LISTED, "object": "search_result"}, "next_page", 5, "search_result.next_page: expected text or null, not 5"),
]


@pytest.mark.parametrize(("right", "path", "value", "complaint"), WRONG)
def test_a_wrong_object_is_caught(right, path, value, complaint):
    assert check_object(right) == []

    (found,) = check_object(changed(right, path, value))

    assert complaint in found


def test_every_wrong_member_is_named():
    found = check_object({"object": "customer", "email": 5, "shoe_size": 43, "address": {"city": 1}})

    assert found[:3] == [
        "customer.email: expected text or null, not 5",
        "customer.shoe_size: unknown",
        "customer.address.city: expected text or null, not 1",
    ]
    assert found[3:] == [f"customer.{one}: missing" for one in ("created", "id", "livemode")]


@pytest.mark.parametrize("nothing", [None, 5, "customer", [], {}, {"object": None}, {"object": ["customer"]}])
def test_what_does_not_say_its_kind_is_no_object(nothing):
    (found,) = check_object(nothing)

    assert found.startswith("object: expected one that Stripe knows, not ")


def test_a_deleted_object_needs_no_more_than_its_id():
    deleted = {"id": "cus_1", "object": "customer", "deleted": True}

    assert check_object(deleted) == []
    assert check_object(changed(INVOICE, "customer", deleted)) == []
    assert check_object({"object": "customer", "deleted": True}) == ["customer.id: missing"]
    assert check_object({**deleted, "reason": "asked"}) == ["customer.reason: unknown"]


def test_new_values_are_right_where_stripe_may_add_some_unless_one_is_strict():
    unheard = changed(INVOICE, "status", "eaten")

    assert check_object(unheard) == []
    assert check_object(unheard, strict=True) == [
        "invoice.status: expected one of 'draft', 'open', 'paid', 'uncollectible', 'void' or null, not 'eaten'"
    ]


def test_who_does_not_look_deep_sees_the_object_alone():
    wrong = changed(changed(EVENT, "data.object.amount_due", "5"), "data.previous_attributes", {"plan": 1})

    assert len(check_object(wrong)) == 2
    assert check_object(wrong, deep=False) == []
    assert check_object(changed(INVOICE, "lines.data.0.amount", "5"), deep=False) == []
    assert check_object(changed(INVOICE, "issuer.type", 5), deep=False) != []


# Requests -----------------------------------------------------------------------------------------------------------------

SUBSCRIBE = {
    "customer": "cus_1",
    "items": [{"price": "price_gold", "quantity": 2}, {"price_data": {"currency": "usd", "product": "prod_gold"}}],
    "add_invoice_items": [{"price": "price_pack"}],
    "cancel_at_period_end": False,
    "default_tax_rates": "",
    "discounts": [{"coupon": "half"}],
    "expand": ["latest_invoice.confirmation_secret", "pending_setup_intent"],
    "metadata": {"billing_account": "user-1", "7": "seven"},
    "payment_behavior": "default_incomplete",
    "payment_settings": {"save_default_payment_method": "on_subscription", "payment_method_types": ["card"]},
    "trial_end": "now",
}
SUBSCRIBE["items"][1]["price_data"]["recurring"] = {"interval": "month"}
SUBSCRIBE["items"][1]["price_data"]["unit_amount_decimal"] = Decimal("0.5")
RIGHT = [
    ("POST", "/v1/subscriptions", SUBSCRIBE),
    (
        "POST",
        "/v1/subscriptions/sub_1",
        {"trial_end": 1767225600, "metadata": "", "items": [{"id": "si_1", "deleted": True}]},
    ),
    ("DELETE", "/v1/subscriptions/sub_1", {"invoice_now": True, "cancellation_details": {"comment": ""}}),
    ("GET", "/v1/customers", {"limit": 100, "created": {"gte": 5}, "expand": ["data.default_source"]}),
    ("GET", "/v1/customers", {"created": 5}),
    ("GET", "/v1/customers", None),
    ("GET", "/v1/customers/search", {"query": "metadata['billing_account']:'user-1'"}),
    ("POST", "/v1/payment_intents", {"amount": 5, "currency": "usd", "automatic_payment_methods": {"enabled": True}}),
    ("POST", "/v1/checkout/sessions", {"mode": "payment", "line_items": [{"price": "price_pack", "quantity": 1}]}),
    ("GET", "/v1/invoice_payments", {"payment": {"type": "payment_intent", "payment_intent": "pi_1"}}),
    ("get", "/v1/billing/credit_grants/credgr_1", {}),
]
UNPAID = "default_incomplete', 'error_if_incomplete', 'pending_if_incomplete', not 'later'"
WRONG_REQUESTS = [
    ("coupon", "half", "coupon: unknown"),
    ("stripe_version", "2026-10-28.endive", "stripe_version: unknown"),
    ("items.0.prise", "price_gold", "items[0].prise: unknown"),
    ("items.0.quantity", "2", "items[0].quantity: expected a whole number, not '2'"),
    ("items.0.quantity", True, "items[0].quantity: expected a whole number, not True"),
    ("items", {"price": "price_gold"}, "items: expected a list, not {'price': 'price_gold'}"),
    ("items.1.price_data.currency", GONE, "items[1].price_data.currency: missing"),
    ("items.1.price_data.recurring.interval", GONE, "items[1].price_data.recurring.interval: missing"),
    ("cancel_at_period_end", "false", "cancel_at_period_end: expected true or false, not 'false'"),
    ("customer", None, "customer: expected text, not None"),
    ("customer", CUSTOMER, "customer: expected text, not customer object"),
    ("trial_end", "never", "trial_end: expected one of 'now' or a whole number, not 'never'"),
    ("trial_end", NOW, "trial_end: expected one of 'now' or a whole number, not datetime"),
    ("default_tax_rates", "none", "default_tax_rates: expected one of '' or a list, not 'none'"),
    ("metadata", {"a": 5}, "metadata.a: expected text, not 5"),
    ("expand.0", "latest_invoice.payment_intent", "expand[0]: latest_invoice.payment_intent leads nowhere"),
    ("expand", ["items.data.price.seller"], "expand[0]: items.data.price.seller leads nowhere"),
]


@pytest.mark.parametrize(("method", "path", "params"), RIGHT)
def test_a_right_request_is_right_also_on_the_wire(method, path, params):
    form = urlencode(list(_api_encode(params or {})))

    assert check_request(method, path, params, strict=True) == []
    assert check_sent(method, path, form, strict=True) == []
    assert check_sent(method, f"{path}?{form}", b"", strict=True) == []
    assert check_sent(method, f"http://127.0.0.1:12111{path}", form.encode(), strict=True) == []


@pytest.mark.parametrize(("path", "value", "complaint"), WRONG_REQUESTS)
def test_a_wrong_request_is_caught(path, value, complaint):
    (found,) = check_request("POST", "/v1/subscriptions", changed(SUBSCRIBE, path, value))

    assert found.startswith(f"POST /v1/subscriptions {complaint}")


def test_what_a_request_must_carry_is_missed():
    assert check_request("POST", "/v1/payment_intents", {}) == [
        "POST /v1/payment_intents amount: missing",
        "POST /v1/payment_intents currency: missing",
    ]


def test_what_stripe_took_away_is_caught():
    paid = {"amount": 5, "currency": "usd", "payment_method_types": ["card"]}

    assert check_request("POST", "/v1/payment_intents", paid) == ["POST /v1/payment_intents payment_method_types: unknown"]


def test_new_values_of_a_parameter_are_right_unless_one_is_strict():
    unheard = {**SUBSCRIBE, "payment_behavior": "later"}

    assert check_request("POST", "/v1/subscriptions", unheard) == []
    (found,) = check_request("POST", "/v1/subscriptions", unheard, strict=True)
    assert found.endswith(UNPAID)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/customers/"),
        ("GET", "/v1/customers/cus_1/"),
        ("GET", "/v1/customers//sources"),
        ("PUT", "/v1/customers/cus_1"),
        ("POST", "/v1/customers/search/all"),
        ("GET", "/v1/subscription_items/si_1/usage_records"),
        ("GET", "/v2/core/events"),
        ("GET", "customers"),
        ("", ""),
    ],
)
def test_a_request_that_leads_nowhere_is_caught(method, path):
    complaint = [f"{method} {path}: no such route"]

    assert check_request(method, path, {}) == complaint
    assert check_sent(method, path) == complaint
    assert check_answer(method, path, {}) == complaint


def test_an_answer_is_what_the_route_answers():
    one_page = {**LISTED, "data": [CUSTOMER]}

    assert check_answer("GET", "/v1/customers", one_page, strict=True) == []
    assert check_answer("GET", "/v1/customers", LISTED) == [
        "GET /v1/customers answer.data[1]: expected customer, not price object"
    ]
    assert check_answer("GET", "/v1/customers/cus_1", one_page) == [
        "GET /v1/customers/cus_1 answer: expected customer, not list object"
    ]


@pytest.mark.parametrize(
    "own",
    [
        {"country": "US", "currency": "usd", "last4": "6789", "status": "new"},
        {"brand": "Visa", "exp_month": 1, "exp_year": 2030, "funding": "credit", "last4": "4242"},
    ],
    ids=["bank account", "card"],
)
def test_what_could_be_several_things_is_taken_for_the_one_it_comes_closest_to(own):
    route = "GET", "/v1/accounts/acct_1/external_accounts/ba_1"

    assert check_answer(*route, {"id": "ba_1", **own}) == [f"{' '.join(route)} answer.object: missing"]


# Forms --------------------------------------------------------------------------------------------------------------------


def test_a_form_means_what_was_encoded():
    form = urlencode(list(_api_encode(SUBSCRIBE)))
    price = {**SUBSCRIBE["items"][1]["price_data"], "unit_amount_decimal": "0.5"}  # exact as it is

    assert decode("POST", "/v1/subscriptions", form) == {
        **SUBSCRIBE,
        "items": [SUBSCRIBE["items"][0], {"price_data": price}],
    }


def test_lists_may_leave_out_the_places():
    form = "items[][price]=a&items[][quantity]=2&items[][price]=b&default_tax_rates[]=c&expand[]=d&expand[]=e"

    assert decode("POST", "/v1/subscriptions", form) == {
        "items": [{"price": "a", "quantity": 2}, {"price": "b"}],
        "default_tax_rates": ["c"],
        "expand": ["d", "e"],
    }


def test_lists_have_the_order_of_their_places():
    form = "&".join(f"expand[{n}]={n}" for n in reversed(range(12)))

    assert decode("POST", "/v1/subscriptions", form) == {"expand": [str(n) for n in range(12)]}


def test_text_that_means_nothing_is_caught_as_it_is():
    form = b"customer=cus_1&items[0][quantity]=two&cancel_at_period_end=1&items[1]=x&off_session[a]=true"

    assert check_sent("POST", "/v1/subscriptions", form) == [
        "POST /v1/subscriptions items[0].quantity: expected a whole number, not 'two'",
        "POST /v1/subscriptions items[1]: expected a mapping, not 'x'",
        "POST /v1/subscriptions cancel_at_period_end: expected true or false, not '1'",
        "POST /v1/subscriptions off_session: expected true or false, not {'a': 'true'}",
    ]


# Nothing is too odd -------------------------------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([*OBJECT_CLASSES]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["object", "data", "expand"]) | st.text(), inner),
)


@given(
    ANYTHING,
    st.sampled_from(["data", "data.object", "data.object.lines", "data.object.lines.data", "data.object.customer"]),
)
def test_no_object_is_too_odd(value, path):
    assert all(isinstance(one, str) for one in check_object(value))
    assert all(isinstance(one, str) for one in check_object(changed(UPDATE if path == "data" else EVENT, path, value)))


@given(ANYTHING)
def test_no_request_and_no_answer_is_too_odd(value):
    assert all(isinstance(one, str) for one in check_request("POST", "/v1/subscriptions", value))
    assert all(
        isinstance(one, str) for one in check_request("POST", "/v1/subscriptions", {"expand": value, "items": value})
    )
    assert all(isinstance(one, str) for one in check_answer("POST", "/v1/subscriptions", value))


@given(st.text() | st.binary() | st.text(alphabet="ab[]=&1").map("items{}".format), st.text())
def test_no_form_is_too_odd(form, target):
    assert all(isinstance(one, str) for one in check_sent("POST", "/v1/subscriptions", form))
    assert all(isinstance(one, str) for one in check_sent("GET", target, form))


# The SDK is read whole ----------------------------------------------------------------------------------------------------


def everything_in(types):
    """Return all types that these are made of, however deep."""
    met, ahead = set(), list(types)
    while ahead:
        one = ahead.pop()
        if isinstance(one, Type) and one not in met:
            met.add(one)
            ahead += [*one.inner, *(one.members.values() if has_members(one) else ())]
    return met


def test_what_an_event_is_about_is_known_for_nearly_all():
    types = types_of("stripe", {"type": Event.__annotations__["type"]})["type"].inner

    assert len([one for one in types if subject_of(one).kind]) > 180


def has_members(one):
    return is_typeddict(one.origin) or (isinstance(one.origin, type) and issubclass(one.origin, StripeObject))


def test_every_class_of_objects_can_be_read():
    classes = [class_of({"object": kind}) for kind in OBJECT_CLASSES]

    assert len(classes) > 150
    assert len([one for one in everything_in(map(known_type, classes)) if has_members(one)]) > 2000


def test_every_route_can_be_read():
    assert len({(route.method, route.path) for route in routes()}) >= 500
    assert len(everything_in(one for route in routes() for one in route.types)) > 10_000
