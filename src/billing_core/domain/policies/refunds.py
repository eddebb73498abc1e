"""Refunds: how many credits go back with the money that bought them, and what moves them there or back again.

Credits go in proportion to the money, rounded down over all that is gone: a part never takes more than its share, many
parts never more than one whole, and the whole takes everything. Nothing here depends on the order of the news: each time,
what the money that is gone now takes is compared with what was taken for it before.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from attrs import frozen

from billing_core.domain.credits import Account, AccountId, Entry, Lot, Operation, Restore, Revoke, Shortfall
from billing_core.domain.mirrors import Kind
from billing_core.domain.money import Money
from billing_core.domain.payments import Invoice, Payment
from billing_core.domain.policies.invoices import entitling_lines
from billing_core.domain.policies.sources import OF_PAYMENTS, line_sources, payment_source
from billing_core.domain.refunds import Dispute, Refund

__all__ = ["MoneyGone", "Sale", "clawback", "family", "invoice_sales", "money_gone", "payment_sale", "shares"]


@frozen
class Sale:
    """What money bought: the sources of its lots, those first that are to be taken back first, and the whole sum."""

    account: AccountId
    sources: tuple[str, ...]
    paid: Money


@frozen
class MoneyGone:
    """Money of a payment that went back. `by` names the refund or the dispute."""

    by: str
    payment: str
    amount: Money
    at: datetime


# What was bought, and what is gone ----------------------------------------------------------------------------------------


def payment_sale(payment: Payment) -> tuple[Sale, ...]:
    """Return what a payment bought by itself, if it is known for whom."""
    if not payment.account:
        return ()
    return (Sale(AccountId(payment.account), (payment_source(payment),), payment.amount),)


def invoice_sales(invoice: Invoice) -> tuple[Sale, ...]:
    """Return what the lines of a paid invoice bought, each in proportion to the whole invoice.

    Of a line that was granted by the month the last month goes first, which nobody has used yet. What was free, such as the
    credits of a trial, is not taken back with money.
    """
    if not invoice.account:
        return ()
    owner = AccountId(invoice.account)
    charged = (line for line in entitling_lines(invoice) if line.amount.amount_minor > 0)
    return tuple(Sale(owner, line_sources(invoice, line)[::-1], invoice.amount_paid) for line in charged)


def money_gone(refunds: Iterable[Refund], disputes: Iterable[Dispute]) -> tuple[MoneyGone, ...]:
    """Return the money that went back by these, in order of time."""
    refunded = (MoneyGone(Kind.REFUND.named(one.id), one.payment, one.amount, one.at) for one in refunds if one.gone)
    taken = (MoneyGone(Kind.DISPUTE.named(one.id), one.payment, one.amount, one.at) for one in disputes if one.gone)
    return tuple(sorted((*refunded, *taken), key=lambda one: (one.at, one.by)))


# How many credits go ------------------------------------------------------------------------------------------------------


def shares(lots: Sequence[Lot], paid: Money, gone: Iterable[MoneyGone]) -> Iterator[tuple[Lot, int]]:
    """Return how many credits of each lot go with the money; no more money counts than was paid.

    An amount in another currency than was paid is no part of it that could be told: it counts as the whole.
    """
    whole = paid.amount_minor
    back = min(sum(one.amount.amount_minor if one.amount.currency == paid.currency else whole for one in gone), whole)
    left = sum(lot.amount for lot in lots) * back // whole if whole > 0 else 0
    for lot in lots:
        share = min(lot.amount, left)
        left -= share
        yield lot, share


def family(source: str) -> frozenset[str]:
    """Return the sources of a lot and of those to which its credits may have gone."""
    return frozenset({source, *Revoke(account=AccountId("anybody"), key="any", source=source).successors})


def clawback(
    account: Account, lot: Lot, share: int, gone: Sequence[MoneyGone], shortfall: Shortfall, at: datetime | None
) -> Revoke | Restore | None:
    """Return the next command until exactly the share of a lot is taken back for money that is gone; None when it is.

    What was taken last returns first, until nothing is taken for money that is not gone after all, and not too much; so it
    ends as if that money had never been told to be gone. What a person restored is not taken again. `account` has the lot
    with its family, and all that follows them up; `at` is when the news came about.
    """
    because = {one.by for one in gone}
    taken = [one for one in _revocations(account, lot) if not _returned(account, one)]
    standing = [one for one in taken if not account.following(one.seq, Operation.RESTORE)]
    founded = [one for one in taken if one.reference in because]
    asked = sum(map(_asked, founded))
    if standing and (asked > share or any(one.reference not in because for one in standing)):
        return _undoing(account, standing[-1], at)
    more = min(share - asked, _left(account, lot))
    return _taking(account, lot, more, _cause(gone, founded), shortfall) if more > 0 else None


def _undoing(account: Account, revocation: Entry, at: datetime | None) -> Restore:
    return Restore(
        account=account.id,
        key=f"{revocation.key}:undone",
        revocation=revocation.seq,
        reference=revocation.reference,
        reason="the money did not go back",
        effective_at=at,
    )


def _taking(account: Account, lot: Lot, amount: int, cause: MoneyGone, shortfall: Shortfall) -> Revoke:
    number = len(_revocations(account, lot)) + 1
    return Revoke(
        account=account.id,
        key=f"{OF_PAYMENTS}{cause.payment}:{cause.by}:lot:{lot.number}:{number}:{amount}",
        source=lot.source,
        amount=amount,
        shortfall=shortfall,
        reference=cause.by,
        reason="the money went back",
        effective_at=cause.at,
    )


def _cause(gone: Sequence[MoneyGone], founded: Iterable[Entry]) -> MoneyGone:
    """Return what more is taken for: the last of which nothing is taken yet."""
    told = {one.reference for one in founded}
    return next((one for one in reversed(gone) if one.by not in told), gone[-1])


def _revocations(account: Account, lot: Lot) -> Sequence[Entry]:
    """Return what was taken back of a lot because of money; what the application took by itself is none of it."""
    return [one for one in account.following(lot.number, Operation.REVOKE) if _ours(one)]


def _returned(account: Account, revocation: Entry) -> bool:
    return any(map(_ours, account.following(revocation.seq, Operation.RESTORE)))


def _ours(entry: Entry) -> bool:
    return bool(entry.key and entry.key.startswith(OF_PAYMENTS))


def _asked(revocation: Entry) -> int:
    """Return how many credits a revocation was to take: its key says so, also where they were forgiven."""
    return int((revocation.key or "").rpartition(":")[2])


def _left(account: Account, lot: Lot) -> int:
    found = (account.lot_from(source) for source in family(lot.source))
    return lot.amount - sum(one.revoked for one in found if one)
