"""The ledger in memory: one row per account, replaced as a whole by every record."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import attrs
from attrs import field, frozen

from billing_adapters.memory.tables import Table
from billing_core.domain.credits import Account, AccountId, Books, Change, Entry, Hold, Lot, Needs
from billing_core.domain.topups import TopUp
from billing_core.errors import Invalid

__all__ = ["Ledgered", "MemoryLedger"]


@frozen
class Ledgered:
    """Everything that one account ever did. `keys` and `sources` lead to entries and lots by number."""

    version: int = 0
    books: Books = field(factory=Books)
    recorded_at: datetime | None = None
    next_due_at: datetime | None = None
    lots: Mapping[int, Lot] = field(factory=dict)
    holds: Mapping[int, Hold] = field(factory=dict)
    entries: tuple[Entry, ...] = ()
    keys: Mapping[str, int] = field(factory=dict)
    sources: Mapping[str, int] = field(factory=dict)


_EMPTY = Ledgered()


class MemoryLedger:
    """Accounts of credits."""

    def __init__(self, accounts: Table[AccountId, Ledgered], top_ups: Table[AccountId, TopUp]) -> None:
        """Keep them in one table, and look in the other below what they are topped up."""
        self._accounts = accounts
        self._top_ups = top_ups

    def load(self, needs: Iterable[Needs], *, lock: bool = False) -> Mapping[AccountId, Account]:
        """Return every account asked for; `lock` adds nothing, for a unit that writes has the whole store to itself."""
        del lock
        wanted = Needs.joined(needs)
        found = {account: _loaded(self._accounts.rows.get(account, _EMPTY), one) for account, one in wanted.items()}
        watched = {account: one.watched_below for account, one in self._top_ups.pick(wanted).items()}
        return found | {account: attrs.evolve(found[account], top_up_below=below) for account, below in watched.items()}

    def record(self, changes: Iterable[Change], *, last: bool = False) -> None:
        """Write what was decided; `last` saves nothing here."""
        del last
        for one in changes:
            mistake = _mistake(one)
            if mistake:
                self._accounts.refuse(mistake)
            kept = self._accounts.rows.get(one.account.id, _EMPTY)
            self._accounts.guard(f"account {one.account.id}", passes=_fits(kept, one))
            self._accounts.put(one.account.id, _after(kept, one))

    def entries(self, account: AccountId, *, before: int | None = None, limit: int = 100) -> Sequence[Entry]:
        """Return at most `limit` entries with a smaller number than `before`, the latest first."""
        kept = self._accounts.rows.get(account, _EMPTY)
        last = kept.version if before is None else min(before - 1, kept.version)
        return kept.entries[max(last - limit, 0) : max(last, 0)][::-1]

    def journal(self, account: AccountId, *, after: int = 0, limit: int = 1000) -> Sequence[Entry]:
        """Return at most `limit` entries with a larger number than `after`, the earliest first."""
        return self._accounts.rows.get(account, _EMPTY).entries[max(after, 0) :][:limit]

    def accounts(self, *, after: AccountId | None = None, limit: int = 1000) -> Sequence[AccountId]:
        """Return at most `limit` accounts that come after another, by owner and unit."""
        return sorted(one for one in self._accounts.rows if after is None or one > after)[:limit]

    def due(self, now: datetime, limit: int = 1000) -> Sequence[AccountId]:
        """Return at most `limit` accounts on which something has fallen due, the longest due first."""
        found = [(kept.next_due_at, account) for account, kept in self._accounts.rows.items() if kept.next_due_at]
        return [account for due_at, account in sorted(found) if due_at <= now][:limit]


def _loaded(kept: Ledgered, needs: Needs) -> Account:
    related = tuple(entry for entry in kept.entries if {entry.seq, entry.of} & needs.entries) if needs.entries else ()
    named = {kept.sources[source] for source in needs.sources if source in kept.sources}
    named |= {one.lot for entry in related if entry.seq in needs.entries for one in entry.movements}
    return Account(
        id=needs.account,
        version=kept.version,
        books=kept.books,
        recorded_at=kept.recorded_at,
        lots=tuple(lot for lot in kept.lots.values() if lot.number in named or _asked(lot, needs)),
        holds=tuple(one for one in kept.holds.values() if one.open or needs.everything or one.number in needs.holds),
        recorded={key: kept.entries[kept.keys[key] - 1] for key in needs.keys if key in kept.keys},
        related=related,
    )


def _asked(lot: Lot, needs: Needs) -> bool:
    return lot.open or needs.everything or (needs.repaid and lot.owed > 0)


def _fits(kept: Ledgered, change: Change) -> bool:
    keys = [entry.key for entry in change.entries if entry.key]
    sources = [lot.source for lot in change.opened]
    at_version = change.expected_version == kept.version
    return at_version and _unused(keys, kept.keys) and _unused(sources, kept.sources)


def _unused(names: Sequence[str], taken: Mapping[str, int]) -> bool:
    return len(set(names)) == len(names) and taken.keys().isdisjoint(names)


def _mistake(change: Change) -> Invalid | None:
    """Return what a database's constraints would refuse, whatever the core decided."""
    numbers = [entry.seq for entry in change.entries]
    if numbers != [*range(change.expected_version + 1, change.account.version + 1)] or not numbers:
        return Invalid("entries", "must be numbered without gaps")
    after = change.account.books
    if sum(attrs.astuple(after)) != 0:
        return Invalid("books", "must sum to zero")
    last = change.entries[-1]
    if (last.available_after, last.held_after, last.owed_after) != (after.available, after.held, -after.owed):
        return Invalid("entries", "must end in the books")
    if not all(map(_possible, (*change.opened, *change.touched))):
        return Invalid("lots", "must hold between nothing and their amount")
    if any(min(hold.captured, hold.released, hold.left) < 0 for hold in change.holds):
        return Invalid("holds", "must hold between nothing and their amount")
    return None


def _possible(lot: Lot) -> bool:
    parts = (lot.remaining, lot.held, lot.expired, lot.scheduled)
    used = lot.amount - sum(parts) - lot.revoked - lot.owed
    return min(*parts, lot.revoked, used) >= 0 and sum(parts) <= lot.amount and lot.owed >= -lot.amount


def _after(kept: Ledgered, change: Change) -> Ledgered:
    written = (*change.opened, *change.touched)
    return Ledgered(
        version=change.account.version,
        books=change.account.books,
        recorded_at=change.account.recorded_at,
        next_due_at=change.account.next_due_at,
        lots={**kept.lots, **{lot.number: lot for lot in written}},
        holds={**kept.holds, **{hold.number: hold for hold in change.holds}},
        entries=(*kept.entries, *change.entries),
        keys={**kept.keys, **{entry.key: entry.seq for entry in change.entries if entry.key}},
        sources={**kept.sources, **{lot.source: lot.number for lot in change.opened}},
    )
