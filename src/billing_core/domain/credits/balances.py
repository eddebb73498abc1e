"""The questions to the ledger: what an account has at one moment."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from attrs import frozen

from billing_core.domain.credits.decisions import settle
from billing_core.domain.credits.evolution import fold
from billing_core.domain.credits.values import Account, AccountId, Hold, LotKind
from billing_core.domain.times import moment

__all__ = [
    "Balance",
    "Expiring",
    "balance_at",
    "holds_at",
]


@frozen
class Expiring:
    """How much of what is available will be lost at a moment, unless it is used before."""

    at: datetime
    amount: int


@frozen
class Balance:
    """What an account has at one moment, in the unit's smallest step.

    `by_kind` divides `available`; what is `held` and what is `scheduled` to begin later comes on top. `owed` is what was
    clawed back after it had been spent, and is repaid by the next grant. `expiring` says when what is available will be
    lost, the earliest first; what never expires is not in it.
    """

    account: AccountId
    available: int
    held: int
    scheduled: int
    owed: int
    by_kind: Mapping[LotKind, int]
    expiring: Sequence[Expiring]
    as_of: datetime
    version: int

    @property
    def next_expiry_at(self) -> datetime | None:
        """When the next credits will be lost; None for never."""
        return self.expiring[0].at if self.expiring else None

    @property
    def next_expiry_amount(self) -> int:
        """How many credits will be lost then."""
        return self.expiring[0].amount if self.expiring else 0


def balance_at(account: Account, now: datetime) -> Balance:
    """Return what the account has at `now`, whether or not what fell due was written down."""
    settled = fold(account, settle(account, moment(now)))
    by_kind = dict.fromkeys(LotKind, 0)
    expiring = Counter[datetime]()
    for lot in settled.lots:
        by_kind[lot.kind] += lot.remaining
        if lot.expires_at and lot.remaining:
            expiring[lot.expires_at] += lot.remaining
    return Balance(
        account=account.id,
        available=settled.books.available,
        held=settled.books.held,
        scheduled=settled.books.scheduled,
        owed=settled.owes,
        by_kind=MappingProxyType(by_kind),
        expiring=tuple(Expiring(at, expiring[at]) for at in sorted(expiring)),
        as_of=moment(now),
        version=account.version,
    )


def holds_at(account: Account, now: datetime) -> tuple[Hold, ...]:
    """Return the holds that are open at `now`, in the order in which they were placed."""
    settled = fold(account, settle(account, moment(now)))
    return tuple(hold for hold in settled.holds if hold.open)
