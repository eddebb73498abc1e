"""Plan changes: unused credits of the plan that was left go on as pay-as-you-go, in whatever order the news comes."""

from itertools import permutations

import pytest


@pytest.fixture
def open_plans(open_shop):
    """Open shops that sell two plans, and know to whom."""

    def opened(today):
        shop = open_shop(today)
        shop.receive(shop.customer())
        shop.receive(shop.product("prod_basic", amount="30"))
        shop.receive(shop.product("prod_pro", amount="100"))
        shop.receive(shop.price("price_basic", "prod_basic"))
        shop.receive(shop.price("price_pro", "prod_pro"))
        shop.receive(shop.subscription(prices=["price_basic"], day=-1))
        return shop

    return opened


def basic(shop, day=0, invoice="in_basic"):
    """Return the paid invoice of the old plan."""
    return shop.invoice(invoice, shop.line(price="price_basic", product="prod_basic", start=day), day=day)


def to_pro(shop, day=10):
    """Return the news that the subscription went from the old plan to the new one."""
    return shop.subscription(prices=["price_pro"], day=day, left=["price_basic"])


def pro(shop, day=10):
    """Return the paid invoice of the change, with the proration of both plans."""
    unused = shop.line("il_unused", "price_basic", "prod_basic", -600, proration=True)
    return shop.invoice("in_pro", unused, shop.line("il_new"), day=day, reason="subscription_update")


def test_a_change_of_plan_keeps_what_was_unused_and_grants_the_new_plan_at_once(open_plans):
    shop = open_plans(today=10)
    shop.receive(basic(shop))
    shop.billing.credits.spend("acme", 12)

    shop.receive(to_pro(shop))
    shop.receive(pro(shop))

    assert shop.balance() == {"payg": 18, "subscription": 100}


@pytest.mark.parametrize("order", [*permutations(["basic", "change", "pro"])])
def test_the_order_of_the_news_makes_no_difference(open_plans, order):
    shop = open_plans(today=11)
    news = {"basic": basic(shop), "change": to_pro(shop), "pro": pro(shop)}

    for name in order:
        shop.receive(news[name])

    assert shop.balance() == {"payg": 30, "subscription": 100}
    assert shop.ledger().books.issued == -130


@pytest.mark.parametrize("order", [*permutations(["basic", "change", "pro"])])
def test_a_change_that_is_told_after_the_old_plan_expired_brings_its_credits_back(open_plans, order):
    shop = open_plans(today=60)
    news = {"basic": basic(shop), "change": to_pro(shop), "pro": pro(shop)}

    for name in order:
        shop.receive(news[name])

    assert shop.balance() == {"payg": 30}
    assert (shop.ledger().books.issued, shop.ledger().books.expired) == (-130, 100)


def test_what_was_paid_late_for_a_period_that_was_left_is_converted_when_it_is_paid(open_plans):
    shop = open_plans(today=20)
    begun = shop.line(price="price_basic", product="prod_basic", start=0)

    shop.receive(to_pro(shop, day=10))
    shop.receive(shop.invoice("in_late", begun, day=15))

    assert shop.balance() == {"payg": 30}


def test_a_period_that_began_after_the_change_is_not_converted(open_plans):
    shop = open_plans(today=20)

    shop.receive(to_pro(shop, day=10))
    shop.receive(basic(shop, day=15))

    assert shop.balance() == {"subscription": 30}


def test_a_change_that_is_told_twice_converts_once(open_plans):
    shop = open_plans(today=11)
    shop.receive(basic(shop))

    shop.receive(to_pro(shop))
    shop.receive(to_pro(shop))

    assert shop.balance() == {"payg": 30}
    assert len(shop.told("credits.converted")) == 1


def test_another_quantity_of_the_same_plan_converts_nothing(open_plans):
    shop = open_plans(today=11)
    shop.receive(basic(shop))

    shop.receive(shop.subscription(prices=["price_basic"], day=10))

    assert shop.balance() == {"subscription": 30}


def test_a_plan_without_credits_leaves_nothing_to_convert(open_plans):
    shop = open_plans(today=11)
    shop.receive(shop.product("prod_basic", amount=None, day=1))
    shop.receive(basic(shop))

    shop.receive(to_pro(shop))

    assert shop.balance() == {}
    assert shop.told("credits.converted") == []


def test_every_change_on_the_way_converts_what_it_left(open_plans):
    shop = open_plans(today=25)
    shop.receive(basic(shop))
    shop.receive(shop.invoice("in_pro", day=10))

    shop.receive(shop.subscription(prices=["price_max"], day=20, left=["price_pro"]))
    shop.receive(to_pro(shop, day=10))

    assert shop.balance() == {"payg": 130}


def test_a_change_of_somebody_whom_nobody_knows_converts_nothing_and_breaks_nothing(shop):
    shop.receive(shop.product("prod_basic", amount=None))
    shop.receive(shop.invoice("in_basic", shop.line(price="price_basic", product="prod_basic")))

    shop.receive(to_pro(shop, day=1))

    assert [one.name for one in shop.told()] == ["subscription.changed"]


def changes(shop):
    """Return two changes that leave the same plan, one before and one after its credits have expired."""
    early = shop.subscription(prices=["price_pro"], day=10, left=["price_basic"])
    late = shop.subscription(prices=["price_pro"], day=50, left=["price_basic"])
    return {"early": early, "late": late}


def test_the_first_of_two_changes_converts_when_it_comes_first(open_plans):
    shop = open_plans(today=60)
    shop.receive(basic(shop))

    for name in ("early", "late"):
        shop.receive(changes(shop)[name])

    assert shop.balance() == {"payg": 30}


def test_the_first_of_two_changes_converts_when_it_comes_last(open_plans):
    shop = open_plans(today=60)
    shop.receive(basic(shop))

    for name in ("late", "early"):
        shop.receive(changes(shop)[name])

    assert shop.balance() == {"payg": 30}


def test_a_customer_that_went_to_another_account_leaves_its_credits_behind(open_plans):
    shop = open_plans(today=11)
    shop.receive(basic(shop))
    shop.receive(shop.customer(account="globex", day=5))

    shop.receive(to_pro(shop))

    assert shop.balance("acme") == {"payg": 30}
