"""Previewing: what a change of plan would cost, as the invoice that it would lead to."""

from datetime import datetime

from billing_adapters.stripe.calls import Calls, Request
from billing_adapters.stripe.ordering import plan_change
from billing_adapters.stripe.reading import Node
from billing_adapters.stripe.shapes import invoice_lines
from billing_core.domain.money import Money
from billing_core.domain.orders import ChangePlan, Preview
from billing_core.domain.times import moment

__all__ = ["previewed"]


def previewed(calls: Calls, change: ChangePlan, at: datetime) -> Preview:
    """Return what a change would cost at a moment, in whole seconds.

    Raises:
        Malformed: The answer cannot be read.
    """
    second = moment(at).replace(microsecond=0)
    details = {**plan_change(change), "proration_date": int(second.timestamp())}
    params = {"subscription": change.subscription, "subscription_details": details}
    node = Node("invoice", calls.send(Request("POST", "/v1/invoices/create_preview", params)).object)
    return Preview(due=Money(node.integer("amount_due"), node.currency()), at=second, lines=invoice_lines(node))
