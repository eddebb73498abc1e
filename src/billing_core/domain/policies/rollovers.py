"""Roll-over: what a renewal carries of the period just over into the one that it pays for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from attrs import frozen

from billing_core.domain.credits import Account, AccountId, Convert, Lot, LotKind
from billing_core.domain.payments import BillingReason, Invoice, InvoiceLine
from billing_core.domain.policies.choices import OnPlanChange, Rollover
from billing_core.domain.policies.invoices import entitling_lines
from billing_core.domain.policies.plan_changes import left_by
from billing_core.domain.policies.sources import ROLLED, for_a_trial, line_sources, rolled_source, unused
from billing_core.domain.subscriptions import PlanChange

__all__ = ["Renewal", "renewals", "rolled_over"]

_Period: TypeAlias = tuple[Invoice, InvoiceLine]
# Whose plan, of which subscription and product, and when one of its periods ends and the next begins.
_Turn: TypeAlias = tuple[str, str | None, str | None, datetime]

_INSTANT = timedelta(microseconds=1)


@frozen
class Renewal:
    """At one moment a period of a plan ended, and the next one began that was paid for too.

    `ended` and `begun` are the sources of what either may have granted, and `invoices` those that either was paid by.
    """

    account: AccountId
    at: datetime
    paid_at: datetime
    ended: tuple[str, ...]
    begun: tuple[str, ...]
    invoices: Mapping[str, Invoice]

    @property
    def sources(self) -> frozenset[str]:
        """The sources of all lots that it is about."""
        return frozenset({*self.ended, *map(rolled_source, self.ended), *self.begun})


def renewals(invoices: Iterable[Invoice], changes: Iterable[PlanChange], on_change: OnPlanChange) -> tuple[Renewal, ...]:
    """Return every renewal in the recorded invoices of a subscription, of which the `changes` are known.

    What was left before its period ended has gone another way, unless a plan change keeps it. Another price of the same
    product is the same plan.
    """
    ordered = [] if on_change is OnPlanChange.KEEP else sorted(changes)
    ended: defaultdict[_Turn, list[_Period]] = defaultdict(list)
    begun: defaultdict[_Turn, list[_Period]] = defaultdict(list)
    for invoice, line in _periods(invoices):
        plan = (invoice.account or "", line.subscription, line.product)
        change = left_by(invoice, line, ordered)
        if line.period_end and not (change and change.at < line.period_end):
            ended[*plan, line.period_end].append((invoice, line))
        if line.period_start and invoice.reason == BillingReason.SUBSCRIPTION_CYCLE and not line.proration:
            begun[*plan, line.period_start].append((invoice, line))
    return tuple(_renewal(turn, ended[turn], begun[turn]) for turn in begun if turn in ended)


def _periods(invoices: Iterable[Invoice]) -> Iterator[_Period]:
    for invoice in invoices:
        if invoice.account:
            yield from ((invoice, line) for line in entitling_lines(invoice) if not line.one_off)


def _renewal(turn: _Turn, ended: Sequence[_Period], begun: Sequence[_Period]) -> Renewal:
    return Renewal(
        account=AccountId(turn[0]),
        at=turn[-1],
        paid_at=min(invoice.paid_at for invoice, _ in begun),
        ended=tuple(source for one in ended for source in line_sources(*one)),
        begun=tuple(source for one in begun for source in line_sources(*one)),
        invoices={invoice.id: invoice for invoice, _ in (*ended, *begun)},
    )


def rolled_over(rollover: Rollover, renewal: Renewal, account: Account, now: datetime) -> Iterator[Convert]:
    """Return what carries credits over a renewal; `account` is settled, and has those of its lots that there are.

    Only what expires at the turn of the periods is carried, and lasts as long as what the new period grants first. What was
    unused just before that moment counts, or when the renewal was paid for, if that was earlier.
    """
    lots = {lot.source: lot for lot in account.lots}
    ends = [lots[one].expires_at for one in renewal.begun if one in lots and not for_a_trial(lots[one])]
    until = min((end for end in ends if end), default=renewal.at)
    moment = min(renewal.paid_at, renewal.at - _INSTANT)
    left = rollover.most - sum(lots[one].amount for one in map(rolled_source, renewal.ended) if one in lots)
    for source in renewal.ended if until > renewal.at else ():
        lot = lots.get(source)
        if lot and rolled_source(source) not in lots and _carried(lot, renewal.at, moment):
            part = min(left, unused(lot, now))
            left -= part
            if part > 0:
                yield _carrying(renewal, source, part, moment, until)


def _carried(lot: Lot, at: datetime, moment: datetime) -> bool:
    return lot.expires_at == at and lot.effective_at <= moment and not for_a_trial(lot)


def _carrying(renewal: Renewal, source: str, amount: int, moment: datetime, until: datetime) -> Convert:
    return Convert(
        account=renewal.account,
        key=rolled_source(source),
        source=source,
        into=ROLLED,
        kind=LotKind.SUBSCRIPTION,
        most=amount,
        effective_at=moment,
        expires_at=until,
    )
