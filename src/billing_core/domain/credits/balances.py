"""The questions to the ledger: what an account has at one moment."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from attrs import frozen

from billing_core.domain.credits.decisions import fold, settle
from billing_core.domain.credits.values import Account, AccountId, Hold, LotKind
from billing_core.domain.times import moment

__all__ = [
    "Balance",
    "balance_at",
    "holds_at",
]


@frozen
class Balance:
    """What an account has at one moment, in the unit's smallest step.

    `by_kind` divides `available`; what is `held` comes on top. `next_expiry_at` is when `next_expiry_amount` of what is
    available will be lost, None for never.
    """

    account: AccountId
    available: int
    held: int
    by_kind: Mapping[LotKind, int]
    next_expiry_at: datetime | None
    next_expiry_amount: int
    as_of: datetime
    version: int


def balance_at(account: Account, now: datetime) -> Balance:
    """Return what the account has at `now`, whether or not what fell due was written down."""
    settled = fold(account, settle(account, moment(now)))
    by_kind = dict.fromkeys(LotKind, 0)
    for lot in settled.lots:
        by_kind[lot.kind] += lot.remaining
    due_at = min((lot.expires_at for lot in settled.lots if lot.expires_at and lot.remaining), default=None)
    return Balance(
        account=account.id,
        available=settled.books.available,
        held=settled.books.held,
        by_kind=MappingProxyType(by_kind),
        next_expiry_at=due_at,
        next_expiry_amount=sum(lot.remaining for lot in settled.lots if due_at and lot.expires_at == due_at),
        as_of=moment(now),
        version=account.version,
    )


def holds_at(account: Account, now: datetime) -> tuple[Hold, ...]:
    """Return the holds that are open at `now`, in the order in which they were placed."""
    settled = fold(account, settle(account, moment(now)))
    return tuple(hold for hold in settled.holds if hold.open)
