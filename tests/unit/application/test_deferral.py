"""Deferral: what cannot be applied yet waits by name, and is applied when what it waits for arrives."""

import pytest

from billing_adapters.memory.inbox import MemoryInbox
from billing_core.domain.webhooks import AlreadyApplied, Applied, Deferred, Failed
from billing_core.errors import StoreUnavailable


def without(shop, absent):
    """Let the provider tell everything that an invoice needs but one thing, and return the news of that one."""
    news = {
        "product:prod_pro": shop.product(),
        "customer:cus_1": shop.customer(),
        "price:price_pro": shop.price(),
        "subscription:sub_1": shop.subscription(),
    }
    for name, command in news.items():
        if name != absent:
            shop.receive(command)
    return news[absent]


@pytest.mark.parametrize("absent", ["product:prod_pro", "price:price_pro", "subscription:sub_1", "customer:cus_1"])
def test_an_invoice_waits_for_what_was_bought_and_by_whom(shop, absent):
    late = without(shop, absent)

    outcome = shop.receive(shop.invoice(), id="evt_a")

    assert isinstance(outcome, Deferred)
    assert outcome.until[0] == absent
    assert shop.balance() == {}
    assert shop.receive(late) == Applied("evt_5")
    assert shop.state("evt_a") == "applied"
    assert shop.balance() == {"subscription": 100}


def test_an_account_that_cannot_be_is_waited_for_until_it_is_mended(shop):
    without(shop, "customer:cus_1")
    shop.receive(shop.customer(account="acme\n"))
    shop.receive(shop.invoice(), id="evt_a")

    shop.receive(shop.customer(account="acme", day=1))

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
    for known in (shop.customer(), shop.price(), shop.subscription()):
        shop.receive(known)
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


def test_one_delivery_counts_as_one_look(shop):
    shop.receive(shop.invoice(), id="evt_a")

    assert shop.billing.webhooks.get("evt_a").attempts == 1


def test_what_comes_one_by_one_between_looks_and_notes_is_seen_in_the_end(shop):
    for known in (shop.price(), shop.subscription()):
        shop.receive(known)
    shop.store.meanwhile += [None, lambda: shop.receive(shop.product())]
    shop.store.meanwhile += [None] * 2 + [lambda: shop.receive(shop.customer())]

    shop.receive(shop.invoice(), id="evt_a")

    assert shop.state("evt_a") == "applied"
    assert shop.balance() == {"subscription": 100}


def test_who_was_stopped_before_looking_at_the_others_does_so_when_it_is_told_again(shop, monkeypatch):
    for known in (shop.product(), shop.price(), shop.subscription()):
        shop.receive(known)
    shop.receive(shop.invoice(), id="evt_a")
    body = shop.prepare(shop.customer())
    with monkeypatch.context() as stopped:
        stopped.setattr(MemoryInbox, "waiting_for", _gone)
        with pytest.raises(StoreUnavailable):
            shop.billing.webhooks.receive(body, {"signature": "genuine"})

    assert isinstance(shop.billing.webhooks.receive(body, {"signature": "genuine"}), AlreadyApplied)
    assert shop.state("evt_a") == "applied"


def _gone(*_):
    raise StoreUnavailable("OperationalError")


# Nobody to wait for -------------------------------------------------------------------------------------------------------


def test_a_purchase_that_names_nobody_is_shown_to_a_person(shop):
    outcome = shop.receive(shop.payment(customer=None), id="evt_a")

    assert isinstance(outcome, Failed)
    assert outcome.dead
    assert "named neither by the payment nor by a customer" in outcome.reason


def test_an_invoice_without_a_customer_waits_for_its_subscription(shop):
    shop.receive(shop.product())
    shop.receive(shop.price())
    shop.receive(shop.invoice(customer=None), id="evt_a")

    shop.receive(shop.subscription(account="acme"))

    assert shop.state("evt_a") == "applied"
    assert shop.balance() == {"subscription": 100}


def test_an_invoice_without_a_customer_waits_for_its_subscription_to_say_whose_it_is(shop):
    for known in (shop.product(), shop.price(), shop.subscription()):
        shop.receive(known)

    assert shop.receive(shop.invoice(customer=None), id="evt_a") == Deferred("evt_a", ("subscription:sub_1",))


def test_an_invoice_of_no_subscription_and_nobody_is_shown_to_a_person(shop):
    for known in (shop.product(), shop.price()):
        shop.receive(known)

    outcome = shop.receive(shop.invoice(customer=None, subscription=None), id="evt_a")

    assert isinstance(outcome, Failed)
    assert outcome.dead


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
