"""Intents: what is written down before the provider is asked, so that a crash in between forgets nothing.

An intent is open until somebody knows what became of its order. While the provider remembers the key, an open one is asked
for again under it, which does nothing twice; after that it is only looked for.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import attrs
from attrs import field, frozen

from billing_core.domain.credits.values import text
from billing_core.domain.orders import Order, Placed
from billing_core.domain.times import moment, optional_moment
from billing_core.errors import ProviderDeclined, ProviderError, ProviderRefused

__all__ = [
    "KEY_LIFETIME",
    "LOST",
    "LOST_REASON",
    "Intent",
    "IntentState",
    "answered",
    "lost",
    "opened",
    "refused",
    "repeatable",
    "unanswered",
]

# Stripe forgets idempotency keys after 24 hours at the earliest (https://docs.stripe.com/api/idempotent_requests); the rest
# is for clocks that disagree.
KEY_LIFETIME = timedelta(hours=23)

_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=6)
_MOST_DOUBLINGS = 10

LOST = "lost"
LOST_REASON = "The provider never answered, and knows nothing of it. Order again, under another key."


class IntentState(StrEnum):
    """What is known of an order."""

    OPEN = "open"  # it may have been carried out, or not
    DONE = "done"
    DECLINED = "declined"  # whoever was to pay said no
    REFUSED = "refused"  # the provider said no
    LOST = "lost"  # nobody found it, and the key under which it was asked for is forgotten


@frozen(kw_only=True)
class Intent:
    """An order, for whom it was given, and what became of it.

    Attributes:
        id: The name of the intent, which is also the idempotency key.
        asked: A digest of what the application asked for, to tell a repetition from something else under the same key.
        placed: What the provider calls what it did.
        code: Why it said no, in its own word; `reason` is the same in a sentence for people.
        attempts: How often the provider was asked.
        next_attempt_at: When it is to be asked or looked for again; None: never.
        version: Counts the local writes and guards them; 0 was never written.
    """

    id: str = field(validator=text)
    account: str = field(validator=text)
    asked: str
    order: Order
    asked_at: datetime = field(converter=moment)
    state: IntentState = IntentState.OPEN
    placed: str | None = None
    code: str | None = None
    reason: str | None = None
    attempts: int = 0
    next_attempt_at: datetime | None = field(default=None, converter=optional_moment)
    version: int = 0

    @property
    def settled(self) -> bool:
        """Whether it is known what became of the order."""
        return self.state is not IntentState.OPEN

    @property
    def refusal(self) -> ProviderError | None:
        """What is to be raised when somebody asks again for an order that was not carried out."""
        said = self.code or "", self.reason or ""
        match self.state:
            case IntentState.DECLINED:
                return ProviderDeclined(*said, payment=self.placed)
            case IntentState.REFUSED | IntentState.LOST:
                return ProviderRefused(*said)
            case _:
                return None


def opened(intent: str, account: str, asked: str, order: Order, now: datetime) -> Intent:
    """Return a new intent. Whoever writes it down asks the provider at once; others leave it alone for a while."""
    return Intent(id=intent, account=account, asked=asked, order=order, asked_at=now, next_attempt_at=now + _FIRST_PAUSE)


def repeatable(intent: Intent, now: datetime) -> bool:
    """Tell whether the provider still remembers the key, so that asking again does nothing twice."""
    return now < intent.asked_at + KEY_LIFETIME


def answered(intent: Intent, placed: Placed) -> Intent:
    """Return the intent after the provider did what it was asked."""
    return _settled(intent, IntentState.DONE, placed.id)


def refused(intent: Intent, refusal: ProviderDeclined | ProviderRefused) -> Intent:
    """Return the intent after somebody said no."""
    if isinstance(refusal, ProviderDeclined):
        return _settled(intent, IntentState.DECLINED, refusal.payment, refusal.code, refusal.reason)
    return _settled(intent, IntentState.REFUSED, None, refusal.code, refusal.reason)


def lost(intent: Intent) -> Intent:
    """Return the intent after nobody found it, and the key is forgotten."""
    return _settled(intent, IntentState.LOST, None, LOST, LOST_REASON)


def unanswered(intent: Intent, now: datetime) -> Intent:
    """Return the intent after no answer came: it is looked at again after a pause that doubles each time."""
    pause = min(_FIRST_PAUSE * 2 ** min(intent.attempts, _MOST_DOUBLINGS), _LONGEST_PAUSE)
    return attrs.evolve(intent, attempts=intent.attempts + 1, next_attempt_at=now + pause)


def _settled(
    intent: Intent, state: IntentState, placed: str | None, code: str | None = None, reason: str | None = None
) -> Intent:
    return attrs.evolve(
        intent,
        state=state,
        placed=placed,
        code=code,
        reason=reason,
        attempts=intent.attempts + 1,
        next_attempt_at=None,
    )
