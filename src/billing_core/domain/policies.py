"""Policies: the only place where one concept causes another, such as a paid renewal that grants credits.

Each function looks at facts and returns the ledger's commands that follow from them. Keys and sources are derived from the
facts, so that the same fact, however often and under whatever event it is reported, gives the same commands.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from attrs import frozen

from billing_core.domain.credits import AccountId, Convert, Grant, LotKind
from billing_core.domain.money import MAX_AMOUNT
from billing_core.domain.payments import QUANTITY, BillingReason, Invoice, InvoiceLine, Payment, Purchase
from billing_core.domain.products import (
    CREDIT_AMOUNT,
    CREDIT_TYPE,
    CreditTerms,
    CreditType,
    Interval,
    Price,
    Problem,
    Product,
    Recurring,
    amount_complaint,
    quarantined,
    read_terms,
    whole_amount,
)
from billing_core.domain.subscriptions import PlanChange
from billing_core.errors import Invalid, ProductQuarantined

__all__ = [
    "RESERVED",
    "Award",
    "Policies",
    "awards",
    "bought",
    "conversions",
    "entitling_lines",
    "incomplete",
    "invoice_grants",
    "line_source",
    "purchase_grant",
    "undecided_prices",
]

_SUBSCRIPTION_REASONS = frozenset({
    BillingReason.SUBSCRIPTION_CREATE,
    BillingReason.SUBSCRIPTION_CYCLE,
    BillingReason.SUBSCRIPTION_UPDATE,
})
# How the keys of what follows from payments begin; those of the application's own commands must not, or they could meet.
RESERVED = ("payment:", "invoice:", "convert:")

_YEAR = timedelta(days=365)
_MONTH = timedelta(days=31)


@frozen
class Policies:
    """What an application can choose. `livemode` None takes live and test news alike; otherwise the other is ignored."""

    livemode: bool | None = None


# One-time payments --------------------------------------------------------------------------------------------------------


def bought(payment: Payment) -> Purchase | None:
    """Return what a payment bought; None if it grants nothing by itself.

    A payment that settles an invoice grants nothing: the invoice does.
    """
    return None if payment.invoice else payment.purchase


def purchase_grant(payment: Payment, purchase: Purchase, owner: str) -> Grant:
    """Return the grant of the credits that a one-time payment bought; they never expire.

    Raises:
        Invalid: The frozen terms cannot be read.
    """
    source = f"payment:{payment.id}"
    return Grant(
        account=AccountId(owner),
        key=source,
        source=source,
        amount=_frozen_amount(purchase),
        kind=LotKind.PAYG,
        effective_at=payment.paid_at,
        cost=payment.amount,
        reference=f"purchase:{purchase.id}",
    )


def _frozen_amount(purchase: Purchase) -> int:
    each = _frozen_number(CREDIT_AMOUNT, purchase.credit_amount)
    quantity = _frozen_number(QUANTITY, purchase.quantity)
    if each * quantity > MAX_AMOUNT:
        raise Invalid(CREDIT_AMOUNT, f"times {QUANTITY} is larger than {MAX_AMOUNT}")
    return each * quantity


def _frozen_number(name: str, text: str) -> int:
    complaint = amount_complaint(text)
    if complaint:
        raise Invalid(name, complaint)
    return whole_amount(text)


# Subscription invoices ----------------------------------------------------------------------------------------------------


@frozen
class Award:
    """The credits that one paid invoice line entitles to; `expires_at` None is never."""

    line: InvoiceLine
    amount: int
    kind: LotKind
    expires_at: datetime | None


def incomplete(invoice: Invoice) -> bool:
    """Tell whether lines that may entitle are missing: granting a part now would hide the rest for good."""
    return invoice.partial and invoice.reason in _SUBSCRIPTION_REASONS


def entitling_lines(invoice: Invoice) -> tuple[InvoiceLine, ...]:
    """Return the lines that may entitle to credits: those of a subscription's invoice that charge for units of a product.

    Other invoices grant nothing: a credit pack is sold by a one-time payment, which grants by itself, and the invoice that
    may be written for it must not grant again. A negative line gives back what was not used, and never grants. A proration
    whose period was over when it was paid settles the past; the new period's credits come with the line of that period.
    """
    if invoice.reason not in _SUBSCRIPTION_REASONS:
        return ()
    return tuple(line for line in invoice.lines if _may_entitle(line, invoice.paid_at))


def _may_entitle(line: InvoiceLine, paid_at: datetime) -> bool:
    if not (line.subscription and line.product and line.quantity > 0):
        return False
    if line.proration:
        return line.amount.amount_minor > 0 and not _over(line, paid_at)
    return line.amount.amount_minor >= 0


def _over(line: InvoiceLine, paid_at: datetime) -> bool:
    return line.period_end is not None and line.period_end <= paid_at


def undecided_prices(invoice: Invoice) -> frozenset[str]:
    """Return the prices that must be known before the lines of an invoice can be judged.

    A line of nothing is a trial, which proves no money, unless the price itself is free; and a line without a period lasts
    as long as its price says.
    """
    lines = entitling_lines(invoice)
    unclear = (line for line in lines if not (line.amount.amount_minor and line.period_start and line.period_end))
    return frozenset(line.price for line in unclear if line.price)


def awards(invoice: Invoice, products: Mapping[str, Product], prices: Mapping[str, Price]) -> tuple[Award, ...]:
    """Return what a paid invoice entitles to. `products` holds those of its entitling lines, `prices` the undecided ones.

    Raises:
        ProductQuarantined: The metadata of a product that was paid for does not say clearly what it grants.
    """
    units = _new_units(invoice)
    granted: list[Award] = []
    for line in entitling_lines(invoice):
        amount = _terms(products[line.product or ""], line).credit_amount * units[line.id]
        if amount and _paid_for(line, prices):
            granted.append(_award(line, amount, invoice.paid_at, prices))
    return tuple(granted)


def _award(line: InvoiceLine, amount: int, paid_at: datetime, prices: Mapping[str, Price]) -> Award:
    if line.one_off:
        return Award(line, amount, LotKind.PAYG, None)
    return Award(line, amount, LotKind.SUBSCRIPTION, _expiry(line, paid_at, prices))


def _terms(product: Product, line: InvoiceLine) -> CreditTerms:
    terms, problems = read_terms(product.id, product.metadata)
    bad = quarantined(problems)
    fitting = CreditType.PAYG if line.one_off else CreditType.SUBSCRIPTION
    if terms.credit_type not in {None, fitting}:
        message = f"does not fit: what was paid for needs `{fitting}`"
        bad = (*bad, Problem(product.id, CREDIT_TYPE, str(terms.credit_type), message))
    if bad:
        raise ProductQuarantined(product.id, tuple(str(one) for one in bad))
    return terms


def _new_units(invoice: Invoice) -> Mapping[str, int]:
    """Return for how many units each line grants. Of a changed quantity that is only what came on top, over all changes."""
    units = {line.id: line.quantity for line in invoice.lines}
    prorations = [line for line in invoice.lines if line.proration and not _over(line, invoice.paid_at)]
    for price in {line.price for line in prorations}:
        changes = [line for line in prorations if line.price == price]
        more = sum(one.quantity if one.amount.amount_minor > 0 else -one.quantity for one in changes)
        for line in reversed(changes):
            units[line.id] = min(line.quantity, max(0, more)) if line.amount.amount_minor > 0 else 0
            more -= units[line.id]
    return units


def _paid_for(line: InvoiceLine, prices: Mapping[str, Price]) -> bool:
    if line.amount.amount_minor:
        return True
    return line.price is not None and prices[line.price].unit_amount == 0


def _expiry(line: InvoiceLine, paid_at: datetime, prices: Mapping[str, Price]) -> datetime:
    """Return the end of the period; a period that was over before it was paid for counts from the payment."""
    if line.period_end and line.period_end > paid_at:
        return line.period_end
    if line.period_end and line.period_start and line.period_start < line.period_end:
        return paid_at + (line.period_end - line.period_start)
    price = prices.get(line.price or "")
    return paid_at + _length(price.recurring if price else None)


def _length(period: Recurring | None) -> timedelta:
    """Return how long a period is taken to be: 31 days a month, 365 a year, 31 if it is unknown or anything else."""
    if period and period.interval is Interval.YEAR:
        return _YEAR * period.count
    return _MONTH * (period.count if period and period.interval is Interval.MONTH else 1)


def line_source(invoice: Invoice, line: InvoiceLine) -> str:
    """Return the name of the money of one invoice line, under which it grants once."""
    return f"invoice:{invoice.id}:line:{line.id}"


def invoice_grants(invoice: Invoice, owner: str, awarded: Iterable[Award]) -> tuple[Grant, ...]:
    """Return the grants of the credits that the lines of a paid invoice entitle to."""
    return tuple(
        Grant(
            account=AccountId(owner),
            key=line_source(invoice, award.line),
            source=line_source(invoice, award.line),
            amount=award.amount,
            kind=award.kind,
            effective_at=invoice.paid_at,
            expires_at=award.expires_at,
            cost=award.line.amount,
            reference=f"subscription:{award.line.subscription}",
        )
        for award in awarded
    )


# Plan changes -------------------------------------------------------------------------------------------------------------


def conversions(owner: str, invoices: Iterable[Invoice], changes: Iterable[PlanChange]) -> tuple[Convert, ...]:
    """Return the conversions that follow from plan changes: what is unused of a price that was left becomes pay-as-you-go.

    Both sides may be complete histories or only what is new; a lot is converted by the first change since its period began.
    A period that is paid for only after the change is converted when it is paid.
    """
    ordered = sorted(changes)
    found = (
        (invoice, line, next((one for one in ordered if one.at >= _begins(invoice, line) and line.price in one.left), None))
        for invoice in invoices
        for line in entitling_lines(invoice)
    )
    return tuple(_conversion(owner, invoice, line, change) for invoice, line, change in found if change)


def _begins(invoice: Invoice, line: InvoiceLine) -> datetime:
    return min(line.period_start or invoice.paid_at, invoice.paid_at)


def _conversion(owner: str, invoice: Invoice, line: InvoiceLine, change: PlanChange) -> Convert:
    source = line_source(invoice, line)
    moment = max(change.at, invoice.paid_at)
    return Convert(account=AccountId(owner), key=f"convert:{source}", source=source, effective_at=moment)
