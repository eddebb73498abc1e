"""Batches: many commands on many accounts, decided one after the other as if each had come alone."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeAlias

from attrs import define, field

from billing_core.domain.credits.commands import KeyedCommand, Needs, Transfer
from billing_core.domain.credits.decisions import decide
from billing_core.domain.credits.evolution import fold
from billing_core.domain.credits.grants import receipts
from billing_core.domain.credits.values import Account, AccountId, Change, Entry
from billing_core.errors import Refused, Unknown

__all__ = ["Result", "decide_all", "needs_of"]

# A command's entry, or what kept it from having one.
Result: TypeAlias = Entry | Refused | Unknown


def needs_of(commands: Iterable[KeyedCommand]) -> tuple[Needs, ...]:
    """Return what deciding these commands needs to know, of every account that they touch."""
    needs = [Needs.of(command) for command in commands]
    return (*needs, *(Needs(command.to) for command in commands if isinstance(command, Transfer)))


def decide_all(
    accounts: Mapping[AccountId, Account], commands: Iterable[KeyedCommand], now: datetime
) -> tuple[tuple[Change, ...], tuple[Result, ...]]:
    """Decide commands one after the other, each on what the others left.

    Returns:
        What must be written, a change for each account that anything happens to; and the results in the order of the
        commands: entries, or refusals, none of which keeps the others from being done.
    """
    batch = _Batch({**accounts})
    results = tuple(batch.result(command, now) for command in commands)
    return batch.changes(accounts), results


@define
class _Batch:
    """The accounts as the commands so far have left them, and what these have written."""

    accounts: dict[AccountId, Account]
    entries: dict[AccountId, list[Entry]] = field(factory=dict)

    def result(self, command: KeyedCommand, now: datetime) -> Result:
        try:
            written = self._written(command, now)
        except (Refused, Unknown) as refusal:
            return refusal
        for account, entries in written:
            self.accounts[account.id] = account
            self.entries.setdefault(account.id, []).extend(entries)
        return self.accounts[command.account].recorded[command.key]

    def changes(self, before: Mapping[AccountId, Account]) -> tuple[Change, ...]:
        return tuple(
            Change(before[account].version, self.accounts[account], tuple(entries))
            for account, entries in self.entries.items()
            if entries
        )

    def _written(self, command: KeyedCommand, now: datetime) -> list[tuple[Account, tuple[Entry, ...]]]:
        """Return the accounts after a command with their new entries: all of them, or none."""
        after, entries = _after(self.accounts[command.account], command, now)
        written = [(after, entries)]
        if isinstance(command, Transfer) and entries:
            to, sent_at = self.accounts[command.to], entries[-1].recorded_at
            for receipt in receipts(command, after):
                to, received = _after(to, receipt, sent_at)  # which is later than now if the sender's time is ahead
                written.append((to, received))
        return written


def _after(account: Account, command: KeyedCommand, now: datetime) -> tuple[Account, tuple[Entry, ...]]:
    entries = decide(account, command, now)
    return fold(account, entries), entries
