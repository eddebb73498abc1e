"""Subscriptions and entitlements of an account."""

from billing_core.domain.entitlements import Entitlements
from billing_core.domain.subscriptions import Status, SubscriptionItem

PRO = {"plan_tier": "pro", "feature_flags": "api,sso"}


def ids(shop, account="acme"):
    return [one.id for one in shop.billing.subscriptions.of(account)]


def test_a_subscription_belongs_to_the_account_that_it_names(shop):
    shop.receive(shop.subscription(account="acme"))

    assert (ids(shop), ids(shop, "globex")) == (["sub_1"], [])


def test_a_subscription_that_names_nobody_belongs_to_its_customers_account(shop):
    shop.receive(shop.subscription())
    shop.receive(shop.customer())

    assert ids(shop) == ["sub_1"]


def test_a_subscription_belongs_to_the_account_that_it_names_and_not_to_its_customers(shop):
    shop.receive(shop.customer(account="acme"))
    shop.receive(shop.subscription(account="globex"))

    assert (ids(shop), ids(shop, "globex")) == ([], ["sub_1"])


def test_subscriptions_are_listed_by_id_ended_ones_too(shop):
    shop.receive(shop.customer())
    shop.receive(shop.subscription(id="sub_2"))
    shop.receive(shop.subscription(Status.CANCELED, id="sub_3", account="acme"))
    shop.receive(shop.subscription(id="sub_1", account="acme"))

    assert ids(shop) == ["sub_1", "sub_2", "sub_3"]


# Entitlements -------------------------------------------------------------------------------------------------------------


def test_nobody_is_entitled_to_anything(shop):
    assert shop.billing.entitlements.of("acme") == Entitlements("acme")


def test_a_live_subscription_entitles_to_what_its_product_says(selling):
    selling.receive(selling.product(metadata=PRO, day=1))
    selling.receive(selling.subscription())

    assert selling.billing.entitlements.of("acme") == Entitlements("acme", "pro", frozenset({"api", "sso"}), ("sub_1",))


def test_an_item_may_name_its_product_itself(shop):
    shop.receive(shop.product(metadata=PRO))
    item = SubscriptionItem("si_1", "price_unheard_of", product="prod_pro")
    shop.receive(shop.subscription(account="acme", items=(item,)))

    assert shop.billing.entitlements.of("acme").plan_tier == "pro"


def test_a_subscription_that_ended_entitles_to_nothing_any_more(selling):
    selling.receive(selling.product(metadata=PRO, day=1))
    selling.receive(selling.subscription())

    selling.receive(selling.subscription(Status.CANCELED, day=1))

    assert selling.billing.entitlements.of("acme") == Entitlements("acme")


def test_a_product_or_price_that_is_not_known_yet_entitles_to_nothing(shop):
    shop.receive(shop.price("price_a", product="prod_unheard_of"))
    shop.receive(shop.subscription(prices=["price_a", "price_unheard_of"], account="acme"))

    assert shop.billing.entitlements.of("acme") == Entitlements("acme", subscriptions=("sub_1",))


def test_a_product_that_is_quarantined_for_its_credits_keeps_its_flags(selling):
    selling.receive(selling.product(amount="bad", metadata=PRO, day=1))
    selling.receive(selling.subscription())

    assert selling.billing.entitlements.of("acme").allows("sso")
