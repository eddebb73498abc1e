"""Grants: how lots of credits come to be, change hands or become others, and end before their time."""

from collections.abc import Iterator
from datetime import datetime

from billing_core.domain.credits.commands import Adjust, Convert, Forfeit, Grant, KeyedCommand, Receive, Transfer
from billing_core.domain.credits.evolution import entry_of
from billing_core.domain.credits.slices import repaying, share, taken
from billing_core.domain.credits.values import (
    MAX_BOOK,
    PRIORITIES,
    Account,
    Book,
    Entry,
    Lot,
    LotKind,
    Movement,
    Operation,
)
from billing_core.errors import AlreadyGranted, Invalid, UnknownLot

__all__ = ["adjust", "convert", "forfeit", "grant", "moment_of", "receipts", "receive", "send"]


def grant(account: Account, command: Grant, now: datetime) -> Entry:
    """Open a lot of new credits, which repay first what is owed.

    Raises:
        AlreadyGranted: The source opened a lot before.
        Invalid: The credits would end before they begin, or be more than can be counted.
    """
    effective_at = moment_of(command.effective_at, now)
    lot = Lot(
        number=account.version + 1,
        kind=command.kind,
        priority=PRIORITIES[command.kind] if command.priority is None else command.priority,
        amount=command.amount,
        effective_at=command.starts_at or effective_at,
        expires_at=command.expires_at,
        source=command.source,
        reference=command.reference,
        cost=command.cost,
    )
    return _opening(account, Operation.GRANT, command, lot, effective_at, now)


def receive(account: Account, command: Receive, now: datetime) -> Entry:
    """Open a lot of credits that another account sent, which repay first what is owed.

    Raises:
        AlreadyGranted: They were received before.
        Invalid: They would be more than can be counted.
    """
    lot = Lot(
        number=account.version + 1,
        kind=command.kind,
        priority=command.priority,
        amount=command.amount,
        effective_at=command.effective_at,
        expires_at=command.expires_at,
        source=command.source,
        reference=command.reference,
        cost=command.cost,
    )
    return _opening(account, Operation.RECEIVE, command, lot, command.effective_at, now)


def adjust(account: Account, command: Adjust, now: datetime) -> Entry:
    """Give credits that were missing, or take those that should not be there.

    Raises:
        InsufficientCredits: Less is available than is to be taken.
        Invalid: The credits would end before they begin, or be more than can be counted.
    """
    if command.amount < 0:
        movements = taken(account, -command.amount, Book.REVOKED)
        return entry_of(account, Operation.ADJUST, movements, effective_at=now, recorded_at=now, command=command)
    lot = Lot(
        number=account.version + 1,
        kind=LotKind.ADJUSTMENT,
        priority=PRIORITIES[LotKind.ADJUSTMENT],
        amount=command.amount,
        effective_at=now,
        expires_at=command.expires_at,
        source=command.opens,
        reference=command.reference,
    )
    return _opening(account, Operation.ADJUST, command, lot, now, now)


def send(account: Account, command: Transfer, now: datetime) -> Entry:
    """Let credits leave the account, the first to burn first; `receipts` says what the other one gets.

    Raises:
        InsufficientCredits: Less is available.
    """
    movements = taken(account, command.amount, Book.ISSUED)
    return entry_of(account, Operation.SEND, movements, effective_at=now, recorded_at=now, command=command)


def receipts(command: Transfer, account: Account) -> tuple[Receive, ...]:
    """Return what the other account is to receive, once this one has sent it: a lot for each that it came from."""
    sent = account.recorded[command.key]
    return tuple(_receipt(command, sent, place, account.lot(one.lot)) for place, one in enumerate(sent.movements))


def convert(account: Account, command: Convert, now: datetime) -> Entry:
    """Close what was unused of a lot at a moment, and open a lot of other terms in its place.

    Raises:
        UnknownLot: No lot has this source.
        AlreadyGranted: The lot was converted before.
        Invalid: The moment lies before the lot was granted or in the future, or the new credits end before they begin.
    """
    lot = _lot(account, command.source)
    _unused_source(account, command.opens)
    effective_at = moment_of(command.effective_at, now)
    if effective_at < lot.effective_at and not lot.scheduled:
        raise Invalid("effective_at", "must not lie before the lot was granted")
    movements = tuple(_closed(lot, command, effective_at, now))
    total = sum(one.amount for one in movements)
    if not total:
        return entry_of(account, Operation.CONVERT, (), effective_at=effective_at, recorded_at=now, command=command)
    successor = Lot(
        number=account.version + 1,
        kind=command.kind,
        priority=PRIORITIES[command.kind],
        amount=total,
        effective_at=effective_at,
        expires_at=command.expires_at,
        source=command.opens,
        reference=command.reference or lot.reference,
        cost=share(lot, total),
    )
    _check(account, successor)
    return entry_of(
        account,
        Operation.CONVERT,
        (*movements, Movement(successor.number, Book.ISSUED, Book.AVAILABLE, total)),
        effective_at=effective_at,
        recorded_at=now,
        command=command,
        opened=successor,
    )


def forfeit(account: Account, command: Forfeit, now: datetime) -> Entry:
    """Let what is unused of a lot expire before its time.

    Raises:
        UnknownLot: No lot has this source.
        Invalid: The moment lies in the future.
    """
    lot = _lot(account, command.source)
    effective_at = moment_of(command.effective_at, now)
    left = ((Book.SCHEDULED, lot.scheduled), (Book.AVAILABLE, lot.remaining))
    movements = tuple(Movement(lot.number, book, Book.EXPIRED, amount) for book, amount in left if amount)
    return entry_of(
        account, Operation.FORFEIT, movements, effective_at=effective_at, recorded_at=now, command=command, of=lot.number
    )


def moment_of(asked: datetime | None, now: datetime) -> datetime:
    """Return the moment at which an effect takes place: now, unless an earlier one is told.

    Raises:
        Invalid: It lies in the future.
    """
    if asked and asked > now:
        raise Invalid("effective_at", "must not lie in the future")
    return asked or now


def _opening(
    account: Account, operation: Operation, command: KeyedCommand, lot: Lot, effective_at: datetime, now: datetime
) -> Entry:
    _unused_source(account, lot.source)
    _check(account, lot)
    if lot.effective_at > now:
        movements: tuple[Movement, ...] = (Movement(lot.number, Book.ISSUED, Book.SCHEDULED, lot.amount),)
    else:
        arrival = Movement(lot.number, Book.ISSUED, Book.AVAILABLE, lot.amount)
        movements = (arrival, *repaying(account, lot.number, lot.amount))
    return entry_of(account, operation, movements, effective_at=effective_at, recorded_at=now, command=command, opened=lot)


def _check(account: Account, lot: Lot) -> None:
    if lot.expires_at and lot.expires_at <= lot.effective_at:
        raise Invalid("expires_at", "must be later than the moment at which the credits become available")
    if lot.amount - account.books.issued > MAX_BOOK:
        raise Invalid("amount", f"would take the credits ever issued to {account.id} beyond {MAX_BOOK}")


def _unused_source(account: Account, source: str) -> None:
    earlier = account.lot_from(source)
    if earlier:
        raise AlreadyGranted(str(account.id), source, earlier.number)


def _lot(account: Account, source: str) -> Lot:
    lot = account.lot_from(source)
    if lot is None:
        raise UnknownLot(str(account.id), source)
    return lot


def _closed(lot: Lot, command: Convert, effective_at: datetime, now: datetime) -> Iterator[Movement]:
    """Return what was unused of a lot at a moment, or the first `most` of it, to where it was issued from."""
    # What is lost of a lot that still runs was forfeited, and stays so.
    expired_since = lot.expired if lot.due(now) and not lot.due(effective_at) else 0
    unused = ((Book.SCHEDULED, lot.scheduled), (Book.AVAILABLE, lot.remaining), (Book.EXPIRED, expired_since))
    left = lot.amount if command.most is None else command.most
    for book, amount in unused:
        part = min(amount, left)
        left -= part
        if part:
            yield Movement(lot.number, book, Book.ISSUED, part)


def _receipt(command: Transfer, sent: Entry, place: int, lot: Lot) -> Receive:
    part = sent.movements[place].amount
    name = f"{command.received}:{place}"
    return Receive(
        account=command.to,
        sender=command.account,
        key=name,
        source=name,
        amount=part,
        kind=lot.kind,
        priority=lot.priority,
        effective_at=sent.effective_at,
        expires_at=lot.expires_at,
        cost=share(lot, part),
        reference=command.reference,
        reason=command.reason,
        actor=command.actor,
    )
