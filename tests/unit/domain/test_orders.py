"""Orders: what the payment provider is asked to do, written down and read again, and what it answers."""

import json
from datetime import datetime
from typing import get_args

import attrs
import pytest
from hypothesis import given

from billing_core.domain import orders
from billing_core.domain.money import Money
from billing_core.domain.orders import (
    MOST_TRIAL_DAYS,
    CancelSubscription,
    ChangePlan,
    CreateCustomer,
    CreateSubscription,
    IssuedInvoice,
    KeepSubscription,
    OpenCheckout,
    OpenPortal,
    Order,
    PauseSubscription,
    Placed,
    Preview,
    Proration,
    RefundPayment,
    ResumeSubscription,
    SaveCard,
    TakePayment,
    order_of,
    plain_order,
)
from billing_core.errors import Invalid
from billing_core.testing import strategies
from billing_core.testing.contracts.claims import shape
from billing_core.testing.examples import NOW

PAGE = "https://example.test/done"

# The fields without which there is no such order.
NEEDED = {
    CreateCustomer: {"account": "acme"},
    TakePayment: {"customer": "cus_1", "amount_minor": 500, "currency": "usd"},
    OpenCheckout: {"customer": "cus_1", "price": "price_1", "success_url": PAGE},
    OpenPortal: {"customer": "cus_1", "return_url": PAGE},
    SaveCard: {"customer": "cus_1"},
    CreateSubscription: {"customer": "cus_1", "price": "price_1"},
    ChangePlan: {"subscription": "sub_1", "item": "si_1", "price": "price_2"},
    PauseSubscription: {"subscription": "sub_1"},
    ResumeSubscription: {"subscription": "sub_1"},
    CancelSubscription: {"subscription": "sub_1"},
    KeepSubscription: {"subscription": "sub_1"},
    RefundPayment: {"payment": "pi_1"},
}

# What no field of this name takes, in whichever order it stands.
NAMES = [None, 7, "", " padded", "two\nlines", "x" * 256]
LONG = [7, "", " padded", "x" * 511]
AMOUNTS = [0, -1, 1.0, "1", True, None]
FLAGS = [0, 1, None, "yes"]
DAYS = [0, -1, MOST_TRIAL_DAYS + 1, 1.0, True]
BAD = {
    **dict.fromkeys(("account", "customer", "price", "subscription", "item", "payment", "proration"), NAMES),
    **dict.fromkeys(("payment_method", "coupon", "promotion_code"), NAMES[1:]),
    **dict.fromkeys(("email", "name", "description"), LONG),
    **dict.fromkeys(("off_session", "recurring", "codes", "at_period_end"), FLAGS),
    "quantity": AMOUNTS,
    "trial_days": DAYS,
    "currency": [None, 7, "", "US", "USD", "dollars"],
    "success_url": [None, 7, "", "done", "javascript:alert(1)", "example.test/done"],
    "return_url": [None, 7, "", "done"],
    "cancel_url": [7, "", "done"],
    "metadata": [None, 7, "text", ["a"], {"a": 1}, {1: "a"}, {"a": None}, {"a": {"b": "c"}}],
}


def an_order(kind, **rest):
    return kind(**{**NEEDED[kind], **rest})


def bad_fields():
    for kind in get_args(Order):
        for field in attrs.fields(kind):
            of_refunds = {"amount_minor": AMOUNTS[:-1], "reason": NAMES[1:]} if kind is RefundPayment else {}
            for value in (BAD | {"amount_minor": AMOUNTS} | of_refunds)[field.name]:
                yield pytest.param(kind, field.name, value, id=f"{kind.__name__}.{field.name}={value!r:.20}")


@pytest.mark.parametrize(("kind", "field", "value"), [*bad_fields()])
def test_an_order_that_cannot_be_is_refused(kind, field, value):
    with pytest.raises(Invalid) as refusal:
        an_order(kind, **{field: value})

    assert refusal.value.field == field


@pytest.mark.parametrize("kind", get_args(Order))
def test_an_order_needs_what_nothing_can_replace(kind):
    assert an_order(kind)
    assert {one.name for one in attrs.fields(kind) if one.default is attrs.NOTHING} == NEEDED[kind].keys()


@pytest.mark.parametrize(
    ("kind", "edge"),
    [
        (CreateSubscription, {"trial_days": 1}),
        (CreateSubscription, {"trial_days": MOST_TRIAL_DAYS}),
        (OpenCheckout, {"trial_days": MOST_TRIAL_DAYS, "recurring": True}),
        (OpenCheckout, {"success_url": "http://localhost:8000/done", "cancel_url": PAGE}),
        (CreateCustomer, {"email": "e" * 510, "name": "n" * 510}),
        (TakePayment, {"amount_minor": 1}),
        (RefundPayment, {"amount_minor": 1, "reason": "duplicate"}),
    ],
)
def test_an_order_at_the_edge_is_accepted(kind, edge):
    made = an_order(kind, **edge)

    assert {name: getattr(made, name) for name in edge} == edge


@pytest.mark.parametrize(
    "discounts",
    [
        {"coupon": "half", "promotion_code": "promo_1"},
        {"coupon": "half", "codes": True},
        {"promotion_code": "promo_1", "codes": True},
        {"coupon": "half", "promotion_code": "promo_1", "codes": True},
    ],
    ids="+".join,
)
def test_a_page_takes_one_kind_of_discount(discounts):
    with pytest.raises(Invalid, match="choose one of the three"):
        an_order(OpenCheckout, **discounts)


@pytest.mark.parametrize("discount", [{}, {"coupon": "half"}, {"promotion_code": "promo_1"}, {"codes": True}], ids=str)
def test_a_page_takes_one_discount(discount):
    assert an_order(OpenCheckout, **discount)


def test_what_is_paid_once_has_no_trial():
    with pytest.raises(Invalid, match="trial_days belongs to a subscription"):
        an_order(OpenCheckout, trial_days=7)


def test_metadata_of_an_order_does_not_change_any_more():
    mine = {"b": "2", "a": "1"}
    order = an_order(TakePayment, metadata=mine)

    mine["c"] = "3"

    assert [*order.metadata.items()] == [("a", "1"), ("b", "2")]
    with pytest.raises(TypeError):
        order.metadata["c"] = "3"


# Plain orders -------------------------------------------------------------------------------------------------------------


@given(order=strategies.orders())
def test_an_order_that_is_written_down_is_the_same_order(order):
    plain = plain_order(order)

    assert shape(order_of(plain)) == shape(order)
    assert shape(order_of(json.loads(json.dumps(plain)))) == shape(order)


@pytest.mark.parametrize("kind", get_args(Order))
def test_a_plain_order_leaves_out_what_is_left_to_its_default(kind):
    plain = plain_order(an_order(kind))

    assert plain == {"kind": kind.__name__, **NEEDED[kind]}
    assert order_of(plain) == an_order(kind)


def test_a_plain_order_tells_what_is_not_left_to_its_default():
    order = an_order(CancelSubscription, at_period_end=False)

    assert plain_order(order) == {"kind": "CancelSubscription", "subscription": "sub_1", "at_period_end": False}


@pytest.mark.parametrize("kind", [None, "", 7, ["SaveCard"], "savecard", "Placed", "Order"], ids=repr)
def test_an_order_of_an_unknown_kind_is_refused(kind):
    with pytest.raises(Invalid, match="order is of a kind that this version does not know"):
        order_of({"kind": kind, "customer": "cus_1"})


def test_what_is_of_no_kind_is_refused():
    with pytest.raises(Invalid, match="does not know: None"):
        order_of({"customer": "cus_1"})


@pytest.mark.parametrize(
    "plain",
    [{"kind": "SaveCard"}, {"kind": "SaveCard", "customer": "cus_1", "hurry": True}, {"kind": "SaveCard", "kunde": "c"}],
    ids=["too little", "too much", "something else"],
)
def test_an_order_with_other_fields_is_refused(plain):
    with pytest.raises(Invalid, match="has not the fields that a SaveCard of this version has"):
        order_of(plain)


def test_a_plain_order_is_checked_as_every_order_is():
    with pytest.raises(Invalid, match="quantity must be"):
        order_of({"kind": "CreateSubscription", "customer": "cus_1", "price": "price_1", "quantity": 0})


def test_every_kind_of_order_can_be_read():
    assert {*orders._KINDS.values()} == {*get_args(Order)}  # noqa: SLF001 - or the last one to come is forgotten


# Answers ------------------------------------------------------------------------------------------------------------------


def test_an_answer_keeps_its_secrets_to_itself():
    placed = Placed(id="pi_1", url="https://pay.test/hush", secret="pi_1_secret_hush")

    assert "hush" not in repr(placed)
    assert "pi_1" in repr(placed)


def test_the_page_of_an_invoice_is_not_told_by_accident():
    nothing = Money(0, "usd")
    invoice = IssuedInvoice(
        id="in_1", status="open", total=nothing, due=nothing, issued_at=NOW, url="https://pay.test/hush"
    )

    assert "hush" not in repr(invoice)


@pytest.mark.parametrize(
    "make",
    [
        lambda at: Preview(due=Money(1, "usd"), at=at),
        lambda at: IssuedInvoice(id="in_1", status="open", total=Money(1, "usd"), due=Money(1, "usd"), issued_at=at),
    ],
    ids=["a preview", "an invoice"],
)
def test_answers_tell_times_in_utc(make):
    assert make(NOW)
    with pytest.raises(Invalid, match="time must be aware"):
        make(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_ways_to_settle_a_change_are_names():
    assert an_order(ChangePlan).proration == Proration.NOW
    assert an_order(ChangePlan, proration="a new way").proration == "a new way"
