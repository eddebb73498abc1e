"""The catalog: what is sold, and what is wrong with how it is described."""

import pytest

from billing_core.domain.mirrors import Phase
from billing_core.errors import UnknownProduct


def test_products_are_listed_by_id_archived_ones_too_but_not_deleted_ones(shop):
    shop.receive(shop.product("prod_b"))
    shop.receive(shop.product("prod_a", active=False))
    shop.receive(shop.product("prod_c", deleted=True, phase=Phase.DELETED))

    assert [one.id for one in shop.billing.catalog.products()] == ["prod_a", "prod_b"]


def test_a_product_can_be_looked_at_also_after_it_was_deleted(shop):
    shop.receive(shop.product(deleted=True, phase=Phase.DELETED))

    assert shop.billing.catalog.product("prod_pro").deleted


def test_a_product_that_was_never_heard_of_is_unknown(shop):
    with pytest.raises(UnknownProduct) as refusal:
        shop.billing.catalog.product("prod_pro")

    assert refusal.value.product == "prod_pro"


def test_prices_are_listed_by_id_but_not_deleted_ones(shop):
    shop.receive(shop.price("price_b"))
    shop.receive(shop.price("price_a", active=False))
    shop.receive(shop.price("price_c", deleted=True))
    shop.receive(shop.price("price_d", product="prod_other"))

    assert [one.id for one in shop.billing.catalog.prices("prod_pro")] == ["price_a", "price_b"]


def test_every_problem_of_every_product_is_explained(shop):
    shop.receive(shop.product("prod_a", amount="-5"))
    shop.receive(shop.product("prod_b", metadata={"plan_teir": "pro"}))
    shop.receive(shop.product("prod_c"))
    shop.receive(shop.price("price_c", product="prod_c", recurring=None))

    problems = [(one.product, one.field, one.severity.value) for one in shop.billing.catalog.problems()]

    assert problems == [
        ("prod_a", "credit_amount", "error"),
        ("prod_b", "plan_teir", "warning"),
        ("prod_c", "price", "error"),
    ]


def test_deleted_products_have_no_problems(shop):
    shop.receive(shop.product(amount="-5", deleted=True, phase=Phase.DELETED))

    assert shop.billing.catalog.problems() == []


def test_a_product_that_does_not_say_what_it_grants_is_told_onward(shop):
    shop.receive(shop.product(amount="-5", credit_type="monthly"))

    (event,) = shop.told()
    assert (event.name, event.subject) == ("product.quarantined", "product:prod_pro")
    assert event.data["problems"].startswith("credit_amount '-5' is negative")
    assert "; credit_type 'monthly' is unknown" in event.data["problems"]


def test_it_is_told_once_for_one_mistake(shop):
    shop.receive(shop.product(amount="-5"))
    shop.receive(shop.product(amount="-5"))

    assert len(shop.told()) == 1


@pytest.mark.parametrize("good", [{}, {"metadata": {"plan_teir": "pro"}}])
def test_a_product_that_says_what_it_grants_is_not(shop, good):
    shop.receive(shop.product(**good))

    assert shop.told() == []


def test_one_bad_product_does_not_hold_up_the_others(shop):
    shop.receive(shop.product("prod_a", amount="bad"), shop.product("prod_b"))

    assert [one.id for one in shop.billing.catalog.products()] == ["prod_a", "prod_b"]
