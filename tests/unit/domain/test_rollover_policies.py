"""Policies of roll-over: what a renewal carries of the period just over into the next, and how much of it."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.credits import (
    Account,
    AccountId,
    Convert,
    Forfeit,
    Grant,
    LotKind,
    Revoke,
    Spend,
    change,
    decide,
    effected,
    fold,
    settle,
)
from billing_core.domain.money import Money
from billing_core.domain.payments import Invoice, InvoiceLine
from billing_core.domain.policies import OnPlanChange, Rollover, renewals, rolled_over
from billing_core.domain.subscriptions import PlanChange

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
ACME = AccountId("acme")


def day(number):
    return START + number * DAY


# What is a renewal --------------------------------------------------------------------------------------------------------


def line(start, end, line_id="il_1", cents=900, **rest):
    terms = {"product": "prod_1", "price": "price_1", "subscription": "sub_1"}
    return InvoiceLine(
        line_id, Money(cents, "usd"), **{"period_start": day(start), "period_end": day(end), **terms, **rest}
    )


def invoice(name, *lines, paid=0, account="acme", reason="subscription_cycle"):
    return Invoice(name, Money(900, "usd"), day(paid), reason, account=account, lines=lines)


FIRST = invoice("in_1", line(0, 20), reason="subscription_create")
SECOND = invoice("in_2", line(20, 40), paid=21)


def turns(*invoices, changes=(), on_change=OnPlanChange.CONVERT):
    """Return of each renewal the day, and which invoices are on both sides of it."""
    found = renewals(invoices, changes, on_change)
    return [((one.at - START).days, *sorted(one.invoices)) for one in found]


def test_a_period_that_was_paid_for_renews_the_one_that_ended_where_it_began():
    (renewal,) = renewals([FIRST, SECOND], [], OnPlanChange.CONVERT)

    assert (renewal.account, renewal.at, renewal.paid_at) == (ACME, day(20), day(21))
    assert renewal.ended == ("invoice:in_1:line:il_1", "invoice:in_1:line:il_1:month:1")
    assert renewal.begun == ("invoice:in_2:line:il_1", "invoice:in_2:line:il_1:month:1")
    assert renewal.invoices == {"in_1": FIRST, "in_2": SECOND}
    assert renewal.sources == {
        *renewal.ended,
        *renewal.begun,
        "rollover:invoice:in_1:line:il_1",
        "rollover:invoice:in_1:line:il_1:month:1",
    }


def test_every_period_renews_the_one_before_it_in_whatever_order_they_are_told():
    third = invoice("in_3", line(40, 60), paid=40)

    assert turns(third, FIRST, SECOND) == [(40, "in_2", "in_3"), (20, "in_1", "in_2")]


def test_the_first_period_renews_nothing():
    assert turns(FIRST) == turns(SECOND) == []


@pytest.mark.parametrize(
    "other",
    [
        invoice("in_2", line(21, 41)),
        invoice("in_2", line(19, 39)),
        invoice("in_2", line(20, 40, product="prod_2")),
        invoice("in_2", line(20, 40, subscription="sub_2")),
        invoice("in_2", line(20, 40), account="globex"),
        invoice("in_2", line(20, 40), account=None),
        invoice("in_2", line(20, 40), reason="subscription_update"),
        invoice("in_2", line(20, 40, proration=True)),
        invoice("in_2", line(20, 40, one_off=True)),
        invoice("in_2", line(20, 40, cents=-900)),
        invoice("in_2", line(20, 40, period_start=None)),
    ],
)
def test_another_period_plan_or_owner_and_what_is_no_period_renews_nothing(other):
    assert turns(FIRST, other) == []


def test_a_period_that_does_not_say_when_it_ended_is_not_renewed():
    assert turns(invoice("in_1", line(0, 20, period_end=None)), SECOND) == []


def test_another_price_of_the_same_product_is_the_same_plan():
    assert turns(FIRST, invoice("in_2", line(20, 40, price="price_2"))) == [(20, "in_1", "in_2")]


def test_units_that_came_on_top_in_the_period_are_renewed_with_it():
    more = invoice("in_more", line(10, 20, proration=True), paid=10, reason="subscription_update")

    assert turns(FIRST, more, SECOND) == [(20, "in_1", "in_2", "in_more")]


def left(number):
    return PlanChange(day(number), ("price_1",))


@pytest.mark.parametrize("on_change", [OnPlanChange.CONVERT, OnPlanChange.FORFEIT])
def test_what_was_left_in_its_period_has_gone_another_way(on_change):
    assert turns(FIRST, SECOND, changes=[left(30), left(10)], on_change=on_change) == []


def test_what_is_kept_at_a_plan_change_is_renewed_with_its_plan():
    assert turns(FIRST, SECOND, changes=[left(10)], on_change=OnPlanChange.KEEP) == [(20, "in_1", "in_2")]


def test_a_period_that_two_invoices_paid_for_was_paid_by_the_first():
    again = attrs.evolve(SECOND, id="in_again", paid_at=day(25))

    assert {one.paid_at for one in renewals([again, FIRST, SECOND], [], OnPlanChange.CONVERT)} == {day(21)}


@pytest.mark.parametrize("when", [20, 30])
def test_a_change_after_the_period_changes_nothing_about_its_renewal(when):
    assert turns(FIRST, SECOND, changes=[left(when)]) == [(20, "in_1", "in_2")]


# What it carries ----------------------------------------------------------------------------------------------------------

OLD = "invoice:in_1:line:il_1"
NEW = "invoice:in_2:line:il_1"


def granted(source=OLD, amount=10, since=0, until=20, **rest):
    terms = {"kind": LotKind.SUBSCRIPTION, "effective_at": day(since), "expires_at": day(until), "cost": Money(900, "usd")}
    return Grant(**{"account": ACME, "key": source, "source": source, "amount": amount, **terms, **rest})


def after(*commands, account=None, now=21):
    account = account or Account(ACME)
    for command in commands:
        account = change(account, decide(account, command, day(now))).account
    return account


def carried(most, account, *invoices, now=21):
    """Return what a renewal carries, as the commands for it."""
    (renewal,) = renewals(invoices or [FIRST, SECOND], [], OnPlanChange.CONVERT)
    return [*rolled_over(Rollover(most), renewal, fold(account, settle(account, day(now))), day(now))]


BOTH = (granted(), granted(NEW, since=21, until=40))


def test_a_renewal_carries_what_was_unused_when_the_period_ended():
    (command,) = carried(50, after(*BOTH))

    assert command == Convert(
        account=ACME,
        key=f"rollover:{OLD}",
        source=OLD,
        into="rollover",
        kind=LotKind.SUBSCRIPTION,
        most=10,
        effective_at=day(20) - INSTANT,
        expires_at=day(40),
    )


def test_carried_credits_last_one_period_more_and_burn_before_the_new_ones():
    account = after(*BOTH)

    account = after(*carried(7, account), Spend(account=ACME, key="job", amount=8), account=account)

    assert {lot.source: lot.remaining for lot in account.lots} == {OLD: 0, NEW: 9, f"rollover:{OLD}": 0}
    assert account.books.expired == 3


def test_a_renewal_carries_at_most_so_much():
    assert [one.most for one in carried(4, after(*BOTH))] == [4]


def test_a_renewal_that_is_paid_before_the_period_ends_carries_what_is_unused_then():
    early = invoice("in_2", line(20, 40), paid=19)
    account = after(granted(), granted(NEW, since=19, until=40), now=19)

    (command,) = carried(4, account, FIRST, early, now=19)

    assert (command.effective_at, command.most) == (day(19), 4)
    assert after(command, account=account, now=19).lot_from(OLD).remaining == 6


def test_what_was_forfeited_before_the_period_ends_is_not_carried():
    early = invoice("in_2", line(20, 40), paid=19)
    forfeit = Forfeit(account=ACME, key="forfeit", source=OLD)
    account = after(granted(), forfeit, granted(NEW, since=19, until=40), now=19)

    assert carried(50, account, FIRST, early, now=19) == []


def test_what_was_used_is_not_carried():
    account = after(granted(), Spend(account=ACME, key="job", amount=10), now=1)

    assert carried(50, after(BOTH[1], account=account)) == []


@pytest.mark.parametrize(
    "missing",
    [
        (granted(),),
        (BOTH[1],),
        (granted(), granted(NEW, since=21, until=40, expires_at=None)),
        (granted(), granted(NEW, since=21, until=40, kind=LotKind.PROMOTIONAL, cost=Money(0, "usd"))),
        (granted(), granted(NEW, until=20)),
    ],
)
def test_a_period_that_granted_nothing_that_lasts_longer_neither_carries_nor_is_carried_into(missing):
    assert carried(50, after(*missing)) == []


@pytest.mark.parametrize(
    "other",
    [
        {"until": 19},
        {"until": 21},
        {"expires_at": None},
        {"kind": LotKind.PROMOTIONAL, "cost": Money(0, "usd")},
        {"effective_at": day(20), "expires_at": day(20) + DAY},
    ],
)
def test_only_what_ends_with_the_period_and_was_paid_for_is_carried(other):
    assert carried(50, after(granted(**other), BOTH[1])) == []


def test_what_begins_just_before_the_period_ends_is_carried():
    assert len(carried(50, after(granted(effective_at=day(20) - INSTANT), BOTH[1]))) == 1


def test_what_begins_after_the_renewal_was_paid_is_not_carried():
    early = invoice("in_2", line(20, 40), paid=15)
    account = after(granted(starts_at=day(16)), granted(NEW, since=15, until=40))

    assert carried(50, account, FIRST, early) == []


def test_of_a_year_by_the_month_the_last_one_is_carried_for_a_month():
    year = [invoice("in_1", line(0, 365)), invoice("in_2", line(365, 730), paid=365)]
    old = [granted(f"{OLD}:month:{month}", until=until) for month, until in ((11, 334), (12, 365))]
    new = [granted(f"{NEW}:month:{month}", since=365, until=until) for month, until in ((1, 396), (2, 424))]

    (command,) = carried(50, after(*old, *new, now=365), *year, now=365)

    assert (command.source, command.expires_at) == (f"{OLD}:month:12", day(396))


def test_all_lots_of_a_period_share_what_a_renewal_carries():
    more = invoice("in_more", line(10, 20, proration=True), paid=10, reason="subscription_update")
    account = after(*BOTH, granted("invoice:in_more:line:il_1"))

    assert [(one.source[8:15], one.most) for one in carried(14, account, FIRST, more, SECOND)] == [
        ("in_1:li", 10),
        ("in_more", 4),
    ]


def test_what_is_told_late_is_carried_as_far_as_the_others_left_room():
    more = invoice("in_more", line(10, 20, proration=True), paid=10, reason="subscription_update")
    account = after(*BOTH)
    account = after(*carried(14, account), granted("invoice:in_more:line:il_1"), account=account)

    (command,) = carried(14, account, FIRST, more, SECOND)

    assert (command.source, command.most) == ("invoice:in_more:line:il_1", 4)


def test_what_was_carried_once_is_not_carried_again():
    account = after(*BOTH)
    account = after(*carried(5, account), account=account)

    assert carried(50, account) == []
    third = invoice("in_3", line(40, 60), paid=40)
    account = after(granted("invoice:in_3:line:il_1", since=40, until=60), account=account, now=40)
    assert [one.source for one in carried(50, account, SECOND, third, now=40)] == [NEW]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=4), st.integers(1, 60), st.integers(0, 120))
def test_a_renewal_carries_all_that_was_unused_up_to_the_most_and_never_twice(amounts, most, spent):
    lines = [line(0, 20, f"il_{number}") for number in range(len(amounts))]
    account = Account(ACME)
    for one, amount in zip(lines, amounts, strict=True):
        account = after(granted(f"invoice:in_1:line:{one.id}", amount), account=account, now=1)
    spend = Spend(account=ACME, key="job", amount=min(spent, sum(amounts)))
    account = after(spend, account=account, now=2)
    unused = account.books.available
    account = after(BOTH[1], account=account)

    commands = carried(most, account, invoice("in_1", *lines), SECOND)

    account = after(*commands, account=account)
    assert sum(lot.amount for lot in account.lots if lot.source.startswith("rollover:")) == min(most, unused)
    assert account.books.available == min(most, unused) + 10
    assert all(effected(account, one) for one in commands)
    again = carried(most, account, invoice("in_1", *lines), SECOND)
    assert [one for one in again if not effected(account, one)] == []


# What was carried is found again ------------------------------------------------------------------------------------------


def test_a_lot_is_converted_once_into_each():
    account = after(*BOTH)
    account = after(*carried(4, account), account=account)

    account = after(
        Convert(account=ACME, key="convert", source=OLD, effective_at=day(10)),
        Convert(account=ACME, key="convert carried", source=f"rollover:{OLD}"),
        account=account,
    )

    amounts = {lot.source: (lot.kind.value, lot.remaining) for lot in account.lots if lot.remaining}
    assert amounts == {
        NEW: ("subscription", 10),
        f"convert:{OLD}": ("payg", 6),
        f"convert:rollover:{OLD}": ("payg", 4),
    }


@pytest.mark.parametrize("converted", [False, True])
def test_money_that_went_back_takes_what_was_carried_with_it(converted):
    account = after(*BOTH)
    account = after(*carried(4, account), account=account)
    if converted:
        account = after(Convert(account=ACME, key="convert", source=f"rollover:{OLD}"), account=account)

    account = after(Revoke(account=ACME, key="refunded", source=OLD), account=account)

    assert attrs.asdict(account.books) == {
        **dict.fromkeys(("scheduled", "held", "consumed", "expired", "owed"), 0),
        "issued": -20,
        "available": 10,
        "revoked": 10,
    }
