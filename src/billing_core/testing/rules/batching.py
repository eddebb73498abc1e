"""Batching: several commands at once, which must come out as one by one."""

from collections.abc import Sequence

from attrs import frozen
from hypothesis import strategies as st
from hypothesis.stateful import multiple, rule

from billing_core.domain.credits import AccountId, Entry, KeyedCommand, Result, Shortfall, decide_all, needs_of
from billing_core.errors import BillingError
from billing_core.testing.driver import carry_out_all
from billing_core.testing.examples import (
    a_capture,
    a_convert,
    a_forfeit,
    a_grant,
    a_hold,
    a_refund,
    a_release,
    a_restore,
    a_revoke,
    a_spend,
    a_transfer,
    an_adjustment,
)
from billing_core.testing.rules.draws import HOUR, Share, done, nth_of, nths, of, pauses, shares, which
from billing_core.testing.watching import LedgerWatch, Pause

__all__ = ["BatchingRules"]


@frozen
class Wish:
    """What one command of a batch is to be: `what` on which account, about how much of what there is then."""

    what: str
    which: int
    nth: int
    share: Share


_whats = st.sampled_from((
    "grant",
    "schedule",
    "spend",
    "hold",
    "capture",
    "release",
    "refund",
    "convert",
    "forfeit",
    "revoke",
    "restore",
    "adjust",
    "transfer",
))
_wishes = st.lists(st.builds(Wish, _whats, which, nths, shares), min_size=2, max_size=6)


class BatchingRules(LedgerWatch):
    """What is done in one go."""

    @rule(target=done, pause=pauses, wishes=_wishes, again=st.booleans())
    def together(self, pause: Pause, wishes: Sequence[Wish], *, again: bool) -> KeyedCommand:
        """Carry out commands one by one, and keep nothing; then all at once, some twice: the same must come of it."""
        self.after(pause, 0)
        commands: list[KeyedCommand] = []
        alone: list[Result] = []
        written: dict[AccountId, list[Entry]] = {}
        with self.store.begin() as unit:
            for wish in wishes:
                commands.append(self._wished(wish))
                told = self.oracle.tell(commands[-1])
                decided, (result,) = decide_all(unit.ledger.load(needs_of(commands[-1:])), commands[-1:], self.now)
                assert isinstance(result, told.refused or Entry)
                unit.ledger.record(decided)
                self.believe(told)
                self.take_down(decided)
                alone.append(result)
                for one in decided:
                    written.setdefault(one.account.id, []).extend(one.entries)
        accepted = [one for one, result in zip(commands, alone, strict=True) if isinstance(result, Entry)]
        twice = accepted if again else []

        changes, results = carry_out_all(self.store, [*commands, *twice], self.now)

        assert {one.account.id: list(one.entries) for one in changes} == written, "together is one by one"
        repeated = [result for result in alone if isinstance(result, Entry)] if again else []
        assert [*map(_said, results)] == [*map(_said, (*alone, *repeated))], "each comes out as if it had come alone"
        return multiple(*accepted)  # type: ignore[return-value] # which is how a rule adds several to its bundles

    def _wished(self, wish: Wish) -> KeyedCommand:  # noqa: C901, PLR0911 - one for each
        """Return a command, a spend where there is nothing of what it would be about."""
        watched = self.watched[self.accounts[wish.which]]
        kitchen, account, numbers = self.kitchen(watched), watched.id, watched.numbers
        amount = of(self.available(watched), wish.share)
        soon = self.present(watched) + wish.nth * HOUR + HOUR
        shortfall = [*Shortfall][wish.nth % len(Shortfall)]
        pot = nth_of(kitchen.pots[::-1], wish.nth, lambda pot: not pot.spent)
        match wish.what:
            case "grant":
                return a_grant(account, amount + 1, expires_at=soon)
            case "schedule":
                return a_grant(account, amount + 1, starts_at=soon)
            case "hold":
                return a_hold(account, amount + 1, expires_in=HOUR)
            case "capture" | "release" if kitchen.jugs:
                jug = nth_of(kitchen.jugs.values(), wish.nth, lambda jug: not jug.left)
                command = a_capture if wish.what == "capture" else a_release
                return command(account, numbers[jug.name])
            case "refund" if kitchen.bills:
                bill = nth_of(kitchen.bills.values(), wish.nth, lambda bill: not bill.left)
                return a_refund(account, numbers[bill.name])
            case "convert":
                return a_convert(account, pot.source, into=("convert", "rollover")[wish.nth % 2])
            case "forfeit":
                return a_forfeit(account, pot.source)
            case "revoke":
                return a_revoke(account, pot.source, amount or None, shortfall=shortfall)
            case "restore" if kitchen.clawbacks:
                clawback = nth_of(kitchen.clawbacks.values(), wish.nth, lambda clawback: clawback.undone)
                return a_restore(account, numbers[clawback.name])
            case "adjust":
                return an_adjustment(account, -amount or 1)
            case "transfer" if wish.which < 2:
                return a_transfer(account, self.accounts[1 - wish.which], amount + 1)
            case _:
                return a_spend(account, amount)


def _said(result: Result) -> object:
    """Return what can be compared: an entry, or what a refusal says."""
    return (type(result), str(result)) if isinstance(result, BillingError) else result
