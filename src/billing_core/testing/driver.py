"""The driver: how an application carries out a command on a store, as small as it can be."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from billing_core.domain.credits import (
    Account,
    AccountId,
    AnyCommand,
    Change,
    Entry,
    Expire,
    KeyedCommand,
    Needs,
    Result,
    change,
    decide,
    decide_all,
    needs_of,
)
from billing_core.errors import BillingError, Conflict
from billing_core.ports import Store

__all__ = ["account_in", "carry_out", "carry_out_all", "journal_of"]

T = TypeVar("T")

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
    if isinstance(command, Expire):
        return _insisting(lambda lock: _swept(store, command, now, lock=lock))
    changes, (result,) = carry_out_all(store, [command], now)
    if isinstance(result, BillingError):
        raise result
    return tuple(entry for one in changes if one.account.id == command.account for entry in one.entries)


def carry_out_all(
    store: Store, commands: Sequence[KeyedCommand], now: datetime
) -> tuple[Sequence[Change], Sequence[Result]]:
    """Do the same with several commands at once, and return what was written and what came of each, refusals too.

    Raises:
        Conflict: Others were faster a hundred times.
    """
    return _insisting(lambda lock: _together(store, commands, now, lock=lock))


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


def _insisting(attempt: Callable[[bool], T]) -> T:
    """Return what an attempt returns that nobody overtook; only the first one is made without a lock."""
    for made in range(_ATTEMPTS - 1):
        try:
            return attempt(made > 0)
        except Conflict:
            continue
    return attempt(True)  # noqa: FBT003 - with a lock


def _together(
    store: Store, commands: Sequence[KeyedCommand], now: datetime, *, lock: bool
) -> tuple[Sequence[Change], Sequence[Result]]:
    with store.begin() as unit:
        changes, results = decide_all(unit.ledger.load(needs_of(commands), lock=lock), commands, now)
        if changes:
            unit.ledger.record(changes)
        unit.commit()
    return changes, results


def _swept(store: Store, command: Expire, now: datetime, *, lock: bool) -> tuple[Entry, ...]:
    with store.begin() as unit:
        account = unit.ledger.load([Needs.of(command)], lock=lock)[command.account]
        entries = decide(account, command, now)
        if entries:
            unit.ledger.record([change(account, entries)])
        unit.commit()
    return entries
