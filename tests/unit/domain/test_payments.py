"""Payments: what the metadata of one says that it bought."""

import pytest

from billing_core.domain.payments import Purchase, purchase_in

TOLD = {"billing_purchase": "order_1", "credit_amount": "100", "quantity": "3", "product": "prod_1", "price": "price_1"}


def test_a_purchase_is_read_whole():
    assert purchase_in(TOLD) == Purchase("order_1", "100", "3", "prod_1", "price_1")


def test_a_purchase_says_no_more_than_it_must():
    assert purchase_in({"billing_purchase": "order_1", "product": ""}) == Purchase("order_1", "", "1")


@pytest.mark.parametrize("metadata", [{}, {"credit_amount": "100"}, {**TOLD, "billing_purchase": ""}], ids=repr)
def test_what_is_not_marked_bought_nothing(metadata):
    assert purchase_in(metadata) is None
