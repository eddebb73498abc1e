"""Clawbacks: credits that go back the way they came, because work failed or money returned, and that again undone."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import attrs

from billing_core.domain.credits.commands import Refund, Restore, Revoke, Shortfall
from billing_core.domain.credits.evolution import entry_of, moved
from billing_core.domain.credits.grants import moment_of
from billing_core.domain.credits.slices import burned, divided, home, returned, share
from billing_core.domain.credits.values import Account, Book, Entry, Lot, Movement, Operation, Slice
from billing_core.domain.money import Money
from billing_core.errors import AlreadyRestored, Invalid, RefundExceeded, RevocationExceeded, UnknownEntry, UnknownLot

__all__ = ["refund", "restore", "revoke"]

_CONSUMING = frozenset({Operation.SPEND, Operation.CAPTURE})


# Work that failed ---------------------------------------------------------------------------------------------------------


def refund(account: Account, command: Refund, now: datetime) -> Entry:
    """Give back what was consumed, what burned last first.

    Raises:
        UnknownEntry: No entry has this number.
        RefundExceeded: The entry has less left, after earlier refunds.
        Invalid: The entry consumed nothing by its kind, or the grace ends after all time.
    """
    spend = _entry(account, command.spend)
    if spend.operation not in _CONSUMING:
        raise Invalid("spend", f"must be the number of a spend or a capture, and {spend.seq} is a {spend.operation}")
    before = sum(one.amount for one in account.following(spend.seq, Operation.REFUND))
    left = spend.amount - before
    amount = left if command.amount is None else command.amount
    if not 0 < amount <= left:
        raise RefundExceeded(str(account.id), spend.seq, command.amount or spend.amount, left)
    consumed = [Slice(one.lot, one.amount) for one in reversed(spend.movements) if one.target is Book.CONSUMED]
    _, still = divided(consumed, before)
    back, _ = divided(still, amount)
    movements = tuple(returned(account, Book.CONSUMED, back, now))
    lost = [one for one in movements if one.target is Book.EXPIRED]
    if not lost or command.grace is None:
        return entry_of(
            account, Operation.REFUND, movements, effective_at=now, recorded_at=now, command=command, of=spend.seq
        )
    opened = _graced(account, command, lost, now)
    saved = (attrs.evolve(one, target=Book.ISSUED) if one.target is Book.EXPIRED else one for one in movements)
    movements = (*saved, Movement(opened.number, Book.ISSUED, Book.AVAILABLE, opened.amount))
    return entry_of(
        account,
        Operation.REFUND,
        movements,
        effective_at=now,
        recorded_at=now,
        command=command,
        opened=opened,
        of=spend.seq,
    )


def _graced(account: Account, command: Refund, lost: Sequence[Movement], now: datetime) -> Lot:
    """Return a lot of what would be lost, on the terms of the lot that lost most of it, but for its end."""
    most = max(lost, key=lambda one: one.amount)
    like = account.lot(most.lot)
    return Lot(
        number=account.version + 1,
        kind=like.kind,
        priority=like.priority,
        amount=sum(one.amount for one in lost),
        effective_at=now,
        expires_at=command.ends_at(now),
        source=command.opens,
        reference=command.reference or like.reference,
        cost=_shares(account, lost),
    )


def _shares(account: Account, lost: Iterable[Movement]) -> Money | None:
    """Return what was paid for these credits, if all of it was paid in one currency."""
    paid = [share(account.lot(one.lot), one.amount) for one in lost]
    known = [one for one in paid if one]
    if len(known) < len(paid) or len({one.currency for one in known}) != 1:
        return None
    return Money(sum(one.amount_minor for one in known), known[0].currency)


# Money that returned ------------------------------------------------------------------------------------------------------


def revoke(account: Account, command: Revoke, now: datetime) -> Entry:
    """Claw back the credits of a lot: what is unused of it, and for the rest what the command says.

    Raises:
        UnknownLot: No lot has this source.
        RevocationExceeded: The lot granted less, or has less left after earlier revocations.
        Invalid: The moment lies in the future.
    """
    lot = account.lot_from(command.source)
    if lot is None:
        raise UnknownLot(str(account.id), command.source)
    successors = (account.lot_from(source) for source in command.successors)
    family = (lot, *(one for one in successors if one))
    left = max(lot.amount - sum(one.revoked for one in family), 0)
    amount = left if command.amount is None else command.amount
    if not 0 < amount <= left:
        raise RevocationExceeded(str(account.id), lot.source, command.amount or lot.amount, left)
    unused = tuple(_unused(family, amount))
    short = amount - sum(one.amount for one in unused)
    movements = (*unused, *_owing(account, family, unused, short, command.shortfall))
    return entry_of(
        account,
        Operation.REVOKE,
        movements,
        effective_at=moment_of(command.effective_at, now),
        recorded_at=now,
        command=command,
        of=lot.number,
    )


def _unused(family: Iterable[Lot], amount: int) -> Iterator[Movement]:
    """Return what takes so many credits from what nobody used: first from what could still be used."""
    lots = [*family]
    for book, name in ((Book.SCHEDULED, "scheduled"), (Book.AVAILABLE, "remaining"), (Book.EXPIRED, "expired")):
        for lot in lots:
            part = min(amount, getattr(lot, name))
            amount -= part
            if part:
                yield Movement(lot.number, book, Book.REVOKED, part)


def _owing(
    account: Account, family: Sequence[Lot], unused: Sequence[Movement], short: int, shortfall: Shortfall
) -> Iterator[Movement]:
    """Return what is to be done about credits that are gone already: owed for the lots that they were used from."""
    if not short or shortfall is Shortfall.FORGIVE:
        return
    lots = _after(account, unused)
    used = [Slice(one.number, max(one.amount - lots[one.number].revoked, 0)) for one in reversed(family)]
    for one in divided(used, short)[0]:
        yield Movement(one.lot, Book.OWED, Book.REVOKED, one.amount)
    if shortfall is Shortfall.TAKE:
        yield from burned(lots.values(), short, Book.OWED)


# Money that did not return after all --------------------------------------------------------------------------------------


def restore(account: Account, command: Restore, now: datetime) -> Entry:
    """Undo a revocation: every credit goes back to where it was, or where it would be by now.

    What was owed for it is owed no more, and what has repaid it since comes back to the lots that did.

    Raises:
        UnknownEntry: No entry has this number.
        AlreadyRestored: It was undone before.
        Invalid: The entry is no revocation, or the moment lies in the future.
    """
    revocation = _entry(account, command.revocation)
    if revocation.operation is not Operation.REVOKE:
        raise Invalid("revocation", f"must be the number of a revocation, and {revocation.seq} is a {revocation.operation}")
    for earlier in account.following(revocation.seq, Operation.RESTORE):
        raise AlreadyRestored(str(account.id), revocation.seq, earlier.seq)
    undone = tuple(_undone(account, one, now) for one in reversed(revocation.movements) if one.target is Book.REVOKED)
    repaid = tuple(_repaid(account, revocation, undone, now))
    return entry_of(
        account,
        Operation.RESTORE,
        (*undone, *repaid),
        effective_at=moment_of(command.effective_at, now),
        recorded_at=now,
        command=command,
        of=revocation.seq,
    )


def _undone(account: Account, movement: Movement, now: datetime) -> Movement:
    lot = account.lot(movement.lot)
    target = movement.source
    if target is Book.SCHEDULED and lot.effective_at <= now:
        target = Book.AVAILABLE
    if target is Book.AVAILABLE:
        target = home(lot, now)
    return Movement(lot.number, Book.REVOKED, target, movement.amount)


def _repaid(account: Account, revocation: Entry, undone: Sequence[Movement], now: datetime) -> Iterator[Movement]:
    """Return what repaid the credits that are owed no more to the lots that it came from.

    What the revocation itself took comes back whatever else is owed. The rest comes back as far as nothing is owed then, to
    the youngest lots that repaid anything.
    """
    owed = {number: lot.owed for number, lot in _after(account, undone).items()}
    taken = [(one.lot, one.amount) for one in reversed(revocation.movements) if one.target is Book.OWED]
    surplus = sum(one.amount for one in undone if one.target is Book.OWED)
    for number, amount in taken:
        part = min(amount, max(owed[number], 0))
        owed[number] -= part
        surplus -= part
        if part:
            yield Movement(number, Book.OWED, home(account.lot(number), now), part)
    surplus -= account.owes
    for number in sorted(owed, reverse=True):
        part = max(min(surplus, owed[number]), 0)
        surplus -= part
        if part:
            yield Movement(number, Book.OWED, home(account.lot(number), now), part)


def _after(account: Account, movements: Iterable[Movement]) -> dict[int, Lot]:
    lots = {lot.number: lot for lot in account.lots}
    for one in movements:
        lots[one.lot] = moved(lots[one.lot], one)
    return lots


def _entry(account: Account, number: int) -> Entry:
    entry = account.entry(number)
    if entry is None:
        raise UnknownEntry(str(account.id), number)
    return entry
