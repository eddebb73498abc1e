"""Subscriptions: which agreements an account has, and what follows when one of them changes."""

from collections.abc import Collection, Iterable, Sequence

from attrs import frozen

from billing_core.application.customers import account_of
from billing_core.application.mirroring import keep
from billing_core.application.recording import carry_out_once
from billing_core.application.work import Work
from billing_core.domain.credits import Convert, Needs
from billing_core.domain.events import SUBSCRIPTION_CHANGED
from billing_core.domain.mirrors import Kind, Mirrored
from billing_core.domain.payments import Invoice
from billing_core.domain.policies import conversions
from billing_core.domain.subscriptions import PlanChange, Subscription
from billing_core.ports import Store, UnitOfWork

__all__ = ["Subscriptions", "convert_unused", "record_subscription", "subscriptions_of"]


@frozen
class Subscriptions:
    """Opened as `billing.subscriptions`."""

    _store: Store

    def of(self, account: str) -> Sequence[Subscription]:
        """Return every subscription of an account, ended ones too, by id."""
        with self._store.view() as unit:
            return subscriptions_of(unit, account)


def subscriptions_of(unit: UnitOfWork, account: str) -> Sequence[Subscription]:
    """Return the subscriptions that name an account, and those that name none but belong to a customer of it."""
    named = {one.id: one for one in unit.subscriptions.of_account(account)}
    for customer in unit.customers.of_account(account):
        for mirrored in unit.subscriptions.of_customer(customer.id):
            if mirrored.value.account is None:
                named[mirrored.value.id] = mirrored.value
    return [named[key] for key in sorted(named)]


def record_subscription(work: Work, incoming: Mirrored[Subscription]) -> None:
    """Keep a subscription, and convert what is unused of prices that it left."""
    kept = keep(work, work.unit.subscriptions, Kind.SUBSCRIPTION, incoming)
    before, after = kept.before, kept.after
    new_changes = set(after.changes) - set(before.changes if before else ())
    if new_changes:
        convert_unused(work, work.unit.payments.invoices_of(after.id), new_changes)
    if kept.changed:
        work.tell(
            SUBSCRIPTION_CHANGED,
            Kind.SUBSCRIPTION.named(after.id),
            after.account or account_of(work.unit, after.customer),
            incoming.revision.occurred_at,
            status=after.status,
            status_before=before.status if before else None,
        )


def convert_unused(work: Work, invoices: Iterable[Invoice], changes: Collection[PlanChange]) -> None:
    """Convert what these recorded invoices granted for prices that these changes left."""
    for invoice in invoices:
        if invoice.account and changes:
            carry_out_once(work, _effective(work, conversions(invoice.account, [invoice], changes)))


def _effective(work: Work, commands: Iterable[Convert]) -> Iterable[Convert]:
    """Leave out lines that granted nothing, and lots that had expired before the change."""
    for command in commands:
        account = work.unit.ledger.load([Needs.of(command)], lock=work.lock)[command.account]
        lot = account.lot_from(command.source)
        if lot and not lot.due(command.effective_at or work.now):
            yield command
