"""The driver: how an application carries out a command on a store, as small as it can be."""

from datetime import datetime

from billing_core.domain.credits import Account, AccountId, AnyCommand, Entry, Needs, change, decide
from billing_core.errors import Conflict
from billing_core.ports import Store

__all__ = ["account_in", "carry_out", "journal_of"]

_ATTEMPTS = 100


def carry_out(store: Store, command: AnyCommand, now: datetime) -> tuple[Entry, ...]:
    """Load, decide, record, and begin again with a lock after somebody else was faster.

    Returns:
        The entries that were written: none if the command was carried out before.

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
        account = unit.ledger.load([Needs.of(command)], lock=lock)[command.account]
        entries = decide(account, command, now)
        if entries:
            unit.ledger.record([change(account, entries)])
        unit.commit()
    return entries
