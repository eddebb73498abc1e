"""Products: what their metadata entitles to, and an explanation of every bad value."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.money import MAX_AMOUNT, Currency
from billing_core.domain.products import (
    CreditTerms,
    CreditType,
    Interval,
    Price,
    Product,
    Recurring,
    Severity,
    amount_complaint,
    lint,
    metadata_map,
    quarantined,
    read_terms,
)
from billing_core.testing import strategies

MONTHLY = Recurring(Interval.MONTH)


def pro(**metadata):
    return Product("prod_1", "Pro", metadata=metadata)


def price(recurring=None, **rest):
    return Price("price_1", "prod_1", Currency("usd"), Decimal(900), recurring, **rest)


def complaints(product, *prices):
    return [str(one) for one in lint(product, prices)]


# Good metadata ------------------------------------------------------------------------------------------------------------


def test_good_metadata_says_what_one_unit_entitles_to():
    product = pro(credit_amount="100", credit_type="subscription", feature_flags="api, sso,api", plan_tier="pro")

    assert lint(product) == ()
    assert product.terms == CreditTerms(100, CreditType.SUBSCRIPTION, ("api", "sso"), "pro")


def test_a_product_without_metadata_sells_no_credits_and_has_no_problem():
    assert lint(pro()) == ()
    assert pro().terms == CreditTerms()


def test_a_product_may_carry_a_tier_and_flags_only():
    product = pro(feature_flags="api", plan_tier="free")

    assert lint(product) == ()
    assert product.terms == CreditTerms(feature_flags=("api",), plan_tier="free")


def test_blanks_around_values_mean_nothing():
    product = pro(credit_amount=" 100\n", credit_type=" payg ", feature_flags=" api ", plan_tier=" pro ")

    assert product.terms == CreditTerms(100, CreditType.PAYG, ("api",), "pro")


@pytest.mark.parametrize("amount", ["1", "007", str(MAX_AMOUNT)])
def test_plain_digits_are_a_good_amount(amount):
    assert amount_complaint(amount) == ""
    assert pro(credit_amount=amount, credit_type="payg").terms.credit_amount == int(amount)


# Bad amounts --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "why"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("0", "is zero"),
        ("000", "is zero"),
        ("-5", "is negative"),
        ("-0", "is negative"),
        ("--5", "is not a whole number"),
        ("-", "is not a whole number"),
        ("+5", "is not a whole number"),
        ("1.5", "is not a whole number"),
        ("1.0", "is not a whole number"),
        ("1e3", "is not a whole number"),
        ("1,000", "is not a whole number"),
        ("1 000", "is not a whole number"),
        ("1_000", "is not a whole number"),
        ("0x10", "is not a whole number"),
        ("ten", "is not a whole number"),
        ("١٢", "is not a whole number"),
        ("\uff15", "is not a whole number"),  # a full-width 5
        ("²", "is not a whole number"),
        (str(MAX_AMOUNT + 1), f"is larger than {MAX_AMOUNT}"),
        pytest.param("9" * 5_000, f"is larger than {MAX_AMOUNT}", id="5000 nines"),
    ],
)
def test_a_bad_amount_is_explained_and_grants_nothing(amount, why):
    product = pro(credit_amount=amount, credit_type="payg")

    (problem,) = lint(product)

    assert (problem.field, problem.value, problem.severity) == ("credit_amount", amount, Severity.ERROR)
    assert problem.message.startswith(why)
    assert product.terms.credit_amount == 0


def test_any_number_of_leading_zeros_can_be_read():
    assert amount_complaint("0" * 5_000).startswith("is zero")
    assert amount_complaint("0" * 5_000 + "7") == ""


def test_an_amount_without_a_type_is_explained():
    assert complaints(pro(credit_amount="5")) == [
        "credit_type is missing: credit_amount is set, so say `payg` or `subscription`"
    ]


def test_a_type_without_an_amount_is_explained():
    assert complaints(pro(credit_type="payg")) == [
        "credit_amount is missing: credit_type is set, so say how many credits one unit grants"
    ]


@pytest.mark.parametrize("credit_type", ["", "monthly", "PAYG", "Subscription", "payg,subscription"])
def test_an_unknown_type_is_explained(credit_type):
    product = pro(credit_amount="5", credit_type=credit_type)

    assert complaints(product) == [f"credit_type {credit_type!r} is unknown: it must be `payg` or `subscription`"]
    assert product.terms.credit_type is None


# Bad flags and tiers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("flags", "bad"), [("", "''"), ("api,,sso", "''"), ("api,", "''"), ("two words", "'two words'")])
def test_a_bad_flag_is_explained(flags, bad):
    (complaint,) = complaints(pro(feature_flags=flags))

    assert complaint.startswith(f"feature_flags {flags!r} holds {bad}: a flag is letters")


def test_the_good_flags_beside_a_bad_one_still_count():
    assert pro(feature_flags="api,not this,sso").terms.feature_flags == ("api", "sso")


@pytest.mark.parametrize("tier", ["", "pro plus", "pro,team", "-pro", "プロ"])
def test_a_bad_tier_is_explained(tier):
    product = pro(plan_tier=tier)

    assert complaints(product) == [f"plan_tier {tier!r} must be one name of letters, digits and `_ . : -`"]
    assert product.terms.plan_tier is None


def test_every_problem_is_named_at_once():
    product = pro(credit_amount="1.5", credit_type="x", feature_flags="", plan_tier="")

    assert [one.field for one in lint(product)] == ["credit_amount", "credit_type", "feature_flags", "plan_tier"]


# Misspelled keys ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("credit_ammount", "credit_amount"),
        ("creditAmount", "credit_amount"),
        ("CREDIT_TYPE", "credit_type"),
        ("credit-type", "credit_type"),
        ("Feature Flags", "feature_flags"),
        ("plan_teir", "plan_tier"),
    ],
)
def test_a_key_that_looks_like_one_of_ours_is_a_warning(key, meant):
    (problem,) = lint(pro(**{key: "x"}))

    assert str(problem) == f"{key} 'x' is not read: did you mean {meant}?"
    assert problem.severity is Severity.WARNING


def test_a_warning_does_not_stop_a_product_from_granting():
    assert quarantined(lint(pro(credit_ammount="x"))) == ()


def test_an_error_does():
    problems = lint(pro(credit_ammount="x", plan_tier=""))

    assert [one.field for one in quarantined(problems)] == ["plan_tier"]


def test_a_misspelling_beside_the_right_key_is_left_alone():
    assert lint(pro(plan_tier="pro", planTier="pro")) == ()


@pytest.mark.parametrize("key", ["color", "credits", "tier", "type", "internal_notes"])
def test_other_peoples_keys_are_left_alone(key):
    assert lint(pro(**{key: "x"})) == ()


# Prices that do not fit ---------------------------------------------------------------------------------------------------


def test_a_recurring_price_does_not_sell_payg_credits():
    (complaint,) = complaints(pro(credit_amount="5", credit_type="payg"), price(MONTHLY))

    assert complaint.startswith("price 'price_1' is recurring, but payg credits are bought once")


def test_a_one_time_price_does_not_sell_subscription_credits():
    (complaint,) = complaints(pro(credit_amount="5", credit_type="subscription"), price())

    assert complaint.startswith("price 'price_1' is one-time, but subscription credits belong to a period")


@pytest.mark.parametrize("credit_type", CreditType)
def test_a_metered_price_sells_no_credits(credit_type):
    metered = price(Recurring(Interval.MONTH, metered=True))

    (complaint,) = complaints(pro(credit_amount="5", credit_type=credit_type), metered)

    assert complaint.startswith("price 'price_1' is metered")


@pytest.mark.parametrize(("credit_type", "recurring"), [("payg", None), ("subscription", MONTHLY)])
def test_a_price_that_fits_is_no_problem(credit_type, recurring):
    assert lint(pro(credit_amount="5", credit_type=credit_type), [price(recurring)]) == ()


@pytest.mark.parametrize("gone", [{"active": False}, {"deleted": True}])
def test_a_price_that_is_not_sold_any_more_is_no_problem(gone):
    assert lint(pro(credit_amount="5", credit_type="payg"), [price(MONTHLY, **gone)]) == ()


def test_any_price_fits_a_product_without_credits():
    assert lint(pro(plan_tier="pro"), [price(), price(MONTHLY)]) == ()


# Values -------------------------------------------------------------------------------------------------------------------


def test_metadata_may_be_absent():
    assert metadata_map(None) == {}


@pytest.mark.parametrize(("deleted", "ended"), [(True, True), (False, False)])
def test_deleted_products_and_prices_have_ended(deleted, ended):
    assert Product("prod_1", "Pro", deleted=deleted).ended is ended
    assert price(deleted=deleted).ended is ended


@given(st.dictionaries(st.sampled_from(["credit_amount", "credit_type", "feature_flags", "plan_tier"]), strategies.texts()))
def test_no_metadata_is_both_unexplained_and_without_its_credits(metadata):
    terms, problems = read_terms("prod_1", metadata)

    assert (terms.credit_amount > 0) == (
        "credit_amount" in metadata and all(one.field != "credit_amount" for one in problems)
    )
    assert 0 <= terms.credit_amount <= MAX_AMOUNT


@given(st.integers(1, MAX_AMOUNT))
def test_every_amount_that_can_be_granted_can_be_typed(amount):
    assert read_terms("prod_1", {"credit_amount": str(amount), "credit_type": "payg"}) == (
        CreditTerms(amount, CreditType.PAYG),
        (),
    )
