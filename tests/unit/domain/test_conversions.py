"""Conversions: what was unused of a lot at one moment goes on as another kind, whenever that is told."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.credits import (
    Account,
    AccountId,
    Book,
    Books,
    Convert,
    Forfeit,
    Grant,
    LotKind,
    Movement,
    Operation,
    PlaceHold,
    Release,
    Revoke,
    Spend,
    balance_at,
    change,
    decide,
)
from billing_core.domain.money import Money
from billing_core.errors import AlreadyGranted, Invalid, KeyReused, UnknownLot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ENDS = NOW + 30 * DAY
ACME = AccountId("acme")
PLAN = Grant(
    account=ACME,
    key="plan",
    source="plan",
    amount=10,
    kind=LotKind.SUBSCRIPTION,
    expires_at=ENDS,
    cost=Money(999, "usd"),
    reference="subscription:sub_1",
)


def spend(amount):
    return Spend(account=ACME, key="spend", amount=amount)


def convert(source="plan", **rest):
    return Convert(**{"account": ACME, "key": f"convert:{source}", "source": source, **rest})


def after(*commands, account=None, now=NOW):
    account = account or Account(ACME)
    for command in commands:
        account = change(account, decide(account, command, now)).account
    return account


def test_what_is_unused_becomes_pay_as_you_go_and_never_expires():
    account = after(PLAN, spend(4))

    (entry,) = decide(account, convert(), NOW)

    assert (entry.operation, entry.amount, entry.change, entry.available_after) == (Operation.CONVERT, 6, 0, 6)
    assert entry.movements == (
        Movement(1, Book.AVAILABLE, Book.ISSUED, 6),
        Movement(3, Book.ISSUED, Book.AVAILABLE, 6),
    )
    assert (entry.opened.kind, entry.opened.priority, entry.opened.amount) == (LotKind.PAYG, 30, 6)
    assert (entry.opened.expires_at, entry.opened.source) == (None, "convert:plan")


def test_the_books_are_as_if_the_credits_had_been_granted_that_way():
    account = after(PLAN, spend(4), convert())

    assert account.books == Books(issued=-10, available=6, consumed=4)
    assert [(lot.source, lot.remaining) for lot in account.lots] == [("plan", 0), ("convert:plan", 6)]


def test_converted_credits_outlive_the_period():
    account = after(PLAN, convert())

    assert balance_at(account, ENDS + DAY).available == 10


def test_credits_may_be_converted_into_another_kind():
    account = after(PLAN, convert(kind=LotKind.ADJUSTMENT))

    assert account.lots[1].kind is LotKind.ADJUSTMENT


def test_the_new_lot_takes_its_share_of_what_was_paid_rounded_down():
    account = after(PLAN, spend(4), convert())

    assert account.lots[1].cost == Money(599, "usd")  # 999 * 6 / 10 is 599.4


def test_a_lot_that_cost_nothing_is_converted_into_one_that_cost_nothing():
    gift = Grant(account=ACME, key="gift", source="gift", amount=10)

    assert after(gift, convert("gift")).lots[1].cost is None


def test_the_new_lot_keeps_the_reference_of_the_old_one():
    assert after(PLAN, convert()).lots[1].reference == "subscription:sub_1"


def test_the_new_lot_takes_the_conversions_own_reference_if_it_has_one():
    assert after(PLAN, convert(reference="change:1")).lots[1].reference == "change:1"


def test_what_expired_after_the_moment_of_the_conversion_comes_back():
    account = after(PLAN, spend(4))

    expired, converted = decide(account, convert(effective_at=NOW + DAY), ENDS + DAY)

    assert expired.operation is Operation.EXPIRE
    assert (converted.effective_at, converted.recorded_at) == (NOW + DAY, ENDS + DAY)
    assert (converted.amount, converted.change, converted.available_after) == (6, 6, 6)
    assert converted.movements == (
        Movement(1, Book.EXPIRED, Book.ISSUED, 6),
        Movement(4, Book.ISSUED, Book.AVAILABLE, 6),
    )


def test_of_what_expired_after_the_moment_of_the_conversion_a_part_may_come_back():
    account = after(PLAN)

    _, converted = decide(account, convert(effective_at=NOW + DAY, most=4), ENDS)

    assert [(one.source.value, one.amount) for one in converted.movements] == [("expired", 4), ("issued", 4)]


@pytest.mark.parametrize("moment", [ENDS, ENDS + DAY])
def test_what_had_expired_by_the_moment_of_the_conversion_stays_expired(moment):
    account = after(PLAN)

    _, converted = decide(account, convert(effective_at=moment), ENDS + 2 * DAY)

    assert (converted.movements, converted.opened, converted.amount, converted.change) == ((), None, 0, 0)


# A part, and for a time ---------------------------------------------------------------------------------------------------


def test_at_most_so_much_is_converted_and_the_rest_stays_as_it_was():
    account = after(PLAN, spend(4))

    (entry,) = decide(account, convert(most=5), NOW)

    assert entry.movements == (Movement(1, Book.AVAILABLE, Book.ISSUED, 5), Movement(3, Book.ISSUED, Book.AVAILABLE, 5))
    assert (entry.amount, entry.opened.amount, entry.opened.cost) == (5, 5, Money(499, "usd"))
    assert balance_at(after(convert(most=5), account=account), ENDS).available == 5


def test_no_more_is_converted_than_was_unused():
    (entry,) = decide(after(PLAN, spend(4)), convert(most=100), NOW)

    assert entry.amount == 6


def test_nothing_may_be_converted():
    (entry,) = decide(after(PLAN), convert(most=0), NOW)

    assert (entry.movements, entry.opened, entry.effective_at) == ((), None, NOW)


def test_what_was_forfeited_is_not_converted():
    forfeit = Forfeit(account=ACME, key="forfeit", source="plan")
    hold = PlaceHold(account=ACME, key="hold", amount=4, expires_in=60 * DAY)
    account = after(PLAN, hold, forfeit, Release(account=ACME, key="release", hold=2))

    (entry,) = decide(account, convert(), NOW)

    assert [(one.source.value, one.amount) for one in entry.movements] == [("available", 4), ("issued", 4)]


def test_the_limit_is_one_for_all_that_a_lot_has():
    lot = attrs.evolve(after(PLAN).lots[0], scheduled=4, remaining=6, effective_at=NOW + DAY)
    account = attrs.evolve(after(PLAN), books=Books(issued=-10, scheduled=4, available=6), lots=(lot,))

    (entry,) = decide(account, convert(most=7), NOW)

    assert [(one.source.value, one.amount) for one in entry.movements] == [
        ("scheduled", 4),
        ("available", 3),
        ("issued", 7),
    ]


def test_converted_credits_may_last_for_a_time():
    account = after(PLAN, convert(expires_at=ENDS + 5 * DAY))

    assert account.lots[1].expires_at == ENDS + 5 * DAY
    assert balance_at(account, ENDS + 4 * DAY).available == 10
    assert balance_at(account, ENDS + 5 * DAY).available == 0


def test_converted_credits_cannot_end_before_they_begin():
    with pytest.raises(Invalid, match="expires_at must be later"):
        decide(after(PLAN), convert(expires_at=NOW), NOW)


def test_a_conversion_that_is_told_late_may_have_expired_since():
    late = convert(effective_at=NOW, expires_at=NOW + DAY)

    converted, expired = decide(after(PLAN), late, NOW + 2 * DAY)

    assert (converted.operation, converted.change) == (Operation.CONVERT, 0)
    assert (expired.operation, expired.effective_at) == (Operation.EXPIRE, NOW + DAY)


def test_what_is_held_is_not_converted():
    hold = PlaceHold(account=ACME, key="hold", amount=4, expires_in=DAY)

    account = after(PLAN, hold, convert())

    assert account.books == Books(issued=-10, available=6, held=4)


def test_a_conversion_repays_nothing_of_what_is_owed():
    pack = Grant(account=ACME, key="pack", source="pack", amount=5, kind=LotKind.PROMOTIONAL)
    revoke = Revoke(account=ACME, key="revoke", source="pack")

    account = after(pack, PLAN, spend(5), revoke, convert())

    assert (account.books.available, account.owes) == (10, 5)


# Once ---------------------------------------------------------------------------------------------------------------------


def test_a_lot_that_was_spent_converts_into_nothing():
    account = after(PLAN, spend(10))

    (entry,) = decide(account, convert(), NOW)

    assert (entry.movements, entry.opened, entry.key) == ((), None, "convert:plan")
    assert decide(after(convert(), account=account), convert(), ENDS) == ()


def test_a_lot_is_converted_once():
    account = after(PLAN, convert())

    with pytest.raises(AlreadyGranted) as refusal:
        decide(account, convert(key="again"), NOW)

    assert (refusal.value.source, refusal.value.seq) == ("convert:plan", 2)


def test_a_conversion_that_came_too_late_leaves_room_for_an_earlier_one():
    account = after(convert(effective_at=ENDS), account=after(PLAN), now=ENDS)

    account = after(convert(key="earlier", effective_at=NOW + DAY), account=account, now=ENDS)

    assert account.books == Books(issued=-10, available=10)


def test_the_same_conversion_again_does_nothing_more():
    assert decide(after(PLAN, convert()), convert(), ENDS) == ()


def test_a_conversion_under_anothers_key_is_refused():
    with pytest.raises(KeyReused):
        decide(after(PLAN), convert(key="plan"), NOW)


def test_what_was_converted_can_be_converted_again():
    account = after(PLAN, convert(), convert("convert:plan", kind=LotKind.PROMOTIONAL))

    assert [(lot.source, lot.remaining) for lot in account.lots] == [
        ("plan", 0),
        ("convert:plan", 0),
        ("convert:convert:plan", 10),
    ]


def test_a_lot_that_nobody_granted_cannot_be_converted():
    with pytest.raises(UnknownLot) as refusal:
        decide(after(PLAN), convert("another"), NOW)

    assert (refusal.value.account, refusal.value.source) == ("acme", "another")


def test_a_conversion_cannot_take_effect_in_the_future():
    with pytest.raises(Invalid, match="effective_at must not lie in the future"):
        decide(after(PLAN), convert(effective_at=NOW + DAY), NOW)


def test_a_conversion_cannot_take_effect_before_the_lot_did():
    with pytest.raises(Invalid, match="effective_at must not lie before the lot was granted"):
        decide(after(PLAN), convert(effective_at=NOW - DAY), NOW)


def test_a_conversion_opens_no_second_lot_of_one_source():
    squatter = Grant(account=ACME, key="squatter", source="convert:plan", amount=1)

    with pytest.raises(AlreadyGranted):
        decide(after(PLAN, squatter), convert(), NOW)


@given(moment=st.integers(0, 60), told=st.integers(0, 60))
def test_when_a_conversion_is_told_makes_no_difference(moment, told):
    moment, told = NOW + moment * DAY, NOW + (moment + told) * DAY

    account = after(convert(effective_at=moment), account=after(PLAN), now=told)

    assert balance_at(account, NOW + 200 * DAY).available == (10 if moment < ENDS else 0)


@given(spent=st.integers(0, 10))
def test_a_share_of_the_cost_is_never_more_than_was_paid(spent):
    account = after(PLAN, spend(spent), convert())

    shares = [lot.cost.amount_minor for lot in account.lots[1:]]

    assert all(0 <= share <= 999 for share in shares)
    assert sum(lot.remaining for lot in account.lots) == 10 - spent
