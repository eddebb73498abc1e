"""Pages: a long list, a piece at a time."""

from typing import Generic, TypeVar

from attrs import frozen

__all__ = ["EventPage", "Page", "Unreadable"]

T = TypeVar("T")


@frozen
class Unreadable:
    """One object that could not be read, and why."""

    id: str
    reason: str


@frozen
class Page(Generic[T]):
    """Some values of a list, and what could not be read among them; `next` is the cursor of what follows, None: nothing."""

    values: tuple[T, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    next: str | None = None


@frozen
class EventPage:
    """The bodies of some events, the earliest first. `last` names the last of them; `more`: others follow it."""

    bodies: tuple[bytes, ...] = ()
    last: str | None = None
    more: bool = False
