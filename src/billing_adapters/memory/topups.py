"""The top-ups in memory: one row per account, guarded by its version."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import attrs

from billing_adapters.memory.tables import Table
from billing_core.domain.credits import AccountId
from billing_core.domain.topups import TopUp

__all__ = ["MemoryTopUps"]


class MemoryTopUps:
    """The rules by which accounts are topped up; the ledger reads them in the same table."""

    def __init__(self, top_ups: Table[AccountId, TopUp]) -> None:
        """Keep them in this table."""
        self._top_ups = top_ups

    def get(self, accounts: Iterable[AccountId]) -> Mapping[AccountId, TopUp]:
        """Return those that were ever set."""
        return self._top_ups.pick(accounts)

    def put(self, top_up: TopUp) -> None:
        """Write a top-up over the one that has its version."""
        stored = self._top_ups.rows.get(top_up.account)
        self._top_ups.guard(f"the top-up of {top_up.account}", passes=top_up.version == (stored.version if stored else 0))
        self._top_ups.put(top_up.account, attrs.evolve(top_up, version=top_up.version + 1))

    def due(self, now: datetime, limit: int) -> Sequence[TopUp]:
        """Return at most `limit` top-ups whose next attempt has come, the longest due first."""
        found = [(one.next_attempt_at, account) for account, one in self._top_ups.rows.items() if one.next_attempt_at]
        return [self._top_ups.rows[account] for due_at, account in sorted(found) if due_at <= now][:limit]
