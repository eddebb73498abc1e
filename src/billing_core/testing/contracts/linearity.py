"""Linearity: could what callers were told, all of them at the same time, have been told to one after the other?

Whoever was answered before another one asked must come first. As every entry has a number, the order of those who wrote is
known, and it is enough to carry out their commands again, in the core, in that order. Who wrote nothing, because it was
refused or had been done before, must have been right at some moment between asking and being answered.
"""

from collections.abc import Iterable, Mapping, Sequence

import attrs
from attrs import frozen

from billing_core.domain.credits import Account, AccountId, Entry, decide, fingerprint, fold
from billing_core.errors import BillingError
from billing_core.testing.contracts.claims import shape
from billing_core.testing.contracts.crowds import Told

__all__ = ["check_linear"]


def check_linear(account: AccountId, entries: Sequence[Entry], told: Iterable[Told]) -> None:
    """Assert that one order explains what everybody was told of an account, of which these are all entries.

    Entries of which nobody was told here are taken as they are.
    """
    own = [one for one in told if one.command.account == account]
    history = _History(entries, own, _states(account, entries), _writes(own))
    history.check_writes()
    history.check_order()
    history.check_reads()


@frozen
class _Span:
    """Between which moments something took place."""

    begins: int
    ends: int


def _states(account: AccountId, entries: Iterable[Entry]) -> Sequence[Account]:
    """Return the account before the first entry and after each, with whatever a command may name."""
    states = [Account(account)]
    for entry in entries:
        after = fold(states[-1], [entry])
        states.append(attrs.evolve(after, related=(*states[-1].related, entry)))
    return states


def _writes(told: Iterable[Told]) -> Mapping[int, _Span]:
    """Tell when each entry was written: once somebody had asked for it, and before anybody was told of it."""
    asked: dict[int, list[Told]] = {}
    for one in told:
        if isinstance(one.result, Entry):
            asked.setdefault(one.result.seq, []).append(one)
    return {
        number: _Span(min(one.asked_at for one in some), min(one.answered_at for one in some))
        for number, some in asked.items()
    }


@frozen
class _History:
    """All entries of an account, what everybody was told of it, and what follows from either."""

    entries: Sequence[Entry]
    told: Sequence[Told]
    states: Sequence[Account]
    writes: Mapping[int, _Span]

    def check_writes(self) -> None:
        """Carry out in the core what was written: that gives these entries, with whatever else fell due."""
        commands = {(one.command.key, fingerprint(one.command)): one.command for one in self.told}
        entered = {(one.result.key, one.result.fingerprint) for one in self.told if isinstance(one.result, Entry)}
        assert entered <= commands.keys(), "everybody is told the entry of the own command"
        done = 0
        while done < len(self.entries):
            at = next((at for at, entry in enumerate(self.entries) if at >= done and entry.key), len(self.entries) - 1)
            entry = self.entries[at]
            command = commands.get((entry.key or "", entry.fingerprint or ""))
            decided = decide(self.states[done], command, entry.recorded_at) if command else self.entries[done : at + 1]
            assert decided, f"{entry.key} took effect once"
            written = self.entries[done : done + len(decided)]
            assert shape([*written]) == shape([*decided]), "what was written is what the core decides"
            done += len(decided)

    def check_order(self) -> None:
        """Compare the numbers of the entries with the clock."""
        earliest = float("inf")
        for number, span in sorted(self.writes.items(), reverse=True):
            earliest = min(earliest, span.ends)
            assert span.begins <= earliest, f"entry {number} was asked for when a later one had been answered"

    def check_reads(self) -> None:
        """Find for every answer a moment at which it was right, none before that of one that had been given before."""
        read: list[tuple[int, int]] = []  # when it was answered, and the earliest version at which that was right
        for one in sorted(self.told, key=lambda one: one.answered_at):
            seen = [number for number, span in self.writes.items() if span.ends < one.asked_at]
            seen += [version for answered_at, version in read if answered_at < one.asked_at]
            unseen = [number - 1 for number, span in self.writes.items() if span.begins > one.answered_at]
            versions = range(max(seen, default=0), min(unseen, default=len(self.entries)) + 1)
            right = next((version for version in versions if self._answers(version, one)), None)
            assert right is not None, f"nothing explains why {one.command} was told {one.result!r}"
            read.append((one.answered_at, right))

    def _answers(self, version: int, one: Told) -> bool:
        """Tell whether the account, as it stood after so many entries, gives this answer."""
        state = self.states[version]
        if isinstance(one.result, Entry):
            return shape(state.recorded.get(one.command.key)) == shape(one.result)
        try:
            decide(state, one.command, one.now)
        except BillingError as refusal:
            return (type(refusal), str(refusal)) == (type(one.result), str(one.result))
        return False
