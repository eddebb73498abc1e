"""Credits: every command on them. Each is loaded, decided and recorded; a lost race is decided again."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from attrs import frozen

from billing_core.application.leases import Lease, leave_room, positive_step
from billing_core.application.reading import UNIT, Reading, Statement
from billing_core.application.recording import carry_out, settle_all
from billing_core.application.work import Work, retried
from billing_core.domain.credits import (
    Account,
    AccountId,
    Adjust,
    Balance,
    Capture,
    Entry,
    Grant,
    Hold,
    KeyedCommand,
    LotKind,
    Needs,
    PlaceHold,
    Refund,
    Release,
    Restore,
    Result,
    Revoke,
    Shortfall,
    Spend,
    Transfer,
    balance_at,
    holds_at,
)
from billing_core.domain.money import Money, whole
from billing_core.domain.policies import OPENED, RESERVED, Policies
from billing_core.errors import HoldClosed, Invalid
from billing_core.ports import Folding, Ids, UnitOfWork

__all__ = ["Credits", "Said", "Statement"]

_ENOUGH = timedelta(hours=1)
_SWEPT_AT_ONCE = 100
# Accounts that a unit writes without locking them before it decides: to lock so few takes longer than what is done again
# when a race is lost, and is done then.
_FEW = 200


class Said(TypedDict, total=False):
    """What can be said with every operation.

    `unit` is what is counted, credits unless told otherwise. A `key` makes the operation happen once, however often it is
    asked for; without one, every call is another operation. `reference` names what it is for in the application's own
    terms, `reason` says why, and `actor` who asked.
    """

    unit: str
    key: str | None
    reference: str | None
    reason: str | None
    actor: str | None


@frozen
class Credits(Reading):
    """Opened as `billing.credits`. An `int` counts the unit's smallest steps, a `Decimal` whole units.

    A command without a `key` gets one of its own, and cannot be repeated safely: whoever may have to ask again, because no
    answer came, gives the key. Every command may raise `StoreUnavailable` (no answer: ask again with the same key) and,
    after ten lost races, `Conflict` (nothing was done: ask again). Callers who ask at the same time for the same account
    may share one write; none of them notices.
    """

    _ids: Ids
    _policies: Policies
    _folding: Folding

    def grant(
        self,
        account: str,
        amount: int | Decimal,
        *,
        kind: LotKind = LotKind.PROMOTIONAL,
        source: str | None = None,
        starts_at: datetime | None = None,
        expires_at: datetime | None = None,
        cost: Money | None = None,
        **said: Unpack[Said],
    ) -> Entry:
        """Give credits and return the entry that says so. `source` names what they are given for; it grants once.

        With the `source` of a payment (`payment:pi_...`) this grants by hand what its news would grant, and then does not.

        Raises:
            KeyReused: The key belongs to another command.
            AlreadyGranted: The source granted before, under another key.
            Invalid: An argument cannot be.
        """
        common = self._common(account, said)
        command = Grant(
            amount=self._steps(amount, said),
            kind=kind,
            source=f"grant:{common['key']}" if source is None else source,
            starts_at=starts_at,
            expires_at=expires_at,
            cost=cost,
            **common,
        )
        return self._do(command)

    def spend(self, account: str, amount: int | Decimal, **said: Unpack[Said]) -> Entry:
        """Consume credits and return the entry that says so. The same `key` spends once, however often it is asked.

        Raises:
            InsufficientCredits: Less is available; nothing was taken, and the same key may be used again.
            KeyReused: The key belongs to another command.
            Invalid: An argument cannot be.
        """
        return self._do(Spend(amount=self._steps(amount, said), **self._common(account, said)))

    def refund(
        self,
        account: str,
        spend: int,
        amount: int | Decimal | None = None,
        *,
        grace: timedelta | None = None,
        **said: Unpack[Said],
    ) -> Entry:
        """Give back what a spend or a capture consumed and return the entry that says so; without an `amount`, all of it.

        What burned last comes back first. Credits that expired meanwhile are lost, or last for a `grace` if one is given.

        Raises:
            UnknownEntry: The account has no entry of this number.
            RefundExceeded: The entry consumed less, or has less left after earlier refunds.
            KeyReused: The key belongs to another command.
            Invalid: An argument cannot be, or the entry is no spend and no capture.
        """
        asked = self._steps_or_all(amount, said)
        return self._do(Refund(spend=spend, amount=asked, grace=grace, **self._common(account, said)))

    def hold(self, account: str, amount: int | Decimal, *, expires_in: timedelta = _ENOUGH, **said: Unpack[Said]) -> Entry:
        """Set credits aside and return the entry that says so; its `seq` is the number of the hold.

        What is not captured or released returns by itself after `expires_in`. Unless told otherwise that is an hour: longer
        than most work takes, and soon enough that a crash keeps nobody waiting until tomorrow.

        Raises:
            InsufficientCredits: Less is available; nothing was set aside, and the same key may be used again.
            KeyReused: The key belongs to another command.
            Invalid: An argument cannot be.
        """
        asked = self._steps(amount, said)
        return self._do(PlaceHold(amount=asked, expires_in=expires_in, **self._common(account, said)))

    def capture(
        self,
        account: str,
        hold: int,
        amount: int | Decimal | None = None,
        *,
        final: bool = True,
        **said: Unpack[Said],
    ) -> Entry:
        """Consume what a hold holds and return the entry that says so; without an `amount`, all of it.

        What is left of the hold returns, unless this is not the `final` capture.

        Raises:
            UnknownHold: The account has no hold of this number.
            HoldClosed: The hold was captured, released or timed out before.
            HoldExceeded: The hold holds less.
            KeyReused: The key belongs to another command.
            Invalid: An argument cannot be.
        """
        asked = self._steps_or_all(amount, said)
        return self._do(Capture(hold=hold, amount=asked, final=final, **self._common(account, said)))

    def release(self, account: str, hold: int, **said: Unpack[Said]) -> Entry:
        """Return what a hold holds and return the entry that says so. Credits that expired meanwhile are lost.

        Raises:
            UnknownHold: The account has no hold of this number.
            HoldClosed: The hold was captured, released or timed out before.
            KeyReused: The key belongs to another command.
            Invalid: An argument cannot be.
        """
        return self._do(Release(hold=hold, **self._common(account, said)))

    def lease(
        self,
        account: str,
        amount: int | Decimal,
        *,
        every: int | Decimal | None = None,
        expires_in: timedelta = _ENOUGH,
        **said: Unpack[Said],
    ) -> Lease:
        """Hold credits as a budget for work that is metered while it goes on, such as an answer told token by token.

        Use it in a `with` block, where `lease.spend(...)` costs nothing but memory; whenever `every` credits (a tenth of
        the lease unless told otherwise) have come together, they are captured. At the end of the block, also if it failed,
        what was spent is captured and the rest returns. After a crash the rest returns when `expires_in` has passed.

        With the `key` of a lease that a crash ended, the work goes on with what is left of it. It has at most 233
        characters, for the keys of the captures are made of it.

        Raises:
            InsufficientCredits: Less is available; nothing was set aside.
            HoldClosed: A lease under this key ended before; or this one timed out before everything was captured.
            KeyReused: The key belongs to another command.
            Invalid: An argument cannot be.
        """
        unit = self._policies.unit(said.get("unit", UNIT))
        # Whatever is wrong with a lease is refused before anything is set aside for it.
        step = None if every is None else positive_step(unit.steps(every))
        leave_room(said.get("key"))
        placed = self.hold(account, amount, expires_in=expires_in, **said)
        hold = self._open_hold(AccountId(account, unit.name), placed.seq)

        def capture(part: int, key: str, final: bool) -> Entry:  # noqa: FBT001 - `Captures` says so
            words: Said = {**said, "key": key}
            return self.capture(account, placed.seq, part, final=final, **words)

        return Lease(
            account=account,
            hold=hold.number,
            expires_at=hold.expires_at,
            unit=unit,
            every=step or max(hold.amount // 10, 1),
            left=hold.left,
            captured=hold.captured,
            key=placed.key or "",
            now=self._clock.now,
            capture=capture,
        )

    def revoke(
        self,
        account: str,
        source: str,
        amount: int | Decimal | None = None,
        *,
        shortfall: Shortfall = Shortfall.OWE,
        **said: Unpack[Said],
    ) -> Entry:
        """Claw back the credits that a source granted, because its money went back; without an `amount`, all of them.

        What is unused is taken. What was spent, or is held, is owed and repaid by the next grant; or it is taken from
        what else the account has, or forgiven, as `shortfall` says.

        Raises:
            UnknownLot: The source never granted anything to the account.
            RevocationExceeded: The source granted less, or has less left after earlier revocations.
            KeyReused: The key belongs to another command.
            Invalid: An argument cannot be.
        """
        asked = self._steps_or_all(amount, said)
        return self._do(Revoke(source=source, amount=asked, shortfall=shortfall, **self._common(account, said)))

    def restore(self, account: str, revocation: int, **said: Unpack[Said]) -> Entry:
        """Undo a revocation, by the number of its entry, because the money did not go back after all.

        Raises:
            UnknownEntry: The account has no entry of this number.
            AlreadyRestored: It was undone before.
            KeyReused: The key belongs to another command.
            Invalid: An argument cannot be, or the entry is no revocation.
        """
        return self._do(Restore(revocation=revocation, **self._common(account, said)))

    def adjust(
        self, account: str, amount: int | Decimal, *, expires_at: datetime | None = None, **said: Unpack[Said]
    ) -> Entry:
        """Correct a balance by hand, up or with a negative amount down. Both `reason` and `actor` must be said.

        Raises:
            InsufficientCredits: Less is available than is to be taken.
            KeyReused: The key belongs to another command.
            Invalid: An argument cannot be, or is missing.
        """
        common = {"reason": None, "actor": None, **self._common(account, said)}
        return self._do(Adjust(amount=self._steps(amount, said), expires_at=expires_at, **common))

    def transfer(self, account: str, to: str, amount: int | Decimal, **said: Unpack[Said]) -> Entry:
        """Send credits to another account and return the entry that says so; both sides are written, or neither.

        The credits keep their terms: kind, priority, expiry and what was paid for them.

        Raises:
            InsufficientCredits: Less is available; nothing was sent, and the same key may be used again.
            KeyReused: The key belongs to another command.
            Invalid: An argument cannot be.
        """
        other = AccountId(to, said.get("unit", UNIT))
        return self._do(Transfer(to=other, amount=self._steps(amount, said), **self._common(account, said)))

    def grant_many(self, grants: Iterable[Grant]) -> Sequence[Result]:
        """Give credits to many accounts in one transaction; see `spend_many`."""
        return self._do_many([*grants], Grant)

    def spend_many(self, spends: Iterable[Spend]) -> Sequence[Result]:
        """Spend many times, on one account or on many, in one transaction.

        Returns:
            In the order of the spends the entry of each, or the refusal that kept it from having one: what is refused does
            not keep the others from being done, and each keeps its own key.

        Raises:
            Invalid: One of the keys is reserved; nothing was done.
        """
        return self._do_many([*spends], Spend)

    def expire(self, account: str, *, unit: str = UNIT) -> Balance:
        """Write down what fell due on one account and return its balance: only the age of the books depends on it."""
        named = AccountId(account, unit)
        return balance_at(self._settle([named])[named], self._clock.now())

    def sweep(self, limit: int = 1000) -> int:
        """Write down what fell due, on at most `limit` accounts, and return on how many: nothing depends on it.

        Raises:
            Invalid: `limit` is no number from 1 up.
        """
        if whole("limit", limit) < 1:
            raise Invalid("limit", f"must be at least 1, not {limit}")
        swept = 0
        while swept < limit:
            with self._store.view() as view:
                due = view.ledger.due(self._clock.now(), min(_SWEPT_AT_ONCE, limit - swept))
            if not due:
                break
            self._settle(due)
            swept += len(due)
        return swept

    def _settle(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        def do(unit: UnitOfWork, lock: bool) -> Mapping[AccountId, Account]:  # noqa: FBT001 - `retried` says so
            return settle_all(self._work(unit, lock=lock), accounts)

        return retried(self._store, f"{len(accounts)} accounts", do)

    def _open_hold(self, account: AccountId, number: int) -> Hold:
        loaded = self._load(Needs(account, holds=frozenset({number})))
        still_open = {hold.number: hold for hold in holds_at(loaded, self._clock.now())}
        if number in still_open:
            return still_open[number]
        closed = next(hold for hold in loaded.holds if hold.number == number)
        raise HoldClosed(str(account), number, closed.captured, closed.amount - closed.captured)

    def _common(self, account: str, said: Said) -> dict[str, Any]:
        """Return what every command is made of. A word that no command knows is passed on, for it to refuse."""
        words: dict[str, Any] = {**said}
        named = AccountId(account, words.pop("unit", UNIT))
        key = words.get("key")
        return {**words, "account": named, "key": self._ids.new() if key is None else key}

    def _steps(self, amount: int | Decimal, said: Said) -> int:
        return self._policies.unit(said.get("unit", UNIT)).steps(amount)

    def _steps_or_all(self, amount: int | Decimal | None, said: Said) -> int | None:
        return None if amount is None else self._steps(amount, said)

    def _do(self, command: KeyedCommand) -> Entry:
        _refuse_reserved(command)
        if isinstance(command, Transfer):
            (result,) = self._carry_out([command])
        else:
            result = self._folding.fold(command.account, command, self._carry_out)
        if isinstance(result, Entry):
            return result
        raise result

    def _do_many(self, commands: Sequence[KeyedCommand], kind: type[KeyedCommand]) -> Sequence[Result]:
        for command in commands:
            if not isinstance(command, kind):
                raise Invalid("command", f"must be a {kind.__name__}, not {type(command).__name__}")
            _refuse_reserved(command)
        return self._carry_out(commands) if commands else ()

    def _carry_out(self, commands: Sequence[KeyedCommand]) -> Sequence[Result]:
        accounts = {command.account for command in commands}

        def do(unit: UnitOfWork, lock: bool) -> Sequence[Result]:  # noqa: FBT001 - `retried` says so
            # Who writes many accounts would lose them all to whoever writes one of them meanwhile.
            return carry_out(self._work(unit, lock=lock or len(accounts) > _FEW), commands)

        return retried(self._store, _named(accounts), do)

    def _work(self, unit: UnitOfWork, *, lock: bool) -> Work:
        return Work(unit, self._clock.now(), self._ids, self._policies, lock=lock)


def _named(accounts: Collection[AccountId]) -> str:
    return "account {}".format(*accounts) if len(accounts) == 1 else f"one of {len(accounts)} accounts"


def _refuse_reserved(command: KeyedCommand) -> None:
    """Keep the application's own commands apart from those that follow from news.

    Raises:
        Invalid: A key or a source could meet one of theirs.
    """
    if command.key.startswith(RESERVED):
        raise Invalid("key", f"must not begin with {' or '.join(RESERVED)}: these are the keys of what payments bought")
    if isinstance(command, Grant) and command.source.startswith(OPENED):
        raise Invalid("source", f"must not begin with {' or '.join(OPENED)}: these are lots that other commands open")
