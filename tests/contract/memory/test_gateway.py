"""The memory gateway keeps the contract of every payment provider, and what it says of itself."""

import json

import pytest
from memory_world import MemoryWorld

from billing_adapters.memory import FixedClock, MemoryGateway
from billing_core.domain.orders import CreateCustomer, TakePayment
from billing_core.errors import BadSignature, Malformed, ProviderDeclined, ProviderRefused
from billing_core.testing.contracts import PaymentProviderContract


class TestMemoryGateway(PaymentProviderContract):
    @pytest.fixture
    def clock(self):
        return FixedClock()

    @pytest.fixture
    def provider(self, clock):
        return MemoryGateway(clock)

    @pytest.fixture
    def world(self, provider, clock):
        return MemoryWorld(provider, clock)

    @pytest.fixture
    def source(self, provider):
        return provider


@pytest.fixture
def gateway():
    return MemoryGateway(FixedClock())


def test_ids_count(gateway):
    ids = [gateway.place(CreateCustomer(account=name), name).id for name in ("acme", "globex")]

    assert ids == ["cus_1", "cus_2"]


def test_another_order_under_a_key_says_so(gateway):
    gateway.place(CreateCustomer(account="acme"), "key")

    with pytest.raises(ProviderRefused) as said:
        gateway.place(CreateCustomer(account="globex"), "key")

    assert said.value.code == "idempotency_error"


def test_a_card_declines_for_its_reason(gateway):
    customer = gateway.place(CreateCustomer(account="acme"), "customer").id
    gateway.save_card(customer, declines="authentication_required")

    with pytest.raises(ProviderDeclined) as said:
        gateway.place(TakePayment(customer=customer, amount_minor=1, currency="usd", off_session=True), "pay")

    assert (said.value.code, said.value.payment) == ("authentication_required", "pay_1")


def test_events_are_json_that_people_can_read_and_nobody_else_wrote(gateway):
    gateway.place(CreateCustomer(account="acme"), "key")
    (body,) = gateway.events().bodies

    gateway.verify(body, {}, FixedClock().now())

    assert json.loads(body)["type"] == "customer.created"
    with pytest.raises(BadSignature):
        gateway.verify(body + b" ", {}, FixedClock().now())


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"7", b"\xff", b'{"is": "Money"}', b'{"is": "Status", "value": "active"}']
)
def test_what_is_no_event_is_malformed(gateway, body):
    with pytest.raises(Malformed):
        gateway.parse(body)
