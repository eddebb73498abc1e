"""Steps: what a story is made of.

Between two steps of the application the provider may deliver what happened in any order and any number of times; a story
says what must be true whichever it chose.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from attrs import evolve, field, frozen

from billing_adapters.stripe.samples import VERSION, JsonObject

__all__ = [
    "Chapter",
    "Check",
    "Deliveries",
    "Figures",
    "Forgery",
    "Refusal",
    "Report",
    "Sent",
    "Spend",
    "Step",
    "Wait",
]

Figures: TypeAlias = Mapping[str, object]


@frozen
class Sent:
    """One delivery of an event, in the shape of one version of the provider's API."""

    event: JsonObject = field(repr=lambda event: f"{event['id']}:{event['type']}")
    version: str = VERSION

    @property
    def at(self) -> datetime:
        """When the event happened."""
        return datetime.fromtimestamp(self.event["created"], UTC)


@frozen
class Deliveries:
    """What the provider sends between two steps of the application, one after another."""

    sent: tuple[Sent, ...]

    @property
    def events(self) -> tuple[Sent, ...]:
        """Every event once, in the order in which they happened."""
        return tuple(sorted({one.event["id"]: one for one in self.sent}.values(), key=lambda one: one.at))

    @property
    def until(self) -> datetime:
        """When the last of them happened: none arrives earlier."""
        return max(one.at for one in self.sent)

    def resent(self, sent: Iterable[Sent]) -> "Deliveries":
        """Return the same deliveries in another way."""
        return evolve(self, sent=tuple(sent))


@frozen
class Forgery:
    """Somebody else sends an event, signed with a secret of their own."""

    sent: Sent


@frozen
class Wait:
    """Time passes."""

    until: datetime


@frozen
class Spend:
    """The application spends credits of the account."""

    amount: int
    key: str


@frozen
class Refusal:
    """The application asks for more credits than there are."""

    amount: int
    available: int


@frozen
class Check:
    """What must be true now, by the names of `figures`."""

    expected: Figures


@frozen
class Report:
    """The application asks what is wrong with its products."""


Step: TypeAlias = Deliveries | Forgery | Wait | Spend | Refusal | Check | Report


@frozen
class Chapter:
    """A part of a story, with a sentence about what happens in it."""

    title: str
    about: str
    steps: tuple[Step, ...]
