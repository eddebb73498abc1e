"""Slices: which credits of which lots an amount is made of, and where they go."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from billing_core.domain.credits.values import Account, Book, Lot, Movement, Slice, burn_order
from billing_core.domain.money import Money
from billing_core.errors import InsufficientCredits

__all__ = ["burned", "divided", "home", "repaying", "returned", "share", "taken"]


def taken(account: Account, amount: int, target: Book) -> tuple[Movement, ...]:
    """Return what takes so many credits from what is available, the first to burn first.

    Raises:
        InsufficientCredits: Less is available.
    """
    if amount > account.books.available:
        raise InsufficientCredits(str(account.id), amount, account.books.available)
    return tuple(burned(account.lots, amount, target))


def burned(lots: Iterable[Lot], amount: int, target: Book) -> Iterator[Movement]:
    """Return what takes so many credits from these lots, or as many as there are, the first to burn first."""
    for lot in sorted(lots, key=burn_order):
        if not amount:
            return
        part = min(amount, lot.remaining)
        if part:
            yield Movement(lot.number, Book.AVAILABLE, target, part)
            amount -= part


def divided(slices: Iterable[Slice], amount: int) -> tuple[list[Slice], list[Slice]]:
    """Return the slices that make up an amount, and what they leave."""
    first: list[Slice] = []
    left: list[Slice] = []
    for one in slices:
        part = min(one.amount, amount)
        amount -= part
        first.append(Slice(one.lot, part))
        left.append(Slice(one.lot, one.amount - part))
    return [one for one in first if one.amount], [one for one in left if one.amount]


def repaying(account: Account, lot: int, amount: int) -> Iterator[Movement]:
    """Return what a lot of so many new credits repays of what the account owes."""
    if account.owes:
        yield Movement(lot, Book.AVAILABLE, Book.OWED, min(account.owes, amount))


def returned(account: Account, source: Book, slices: Iterable[Slice], at: datetime) -> Iterator[Movement]:
    """Return credits to their lots; those of a lot that has expired meanwhile are lost.

    What belongs to a lot that was clawed back was counted as used then: it repays first what is owed since.
    """
    lots = {lot.number: lot for lot in account.lots}
    owes = account.owes
    for one in slices:
        lot = lots[one.lot]
        repaid = min(owes, one.amount) if lot.revoked else 0
        owes -= repaid
        for target, amount in ((Book.OWED, repaid), (home(lot, at), one.amount - repaid)):
            if amount:
                yield Movement(lot.number, source, target, amount)


def home(lot: Lot, at: datetime) -> Book:
    """Return where credits of a lot belong that are nobody's else: what comes back to one that has expired is lost."""
    return Book.EXPIRED if lot.due(at) else Book.AVAILABLE


def share(lot: Lot, amount: int) -> Money | None:
    """Return what was paid for so many credits of a lot, rounded down to a whole minor unit."""
    return lot.cost and Money(lot.cost.amount_minor * amount // lot.amount, lot.cost.currency)
