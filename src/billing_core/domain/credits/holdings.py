"""Holdings: credits set aside, used or given back, each once."""

from datetime import datetime

from billing_core.domain.credits.commands import Capture, PlaceHold, Release
from billing_core.domain.credits.evolution import entry_of
from billing_core.domain.credits.slices import divided, returned, taken
from billing_core.domain.credits.values import Account, Book, Entry, Hold, Movement, Operation
from billing_core.errors import HoldClosed, HoldExceeded, Invalid, UnknownHold

__all__ = ["capture", "place", "release", "time_out"]


def place(account: Account, command: PlaceHold, now: datetime) -> Entry:
    """Set credits aside, the first to burn first.

    Raises:
        InsufficientCredits: Less is available.
        Invalid: The hold would end before it begins.
    """
    expires_at = command.ends_at(now)
    if expires_at <= now:
        raise Invalid("expires_at", "must lie in the future")
    movements = taken(account, command.amount, Book.HELD)
    placed = Hold(account.version + 1, command.amount, expires_at, command.reference)
    return entry_of(account, Operation.HOLD, movements, effective_at=now, recorded_at=now, command=command, placed=placed)


def capture(account: Account, command: Capture, now: datetime) -> Entry:
    """Consume what is held, in the order of burning, and return the rest after the final capture.

    Raises:
        UnknownHold: No hold has this number.
        HoldClosed: The hold was captured, released or timed out before.
        HoldExceeded: The hold holds less.
    """
    hold = _open(account, command.hold)
    amount = hold.left if command.amount is None else command.amount
    if amount > hold.left:
        raise HoldExceeded(str(account.id), hold.number, amount, hold.left)
    used, rest = divided(hold.slices, amount)
    consumed = (Movement(one.lot, Book.HELD, Book.CONSUMED, one.amount) for one in used)
    back = returned(account, Book.HELD, rest, now) if command.final else ()
    movements = (*consumed, *back)
    return entry_of(
        account, Operation.CAPTURE, movements, effective_at=now, recorded_at=now, command=command, of=hold.number
    )


def release(account: Account, command: Release, now: datetime) -> Entry:
    """Return everything that is still held.

    Raises:
        UnknownHold: No hold has this number.
        HoldClosed: The hold was captured, released or timed out before.
    """
    hold = _open(account, command.hold)
    back = _back(account, hold, now)
    return entry_of(account, Operation.RELEASE, back, effective_at=now, recorded_at=now, command=command, of=hold.number)


def time_out(account: Account, hold: Hold, now: datetime) -> Entry:
    """Return what a hold holds, as of the moment at which it expired."""
    back, due_at = _back(account, _open(account, hold.number), hold.expires_at), hold.expires_at
    return entry_of(account, Operation.RELEASE, back, effective_at=due_at, recorded_at=now, of=hold.number)


def _back(account: Account, hold: Hold, at: datetime) -> tuple[Movement, ...]:
    return tuple(returned(account, Book.HELD, hold.slices, at))


def _open(account: Account, number: int) -> Hold:
    hold = account.hold(number)
    if hold is None:
        raise UnknownHold(str(account.id), number)
    if not hold.open:
        raise HoldClosed(str(account.id), number, hold.captured, hold.released)
    if hold.left != sum(one.amount for one in hold.slices):  # or it would time out for ever
        raise Invalid("hold", f"{number} of {account.id} does not hold what its slices say")
    return hold
