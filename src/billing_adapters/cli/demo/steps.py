"""Steps: what a story is made of.

Between two steps of the application the provider may deliver what happened in any order and any number of times; a story
says what must be true whichever it chose.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias

from attrs import frozen

from billing_adapters.cli.demo.provider import Provider
from billing_core.billing import Billing

__all__ = [
    "Asks",
    "Chapter",
    "Check",
    "Deliver",
    "Figures",
    "Forgery",
    "Happens",
    "Refusal",
    "Report",
    "Spend",
    "Step",
    "Wait",
]

Figures: TypeAlias = Mapping[str, object]


@frozen
class Happens:
    """Something happens at the provider: the owner of the shop or a customer does it, and the application does not hear."""

    do: Callable[[Provider], object]


@frozen
class Asks:
    """The application asks something of the provider, or orders it."""

    do: Callable[[Billing], object]


@frozen
class Deliver:
    """The provider delivers all that happened."""


@frozen
class Forgery:
    """Somebody does something in an account of their own, and has the webhooks of it sent to the application."""

    do: Callable[[Provider], object]


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


Step: TypeAlias = Happens | Asks | Deliver | Forgery | Wait | Spend | Refusal | Check | Report


@frozen
class Chapter:
    """A part of a story, with a sentence about what happens in it."""

    title: str
    about: str
    steps: tuple[Step, ...]
