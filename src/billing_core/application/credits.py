"""Credits: grant, spend and read them. Each command is loaded, decided and recorded; a lost race is decided again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import attrs
from attrs import frozen

from billing_core.application.work import Work, retried
from billing_core.domain.credits import (
    Account,
    AccountId,
    AnyCommand,
    Balance,
    Convert,
    Entry,
    Expire,
    Grant,
    LotKind,
    Needs,
    Operation,
    Spend,
    balance_at,
    change,
    decide,
    effected,
)
from billing_core.domain.events import CREDITS_CONVERTED, CREDITS_EXPIRED, CREDITS_GRANTED
from billing_core.domain.money import Money, whole
from billing_core.domain.policies import CONVERTED, RESERVED
from billing_core.errors import Invalid, UnknownAccount
from billing_core.ports import Clock, Ids, Store, UnitOfWork

__all__ = ["Credits", "Statement", "carry_out", "carry_out_once"]

_UNIT = "credits"
_LONGEST_PAGE = 1000

_EVENTS: Mapping[Operation, str] = MappingProxyType({
    Operation.GRANT: CREDITS_GRANTED,
    Operation.CONVERT: CREDITS_CONVERTED,
    Operation.EXPIRE: CREDITS_EXPIRED,
})


@frozen
class Statement:
    """One page of an account's entries, the latest first. Pass `next_before` on for the page of older ones."""

    account: AccountId
    entries: Sequence[Entry]
    next_before: int | None


@frozen
class Credits:
    """Opened as `billing.credits`. Amounts are whole numbers of the unit's smallest step.

    A command without a `key` gets one of its own, and cannot be repeated safely: whoever may have to ask again, because no
    answer came, gives the key. Every command may raise `StoreUnavailable` (no answer: ask again with the same key) and,
    after ten lost races, `Conflict` (nothing was done: ask again).
    """

    _store: Store
    _clock: Clock
    _ids: Ids

    def balance(self, account: str, *, unit: str = _UNIT) -> Balance:
        """Return what an account has now; one that was never granted anything has nothing."""
        named = AccountId(account, unit)
        with self._store.view() as view:
            found = view.ledger.load([Needs(named)])[named]
        return balance_at(found, self._clock.now())

    def statement(self, account: str, *, unit: str = _UNIT, before: int | None = None, limit: int = 50) -> Statement:
        """Return the entries of an account with a smaller number than `before`, the latest first.

        Raises:
            UnknownAccount: Nothing was ever written on the account.
            Invalid: `limit` is no number from 1 to 1000.
        """
        if not 1 <= whole("limit", limit) <= _LONGEST_PAGE:
            raise Invalid("limit", f"must be from 1 to {_LONGEST_PAGE}")
        named = AccountId(account, unit)
        if before is not None:
            whole("before", before)
        with self._store.view() as view:
            found = view.ledger.entries(named, before=before, limit=limit + 1)
        if not found and before is None:
            raise UnknownAccount(str(named))
        page = found[:limit]
        return Statement(named, page, page[-1].seq if len(found) > limit else None)

    def grant(  # noqa: PLR0913 - every one is a fact about the grant, and all but two have a default
        self,
        account: str,
        amount: int,
        *,
        unit: str = _UNIT,
        key: str | None = None,
        kind: LotKind = LotKind.PROMOTIONAL,
        source: str | None = None,
        expires_at: datetime | None = None,
        cost: Money | None = None,
        reference: str | None = None,
        reason: str | None = None,
        actor: str | None = None,
    ) -> Entry:
        """Give credits and return the entry that says so. `source` names what they are given for; it grants once.

        With the `source` of a payment (`payment:pi_...`) this grants by hand what its news would grant, and then does not.

        Raises:
            KeyReused: The key belongs to another command.
            AlreadyGranted: The source granted before, under another key.
            Invalid: An argument cannot be.
        """
        if source and source.startswith(CONVERTED):
            raise Invalid("source", f"must not begin with {CONVERTED}: these are the lots that conversions open")
        key = self._key(key)
        command = Grant(
            account=AccountId(account, unit),
            key=key,
            amount=amount,
            kind=kind,
            source=f"grant:{key}" if source is None else source,
            expires_at=expires_at,
            cost=cost,
            reference=reference,
            reason=reason,
            actor=actor,
        )
        return self._carry_out(command).recorded[key]

    def spend(
        self,
        account: str,
        amount: int,
        *,
        unit: str = _UNIT,
        key: str | None = None,
        reference: str | None = None,
        reason: str | None = None,
        actor: str | None = None,
    ) -> Entry:
        """Consume credits and return the entry that says so. The same `key` spends once, however often it is asked.

        Raises:
            InsufficientCredits: Less is available; nothing was taken, and the same key may be used again.
            KeyReused: The key belongs to another command.
            Invalid: An argument cannot be.
        """
        key = self._key(key)
        command = Spend(
            account=AccountId(account, unit),
            key=key,
            amount=amount,
            reference=reference,
            reason=reason,
            actor=actor,
        )
        return self._carry_out(command).recorded[key]

    def expire(self, account: str, *, unit: str = _UNIT) -> Balance:
        """Write down what fell due and return the balance. Nothing depends on it but the age of the books."""
        return balance_at(self._carry_out(Expire(account=AccountId(account, unit))), self._clock.now())

    def _key(self, asked: str | None) -> str:
        if isinstance(asked, str) and asked.startswith(RESERVED):
            raise Invalid("key", f"must not begin with {' or '.join(RESERVED)}: these are the keys of what payments bought")
        return self._ids.new() if asked is None else asked

    def _carry_out(self, command: AnyCommand) -> Account:
        def do(unit: UnitOfWork, lock: bool) -> Account:  # noqa: FBT001 - `retried` says so
            return carry_out(Work(unit, self._clock.now(), self._ids, lock=lock), command)

        return retried(self._store, f"account {command.account}", do)


def carry_out(work: Work, command: AnyCommand) -> Account:
    """Carry out one command inside an open unit and return the account after it, which holds the command's entry."""
    account = work.unit.ledger.load([Needs.of(command)], lock=work.lock)[command.account]
    return _record(work, account, command)


def carry_out_once(work: Work, commands: Iterable[Grant | Convert]) -> None:
    """Carry out those commands whose effect is not there yet: for news, which may come twice and in other words."""
    for command in commands:
        account = work.unit.ledger.load([Needs.of(command)], lock=work.lock)[command.account]
        if not effected(account, command):
            _record(work, account, _until(max(work.now, account.recorded_at or work.now), command))


def _until(now: datetime, command: Grant | Convert) -> Grant | Convert:
    """Let an effect take place now if the provider's clock is ahead of the account's, which is the latest of all hosts'."""
    ahead = command.effective_at is not None and command.effective_at > now
    return attrs.evolve(command, effective_at=now) if ahead else command


def _record(work: Work, account: Account, command: AnyCommand) -> Account:
    entries = decide(account, command, work.now)
    if not entries:
        return account
    decided = change(account, entries)
    work.unit.ledger.record([decided])
    for entry in entries:
        _tell(work, account.id, entry)
    return decided.account


def _tell(work: Work, account: AccountId, entry: Entry) -> None:
    name = _EVENTS.get(entry.operation)
    if name:
        source = entry.opened.source if entry.opened else None
        work.tell(
            name, f"account:{account}", account.owner, entry.effective_at, seq=entry.seq, amount=entry.amount, source=source
        )
