"""The oracle: what must come of a command, told from the models alone, before any ledger is asked.

It expects keys that were never used, and numbers of entries that were written before.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import assert_never

from attrs import define, field, frozen

from billing_core.domain.credits import (
    AccountId,
    Adjust,
    Capture,
    Convert,
    Entry,
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
)
from billing_core.errors import (
    AlreadyGranted,
    AlreadyRestored,
    BillingError,
    HoldClosed,
    HoldExceeded,
    InsufficientCredits,
    Invalid,
    RefundExceeded,
    RevocationExceeded,
    UnknownEntry,
    UnknownHold,
    UnknownLot,
)
from billing_core.testing.facts import (
    Adjusted,
    Captured,
    Converted,
    Fact,
    Forfeited,
    Granted,
    Held,
    Refunded,
    Released,
    Restored,
    Revoked,
    Sent,
    Spent,
)
from billing_core.testing.kitchen import Kitchen
from billing_core.testing.model import Model

__all__ = ["Oracle", "Told", "Watched"]

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@define
class Watched:
    """One account: the model of it, and every entry that the store said it wrote. `reached` is when the last one was."""

    id: AccountId
    model: Model = field(factory=Model)
    journal: list[Entry] = field(factory=list)
    reached: datetime = _LONG_AGO

    @property
    def numbers(self) -> dict[str, int]:
        """The numbers of all entries that were asked for, by the keys under which they were."""
        return {entry.key: entry.seq for entry in self.journal if entry.key}

    def name(self, number: int) -> str | None:
        """Return the key under which an entry was asked for, if there is such an entry, and it was asked for."""
        return self.journal[number - 1].key if number <= len(self.journal) else None


@frozen
class Told:
    """What must come of a command: what will have happened to whom, or why it is refused."""

    facts: Sequence[tuple[Watched, Fact]] = ()
    refused: type[BillingError] | None = None


@define
class Oracle:
    """Tells what must come of commands on the accounts that are watched, at a moment."""

    watched: Mapping[AccountId, Watched]
    now: datetime

    def tell(self, command: KeyedCommand) -> Told:
        """Tell what must come of one command."""
        one = self.watched[command.account]
        at = self.present(one)
        answer = _Answer(one, at, one.model.kitchen(at)).to(command)
        if not isinstance(answer, Iterable):
            return Told(refused=answer)
        facts: list[tuple[Watched, Fact]] = [(one, fact) for fact in answer]
        if isinstance(command, Transfer):
            facts += self._arrivals(command, at)
        return Told(facts)

    def present(self, watched: Watched) -> datetime:
        """Return an account's own present: its time never goes back."""
        return max(self.now, watched.reached)

    def _arrivals(self, command: Transfer, at: datetime) -> list[tuple[Watched, Fact]]:
        """Credits arrive on the terms that they had: what leaves a pot is a pot of its own where it goes."""
        to = self.watched[command.to]
        then = max(at, to.reached)
        before = self.watched[command.account].model.kitchen(at)
        after = self.watched[command.account].model.kitchen(at)
        after.see(Sent(at, command.amount))
        leaving = sorted(zip(before.pots, after.pots, strict=True), key=lambda pots: pots[0].rank)
        sips = [(pot, pot.left - left.left) for pot, left in leaving if pot.left > left.left]
        return [
            (to, Granted(then, f"{command.received}:{place}", pot.kind, sip, at, pot.until, pot.rank[0]))
            for place, (pot, sip) in enumerate(sips)
        ]


@define
class _Answer:
    """What an account has to say to a command at a moment."""

    watched: Watched
    at: datetime
    kitchen: Kitchen

    @property
    def available(self) -> int:
        return sum(pot.left for pot in self.kitchen.pots)

    def to(self, command: KeyedCommand) -> Sequence[Fact] | type[BillingError]:  # noqa: C901, PLR0911, PLR0912 - one for each
        match command:
            case Grant():
                return self.to_grant(command)
            case Spend() | Transfer():
                if command.amount > self.available:
                    return InsufficientCredits
                sent = isinstance(command, Transfer)
                return [Sent(self.at, command.amount) if sent else Spent(self.at, command.key, command.amount)]
            case Refund():
                return self.to_refund(command)
            case PlaceHold():
                return self.to_hold(command)
            case Capture() | Release():
                return self.to_end_of_hold(command)
            case Convert():
                return self.to_convert(command)
            case Forfeit():
                known = self.kitchen.family(command.source)
                return [Forfeited(self.at, command.source)] if known else UnknownLot
            case Revoke():
                return self.to_revoke(command)
            case Restore():
                return self.to_restore(command)
            case Adjust():
                return self.to_adjust(command)
            case Receive():
                raise NotImplementedError("is what comes of a transfer, and nobody's own command")
            case _:
                assert_never(command)

    def to_grant(self, command: Grant) -> Sequence[Fact] | type[BillingError]:
        since = command.starts_at or command.effective_at or self.at
        if any(pot.source == command.source for pot in self.kitchen.pots):
            return AlreadyGranted
        if command.expires_at and command.expires_at <= since:
            return Invalid
        kind, until = command.kind.value, command.expires_at
        return [Granted(self.at, command.source, kind, command.amount, since, until, command.priority)]

    def to_adjust(self, command: Adjust) -> Sequence[Fact] | type[BillingError]:
        if -command.amount > self.available:
            return InsufficientCredits
        if command.expires_at and command.expires_at <= self.at:
            return Invalid
        return [Adjusted(self.at, command.key, command.amount, command.expires_at)]

    def to_refund(self, command: Refund) -> Sequence[Fact] | type[BillingError]:
        if command.spend > len(self.watched.journal):
            return UnknownEntry
        bill = self.kitchen.bills.get(self.watched.name(command.spend) or "")
        if bill is None:
            return Invalid
        amount = bill.left if command.amount is None else command.amount
        if not 0 < amount <= bill.left:
            return RefundExceeded
        grace = self.at + command.grace if command.grace else None
        return [Refunded(self.at, command.key, bill.name, amount, grace)]

    def to_hold(self, command: PlaceHold) -> Sequence[Fact] | type[BillingError]:
        until = command.expires_at or self.at + (command.expires_in or self.at - self.at)
        if until <= self.at:
            return Invalid
        if command.amount > self.available:
            return InsufficientCredits
        return [Held(self.at, command.key, command.amount, until)]

    def to_end_of_hold(self, command: Capture | Release) -> Sequence[Fact] | type[BillingError]:
        jug = self.kitchen.jugs.get(self.watched.name(command.hold) or "")
        if jug is None:
            return UnknownHold
        if not jug.left:
            return HoldClosed
        if isinstance(command, Release):
            return [Released(self.at, jug.name)]
        amount = jug.left if command.amount is None else command.amount
        if amount > jug.left:
            return HoldExceeded
        return [Captured(self.at, command.key, jug.name, amount, command.final)]

    def to_convert(self, command: Convert) -> Sequence[Fact] | type[BillingError]:
        since, heir = command.effective_at or self.at, f"{command.into}:{command.source}"
        if not self.kitchen.family(command.source):
            return UnknownLot
        if any(pot.source == heir for pot in self.kitchen.pots):
            return AlreadyGranted
        pot = self.kitchen.pot(command.source)
        if since < pot.since and not pot.waiting:
            return Invalid
        unused = sum(getattr(pot, where) for where in pot.convertible(since, self.at))
        if unused and command.most != 0 and command.expires_at and command.expires_at <= since:
            return Invalid
        kind = command.kind.value
        return [Converted(self.at, command.source, heir, kind, since, command.most, command.expires_at)]

    def to_revoke(self, command: Revoke) -> Sequence[Fact] | type[BillingError]:
        family = self.kitchen.family(command.source)
        if not family:
            return UnknownLot
        left = family[0].amount - sum(pot.revoked for pot in family)
        amount = left if command.amount is None else command.amount
        if not 0 < amount <= left:
            return RevocationExceeded
        return [Revoked(self.at, command.key, command.source, amount, command.shortfall.value)]

    def to_restore(self, command: Restore) -> Sequence[Fact] | type[BillingError]:
        if command.revocation > len(self.watched.journal):
            return UnknownEntry
        clawback = self.kitchen.clawbacks.get(self.watched.name(command.revocation) or "")
        if clawback is None:
            return Invalid
        return AlreadyRestored if clawback.undone else [Restored(self.at, clawback.name)]
