"""What all requests have in common: keys, parameters, pages, expansion, search, idempotency, versions, faults."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import stripe as sdk

from billing_adapters.simulator import SimulatedStripe
from billing_adapters.simulator.exchange import call
from billing_adapters.simulator.forms import decoded
from billing_adapters.simulator.refusals import Refused

FORM = {"Authorization": "Bearer sk_test_simulated", "Content-Type": "application/x-www-form-urlencoded"}


def ask(stripe, method, path, body="", **headers):
    answer = stripe.answer(call(method, f"http://api{path}", {**FORM, **headers}, body))
    return answer.status, answer.headers, json.loads(answer.body)


# Keys ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["nonsense", "sk_test_", "sk_prod_12345678", "pk_test_12345678"])
def test_a_key_that_is_none_is_refused(connect, key):
    with pytest.raises(sdk.AuthenticationError) as caught:
        connect(key).customers.list()

    assert caught.value.http_status == 401
    assert caught.value.error.type == "invalid_request_error"


def test_no_key_is_refused(stripe):
    status, _, answer = ask(stripe, "GET", "/v1/customers", Authorization="")

    assert (status, answer["error"]["type"]) == (401, "invalid_request_error")


def test_a_key_is_good_until_it_is_revoked_and_never_repeated(stripe, connect):
    key = "rk_test_0123456789abcdef"
    connect(key).customers.list()

    stripe.revoke_key(key)

    with pytest.raises(sdk.AuthenticationError) as caught:
        connect(key).customers.list()
    assert caught.value.error.code == "api_key_expired"
    assert key not in str(caught.value)


def test_a_key_can_come_as_a_user_name(stripe):
    status, _, _ = ask(stripe, "GET", "/v1/customers", Authorization="Basic c2tfdGVzdF9zaW11bGF0ZWQ6")

    assert status == 200


def test_test_mode_and_live_mode_do_not_see_each_other(api, connect):
    live = connect("sk_live_simulated")
    customer = live.customers.create({"email": "jenny@example.com"})

    assert customer.livemode
    assert api.customers.list().data == []
    assert [one.livemode for one in live.events.list().data] == [True]
    with pytest.raises(sdk.InvalidRequestError, match="a similar object exists in live mode"):
        api.customers.retrieve(customer.id)


def test_what_says_no_mode_has_that_of_its_maker(api, connect):
    live = connect("sk_live_simulated")
    paid = {"amount": 1000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True, "off_session": True}
    live.refunds.create({"payment_intent": live.payment_intents.create(paid).id})

    assert len(live.refunds.list().data) == 1
    assert api.refunds.list().data == []


# Parameters ---------------------------------------------------------------------------------------------------------------


def test_forms_nest():
    form = "a[b][0][c]=1&a[b][1][c]=2&expand[]=x&expand[]=y&metadata[k]=v%26w&empty="

    assert decoded(form) == {
        "a": {"b": [{"c": "1"}, {"c": "2"}]},
        "expand": ["x", "y"],
        "metadata": {"k": "v&w"},
        "empty": "",
    }


@pytest.mark.parametrize("form", ["[a]=1", "a[b=1", "a=1&a[b]=2", "a" + "[b]" * 11 + "=1"])
def test_a_form_that_is_none_is_refused(form):
    with pytest.raises(Refused):
        decoded(form)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ("nonsense=1", "parameter_unknown", "nonsense"),
        ("shipping[name]=Jenny", "parameter_missing", "shipping[address]"),
        ("shipping[name]=Jenny&shipping[address][town]=Bern", "parameter_unknown", "shipping[address][town]"),
        ("balance=much", "parameter_invalid_integer", "balance"),
        ("tax_exempt=perhaps", None, "tax_exempt"),
        ("metadata=text", None, "metadata"),
        ("invoice_prefix=", "parameter_invalid_empty", "invoice_prefix"),
        ("payment_method=pm_none", "resource_missing", "payment_method"),
        (
            "invoice_settings[default_payment_method]=pm_none",
            "resource_missing",
            "invoice_settings[default_payment_method]",
        ),
    ],
)
def test_a_parameter_that_cannot_be_is_refused(stripe, body, code, param):
    status, _, answer = ask(stripe, "POST", "/v1/customers", body)

    assert (status, answer["error"].get("code"), answer["error"]["param"]) == (400, code, param)
    assert ask(stripe, "GET", "/v1/customers")[2]["data"] == []


def test_an_empty_text_unsets(api):
    customer = api.customers.create({"email": "jenny@example.com", "metadata": {"a": "1", "b": "2"}})

    after = api.customers.update(customer.id, {"email": "", "metadata": {"a": ""}})
    emptied = api.customers.update(customer.id, {"metadata": ""})

    assert (after.email, after.metadata.to_dict()) == (None, {"b": "2"})
    assert emptied.metadata.to_dict() == {}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/teapots"), ("DELETE", "/v1/prices/price_1"), ("PUT", "/v1/customers")]
)
def test_an_address_that_is_none_is_not_found(stripe, method, path):
    status, headers, answer = ask(stripe, method, path)

    assert (status, answer["error"]["type"]) == (404, "invalid_request_error")
    assert headers["Request-Id"].startswith("req_")


def test_json_is_not_what_stripe_takes(stripe):
    assert ask(stripe, "POST", "/v1/customers", '{"a": 1}', **{"Content-Type": "application/json"})[0] == 400


def test_a_deleted_customer_says_so_and_can_be_nothing_else(api, events):
    customer = api.customers.create({"email": "jenny@example.com"})
    events()

    assert api.customers.delete(customer.id).deleted

    [told] = events("customer.deleted")
    assert told["data"]["object"]["email"] == "jenny@example.com"
    assert api.customers.retrieve(customer.id).to_dict() == {"id": customer.id, "object": "customer", "deleted": True}
    with pytest.raises(sdk.InvalidRequestError, match="No such customer"):
        api.customers.update(customer.id, {"name": "Jenny"})


# Pages, expansion, search -------------------------------------------------------------------------------------------------


def test_pages_go_both_ways(api):
    names = [str(number) for number in range(25)]
    for name in names:
        api.customers.create({"name": name})

    first = api.customers.list({"limit": 10})
    second = api.customers.list({"limit": 10, "starting_after": first.data[-1].id})
    back = api.customers.list({"limit": 10, "ending_before": second.data[0].id})

    assert (len(api.customers.list().data), first.has_more, second.has_more, back.has_more) == (10, True, True, False)
    assert [one.id for one in back.data] == [one.id for one in first.data]
    assert [one.name for one in api.customers.list({"limit": 4}).auto_paging_iter()] == names[::-1]


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"starting_after": "cus_none"}, "starting_after"),
        ({"ending_before": "cus_none"}, "ending_before"),
        ({"starting_after": "a", "ending_before": "b"}, "starting_after"),
    ],
)
def test_a_page_that_cannot_be_is_refused(api, params, param):
    with pytest.raises(sdk.InvalidRequestError) as caught:
        api.customers.list(params)

    assert caught.value.param == param


def test_lists_are_filtered_by_when(stripe, api):
    for name in "abc":
        api.customers.create({"name": name})
        stripe.advance(timedelta(hours=1))
    second = datetime(2026, 1, 1, 1, tzinfo=UTC)

    def names(created):
        return "".join(one.name for one in api.customers.list({"created": created}).data)

    assert [names({"gte": second}), names({"gt": second}), names({"lt": second}), names(int(second.timestamp()))] == [
        "cb",
        "c",
        "a",
        "b",
    ]


def test_ids_expand_into_what_they_name_also_in_lists_and_deeper(api):
    product = api.products.create({"name": "Gold", "default_price_data": {"currency": "usd", "unit_amount": 100}})

    [price] = api.prices.list({"expand": ["data.product.default_price.product"]}).data

    assert price.product.default_price.product.id == product.id
    assert api.prices.retrieve(price.id).product == product.id


@pytest.mark.parametrize("path", ["name", "nonsense", "data.customer", "default_price.product.default_price.product.name"])
def test_what_names_nothing_cannot_be_expanded(api, path):
    product = api.products.create({"name": "Gold", "default_price_data": {"currency": "usd", "unit_amount": 100}})

    with pytest.raises(sdk.InvalidRequestError) as caught:
        api.products.retrieve(product.id, {"expand": [path]})

    assert caught.value.param == "expand"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("metadata['tier']:'gold'", "ab"),
        ("metadata['tier']:'gold' AND name:'A'", "a"),
        ("name:'a' OR name:'c'", "ac"),
        ("-metadata['tier']:'gold'", "c"),
        ("metadata['tier']:null", "c"),
        ("email~'xample'", "abc"),
        ('email:"B@EXAMPLE.COM"', "b"),
        ("created>0 AND created<=1767225600", "abc"),
        ("created>1767225600", ""),
        ("name:'nobody'", ""),
    ],
)
def test_objects_are_found_by_what_they_are(api, query, found):
    for name in "abc":
        tier = {} if name == "c" else {"tier": "gold"}
        api.customers.create({"name": name, "email": f"{name}@example.com", "metadata": tier})

    assert sorted(one.name for one in api.customers.search({"query": query}).data) == list(found)


@pytest.mark.parametrize(
    "query", ["", "name", "name:jenny", "color:'red'", "metadata:'x'", "name['x']:'y'", "name~'ab'", "name>'x'",
              "name:'a' AND name:'b' OR name:'c'", "name:'a' AND"],
)  # fmt: skip
def test_a_query_that_cannot_be_read_is_refused(api, query):
    with pytest.raises(sdk.InvalidRequestError) as caught:
        api.customers.search({"query": query})

    assert caught.value.param == "query"


def test_what_is_found_has_pages(api):
    for name in "abcde":
        api.customers.create({"name": name, "metadata": {"k": "v"}})

    found = api.customers.search({"query": "metadata['k']:'v'", "limit": 2})

    assert found.has_more
    assert "".join(one.name for one in found.auto_paging_iter()) == "edcba"


# Idempotency --------------------------------------------------------------------------------------------------------------


def test_the_same_key_gets_the_same_answer_for_a_day(stripe):
    status, headers, first = ask(stripe, "POST", "/v1/customers", "name=a", **{"Idempotency-Key": "k"})
    again, replayed, second = ask(stripe, "POST", "/v1/customers", "name=a", **{"Idempotency-Key": "k"})

    assert (status, again, first) == (200, 200, second)
    assert (headers.get("Idempotent-Replayed"), replayed["Idempotent-Replayed"]) == (None, "true")
    assert replayed["Original-Request"] == headers["Request-Id"] != replayed["Request-Id"]
    stripe.advance(timedelta(hours=24))
    assert ask(stripe, "POST", "/v1/customers", "name=a", **{"Idempotency-Key": "k"})[2]["id"] != first["id"]


def test_a_key_with_other_parameters_is_refused(api):
    api.customers.create({"name": "a"}, {"idempotency_key": "k"})

    with pytest.raises(sdk.IdempotencyError) as caught:
        api.customers.create({"name": "b"}, {"idempotency_key": "k"})

    assert caught.value.http_status == 400
    assert len(api.customers.list().data) == 1


def test_a_decline_is_kept_and_a_bad_parameter_is_not(api):
    declined = {"amount": 1000, "currency": "usd", "payment_method": "pm_card_chargeDeclined", "confirm": True}
    answers = []
    for _ in range(2):
        with pytest.raises(sdk.CardError) as caught:
            api.payment_intents.create({**declined, "off_session": True}, {"idempotency_key": "k"})
        answers.append(caught.value.json_body)
    with pytest.raises(sdk.InvalidRequestError):
        api.customers.create({"nonsense": 1}, {"idempotency_key": "l"})

    assert answers[0] == answers[1]
    assert len(api.payment_intents.list().data) == 1
    assert api.customers.create({"name": "a"}, {"idempotency_key": "l"}).name == "a"


def test_an_event_names_its_request(stripe, events):
    _, headers, _ = ask(stripe, "POST", "/v1/customers", "name=a", **{"Idempotency-Key": "k"})

    [event] = events("customer.created")
    assert event["request"] == {"id": headers["Request-Id"], "idempotency_key": "k"}


# Versions -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["yesterday", "2019-12-03", "2026-10-28 endive"])
def test_a_version_that_is_none_is_refused(connect, version):
    with pytest.raises(sdk.InvalidRequestError, match="Invalid Stripe API version"):
        connect(stripe_version=version).customers.list()


@pytest.mark.parametrize(
    ("version", "intent", "refund", "product"),
    [
        ("2020-08-27", {"charges", "invoice"}, set(), {"features"}),
        ("2024-06-20", {"latest_charge", "invoice"}, set(), {"marketing_features"}),
        ("2025-03-31.basil", {"latest_charge"}, set(), {"marketing_features"}),
        ("2026-10-28.endive", {"latest_charge"}, {"payment_method"}, {"marketing_features"}),
    ],
)
def test_answers_are_written_in_the_version_that_is_asked_for(connect, version, intent, refund, product):
    api = connect(stripe_version=version)
    paid = api.payment_intents.create({
        "amount": 1000,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "off_session": True,
    })

    assert {"charges", "latest_charge", "invoice"} & paid.to_dict().keys() == intent
    assert {"payment_method"} & api.refunds.create({"payment_intent": paid.id}).to_dict().keys() == refund
    telling = {"features", "marketing_features"}
    assert telling & api.products.create({"name": "Gold"}).to_dict().keys() == product


def test_the_charge_of_an_old_intent_is_whole(connect):
    api = connect(stripe_version="2020-08-27")
    params = {"amount": 1000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}

    [charge] = api.payment_intents.create(params).to_dict()["charges"]["data"]

    assert (charge["object"], charge["amount"], charge["status"]) == ("charge", 1000, "succeeded")


def test_events_have_the_version_of_the_account():
    stripe = SimulatedStripe(api_version="2020-08-27")
    client = sdk.StripeClient("sk_test_simulated", http_client=stripe.http_client())
    client.v1.products.create({"name": "Gold"})

    [event] = client.v1.events.list().data

    assert event.api_version == "2020-08-27"
    assert "features" in event.data.object


# Limits and faults --------------------------------------------------------------------------------------------------------


def test_an_endpoint_takes_so_many_requests_a_second(stripe, api):
    stripe.limit_rate(per_second=2)
    api.customers.list()
    api.customers.list()

    with pytest.raises(sdk.RateLimitError):
        api.customers.list()
    api.products.list()
    stripe.advance(timedelta(seconds=1))
    api.customers.list()
    stripe.limit_rate(0)
    for _ in range(5):
        api.customers.list()


@pytest.mark.parametrize(
    ("fault", "error", "created"),
    [
        (lambda faults: faults.time_out("POST"), sdk.APIConnectionError, 0),
        (lambda faults: faults.time_out("POST", after_effect=True), sdk.APIConnectionError, 1),
        (lambda faults: faults.refuse_connection("POST", "/v1/cust*"), sdk.APIConnectionError, 0),
        (lambda faults: faults.fail("POST"), sdk.APIError, 0),
        (lambda faults: faults.fail("POST", after_effect=True), sdk.APIError, 1),
        (lambda faults: faults.limit_rate("POST"), sdk.RateLimitError, 0),
        (lambda faults: faults.answer_html("POST"), sdk.APIError, 0),
        (lambda faults: faults.answer_html("POST", status=200, after_effect=True), sdk.APIError, 1),
    ],
)
def test_what_goes_wrong_does_so_once_before_or_after_the_effect(stripe, api, fault, error, created):
    fault(stripe.faults)

    with pytest.raises(error):
        api.customers.create({"name": "a"})

    assert len(api.customers.list().data) == created
    api.customers.create({"name": "b"})


def test_a_fault_waits_for_its_turn_and_for_what_it_is_meant_for(stripe, api):
    stripe.faults.fail("POST", "/v1/customers", skip=1, times=2)
    api.products.create({"name": "Gold"})
    api.customers.create({"name": "a"})

    for _ in range(2):
        with pytest.raises(sdk.APIError):
            api.customers.create({"name": "b"})
    api.customers.create({"name": "c"})


def test_the_library_tries_again_and_nothing_happens_twice(stripe, connect):
    api = connect(max_network_retries=2)
    stripe.faults.time_out("POST", after_effect=True, times=2)

    customer = api.customers.create({"name": "a"})

    assert [one.id for one in api.customers.list().data] == [customer.id]


def test_faults_can_be_called_off(stripe, api):
    stripe.faults.fail(times=9)

    stripe.faults.clear()

    api.customers.list()


# Whole --------------------------------------------------------------------------------------------------------------------


def story(stripe):
    client = sdk.StripeClient("sk_test_simulated", http_client=stripe.http_client()).v1
    said = {"idempotency_key": "one"}
    customer = client.customers.create({"payment_method": "pm_card_visa"}, said)
    paid = {"amount": 1000, "currency": "usd", "customer": customer.id, "payment_method": "pm_card_pendingRefund"}
    intent = client.payment_intents.create({**paid, "confirm": True, "off_session": True}, {"idempotency_key": "two"})
    client.refunds.create({"payment_intent": intent.id}, {"idempotency_key": "three"})
    stripe.advance(timedelta(days=1))
    return stripe.answer(call("GET", "http://api/v1/events?limit=100", FORM)).body


def test_the_same_seed_and_the_same_calls_give_the_same_bytes():
    assert story(SimulatedStripe(seed=1)) == story(SimulatedStripe(seed=1)) != story(SimulatedStripe(seed=2))


def test_the_asynchronous_library_is_answered_too(api):
    async def ask_both():
        made = await api.customers.create_async({"name": "a"})
        return made, await api.customers.retrieve_async(made.id)

    made, found = asyncio.run(ask_both())

    assert made.id == found.id


def test_threads_do_not_get_into_each_others_way(api):
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda number: api.customers.create({"name": str(number)}).id, range(200)))

    assert len(set(made)) == 200
    assert {one.id for one in api.customers.list({"limit": 100}).auto_paging_iter()} == set(made)


def test_a_clock_can_run_by_itself():
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    stripe = SimulatedStripe(running=lambda: moment)
    stripe.advance(timedelta(days=1))

    moment += timedelta(hours=1)

    assert stripe.now == datetime(2026, 5, 2, 1, tzinfo=UTC)
