"""The driver: how an application carries out a command on a store, as small as it can be."""

from datetime import datetime

from billing_core.domain.credits import (
    Account,
    AccountId,
    AnyCommand,
    Change,
    Entry,
    Expire,
    Needs,
    change,
    decide,
    decide_all,
    needs_of,
)
from billing_core.errors import BillingError, Conflict
from billing_core.ports import Store, UnitOfWork

__all__ = ["account_in", "carry_out", "journal_of"]

_ATTEMPTS = 100


def carry_out(store: Store, command: AnyCommand, now: datetime) -> tuple[Entry, ...]:
    """Load, decide, record, and begin again with a lock after somebody else was faster.

    Returns:
        The entries that were written on the command's account: none if it was carried out before.

    Raises:
        Refused: The command is; nothing was written.
        Unknown: The command names something that is not there; nothing was written.
        Conflict: Others were faster a hundred times.
    """
    for attempt in range(1, _ATTEMPTS):
        try:
            return _attempt(store, command, now, lock=attempt > 1)
        except Conflict:
            continue
    return _attempt(store, command, now, lock=True)


def account_in(store: Store, needs: Needs) -> Account:
    """Return one account as it is committed."""
    with store.view() as unit:
        return unit.ledger.load([needs])[needs.account]


def journal_of(store: Store, account: AccountId, page: int = 100) -> tuple[Entry, ...]:
    """Return all entries of an account, the first one first, read page by page."""
    backwards: list[Entry] = []
    with store.view() as unit:
        while True:
            found = unit.ledger.entries(account, before=backwards[-1].seq if backwards else None, limit=page)
            backwards.extend(found)
            if len(found) < page:
                return tuple(reversed(backwards))


def _attempt(store: Store, command: AnyCommand, now: datetime, *, lock: bool) -> tuple[Entry, ...]:
    with store.begin() as unit:
        changes = _decided(unit, command, now, lock=lock)
        if changes:
            unit.ledger.record(changes)
        unit.commit()
    return tuple(entry for one in changes if one.account.id == command.account for entry in one.entries)


def _decided(unit: UnitOfWork, command: AnyCommand, now: datetime, *, lock: bool) -> tuple[Change, ...]:
    if isinstance(command, Expire):
        account = unit.ledger.load([Needs.of(command)], lock=lock)[command.account]
        entries = decide(account, command, now)
        return (change(account, entries),) if entries else ()
    changes, (result,) = decide_all(unit.ledger.load(needs_of([command]), lock=lock), [command], now)
    if isinstance(result, BillingError):
        raise result
    return changes
