"""Deferral: what cannot be applied yet waits by name, and is applied when what it waits for arrives."""

import pytest

from billing_core.domain.webhooks import Applied, Deferred, Failed


def without(shop, absent):
    """Let the provider tell everything that an invoice needs but one thing, and return the news of that one."""
    news = {"product:prod_pro": shop.product(), "customer:cus_1": shop.customer(), "price:price_pro": shop.price()}
    for name, command in news.items():
        if name != absent:
            shop.receive(command)
    return news[absent]


@pytest.mark.parametrize("absent", ["product:prod_pro", "price:price_pro"])
def test_an_invoice_waits_for_what_was_bought(shop, absent):
    late = without(shop, absent)
    free = shop.line(cents=0)

    assert shop.receive(shop.invoice("in_1", free), id="evt_a") == Deferred("evt_a", (absent,))
    assert shop.balance() == {}
    assert shop.receive(late) == Applied("evt_4")
    assert shop.state("evt_a") == "applied"


def test_an_invoice_waits_for_its_customer_or_its_subscription_to_say_whose_it_is(shop):
    without(shop, "customer:cus_1")

    assert shop.receive(shop.invoice(), id="evt_a") == Deferred("evt_a", ("customer:cus_1", "subscription:sub_1"))


def test_the_customer_releases_it(shop):
    late = without(shop, "customer:cus_1")
    shop.receive(shop.invoice(), id="evt_a")

    shop.receive(late)

    assert shop.state("evt_a") == "applied"
    assert shop.balance() == {"subscription": 100}


def test_the_subscription_releases_it(shop):
    without(shop, "customer:cus_1")
    shop.receive(shop.invoice(), id="evt_a")

    shop.receive(shop.subscription(account="acme"))

    assert shop.state("evt_a") == "applied"
    assert shop.balance() == {"subscription": 100}


def test_the_application_releases_it_by_saying_whose_the_customer_is(shop):
    without(shop, "customer:cus_1")
    shop.receive(shop.invoice(), id="evt_a")

    shop.billing.customers.link("acme", "cus_1")

    assert shop.state("evt_a") == "applied"
    assert shop.balance() == {"subscription": 100}


def test_a_customer_that_belongs_to_nobody_yet_releases_nothing(shop):
    without(shop, "customer:cus_1")
    shop.receive(shop.invoice(), id="evt_a")

    shop.receive(shop.customer(account=None))

    assert shop.state("evt_a") == "deferred"


def test_a_payment_waits_for_its_customer(shop):
    assert shop.receive(shop.payment(), id="evt_a") == Deferred("evt_a", ("customer:cus_1",))

    shop.receive(shop.customer())

    assert shop.balance() == {"payg": 50}


def test_several_products_are_waited_for_at_once(shop):
    lines = shop.line("il_1", product="prod_b"), shop.line("il_2", product="prod_a")

    outcome = shop.receive(shop.invoice("in_1", *lines), id="evt_a")

    assert outcome == Deferred("evt_a", ("product:prod_a", "product:prod_b"))


def test_one_that_comes_alone_leaves_it_waiting_for_the_other(shop):
    lines = shop.line("il_1", product="prod_b"), shop.line("il_2", product="prod_a")
    shop.receive(shop.invoice("in_1", *lines), id="evt_a")

    shop.receive(shop.product("prod_a"))

    assert shop.billing.webhooks.get("evt_a").waiting_for == ("product:prod_b",)


def test_nothing_of_a_deferred_event_is_kept_but_the_event(shop):
    shop.receive(shop.product())

    shop.receive(shop.invoice(), id="evt_a")

    with shop.store.view() as unit:
        assert unit.payments.invoices_of("sub_1") == []
    assert shop.told() == []


def test_everything_that_waited_is_applied_in_the_order_in_which_it_happened(shop):
    shop.receive(shop.customer())
    shop.receive(shop.invoice("in_2", day=1), occurred_at=shop.day(1))
    shop.receive(shop.invoice("in_1", day=0), occurred_at=shop.day(0))

    shop.receive(shop.product())

    granted = [one.data["source"] for one in shop.told("credits.granted")]
    assert granted == ["invoice:in_1:line:il_1", "invoice:in_2:line:il_1"]


def test_one_that_breaks_does_not_hold_up_the_others(shop):
    shop.receive(shop.customer(account=None))
    shop.receive(shop.payment("pi_1", amount="many"), id="evt_a")
    shop.receive(shop.payment("pi_2"), id="evt_b")

    shop.receive(shop.customer(account="acme", day=1))

    assert (shop.state("evt_a"), shop.state("evt_b")) == ("dead", "applied")
    assert shop.balance() == {"payg": 50}


# Quarantine ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [{"amount": "1,000"}, {"credit_type": "monthly"}, {"credit_type": "payg"}])
def test_a_purchase_of_a_product_that_does_not_say_what_it_grants_waits_for_the_product(selling, bad):
    selling.receive(selling.product(**bad, day=1))

    assert selling.receive(selling.invoice(day=1), id="evt_a") == Deferred("evt_a", ("product:prod_pro",))
    assert selling.balance() == {}


def test_the_mended_product_releases_it(selling):
    selling.receive(selling.product(amount="1,000", day=1))
    selling.receive(selling.invoice(), id="evt_a")

    selling.receive(selling.product(amount="1000", day=2))

    assert selling.state("evt_a") == "applied"
    assert selling.balance() == {"subscription": 1000}


def test_a_product_that_is_mended_badly_does_not(selling):
    selling.receive(selling.product(amount="1,000", day=1))
    selling.receive(selling.invoice(), id="evt_a")

    selling.receive(selling.product(amount="1.000", day=2))

    assert selling.state("evt_a") == "deferred"


# Nobody to wait for -------------------------------------------------------------------------------------------------------


def test_a_purchase_that_names_nobody_is_shown_to_a_person(shop):
    outcome = shop.receive(shop.payment(customer=None), id="evt_a")

    assert isinstance(outcome, Failed)
    assert outcome.dead
    assert "named neither by the payment nor by a customer" in outcome.reason


def test_an_invoice_without_a_customer_waits_for_its_subscription(shop):
    shop.receive(shop.product())
    shop.receive(shop.invoice(customer=None), id="evt_a")

    shop.receive(shop.subscription(account="acme"))

    assert shop.state("evt_a") == "applied"
    assert shop.balance() == {"subscription": 100}


# Half an invoice ----------------------------------------------------------------------------------------------------------


def test_an_invoice_with_more_lines_than_its_news_could_carry_is_not_granted_by_halves(selling):
    outcome = selling.receive(selling.invoice(partial=True), id="evt_a")

    assert outcome == Deferred("evt_a", ("invoice:in_1",))
    assert selling.balance() == {}


def test_half_an_invoice_that_cannot_grant_anything_waits_for_nothing(selling):
    assert selling.receive(selling.invoice(partial=True, reason="manual"), id="evt_a") == Applied("evt_a")


def test_the_whole_invoice_releases_the_half(selling):
    selling.receive(selling.invoice(partial=True), id="evt_a")

    selling.receive(selling.invoice())
    selling.billing.webhooks.replay("evt_a")

    assert selling.state("evt_a") == "applied"
    assert selling.balance() == {"subscription": 100}
