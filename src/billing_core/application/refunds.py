"""Refunds and disputes: credits that go back with the money that bought them, and return if the money does.

Whatever is told of a payment, all that is known of it is looked at again, so that the order makes no difference. What it
bought is known once it is recorded; so a refund waits for its payment. Which invoice it was made for may be told later than
its refund, and is then looked at from that side, by one at a time.
"""

from collections.abc import Sequence
from datetime import datetime

from billing_core.application.mirroring import keep
from billing_core.application.recording import carry_out_once
from billing_core.application.work import Missing, Work
from billing_core.domain.credits import Account, Lot, Needs, Operation
from billing_core.domain.events import DISPUTE_CHANGED, REFUND_CHANGED
from billing_core.domain.mirrors import Kind, Mirrored
from billing_core.domain.payments import Invoice, Payment, Settlement
from billing_core.domain.policies import (
    MoneyGone,
    Sale,
    clawback,
    family,
    invoice_sales,
    money_gone,
    payment_sale,
    shares,
)
from billing_core.domain.refunds import Dispute, Refund, Refunded

__all__ = ["check_refunds", "record_dispute", "record_refund", "record_settlement"]


def record_refund(work: Work, incoming: Mirrored[Refund]) -> None:
    """Keep a refund, and take back what its money bought, or return it if the refund failed.

    Raises:
        Missing: Its payment is not known yet, or the invoice that it was made for.
    """
    payment = _payment(work, incoming.value.payment)
    kept = keep(work, work.unit.refunds, Kind.REFUND, incoming)
    if kept.changed:
        _tell(work, REFUND_CHANGED, payment, kept.before, kept.after, incoming.revision.occurred_at)
    _look_at(work, payment, incoming.revision.occurred_at)


def record_dispute(work: Work, incoming: Mirrored[Dispute]) -> None:
    """Keep a dispute, and take back what the money bought while it is gone.

    Raises:
        Missing: Its payment is not known yet, or the invoice that it was made for.
    """
    payment = _payment(work, incoming.value.payment)
    kept = keep(work, work.unit.disputes, Kind.DISPUTE, incoming)
    if kept.changed:
        _tell(work, DISPUTE_CHANGED, payment, kept.before, kept.after, incoming.revision.occurred_at)
    _look_at(work, payment, incoming.revision.occurred_at)


def record_settlement(work: Work, settlement: Settlement) -> None:
    """Keep which invoice a payment was made for, and take back what that bought if the money is gone already.

    Raises:
        Missing: The payment is not known yet; or the invoice, and the money is gone.
    """
    payment = _payment(work, settlement.payment)
    if work.unit.payments.record_settlement(settlement):
        _look_at(work, payment, None)


def check_refunds(work: Work, refunded: Refunded) -> None:
    """Make sure that all refunds of a payment are known.

    Raises:
        Missing: They do not add up to what was refunded yet.
    """
    known = work.unit.refunds.of_payments([refunded.payment])
    if sum(one.amount.amount_minor for one in known) < refunded.amount.amount_minor:
        raise Missing(Kind.REFUNDS.named(refunded.payment))


def _payment(work: Work, payment: str) -> Payment:
    """Return a payment, which nobody else can be looking at."""
    found = work.unit.payments.payments([payment], lock=True)
    if payment not in found:
        raise Missing(Kind.PAYMENT.named(payment))
    return found[payment]


def _look_at(work: Work, payment: Payment, at: datetime | None) -> None:
    """Take back, or return, what the money that is gone of a payment makes necessary."""
    if not (work.unit.refunds.of_payments([payment.id]) or work.unit.disputes.of_payments([payment.id])):
        return
    for sale in payment_sale(payment):
        _claw_back(work, sale, [payment.id], at)
    invoice = _invoice(work, payment)
    if invoice:
        settling = work.unit.payments.settling(invoice.id)
        for sale in invoice_sales(invoice):
            _claw_back(work, sale, settling, at)


def _invoice(work: Work, payment: Payment) -> Invoice | None:
    settled = work.unit.payments.settled_by([payment.id]).get(payment.id)
    if settled is None:
        return None
    found = work.unit.payments.invoices([settled])
    if settled not in found:
        raise Missing(Kind.INVOICE.named(settled))
    return found[settled]


def _claw_back(work: Work, sale: Sale, payments: Sequence[str], at: datetime | None) -> None:
    # Other payments of the same invoice are not locked, but their refunds are looked at while the account is.
    account = work.unit.ledger.load([Needs(sale.account, sources=frozenset(sale.sources))], lock=True)[sale.account]
    gone = money_gone(work.unit.refunds.of_payments(payments), work.unit.disputes.of_payments(payments))
    lots = [lot for lot in map(account.lot_from, sale.sources) if lot]
    for lot, share in shares(lots, sale.paid, gone):
        _take(work, sale, lot, share, gone, at)


def _take(work: Work, sale: Sale, lot: Lot, share: int, gone: Sequence[MoneyGone], at: datetime | None) -> None:
    while command := clawback(_with_history(work, sale, lot), lot, share, gone, work.policies.shortfall, at):
        carry_out_once(work, [command])


def _with_history(work: Work, sale: Sale, lot: Lot) -> Account:
    """Return an account with a lot and its family, what was taken back of it, and what was restored of that."""
    found = _loaded(work, sale, lot, frozenset({lot.number}))
    revocations = {one.seq for one in found.following(lot.number, Operation.REVOKE)}
    return _loaded(work, sale, lot, frozenset({lot.number, *revocations})) if revocations else found


def _loaded(work: Work, sale: Sale, lot: Lot, entries: frozenset[int]) -> Account:
    return work.unit.ledger.load([Needs(sale.account, sources=family(lot.source), entries=entries)], lock=work.lock)[
        sale.account
    ]


def _tell(
    work: Work, name: str, payment: Payment, before: Refund | Dispute | None, after: Refund | Dispute, at: datetime
) -> None:
    kind = Kind.REFUND if isinstance(after, Refund) else Kind.DISPUTE
    work.tell(
        name,
        kind.named(after.id),
        payment.account,
        at,
        payment=payment.id,
        amount_minor=after.amount.amount_minor,
        currency=after.amount.currency.code,
        status=after.status,
        status_before=before.status if before else None,
    )
