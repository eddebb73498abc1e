"""Subscriptions: the lifecycle as a table, and the agreement as it is known here.

The provider decides; this table says what it can decide, so that two snapshots of the same second can be put in order,
ended subscriptions stay ended, and the picture in the documentation is drawn from the rule itself.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Self

import attrs
from attrs import field, frozen

from billing_core.domain.customers import Link, latest_link
from billing_core.domain.products import metadata_map
from billing_core.domain.times import moment, optional_moment

__all__ = [
    "LIVE",
    "TERMINAL",
    "TRANSITIONS",
    "PlanChange",
    "Status",
    "Subscription",
    "SubscriptionItem",
    "stage",
]


class Status(StrEnum):
    """All statuses a subscription can have at the provider."""

    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    CANCELED = "canceled"


_S = Status

# Source: https://docs.stripe.com/billing/subscriptions/overview, "Subscription statuses". A new subscription starts as
# incomplete, trialing, active, or past_due; the table holds what can come next.
TRANSITIONS: Mapping[Status, frozenset[Status]] = MappingProxyType({
    _S.INCOMPLETE: frozenset({_S.ACTIVE, _S.TRIALING, _S.INCOMPLETE_EXPIRED, _S.CANCELED}),
    _S.TRIALING: frozenset({_S.ACTIVE, _S.PAST_DUE, _S.PAUSED, _S.UNPAID, _S.CANCELED}),
    _S.ACTIVE: frozenset({_S.TRIALING, _S.PAST_DUE, _S.UNPAID, _S.PAUSED, _S.CANCELED}),
    _S.PAST_DUE: frozenset({_S.ACTIVE, _S.TRIALING, _S.UNPAID, _S.PAUSED, _S.CANCELED}),
    _S.UNPAID: frozenset({_S.ACTIVE, _S.TRIALING, _S.PAST_DUE, _S.CANCELED}),
    _S.PAUSED: frozenset({_S.ACTIVE, _S.TRIALING, _S.PAST_DUE, _S.CANCELED}),
    _S.CANCELED: frozenset(),
    _S.INCOMPLETE_EXPIRED: frozenset(),
})

TERMINAL: frozenset[Status] = frozenset(status for status, after in TRANSITIONS.items() if not after)

# Which statuses entitle: past_due is the provider's own grace while it retries the payment.
LIVE: frozenset[Status] = frozenset({_S.TRIALING, _S.ACTIVE, _S.PAST_DUE})


def stage(status: Status) -> int:
    """Return how far along its life a subscription is: what can only come later has the higher stage.

    Statuses that lead to one another (active, past_due, ...) share a stage, for nothing in them tells which was first.
    """
    return len(Status) - len(_reachable(status))


def _reachable(status: Status) -> frozenset[Status]:
    found: set[Status] = set()
    ahead = [*TRANSITIONS[status]]
    while ahead:
        one = ahead.pop()
        if one not in found:
            found.add(one)
            ahead.extend(TRANSITIONS[one])
    return frozenset(found)


@frozen
class SubscriptionItem:
    """One price of the agreement, with its quantity and its running period."""

    id: str
    price: str
    product: str | None = None
    quantity: int = 1
    period_start: datetime | None = field(default=None, converter=optional_moment)
    period_end: datetime | None = field(default=None, converter=optional_moment)


@frozen(order=True)
class PlanChange:
    """At one moment the agreement left some plans: `left` are the prices at which it had held them."""

    at: datetime = field(converter=moment)
    left: tuple[str, ...] = ()


@frozen
class Subscription:
    """A running agreement. `changes` gathers every plan change that was ever reported, in whatever order."""

    id: str
    status: Status
    customer: str
    link: Link | None = None
    items: tuple[SubscriptionItem, ...] = ()
    started_at: datetime | None = field(default=None, converter=optional_moment)
    period_start: datetime | None = field(default=None, converter=optional_moment)
    period_end: datetime | None = field(default=None, converter=optional_moment)
    trial_end: datetime | None = field(default=None, converter=optional_moment)
    cancel_at: datetime | None = field(default=None, converter=optional_moment)
    cancel_at_period_end: bool = False
    canceled_at: datetime | None = field(default=None, converter=optional_moment)
    ended_at: datetime | None = field(default=None, converter=optional_moment)
    changes: tuple[PlanChange, ...] = ()
    metadata: Mapping[str, str] = field(factory=dict, converter=metadata_map)

    @property
    def ended(self) -> bool:
        """Whether the agreement is over for good."""
        return self.status in TERMINAL

    @property
    def stage(self) -> int:
        """How far along its life the agreement is."""
        return stage(self.status)

    @property
    def account(self) -> str | None:
        """The application's account that the agreement belongs to, if anybody said."""
        return self.link.account if self.link else None

    @property
    def live(self) -> bool:
        """Whether it entitles its account to what its products say."""
        return self.status in LIVE

    @property
    def content(self) -> Self:
        """The agreement without its link and its plan changes."""
        return attrs.evolve(self, link=None, changes=())

    def absorb(self, other: Self) -> Self:
        """Keep the later link, and the plan changes of both."""
        changes = tuple(sorted({*self.changes, *other.changes}))
        return attrs.evolve(self, link=latest_link(self.link, other.link), changes=changes)
