"""Sell through a payment provider and account for credits without losing or inventing a single one.

`Billing` is the one object an application holds; everything else here is what its methods take, return and raise.
"""

from billing_core.billing import Billing
from billing_core.domain.credits import AccountId, Balance, Entry, Explanation, Hold, Lot, LotKind
from billing_core.domain.entitlements import Entitlements
from billing_core.domain.money import Currency, Money
from billing_core.domain.policies import Policies
from billing_core.domain.products import CreditTerms, CreditType, Price, Problem, Product
from billing_core.domain.subscriptions import Status, Subscription
from billing_core.domain.webhooks import AlreadyApplied, Applied, Deferred, Failed, Ignored
from billing_core.errors import BillingError, HoldClosed, InsufficientCredits, KeyReused, Refused, WebhookRejected

__all__ = [
    "AccountId",
    "AlreadyApplied",
    "Applied",
    "Balance",
    "Billing",
    "BillingError",
    "CreditTerms",
    "CreditType",
    "Currency",
    "Deferred",
    "Entitlements",
    "Entry",
    "Explanation",
    "Failed",
    "Hold",
    "HoldClosed",
    "Ignored",
    "InsufficientCredits",
    "KeyReused",
    "Lot",
    "LotKind",
    "Money",
    "Policies",
    "Price",
    "Problem",
    "Product",
    "Refused",
    "Status",
    "Subscription",
    "WebhookRejected",
]
