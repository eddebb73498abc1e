"""Invoices: what the lines of a subscription's paid invoice grant, and when."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import accumulate, pairwise

import attrs
from attrs import frozen

from billing_core.domain.credits import AccountId, Grant, LotKind
from billing_core.domain.money import Money
from billing_core.domain.payments import BillingReason, Invoice, InvoiceLine
from billing_core.domain.policies.choices import Policies, TrialCredits, Yearly
from billing_core.domain.policies.periods import YEAR, expiry, known_period, months
from billing_core.domain.policies.sources import installment_source, line_source
from billing_core.domain.products import (
    CREDIT_TYPE,
    CreditTerms,
    CreditType,
    Interval,
    Price,
    Problem,
    Product,
    misfits,
    quarantined,
    read_terms,
)
from billing_core.errors import ProductQuarantined

__all__ = ["Award", "awards", "entitling_lines", "incomplete", "invoice_grants", "prices_to_know"]

_SUBSCRIPTION_REASONS = frozenset({
    BillingReason.SUBSCRIPTION_CREATE,
    BillingReason.SUBSCRIPTION_CYCLE,
    BillingReason.SUBSCRIPTION_UPDATE,
})


@frozen
class Award:
    """The credits that one paid invoice line entitles to, or those of one of its months.

    `cost` is what was paid for them. They begin when they are paid for, unless `starts_at` says later; `expires_at` None is
    never. `month` counts from 1, and is None where the line grants all at once.
    """

    line: InvoiceLine
    amount: int
    kind: LotKind
    cost: Money
    expires_at: datetime | None = None
    starts_at: datetime | None = None
    month: int | None = None


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


def awards(
    invoice: Invoice, products: Mapping[str, Product], prices: Mapping[str, Price], policies: Policies
) -> tuple[Award, ...]:
    """Return what a paid invoice entitles to. `products` are those of its entitling lines, `prices` the `prices_to_know`.

    Raises:
        ProductQuarantined: A product that was paid for does not say clearly what it grants, or was sold in a way that does
            not fit.
    """
    units = _new_units(invoice)
    found = (
        award
        for line in entitling_lines(invoice)
        for award in _line_awards(line, units[line.id], invoice.paid_at, products, prices, policies)
    )
    return tuple(award for award in found if award.amount)


def _line_awards(
    line: InvoiceLine,
    units: int,
    paid_at: datetime,
    products: Mapping[str, Product],
    prices: Mapping[str, Price],
    policies: Policies,
) -> Iterable[Award]:
    product = products[line.product or ""]
    if line.one_off:
        return [Award(line, _each(product, _sold_once) * units, LotKind.PAYG, line.amount)]
    price = prices[line.price or ""]
    each = _each(product, lambda terms: misfits(terms, price))
    # A line of nothing is a trial, which proves no money, unless the price itself is free.
    paid = line.amount.amount_minor > 0 or price.unit_amount == 0
    if not paid and policies.trial is TrialCredits.NONE:
        return []
    kind = LotKind.SUBSCRIPTION if paid else LotKind.PROMOTIONAL
    award = Award(line, each * units, kind, line.amount, expiry(line, paid_at, price))
    return _installments(award, price, paid_at) if policies.yearly is Yearly.MONTHLY else [award]


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


# Monthly installments -----------------------------------------------------------------------------------------------------


def _installments(award: Award, price: Price, paid_at: datetime) -> Iterator[Award]:
    """Divide what a year grants among its months, the remainder among the first ones.

    A period that is shorter, such as the rest of a year, grants for the months that begin in it. Months that had begun when
    the period was paid for are granted at once, and those that were over last as long as the one that was running.
    """
    period = known_period(award.line, paid_at)
    if not (period and award.amount and price.recurring and price.recurring.interval is Interval.YEAR):
        yield award
        return
    parts = YEAR * price.recurring.count
    begins = months(*period)[:parts]
    ends = (*begins[1:], period[1])
    running_until = next(end for end in ends if end > paid_at)
    each, rest = divmod(award.amount, parts)
    amounts = [each + (number < rest) for number in range(len(begins))]
    costs = _shares(award.cost, amounts)
    for number, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        yield attrs.evolve(
            award,
            amount=amounts[number],
            cost=costs[number],
            expires_at=max(end, running_until),
            starts_at=begin if number and begin > paid_at else None,
            month=number + 1,
        )


def _shares(cost: Money, amounts: Iterable[int]) -> list[Money]:
    """Divide what was paid in proportion to what it grants, so that the shares add up to it."""
    sums = [*accumulate(amounts, initial=0)]
    paid = [cost.amount_minor * one // sums[-1] for one in sums]
    return [Money(after - before, cost.currency) for before, after in pairwise(paid)]


# Grants -------------------------------------------------------------------------------------------------------------------


def invoice_grants(invoice: Invoice, owner: str, awarded: Iterable[Award]) -> tuple[Grant, ...]:
    """Return the grants of the credits that the lines of a paid invoice entitle to."""
    return tuple(_grant(invoice, owner, award) for award in awarded)


def _grant(invoice: Invoice, owner: str, award: Award) -> Grant:
    whole = line_source(invoice, award.line)
    source = installment_source(whole, award.month) if award.month else whole
    return Grant(
        account=AccountId(owner),
        key=source,
        source=source,
        amount=award.amount,
        kind=award.kind,
        effective_at=invoice.paid_at,
        starts_at=award.starts_at,
        expires_at=award.expires_at,
        cost=award.cost,
        reference=f"subscription:{award.line.subscription}",
    )
