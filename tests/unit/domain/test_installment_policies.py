"""Policies of yearly plans and of trials: what either grants, and when."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.credits import LotKind
from billing_core.domain.money import Currency, Money
from billing_core.domain.payments import Invoice, InvoiceLine
from billing_core.domain.policies import Policies, TrialCredits, Yearly, awards, invoice_grants
from billing_core.domain.products import Interval, Price, Product, Recurring

PAID = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MONTHLY = Policies(yearly=Yearly.MONTHLY)
AS_PAID = Policies(trial=TrialCredits.AS_PAID)


def price(cents=12_000, interval=Interval.YEAR, count=1):
    return Price("price_1", "prod_1", Currency("usd"), Decimal(cents), Recurring(interval, count))


def line(cents=12_000, start=PAID, end=PAID + 365 * DAY, **rest):
    period = {"period_start": start, "period_end": end}
    terms = {"product": "prod_1", "price": "price_1", "subscription": "sub_1", **period}
    return InvoiceLine("il_1", Money(cents, "usd"), **{**terms, **rest})


def invoice(*lines, paid_at=PAID):
    return Invoice("in_1", Money(12_000, "usd"), paid_at, "subscription_cycle", "cus_1", lines=lines or (line(),))


def grants(paid, policies=MONTHLY, amount=1200, priced=None):
    sold = Product("prod_1", "Pro", metadata={"credit_amount": str(amount), "credit_type": "subscription"})
    return invoice_grants(paid, "acme", awards(paid, {"prod_1": sold}, {"price_1": priced or price()}, policies))


def months(found):
    """Return when each installment begins, as month and day; the first begins when it is paid for."""
    return [f"{one.starts_at or one.effective_at:%m-%d}" for one in found]


# A year by the month ------------------------------------------------------------------------------------------------------


def test_a_year_is_granted_at_once_unless_the_application_chose_otherwise():
    (grant,) = grants(invoice(), Policies())

    assert (grant.source, grant.amount, grant.starts_at) == ("invoice:in_1:line:il_1", 1200, None)
    assert grant.expires_at == PAID + 365 * DAY


def test_a_year_by_the_month_grants_a_twelfth_with_each():
    found = grants(invoice())

    assert [one.source for one in found] == [f"invoice:in_1:line:il_1:month:{month}" for month in range(1, 13)]
    assert {one.key for one in found} == {one.source for one in found}
    assert [one.amount for one in found] == [100] * 12
    assert {(one.kind, one.effective_at, one.reference) for one in found} == {
        (LotKind.SUBSCRIPTION, PAID, "subscription:sub_1")
    }


def test_the_months_begin_on_the_day_of_the_first_or_on_the_last_day_of_a_shorter_month():
    assert months(grants(invoice())) == [
        *("01-31", "02-28", "03-31", "04-30", "05-31", "06-30"),
        *("07-31", "08-31", "09-30", "10-31", "11-30", "12-31"),
    ]


def test_each_month_expires_when_the_next_begins_and_the_last_with_the_year():
    found = grants(invoice())

    assert all(one.expires_at == other.starts_at for one, other in pairwise(found))
    assert (found[0].starts_at, found[-1].expires_at) == (None, PAID + 365 * DAY)


def test_the_first_months_grant_what_twelve_do_not_divide():
    assert [one.amount for one in grants(invoice(), amount=100)] == [9, 9, 9, 9, 8, 8, 8, 8, 8, 8, 8, 8]


def test_a_month_that_has_nothing_to_grant_grants_nothing():
    assert [one.source[-1] for one in grants(invoice(), amount=3)] == ["1", "2", "3"]


def test_what_was_paid_is_divided_in_proportion():
    paid = [one.cost.amount_minor for one in grants(invoice(line(1000)), amount=100)]

    assert (sum(paid), set(paid)) == (1000, {80, 90})


def test_two_years_have_twenty_four_months():
    two_years = invoice(line(end=PAID + 730 * DAY))

    found = grants(two_years, priced=price(count=2))

    assert [one.amount for one in found] == [50] * 24


def test_a_month_is_a_month_whatever_years_are():
    monthly = invoice(line(end=PAID + 28 * DAY))

    (grant,) = grants(monthly, priced=price(interval=Interval.MONTH))

    assert (grant.source, grant.amount) == ("invoice:in_1:line:il_1", 1200)


def test_the_rest_of_a_year_grants_for_the_months_that_begin_in_it():
    rest = line(start=PAID, end=PAID + 100 * DAY, proration=True)

    found = grants(invoice(rest))

    assert [one.amount for one in found] == [100] * 4
    assert found[-1].expires_at == PAID + 100 * DAY
    assert sum(one.cost.amount_minor for one in found) == 12_000


def test_months_that_had_begun_when_the_year_was_paid_are_granted_at_once_and_none_is_lost():
    late = PAID + 40 * DAY  # in the second month, which ends on the last day of March

    found = grants(invoice(line(), paid_at=late))

    assert [one.starts_at for one in found[:3]] == [None, None, datetime(2026, 3, 31, 12, tzinfo=UTC)]
    assert [one.expires_at for one in found[:2]] == [datetime(2026, 3, 31, 12, tzinfo=UTC)] * 2


def test_a_year_that_is_paid_ahead_begins_when_it_is_paid():
    early = PAID - DAY

    first, second, *_ = grants(invoice(line(), paid_at=early))

    assert (first.starts_at, first.effective_at) == (None, early)
    assert first.expires_at == second.starts_at == datetime(2026, 2, 28, 12, tzinfo=UTC)


def test_a_year_that_was_over_before_it_was_paid_counts_from_the_payment():
    late = PAID + 400 * DAY

    found = grants(invoice(line(), paid_at=late))

    assert (len(found), found[0].starts_at, found[-1].expires_at) == (12, None, late + 365 * DAY)
    assert found[0].expires_at == found[1].starts_at > late


def test_a_leap_year_has_twelve_months_even_when_it_counts_from_the_payment():
    leap = line(start=datetime(2024, 1, 1, tzinfo=UTC), end=datetime(2025, 1, 1, tzinfo=UTC))

    found = grants(invoice(leap, paid_at=datetime(2025, 1, 15, tzinfo=UTC)))

    assert (len(found), found[-1].expires_at) == (12, datetime(2026, 1, 16, tzinfo=UTC))


@pytest.mark.parametrize(("start", "end"), [(None, PAID + 365 * DAY), (None, None), (PAID, PAID), (PAID + DAY, PAID)])
def test_a_year_that_does_not_say_when_it_is_is_granted_at_once(start, end):
    (grant,) = grants(invoice(line(start=start, end=end)))

    assert (grant.source, grant.amount, grant.starts_at) == ("invoice:in_1:line:il_1", 1200, None)


def test_a_yearly_plan_without_credits_grants_none():
    paid = invoice()

    assert awards(paid, {"prod_1": Product("prod_1", "Pro")}, {"price_1": price()}, MONTHLY) == ()


moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds it


@given(moments, st.integers(1, 400), st.integers(-40, 800), st.integers(1, 5000), st.integers(1, 99_999))
def test_the_months_of_a_year_follow_one_another_and_add_up(start, days, late, amount, cents):
    paid = invoice(line(cents, start=start, end=start + days * DAY), paid_at=start + late * DAY)

    found = grants(paid, amount=amount)

    begins = [one.starts_at or one.effective_at for one in found]
    assert begins == sorted(begins)
    assert all(max(begin, paid.paid_at) < one.expires_at for begin, one in zip(begins, found, strict=True))
    assert sum(one.amount for one in found) <= amount
    assert sum(one.cost.amount_minor for one in found) == cents
    assert len({one.source for one in found}) == len(found) <= 12
    (whole,) = grants(paid, Policies(), amount)
    assert found[-1].expires_at <= whole.expires_at


# Trials -------------------------------------------------------------------------------------------------------------------


def trial(**rest):
    return invoice(line(0, end=PAID + 14 * DAY, **rest))


def test_a_trial_grants_nothing_unless_the_application_chose_otherwise():
    assert grants(trial(), Policies()) == ()


def test_a_trial_may_grant_what_the_plan_will_until_it_ends():
    (grant,) = grants(trial(quantity=2), AS_PAID)

    assert (grant.amount, grant.kind, grant.expires_at) == (2400, LotKind.PROMOTIONAL, PAID + 14 * DAY)
    assert grant.cost == Money(0, "usd")


def test_a_free_price_is_no_trial():
    (grant,) = grants(trial(), AS_PAID, priced=price(0))

    assert grant.kind is LotKind.SUBSCRIPTION


def test_a_paid_line_is_no_trial():
    (grant,) = grants(invoice(), AS_PAID)

    assert grant.kind is LotKind.SUBSCRIPTION


def test_the_trial_of_a_year_by_the_month_grants_for_its_first_month():
    (grant,) = grants(trial(), attrs.evolve(AS_PAID, yearly=Yearly.MONTHLY))

    assert (grant.source, grant.amount, grant.kind) == ("invoice:in_1:line:il_1:month:1", 100, LotKind.PROMOTIONAL)
    assert grant.expires_at == PAID + 14 * DAY
