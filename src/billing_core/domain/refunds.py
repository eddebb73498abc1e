"""Refunds and disputes: money that goes back to whoever paid it, because it was returned or because it was taken."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from attrs import field, frozen

from billing_core.domain.money import Money
from billing_core.domain.products import metadata_map
from billing_core.domain.times import moment

__all__ = ["Dispute", "DisputeStatus", "Refund", "RefundStatus", "Refunded"]


class RefundStatus:
    """How far a refund is. Providers add words, so these are names for known strings and not an enum."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class DisputeStatus:
    """How far a dispute is, as names for known strings; those of an inquiry begin alike."""

    INQUIRY = "warning_"
    NEEDS_RESPONSE = "needs_response"
    WON = "won"
    LOST = "lost"


@frozen
class Refund:
    """Money of one payment that is given back. `status` is the provider's own word, and `failure` why it failed."""

    id: str
    payment: str
    amount: Money
    status: str
    at: datetime = field(converter=moment)
    failure: str | None = None
    metadata: Mapping[str, str] = field(factory=dict, converter=metadata_map)

    @property
    def gone(self) -> bool:
        """Whether its money went back, or is on its way; not that of one that failed or was canceled."""
        return not self.ended

    @property
    def ended(self) -> bool:
        """Whether it failed or was canceled, after which it never succeeds."""
        return self.status in {RefundStatus.FAILED, RefundStatus.CANCELED}

    @property
    def stage(self) -> int:
        """How far along its life it is."""
        return int(self.status == RefundStatus.SUCCEEDED)

    @property
    def content(self) -> Self:
        """All of it, for nothing of it gathers."""
        return self

    def absorb(self, other: Self) -> Self:
        """Return this snapshot, which says everything that an earlier one did."""
        del other
        return self


@frozen
class Dispute:
    """Money of one payment that its payer's bank asks back, or already took. `status` is the provider's own word.

    `withdrawn`: the money was taken, and was not given back.
    """

    id: str
    payment: str
    amount: Money
    status: str
    at: datetime = field(converter=moment)
    withdrawn: bool = False
    metadata: Mapping[str, str] = field(factory=dict, converter=metadata_map)

    @property
    def inquiry(self) -> bool:
        """Whether the bank only asks: no money moves."""
        return self.status.startswith(DisputeStatus.INQUIRY)

    @property
    def gone(self) -> bool:
        """Whether its money is gone; one that was won gets it back, if not at once."""
        return self.withdrawn and not self.inquiry and self.status != DisputeStatus.WON

    @property
    def ended(self) -> bool:
        """Never: what was lost can be appealed."""
        return False

    @property
    def stage(self) -> int:
        """How far along its life it is: asked, disputed, the money taken, decided, the money given back."""
        if self.inquiry:
            return 0
        if self.status in {DisputeStatus.WON, DisputeStatus.LOST}:
            return 3 + (not self.withdrawn)
        return 1 + self.withdrawn

    @property
    def content(self) -> Self:
        """All of it, for nothing of it gathers."""
        return self

    def absorb(self, other: Self) -> Self:
        """Return this snapshot, which says everything that an earlier one did."""
        del other
        return self


@frozen
class Refunded:
    """How much of a payment was refunded in all, by refunds that are told one by one elsewhere."""

    payment: str
    amount: Money
