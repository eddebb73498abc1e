"""Money: exact amounts of one currency, whatever is thrown at them."""

import operator
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.money import Currency, Money, whole
from billing_core.errors import CurrencyMismatch, Invalid
from billing_core.testing import strategies

USD, JPY, KWD = Currency("usd"), Currency("jpy"), Currency("kwd")

comparisons = pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
sums = pytest.mark.parametrize("combine", [operator.add, operator.sub])


def dollars(minor):
    return Money(minor, USD)


@pytest.mark.parametrize(("code", "decimals"), [("usd", 2), ("isk", 2), ("ugx", 2), ("jpy", 0), ("krw", 0), ("kwd", 3)])
def test_a_currency_knows_the_decimals_in_which_the_provider_counts(code, decimals):
    assert Currency(code).exponent == decimals


@pytest.mark.parametrize("code", ["USD", "us", "usdt", "", "u$d", " usd", "usd\n", "éur", None, 840, b"usd"])
def test_a_currency_is_three_lower_case_letters(code):
    with pytest.raises(Invalid, match="currency must be three lower-case letters"):
        Currency(code)


def test_a_currency_is_written_in_capitals():
    assert str(KWD) == "KWD"


def test_currencies_sort_by_their_code():
    assert sorted([USD, KWD, JPY]) == [JPY, KWD, USD]


@pytest.mark.parametrize("amount", [1.0, True, Decimal(1), "1", None])
def test_an_amount_is_a_true_int(amount):
    with pytest.raises(Invalid, match=f"amount_minor must be a whole number .* not {type(amount).__name__}"):
        Money(amount, USD)


def test_whole_names_what_it_refuses():
    with pytest.raises(Invalid, match="seats must be a whole number"):
        whole("seats", 1.5)


def test_a_currency_may_be_given_by_its_code():
    assert Money(5, "usd") == Money(5, USD)


@pytest.mark.parametrize("currency", [None, 840, b"usd"])
def test_what_is_no_currency_is_refused(currency):
    with pytest.raises(Invalid, match="currency"):
        Money(5, currency)


@pytest.mark.parametrize(
    ("major", "currency", "minor"),
    [
        ("12.34", "usd", 1234),
        ("12", "usd", 1200),
        (12, "usd", 1200),
        (Decimal("12.340"), "usd", 1234),
        ("500", "jpy", 500),
        ("1.234", "kwd", 1234),
        ("-0.01", "usd", -1),
        ("1e2", "usd", 10_000),
    ],
)
def test_major_units_are_read_in_the_currencys_decimals(major, currency, minor):
    assert Money.of(major, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("major", "currency"), [("0.005", "usd"), ("0.1", "jpy"), ("1.2345", "kwd"), (Decimal("1e-3"), "usd")]
)
def test_more_decimals_than_the_currency_has_are_refused(major, currency):
    with pytest.raises(Invalid, match="has no whole number of minor units"):
        Money.of(major, currency)


@pytest.mark.parametrize("major", ["NaN", "sNaN", "Infinity", "-Infinity", "1e200", "1e999999"])
def test_an_amount_is_finite_and_within_reason(major):
    with pytest.raises(Invalid, match="is no amount of money"):
        Money.of(major, USD)


@pytest.mark.parametrize("major", ["", "ten", "1,000", "0x10"])
def test_text_that_is_no_number_is_refused(major):
    with pytest.raises(Invalid, match="is not a number"):
        Money.of(major, USD)


@pytest.mark.parametrize("major", [12.34, True, None, b"12"])
def test_major_units_come_as_text_int_or_decimal(major):
    with pytest.raises(Invalid, match=f"amount must be text, int or Decimal, not {type(major).__name__}"):
        Money.of(major, USD)


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (dollars(1234), "12.34 USD"),
        (dollars(-5), "-0.05 USD"),
        (dollars(0), "0.00 USD"),
        (Money(500, JPY), "500 JPY"),
        (Money(1, KWD), "0.001 KWD"),
    ],
)
def test_money_is_written_with_exactly_its_currencys_decimals(money, text):
    assert str(money) == text


def test_money_is_added_subtracted_negated_and_multiplied():
    assert (dollars(5) + dollars(7), dollars(5) - dollars(7), -dollars(5), dollars(5) * 3) == (
        dollars(12),
        dollars(-2),
        dollars(-5),
        dollars(15),
    )


def test_money_is_ordered_by_its_amount():
    one, two = dollars(1), dollars(2)

    assert one < two
    assert one <= one  # noqa: PLR0124 - that an amount is not more than itself is the claim
    assert two > one
    assert two >= two  # noqa: PLR0124 - the same


@sums
def test_two_currencies_are_never_added(combine):
    with pytest.raises(CurrencyMismatch) as refusal:
        combine(dollars(1), Money(1, JPY))

    assert (refusal.value.left, refusal.value.right) == ("USD", "JPY")


@comparisons
def test_two_currencies_are_never_compared(compare):
    with pytest.raises(CurrencyMismatch):
        compare(dollars(1), Money(1, JPY))


@comparisons
def test_money_is_not_compared_with_numbers(compare):
    with pytest.raises(Invalid, match="amount must be Money, not int"):
        compare(dollars(1), 1)


@sums
def test_numbers_are_not_added_to_money(combine):
    with pytest.raises(Invalid, match="amount must be Money, not int"):
        combine(dollars(1), 1)


@pytest.mark.parametrize("quantity", [1.5, True, Decimal(2), "2"])
def test_money_is_multiplied_by_whole_quantities_only(quantity):
    with pytest.raises(Invalid, match="quantity must be a whole number"):
        dollars(1) * quantity


def test_equal_amounts_of_two_currencies_differ():
    assert dollars(1) != Money(1, JPY)


dollar_amounts = st.integers(-(2**63), 2**63).map(dollars)


@given(dollar_amounts, dollar_amounts, dollar_amounts)
def test_adding_is_associative_and_commutative(one, two, three):
    assert (one + two) + three == one + (two + three)
    assert one + two == two + one


@given(dollar_amounts, dollar_amounts)
def test_subtracting_undoes_adding(one, two):
    assert one + two - two == one
    assert one + -one == dollars(0)


@given(dollar_amounts, st.integers(-1000, 1000))
def test_multiplying_is_adding_again_and_again(money, quantity):
    assert money * quantity + money == money * (quantity + 1)


@given(strategies.moneys())
def test_the_major_amount_reads_back_as_the_same_money(money):
    assert Money.of(money.major, money.currency) == money
    assert Money.of(str(money).split()[0], money.currency) == money


@given(dollar_amounts, dollar_amounts)
def test_exactly_one_of_less_equal_and_greater_holds(one, two):
    assert [one < two, one == two, one > two].count(True) == 1


def test_what_the_thread_rounds_to_does_not_change_money():
    with localcontext(prec=4):
        money = Money.of("12345.67", USD)

    assert money == dollars(1_234_567)


def test_amounts_of_any_length_are_exact():
    huge = dollars(10**40 + 1)

    assert Money.of(huge.major, USD) == huge
