"""Mirroring: one more snapshot of an object, whatever came before it."""

from billing_core.domain.mirrors import Phase
from billing_core.domain.subscriptions import Status


def test_an_old_snapshot_changes_nothing(shop):
    shop.receive(shop.product(name="New", day=1))
    shop.receive(shop.product(name="Old", day=0))

    assert shop.billing.catalog.product("prod_pro").name == "New"


def test_what_was_deleted_stays_deleted(shop):
    shop.receive(shop.product(deleted=True, phase=Phase.DELETED))
    shop.receive(shop.product(day=1))

    assert shop.billing.catalog.products() == []


def test_snapshots_that_nothing_can_order_are_settled_and_told_onward(open_shop):
    names = set()
    for first, second in ("AB", "BA"):
        shop = open_shop()
        shop.receive(shop.product(name=first))
        shop.receive(shop.product(name=second))
        names.add(shop.billing.catalog.product("prod_pro").name)

        assert [(one.name, one.subject) for one in shop.told()] == [("mirror.tied", "product:prod_pro")]

    assert len(names) == 1


def test_the_same_snapshot_twice_is_no_tie(shop):
    shop.receive(shop.product())
    shop.receive(shop.product())

    assert shop.told() == []


def test_two_plan_changes_of_one_second_are_no_tie(shop):
    shop.receive(shop.subscription(left=["price_a"]))
    shop.receive(shop.subscription(left=["price_b"]))

    assert shop.told("mirror.tied") == []


def test_a_snapshot_that_tells_nothing_new_is_not_written_again(shop):
    shop.receive(shop.product())
    shop.receive(shop.product())

    with shop.store.view() as unit:
        assert unit.products.get(["prod_pro"])["prod_pro"].version == 1


# Subscriptions ------------------------------------------------------------------------------------------------------------


def test_a_subscription_that_changed_is_told_onward_with_what_it_was(shop):
    shop.receive(shop.subscription(Status.TRIALING, account="acme"))
    shop.receive(shop.subscription(Status.ACTIVE, day=1, account="acme"))

    first, second = shop.told()
    assert (first.name, first.subject, first.account) == ("subscription.changed", "subscription:sub_1", "acme")
    assert dict(first.data) == {"status": "trialing"}
    assert dict(second.data) == {"status": "active", "status_before": "trialing"}
    assert second.occurred_at == shop.day(1)


def test_a_subscription_that_stayed_as_it_was_is_not(shop):
    shop.receive(shop.subscription(Status.CANCELED))
    shop.receive(shop.subscription(Status.ACTIVE, day=1))

    assert [one.data["status"] for one in shop.told()] == ["canceled"]
