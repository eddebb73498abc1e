"""The testing kit notices broken providers: each is broken on purpose here, beside the claim that must say so."""
# ruff: noqa: SLF001 - to break a thing is to reach inside

import inspect

import attrs
import pytest
from memory_world import MemoryWorld

from billing_adapters.memory import FixedClock, MemoryGateway
from billing_adapters.memory.shop import agreements, payments
from billing_core.errors import BillingError
from billing_core.testing.contracts import PaymentProviderContract

NOTICED = (AssertionError, BillingError, pytest.fail.Exception)


def forgets_keys(patch):
    honest = MemoryGateway.place

    def place(gateway, order, key):
        gateway._keys.clear()
        return honest(gateway, order, key)

    patch.setattr(MemoryGateway, "place", place)


def repeats_a_decline(patch):
    honest = MemoryGateway.place

    def place(gateway, order, key):
        try:
            return honest(gateway, order, key)
        except BillingError:
            gateway._keys.pop(key, None)
            raise

    patch.setattr(MemoryGateway, "place", place)


def tells_unpaid_payments(patch):
    honest = payments.news_of

    def news_of(taking):
        paid_at = taking.paid_at
        taking.paid_at = FixedClock().now()
        try:
            return honest(taking)
        finally:
            taking.paid_at = paid_at

    patch.setattr(payments, "news_of", news_of)


def loses_archived_prices(patch):
    honest = MemoryGateway.prices

    def prices(gateway, after=None):
        page = honest(gateway, after)
        return attrs.evolve(page, values=tuple(one for one in page.values if one.active))

    patch.setattr(MemoryGateway, "prices", prices)


def changes_in_a_preview(patch):
    honest = agreements.preview

    def preview(shop, order, at):
        seen = honest(shop, order, at)
        agreements.change(shop, order)
        return seen

    patch.setattr(agreements, "preview", preview)


BROKEN = {
    "forgets keys": (forgets_keys, "money_is_taken_once_for_a_key"),
    "repeats a decline": (repeats_a_decline, "what_was_declined_is_declined_again"),
    "tells unpaid payments": (tells_unpaid_payments, "a_payment_waits_for_its_customer"),
    "loses archived prices": (loses_archived_prices, "all_prices_are_listed_once"),
    "changes in a preview": (changes_in_a_preview, "a_preview_changes_nothing"),
}


def check(name):
    """Run one claim of the contract on a new gateway, as pytest would."""
    method = getattr(PaymentProviderContract(), f"test_{name}")
    clock = FixedClock()
    gateway = MemoryGateway(clock)
    fixtures = {"provider": gateway, "world": MemoryWorld(gateway, clock), "source": gateway}
    method(**{one: fixtures[one] for one in inspect.signature(method).parameters})


@pytest.mark.parametrize(("break_it", "claim"), BROKEN.values(), ids=BROKEN)
def test_the_contract_notices_a_provider_that(break_it, claim, monkeypatch):
    check(claim)
    break_it(monkeypatch)

    with pytest.raises(NOTICED):
        check(claim)
