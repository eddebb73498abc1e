"""Credits: grant, spend and read them. Each command is loaded, decided and recorded; a lost race is decided again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import attrs
from attrs import frozen

from billing_core.application.work import Work
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
from billing_core.domain.policies import RESERVED
from billing_core.errors import Conflict, Invalid, UnknownAccount
from billing_core.ports import Clock, Ids, Store

__all__ = ["Credits", "Statement", "carry_out", "carry_out_once"]

_UNIT = "credits"
_LONGEST_PAGE = 1000
_ATTEMPTS = 10  # the second attempt locks the account, so a third is rare

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
    """Opened as `billing.credits`. Amounts are whole numbers of the unit's smallest step."""

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
        with self._store.view() as view:
            found = view.ledger.entries(named, before=before, limit=limit + 1)
        if not found and before is None:
            raise UnknownAccount(account)
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

        Raises:
            KeyReused: The key belongs to another command.
            AlreadyGranted: The source granted before, under another key.
            Invalid: An argument cannot be.
        """
        key = self._key(key)
        command = Grant(
            account=AccountId(account, unit),
            key=key,
            amount=amount,
            kind=kind,
            source=source or f"grant:{key}",
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
        for attempt in range(_ATTEMPTS):
            try:
                with self._store.begin() as unit:
                    work = Work(unit, self._clock.now(), self._ids, lock=attempt > 0)
                    account = carry_out(work, command)
                    unit.commit()
                    return account
            except Conflict:
                continue
        raise Conflict(f"account {command.account}")


def carry_out(work: Work, command: AnyCommand) -> Account:
    """Carry out one command inside an open unit and return the account after it, which holds the command's entry."""
    account = work.unit.ledger.load([Needs.of(command)], lock=work.lock)[command.account]
    return _record(work, account, command)


def carry_out_once(work: Work, commands: Iterable[Grant | Convert]) -> None:
    """Carry out those commands whose effect is not there yet: for news, which may come twice and in other words."""
    for command in commands:
        account = work.unit.ledger.load([Needs.of(command)], lock=work.lock)[command.account]
        if not effected(account, command):
            _record(work, account, _until(work.now, command))


def _until(now: datetime, command: Grant | Convert) -> Grant | Convert:
    """Let an effect take place now if the provider's clock is ahead of ours."""
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
