"""Receipts: money that arrived, and the credits that it bought.

What is recorded is recorded together with its effects, and under the account that had them; what is known already has had
them. One key, one grant, whatever events report it.
"""

from collections.abc import Iterable, Mapping, Sequence

import attrs

from billing_core.application.agreements import follow_up
from billing_core.application.customers import owner_of
from billing_core.application.intents import settle_top_up
from billing_core.application.recording import carry_out_once
from billing_core.application.refunds import record_settlement
from billing_core.application.work import Missing, Work
from billing_core.domain.credits import AccountId, Needs
from billing_core.domain.mirrors import Kind
from billing_core.domain.payments import Invoice, Payment, Settlement
from billing_core.domain.policies import (
    Award,
    awards,
    bought,
    entitling_lines,
    incomplete,
    invoice_grants,
    line_source,
    prices_to_know,
    purchase_grant,
)
from billing_core.domain.subscriptions import Subscription
from billing_core.errors import ProductQuarantined
from billing_core.ports import Mirror, T

__all__ = ["record_invoice", "record_payment"]


def record_payment(work: Work, payment: Payment) -> None:
    """Keep a payment, and grant what it bought; a top-up that wanted it has succeeded.

    Raises:
        Missing: It bought credits, and nobody knows yet for whom; or it was made for an invoice that is not known yet, and
            its money is gone.
        Invalid: What it bought cannot be read, or it names nobody.
    """
    purchase = bought(payment)
    if purchase is None:
        work.unit.payments.record_payment(payment)
        if payment.invoice:
            record_settlement(work, Settlement(payment.id, payment.invoice))
        return
    owner = owner_of(work, payment.customer, payment.account)
    if work.unit.payments.record_payment(attrs.evolve(payment, account=owner)):
        grant = purchase_grant(payment, purchase, owner)
        carry_out_once(work, [grant])
        settle_top_up(work, grant.account, purchase)


def record_invoice(work: Work, invoice: Invoice) -> None:
    """Keep a paid invoice, and grant what its lines entitle to, with all that follows for what it and others granted.

    Raises:
        Missing: What was bought, or by whom, is not known yet, or not described so that it can be granted.
        Invalid: It bought credits for nobody.
    """
    if invoice.id in work.unit.payments.invoices([invoice.id]):
        return
    awarded = _awards(work, invoice)
    if not awarded:
        work.unit.payments.record_invoice(invoice)
        return
    subscription = _subscription(work, invoice)
    owner = _owner(work, invoice, subscription)
    recorded = attrs.evolve(invoice, account=owner)
    if work.unit.payments.record_invoice(recorded):
        carry_out_once(work, invoice_grants(invoice, owner, _not_granted_whole(work, invoice, owner, awarded)))
        if subscription:
            follow_up(work, recorded, subscription)


def _subscription(work: Work, invoice: Invoice) -> Subscription | None:
    """Return the subscription of an invoice.

    It is written back as it is: whoever writes it at the same time, and did not see this invoice, loses the race and looks
    again. Otherwise a plan change and an invoice could each miss the other.
    """
    if invoice.subscription is None:
        return None
    found = work.unit.subscriptions.get([invoice.subscription]).get(invoice.subscription)
    if found is None:
        raise Missing(Kind.SUBSCRIPTION.named(invoice.subscription))
    work.unit.subscriptions.put(found)
    return found.value


def _owner(work: Work, invoice: Invoice, subscription: Subscription | None) -> str:
    if subscription is None:
        return owner_of(work, invoice.customer, invoice.account)
    others = [Kind.SUBSCRIPTION.named(subscription.id)]
    return owner_of(work, invoice.customer, invoice.account, subscription.account, others=others)


def _awards(work: Work, invoice: Invoice) -> tuple[Award, ...]:
    if incomplete(invoice):
        raise Missing(Kind.INVOICE.named(invoice.id))
    lines = entitling_lines(invoice)
    products = _known(work.unit.products, Kind.PRODUCT, {line.product for line in lines})
    prices = _known(work.unit.prices, Kind.PRICE, prices_to_know(invoice))
    try:
        return awards(invoice, products, prices, work.policies)
    except ProductQuarantined as refusal:
        raise Missing(Kind.PRODUCT.named(refusal.product)) from refusal


def _not_granted_whole(work: Work, invoice: Invoice, owner: str, awarded: Sequence[Award]) -> Sequence[Award]:
    """Leave out the months of lines whose money was granted as a whole by hand."""
    wholes = {award.line.id: line_source(invoice, award.line) for award in awarded if award.month}
    if not wholes:
        return awarded
    account = AccountId(owner)
    known = work.unit.ledger.load([Needs(account, sources=frozenset(wholes.values()))], lock=work.lock)[account]
    return [one for one in awarded if not (one.month and known.lot_from(wholes[one.line.id]))]


def _known(mirror: Mirror[T], kind: Kind, ids: Iterable[str | None]) -> Mapping[str, T]:
    wanted = {one for one in ids if one}
    found = mirror.get(sorted(wanted))
    absent = sorted(wanted - set(found))
    if absent:
        raise Missing(*(kind.named(one) for one in absent))
    return {one: found[one].value for one in wanted}
