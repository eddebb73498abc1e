"""Sources: how the lots that follow from news are named, so that the same money grants once, and what they are."""

from datetime import datetime

from billing_core.domain.credits import Lot, LotKind
from billing_core.domain.payments import Invoice, InvoiceLine, Payment
from billing_core.domain.policies.periods import known_period, months

__all__ = [
    "CONVERTED",
    "FORFEITED",
    "OF_PAYMENTS",
    "OPENED",
    "RESERVED",
    "ROLLED",
    "for_a_trial",
    "installment_source",
    "line_source",
    "line_sources",
    "payment_source",
    "rolled_source",
    "unused",
]

# How the keys of what follows from payments begin; those of the application's own commands must not, or they could meet.
CONVERTED = "convert"
FORFEITED = "forfeit"
ROLLED = "rollover"
OF_PAYMENTS = "payment:"
RESERVED = (OF_PAYMENTS, "invoice:", f"{CONVERTED}:", f"{FORFEITED}:", f"{ROLLED}:", "transfer:")
# How the sources of lots begin that commands open by themselves; no grant may take one.
OPENED = (f"{CONVERTED}:", f"{ROLLED}:", "refund:", "adjust:", "transfer:")


def payment_source(payment: Payment) -> str:
    """Return the name of the money of a payment, under which it grants once."""
    return f"{OF_PAYMENTS}{payment.id}"


def line_source(invoice: Invoice, line: InvoiceLine) -> str:
    """Return the name of the money of one invoice line, under which it grants once."""
    return f"invoice:{invoice.id}:line:{line.id}"


def installment_source(whole: str, month: int) -> str:
    """Return the name of the part of a line's money that one of its months grants for."""
    return f"{whole}:month:{month}"


def rolled_source(source: str) -> str:
    """Return the name of the lot into which a renewal carries what was unused of another."""
    return f"{ROLLED}:{source}"


def line_sources(invoice: Invoice, line: InvoiceLine) -> tuple[str, ...]:
    """Return every name under which one line can have granted, whatever the policy was then."""
    source = line_source(invoice, line)
    period = known_period(line, invoice.paid_at)
    count = len(months(*period)) if period else 0
    return (source, *(installment_source(source, month) for month in range(1, count + 1)))


def for_a_trial(lot: Lot) -> bool:
    """Tell whether a lot was granted before any money was: such credits end with the trial, whatever else happens."""
    return lot.kind is LotKind.PROMOTIONAL and lot.cost is not None and lot.cost.amount_minor == 0


def unused(lot: Lot, now: datetime) -> int:
    """Return what nobody used of a lot, with what expired at its end; what it lost before was forfeited."""
    return lot.scheduled + lot.remaining + (lot.expired if lot.due(now) else 0)
