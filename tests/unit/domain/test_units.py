"""Units: into how small steps one of what is counted is divided, and what is no amount of it."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.credits import MAX_AMOUNT, Unit
from billing_core.errors import Invalid

FINE = Unit("tokens", 6)


@pytest.mark.parametrize(
    ("scale", "amount", "steps"),
    [
        (0, Decimal(5), 5),
        (2, Decimal("0.05"), 5),
        (6, Decimal(1), 1_000_000),
        (6, Decimal("0.000001"), 1),
        (6, Decimal("0.2000000000"), 200_000),
        (6, Decimal("1E+3"), 1_000_000_000),
        (2, Decimal("-0.05"), -5),
        (2, Decimal("-0"), 0),
        (12, Decimal("1E-12"), 1),
    ],
)
def test_a_decimal_counts_whole_units(scale, amount, steps):
    assert Unit("tokens", scale).steps(amount) == steps


@pytest.mark.parametrize("amount", [0, 5, -5, MAX_AMOUNT])
def test_an_int_counts_the_smallest_steps(amount):
    assert FINE.steps(amount) == amount


@pytest.mark.parametrize("amount", [0.5, 5.0, float("nan"), True, "5", None, 5j])
def test_anything_else_is_refused_whatever_it_holds(amount):
    with pytest.raises(Invalid, match=f"amount must be a whole number .int., not {type(amount).__name__}"):
        FINE.steps(amount)


@pytest.mark.parametrize("amount", ["0.0000001", "1.0000005", "-0.0000001", "1E-90", "1" + "0" * 20 + "E-27"])
def test_an_amount_finer_than_the_smallest_step_is_refused(amount):
    with pytest.raises(Invalid, match="amount must have at most 6 decimals in tokens"):
        FINE.steps(Decimal(amount))


def test_an_amount_is_refused_and_not_rounded_however_fine_it_is():
    with pytest.raises(Invalid, match="at most 6 decimals"):
        FINE.steps(Decimal("1." + "0" * 40 + "1"))


@pytest.mark.parametrize("amount", ["NaN", "-NaN", "sNaN", "Infinity", "-Infinity", "1E+999999", "1E-999999", "1E+11"])
def test_what_is_no_number_of_steps_that_can_be_counted_is_refused(amount):
    with pytest.raises(Invalid, match=f"amount must be a number of at most {MAX_AMOUNT} smallest steps"):
        FINE.steps(Decimal(amount))


def test_the_largest_amount_is_the_same_in_every_unit():
    largest = Decimal(MAX_AMOUNT).scaleb(-6)

    assert FINE.steps(largest) == MAX_AMOUNT
    assert FINE.steps(-largest) == -MAX_AMOUNT
    with pytest.raises(Invalid, match="smallest steps"):
        FINE.steps(largest + Decimal("0.000001"))
    with pytest.raises(Invalid, match="smallest steps"):
        FINE.steps(-largest - Decimal("0.000001"))


@pytest.mark.parametrize(("scale", "text"), [(0, "12345"), (2, "123.45"), (6, "0.012345"), (12, "1.2345E-8")])
def test_steps_are_read_as_whole_units(scale, text):
    assert str(Unit("tokens", scale).whole(12345)) == text


@given(st.integers(-MAX_AMOUNT, MAX_AMOUNT), st.integers(0, 12))
def test_steps_come_back_as_they_were_whatever_the_callers_decimals_do(steps, scale):
    unit = Unit("tokens", scale)

    with localcontext(prec=3):
        assert unit.steps(unit.whole(steps)) == steps


def test_a_unit_is_credits_that_are_not_divided_unless_it_says_otherwise():
    assert (Unit().name, Unit().scale) == ("credits", 0)


@pytest.mark.parametrize("scale", [-1, 13, 1.0, True, "2", None])
def test_a_scale_is_a_small_whole_number(scale):
    with pytest.raises(Invalid, match="scale must be"):
        Unit("tokens", scale)


@pytest.mark.parametrize("name", ["", " ", "two\nlines", "x" * 256, 5, None])
def test_a_unit_has_a_name(name):
    with pytest.raises(Invalid, match="name must"):
        Unit(name)
