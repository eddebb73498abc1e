"""Events: what happened here, told onward to the application in the same transaction that made it happen."""

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from billing_core.domain.products import metadata_map
from billing_core.domain.times import moment

__all__ = [
    "CREDITS_ADJUSTED",
    "CREDITS_CONVERTED",
    "CREDITS_EXPIRED",
    "CREDITS_GRANTED",
    "CREDITS_HOLD_TIMED_OUT",
    "CREDITS_LOW",
    "CREDITS_RECEIVED",
    "CREDITS_RESTORED",
    "CREDITS_REVOKED",
    "CREDITS_STARTED",
    "DISPUTE_CHANGED",
    "MIRROR_TIED",
    "PRODUCT_QUARANTINED",
    "REFUND_CHANGED",
    "SUBSCRIPTION_CHANGED",
    "TOP_UP_WANTED",
    "Event",
    "Message",
]

CREDITS_GRANTED = "credits.granted"
CREDITS_CONVERTED = "credits.converted"
CREDITS_EXPIRED = "credits.expired"
CREDITS_ADJUSTED = "credits.adjusted"
CREDITS_LOW = "credits.low"
CREDITS_RECEIVED = "credits.received"
CREDITS_RESTORED = "credits.restored"
CREDITS_REVOKED = "credits.revoked"
CREDITS_STARTED = "credits.started"
CREDITS_HOLD_TIMED_OUT = "credits.hold_timed_out"
REFUND_CHANGED = "refund.changed"
DISPUTE_CHANGED = "dispute.changed"
SUBSCRIPTION_CHANGED = "subscription.changed"
TOP_UP_WANTED = "top_up.wanted"
PRODUCT_QUARANTINED = "product.quarantined"
MIRROR_TIED = "mirror.tied"


@frozen
class Event:
    """Something that happened. `subject` names the object (`subscription:sub_1`), `data` what else a reader needs."""

    name: str
    subject: str
    occurred_at: datetime = field(converter=moment)
    account: str | None = None
    data: Mapping[str, str] = field(factory=dict, converter=metadata_map)


@frozen
class Message:
    """An event in the outbox, on its way to the application."""

    id: str
    event: Event
