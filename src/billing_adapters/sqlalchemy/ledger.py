"""Ledger: the accounts of credits, read in a few queries and written under a guard, however many they are.

An account's row carries its version; whoever writes first raises it, and everybody else's guard fails. What a unit reads of
an account is of one version: books and open lots come in one query, and what is read afterwards brings the version along.
Open holds are asked for only where the books say that something is held.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, Row

from billing_adapters.sqlalchemy import ledger_rows as laid_out
from billing_adapters.sqlalchemy.columns import FOREVER
from billing_adapters.sqlalchemy.ledger_hot import hot
from billing_adapters.sqlalchemy.ledger_rows import Loaded, Names, by_entry, entry_of, names_of
from billing_adapters.sqlalchemy.ledger_statements import statements
from billing_adapters.sqlalchemy.transaction import Transaction
from billing_core.domain.credits import Account, AccountId, Change, Entry, Needs

__all__ = ["SqlAlchemyLedger"]


class SqlAlchemyLedger:
    """Accounts of credits. An account that was never written is an empty one, at version 0."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._sql = statements(transaction.dialect)
        self._hot = hot(transaction.dialect)

    def load(self, needs: Iterable[Needs], *, lock: bool = False) -> Mapping[AccountId, Account]:
        """Return every account asked for: its books, open lots, open holds, and what else the needs name.

        `lock`: nobody else writes these accounts until the unit ends. A unit that only reads locks nothing.
        """
        joined = Needs.joined(needs)
        asked = {(one.owner, one.unit): need for one, need in joined.items()}
        if lock and self._transaction.writes:
            self._lock(asked)
        accounts = self._accounts(asked)
        more = any(one.held or one.known or asked[names].beyond_keys for names, one in accounts.items())
        if more and not self._add_others(asked, accounts):
            # Somebody wrote between the queries. Under the lock nobody does.
            return self.load(joined.values(), lock=True)
        return {one: accounts[one.owner, one.unit].finished() for one in joined}

    def _add_others(self, asked: Mapping[Names, Needs], accounts: Mapping[Names, Loaded]) -> bool:
        """Read whatever a look does not find, and tell whether all of it was of one version."""
        keys = [(*names, key) for names, one in asked.items() if accounts[names].known for key in one.keys]
        numbers = [(*names, str(number)) for names, one in asked.items() for number in one.entries]
        lots = self._lots(asked, numbers)
        entries = self._triples(self._sql.entries, keys)
        related = self._triples(self._sql.related, numbers)
        holds = self._holds(asked, accounts)
        if any(accounts[names_of(row)].version != row.version for row in (*lots, *entries, *related, *holds)):
            return False
        for row in lots:
            accounts[names_of(row)].add_lot(row)
        for row in holds:
            accounts[names_of(row)].add_hold(row)
        movements = by_entry(self._triples(self._sql.movements, keys)) if entries else {}
        for row in entries:
            accounts[names_of(row)].add_entry(entry_of(row, movements))
        movements = by_entry(self._triples(self._sql.related_movements, numbers)) if related else {}
        for row in related:
            accounts[names_of(row)].add_related(entry_of(row, movements))
        return True

    def record(self, changes: Iterable[Change], *, last: bool = False) -> None:
        """Write what was decided: the books, the lots, and the entries, which are never changed afterwards.

        `last`: the caller commits next. PostgreSQL then keeps it at once, in a transaction of the statement's own.

        Raises:
            Conflict: An account is not at its change's `expected_version` any more, or a key or source is taken.
        """
        # In one order everywhere, or two units that write the same accounts would wait for one another.
        ordered = sorted(changes, key=lambda one: (one.account.id.owner, one.account.id.unit))
        if not ordered:
            return
        what = f"account {ordered[0].account.id}" if len(ordered) == 1 else f"one of {len(ordered)} accounts"
        missing = [laid_out.new(one.account.id) for one in ordered if not one.expected_version]
        if missing:
            self._transaction.write(self._sql.add_account, missing, what)
        self._hot.record(self._transaction, ordered, what, last=last)

    def entries(self, account: AccountId, *, before: int | None = None, limit: int = 100) -> Sequence[Entry]:
        """Return at most `limit` entries with a smaller number than `before`, the latest first."""
        page = {"at_owner": account.owner, "at_unit": account.unit}
        last = FOREVER if before is None else before
        rows = self._transaction.rows(self._sql.page, {**page, "before": last, "most": limit})
        return self._with_movements(page, rows)

    def journal(self, account: AccountId, *, after: int = 0, limit: int = 1000) -> Sequence[Entry]:
        """Return at most `limit` entries with a larger number than `after`, the earliest first."""
        page = {"at_owner": account.owner, "at_unit": account.unit}
        return self._with_movements(
            page, self._transaction.rows(self._sql.journal, {**page, "after": after, "most": limit})
        )

    def accounts(self, *, after: AccountId | None = None, limit: int = 1000) -> Sequence[AccountId]:
        """Return at most `limit` accounts that come after another, by owner and unit."""
        last = {"at_owner": after.owner if after else "", "at_unit": after.unit if after else ""}
        return [AccountId(*row) for row in self._transaction.rows(self._sql.owners, {**last, "most": limit})]

    def due(self, now: datetime, limit: int = 1000) -> Sequence[AccountId]:
        """Return at most `limit` accounts on which something has fallen due, the longest due first."""
        return [AccountId(*row) for row in self._transaction.rows(self._sql.due, {"now": now, "most": limit})]

    def _with_movements(self, page: Mapping[str, str], rows: Sequence[Row[Any]]) -> Sequence[Entry]:
        if not rows:
            return []
        numbers = [row.seq for row in rows]
        span = {"first": min(numbers), "last": max(numbers)}
        movements = by_entry(self._transaction.rows(self._sql.page_movements, {**page, **span}))
        return [entry_of(row, movements) for row in rows]

    def _lock(self, asked: Mapping[Names, Needs]) -> None:
        """Lock the accounts, which for one that is missing means to create it: nothing else can be locked."""
        which = self._sql.accounts.rows(asked)
        locked = {names_of(row) for row in self._transaction.rows(self._sql.lock, which)}
        missing = [laid_out.new(asked[names].account) for names in sorted(asked) if names not in locked]
        if missing:
            self._transaction.write(self._sql.add_account, missing, "a new account")
            self._transaction.rows(self._sql.lock, which)

    def _accounts(self, asked: Mapping[Names, Needs]) -> dict[Names, Loaded]:
        """Look at the accounts, and whether any of the keys is known."""
        accounts = {names: Loaded(one.account) for names, one in asked.items()}
        keys = [(*names, key) for names, one in asked.items() for key in one.keys]
        for row in self._hot.look(self._transaction, [*asked], keys) if asked else ():
            accounts[row[:2]].add_look(row)
        return accounts

    def _lots(self, asked: Mapping[Names, Needs], numbers: Sequence[tuple[str, str, str]]) -> Sequence[Row[Any]]:
        """Read the lots that are named, those that named entries moved something on, and those that repaid anything."""
        sources = [(*names, source) for names, one in asked.items() for source in one.sources]
        repaid = [names for names, one in asked.items() if one.repaid]
        everything = [names for names, one in asked.items() if one.everything]
        return (
            *self._triples(self._sql.lots, sources),
            *self._triples(self._sql.moved_lots, numbers),
            *self._of(self._sql.repaid_lots, repaid),
            *self._of(self._sql.every_lot, everything),
        )

    def _holds(self, asked: Mapping[Names, Needs], accounts: Mapping[Names, Loaded]) -> Sequence[Row[Any]]:
        """Read the open holds of the accounts that hold anything, and the closed ones that are named."""
        holding = [names for names in asked if accounts[names].held]
        still = (
            *self._of(self._sql.open_holds, holding),
            *self._of(self._sql.every_hold, [names for names, one in asked.items() if one.everything]),
        )
        found = {(*names_of(row), row.hold_number) for row in still}
        named = {(*names, number) for names, one in asked.items() for number in one.holds} - found
        return (*still, *self._triples(self._sql.holds, [(owner, unit, str(number)) for owner, unit, number in named]))

    def _of(self, query: Executable, asked: Sequence[Names]) -> Sequence[Row[Any]]:
        return self._transaction.rows(query, self._sql.accounts.rows(asked)) if asked else ()

    def _triples(self, query: Executable, asked: Sequence[tuple[str, str, str]]) -> Sequence[Row[Any]]:
        return self._transaction.rows(query, self._sql.triples.rows(asked)) if asked else ()
