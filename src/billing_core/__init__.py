"""Sell through a payment provider and account for credits without losing or inventing a single one.

`Billing` is the one object that an application holds; the rest is what its methods take, return and raise. Each name is
imported when it is first asked for (PEP 562), so that `import billing_core` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from billing_core.application.reading import Report, Statement
    from billing_core.billing import Billing
    from billing_core.domain.credits import (
        AccountId,
        Balance,
        Book,
        Entry,
        Expiring,
        Explanation,
        Finding,
        Grant,
        Hold,
        Lot,
        LotKind,
        Movement,
        Operation,
        Shortfall,
        Spend,
        Unit,
    )
    from billing_core.domain.customers import Customer
    from billing_core.domain.entitlements import Entitlements
    from billing_core.domain.events import Event, Message
    from billing_core.domain.intents import Intent, IntentState
    from billing_core.domain.money import Currency, Money
    from billing_core.domain.orders import IssuedInvoice, Placed, Preview, Proration
    from billing_core.domain.pages import Unreadable
    from billing_core.domain.payments import Payment, Purchase
    from billing_core.domain.policies import OnPlanChange, Policies, Rollover, TrialCredits, Yearly
    from billing_core.domain.products import CreditTerms, CreditType, Price, Problem, Product, Severity
    from billing_core.domain.refunds import Dispute, Refund
    from billing_core.domain.subscriptions import PlanChange, Status, Subscription, SubscriptionItem
    from billing_core.domain.syncs import SyncReport
    from billing_core.domain.topups import TopUp, TopUpIntent, TopUpRule
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
        AlreadyRestored,
        BadSignature,
        BillingError,
        Conflict,
        CurrencyMismatch,
        HoldClosed,
        HoldExceeded,
        InsufficientCredits,
        Invalid,
        KeyReused,
        Malformed,
        NotForSale,
        NotMigrated,
        ProductQuarantined,
        ProviderDeclined,
        ProviderDenied,
        ProviderError,
        ProviderRefused,
        ProviderUnavailable,
        RefundExceeded,
        Refused,
        RevocationExceeded,
        Stale,
        StoreError,
        StoreUnavailable,
        Unknown,
        UnknownAccount,
        UnknownEntry,
        UnknownHold,
        UnknownIntent,
        UnknownLot,
        UnknownPayment,
        UnknownPrice,
        UnknownProduct,
        UnknownSubscription,
        UnknownTopUp,
        UnknownWebhook,
        WebhookRejected,
    )

__all__ = [
    "AccountId",
    "AlreadyApplied",
    "AlreadyGranted",
    "AlreadyRestored",
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
    "Dispute",
    "Entitlements",
    "Entry",
    "Event",
    "Expiring",
    "Explanation",
    "Failed",
    "Finding",
    "Grant",
    "Hold",
    "HoldClosed",
    "HoldExceeded",
    "Ignored",
    "InsufficientCredits",
    "Intent",
    "IntentState",
    "Invalid",
    "IssuedInvoice",
    "KeyReused",
    "Lot",
    "LotKind",
    "Malformed",
    "Message",
    "Money",
    "Movement",
    "NotForSale",
    "NotMigrated",
    "OnPlanChange",
    "Operation",
    "Outcome",
    "Payment",
    "Placed",
    "PlanChange",
    "Policies",
    "Preview",
    "Price",
    "Problem",
    "Product",
    "ProductQuarantined",
    "Proration",
    "ProviderDeclined",
    "ProviderDenied",
    "ProviderError",
    "ProviderRefused",
    "ProviderUnavailable",
    "Purchase",
    "Refund",
    "RefundExceeded",
    "Refused",
    "Report",
    "RevocationExceeded",
    "Rollover",
    "Severity",
    "Shortfall",
    "Spend",
    "Stale",
    "Statement",
    "Status",
    "StoreError",
    "StoreUnavailable",
    "Subscription",
    "SubscriptionItem",
    "SyncReport",
    "TopUp",
    "TopUpIntent",
    "TopUpRule",
    "TrialCredits",
    "Unit",
    "Unknown",
    "UnknownAccount",
    "UnknownEntry",
    "UnknownHold",
    "UnknownIntent",
    "UnknownLot",
    "UnknownPayment",
    "UnknownPrice",
    "UnknownProduct",
    "UnknownSubscription",
    "UnknownTopUp",
    "UnknownWebhook",
    "Unreadable",
    "WebhookRejected",
    "Yearly",
]

# Where the names live, for the interpreter; the imports above say it to the type checkers.
_HOMES = {
    name: f"{__name__}.{module}"
    for module, names in {
        "application.reading": "Report Statement",
        "billing": "Billing",
        "domain.credits": (
            "AccountId Balance Book Entry Expiring Explanation Finding Grant Hold Lot LotKind Movement Operation "
            "Shortfall Spend Unit"
        ),
        "domain.customers": "Customer",
        "domain.entitlements": "Entitlements",
        "domain.events": "Event Message",
        "domain.intents": "Intent IntentState",
        "domain.money": "Currency Money",
        "domain.orders": "IssuedInvoice Placed Preview Proration",
        "domain.pages": "Unreadable",
        "domain.payments": "Payment Purchase",
        "domain.policies": "OnPlanChange Policies Rollover TrialCredits Yearly",
        "domain.products": "CreditTerms CreditType Price Problem Product Severity",
        "domain.refunds": "Dispute Refund",
        "domain.subscriptions": "PlanChange Status Subscription SubscriptionItem",
        "domain.syncs": "SyncReport",
        "domain.topups": "TopUp TopUpIntent TopUpRule",
        "domain.webhooks": "AlreadyApplied Applied Deferred Delivery DeliveryState Failed Ignored Outcome",
        "errors": (
            "AlreadyGranted AlreadyRestored BadSignature BillingError Conflict CurrencyMismatch HoldClosed "
            "HoldExceeded InsufficientCredits Invalid KeyReused Malformed NotForSale NotMigrated ProductQuarantined "
            "ProviderDeclined ProviderDenied ProviderError ProviderRefused ProviderUnavailable RefundExceeded Refused "
            "RevocationExceeded Stale StoreError StoreUnavailable Unknown UnknownAccount UnknownEntry UnknownHold "
            "UnknownIntent UnknownLot UnknownPayment UnknownPrice UnknownProduct UnknownSubscription UnknownTopUp "
            "UnknownWebhook WebhookRejected"
        ),
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
