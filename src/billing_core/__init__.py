"""Sell through a payment provider and account for credits without losing or inventing a single one.

`Billing` is the one object that an application holds; the rest is what its methods take, return and raise.
"""

from billing_core.application.credits import Statement
from billing_core.billing import Billing
from billing_core.domain.credits import AccountId, Balance, Book, Entry, Lot, LotKind, Movement, Operation
from billing_core.domain.customers import Customer
from billing_core.domain.entitlements import Entitlements
from billing_core.domain.events import Event, Message
from billing_core.domain.money import Currency, Money
from billing_core.domain.payments import Payment, Purchase
from billing_core.domain.policies import Policies
from billing_core.domain.products import CreditTerms, CreditType, Price, Problem, Product, Severity
from billing_core.domain.subscriptions import PlanChange, Status, Subscription, SubscriptionItem
from billing_core.domain.webhooks import (
    AlreadyApplied,
    Applied,
    Deferred,
    Delivery,
    DeliveryState,
    Failed,
    Ignored,
    Outcome,
)
from billing_core.errors import (
    AlreadyGranted,
    BadSignature,
    BillingError,
    Conflict,
    CurrencyMismatch,
    InsufficientCredits,
    Invalid,
    KeyReused,
    Malformed,
    NotMigrated,
    Refused,
    Stale,
    StoreError,
    StoreUnavailable,
    Unknown,
    UnknownAccount,
    UnknownProduct,
    UnknownWebhook,
    WebhookRejected,
)

__all__ = [
    "AccountId",
    "AlreadyApplied",
    "AlreadyGranted",
    "Applied",
    "BadSignature",
    "Balance",
    "Billing",
    "BillingError",
    "Book",
    "Conflict",
    "CreditTerms",
    "CreditType",
    "Currency",
    "CurrencyMismatch",
    "Customer",
    "Deferred",
    "Delivery",
    "DeliveryState",
    "Entitlements",
    "Entry",
    "Event",
    "Failed",
    "Ignored",
    "InsufficientCredits",
    "Invalid",
    "KeyReused",
    "Lot",
    "LotKind",
    "Malformed",
    "Message",
    "Money",
    "Movement",
    "NotMigrated",
    "Operation",
    "Outcome",
    "Payment",
    "PlanChange",
    "Policies",
    "Price",
    "Problem",
    "Product",
    "Purchase",
    "Refused",
    "Severity",
    "Stale",
    "Statement",
    "Status",
    "StoreError",
    "StoreUnavailable",
    "Subscription",
    "SubscriptionItem",
    "Unknown",
    "UnknownAccount",
    "UnknownProduct",
    "UnknownWebhook",
    "WebhookRejected",
]
