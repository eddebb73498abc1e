"""Refunds and disputes: the money that goes back takes its credits along, once, and brings them back if it returns."""

import pytest

from billing_core.domain.credits import AccountId, Operation, Shortfall
from billing_core.domain.policies import Policies, Yearly
from billing_core.domain.products import Interval, Recurring
from billing_core.domain.webhooks import AlreadyApplied, Applied, Deferred
from billing_core.errors import Conflict


@pytest.fixture
def sold(shop):
    """Open a shop that sold fifty credits for five dollars."""
    shop.receive(shop.customer())
    shop.receive(shop.payment(amount="50"))
    return shop


@pytest.fixture
def subscribed(selling):
    """Open a shop that was paid nine dollars for a period of a hundred credits."""
    selling.receive(selling.payment(purchase=None))
    selling.receive(selling.invoice())
    return selling


def available(shop):
    return shop.billing.credits.balance("acme").available


def owed(shop):
    return shop.billing.credits.balance("acme").owed


def entries(shop, operation):
    with shop.store.view() as unit:
        return [one for one in unit.ledger.journal(AccountId("acme")) if one.operation is operation]


# Refunds ------------------------------------------------------------------------------------------------------------------


def test_a_refund_of_everything_takes_everything(sold):
    assert isinstance(sold.receive(sold.refund(500)), Applied)

    assert (available(sold), sold.ledger().books.revoked) == (0, 50)


def test_a_refund_of_a_part_takes_that_part_rounded_down(sold):
    sold.receive(sold.refund(499))

    assert available(sold) == 1


def test_three_refunds_of_a_third_each_take_everything_in_the_end(sold):
    left = []
    for number, cents in enumerate((166, 167, 167)):
        sold.receive(sold.refund(cents, f"re_{number}", day=number))
        left.append(available(sold))

    assert left == [50 - 16, 50 - 33, 0]


@pytest.mark.parametrize("status", ["pending", "requires_action", "succeeded", "something_new"])
def test_credits_go_when_the_money_is_asked_back(sold, status):
    sold.receive(sold.refund(status=status))

    assert available(sold) == 0


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_refund_that_comes_to_nothing_brings_them_back(sold, status):
    sold.receive(sold.refund(status="pending"))

    sold.receive(sold.refund(status=status, day=1))

    assert available(sold) == 50
    (undone,) = entries(sold, Operation.RESTORE)
    assert (undone.reference, undone.effective_at) == ("refund:re_1", sold.day(1))


def test_a_refund_told_again_in_other_words_takes_nothing_more(sold):
    sold.receive(sold.refund(250, status="pending"))

    for _ in range(3):
        sold.receive(sold.refund(250, status="succeeded", day=1))

    assert available(sold) == 25
    assert len(entries(sold, Operation.REVOKE)) == 1


def test_an_entry_says_which_refund_took_the_credits_and_when(sold):
    sold.receive(sold.refund(day=1))

    (taken,) = entries(sold, Operation.REVOKE)
    assert (taken.reference, taken.reason, taken.effective_at) == ("refund:re_1", "the money went back", sold.day(1))


def test_a_provider_whose_clock_is_ahead_takes_the_credits_now(sold):
    sold.receive(sold.refund(day=5))

    (taken,) = entries(sold, Operation.REVOKE)
    assert (taken.effective_at, available(sold)) == (sold.day(1), 0)


def test_the_share_of_what_is_left_is_counted_anew_when_one_of_several_fails(sold):
    shares = {"re_1": 166, "re_2": 167, "re_3": 167}
    for refund, cents in shares.items():
        sold.receive(sold.refund(cents, refund))

    sold.receive(sold.refund(166, "re_1", status="failed", day=1))

    assert sold.ledger().books.revoked == 50 * 334 // 500


def test_no_more_is_taken_than_was_granted_whatever_is_refunded(sold):
    sold.receive(sold.refund(400, "re_1"))
    sold.receive(sold.refund(400, "re_2"))

    assert (available(sold), sold.ledger().books.revoked) == (0, 50)


def test_an_amount_in_another_currency_counts_as_the_whole(sold):
    sold.receive(sold.dispute(1, currency="eur"))

    assert available(sold) == 0


# What was spent -----------------------------------------------------------------------------------------------------------


def test_what_was_spent_is_owed(sold):
    sold.billing.credits.spend("acme", 30)

    sold.receive(sold.refund())

    assert (available(sold), owed(sold)) == (0, 30)


def test_what_was_spent_is_taken_from_elsewhere_if_the_application_chose_so(shop):
    shop.choose(Policies(shortfall=Shortfall.TAKE))
    shop.receive(shop.customer())
    shop.receive(shop.payment("pi_1"))
    shop.receive(shop.payment("pi_2", day=1))
    shop.billing.credits.spend("acme", 30)

    shop.receive(shop.refund())

    assert (available(shop), owed(shop)) == (20, 0)


def test_what_was_spent_is_forgiven_for_good_if_the_application_chose_so(shop):
    shop.choose(Policies(shortfall=Shortfall.FORGIVE))
    shop.receive(shop.customer())
    shop.receive(shop.payment())
    spend = shop.billing.credits.spend("acme", 30)
    shop.receive(shop.refund(status="pending"))

    shop.billing.credits.refund("acme", spend.seq)
    shop.receive(shop.refund(status="succeeded", day=1))

    assert (available(shop), owed(shop)) == (30, 0)


def test_what_one_refund_forgave_another_takes_if_the_first_one_fails(shop):
    shop.choose(Policies(shortfall=Shortfall.FORGIVE))
    shop.receive(shop.customer())
    shop.receive(shop.payment())
    shop.billing.credits.spend("acme", 30)
    shop.receive(shop.refund(250, "re_1", status="pending"))
    shop.receive(shop.refund(250, "re_2"))

    shop.receive(shop.refund(250, "re_1", status="failed", day=1))

    assert available(shop) == 0  # as if the first one had never been


def test_a_refund_that_fails_repays_what_was_owed_for_it(sold):
    sold.billing.credits.spend("acme", 30)
    sold.receive(sold.refund(status="pending"))

    sold.receive(sold.refund(status="failed", day=1))

    assert (available(sold), owed(sold)) == (20, 0)


# Disputes -----------------------------------------------------------------------------------------------------------------


def test_a_dispute_takes_credits_when_the_money_is_withdrawn(sold):
    sold.receive(sold.dispute(withdrawn=False))
    assert available(sold) == 50

    sold.receive(sold.dispute(withdrawn=True, day=1))
    assert available(sold) == 0


@pytest.mark.parametrize("status", ["warning_needs_response", "warning_under_review", "warning_closed"])
def test_an_inquiry_takes_nothing(sold, status):
    sold.receive(sold.dispute(status=status))

    assert available(sold) == 50


@pytest.mark.parametrize(
    "end",
    [{"status": "won"}, {"status": "won", "withdrawn": False}, {"withdrawn": False}],
    ids=["won", "paid", "reinstated"],
)
def test_a_dispute_that_gives_the_money_back_brings_the_credits_back(sold, end):
    sold.receive(sold.dispute())

    sold.receive(sold.dispute(**end, day=1))

    assert available(sold) == 50


def test_a_dispute_that_is_lost_changes_nothing_more(sold):
    sold.receive(sold.dispute())

    sold.receive(sold.dispute(status="lost", day=1))

    assert available(sold) == 0
    assert len(entries(sold, Operation.REVOKE)) == 1


def test_a_refund_and_a_dispute_of_the_same_money_take_it_once(sold):
    sold.receive(sold.refund(250))
    sold.receive(sold.dispute(500))

    assert (available(sold), sold.ledger().books.revoked) == (0, 50)


def test_a_dispute_that_is_won_leaves_what_the_refund_took(sold):
    sold.receive(sold.dispute(500))
    sold.receive(sold.refund(250))

    sold.receive(sold.dispute(500, status="won", day=1))

    assert available(sold) == 25


# Beside the application's own corrections ---------------------------------------------------------------------------------


def test_what_the_application_took_already_is_not_there_to_be_taken(sold):
    sold.billing.credits.revoke("acme", "payment:pi_1", 40, reason="refunded by hand")

    sold.receive(sold.refund())

    assert (available(sold), sold.ledger().books.revoked) == (0, 50)


def test_what_a_person_gave_back_is_not_taken_again(sold):
    sold.receive(sold.refund(status="pending"))
    (taken,) = entries(sold, Operation.REVOKE)
    sold.billing.credits.restore("acme", taken.seq, reason="goodwill")

    sold.receive(sold.refund(status="succeeded", day=1))

    assert available(sold) == 50


def test_what_a_person_gave_back_is_not_given_back_twice(sold):
    sold.receive(sold.refund(status="pending"))
    (taken,) = entries(sold, Operation.REVOKE)
    sold.billing.credits.restore("acme", taken.seq, reason="goodwill")

    sold.receive(sold.refund(status="failed", day=1))

    assert available(sold) == 50


def test_what_was_granted_by_hand_for_a_payment_goes_with_its_money(shop):
    shop.receive(shop.payment(purchase=None, account="acme"))
    shop.billing.credits.grant("acme", 70, source="payment:pi_1")

    shop.receive(shop.refund())

    assert available(shop) == 0


def test_money_that_bought_nothing_here_takes_nothing(shop):
    shop.receive(shop.payment(purchase=None, customer=None))

    assert isinstance(shop.receive(shop.refund()), Applied)
    assert isinstance(shop.receive(shop.dispute()), Applied)


# Invoices -----------------------------------------------------------------------------------------------------------------


def test_the_refund_of_an_invoice_takes_what_its_lines_granted(subscribed):
    subscribed.receive(subscribed.settlement())

    subscribed.receive(subscribed.refund(900))

    assert available(subscribed) == 0


def test_a_refund_that_came_before_anybody_knew_of_the_invoice_takes_it_then(subscribed):
    subscribed.receive(subscribed.refund(900))
    assert available(subscribed) == 100

    subscribed.receive(subscribed.settlement())

    assert available(subscribed) == 0


def test_a_payment_may_name_its_invoice_itself(selling):
    selling.receive(selling.invoice())
    selling.receive(selling.payment(purchase=None, invoice="in_1"))

    selling.receive(selling.refund(450))

    assert available(selling) == 50


def test_two_payments_of_one_invoice_add_up(subscribed):
    subscribed.receive(subscribed.payment("pi_2", purchase=None))
    for payment in ("pi_1", "pi_2"):
        subscribed.receive(subscribed.settlement(payment))
    subscribed.receive(subscribed.refund(5, "re_1", "pi_1"))
    subscribed.receive(subscribed.refund(5, "re_2", "pi_2"))

    assert available(subscribed) == 100 - 100 * 10 // 900


def test_credits_that_became_others_are_followed(subscribed):
    subscribed.receive(subscribed.settlement())
    subscribed.receive(subscribed.subscription(prices=["price_max"], day=1, left=["price_pro"]))
    assert subscribed.balance() == {"payg": 100}

    subscribed.receive(subscribed.refund(900))

    assert subscribed.balance() == {}


def test_credits_of_a_period_that_is_over_are_taken_from_what_expired(subscribed):
    subscribed.receive(subscribed.settlement())
    subscribed.clock.set(subscribed.day(40))

    subscribed.receive(subscribed.refund(900))

    assert (subscribed.ledger().books.revoked, subscribed.ledger().books.expired, owed(subscribed)) == (100, 0, 0)


def test_of_a_year_by_the_month_the_last_months_go_first(shop):
    shop.choose(Policies(yearly=Yearly.MONTHLY))
    shop.know(shop.subscription(day=-1))
    for known in (shop.product(amount="120"), shop.price(recurring=Recurring(Interval.YEAR)), shop.customer()):
        shop.receive(known)
    shop.receive(shop.invoice("in_1", shop.line(days=365)))
    shop.receive(shop.payment(purchase=None, invoice="in_1"))
    shop.billing.credits.spend("acme", 10)

    shop.receive(shop.refund(450))

    lots = {lot.source.rpartition(":")[2]: lot for lot in shop.ledger().lots}
    assert (shop.ledger().books.revoked, owed(shop)) == (60, 0)
    assert sorted(map(int, lots)) == [2, 3, 4, 5, 6]


def test_what_was_free_stays_when_the_money_goes(selling):
    selling.receive(selling.product("prod_free", amount="7"))
    selling.receive(selling.price("price_free", "prod_free", cents=0))
    free = selling.line("il_2", "price_free", "prod_free", cents=0)
    selling.receive(selling.invoice("in_1", selling.line(), free))
    selling.receive(selling.payment(purchase=None, invoice="in_1"))

    selling.receive(selling.refund(900))

    assert available(selling) == 7


# Waiting ------------------------------------------------------------------------------------------------------------------


def test_a_refund_waits_for_its_payment(shop):
    shop.receive(shop.customer())

    assert shop.receive(shop.refund(), id="evt_a") == Deferred("evt_a", ("payment:pi_1",))
    shop.receive(shop.payment())

    assert shop.state("evt_a") == "applied"
    assert shop.balance() == {}


def test_a_dispute_waits_for_its_payment(shop):
    shop.receive(shop.customer())

    assert shop.receive(shop.dispute(), id="evt_a") == Deferred("evt_a", ("payment:pi_1",))
    shop.receive(shop.payment())

    assert shop.balance() == {}


def test_a_settlement_waits_for_its_payment(selling):
    assert selling.receive(selling.settlement(), id="evt_a") == Deferred("evt_a", ("payment:pi_1",))

    selling.receive(selling.payment(purchase=None))

    assert selling.state("evt_a") == "applied"


def test_a_refund_waits_for_the_invoice_that_was_paid(selling):
    selling.receive(selling.payment(purchase=None, invoice="in_1"))

    assert selling.receive(selling.refund(900), id="evt_a") == Deferred("evt_a", ("invoice:in_1",))
    selling.receive(selling.invoice())

    assert selling.state("evt_a") == "applied"
    assert selling.balance() == {}


def test_a_settlement_waits_for_the_invoice_if_the_money_is_gone(selling):
    selling.receive(selling.payment(purchase=None))
    selling.receive(selling.refund(900))

    assert selling.receive(selling.settlement(), id="evt_a") == Deferred("evt_a", ("invoice:in_1",))
    selling.receive(selling.invoice())

    assert selling.balance() == {}


def test_a_failure_told_before_its_refund_is_the_last_word(sold):
    sold.receive(sold.refund(status="failed", day=1))

    sold.receive(sold.refund(status="pending", day=0))

    assert available(sold) == 50
    assert entries(sold, Operation.REVOKE) == []


def test_what_was_refunded_in_all_waits_until_every_refund_is_known(sold):
    sold.receive(sold.refund(200, "re_1"))

    assert sold.receive(sold.refunded(500), id="evt_a") == Deferred("evt_a", ("refunds:pi_1",))
    assert available(sold) == 30
    sold.receive(sold.refund(300, "re_2"))

    assert sold.state("evt_a") == "applied"
    assert available(sold) == 0


def test_what_was_refunded_in_all_takes_nothing_by_itself(sold):
    sold.receive(sold.refund(200))

    assert isinstance(sold.receive(sold.refunded(200)), Applied)

    assert available(sold) == 30


def test_two_hosts_that_take_the_same_credits_take_them_once(sold):
    sold.store.failures = [Conflict("account acme")]

    assert isinstance(sold.receive(sold.refund(), id="evt_a"), Applied)

    assert sold.receive(sold.refund(), id="evt_a") == AlreadyApplied("evt_a")
    assert len(entries(sold, Operation.REVOKE)) == 1


# What is told, and what can be asked --------------------------------------------------------------------------------------


def test_each_change_of_a_refund_is_told_once(sold):
    for status in ("pending", "pending", "failed"):
        sold.receive(sold.refund(status=status, day=int(status == "failed")))

    first, then = sold.told("refund.changed")
    assert (first.subject, first.account, first.occurred_at) == ("refund:re_1", "acme", sold.day(0))
    assert first.data == {"payment": "pi_1", "amount_minor": "500", "currency": "usd", "status": "pending"}
    assert (then.data["status"], then.data["status_before"]) == ("failed", "pending")


def test_each_change_of_a_dispute_is_told_once(sold):
    for status in ("warning_needs_response", "warning_needs_response", "warning_closed"):
        sold.receive(sold.dispute(status=status, withdrawn=False, day=int(status == "warning_closed")))

    first, then = sold.told("dispute.changed")
    assert (first.subject, first.data["status"]) == ("dispute:dp_1", "warning_needs_response")
    assert then.data["status_before"] == "warning_needs_response"


def test_credits_that_go_and_come_back_are_told(sold):
    sold.receive(sold.refund(status="pending"))
    sold.receive(sold.refund(status="failed", day=1))

    (gone,) = sold.told("credits.revoked")
    (back,) = sold.told("credits.restored")
    assert (gone.data["amount"], back.data["amount"]) == ("50", "50")


def test_refunds_and_disputes_of_a_payment_can_be_asked_for(sold):
    sold.receive(sold.refund(100, "re_2"))
    sold.receive(sold.refund(100, "re_1"))
    sold.receive(sold.dispute())

    assert [one.id for one in sold.billing.payments.refunds_of("pi_1")] == ["re_1", "re_2"]
    assert [one.id for one in sold.billing.payments.disputes_of("pi_1")] == ["dp_1"]
    assert [*sold.billing.payments.refunds_of("pi_2")] == []
