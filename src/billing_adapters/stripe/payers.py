"""Payers: with what a customer pays who is not there."""

import attrs

from billing_adapters.stripe.calls import Calls, path_to
from billing_adapters.stripe.errors import unreadable
from billing_adapters.stripe.reading import Node
from billing_core.domain.orders import Order, TakePayment
from billing_core.errors import Malformed, ProviderRefused

__all__ = ["PAYMENT_METHOD_MISSING", "paying_now"]

PAYMENT_METHOD_MISSING = "payment_method_missing"


def paying_now(calls: Calls, order: Order) -> Order:
    """Return an order that names with what it is paid, if it is to be paid at once: the default one, else a saved card.

    Raises:
        ProviderRefused: The customer has neither (`payment_method_missing`).
    """
    if not isinstance(order, TakePayment) or not order.off_session or order.payment_method:
        return order
    try:
        return attrs.evolve(order, payment_method=_default(calls, order.customer) or _card(calls, order.customer))
    except Malformed as what:
        raise unreadable(what) from None


def _default(calls: Calls, customer: str) -> str | None:
    settings = Node("customer", calls.get(path_to("customers", customer)).object).optional_node("invoice_settings")
    return settings.optional_reference("default_payment_method") if settings else None


def _card(calls: Calls, customer: str) -> str:
    answer = calls.get(path_to("customers", customer, "payment_methods"), type="card", limit=1)
    if not answer.listed:
        raise ProviderRefused(PAYMENT_METHOD_MISSING, "the customer has no saved payment method", "payment_method")
    return Node("payment_method", answer.listed[0]).text("id")
