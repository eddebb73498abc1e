"""Plan changes: what becomes of the unused credits of a plan that was left, in whatever order its news comes."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from attrs import frozen

from billing_core.domain.credits import Account, AccountId, Convert, Forfeit, Lot
from billing_core.domain.payments import Invoice, InvoiceLine
from billing_core.domain.policies.choices import OnPlanChange
from billing_core.domain.policies.invoices import entitling_lines
from billing_core.domain.policies.sources import CONVERTED, FORFEITED, for_a_trial, line_sources, rolled_source, unused
from billing_core.domain.subscriptions import PlanChange

__all__ = ["Parting", "left_by", "parted", "partings"]


@frozen
class Parting:
    """A plan was left at a moment; what was granted for it has one of these sources."""

    account: AccountId
    sources: tuple[str, ...]
    at: datetime


def partings(invoices: Iterable[Invoice], changes: Iterable[PlanChange]) -> tuple[Parting, ...]:
    """Return what recorded invoices granted for prices that these changes left.

    Both sides may be complete histories or only what is new; what was granted is left by the first change since its period
    began. A period that is paid for only after the change is left when it is paid.
    """
    ordered = sorted(changes)
    found = ((invoice, line, left_by(invoice, line, ordered)) for invoice in invoices for line in entitling_lines(invoice))
    return tuple(_parting(invoice, line, change) for invoice, line, change in found if invoice.account and change)


def left_by(invoice: Invoice, line: InvoiceLine, changes: Sequence[PlanChange]) -> PlanChange | None:
    """Return the first of these changes, in order of time, that left what a line is for since its period began."""
    begins = min(line.period_start or invoice.paid_at, invoice.paid_at)
    return next((one for one in changes if one.at >= begins and line.price in one.left), None)


def _parting(invoice: Invoice, line: InvoiceLine, change: PlanChange) -> Parting:
    sources = line_sources(invoice, line)
    at = max(change.at, invoice.paid_at)
    return Parting(AccountId(invoice.account or ""), (*sources, *map(rolled_source, sources)), at)


def parted(policy: OnPlanChange, parting: Parting, account: Account, now: datetime) -> tuple[Convert | Forfeit, ...]:
    """Return what follows for the lots of a plan that was left; `account` is settled, and has those that there are."""
    lots = [lot for lot in account.lots if lot.source in parting.sources]
    found = (_command(policy, parting, lot, now) for lot in lots)
    return tuple(command for command in found if command)


def _command(policy: OnPlanChange, parting: Parting, lot: Lot, now: datetime) -> Convert | Forfeit | None:
    # A lot that began after the change, and has begun by now, was not there yet at the change.
    at = max(parting.at, lot.effective_at) if lot.effective_at <= now else parting.at
    if lot.due(at):
        return None
    if policy is OnPlanChange.FORFEIT and lot.scheduled + lot.remaining:
        return Forfeit(account=parting.account, key=f"{FORFEITED}:{lot.source}", source=lot.source, effective_at=at)
    if policy is OnPlanChange.CONVERT and unused(lot, now) and not for_a_trial(lot):
        return Convert(account=parting.account, key=f"{CONVERTED}:{lot.source}", source=lot.source, effective_at=at)
    return None
