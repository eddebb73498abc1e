"""The decisions of the ledger: `decide` turns a command into entries."""

from datetime import datetime
from typing import assert_never

from billing_core.domain.credits.clawbacks import refund, restore, revoke
from billing_core.domain.credits.commands import (
    Adjust,
    AnyCommand,
    Capture,
    Command,
    Convert,
    Expire,
    Forfeit,
    Grant,
    KeyedCommand,
    PlaceHold,
    Receive,
    Refund,
    Release,
    Restore,
    Revoke,
    Spend,
    Transfer,
    fingerprint,
)
from billing_core.domain.credits.evolution import entry_of, evolve, fold
from billing_core.domain.credits.grants import adjust, convert, forfeit, grant, receive, send
from billing_core.domain.credits.holdings import capture, place, release, time_out
from billing_core.domain.credits.slices import repaying, taken
from billing_core.domain.credits.values import Account, Book, Entry, Movement, Operation
from billing_core.domain.times import moment
from billing_core.errors import Invalid, KeyReused

__all__ = ["decide", "effected", "settle"]


def decide(account: Account, command: AnyCommand, now: datetime) -> tuple[Entry, ...]:
    """Return the entries that carry out a command; none when the same command was carried out before.

    What fell due until `now` is settled first, each lot and each hold at its own due time, so that nothing depends on when
    anybody swept. The result of a command is the entry recorded under its key.

    Raises:
        KeyReused: The key belongs to another command.
        AlreadyGranted: The source opened a lot before, under another key.
        AlreadyRestored: The revocation was undone before.
        InsufficientCredits: Less is available than the command takes.
        UnknownLot: No lot has the source that the command names.
        UnknownHold: No hold has this number.
        UnknownEntry: No entry has the number that the command names.
        HoldClosed: The hold was captured, released or timed out before.
        HoldExceeded: More is to be captured than the hold holds.
        RefundExceeded: More is to be refunded than the spend has left.
        RevocationExceeded: More is to be clawed back than the lot has left.
        Invalid: The command's times or sums cannot be.
    """
    if command.account != account.id:
        raise Invalid("account", f"is {command.account} in the command, but it was to be decided on {account.id}")
    now = account.present(moment(now))
    if isinstance(command, Command) and _carried_out(account, command):
        return ()
    due = settle(account, now)
    account = fold(account, due)
    entry = _done(account, command, now)
    if entry is None:
        return due
    # What is opened late may have expired since.
    return (*due, entry, *settle(evolve(account, entry), now)) if entry.opened else (*due, entry)


def effected(account: Account, command: KeyedCommand) -> bool:
    """Tell whether what a command is for was done before, even if it is worded differently now.

    This is the question for effects that follow from a provider's news: the same money may be reported twice, with a
    product edited in between, and must neither grant twice nor be refused.
    """
    if isinstance(command, Grant):
        return account.lot_from(command.source) is not None
    if isinstance(command, Convert) and account.lot_from(command.opens):
        return True
    return command.key in account.recorded


def settle(account: Account, now: datetime) -> tuple[Entry, ...]:
    """Return one entry for everything that fell due by `now`, in order of time.

    That are lots that begin, or have expired, and holds that have timed out.
    """
    entries: list[Entry] = []
    while due := _next_due(account, now):
        account = evolve(account, due)
        entries.append(due)
    return tuple(entries)


def _next_due(account: Account, now: datetime) -> Entry | None:
    due_at = account.next_due_at
    if due_at is None or due_at > now:
        return None
    for lot in account.lots:
        if lot.remaining and lot.expires_at == due_at:
            movement = Movement(lot.number, Book.AVAILABLE, Book.EXPIRED, lot.remaining)
            return entry_of(account, Operation.EXPIRE, (movement,), effective_at=due_at, recorded_at=now)
    for hold in account.holds:
        if hold.open and hold.expires_at == due_at:
            return time_out(account, hold, now)
    lot = next(lot for lot in account.lots if lot.scheduled and lot.effective_at == due_at)
    begins = Movement(lot.number, Book.SCHEDULED, Book.AVAILABLE, lot.scheduled)
    movements = (begins, *repaying(account, lot.number, lot.scheduled))
    return entry_of(account, Operation.START, movements, effective_at=due_at, recorded_at=now, of=lot.number)


def _carried_out(account: Account, command: Command) -> bool:
    recorded = account.recorded.get(command.key)
    if recorded is None:
        return False
    if recorded.fingerprint != fingerprint(command):
        raise KeyReused(str(account.id), command.key)
    return True


def _done(account: Account, command: AnyCommand, now: datetime) -> Entry | None:  # noqa: C901, PLR0911, PLR0912 - one for each command
    match command:
        case Grant():
            return grant(account, command, now)
        case Spend():
            movements = taken(account, command.amount, Book.CONSUMED)
            return entry_of(account, Operation.SPEND, movements, effective_at=now, recorded_at=now, command=command)
        case Refund():
            return refund(account, command, now)
        case PlaceHold():
            return place(account, command, now)
        case Capture():
            return capture(account, command, now)
        case Release():
            return release(account, command, now)
        case Convert():
            return convert(account, command, now)
        case Forfeit():
            return forfeit(account, command, now)
        case Revoke():
            return revoke(account, command, now)
        case Restore():
            return restore(account, command, now)
        case Adjust():
            return adjust(account, command, now)
        case Transfer():
            return send(account, command, now)
        case Receive():
            return receive(account, command, now)
        case Expire():
            return None
        case _:
            assert_never(command)
