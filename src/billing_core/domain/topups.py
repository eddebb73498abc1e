"""Top-ups: a rule that buys credits when few are left, one purchase at a time and only so many in a period.

Nothing is paid here: what is wanted is an intent, for whoever speaks to the payment provider. Its outcome may be told late,
twice, or not at all; until it is told, the intent is in flight, and there is never a second one. Nobody gives up on it by
the clock, for the money may have moved.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import attrs
from attrs import field, frozen

from billing_core.domain.credits import AccountId
from billing_core.domain.credits.values import account_id, positive, text
from billing_core.domain.money import whole
from billing_core.domain.times import moment, optional_moment
from billing_core.errors import Invalid, UnknownTopUp

__all__ = [
    "INTENT",
    "LONGEST_BACK_OFF",
    "LONGEST_PERIOD",
    "MOST_PURCHASES",
    "REST",
    "SHORTEST",
    "Settled",
    "TopUp",
    "TopUpIntent",
    "TopUpRule",
    "changed",
    "declined",
    "looked_at",
    "removed",
    "succeeded",
    "wanted",
]

INTENT = "top_up:"  # how the ids of intents begin
MOST_PURCHASES = 100
SHORTEST = timedelta(minutes=1)
LONGEST_PERIOD = timedelta(days=366)
LONGEST_BACK_OFF = timedelta(days=7)
# After a purchase nothing is bought for so long, whatever the balance: its credits may come with other news.
REST = timedelta(minutes=1)
_MOST_DOUBLINGS = 14  # from the shortest first pause to the longest


def _few(_instance: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    if not 1 <= whole(attribute.name, value) <= MOST_PURCHASES:
        raise Invalid(attribute.name, f"must be between 1 and {MOST_PURCHASES}, not {value}")


def _lasting(attribute: "attrs.Attribute[timedelta]", value: timedelta, longest: timedelta) -> None:
    if not isinstance(value, timedelta):
        raise Invalid(attribute.name, f"must be a timedelta, not {type(value).__name__}")
    if not SHORTEST <= value <= longest:
        raise Invalid(attribute.name, f"must be between a minute and {longest.days} days, not {value}")


def _period(_instance: object, attribute: "attrs.Attribute[timedelta]", value: timedelta) -> None:
    _lasting(attribute, value, LONGEST_PERIOD)


def _pause(_instance: object, attribute: "attrs.Attribute[timedelta]", value: timedelta) -> None:
    _lasting(attribute, value, LONGEST_BACK_OFF)


def _moments(values: Iterable[datetime]) -> tuple[datetime, ...]:
    return tuple(sorted(map(moment, values))[-MOST_PURCHASES:])


@frozen(kw_only=True)
class TopUpRule:
    """Buy `quantity` of a `pack` when fewer than `threshold` credits are available, at most so many times in a period.

    `pack` is what the payment gateway knows a credit pack by: the id of a price, or of a product. `back_off` is the pause
    after a declined payment; it doubles with every further one, up to a week.
    """

    account: AccountId = field(validator=account_id)
    threshold: int = field(validator=positive)
    pack: str = field(validator=text)
    quantity: int = field(default=1, validator=positive)
    most_purchases: int = field(validator=_few)
    per: timedelta = field(validator=_period)
    back_off: timedelta = field(default=timedelta(hours=1), validator=_pause)


@frozen
class TopUpIntent:
    """A purchase that was asked for, and whose outcome nobody has told yet."""

    id: str = field(validator=text)
    asked_at: datetime = field(converter=moment)


@frozen
class Settled:
    """The outcome of the last purchase that was asked for."""

    id: str = field(validator=text)
    succeeded: bool


@frozen(kw_only=True)
class TopUp:
    """A rule, and what became of it.

    Attributes:
        enabled: Whether the rule stands; one that was removed keeps its history, so that no limit is evaded by setting it
            again.
        in_flight: The one purchase that was asked for and is not settled.
        settled: The last one that is.
        purchases: When the latest purchases were told to have succeeded, the oldest first; no more than a rule can count.
        declines: How many were declined since one succeeded.
        next_attempt_at: Nothing is bought before, and then somebody has to look; None is whenever credits are few.
    """

    rule: TopUpRule
    enabled: bool = True
    in_flight: TopUpIntent | None = None
    settled: Settled | None = None
    purchases: tuple[datetime, ...] = field(default=(), converter=_moments)
    declines: int = 0
    next_attempt_at: datetime | None = field(default=None, converter=optional_moment)
    version: int = 0

    def __attrs_post_init__(self) -> None:
        """Refuse to wait for a next attempt where none can be made."""
        if self.next_attempt_at and not self.free:
            raise Invalid("next_attempt_at", "must be None while a purchase is in flight, or without a rule")

    @property
    def account(self) -> AccountId:
        """The account that is topped up."""
        return self.rule.account

    @property
    def free(self) -> bool:
        """Whether a purchase could be asked for: the rule stands, and none is in flight."""
        return self.enabled and self.in_flight is None

    @property
    def watched_below(self) -> int | None:
        """Below which balance whoever writes on the account has to look at the rule; None: at none."""
        return self.rule.threshold if self.free else None

    @property
    def ready_at(self) -> datetime | None:
        """From when on it may buy: after the pause, and when the period has room again; None is at once."""
        last = self.purchases[-self.rule.most_purchases :]
        room_at = last[0] + self.rule.per if len(last) == self.rule.most_purchases else None
        return max((one for one in (self.next_attempt_at, room_at) if one), default=None)

    def rests(self, now: datetime) -> bool:
        """Tell whether it may not buy yet, however few credits are left."""
        return self.ready_at is not None and self.ready_at > now


def wanted(top_up: TopUp, available: int, now: datetime, intent: str) -> TopUp | None:
    """Return the top-up with this intent in flight if the rule wants to buy now; None if it does not."""
    if not top_up.free or top_up.rests(now) or available >= top_up.rule.threshold:
        return None
    return attrs.evolve(top_up, in_flight=TopUpIntent(intent, now), next_attempt_at=None)


def looked_at(top_up: TopUp, available: int, now: datetime, intent: str) -> TopUp:
    """Return the top-up after somebody looked: with this intent in flight, or with the moment of the next look, if any."""
    asked = wanted(top_up, available, now, intent)
    if asked or not top_up.free:
        return asked or top_up
    return attrs.evolve(top_up, next_attempt_at=top_up.ready_at if top_up.rests(now) else None)


def changed(top_up: TopUp | None, rule: TopUpRule, now: datetime) -> TopUp:
    """Return the top-up under another rule, which somebody has to look at now.

    The purchases still count, and one in flight still is; declines are forgotten, for somebody has just dealt with it. The
    same rule again changes nothing.
    """
    if top_up is None:
        return TopUp(rule=rule, next_attempt_at=now)
    if top_up.enabled and top_up.rule == rule:
        return top_up
    look_at = None if top_up.in_flight else now
    return attrs.evolve(top_up, rule=rule, enabled=True, declines=0, next_attempt_at=look_at)


def removed(top_up: TopUp) -> TopUp:
    """Return the top-up without its rule: nothing more is bought, but the outcome of what is in flight can be told."""
    return attrs.evolve(top_up, enabled=False, next_attempt_at=None)


def succeeded(top_up: TopUp, intent: str, now: datetime) -> TopUp:
    """Return the top-up after a purchase. It may have been told before, or told to be declined: money that came is right.

    Raises:
        UnknownTopUp: It is neither in flight nor the last one that was settled.
    """
    at_last = _settles(top_up, intent)
    if top_up.settled == Settled(intent, succeeded=True):
        return top_up
    bought = attrs.evolve(
        top_up,
        in_flight=None if at_last else top_up.in_flight,
        settled=Settled(intent, succeeded=True),
        purchases=(*top_up.purchases, now),
        declines=0,
        next_attempt_at=None,
    )
    rests_until = max(now + REST, bought.ready_at or now)
    return attrs.evolve(bought, next_attempt_at=rests_until if bought.free else None)


def declined(top_up: TopUp, intent: str, now: datetime) -> TopUp:
    """Return the top-up after a purchase was declined: the next one is tried later every time, at most a week later.

    Raises:
        UnknownTopUp: It is neither in flight nor the last one that was settled.
    """
    if not _settles(top_up, intent):
        return top_up
    declines = top_up.declines + 1
    later = now + min(top_up.rule.back_off * (1 << min(declines - 1, _MOST_DOUBLINGS)), LONGEST_BACK_OFF)
    return attrs.evolve(
        top_up,
        in_flight=None,
        settled=Settled(intent, succeeded=False),
        declines=declines,
        next_attempt_at=later if top_up.enabled else None,
    )


def _settles(top_up: TopUp, intent: str) -> bool:
    """Tell whether an outcome is that of the purchase in flight, and not that of the last one once more.

    Raises:
        UnknownTopUp: It is neither's.
    """
    if top_up.in_flight and top_up.in_flight.id == intent:
        return True
    if top_up.settled and top_up.settled.id == intent:
        return False
    raise UnknownTopUp(str(top_up.account), intent)
