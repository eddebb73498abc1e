"""Replays: an account built up again from its entries alone, to see how it stood, or whether it is what they say."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import attrs
from attrs import frozen

from billing_core.domain.credits.balances import Balance, balance_at
from billing_core.domain.credits.evolution import evolve
from billing_core.domain.credits.values import Account, AccountId, Entry, Hold, Lot
from billing_core.errors import Invalid

__all__ = ["Audit", "Finding", "audit", "balance_as_of"]


@frozen
class Finding:
    """Something that is stored and does not follow from the entries. `what` names it: `books`, `lot:3`, `entry:7`."""

    account: AccountId
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        """Say it in one sentence."""
        return f"{self.what} of {self.account} must be {self.expected}, not {self.found}"


@frozen
class Audit:
    """What a replay of one account's entries, from the first one, found; without findings the account is whole."""

    account: AccountId
    entries: int
    findings: tuple[Finding, ...] = ()


def balance_as_of(account: AccountId, entries: Iterable[Entry], at: datetime) -> Balance:
    """Return what an account had at a moment, by the entries that were recorded until then, from the first one on."""
    replay = _Replay(account)
    for entry in entries:
        if entry.recorded_at > at:
            break
        replay.step(entry)
    return balance_at(replay.account, at)


def audit(stored: Account, entries: Iterable[Entry]) -> Audit:
    """Compare an account, loaded with everything, with what its entries from the first one say.

    That are the numbering without gaps, the order of recording, every running balance, keys and sources that are used once,
    the trial balance, and every lot and every hold down to the last figure.
    """
    replay = _Replay(stored.id)
    try:
        findings = tuple(finding for entry in entries for finding in replay.checked(entry))
    except Invalid as refusal:
        # What follows an entry that cannot be applied, or read, tells nothing.
        following = f"entry:{replay.account.version + 1}"
        return Audit(stored.id, replay.account.version, (Finding(stored.id, following, "the next entry", str(refusal)),))
    return Audit(stored.id, replay.account.version, (*findings, *_differences(stored, replay)))


def _differences(stored: Account, replay: "_Replay") -> Iterator[Finding]:
    for name in ("version", "books", "recorded_at"):
        yield from _difference(stored.id, name, getattr(replay.account, name), getattr(stored, name))
    for what, expected, found in (("lot", replay.lots, stored.lots), ("hold", replay.holds, stored.holds)):
        told: dict[int, Lot | Hold] = {**expected}
        there: dict[int, Lot | Hold] = {one.number: one for one in found}
        for number in sorted(told.keys() | there.keys()):
            yield from _difference(stored.id, f"{what}:{number}", told.get(number), there.get(number))


def _difference(account: AccountId, what: str, expected: object, found: object) -> Iterator[Finding]:
    if expected != found:
        yield Finding(account, what, str(expected), str(found))


class _Replay:
    """An account as far as its entries were replayed.

    Of lots and holds the account carries those that are open, and the lots that an entry moves something on; the others are
    kept aside, so that a long history costs no more per entry than a short one.
    """

    def __init__(self, account: AccountId) -> None:
        self.account = Account(account)
        self.lots: dict[int, Lot] = {}
        self.holds: dict[int, Hold] = {}
        self._keys: set[str] = set()
        self._sources: set[str] = set()

    def step(self, entry: Entry) -> None:
        moved = {one.lot for one in entry.movements}
        lots = {lot.number: lot for lot in self.account.lots} | {no: self.lots[no] for no in moved if no in self.lots}
        after = evolve(attrs.evolve(self.account, lots=tuple(lots.values())), entry)
        self.lots |= {lot.number: lot for lot in after.lots}
        self.holds |= {hold.number: hold for hold in after.holds}
        self.account = attrs.evolve(
            after,
            lots=tuple(lot for lot in after.lots if lot.open),
            holds=tuple(hold for hold in after.holds if hold.open),
            recorded={},
            related=(),
        )

    def checked(self, entry: Entry) -> Iterator[Finding]:
        account, last = self.account.id, self.account.recorded_at
        if last and entry.recorded_at < last:
            yield Finding(account, f"entry:{entry.seq}", f"recorded at {last} or later", f"{entry.recorded_at}")
        for name, used in ((entry.key, self._keys), (entry.opened and entry.opened.source, self._sources)):
            if name in used:
                yield Finding(account, f"entry:{entry.seq}", "of a key and a source of its own", f"of {name!r} again")
            if name:
                used.add(name)
        self.step(entry)
