"""Strategies for top-ups: rules, and what became of them."""

from typing import Any

from hypothesis import strategies as st

from billing_core.domain.credits import AccountId
from billing_core.domain.money import MAX_AMOUNT
from billing_core.domain.topups import (
    LONGEST_BACK_OFF,
    LONGEST_PERIOD,
    MOST_PURCHASES,
    SHORTEST,
    Settled,
    TopUp,
    TopUpIntent,
    TopUpRule,
)
from billing_core.testing.strategies.primitives import instants, maybe_instant, names

__all__ = ["top_up_rules", "top_ups"]


def top_up_rules(account: AccountId) -> st.SearchStrategy[TopUpRule]:
    """Draw rules for an account, up to the largest figures."""
    amounts = st.integers(1, MAX_AMOUNT)
    return st.builds(
        TopUpRule,
        account=st.just(account),
        threshold=amounts,
        pack=names(),
        quantity=amounts,
        most_purchases=st.integers(1, MOST_PURCHASES),
        per=st.timedeltas(SHORTEST, LONGEST_PERIOD),
        back_off=st.timedeltas(SHORTEST, LONGEST_BACK_OFF),
    )


def top_ups(account: AccountId) -> st.SearchStrategy[TopUp]:
    """Draw top-ups of an account that were never written: in flight, waiting, removed, and neither."""
    free: dict[str, st.SearchStrategy[Any]] = {"next_attempt_at": maybe_instant}
    flying = {"enabled": st.booleans(), "in_flight": st.builds(TopUpIntent, names(), instants())}
    removed = {"enabled": st.just(False)}  # noqa: FBT003 - a strategy
    past: dict[str, st.SearchStrategy[Any]] = {
        "rule": top_up_rules(account),
        "settled": st.none() | st.builds(Settled, names(), st.booleans()),
        "purchases": st.lists(instants(), max_size=3).map(tuple),
        "declines": st.integers(0, 1_000),
    }
    return st.one_of(*(st.builds(TopUp, **past, **state) for state in (free, flying, removed)))
