"""Payments: proven money grants once, whatever reports it and however often."""

import pytest

from billing_adapters.memory.payments import MemoryPayments
from billing_core.domain.payments import BillingReason
from billing_core.domain.subscriptions import Status
from billing_core.domain.webhooks import Applied
from billing_core.errors import Invalid


def test_a_pack_grants_its_frozen_credits_for_ever(selling):
    selling.receive(selling.payment(amount="50", quantity="3"))

    selling.clock.set(selling.day(5000))
    assert selling.balance() == {"payg": 150}


def test_a_pack_is_granted_to_the_account_that_it_names_itself(selling):
    selling.receive(selling.payment(account="globex"))

    assert (selling.balance("globex"), selling.balance("acme")) == ({"payg": 50}, {})


def test_what_an_account_bought_can_be_listed_whoever_named_it(selling):
    selling.receive(selling.payment("pi_2", day=1, account="acme"))
    selling.receive(selling.payment("pi_1"))

    assert [(one.id, one.account) for one in selling.billing.payments.of("acme")] == [("pi_1", "acme"), ("pi_2", "acme")]


def test_a_pack_that_names_its_account_needs_no_customer(shop):
    assert shop.receive(shop.payment(account="acme", customer=None)) == Applied("evt_1")
    assert shop.balance() == {"payg": 50}


def test_a_payment_that_bought_nothing_of_ours_is_kept_and_grants_nothing(shop):
    shop.receive(shop.payment(purchase=None, account="acme"))

    with shop.store.view() as unit:
        assert [one.id for one in unit.payments.payments_of("acme")] == ["pi_1"]
    assert shop.balance() == {}


def test_the_payment_of_an_invoice_grants_nothing_in_either_order(selling):
    selling.receive(selling.payment("pi_1", invoice="in_1"))
    selling.receive(selling.invoice("in_1"))
    selling.receive(selling.payment("pi_2", invoice="in_1", purchase=None))

    assert selling.balance() == {"subscription": 100}


def test_a_renewal_grants_credits_that_expire_with_the_period(selling):
    selling.receive(selling.invoice())

    selling.clock.set(selling.day(30))
    assert selling.balance() == {"subscription": 100}
    selling.clock.set(selling.day(31))
    assert selling.balance() == {}


def test_each_renewal_grants_again_and_nothing_rolls_over(selling):
    selling.receive(selling.invoice("in_1"))
    selling.clock.set(selling.day(32))
    selling.receive(selling.invoice("in_2", day=31))

    assert selling.balance() == {"subscription": 100}
    assert selling.ledger().books.expired == 100


def test_an_invoice_may_name_the_account_itself(shop):
    for known in (shop.product(), shop.price(), shop.subscription()):
        shop.receive(known)

    shop.receive(shop.invoice(account="globex"))

    assert shop.balance("globex") == {"subscription": 100}


@pytest.mark.parametrize("first", ["subscription", "invoice"])
def test_the_account_of_the_subscription_comes_before_that_of_the_customer_in_either_order(shop, first):
    for known in (shop.product(), shop.price(), shop.customer()):
        shop.receive(known)
    news = [shop.subscription(account="globex"), shop.invoice()]

    for one in news if first == "subscription" else reversed(news):
        shop.receive(one)

    assert (shop.balance("globex"), shop.balance("acme")) == ({"subscription": 100}, {})


def test_the_account_that_the_invoice_names_comes_before_both(selling):
    selling.receive(selling.subscription(account="globex"))

    selling.receive(selling.invoice(account="initech"))

    assert (selling.balance("initech"), selling.balance("acme")) == ({"subscription": 100}, {})


def test_a_trial_grants_nothing(selling):
    selling.receive(selling.subscription(Status.TRIALING))

    selling.receive(selling.invoice("in_1", selling.line(cents=0), reason=BillingReason.SUBSCRIPTION_CREATE))

    assert selling.balance() == {}


def test_a_free_price_grants(selling):
    selling.receive(selling.price(cents=0, day=1))

    selling.receive(selling.invoice("in_1", selling.line(cents=0)))

    assert selling.balance() == {"subscription": 100}


def test_an_invoice_that_was_not_written_for_a_subscription_grants_nothing(selling):
    selling.receive(selling.invoice(reason="manual"))

    assert selling.balance() == {}


def test_an_invoice_without_a_subscription_of_its_own_may_still_have_lines_of_one(selling):
    selling.receive(selling.invoice(subscription=None))

    assert selling.balance() == {"subscription": 100}


# Once ---------------------------------------------------------------------------------------------------------------------


def test_two_events_that_report_one_invoice_grant_once(selling):
    selling.receive(selling.invoice(), type="invoice.paid")
    selling.receive(selling.invoice(), type="invoice.payment_succeeded")

    assert selling.balance() == {"subscription": 100}
    assert len(selling.told("credits.granted")) == 1


def test_two_events_that_report_one_payment_grant_once(selling):
    selling.receive(selling.payment())

    assert selling.receive(selling.payment()) == Applied("evt_5")
    assert selling.balance() == {"payg": 50}


def test_a_product_that_is_edited_between_two_reports_of_the_same_money_changes_nothing(selling):
    selling.receive(selling.invoice())
    selling.receive(selling.product(amount="7", day=1))

    assert selling.receive(selling.invoice()) == Applied("evt_6")
    assert selling.balance() == {"subscription": 100}


def test_a_product_that_is_edited_changes_what_the_next_purchase_grants(selling):
    selling.receive(selling.invoice("in_1"))
    selling.receive(selling.product(amount="7", day=1))

    selling.receive(selling.invoice("in_2"))

    assert selling.balance() == {"subscription": 107}


def test_money_that_the_application_granted_by_hand_is_not_granted_again(selling):
    selling.billing.credits.grant("acme", 60, source="payment:pi_1")

    assert selling.receive(selling.payment()) == Applied("evt_4")
    assert selling.balance() == {"promotional": 60}


@pytest.mark.parametrize("key", ["payment:pi_1", "invoice:in_1:line:il_1", "convert:invoice:in_1:line:il_1"])
def test_the_keys_of_what_payments_bought_are_not_the_applications_to_use(selling, key):
    with pytest.raises(Invalid, match="key must not begin with payment: or invoice: or convert:"):
        selling.billing.credits.spend("acme", 0, key=key)
    with pytest.raises(Invalid, match="key must not begin with"):
        selling.billing.credits.grant("acme", 1, key=key)


# Time ---------------------------------------------------------------------------------------------------------------------


def test_news_that_comes_late_takes_effect_when_it_happened(selling):
    selling.clock.set(selling.day(40))

    selling.receive(selling.invoice("in_1", day=0))

    assert selling.balance() == {}
    assert (selling.ledger().books.issued, selling.ledger().books.expired) == (-100, 100)
    (granted,) = selling.told("credits.granted")
    assert granted.occurred_at == selling.day(0)


def test_a_clock_that_is_a_little_behind_the_providers_loses_no_money(open_shop):
    shop = open_shop(today=0)

    shop.receive(shop.payment(day=1 / 86_400, account="acme"), id="evt_a")

    assert shop.balance() == {"payg": 50}


def test_hosts_whose_clocks_differ_a_little_carry_on_where_the_other_was(selling):
    second = selling.day(1 / 86_400)
    selling.clock.set(selling.day(10) + (second - selling.day(0)) * 5)
    selling.receive(selling.invoice(day=10 + 9 / 86_400, account="acme"))
    selling.clock.set(selling.day(10) + (second - selling.day(0)) * 3)

    selling.receive(selling.subscription(prices=["price_new"], left=["price_pro"], day=10 + 10 / 86_400), id="evt_a")

    assert selling.state("evt_a") == "applied"
    assert selling.balance() == {"payg": 100}


def test_an_invoice_that_somebody_else_recorded_between_the_look_and_the_record_grants_nothing(selling, monkeypatch):
    selling.receive(selling.invoice())
    monkeypatch.setattr(MemoryPayments, "invoices", lambda *_: {})  # as if the other were committed only now

    selling.receive(selling.invoice(account="globex"))

    assert (selling.balance("acme"), selling.balance("globex")) == ({"subscription": 100}, {})
