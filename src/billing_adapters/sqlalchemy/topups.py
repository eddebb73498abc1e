"""Top-ups: the rules by which accounts are topped up, each beside what its account is watched below."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Row, and_, bindparam, select, update

from billing_adapters.sqlalchemy import ledger_rows
from billing_adapters.sqlalchemy.columns import Instant, from_micros, to_micros
from billing_adapters.sqlalchemy.statements import Asked, insert_new
from billing_adapters.sqlalchemy.tables import account, top_up
from billing_adapters.sqlalchemy.transaction import Transaction
from billing_core.domain.credits import AccountId
from billing_core.domain.topups import Settled, TopUp, TopUpIntent, TopUpRule

__all__ = ["SqlAlchemyTopUps"]

_RULE = ("threshold", "pack", "quantity", "most_purchases", "back_off")
_SAME = ("enabled", "declines", "next_attempt_at")


class _Statements:
    """What is asked of the top-ups, and what is written of them on the accounts."""

    def __init__(self, dialect: str) -> None:
        self.accounts = Asked(dialect, "owner", "unit")
        asked = and_(top_up.c.owner == self.accounts.c.owner, top_up.c.unit == self.accounts.c.unit)
        self.get = select(top_up).join(self.accounts.table, asked)
        order = (top_up.c.next_attempt_at, top_up.c.owner, top_up.c.unit)
        due = top_up.c.next_attempt_at <= bindparam("now", type_=Instant)
        self.due = select(top_up).where(due).order_by(*order).limit(bindparam("most"))
        self.add_account = insert_new(dialect, account)
        self.watch = update(account).where(account.c.owner == bindparam("at_owner"), account.c.unit == bindparam("at_unit"))
        self.add = insert_new(dialect, top_up)
        self.replace = update(top_up).where(
            top_up.c.owner == bindparam("at_owner"),
            top_up.c.unit == bindparam("at_unit"),
            top_up.c.version == bindparam("at_version"),
        )


_statements = cache(_Statements)


class SqlAlchemyTopUps:
    """The rules by which accounts are topped up, at most one for each account."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._sql = _statements(transaction.dialect)

    def get(self, accounts: Iterable[AccountId]) -> Mapping[AccountId, TopUp]:
        """Return those that were ever set, removed ones too."""
        asked = self._sql.accounts.rows((one.owner, one.unit) for one in accounts)
        return {one.account: one for one in map(_top_up_of, self._transaction.rows(self._sql.get, asked))}

    def put(self, top_up: TopUp) -> None:
        """Write a top-up over the one that has its `version` (0: over none) and raise that version by one.

        Raises:
            Conflict: The stored version is another one.
        """
        what = f"the top-up of {top_up.account}"
        at = {"at_owner": top_up.account.owner, "at_unit": top_up.account.unit}
        # The account first, as whoever writes on it does, or two units would wait for one another.
        self._watch(top_up, at, what)
        if top_up.version:
            guarded = at | {"at_version": top_up.version}
            self._transaction.write(self._sql.replace, _columns(top_up) | guarded, what, expected=1)
        else:
            self._transaction.write(self._sql.add, _columns(top_up), what, expected=1)

    def due(self, now: datetime, limit: int) -> Sequence[TopUp]:
        """Return at most `limit` top-ups whose `next_attempt_at` has come, the longest due first, then by account."""
        return [_top_up_of(row) for row in self._transaction.rows(self._sql.due, {"now": now, "most": limit})]

    def _watch(self, top_up: TopUp, at: dict[str, str], what: str) -> None:
        """Write on the account below what it is watched; one that nothing was written on is created."""
        below = at | {"top_up_below": top_up.watched_below}
        if not self._transaction.write(self._sql.watch, below, what):
            self._transaction.write(self._sql.add_account, ledger_rows.new(top_up.account), what)
            self._transaction.write(self._sql.watch, below, what, expected=1)


def _columns(one: TopUp) -> dict[str, Any]:
    rule, in_flight, settled = one.rule, one.in_flight, one.settled
    return (
        {name: getattr(rule, name) for name in _RULE}
        | {name: getattr(one, name) for name in _SAME}
        | {
            "owner": one.account.owner,
            "unit": one.account.unit,
            "period": rule.per,
            "intent": in_flight and in_flight.id,
            "asked_at": in_flight and in_flight.asked_at,
            "settled_intent": settled and settled.id,
            "settled_succeeded": settled and settled.succeeded,
            "purchases": [to_micros(at) for at in one.purchases],
            "version": one.version + 1,
        }
    )


def _top_up_of(row: Row[Any]) -> TopUp:
    rule = {name: getattr(row, name) for name in _RULE}
    return TopUp(
        rule=TopUpRule(account=AccountId(row.owner, row.unit), per=row.period, **rule),
        in_flight=None if row.intent is None else TopUpIntent(row.intent, row.asked_at),
        settled=None if row.settled_intent is None else Settled(row.settled_intent, row.settled_succeeded),
        purchases=tuple(from_micros(at) for at in row.purchases),
        version=row.version,
        **{name: getattr(row, name) for name in _SAME},
    )
