"""Billing: one object that opens every capability, put together by hand."""

import pytest

from billing_adapters.memory import FixedClock, MemoryStore, SequentialIds
from billing_core import Billing
from billing_core.errors import Malformed


class Nobody:
    """A provider that never says anything."""

    def verify(self, body, headers, now):
        del body, headers, now
        raise Malformed("nobody sent it")

    def parse(self, body):
        del body
        raise Malformed("nobody sent it")


@pytest.fixture
def billing():
    return Billing(store=MemoryStore(), provider=Nobody(), clock=FixedClock(), ids=SequentialIds())


def test_every_capability_is_open(billing):
    assert billing.credits.grant("acme", 5).available_after == 5
    assert billing.credits.balance("acme").available == 5
    assert billing.subscriptions.of("acme") == []
    assert billing.entitlements.of("acme").subscriptions == ()
    assert billing.catalog.products() == []
    assert billing.customers.of("acme") == []
    assert [one.event.name for one in billing.outbox.pending()] == ["credits.granted"]
    assert billing.webhooks.retry() == []
    assert billing.top_ups.of("acme") is None


def test_the_provider_that_was_given_reads_the_webhooks(billing):
    with pytest.raises(Malformed, match="nobody sent it"):
        billing.webhooks.receive(b"{}", {})


def test_parts_are_given_by_name():
    with pytest.raises(TypeError):
        Billing(MemoryStore(), Nobody(), FixedClock(), SequentialIds())
