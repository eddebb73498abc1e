"""Policies: the only place where one concept causes another, such as a paid renewal that grants credits.

Each function looks at facts and returns the ledger's commands that follow from them. Keys and sources are derived from the
facts, so that the same fact, however often and under whatever event it is reported, gives the same commands.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from attrs import field, frozen

from billing_core.domain.credits import AccountId, Convert, Grant, LotKind, Unit
from billing_core.domain.money import MAX_AMOUNT, whole
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
    misfits,
    quarantined,
    read_terms,
    whole_amount,
)
from billing_core.domain.subscriptions import PlanChange
from billing_core.errors import Invalid, ProductQuarantined

__all__ = [
    "CONVERTED",
    "OPENED",
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
    "prices_to_know",
    "purchase_grant",
]

_SUBSCRIPTION_REASONS = frozenset({
    BillingReason.SUBSCRIPTION_CREATE,
    BillingReason.SUBSCRIPTION_CYCLE,
    BillingReason.SUBSCRIPTION_UPDATE,
})
# How the keys of what follows from payments begin; those of the application's own commands must not, or they could meet.
CONVERTED = "convert:"
RESERVED = ("payment:", "invoice:", CONVERTED, "transfer:")
# How the sources of lots begin that commands open by themselves; no grant may take one.
OPENED = (CONVERTED, "refund:", "adjust:", "transfer:")

_YEAR = timedelta(days=365)
_MONTH = timedelta(days=31)


def _levels(asked: Mapping[str, Iterable[int]]) -> Mapping[str, tuple[int, ...]]:
    """Return the levels of each unit, the highest first; shaped as an attrs converter."""
    levels = {
        unit: tuple(sorted({whole("low_balance", one) for one in some}, reverse=True)) for unit, some in asked.items()
    }
    return MappingProxyType(levels)


@frozen
class Policies:
    """What an application can choose.

    Args:
        livemode: None takes live and test news alike; otherwise the other is ignored.
        units: What is counted besides whole credits, with its scale.
        low_balance: For each unit, at which levels the application is told that a balance fell below: once each time.
    """

    livemode: bool | None = None
    units: tuple[Unit, ...] = ()
    low_balance: Mapping[str, tuple[int, ...]] = field(factory=dict, converter=_levels)

    def unit(self, name: str) -> Unit:
        """Return a unit by its name; one that nobody defined is counted in whole numbers."""
        return next((unit for unit in self.units if unit.name == name), Unit(name))


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
    may be written for it must not grant again. A negative line gives back what was not used, and never grants.
    """
    if invoice.reason not in _SUBSCRIPTION_REASONS:
        return ()
    return tuple(line for line in invoice.lines if _may_entitle(line))


def _may_entitle(line: InvoiceLine) -> bool:
    charges = line.amount.amount_minor >= (1 if line.proration or line.one_off else 0)
    named = line.subscription and line.product and (line.price or line.one_off)
    return bool(charges and named and line.quantity > 0)


def prices_to_know(invoice: Invoice) -> frozenset[str]:
    """Return the prices without which the lines of an invoice cannot be judged: those of the subscription itself.

    What was bought along with it may have a price that was made up on the spot.
    """
    return frozenset(line.price for line in entitling_lines(invoice) if line.price and not line.one_off)


def awards(invoice: Invoice, products: Mapping[str, Product], prices: Mapping[str, Price]) -> tuple[Award, ...]:
    """Return what a paid invoice entitles to. `products` are those of its entitling lines, `prices` the `prices_to_know`.

    Raises:
        ProductQuarantined: A product that was paid for does not say clearly what it grants, or was sold in a way that does
            not fit.
    """
    units = _new_units(invoice)
    found = (_award(line, units[line.id], invoice.paid_at, products, prices) for line in entitling_lines(invoice))
    return tuple(award for award in found if award.amount)


def _award(
    line: InvoiceLine, units: int, paid_at: datetime, products: Mapping[str, Product], prices: Mapping[str, Price]
) -> Award:
    product = products[line.product or ""]
    if line.one_off:
        return Award(line, _each(product, _sold_once) * units, LotKind.PAYG, None)
    price = prices[line.price or ""]
    each = _each(product, lambda terms: misfits(terms, price))
    # A line of nothing is a trial, which proves no money, unless the price itself is free.
    paid = line.amount.amount_minor > 0 or price.unit_amount == 0
    return Award(line, each * units if paid else 0, LotKind.SUBSCRIPTION, _expiry(line, paid_at, price))


def _each(product: Product, misfitting: Callable[[CreditTerms], tuple[Problem, ...]]) -> int:
    terms, problems = read_terms(product.id, product.metadata)
    bad = (*quarantined(problems), *misfitting(terms))
    if bad:
        raise ProductQuarantined(product.id, tuple(str(one) for one in bad))
    return terms.credit_amount


def _sold_once(terms: CreditTerms) -> tuple[Problem, ...]:
    if terms.credit_type is not CreditType.SUBSCRIPTION:
        return ()
    return (Problem("", CREDIT_TYPE, str(terms.credit_type), "does not fit what is bought once: it must be `payg`"),)


def _new_units(invoice: Invoice) -> Mapping[str, int]:
    """Return for how many units each line grants. Of a changed quantity that is only what came on top, over all changes.

    A product that goes on at another price is the same product.
    """
    units = {line.id: line.quantity for line in invoice.lines}
    prorations = [line for line in invoice.lines if line.proration]
    for product in {line.product for line in prorations}:
        changes = [line for line in prorations if line.product == product]
        more = sum(one.quantity if one.amount.amount_minor > 0 else -one.quantity for one in changes)
        for line in reversed(changes):
            units[line.id] = min(line.quantity, max(0, more)) if line.amount.amount_minor > 0 else 0
            more -= units[line.id]
    return units


def _expiry(line: InvoiceLine, paid_at: datetime, price: Price) -> datetime:
    """Return the end of the period; a period that was over before it was paid for counts from the payment."""
    if line.period_end and line.period_end > paid_at:
        return line.period_end
    if line.period_end and line.period_start and line.period_start < line.period_end:
        return paid_at + (line.period_end - line.period_start)
    return paid_at + _length(price.recurring)


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
