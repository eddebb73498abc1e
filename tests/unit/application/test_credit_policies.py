"""The policies that an application can choose, through the news that they are about: each beside the original semantics."""

from itertools import permutations

import pytest

from billing_core.domain.policies import OnPlanChange, Policies, Rollover, TrialCredits, Yearly
from billing_core.domain.products import Interval, Recurring
from billing_core.domain.webhooks import Applied


@pytest.fixture
def open_selling(open_shop):
    """Open shops that chose policies, sell a monthly and two yearly plans, and know to whom."""

    def opened(today=0, **chosen):
        shop = open_shop(today, Policies(**chosen))
        shop.receive(shop.customer())
        for plan, amount, interval in (("pro", "100", "month"), ("year", "1200", "year"), ("max", "2400", "year")):
            shop.receive(shop.product(f"prod_{plan}", amount))
            shop.receive(shop.price(f"price_{plan}", f"prod_{plan}", recurring=Recurring(Interval(interval))))
        shop.receive(shop.subscription(day=-1))
        return shop

    return opened


def renewals(shop, count=2):
    """Return the paid invoices of a monthly plan, one for every thirty days."""
    return [shop.invoice(f"in_{one}", shop.line(start=30 * one, days=30), day=30 * one) for one in range(count)]


def year(shop, invoice="in_year", day=0, start=None, plan="year", **rest):
    """Return the paid invoice of a year."""
    start = day if start is None else start
    line = shop.line(price=f"price_{plan}", product=f"prod_{plan}", cents=12_000, start=start, days=365)
    return shop.invoice(invoice, line, day=day, **rest)


def to_max(shop, day, plan="year"):
    """Return the news that the subscription went to another plan."""
    return shop.subscription(prices=["price_max"], day=day, left=[f"price_{plan}"])


def sources(shop, name):
    return [event.data["source"] for event in shop.told(name)]


# Roll-over ----------------------------------------------------------------------------------------------------------------


def test_a_renewal_carries_unused_credits_into_the_new_period_up_to_the_most(open_selling):
    shop = open_selling(rollover=Rollover(40))
    first, second = renewals(shop)
    shop.receive(first)
    shop.billing.credits.spend("acme", 10)

    shop.clock.set(shop.day(30))
    shop.receive(second)

    assert shop.balance() == {"subscription": 140}
    assert shop.ledger().books.expired == 50
    assert sources(shop, "credits.converted") == ["rollover:invoice:in_0:line:il_1"]


def test_what_expired_at_the_end_of_the_period_comes_back_when_the_renewal_is_paid(open_selling):
    shop = open_selling(rollover=Rollover(40))
    first, second = renewals(shop)
    shop.receive(first)
    shop.clock.set(shop.day(31))
    shop.billing.credits.expire("acme")

    shop.receive(second)

    assert shop.balance() == {"subscription": 140}
    assert shop.ledger().books.expired == 60


def test_what_was_carried_expires_with_the_period_that_it_was_carried_into(open_selling):
    shop = open_selling(rollover=Rollover(40))
    for number, renewal in enumerate(renewals(shop, 3)):
        shop.clock.set(shop.day(30 * number))
        shop.receive(renewal)

    assert shop.balance() == {"subscription": 140}
    assert shop.ledger().books.expired == 160


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_the_order_of_the_renewals_makes_no_difference(open_selling, order):
    shop = open_selling(70, rollover=Rollover(40))
    news = renewals(shop, 3)

    for number in (*order, *order):
        shop.receive(news[number])

    assert shop.balance() == {"subscription": 140}
    assert shop.ledger().books.issued == -300
    assert len(sources(shop, "credits.converted")) == 2


def test_credits_of_another_account_are_not_carried(open_selling):
    shop = open_selling(31, rollover=Rollover(40))
    first, second = renewals(shop)
    shop.receive(first)

    shop.receive(shop.customer(account="globex", day=20))
    shop.receive(second)

    assert (shop.balance("acme"), shop.balance("globex")) == ({}, {"subscription": 100})


def test_what_was_carried_is_left_with_its_plan(open_selling):
    shop = open_selling(30, rollover=Rollover(40))
    for renewal in renewals(shop):
        shop.receive(renewal)

    shop.receive(to_max(shop, 30, plan="pro"))

    assert shop.balance() == {"payg": 140}


def test_a_plan_change_that_is_told_after_the_renewal_finds_the_rest_of_what_was_carried(open_selling):
    shop = open_selling(31, rollover=Rollover(40))
    for renewal in renewals(shop):
        shop.receive(renewal)

    shop.receive(to_max(shop, 5, plan="pro"))

    assert shop.balance() == {"payg": 100, "subscription": 100}


# Plan changes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [*permutations(["renewal", "change"])])
def test_what_is_unused_of_a_plan_that_was_left_may_be_forfeited(open_selling, order):
    shop = open_selling(11, plan_change=OnPlanChange.FORFEIT)
    news = {"renewal": renewals(shop)[0], "change": to_max(shop, 10, plan="pro")}

    for name in (*order, *order):
        shop.receive(news[name])

    assert shop.balance() == {}
    assert shop.ledger().books.expired == 100
    (told,) = shop.told("credits.expired")
    assert (told.data["amount"], told.occurred_at) == ("100", shop.day(10))


@pytest.mark.parametrize("order", [*permutations(["renewal", "change"])])
def test_or_may_be_kept_until_it_expires(open_selling, order):
    shop = open_selling(11, plan_change=OnPlanChange.KEEP)
    news = {"renewal": renewals(shop)[0], "change": to_max(shop, 10, plan="pro")}

    for name in order:
        shop.receive(news[name])

    assert shop.balance() == {"subscription": 100}
    shop.clock.set(shop.day(30))
    assert shop.balance() == {}


def test_forfeited_credits_are_not_carried_over_when_the_plan_comes_back(open_selling):
    shop = open_selling(31, plan_change=OnPlanChange.FORFEIT, rollover=Rollover(40))
    first, second = renewals(shop)

    for news in (first, to_max(shop, 10, plan="pro"), shop.subscription(day=20), second):
        shop.receive(news)

    assert shop.balance() == {"subscription": 100}
    assert sources(shop, "credits.converted") == []


# A year by the month ------------------------------------------------------------------------------------------------------


def test_a_year_by_the_month_begins_at_once_and_goes_on_by_itself(open_selling):
    shop = open_selling(yearly=Yearly.MONTHLY)
    shop.receive(year(shop))

    assert shop.balance() == {"subscription": 100}
    assert shop.billing.credits.balance("acme").scheduled == 1100
    for day in (31, 59, 364):  # February and March begin, and the year ends
        shop.clock.set(shop.day(day))
        assert shop.balance() == {"subscription": 100}
    shop.clock.set(shop.day(365))
    assert shop.balance() == {}
    assert shop.billing.credits.expire("acme").scheduled == 0
    assert shop.ledger().books.expired == 1200


def test_a_year_that_is_told_late_ends_in_the_same_books(open_selling):
    shop = open_selling(70, yearly=Yearly.MONTHLY)

    shop.receive(year(shop))

    assert shop.balance() == {"subscription": 100}
    assert (shop.ledger().books.expired, shop.ledger().books.scheduled) == (200, 900)


def test_two_events_that_report_one_year_grant_once(open_selling):
    shop = open_selling(yearly=Yearly.MONTHLY)

    shop.receive(year(shop), type="invoice.paid")
    shop.receive(year(shop), type="invoice.payment_succeeded")

    assert shop.ledger().books.issued == -1200
    assert len(set(sources(shop, "credits.granted"))) == len(sources(shop, "credits.granted")) == 12


def test_a_year_that_was_granted_by_hand_is_not_granted_by_the_month(open_selling):
    shop = open_selling(yearly=Yearly.MONTHLY)
    shop.billing.credits.grant("acme", 1200, source="invoice:in_year:line:il_1")

    assert isinstance(shop.receive(year(shop)), Applied)

    assert shop.balance() == {"promotional": 1200}


def test_a_month_that_was_granted_by_hand_is_not_granted_again(open_selling):
    shop = open_selling(yearly=Yearly.MONTHLY)
    shop.billing.credits.grant("acme", 7, source="invoice:in_year:line:il_1:month:1")

    shop.receive(year(shop))

    assert shop.balance() == {"promotional": 7}
    assert shop.ledger().books.issued == -1107


@pytest.mark.parametrize("order", [*permutations(["year", "change", "new"])])
@pytest.mark.parametrize("today", [100, 200, 500])
def test_a_plan_change_in_a_year_converts_the_running_month_and_those_to_come(open_selling, order, today):
    shop = open_selling(today, yearly=Yearly.MONTHLY)
    news = {
        "year": year(shop),
        "change": to_max(shop, 100),
        "new": year(shop, "in_max", 100, plan="max", reason="subscription_update"),
    }

    for name in order:
        shop.receive(news[name])

    assert shop.balance()["payg"] == 900
    assert shop.ledger().books.issued == -3600


@pytest.mark.parametrize("order", [*permutations(["year", "change"])])
@pytest.mark.parametrize("today", [100, 200, 500])
def test_or_forfeits_them(open_selling, order, today):
    shop = open_selling(today, yearly=Yearly.MONTHLY, plan_change=OnPlanChange.FORFEIT)
    news = {"year": year(shop), "change": to_max(shop, 100)}

    for name in order:
        shop.receive(news[name])

    assert shop.balance() == {}
    assert (shop.ledger().books.expired, shop.ledger().books.scheduled) == (1200, 0)


def test_months_that_were_granted_are_left_with_their_plan_whatever_the_policy_is_by_then(open_selling):
    shop = open_selling(yearly=Yearly.MONTHLY)
    shop.receive(year(shop))
    shop.billing.credits.spend("acme", 30)
    shop.choose(Policies(yearly=Yearly.AT_ONCE))

    shop.receive(to_max(shop, 0))

    assert shop.balance() == {"payg": 1170}


# Trials -------------------------------------------------------------------------------------------------------------------


def trial(shop, days=14):
    return shop.invoice("in_trial", shop.line(cents=0, days=days), reason="subscription_create")


def test_a_trial_may_grant_until_it_ends(open_selling):
    shop = open_selling(trial=TrialCredits.AS_PAID)

    shop.receive(trial(shop))

    assert shop.balance() == {"promotional": 100}
    shop.clock.set(shop.day(14))
    assert shop.balance() == {}


def test_the_first_paid_period_after_a_trial_grants_and_carries_nothing_of_it(open_selling):
    shop = open_selling(14, trial=TrialCredits.AS_PAID, rollover=Rollover(40))
    paid = shop.invoice("in_paid", shop.line(start=14, days=30), day=14)

    for news in (trial(shop), paid, trial(shop)):
        shop.receive(news)

    assert shop.balance() == {"subscription": 100}


def test_a_plan_change_turns_nothing_into_credits_for_ever_that_nobody_paid_for(open_selling):
    shop = open_selling(5, trial=TrialCredits.AS_PAID)
    shop.receive(trial(shop))

    shop.receive(to_max(shop, 5, plan="pro"))

    assert shop.balance() == {"promotional": 100}


def test_trial_credits_are_forfeited_with_their_plan_where_that_was_chosen(open_selling):
    shop = open_selling(5, trial=TrialCredits.AS_PAID, plan_change=OnPlanChange.FORFEIT)
    shop.receive(trial(shop))

    shop.receive(to_max(shop, 5, plan="pro"))

    assert shop.balance() == {}
