"""Facts: what happened to an account, in plain words, for the model to count. Times are when the account saw them."""

from datetime import datetime
from typing import TypeAlias

from attrs import frozen

__all__ = [
    "Adjusted",
    "Captured",
    "Converted",
    "Fact",
    "Forfeited",
    "Granted",
    "Held",
    "Refunded",
    "Released",
    "Restored",
    "Revoked",
    "Sent",
    "Spent",
]


@frozen
class Granted:
    """At a moment this was granted, or received; from `since` on it can be used."""

    at: datetime
    source: str
    kind: str
    amount: int
    since: datetime
    until: datetime | None = None
    priority: int | None = None


@frozen
class Adjusted:
    """At a moment this was given by hand, under a name, or taken if it is below zero."""

    at: datetime
    name: str
    amount: int
    until: datetime | None = None


@frozen
class Spent:
    """At a moment this was spent, under a name."""

    at: datetime
    name: str
    amount: int


@frozen
class Sent:
    """At a moment this left for another account."""

    at: datetime
    amount: int


@frozen
class Held:
    """At a moment this was set aside, under a name."""

    at: datetime
    name: str
    amount: int
    until: datetime


@frozen
class Captured:
    """At a moment, so much of what was set aside was used, under a name, and the rest given back if that was all."""

    at: datetime
    name: str
    held: str
    amount: int
    final: bool


@frozen
class Released:
    """At a moment, what was set aside was given back."""

    at: datetime
    held: str


@frozen
class Refunded:
    """At a moment, so much of what was used under a name was given back; what would be lost lasts until the grace ends."""

    at: datetime
    name: str
    used: str
    amount: int
    grace: datetime | None = None


@frozen
class Converted:
    """At a moment, what a grant had left at an earlier one, or so much of it, was turned into another grant."""

    at: datetime
    source: str
    heir: str
    kind: str
    since: datetime
    most: int | None = None
    until: datetime | None = None


@frozen
class Forfeited:
    """At a moment, what a grant had left was lost."""

    at: datetime
    source: str


@frozen
class Revoked:
    """At a moment, so much of a grant was clawed back, under a name; what was used is to `owe`, `take` or `forgive`."""

    at: datetime
    name: str
    source: str
    amount: int
    used: str


@frozen
class Restored:
    """At a moment, a clawback was undone."""

    at: datetime
    clawback: str


Fact: TypeAlias = (
    Granted | Adjusted | Spent | Sent | Held | Captured | Released | Refunded | Converted | Forfeited | Revoked | Restored
)
