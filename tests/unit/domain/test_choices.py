"""Choices: the original semantics unless the application chose otherwise, and nothing but what there is to choose."""

import pytest

from billing_core.domain.policies import OnPlanChange, Policies, Rollover, TrialCredits, Yearly
from billing_core.errors import Invalid


def test_the_original_semantics_are_the_default():
    assert Policies() == Policies(
        rollover=None, plan_change=OnPlanChange.CONVERT, yearly=Yearly.AT_ONCE, trial=TrialCredits.NONE
    )


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"plan_change": "keep"}, "plan_change must be one of convert, forfeit, keep, as OnPlanChange"),
        ({"yearly": TrialCredits.NONE}, "yearly must be one of at_once, monthly, as Yearly"),
        ({"trial": None}, "trial must be one of none, as_paid, as TrialCredits"),
        ({"rollover": 100}, "rollover must be a Rollover, or None for none"),
    ],
)
def test_another_word_is_refused(wrong, why):
    with pytest.raises(Invalid, match=why):
        Policies(**wrong)


@pytest.mark.parametrize("most", [0, -1, 1.5, True])
def test_a_renewal_carries_a_whole_number_of_credits_or_none(most):
    with pytest.raises(Invalid, match="most must be"):
        Rollover(most)
