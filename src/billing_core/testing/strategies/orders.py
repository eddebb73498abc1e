"""Strategies for what a payment provider is asked to do, and what became of it."""

from typing import Any

from hypothesis import strategies as st

from billing_core.domain.intents import Intent, IntentState
from billing_core.domain.money import MAX_AMOUNT
from billing_core.domain.orders import (
    MOST_TRIAL_DAYS,
    CancelSubscription,
    ChangePlan,
    CreateCustomer,
    CreateSubscription,
    KeepSubscription,
    OpenCheckout,
    OpenPortal,
    Order,
    PauseSubscription,
    Proration,
    RefundPayment,
    ResumeSubscription,
    SaveCard,
    TakePayment,
)
from billing_core.testing.strategies.primitives import (
    currencies,
    instants,
    maybe_instant,
    maybe_name,
    maybe_text,
    metadata,
    names,
    texts,
)

__all__ = ["intents", "orders"]

_amounts = st.integers(1, MAX_AMOUNT)
_days = st.none() | st.integers(1, MOST_TRIAL_DAYS)
_long = st.none() | names(longest=400)
_addresses = st.builds(str.__add__, st.sampled_from(("https://", "http://")), names())
# One of these goes with an order.
_discounts: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"coupon": names()}),
    st.fixed_dictionaries({"promotion_code": names()}),
    st.fixed_dictionaries({"codes": st.booleans()}),
)


def orders() -> st.SearchStrategy[Order]:
    """Draw orders of every kind."""
    one = {"subscription": names()}
    return st.one_of(
        st.builds(CreateCustomer, account=names(), email=_long, name=_long),
        _payments(),
        _pages(),
        st.builds(OpenPortal, customer=names(), return_url=_addresses),
        st.builds(SaveCard, customer=names()),
        _begun(),
        _changes(),
        st.builds(PauseSubscription, **one),
        st.builds(ResumeSubscription, **one),
        st.builds(CancelSubscription, **one, at_period_end=st.booleans()),
        st.builds(KeepSubscription, **one),
        st.builds(RefundPayment, payment=names(), amount_minor=st.none() | _amounts, reason=maybe_name),
    )


def intents() -> st.SearchStrategy[Intent]:
    """Draw intents in every state that were never written."""
    return st.builds(
        Intent,
        id=names(),
        account=names(),
        asked=texts(),
        order=orders(),
        asked_at=instants(),
        state=st.sampled_from(IntentState),
        placed=maybe_name,
        code=maybe_text,
        reason=maybe_text,
        attempts=st.integers(0, 1_000),
        next_attempt_at=maybe_instant,
    )


def _payments() -> st.SearchStrategy[Order]:
    return st.builds(
        TakePayment,
        customer=names(),
        amount_minor=_amounts,
        currency=currencies().map(lambda one: one.code),
        off_session=st.booleans(),
        payment_method=maybe_name,
        description=_long,
        metadata=metadata(),
    )


def _pages() -> st.SearchStrategy[Order]:
    recurring: dict[str, st.SearchStrategy[Any]] = {"recurring": st.just(True), "trial_days": _days}  # noqa: FBT003
    return st.builds(
        lambda told, discount, period: OpenCheckout(**told, **discount, **period),
        st.fixed_dictionaries({
            "customer": names(),
            "price": names(),
            "quantity": _amounts,
            "success_url": _addresses,
            "cancel_url": st.none() | _addresses,
            "metadata": metadata(),
        }),
        _discounts,
        st.just({}) | st.fixed_dictionaries(recurring),
    )


def _begun() -> st.SearchStrategy[Order]:
    return st.builds(
        CreateSubscription,
        customer=names(),
        price=names(),
        quantity=_amounts,
        trial_days=_days,
        coupon=maybe_name,
        promotion_code=maybe_name,
        metadata=metadata(),
    )


def _changes() -> st.SearchStrategy[Order]:
    return st.builds(
        ChangePlan,
        subscription=names(),
        item=names(),
        price=names(),
        quantity=_amounts,
        proration=st.sampled_from((Proration.LATER, Proration.NOW, Proration.NONE)) | names(),
    )
