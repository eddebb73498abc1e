"""Policies: the only place where one concept causes another, such as a paid renewal that grants credits.

Each function looks at facts and returns the ledger's commands that follow from them. Keys and sources are derived from the
facts, so that the same fact, however often and under whatever event it is reported, gives the same commands. `Policies` are
what an application can choose among; each default is the original semantics.
"""

from billing_core.domain.policies.choices import OnPlanChange, Policies, Rollover, TrialCredits, Yearly
from billing_core.domain.policies.invoices import (
    Award,
    awards,
    entitling_lines,
    incomplete,
    invoice_grants,
    prices_to_know,
)
from billing_core.domain.policies.plan_changes import Parting, parted, partings
from billing_core.domain.policies.purchases import bought, purchase_grant
from billing_core.domain.policies.refunds import (
    MoneyGone,
    Sale,
    clawback,
    family,
    invoice_sales,
    money_gone,
    payment_sale,
    shares,
)
from billing_core.domain.policies.rollovers import Renewal, renewals, rolled_over
from billing_core.domain.policies.sales import (
    MOST_UNITS,
    item_to_change,
    pack_order,
    plan_terms,
    purchase_terms,
    require_for_sale,
)
from billing_core.domain.policies.sources import OPENED, RESERVED, line_source

__all__ = [
    "MOST_UNITS",
    "OPENED",
    "RESERVED",
    "Award",
    "MoneyGone",
    "OnPlanChange",
    "Parting",
    "Policies",
    "Renewal",
    "Rollover",
    "Sale",
    "TrialCredits",
    "Yearly",
    "awards",
    "bought",
    "clawback",
    "entitling_lines",
    "family",
    "incomplete",
    "invoice_grants",
    "invoice_sales",
    "item_to_change",
    "line_source",
    "money_gone",
    "pack_order",
    "parted",
    "partings",
    "payment_sale",
    "plan_terms",
    "prices_to_know",
    "purchase_grant",
    "purchase_terms",
    "renewals",
    "require_for_sale",
    "rolled_over",
    "shares",
]
