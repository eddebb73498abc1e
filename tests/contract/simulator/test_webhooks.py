"""Webhooks and events: signed, versioned, tried again; lost, doubled and late on demand."""

import json
from datetime import timedelta

import pytest
import stripe as sdk

from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_core.errors import BadSignature

URL = "https://shop.example/webhooks"


class Shop:
    """Receives webhooks, and answers as it is told."""

    def __init__(self, stripe, secret):
        self.stripe, self.webhooks, self.events, self.status = stripe, StripeWebhooks([secret]), [], 200

    def __call__(self, url, body, headers):
        assert url == URL
        self.webhooks.verify(body, headers, self.stripe.now)
        self.events.append(json.loads(body))
        if self.status is None:
            raise OSError("nobody is there")
        return self.status

    @property
    def types(self):
        return [one["type"] for one in self.events]


@pytest.fixture
def endpoint(api):
    return api.webhook_endpoints.create({"url": URL, "enabled_events": ["*"]})


@pytest.fixture
def shop(stripe, endpoint):
    return Shop(stripe, endpoint.secret)


def test_the_secret_is_told_once(api, endpoint):
    assert endpoint.secret.startswith("whsec_")
    assert "secret" not in api.webhook_endpoints.retrieve(endpoint.id)
    assert "secret" not in api.webhook_endpoints.list().data[0]


def test_what_happens_is_delivered_once_and_signed(stripe, api, shop):
    api.customers.create({"name": "a"})

    delivered = stripe.deliver(shop)

    assert shop.types == ["customer.created"]
    assert [one.succeeded for one in delivered] == [True]
    assert stripe.deliver(shop) == []
    assert api.events.list().data[0].pending_webhooks == 0


def test_another_secret_does_not_verify(stripe, api, endpoint):
    api.customers.create({"name": "a"})

    with pytest.raises(BadSignature):
        stripe.deliver(Shop(stripe, f"{endpoint.secret}x"))
    assert stripe.pending_deliveries == 1


def test_only_what_an_endpoint_wants_is_sent_to_it(stripe, api):
    wanted = api.webhook_endpoints.create({"url": URL, "enabled_events": ["product.created"]})
    api.customers.create({"name": "a"})
    api.products.create({"name": "Gold"})
    shop = Shop(stripe, wanted.secret)

    stripe.deliver(shop)

    assert shop.types == ["product.created"]


@pytest.mark.parametrize("status", [500, 404, 302, None])
def test_what_fails_is_tried_again_later_and_later(stripe, api, shop, status):
    shop.status = status
    api.customers.create({"name": "a"})

    assert not stripe.deliver(shop)[0].succeeded
    assert stripe.deliver(shop) == []
    assert [one.type for one in api.events.list({"delivery_success": False}).data] == ["customer.created"]
    for wait in (timedelta(minutes=5), timedelta(hours=1), timedelta(hours=3)):
        stripe.advance(wait)
        stripe.deliver(shop)

    stripe.advance(timedelta(days=3))
    assert stripe.deliver(shop) == []
    assert len(shop.events) == 4
    assert stripe.pending_deliveries == 0


def test_a_later_success_ends_it(stripe, api, shop):
    shop.status = 500
    api.customers.create({"name": "a"})
    stripe.deliver(shop)

    shop.status = 200
    stripe.advance(timedelta(minutes=5))
    stripe.deliver(shop)

    assert len(shop.events) == 2
    assert stripe.pending_deliveries == 0


@pytest.mark.parametrize(
    ("version", "member"), [("2020-08-27", "features"), ("2024-06-20", "marketing_features"), (None, "marketing_features")]
)
def test_an_event_is_written_in_the_version_of_the_endpoint(stripe, api, version, member):
    asked = {"api_version": version} if version else {}
    endpoint = api.webhook_endpoints.create({"url": URL, "enabled_events": ["*"], **asked})
    api.products.create({"name": "Gold"})
    shop = Shop(stripe, endpoint.secret)

    stripe.deliver(shop)

    assert shop.events[0]["api_version"] == (version or "2026-10-28.endive")
    assert member in shop.events[0]["data"]["object"]


def test_a_disabled_or_deleted_endpoint_gets_nothing(stripe, api, endpoint, shop):
    api.customers.create({"name": "a"})
    api.webhook_endpoints.update(endpoint.id, {"disabled": True})
    api.customers.create({"name": "b"})
    assert api.webhook_endpoints.retrieve(endpoint.id).status == "disabled"

    assert stripe.deliver(shop) == []
    api.webhook_endpoints.update(endpoint.id, {"disabled": False})
    api.customers.create({"name": "c"})
    api.webhook_endpoints.delete(endpoint.id)
    assert stripe.deliver(shop) == []
    assert stripe.pending_deliveries == 0


@pytest.mark.parametrize(
    "params",
    [{"url": "shop", "enabled_events": ["*"]}, {"url": URL}, {"url": URL, "enabled_events": ["*"], "api_version": "old"}],
)
def test_an_endpoint_that_cannot_be_is_refused(api, params):
    with pytest.raises(sdk.InvalidRequestError):
        api.webhook_endpoints.create(params)


def test_webhooks_are_lost_doubled_late_and_out_of_order(stripe, api, shop):
    stripe.faults.webhooks.drop("customer.created")
    stripe.faults.webhooks.duplicate("product.created", copies=3)
    stripe.faults.webhooks.delay(timedelta(hours=1), "customer.updated")
    customer = api.customers.create({"name": "a"})
    api.customers.update(customer.id, {"name": "b"})
    api.products.create({"name": "Gold"})

    stripe.deliver(shop)
    assert shop.types == ["product.created"] * 3
    assert len({one["id"] for one in shop.events}) == 1

    stripe.advance(timedelta(hours=1))
    api.customers.delete(customer.id)
    stripe.faults.webhooks.reorder(2)
    stripe.deliver(shop)
    assert shop.types[3:] == ["customer.deleted", "customer.updated"]


@pytest.mark.usefixtures("endpoint")
def test_whoever_receives_may_call_back(stripe, api):
    api.customers.create({"name": "a"})
    found = []

    stripe.deliver(lambda _, body, __: found.append(api.events.retrieve(json.loads(body)["id"]).type) or 200)

    assert found == ["customer.created"]


def test_events_are_listed_by_type_and_kept_for_thirty_days(stripe, api):
    customer = api.customers.create({"name": "a"})
    api.customers.update(customer.id, {"name": "b"})
    api.products.create({"name": "Gold"})
    [event] = api.events.list({"type": "customer.updated"}).data

    assert event.data.previous_attributes.to_dict() == {"name": "a"}
    assert len(api.events.list({"types": ["customer.created", "product.created"]}).data) == 2
    assert len(api.events.list({"type": "customer.*"}).data) == 2
    stripe.advance(timedelta(days=30))
    assert api.events.list().data == []
    with pytest.raises(sdk.InvalidRequestError, match="No such event"):
        api.events.retrieve(event.id)


@pytest.mark.parametrize("params", [{"types": ["a"] * 21}, {"types": ["a"], "type": "b"}])
def test_events_that_cannot_be_asked_for_are_refused(api, params):
    with pytest.raises(sdk.InvalidRequestError):
        api.events.list(params)
