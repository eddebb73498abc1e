"""The kitchen: where the model counts, in pots and jugs, credit by credit.

A pot is what became of one grant, a jug what became of credits that were set aside, a bill what was used of which pots, a
clawback what was taken back. It shares no code with the ledger, and knows nothing of entries, books, versions or sweeping.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from types import MappingProxyType
from typing import assert_never

from attrs import define, field

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

__all__ = ["FOREVER", "PRIORITIES", "Bill", "Clawback", "Jug", "Kitchen", "Pot"]

FOREVER = datetime.max.replace(tzinfo=UTC)
PRIORITIES = MappingProxyType({"promotional": 10, "subscription": 20, "adjustment": 30, "payg": 30})


@define(eq=False)
class Pot:
    """What became of one grant. `paid` is what it gave for debts, less what it owes itself."""

    source: str
    kind: str
    rank: tuple[int, datetime, datetime, int]
    since: datetime
    until: datetime
    amount: int
    waiting: int = 0
    left: int = 0
    aside: int = 0
    spent: int = 0
    expired: int = 0
    gone: int = 0
    revoked: int = 0
    paid: int = 0

    def take(self, where: str, most: int) -> int:
        """Take so much from `waiting`, `left` or `expired`, or what there is, and return how much that was."""
        there: int = getattr(self, where)
        sip = min(there, most)
        setattr(self, where, there - sip)
        return sip

    def put_back(self, amount: int, at: datetime) -> None:
        """Add credits that were in it before, where they are lost if it has expired."""
        if self.until <= at:
            self.expired += amount
        else:
            self.left += amount

    def convertible(self, since: datetime, at: datetime) -> list[str]:
        """Return where credits that were unused at an earlier moment are by now, also what was lost to time since then."""
        return ["waiting", "left", "expired"] if since < self.until <= at else ["waiting", "left"]


@define
class Jug:
    """What became of credits that were set aside: `drops` are the pots that each came from, the first to drink first."""

    name: str
    amount: int
    until: datetime
    drops: list[Pot]
    drunk: int = 0
    returned: int = 0

    @property
    def left(self) -> int:
        """How much is in it."""
        return len(self.drops)

    @property
    def parts(self) -> list[tuple[Pot, int]]:
        """How much is in it of which pot."""
        return [*_counted(self.drops)]


@define
class Bill:
    """What was used under a name and not refunded: `drops` are the pots that each credit came from, the last used first."""

    name: str
    drops: list[Pot]

    @property
    def left(self) -> int:
        """How much of it was not refunded."""
        return len(self.drops)


@define
class Clawback:
    """What was taken back under a name: `unused` credits from where they lay, and for `short` ones those of `others`."""

    name: str
    unused: list[tuple[Pot, str, int]] = field(factory=list)
    short: list[tuple[Pot, int]] = field(factory=list)
    others: list[tuple[Pot, int]] = field(factory=list)
    undone: bool = False


@define
class Kitchen:
    """Where everything stands while the facts are told. `debt` is what was clawed back after use and not repaid."""

    pots: list[Pot] = field(factory=list)
    jugs: dict[str, Jug] = field(factory=dict)
    bills: dict[str, Bill] = field(factory=dict)
    clawbacks: dict[str, Clawback] = field(factory=dict)
    debt: int = 0

    def see(self, fact: Fact) -> None:  # noqa: C901, PLR0912 - one for each fact
        """Let one thing happen."""
        match fact:
            case Granted():
                self._repay(self._pour(fact))
            case Adjusted():
                self._correct(fact)
            case Spent():
                self._charge(fact.name, self._drawn(fact.amount))
            case Sent():
                for pot in self._drawn(fact.amount):
                    pot.gone += 1
            case Held():
                self._fill(fact)
            case Captured():
                self._serve(fact)
            case Released():
                self._empty(self.jugs[fact.held], fact.at)
            case Refunded():
                self._refund(fact)
            case Converted():
                self._decant(fact)
            case Forfeited():
                pot = self.pot(fact.source)
                pot.expired += pot.take("waiting", pot.amount) + pot.take("left", pot.amount)
            case Revoked():
                self._claw_back(fact)
            case Restored():
                self._undo(self.clawbacks[fact.clawback], fact.at)
            case _:
                assert_never(fact)

    def wait(self, until: datetime) -> None:
        """Let time pass, from one moment at which something falls due to the next."""
        moments = {jug.until for jug in self.jugs.values()}
        moments |= {moment for pot in self.pots for moment in (pot.since, pot.until)}
        for at in sorted(moments):
            if at > until:
                break
            for pot in self.pots:
                if pot.until <= at:
                    pot.expired += pot.take("left", pot.left)
            for jug in self.jugs.values():
                if jug.until == at:
                    self._empty(jug, at)
            for pot in self.pots:
                if pot.waiting and pot.since <= at:
                    pot.left = pot.take("waiting", pot.waiting)
                    self._repay(pot)

    def pot(self, source: str) -> Pot:
        """Return the pot of a source."""
        (found,) = self.family(source)[:1]
        return found

    def family(self, source: str) -> list[Pot]:
        """Return the pot of a source, and those that it was converted to, rolled over to, or one after the other."""
        heirs = (f"convert:{source}", f"rollover:{source}", f"convert:rollover:{source}")
        return [pot for name in (source, *heirs) for pot in self.pots if pot.source == name]

    # Coming in ------------------------------------------------------------------------------------------------------------

    def _pour(self, fact: Granted) -> Pot:
        priority = PRIORITIES[fact.kind] if fact.priority is None else fact.priority
        until = fact.until or FOREVER
        rank = (priority, until, fact.since, len(self.pots))
        pot = Pot(fact.source, fact.kind, rank, fact.since, until, fact.amount)
        if fact.since > fact.at:
            pot.waiting = fact.amount
        else:
            pot.left = fact.amount
        self.pots.append(pot)
        return pot

    def _correct(self, fact: Adjusted) -> None:
        if fact.amount > 0:
            source = f"adjust:{fact.name}"
            self._repay(self._pour(Granted(fact.at, source, "adjustment", fact.amount, fact.at, fact.until)))
        for pot in self._drawn(max(-fact.amount, 0)):
            pot.revoked += 1

    def _repay(self, pot: Pot) -> None:
        """Let what has just become usable pay what is owed."""
        coin = pot.take("left", self.debt)
        pot.paid += coin
        self.debt -= coin

    # Going out ------------------------------------------------------------------------------------------------------------

    def _drawn(self, amount: int) -> list[Pot]:
        """Take so much out of the pots, the best first, and return the pot of every credit."""
        drops = [pot for pot in sorted(self.pots, key=lambda one: one.rank) for _ in range(pot.left)][:amount]
        for pot in drops:
            pot.left -= 1
        return drops

    def _charge(self, name: str, drops: list[Pot]) -> None:
        for pot in drops:
            pot.spent += 1
        self.bills[name] = Bill(name, drops[::-1])

    def _fill(self, fact: Held) -> None:
        drops = self._drawn(fact.amount)
        for pot in drops:
            pot.aside += 1
        self.jugs[fact.name] = Jug(fact.name, fact.amount, fact.until, drops)

    def _serve(self, fact: Captured) -> None:
        """Drink so much out of a jug, and put the rest back after the last time."""
        jug = self.jugs[fact.held]
        used, jug.drops = jug.drops[: fact.amount], jug.drops[fact.amount :]
        jug.drunk += fact.amount
        for pot in used:
            pot.aside -= 1
        self._charge(fact.name, used)
        if fact.final:
            self._empty(jug, fact.at)

    def _decant(self, fact: Converted) -> None:
        old, most = self.pot(fact.source), fact.most
        amount = 0
        for where in old.convertible(fact.since, fact.at):
            amount += old.take(where, old.amount if most is None else most - amount)
        old.gone += amount
        if amount:
            self._pour(Granted(fact.at, fact.heir, fact.kind, amount, fact.since, fact.until))

    # Coming back ----------------------------------------------------------------------------------------------------------

    def _empty(self, jug: Jug, at: datetime) -> None:
        """Put back what is in a jug."""
        for pot in jug.drops:
            pot.aside -= 1
            jug.returned += 1
            if not self._settled(pot):
                pot.put_back(1, at)
        jug.drops = []

    def _refund(self, fact: Refunded) -> None:
        bill = self.bills[fact.used]
        back, bill.drops = bill.drops[: fact.amount], bill.drops[fact.amount :]
        for pot in back:
            pot.spent -= 1
        back = [pot for pot in back if not self._settled(pot)]
        lost = [pot for pot in back if pot.until <= fact.at] if fact.grace else []
        for pot in back:
            if pot in lost:
                pot.gone += 1
            else:
                pot.put_back(1, fact.at)
        if lost:
            like, _ = max(_counted(lost), key=lambda part: part[1])
            priority, *_ = like.rank
            self._pour(Granted(fact.at, f"refund:{fact.name}", like.kind, len(lost), fact.at, fact.grace, priority))

    def _settled(self, pot: Pot) -> bool:
        """Tell whether a credit that comes back pays what is owed: it was counted as used when its pot was clawed back."""
        pays = bool(pot.revoked and self.debt)
        pot.paid += pays
        self.debt -= pays
        return pays

    # Clawed back ----------------------------------------------------------------------------------------------------------

    def _claw_back(self, fact: Revoked) -> None:
        family, left = self.family(fact.source), fact.amount
        clawback = Clawback(fact.name)
        for where in ("waiting", "left", "expired"):
            for pot in family:
                sip = pot.take(where, left)
                pot.revoked += sip
                left -= sip
                clawback.unused += [(pot, where, sip)] if sip else []
        for pot in family[::-1] if fact.used != "forgive" else []:  # who inherited owes first
            part = min(left, pot.amount - pot.revoked)
            left -= part
            clawback.short += [(pot, part)]
            self._owe(pot, part)
        if fact.used == "take":
            clawback.others = [*_counted(self._drawn(sum(part for _, part in clawback.short)))]
            for pot, sip in clawback.others:
                pot.paid += sip
                self.debt -= sip
        self.clawbacks[fact.name] = clawback

    def _owe(self, pot: Pot, amount: int) -> None:
        pot.revoked += amount
        pot.paid -= amount
        self.debt += amount

    def _undo(self, clawback: Clawback, at: datetime) -> None:
        clawback.undone = True
        for pot, where, sip in clawback.unused:
            pot.revoked -= sip
            if where == "waiting" and pot.since > at:
                pot.waiting += sip
            elif where == "expired":
                pot.expired += sip
            else:
                pot.put_back(sip, at)
        for pot, part in clawback.short:
            self._owe(pot, -part)
        for pot, sip in clawback.others[::-1]:
            self._pay_back(pot, sip, at)
        for pot in self.pots[::-1]:
            self._pay_back(pot, -self.debt, at)

    def _pay_back(self, pot: Pot, most: int, at: datetime) -> None:
        """Return to a pot so much of what it paid."""
        coin = max(min(pot.paid, most), 0)
        pot.paid -= coin
        self.debt += coin
        pot.put_back(coin, at)


def _counted(drops: Iterable[Pot]) -> Iterator[tuple[Pot, int]]:
    """Return how many credits come from which pot, in their order."""
    return ((pot, len([*same])) for pot, same in groupby(drops))
