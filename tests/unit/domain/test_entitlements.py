"""Entitlements: what live subscriptions add up to."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from billing_core.domain.entitlements import Entitlements, derive
from billing_core.domain.products import CreditTerms
from billing_core.domain.subscriptions import LIVE, Status, Subscription, SubscriptionItem

THEN = datetime(2026, 1, 1, tzinfo=UTC)
BASIC = CreditTerms(feature_flags=("api",), plan_tier="basic")
PRO = CreditTerms(feature_flags=("api", "sso"), plan_tier="pro")
ADDON = CreditTerms(feature_flags=("export",))
TERMS = {"price_basic": BASIC, "price_pro": PRO, "price_addon": ADDON}


def subscription(sub_id, *prices, status=Status.ACTIVE, started_at=THEN):
    items = tuple(SubscriptionItem(f"si_{price}", price) for price in prices)
    return Subscription(sub_id, status, "cus_1", items=items, started_at=started_at)


def test_no_subscription_entitles_to_nothing():
    assert derive("acme", [], TERMS) == Entitlements("acme")


def test_a_live_subscription_entitles_to_what_its_prices_say():
    entitled = derive("acme", [subscription("sub_1", "price_pro")], TERMS)

    assert entitled == Entitlements("acme", "pro", frozenset({"api", "sso"}), ("sub_1",))


@pytest.mark.parametrize("status", sorted(set(Status) - LIVE))
def test_a_subscription_that_is_not_live_entitles_to_nothing(status):
    assert derive("acme", [subscription("sub_1", "price_pro", status=status)], TERMS) == Entitlements("acme")


def test_flags_of_all_subscriptions_add_up():
    entitled = derive("acme", [subscription("sub_1", "price_basic"), subscription("sub_2", "price_addon")], TERMS)

    assert entitled.feature_flags == {"api", "export"}


def test_the_tier_is_that_of_the_subscription_that_started_last_in_whatever_order_they_come():
    three = [
        subscription("sub_1", "price_pro", started_at=THEN + timedelta(days=1)),
        subscription("sub_2", "price_basic", started_at=THEN),
        subscription("sub_3", "price_basic", started_at=None),
    ]

    assert {derive("acme", order, TERMS) for order in permutations(three)} == {
        Entitlements("acme", "pro", frozenset({"api", "sso"}), ("sub_3", "sub_2", "sub_1"))
    }


def test_a_later_subscription_without_a_tier_takes_none_away():
    later = subscription("sub_2", "price_addon", started_at=THEN + timedelta(days=1))

    assert derive("acme", [subscription("sub_1", "price_pro"), later], TERMS).plan_tier == "pro"


def test_a_price_whose_terms_are_not_known_entitles_to_nothing():
    entitled = derive("acme", [subscription("sub_1", "price_unheard_of")], TERMS)

    assert entitled == Entitlements("acme", subscriptions=("sub_1",))


def test_a_feature_is_allowed_if_its_flag_is_on():
    entitled = Entitlements("acme", feature_flags=frozenset({"api"}))

    assert (entitled.allows("api"), entitled.allows("sso")) == (True, False)
