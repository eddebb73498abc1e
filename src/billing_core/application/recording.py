"""Recording: commands on credits inside an open unit, and what is told of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

import attrs

from billing_core.application.intents import ask_for_top_ups, has_few
from billing_core.application.work import Work
from billing_core.domain.credits import (
    Account,
    AccountId,
    Book,
    Change,
    Convert,
    Entry,
    Expire,
    Forfeit,
    Grant,
    KeyedCommand,
    Needs,
    Operation,
    Restore,
    Result,
    Revoke,
    change,
    decide,
    decide_all,
    effected,
    needs_of,
)
from billing_core.domain.events import (
    CREDITS_ADJUSTED,
    CREDITS_CONVERTED,
    CREDITS_EXPIRED,
    CREDITS_GRANTED,
    CREDITS_HOLD_TIMED_OUT,
    CREDITS_LOW,
    CREDITS_RECEIVED,
    CREDITS_RESTORED,
    CREDITS_REVOKED,
    CREDITS_STARTED,
    Event,
)
from billing_core.domain.policies import Policies

__all__ = ["carry_out", "carry_out_once", "settle_all"]

# What follows from news, at a moment of its own.
_Effect: TypeAlias = Grant | Convert | Forfeit | Revoke | Restore

# What is told of an operation: by whom it was asked, somebody else may have to know it.
_NEWS: Mapping[Operation, str] = {
    Operation.GRANT: CREDITS_GRANTED,
    Operation.START: CREDITS_STARTED,
    Operation.CONVERT: CREDITS_CONVERTED,
    Operation.REVOKE: CREDITS_REVOKED,
    Operation.RESTORE: CREDITS_RESTORED,
    Operation.ADJUST: CREDITS_ADJUSTED,
    Operation.RECEIVE: CREDITS_RECEIVED,
}


def carry_out(work: Work, commands: Sequence[KeyedCommand]) -> tuple[Result, ...]:
    """Carry out commands, and return in their order the entry of each, or why it has none; the unit does nothing else."""
    accounts = work.unit.ledger.load(needs_of(commands), lock=work.lock)
    changes, results = decide_all(accounts, commands, work.now)
    _record(work, changes, last=True)
    return results


def carry_out_once(work: Work, commands: Iterable[_Effect]) -> None:
    """Carry out those commands whose effect is not there yet: for news, which may come twice and in other words."""
    for command in commands:
        account = work.unit.ledger.load([Needs.of(command)], lock=work.lock)[command.account]
        if not effected(account, command):
            entries = decide(account, _until(account.present(work.now), command), work.now)
            _record(work, [change(account, entries)], last=False)


def settle_all(work: Work, accounts: Iterable[AccountId]) -> Mapping[AccountId, Account]:
    """Write down what fell due on these accounts, and return them as they are after that; the unit does nothing else."""
    loaded = work.unit.ledger.load(map(Needs, accounts), lock=work.lock)
    changes = [change(one, decide(one, Expire(account=one.id), work.now)) for one in loaded.values()]
    _record(work, changes, last=True)
    return {one.account.id: one.account for one in changes}


def _until(now: datetime, command: _Effect) -> _Effect:
    """Let an effect take place now if the provider's clock is ahead of the account's, which is the latest of all hosts'."""
    ahead = command.effective_at is not None and command.effective_at > now
    return attrs.evolve(command, effective_at=now) if ahead else command


def _record(work: Work, changes: Iterable[Change], *, last: bool) -> None:
    written = [one for one in changes if one.entries]
    news = [event for one in written for entry in one.entries for event in _news(one.account, entry, work.policies)]
    if written:
        low = [one.account for one in written if has_few(one.account)]
        work.unit.ledger.record(written, last=last and not news and not low)
        work.tell_all(news)
        ask_for_top_ups(work, low)


def _news(account: Account, entry: Entry, policies: Policies) -> Iterator[Event]:
    """Return what nobody may have asked for here and now: who spends, holds, captures or releases has the entry in hand."""
    source = entry.opened.source if entry.opened else None
    if entry.operation in _NEWS:
        yield _event(_NEWS[entry.operation], account, entry, amount=entry.amount, source=source, of=entry.of)
    hold = account.hold(entry.of) if entry.of else None
    if hold and entry.key is None:
        told = {"amount": entry.amount, "hold": hold.number, "reference": hold.reference}
        yield _event(CREDITS_HOLD_TIMED_OUT, account, entry, **told)
    lost = sum(one.amount for one in entry.movements if one.target is Book.EXPIRED)
    if lost:
        yield _event(CREDITS_EXPIRED, account, entry, amount=lost)
    for level in policies.low_balance.get(account.id.unit, ()):
        if entry.available_after < level <= entry.available_after - entry.change:
            yield _event(CREDITS_LOW, account, entry, below=level, available=entry.available_after)


def _event(name: str, account: Account, entry: Entry, **data: object) -> Event:
    shown = {key: str(value) for key, value in {"seq": entry.seq, **data}.items() if value is not None}
    return Event(name, f"account:{account.id}", entry.effective_at, account.id.owner, shown)
