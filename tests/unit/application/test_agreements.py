"""Agreements: subscriptions as an account begins, changes, pauses and ends them."""

import pytest

from billing_core.domain.money import Money
from billing_core.domain.orders import (
    CancelSubscription,
    ChangePlan,
    CreateSubscription,
    KeepSubscription,
    PauseSubscription,
    Placed,
    Preview,
    ResumeSubscription,
)
from billing_core.domain.subscriptions import Status
from billing_core.errors import Invalid, KeyReused, NotForSale, ProviderRefused, UnknownPrice, UnknownSubscription


@pytest.fixture
def selling(selling):
    """Open a shop with a second plan, and a pack that is paid once."""
    selling.receive(selling.product("prod_max"), selling.price("price_max", "prod_max", cents=1900))
    selling.receive(selling.product("prod_pack", credit_type="payg"))
    selling.receive(selling.price("price_pack", "prod_pack", recurring=None))
    return selling


@pytest.fixture
def subscriptions(selling):
    return selling.billing.subscriptions


def ordered(shop):
    return [order for order, _ in shop.gateway.asked]


def begun(shop, subscription="sub_2", status=Status.INCOMPLETE, **rest):
    news = shop.subscription(status, account="acme", id=subscription, day=1, **rest)
    return Placed(id=subscription, status=status, secret="secret", subscription=subscription, news=(news,))


def status_of(shop, subscription):
    return {one.id: one.status for one in shop.billing.subscriptions.of("acme")}[subscription]


# Begun --------------------------------------------------------------------------------------------------------------------


def test_a_subscription_begins_and_is_known_at_once(subscriptions, selling):
    selling.gateway.answers = [begun(selling)]

    placed = subscriptions.create("acme", "price_pro", 3, trial_days=14, coupon="HALF")

    assert placed.secret == "secret"
    assert ordered(selling) == [
        CreateSubscription(
            customer="cus_1",
            price="price_pro",
            quantity=3,
            trial_days=14,
            coupon="HALF",
            metadata={"billing_account": "acme"},
        )
    ]
    assert status_of(selling, "sub_2") is Status.INCOMPLETE


def test_an_account_may_have_several(subscriptions, selling):
    selling.gateway.answers = [begun(selling, "sub_2"), begun(selling, "sub_3")]

    subscriptions.create("acme", "price_pro")
    subscriptions.create("acme", "price_max")

    assert [one.id for one in subscriptions.of("acme")] == ["sub_1", "sub_2", "sub_3"]


def test_the_webhook_that_tells_of_it_later_changes_nothing(subscriptions, selling):
    selling.gateway.answers = [begun(selling)]
    subscriptions.create("acme", "price_pro")
    before = subscriptions.of("acme")

    selling.receive(*begun(selling).news)

    assert subscriptions.of("acme") == before


@pytest.mark.parametrize(
    ("price", "refusal"), [("price_none", UnknownPrice), ("price_pack", NotForSale)], ids=["unknown", "paid once"]
)
def test_nobody_can_subscribe_to_anything_else(subscriptions, selling, price, refusal):
    with pytest.raises(refusal):
        subscriptions.create("acme", price)

    assert selling.gateway.asked == []


@pytest.mark.parametrize("days", [0, 731, 1.5])
def test_a_trial_has_from_one_day_to_two_years(subscriptions, selling, days):
    with pytest.raises(Invalid, match="trial_days"):
        subscriptions.create("acme", "price_pro", trial_days=days)

    assert selling.gateway.asked == []


# Changed ------------------------------------------------------------------------------------------------------------------


def test_another_plan_takes_the_place_of_the_only_one(subscriptions, selling):
    changed = selling.subscription(prices=("price_max",), day=1, left=("price_pro",))
    selling.gateway.answers = [Placed(id="sub_1", subscription="sub_1", news=(changed,))]

    subscriptions.change("acme", "sub_1", "price_max", 2)

    assert ordered(selling) == [ChangePlan(subscription="sub_1", item="si_price_pro", price="price_max", quantity=2)]
    assert [item.price for item in subscriptions.of("acme")[0].items] == ["price_max"]


def test_of_several_plans_the_one_to_leave_is_named(subscriptions, selling):
    selling.receive(selling.subscription(prices=("price_pro", "price_max"), day=1))
    selling.gateway.answers = [Placed(id="sub_1")]

    with pytest.raises(Invalid, match="price_pro, price_max"):
        subscriptions.change("acme", "sub_1", "price_pro", 2)
    subscriptions.change("acme", "sub_1", "price_pro", 2, instead_of="price_max", proration="none")

    (order,) = ordered(selling)
    assert (order.item, order.price, order.quantity, order.proration) == ("si_price_max", "price_pro", 2, "none")


def test_a_plan_that_it_does_not_have_cannot_be_left(subscriptions):
    with pytest.raises(Invalid, match="must be the price of one item"):
        subscriptions.change("acme", "sub_1", "price_pro", instead_of="price_max")


def test_a_subscription_without_items_has_nothing_to_change(subscriptions, selling):
    selling.receive(selling.subscription(prices=(), day=1))

    with pytest.raises(Invalid, match="it has none"):
        subscriptions.change("acme", "sub_1", "price_pro")


def test_a_subscription_that_has_ended_cannot_be_changed(subscriptions, selling):
    selling.receive(selling.subscription(Status.CANCELED, day=1))

    with pytest.raises(NotForSale, match="has ended"):
        subscriptions.change("acme", "sub_1", "price_max")


def test_a_proration_that_nobody_knows_is_refused(subscriptions):
    with pytest.raises(Invalid, match="proration"):
        subscriptions.change("acme", "sub_1", "price_max", proration="half")


def test_a_preview_asks_what_the_change_would_cost_and_orders_nothing(subscriptions, selling):
    preview = Preview(due=Money(700, "usd"), at=selling.clock.now())
    told = []
    selling.gateway.answers = [lambda *asked: told.append(asked) or preview]

    assert subscriptions.preview("acme", "sub_1", "price_max", 2) == preview
    change = ChangePlan(subscription="sub_1", item="si_price_pro", price="price_max", quantity=2)
    assert told == [(change, selling.clock.now())]
    assert ordered(selling) == []


def test_a_preview_refuses_what_the_change_would(subscriptions):
    with pytest.raises(UnknownSubscription):
        subscriptions.preview("acme", "sub_9", "price_max")


# Paused and ended ---------------------------------------------------------------------------------------------------------

ORDERS = {
    "pause": ({}, PauseSubscription(subscription="sub_1")),
    "resume": ({}, ResumeSubscription(subscription="sub_1")),
    "keep": ({}, KeepSubscription(subscription="sub_1")),
    "cancel": ({}, CancelSubscription(subscription="sub_1", at_period_end=True)),
    "cancel now": ({"now": True}, CancelSubscription(subscription="sub_1", at_period_end=False)),
}


@pytest.mark.parametrize("what", ORDERS)
def test_what_is_ordered_is_known_at_once(subscriptions, selling, what):
    said, order = ORDERS[what]
    news = selling.subscription(Status.CANCELED if said else Status.ACTIVE, cancel_at_period_end=what == "cancel", day=1)
    selling.gateway.answers = [Placed(id="sub_1", subscription="sub_1", news=(news,))]

    getattr(subscriptions, what.split()[0])("acme", "sub_1", **said)

    (known,) = subscriptions.of("acme")
    assert ordered(selling) == [order]
    assert known.content == news.subscription.value.content


@pytest.mark.parametrize("what", ["pause", "resume", "keep", "cancel"])
def test_nobody_orders_for_another_accounts_subscription(subscriptions, selling, what):
    selling.receive(selling.customer("cus_2", "globex"))

    with pytest.raises(UnknownSubscription):
        getattr(subscriptions, what)("globex", "sub_1")

    assert selling.gateway.asked == []


def test_what_the_provider_refuses_changes_nothing(subscriptions, selling):
    selling.gateway.answers = [ProviderRefused("subscription_canceled", "It was canceled.")]
    before = subscriptions.of("acme")

    with pytest.raises(ProviderRefused):
        subscriptions.pause("acme", "sub_1")

    assert subscriptions.of("acme") == before


def test_to_cancel_now_is_something_else_than_to_cancel_later(subscriptions, selling):
    selling.gateway.answers = [Placed(id="sub_1")]
    subscriptions.cancel("acme", "sub_1", key="bye")

    with pytest.raises(KeyReused):
        subscriptions.cancel("acme", "sub_1", now=True, key="bye")
