"""Evolution: how entries move credits, and what an account is after them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from types import MappingProxyType

import attrs

from billing_core.domain.credits.commands import Command, fingerprint
from billing_core.domain.credits.values import (
    Account,
    Book,
    Books,
    Change,
    Entry,
    Hold,
    Lot,
    Movement,
    Operation,
    Slice,
)
from billing_core.errors import Invalid

__all__ = ["change", "entry_of", "evolve", "fold", "moved"]

_AMOUNTS = attrgetter(*(book.value for book in Book))
_AT: Mapping[Book, int] = MappingProxyType({book: at for at, book in enumerate(Book)})
# The books that a lot keeps a figure for; of the others only the account does.
_LOT_BOOKS: Mapping[Book, str] = MappingProxyType({
    Book.SCHEDULED: "scheduled",
    Book.AVAILABLE: "remaining",
    Book.HELD: "held",
    Book.EXPIRED: "expired",
    Book.REVOKED: "revoked",
    Book.OWED: "owed",
})


def evolve(account: Account, entry: Entry) -> Account:
    """Return the account after one more entry.

    Raises:
        Invalid: The entry is not the account's next one, takes more than there is, or tells another balance than it leaves.
    """
    if entry.seq != account.version + 1:
        raise Invalid("seq", f"must be {account.version + 1}, not {entry.seq}: entries are numbered without gaps")
    books = _booked(account.books, entry.movements)
    if (entry.available_after, entry.held_after, entry.owed_after) != (books.available, books.held, -books.owed):
        raise Invalid("entry", f"{entry.seq} tells another balance than it leaves")
    recorded = {**account.recorded, entry.key: entry} if entry.key else account.recorded
    return Account(
        account.id,
        entry.seq,
        books,
        entry.recorded_at,
        lots=_lots_after(account, entry),
        holds=_holds_after(account, entry),
        recorded=recorded,
        related=(*account.related, entry),
        top_up_below=account.top_up_below,
    )


def fold(account: Account, entries: Iterable[Entry]) -> Account:
    """Return the account after these entries, in their order."""
    for entry in entries:
        account = evolve(account, entry)
    return account


def change(account: Account, entries: tuple[Entry, ...]) -> Change:
    """Return what must be written for an account to hold these entries."""
    return Change(account.version, fold(account, entries), entries)


def entry_of(  # noqa: PLR0913 - an entry says as many things, most of them by default
    account: Account,
    operation: Operation,
    movements: tuple[Movement, ...],
    *,
    effective_at: datetime,
    recorded_at: datetime,
    command: Command | None = None,
    opened: Lot | None = None,
    placed: Hold | None = None,
    of: int | None = None,
) -> Entry:
    """Return the account's next entry, with the balance that its movements leave."""
    after = _booked(account.books, movements)
    return Entry(
        seq=account.version + 1,
        operation=operation,
        movements=movements,
        available_after=after.available,
        held_after=after.held,
        owed_after=-after.owed,
        effective_at=effective_at,
        recorded_at=recorded_at,
        key=command.key if command else None,
        fingerprint=fingerprint(command) if command else None,
        reference=command.reference if command else None,
        reason=command.reason if command else None,
        actor=command.actor if command else None,
        opened=opened,
        placed=placed,
        of=of,
    )


def moved(lot: Lot, movement: Movement) -> Lot:
    """Return the lot after one movement on it.

    Raises:
        Invalid: The movement takes more than is there.
    """
    left: dict[str, int] = {}
    for book, amount in ((movement.source, -movement.amount), (movement.target, movement.amount)):
        name = _LOT_BOOKS.get(book)
        if name:
            left[name] = getattr(lot, name) + amount
            if left[name] < 0 and book is not Book.OWED:
                raise Invalid("movement", f"takes more from lot {lot.number} than is {name}")
    return lot.left(**left)


def _booked(books: Books, movements: Iterable[Movement]) -> Books:
    amounts = [*_AMOUNTS(books)]
    for one in movements:
        amounts[_AT[one.source]] -= one.amount
        amounts[_AT[one.target]] += one.amount
    return Books(*amounts)


def _lots_after(account: Account, entry: Entry) -> tuple[Lot, ...]:
    lots = {lot.number: lot for lot in account.lots}
    if entry.opened:
        lots[entry.opened.number] = entry.opened
    for one in entry.movements:
        if one.lot not in lots:
            raise Invalid("movement", f"is on lot {one.lot}, which is not among those of {account.id} that are loaded")
        lots[one.lot] = moved(lots[one.lot], one)
    return tuple(lots.values())


def _holds_after(account: Account, entry: Entry) -> tuple[Hold, ...]:
    if entry.placed:
        slices = tuple(Slice(one.lot, one.amount) for one in entry.movements)
        return (*account.holds, attrs.evolve(entry.placed, slices=slices))
    moves_held = any(one.source is Book.HELD for one in entry.movements)
    if not moves_held:
        return account.holds
    if not (entry.of and account.hold(entry.of)):
        raise Invalid("of", f"must name a hold of {account.id} that is loaded, not {entry.of}")
    return tuple(_hold_after(hold, entry.movements) if hold.number == entry.of else hold for hold in account.holds)


def _hold_after(hold: Hold, movements: tuple[Movement, ...]) -> Hold:
    gone = Counter[int]()
    for one in movements:
        gone[one.lot] += one.amount
    captured = sum(one.amount for one in movements if one.target is Book.CONSUMED)
    held = {one.lot: one.amount for one in hold.slices}
    if any(amount > held.get(lot, 0) for lot, amount in gone.items()):
        raise Invalid("movement", f"takes more from hold {hold.number} than it holds")
    left = (Slice(lot, amount - gone[lot]) for lot, amount in held.items())
    return attrs.evolve(
        hold,
        slices=tuple(one for one in left if one.amount),
        captured=hold.captured + captured,
        released=hold.released + gone.total() - captured,
    )
