"""Histories: everything that can be asked of one account, drawn so that most of it is not refused."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from attrs import frozen
from hypothesis import strategies as st

from billing_core.domain import credits
from billing_core.domain.credits import Account, AccountId, LotKind, Operation, Shortfall, decide, fold
from billing_core.errors import Refused, Unknown

__all__ = ["ACME", "HOUR", "START", "after", "histories", "presents", "ran"]

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = AccountId("acme")
NAMED_BY_SOURCE = (credits.Grant, credits.Convert, credits.Forfeit, credits.Revoke)
NONE = 999  # no entry has this number


@frozen
class Asking:
    """What is drawn of a command: its figures. What it names is picked when it is asked, among what is there by then."""

    pause: int
    kind: type
    place: int
    amount: int
    flag: bool

    def words(self, account, now):  # noqa: C901, PLR0911 - one for each command
        part = None if self.flag else self.amount
        match self.kind:
            case credits.Grant:
                begins = now + self.pause * HOUR if self.flag else None
                ends = (begins or now) + 2 * self.amount * HOUR if self.place % 3 else None
                return {"amount": self.amount, "kind": self.one_of([*LotKind]), "starts_at": begins, "expires_at": ends}
            case credits.Spend:
                return {"amount": self.amount}
            case credits.Adjust:
                return {"amount": part or -self.amount, "reason": "r", "actor": "ann"}
            case credits.PlaceHold:
                return {"amount": self.amount, "expires_in": (self.place + 1) * HOUR}
            case credits.Capture:
                return {"hold": self.hold(account), "amount": part, "final": self.place % 2 == 0}
            case credits.Release:
                return {"hold": self.hold(account)}
            case credits.Convert:
                return {"most": part, "effective_at": now - self.pause * HOUR}
            case credits.Revoke:
                return {"amount": part, "shortfall": [*Shortfall][self.amount % 3]}
            case credits.Refund:
                spend = self.entry(account, Operation.SPEND, Operation.CAPTURE)
                return {"spend": spend, "amount": part, "grace": HOUR if self.place % 2 else None}
            case credits.Restore:
                return {"revocation": self.entry(account, Operation.REVOKE)}
            case _:
                return {}

    def command(self, account, now, key):
        if self.kind is credits.Expire:
            return credits.Expire(account=ACME)
        source = key if self.kind is credits.Grant else self.lot(account)
        named = {"source": source} if self.kind in NAMED_BY_SOURCE else {}
        return self.kind(account=ACME, key=key, **named, **self.words(account, now))

    def one_of(self, things):
        return things[self.place % len(things)]

    def lot(self, account):
        return self.one_of([lot.source for lot in account.lots] or ["nothing"])

    def hold(self, account):
        return self.one_of([hold.number for hold in account.holds] or [NONE])

    def entry(self, account, *operations):
        return self.one_of([one.seq for one in account.related if one.operation in operations] or [NONE])


def after(account, now, *commands):
    """Return an account after commands, none of which is refused."""
    for command in commands:
        account = fold(account, decide(account, command, now))
    return account


def ran(history):
    """Return the account after a history, whatever of it was refused; `related` is its journal."""
    account = Account(ACME)
    for now, command in history:
        with suppress(Refused, Unknown):
            account = after(account, now, command)
    return account


def dated(drawn):
    """Return commands with the moments at which they are given."""
    now, account, history = START, Account(ACME), []
    for place, asking in enumerate(drawn):
        now += asking.pause * HOUR
        history.append((now, asking.command(account, now, f"key-{place}")))
        with suppress(Refused, Unknown):
            account = after(account, now, history[-1][1])
    return history


kinds = [credits.Grant, credits.Spend, credits.Revoke, credits.Restore, credits.Refund] * 2
kinds += [credits.PlaceHold, credits.Capture, credits.Release]
kinds += [credits.Convert, credits.Forfeit, credits.Adjust, credits.Expire]
figures = (st.just(0) | st.integers(0, 9), st.sampled_from(kinds), st.integers(0, 9), st.integers(1, 12), st.booleans())
askings = st.lists(st.builds(Asking, *figures), min_size=6, max_size=16)
# A history begins with two grants, a spend and a hold, so that what is asked then finds something.
BEGINNING = [
    Asking(0, credits.Grant, 1, 9, flag=False),
    Asking(0, credits.Grant, 3, 8, flag=False),
    Asking(0, credits.Spend, 0, 12, flag=False),
    Asking(0, credits.PlaceHold, 9, 4, flag=False),
]
histories = askings.map(lambda drawn: dated([*BEGINNING, *drawn]))
# An account at the moment of the last command of its history, with all that fell due settled.
presents = histories.map(
    lambda history: (after(ran(history), history[-1][0], credits.Expire(account=ACME)), history[-1][0])
)
