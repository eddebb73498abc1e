"""Previewing: what a change of plan would cost.

Settled at once it is the invoice that it leads to, with taxes, discounts and what the customer has to their credit. Settled
later, or never, it is what it adds to the next invoice.
"""

from datetime import datetime

from billing_adapters.stripe.calls import Calls, Request
from billing_adapters.stripe.ordering import plan_change
from billing_adapters.stripe.reading import Node
from billing_adapters.stripe.shapes import invoice_lines
from billing_core.domain.money import Money
from billing_core.domain.orders import ChangePlan, Preview, Proration
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
    lines, currency = invoice_lines(node), node.currency()
    if change.proration == Proration.NOW:
        return Preview(due=Money(node.integer("amount_due"), currency), at=second, lines=lines)
    # The invoice is that of the next period then, of which the change is only what begins at its moment.
    added = tuple(line for line in lines if line.proration and line.period_start and line.period_start >= second)
    return Preview(due=sum((line.amount for line in added), Money(0, currency)), at=second, lines=added)
