"""Credits: grant, spend, hold and read them. Each command is loaded, decided and recorded; a lost race is decided again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict, Unpack

import attrs
from attrs import frozen

from billing_core.application.work import Work, retried
from billing_core.domain.credits import (
    Account,
    AccountId,
    AnyCommand,
    Balance,
    Book,
    Capture,
    Convert,
    Entry,
    Expire,
    Explanation,
    Grant,
    Hold,
    KeyedCommand,
    LotKind,
    Needs,
    Operation,
    PlaceHold,
    Release,
    Spend,
    balance_at,
    change,
    decide,
    effected,
    explain,
    holds_at,
)
from billing_core.domain.events import CREDITS_CONVERTED, CREDITS_EXPIRED, CREDITS_GRANTED, CREDITS_HOLD_TIMED_OUT
from billing_core.domain.money import MAX_AMOUNT, Money, whole
from billing_core.domain.policies import CONVERTED, RESERVED
from billing_core.errors import Invalid, UnknownAccount, UnknownEntry
from billing_core.ports import Clock, Ids, Ledger, Store, UnitOfWork

__all__ = ["Credits", "Said", "Statement", "carry_out", "carry_out_once"]

_UNIT = "credits"
_LONGEST_PAGE = 1000

_ENOUGH = timedelta(hours=1)


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
        return balance_at(self._load(Needs(AccountId(account, unit))), self._clock.now())

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

    def holds(self, account: str, *, unit: str = _UNIT) -> Sequence[Hold]:
        """Return the holds of an account that are open now, in the order in which they were placed."""
        return holds_at(self._load(Needs(AccountId(account, unit))), self._clock.now())

    def explain(self, account: str, seq: int, *, unit: str = _UNIT) -> Explanation:
        """Return an entry with the reason of each of its movements: which lot, with which terms, and why in that order.

        Raises:
            UnknownEntry: The account has no entry of this number.
        """
        named = AccountId(account, unit)
        with self._store.view() as view:
            entry = _entry(view.ledger, named, whole("seq", seq))
            # The terms of a lot were frozen in the entry that opened it, which has the lot's number.
            openings = [_entry(view.ledger, named, number).opened for number in {one.lot for one in entry.movements}]
        return explain(entry, [lot for lot in openings if lot])

    def preview(self, command: AnyCommand) -> Sequence[Entry]:
        """Return the entries that a command would write now, and write nothing; none if it was carried out before.

        Raises:
            BillingError: Whatever carrying it out would raise.
        """
        return decide(self._load(Needs.of(command)), command, self._clock.now())

    def grant(
        self,
        account: str,
        amount: int,
        *,
        kind: LotKind = LotKind.PROMOTIONAL,
        source: str | None = None,
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
        if source and source.startswith(CONVERTED):
            raise Invalid("source", f"must not begin with {CONVERTED}: these are the lots that conversions open")
        common = self._common(account, said)
        named = f"grant:{common['key']}" if source is None else source
        return self._do(Grant(amount=amount, kind=kind, source=named, expires_at=expires_at, cost=cost, **common))

    def spend(self, account: str, amount: int, **said: Unpack[Said]) -> Entry:
        """Consume credits and return the entry that says so. The same `key` spends once, however often it is asked.

        Raises:
            InsufficientCredits: Less is available; nothing was taken, and the same key may be used again.
            KeyReused: The key belongs to another command.
            Invalid: An argument cannot be.
        """
        return self._do(Spend(amount=amount, **self._common(account, said)))

    def hold(self, account: str, amount: int, *, expires_in: timedelta = _ENOUGH, **said: Unpack[Said]) -> Entry:
        """Set credits aside and return the entry that says so; its `seq` is the number of the hold.

        What is not captured or released returns by itself after `expires_in`. Unless told otherwise that is an hour: longer
        than most work takes, and soon enough that a crash keeps nobody waiting until tomorrow.

        Raises:
            InsufficientCredits: Less is available; nothing was set aside, and the same key may be used again.
            KeyReused: The key belongs to another command.
            Invalid: An argument cannot be.
        """
        return self._do(PlaceHold(amount=amount, expires_in=expires_in, **self._common(account, said)))

    def capture(
        self, account: str, hold: int, amount: int | None = None, *, final: bool = True, **said: Unpack[Said]
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
        return self._do(Capture(hold=hold, amount=amount, final=final, **self._common(account, said)))

    def release(self, account: str, hold: int, **said: Unpack[Said]) -> Entry:
        """Return what a hold holds and return the entry that says so. Credits that expired meanwhile are lost.

        Raises:
            UnknownHold: The account has no hold of this number.
            HoldClosed: The hold was captured, released or timed out before.
            KeyReused: The key belongs to another command.
            Invalid: An argument cannot be.
        """
        return self._do(Release(hold=hold, **self._common(account, said)))

    def expire(self, account: str, *, unit: str = _UNIT) -> Balance:
        """Write down what fell due and return the balance. Nothing depends on it but the age of the books."""
        return balance_at(self._carry_out(Expire(account=AccountId(account, unit))), self._clock.now())

    def _load(self, needs: Needs) -> Account:
        with self._store.view() as view:
            return view.ledger.load([needs])[needs.account]

    def _common(self, account: str, said: Said) -> dict[str, Any]:
        """Return what every command is made of. A word that no command knows is passed on, for it to refuse."""
        words: dict[str, Any] = {**said}
        named = AccountId(account, words.pop("unit", _UNIT))
        return {**words, "account": named, "key": self._key(words.get("key"))}

    def _key(self, asked: str | None) -> str:
        if isinstance(asked, str) and asked.startswith(RESERVED):
            raise Invalid("key", f"must not begin with {' or '.join(RESERVED)}: these are the keys of what payments bought")
        return self._ids.new() if asked is None else asked

    def _do(self, command: KeyedCommand) -> Entry:
        return self._carry_out(command).recorded[command.key]

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
        _tell(work, decided.account, entry)
    return decided.account


def _entry(ledger: Ledger, account: AccountId, seq: int) -> Entry:
    found = ledger.entries(account, before=seq + 1, limit=1) if 0 < seq <= MAX_AMOUNT else ()
    if not found or found[0].seq != seq:
        raise UnknownEntry(str(account), seq)
    return found[0]


def _tell(work: Work, account: Account, entry: Entry) -> None:
    for name, data in _news(account, entry):
        work.tell(name, f"account:{account.id}", account.id.owner, entry.effective_at, seq=entry.seq, **data)


def _news(account: Account, entry: Entry) -> Iterable[tuple[str, Mapping[str, object]]]:
    """Return what nobody may have asked for here and now: who spends, holds, captures or releases has the entry in hand."""
    source = entry.opened.source if entry.opened else None
    if entry.operation is Operation.GRANT:
        yield CREDITS_GRANTED, {"amount": entry.amount, "source": source}
    if entry.operation is Operation.CONVERT:
        yield CREDITS_CONVERTED, {"amount": entry.amount, "source": source}
    hold = account.hold(entry.of) if entry.of else None
    if hold and entry.key is None:
        yield CREDITS_HOLD_TIMED_OUT, {"amount": entry.amount, "hold": hold.number, "reference": hold.reference}
    lost = sum(one.amount for one in entry.movements if one.target is Book.EXPIRED)
    if lost:
        yield CREDITS_EXPIRED, {"amount": lost}
