"""The decisions of the ledger: `decide` turns a command into entries, `evolve` applies an entry."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import assert_never

import attrs

from billing_core.domain.credits.commands import (
    AnyCommand,
    Capture,
    Command,
    Convert,
    Expire,
    Grant,
    KeyedCommand,
    PlaceHold,
    Release,
    Spend,
    fingerprint,
)
from billing_core.domain.credits.values import (
    MAX_BOOK,
    PRIORITIES,
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
    burn_order,
)
from billing_core.domain.money import Money
from billing_core.domain.times import moment
from billing_core.errors import (
    AlreadyGranted,
    HoldClosed,
    HoldExceeded,
    InsufficientCredits,
    Invalid,
    KeyReused,
    UnknownHold,
    UnknownLot,
)

__all__ = [
    "change",
    "decide",
    "effected",
    "evolve",
    "fold",
    "settle",
]


def decide(account: Account, command: AnyCommand, now: datetime) -> tuple[Entry, ...]:
    """Return the entries that carry out a command; none when the same command was carried out before.

    What fell due until `now` is settled first, each lot and each hold at its own due time, so that nothing depends on when
    anybody swept.
    The result of a command is the entry recorded under its key.

    Raises:
        KeyReused: The key belongs to another command.
        AlreadyGranted: The source opened a lot before, under another key.
        InsufficientCredits: Less is available than the command spends.
        UnknownLot: No lot has the source that is to be converted.
        UnknownHold: No hold has this number.
        HoldClosed: The hold was captured, released or timed out before.
        HoldExceeded: More is to be captured than the hold holds.
        Invalid: The command's times or sums cannot be.
    """
    if command.account != account.id:
        raise Invalid("account", f"is {command.account} in the command, but it was to be decided on {account.id}")
    now = moment(now)
    if account.recorded_at:
        now = max(now, account.recorded_at)  # another host's clock may be ahead of ours
    if isinstance(command, Command) and _carried_out(account, command):
        return ()
    due = settle(account, now)
    return (*due, *_done(fold(account, due), command, now))


def _done(account: Account, command: AnyCommand, now: datetime) -> tuple[Entry, ...]:  # noqa: PLR0911 - one for each command
    match command:
        case Grant():
            return _grant(account, command, now)
        case Spend():
            return (_spend(account, command, now),)
        case Convert():
            return (_convert(account, command, now),)
        case PlaceHold():
            return (_place(account, command, now),)
        case Capture():
            return (_capture(account, command, now),)
        case Release():
            return (_release(account, command, now),)
        case Expire():
            return ()
        case _:
            assert_never(command)


def evolve(account: Account, entry: Entry) -> Account:
    """Return the account after one more entry.

    Raises:
        Invalid: The entry is not the account's next one, takes more than there is, or tells another balance than it leaves.
    """
    if entry.seq != account.version + 1:
        raise Invalid("seq", f"must be {account.version + 1}, not {entry.seq}: entries are numbered without gaps")
    lots = {lot.number: lot for lot in (*account.lots, *((entry.opened,) if entry.opened else ()))}
    for one in entry.movements:
        if one.lot not in lots:
            raise Invalid("movement", f"is on lot {one.lot}, which is not among those of {account.id} that are loaded")
        lots[one.lot] = _moved(lots[one.lot], one)
    books = _booked(account.books, entry.movements)
    if (entry.available_after, entry.held_after) != (books.available, books.held):
        raise Invalid("entry", f"{entry.seq} tells another balance than it leaves")
    recorded = {**account.recorded, entry.key: entry} if entry.key else account.recorded
    return attrs.evolve(
        account,
        version=entry.seq,
        books=books,
        recorded_at=entry.recorded_at,
        lots=tuple(lots.values()),
        holds=_holds_after(account, entry),
        recorded=recorded,
    )


def effected(account: Account, command: KeyedCommand) -> bool:
    """Tell whether what a command is for was done before, even if it is worded differently now.

    This is the question for effects that follow from a provider's news: the same money may be reported twice, with a
    product edited in between, and must neither grant twice nor be refused.
    """
    if isinstance(command, Grant):
        return account.lot_from(command.source) is not None
    return command.key in account.recorded


def settle(account: Account, now: datetime) -> tuple[Entry, ...]:
    """Return one entry for every open lot that has expired by `now` and every hold that has timed out, in order of time."""
    entries: list[Entry] = []
    while due := _next_due(account, now):
        account = evolve(account, due)
        entries.append(due)
    return tuple(entries)


def _next_due(account: Account, now: datetime) -> Entry | None:
    lots = [(lot.expires_at, 0, lot.number) for lot in account.lots if lot.expires_at and lot.remaining]
    holds = [(hold.expires_at, 1, hold.number) for hold in account.holds if hold.open]
    due_at, is_hold, number = min((*lots, *holds), default=(now, 0, 0))
    if not number or due_at > now:
        return None
    if is_hold:
        hold = _open_hold(account, number)
        movements = tuple(_returned(account, hold.slices, due_at))
        return _entry(account, Operation.RELEASE, movements, effective_at=due_at, recorded_at=now, of=number)
    (lot,) = (one for one in account.lots if one.number == number)
    movement = Movement(number, Book.AVAILABLE, Book.EXPIRED, lot.remaining)
    return _entry(account, Operation.EXPIRE, (movement,), effective_at=due_at, recorded_at=now)


def change(account: Account, entries: tuple[Entry, ...]) -> Change:
    """Return what must be written for an account to hold these entries."""
    return Change(account.version, fold(account, entries), entries)


# How the commands are carried out -----------------------------------------------------------------------------------------


def _carried_out(account: Account, command: Command) -> bool:
    recorded = account.recorded.get(command.key)
    if recorded is None:
        return False
    if recorded.fingerprint != fingerprint(command):
        raise KeyReused(str(account.id), command.key)
    return True


def _grant(account: Account, command: Grant, now: datetime) -> tuple[Entry, ...]:
    earlier = account.lot_from(command.source)
    if earlier:
        raise AlreadyGranted(str(account.id), command.source, earlier.number)
    effective_at = _effective_at(command.effective_at, now)
    if command.expires_at and command.expires_at <= effective_at:
        raise Invalid("expires_at", "must be later than the moment at which the credits become available")
    if command.amount - account.books.issued > MAX_BOOK:
        raise Invalid("amount", f"would take the credits ever issued to {account.id} beyond {MAX_BOOK}")
    lot = Lot(
        number=account.version + 1,
        kind=command.kind,
        priority=PRIORITIES[command.kind] if command.priority is None else command.priority,
        amount=command.amount,
        effective_at=effective_at,
        expires_at=command.expires_at,
        source=command.source,
        reference=command.reference,
        cost=command.cost,
    )
    movement = Movement(lot.number, Book.ISSUED, Book.AVAILABLE, command.amount)
    entry = _entry(
        account, Operation.GRANT, (movement,), effective_at=effective_at, recorded_at=now, command=command, opened=lot
    )
    # News that comes late may grant what has expired since.
    return entry, *settle(evolve(account, entry), now)


def _spend(account: Account, command: Spend, now: datetime) -> Entry:
    if command.amount > account.books.available:
        raise InsufficientCredits(str(account.id), command.amount, account.books.available)
    movements = tuple(_burn(account.lots, command.amount, Book.CONSUMED))
    return _entry(account, Operation.SPEND, movements, effective_at=now, recorded_at=now, command=command)


def _burn(lots: Iterable[Lot], amount: int, target: Book) -> Iterable[Movement]:
    for lot in sorted(lots, key=burn_order):
        taken = min(amount, lot.remaining)
        if taken:
            yield Movement(lot.number, Book.AVAILABLE, target, taken)
            amount -= taken


def _place(account: Account, command: PlaceHold, now: datetime) -> Entry:
    expires_at = command.ends_at(now)
    if expires_at <= now:
        raise Invalid("expires_at", "must lie in the future")
    if command.amount > account.books.available:
        raise InsufficientCredits(str(account.id), command.amount, account.books.available)
    movements = tuple(_burn(account.lots, command.amount, Book.HELD))
    placed = Hold(account.version + 1, command.amount, expires_at, command.reference)
    return _entry(account, Operation.HOLD, movements, effective_at=now, recorded_at=now, command=command, placed=placed)


def _capture(account: Account, command: Capture, now: datetime) -> Entry:
    hold = _open_hold(account, command.hold)
    amount = hold.left if command.amount is None else command.amount
    if amount > hold.left:
        raise HoldExceeded(str(account.id), hold.number, amount, hold.left)
    taken, rest = _divided(hold.slices, amount)
    consumed = (Movement(one.lot, Book.HELD, Book.CONSUMED, one.amount) for one in taken)
    returned = _returned(account, rest, now) if command.final else ()
    movements = (*consumed, *returned)
    return _entry(account, Operation.CAPTURE, movements, effective_at=now, recorded_at=now, command=command, of=hold.number)


def _release(account: Account, command: Release, now: datetime) -> Entry:
    hold = _open_hold(account, command.hold)
    movements = tuple(_returned(account, hold.slices, now))
    return _entry(account, Operation.RELEASE, movements, effective_at=now, recorded_at=now, command=command, of=hold.number)


def _open_hold(account: Account, number: int) -> Hold:
    hold = account.hold(number)
    if hold is None:
        raise UnknownHold(str(account.id), number)
    if not hold.open:
        raise HoldClosed(str(account.id), number, hold.captured, hold.released)
    if hold.left != sum(one.amount for one in hold.slices):  # or it would time out for ever
        raise Invalid("hold", f"{number} of {account.id} does not hold what its slices say")
    return hold


def _divided(slices: Iterable[Slice], amount: int) -> tuple[list[Slice], list[Slice]]:
    """Return the slices that make up an amount, and what they leave."""
    taken: list[Slice] = []
    left: list[Slice] = []
    for one in slices:
        part = min(one.amount, amount)
        amount -= part
        taken.append(Slice(one.lot, part))
        left.append(Slice(one.lot, one.amount - part))
    return [one for one in taken if one.amount], [one for one in left if one.amount]


def _returned(account: Account, slices: Iterable[Slice], at: datetime) -> Iterable[Movement]:
    """Return held credits to their lots; those of a lot that has expired meanwhile are lost."""
    lots = {lot.number: lot for lot in account.lots}
    for one in slices:
        target = Book.EXPIRED if lots[one.lot].due(at) else Book.AVAILABLE
        yield Movement(one.lot, Book.HELD, target, one.amount)


def _convert(account: Account, command: Convert, now: datetime) -> Entry:
    lot = account.lot_from(command.source)
    if lot is None:
        raise UnknownLot(str(account.id), command.source)
    earlier = account.lot_from(command.opens)
    if earlier:
        raise AlreadyGranted(str(account.id), command.opens, earlier.number)
    effective_at = _effective_at(command.effective_at, now)
    if effective_at < lot.effective_at:
        raise Invalid("effective_at", "must not lie before the lot was granted")
    returned = 0 if lot.due(effective_at) else lot.expired
    unused = {Book.AVAILABLE: lot.remaining, Book.EXPIRED: returned}
    total = sum(unused.values())
    opened = _successor(account, lot, command, total, effective_at) if total else None
    movements = [Movement(lot.number, book, Book.ISSUED, amount) for book, amount in unused.items() if amount]
    if opened:
        movements.append(Movement(opened.number, Book.ISSUED, Book.AVAILABLE, total))
    return _entry(
        account,
        Operation.CONVERT,
        tuple(movements),
        effective_at=effective_at,
        recorded_at=now,
        command=command,
        opened=opened,
    )


def _successor(account: Account, lot: Lot, command: Convert, amount: int, effective_at: datetime) -> Lot:
    share = lot.cost and Money(lot.cost.amount_minor * amount // lot.amount, lot.cost.currency)
    return Lot(
        number=account.version + 1,
        kind=command.kind,
        priority=PRIORITIES[command.kind],
        amount=amount,
        effective_at=effective_at,
        expires_at=None,
        source=command.opens,
        reference=command.reference or lot.reference,
        cost=share,
    )


def _effective_at(asked: datetime | None, now: datetime) -> datetime:
    if asked and asked > now:
        raise Invalid("effective_at", "must not lie in the future")
    return asked or now


def _entry(  # noqa: PLR0913 - an entry says as many things, most of them by default
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
    after = _booked(account.books, movements)
    return Entry(
        seq=account.version + 1,
        operation=operation,
        movements=movements,
        available_after=after.available,
        held_after=after.held,
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


# How entries move credits -------------------------------------------------------------------------------------------------


def fold(account: Account, entries: Iterable[Entry]) -> Account:
    """Return the account after these entries, in their order."""
    for entry in entries:
        account = evolve(account, entry)
    return account


def _booked(books: Books, movements: Iterable[Movement]) -> Books:
    amounts = attrs.asdict(books)
    for one in movements:
        amounts[one.source] -= one.amount
        amounts[one.target] += one.amount
    return Books(**amounts)


def _holds_after(account: Account, entry: Entry) -> tuple[Hold, ...]:
    if entry.placed:
        slices = tuple(Slice(one.lot, one.amount) for one in entry.movements)
        return (*account.holds, attrs.evolve(entry.placed, slices=slices))
    moves_held = any(one.source is Book.HELD for one in entry.movements)
    if moves_held and not (entry.of and account.hold(entry.of)):
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


# The books that a lot keeps a figure for; of the others only the account does.
_LOT_BOOKS: Mapping[Book, str] = MappingProxyType({
    Book.AVAILABLE: "remaining",
    Book.HELD: "held",
    Book.EXPIRED: "expired",
})


def _moved(lot: Lot, movement: Movement) -> Lot:
    for book, amount in ((movement.source, -movement.amount), (movement.target, movement.amount)):
        name = _LOT_BOOKS.get(book)
        if name:
            left = getattr(lot, name) + amount
            if left < 0:
                raise Invalid("movement", f"takes more from lot {lot.number} than is {name}")
            lot = attrs.evolve(lot, **{name: left})
    return lot
