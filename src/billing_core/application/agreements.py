"""Agreements: which subscriptions an account has, and what follows when one of them changes."""

from collections.abc import Collection, Iterable, Sequence

from billing_core.application.customers import account_of
from billing_core.application.mirroring import keep
from billing_core.application.recording import carry_out_once
from billing_core.application.work import Work
from billing_core.domain.credits import Account, AccountId, Needs, fold, settle
from billing_core.domain.events import SUBSCRIPTION_CHANGED
from billing_core.domain.mirrors import Kind, Mirrored
from billing_core.domain.payments import Invoice
from billing_core.domain.policies import OnPlanChange, parted, partings, renewals, rolled_over
from billing_core.domain.subscriptions import PlanChange, Subscription
from billing_core.ports import UnitOfWork

__all__ = ["follow_up", "record_subscription", "subscriptions_of"]


def subscriptions_of(unit: UnitOfWork, account: str) -> Sequence[Subscription]:
    """Return the subscriptions that name an account, and those that name none but belong to a customer of it."""
    named = {one.id: one for one in unit.subscriptions.of_account(account)}
    for customer in unit.customers.of_account(account):
        for mirrored in unit.subscriptions.of_customer(customer.id):
            if mirrored.value.account is None:
                named[mirrored.value.id] = mirrored.value
    return [named[key] for key in sorted(named)]


def record_subscription(work: Work, incoming: Mirrored[Subscription]) -> None:
    """Keep a subscription, and let follow what becomes of the unused credits of plans that it left."""
    kept = keep(work, work.unit.subscriptions, Kind.SUBSCRIPTION, incoming)
    before, after = kept.before, kept.after
    new_changes = set(after.changes) - set(before.changes if before else ())
    if new_changes:
        _part(work, work.unit.payments.invoices_of(after.id), new_changes)
    if kept.changed:
        work.tell(
            SUBSCRIPTION_CHANGED,
            Kind.SUBSCRIPTION.named(after.id),
            after.account or account_of(work.unit, after.customer),
            incoming.revision.occurred_at,
            status=after.status,
            status_before=before.status if before else None,
        )


def follow_up(work: Work, invoice: Invoice, subscription: Subscription) -> None:
    """Let follow what a newly recorded invoice causes: what renewals carry over, and what becomes of plans left since."""
    concerned = {invoice.id: invoice}
    if work.policies.rollover:
        history = work.unit.payments.invoices_of(subscription.id)
        for renewal in renewals(history, subscription.changes, work.policies.plan_change):
            if invoice.id in renewal.invoices:
                account = _settled(work, renewal.account, renewal.sources)
                carry_out_once(work, rolled_over(work.policies.rollover, renewal, account, account.present(work.now)))
                concerned |= renewal.invoices
    _part(work, concerned.values(), subscription.changes)


def _part(work: Work, invoices: Iterable[Invoice], changes: Collection[PlanChange]) -> None:
    """Let follow what becomes of what these recorded invoices granted for prices that these changes left."""
    if work.policies.plan_change is OnPlanChange.KEEP:
        return
    for parting in partings(invoices, changes):
        account = _settled(work, parting.account, parting.sources)
        carry_out_once(work, parted(work.policies.plan_change, parting, account, account.present(work.now)))


def _settled(work: Work, named: AccountId, sources: Iterable[str]) -> Account:
    """Return an account with the lots of these sources, as it is when everything that fell due is written down."""
    account = work.unit.ledger.load([Needs(named, sources=frozenset(sources))], lock=work.lock)[named]
    return fold(account, settle(account, account.present(work.now)))
