"""The laws of holds: whatever was granted, and whenever it expires, holding credits neither makes nor loses any."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import attrs
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.credits import (
    Account,
    AccountId,
    Book,
    Capture,
    Expire,
    Grant,
    LotKind,
    PlaceHold,
    Release,
    Spend,
    balance_at,
    change,
    decide,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = AccountId("acme")
LONG = 1000 * HOUR

# An account of some lots, many of which expire within the 30 hours in which things happen.
lots = st.tuples(st.integers(1, 9), st.sampled_from(LotKind), st.none() | st.integers(1, 30))
hours = st.integers(0, 30)


def funded(drawn):
    grants = [
        Grant(
            account=ACME,
            key=f"k{number}",
            source=f"s{number}",
            amount=amount,
            kind=kind,
            expires_at=lasts and NOW + lasts * HOUR,
        )
        for number, (amount, kind, lasts) in enumerate(drawn)
    ]
    return after(*((NOW, one) for one in grants))


accounts = st.lists(lots, min_size=1, max_size=6).map(funded)


def after(*steps, account=None):
    account = account or Account(ACME)
    for now, command in steps:
        account = change(account, decide(account, command, now)).account
    return account


def place(amount, lasting=LONG):
    return PlaceHold(account=ACME, key="hold", amount=amount, expires_in=lasting)


def capture(hold, amount=None, key="capture", **rest):
    return Capture(account=ACME, key=key, hold=hold, amount=amount, **rest)


def release(hold):
    return Release(account=ACME, key="release", hold=hold)


def swept(account):
    """Return books and lots when everything has fallen due that ever will."""
    account = after((NOW + 2 * LONG, Expire(account=ACME)), account=account)
    return account.books, account.lots


@st.composite
def holdings(draw):
    """Draw an account, an amount that it can hold, and the number that the hold will have."""
    account = draw(accounts)
    return account, draw(st.integers(1, account.books.available)), account.version + 1


@given(holdings())
def test_a_hold_that_is_released_at_once_leaves_everything_as_it_was(holding):
    account, amount, number = holding

    released = after((NOW, place(amount)), (NOW, release(number)), account=account)

    assert (released.books, released.lots) == (account.books, account.lots)


@given(holdings(), hours)
def test_a_hold_that_is_released_costs_nothing_but_what_expired_anyway(holding, pause):
    account, amount, number = holding
    then = NOW + pause * HOUR

    released = after((NOW, place(amount)), (then, release(number)), account=account)

    assert balance_at(released, then).available == balance_at(account, then).available
    assert swept(released) == swept(account)


@given(holdings(), hours)
def test_a_hold_that_is_captured_is_a_spend_at_the_moment_of_the_hold(holding, pause):
    account, amount, number = holding

    held = after((NOW, place(amount)), (NOW + pause * HOUR, capture(number)), account=account)
    spent = after((NOW, Spend(account=ACME, key="spend", amount=amount)), account=account)

    assert swept(held) == swept(spent)


@given(holdings(), hours, st.data())
def test_a_capture_of_a_part_is_a_spend_of_that_part_at_the_moment_of_the_hold(holding, pause, data):
    account, amount, number = holding
    part = data.draw(st.integers(0, amount))

    held = after((NOW, place(amount)), (NOW + pause * HOUR, capture(number, part)), account=account)
    spent = after((NOW, Spend(account=ACME, key="spend", amount=part)), account=account)

    assert swept(held) == swept(spent)


@given(holdings(), st.data())
def test_how_a_capture_is_divided_makes_no_difference(holding, data):
    account, amount, number = holding
    total = data.draw(st.integers(0, amount))
    cuts = sorted(data.draw(st.lists(st.integers(0, total), max_size=4)))
    parts = [end - start for start, end in pairwise((0, *cuts, total)) if end > start] or [0]
    moments = sorted(data.draw(st.lists(hours, min_size=len(parts), max_size=len(parts))))
    held = after((NOW, place(amount)), account=account)

    divided = [
        (NOW + hour * HOUR, capture(number, part, f"part-{place}", final=False))
        for place, (hour, part) in enumerate(zip(moments, parts, strict=True))
    ]
    once = (NOW + moments[-1] * HOUR, capture(number, total, final=False))

    in_parts, at_once = after(*divided, account=held), after(once, account=held)
    assert (in_parts.books, in_parts.lots, in_parts.holds) == (at_once.books, at_once.lots, at_once.holds)


@given(holdings(), st.data())
def test_a_final_capture_is_one_that_is_not_and_a_release(holding, data):
    account, amount, number = holding
    held = after((NOW, place(amount)), account=account)
    part = data.draw(st.integers(0, amount - 1))

    final = after((NOW, capture(number, part)), account=held)
    in_two = after((NOW, capture(number, part, final=False)), (NOW, release(number)), account=held)

    assert (final.books, final.lots, final.holds) == (in_two.books, in_two.lots, in_two.holds)


@given(holdings(), st.integers(1, 30))
def test_a_hold_that_times_out_is_one_that_was_released_at_that_moment(holding, lasts):
    account, amount, number = holding
    then = NOW + lasts * HOUR

    timed_out = after((NOW, place(amount, lasts * HOUR)), (then, Expire(account=ACME)), account=account)
    released = after((NOW, place(amount)), (then, release(number)), account=account)

    assert (timed_out.books, timed_out.lots) == (released.books, released.lots)


@given(holdings(), st.lists(hours, min_size=2, max_size=5).map(sorted), st.integers(1, 30))
def test_when_anybody_looks_makes_no_difference(holding, looks, lasts):
    account, amount, _ = holding
    held = after((NOW, place(amount, lasts * HOUR)), account=account)

    often = after(*((NOW + look * HOUR, Expire(account=ACME)) for look in looks), account=held)
    once = after((NOW + looks[-1] * HOUR, Expire(account=ACME)), account=held)

    assert (often.books, often.lots, often.holds, often.version) == (once.books, once.lots, once.holds, once.version)


@given(holdings(), hours)
def test_whatever_expires_a_hold_can_be_captured_and_no_credit_comes_from_elsewhere(holding, pause):
    account, amount, number = holding
    held = after((NOW, place(amount)), account=account)

    *_, entry = decide(held, capture(number), NOW + pause * HOUR)

    assert [(one.lot, one.amount) for one in entry.movements] == [(one.lot, one.amount) for one in held.hold(number).slices]
    assert {(one.source, one.target) for one in entry.movements} == {(Book.HELD, Book.CONSUMED)}


@given(accounts, st.lists(st.integers(1, 9), min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_the_order_in_which_holds_are_captured_makes_no_difference(account, amounts, random):
    numbers = []
    for amount in amounts:
        if amount <= account.books.available:
            numbers.append(account.version + 1)
            account = after((NOW, attrs.evolve(place(amount), key=f"hold-{len(numbers)}")), account=account)
    shuffled = random.sample(numbers, len(numbers))

    one = after(*((NOW, capture(number, key=f"capture-{number}")) for number in numbers), account=account)
    other = after(*((NOW, capture(number, key=f"capture-{number}")) for number in shuffled), account=account)

    assert (one.books, one.lots, one.holds) == (other.books, other.lots, other.holds)
