"""Agreements: subscriptions from their beginning over renewals and changes to their end, with their invoices."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from billing_adapters.memory.shop import payments
from billing_adapters.memory.shop.pricing import cost, period_end, prorations
from billing_adapters.memory.shop.records import Agreement, Bill, Card, Taking, refused
from billing_adapters.memory.shop.shop import Shop, link_in
from billing_core.domain.money import Money
from billing_core.domain.orders import (
    CancelSubscription,
    ChangePlan,
    CreateSubscription,
    KeepSubscription,
    OpenCheckout,
    PauseSubscription,
    Preview,
    Proration,
    ResumeSubscription,
)
from billing_core.domain.payments import BillingReason, InvoiceLine
from billing_core.domain.products import Price, Recurring
from billing_core.domain.subscriptions import PlanChange, Status, Subscription, SubscriptionItem
from billing_core.domain.webhooks import RecordInvoice, RecordSubscription

__all__ = ["begin", "cancel", "change", "end", "fall_due", "keep", "pause", "pay", "preview", "resume"]

_WAYS = frozenset({Proration.LATER, Proration.NOW, Proration.NONE})


def begin(shop: Shop, order: CreateSubscription | OpenCheckout) -> Agreement:
    """Begin a subscription: in its trial, waiting for its first payment, or running because it costs nothing."""
    buyer = shop.buyer(order.customer)
    price = shop.sold(order.price, recurring=True)
    percent_off = shop.percent_off(order.coupon, order.promotion_code)
    first = 0 if order.trial_days else cost(price, order.quantity, percent_off)
    trial_end = shop.now + timedelta(days=order.trial_days) if order.trial_days else None
    anchor = trial_end or shop.now
    until = trial_end or period_end(anchor, _rhythm(price), 1)
    item = _item(shop.new_id("item"), price, order.quantity, shop.now, until)
    subscription = Subscription(
        id=shop.new_id("sub"),
        status=Status.TRIALING if trial_end else Status.INCOMPLETE,
        customer=buyer.told.value.id,
        link=link_in(order.metadata, shop.now),
        items=(item,),
        started_at=shop.now,
        period_start=shop.now,
        period_end=until,
        trial_end=trial_end,
        metadata=order.metadata,
    )
    agreement = Agreement(shop.snapped(subscription), anchor, cycles=0 if trial_end else 1)
    shop.things[subscription.id] = agreement
    shop.tell("subscription.created", RecordSubscription(agreement.told))
    _issue(shop, agreement, BillingReason.SUBSCRIPTION_CREATE, (_line(shop, agreement, item, price, first),))
    return agreement


def pay(shop: Shop, agreement: Agreement, card: Card) -> None:
    """Let the customer pay what is open, with a card that pays from then on."""
    bill = agreement.bill
    if bill is None or bill.status != "open":
        raise refused("nothing_to_pay", f"subscription {agreement.now.id} has nothing that is to be paid")
    agreement.card = card
    _settle(shop, agreement, bill)


def change(shop: Shop, order: ChangePlan) -> str:
    """Let an item have another price or quantity from now on."""
    agreement, item, prices = _changing(shop, order)
    one = agreement.now
    lines = _settling(shop, order, agreement, item, prices)
    new_rhythm = _rhythm(prices[0]) != _rhythm(prices[1])
    if new_rhythm and one.status is not Status.TRIALING:
        agreement.anchor, agreement.cycles = shop.now, 1
    start, until = (item.period_start, one.period_end) if not new_rhythm else (shop.now, _until(shop, agreement, prices[1]))
    after = attrs.evolve(
        item, price=prices[1].id, product=prices[1].product, quantity=order.quantity, period_start=start, period_end=until
    )
    left = prices[1].product != prices[0].product
    _become(
        shop,
        agreement,
        items=tuple(after if had.id == item.id else had for had in one.items),
        period_start=start,
        period_end=until,
        changes=(*one.changes, PlanChange(shop.now, (prices[0].id,))) if left else one.changes,
    )
    if order.proration == Proration.LATER and not new_rhythm:
        agreement.pending = (*agreement.pending, *lines)
    elif lines:
        bill = _issue(shop, agreement, BillingReason.SUBSCRIPTION_UPDATE, lines)
        _charge(shop, agreement, bill)
    return one.id


def preview(shop: Shop, order: ChangePlan, at: datetime) -> Preview:
    """Return what a change would cost, and change nothing."""
    agreement, item, prices = _changing(shop, order)
    now, shop.now = shop.now, at
    try:
        lines = _settling(shop, order, agreement, item, prices)
    finally:
        shop.now = now
    due = sum(line.amount.amount_minor for line in lines)
    return Preview(due=Money(due, prices[1].currency), at=at, lines=lines)


def pause(shop: Shop, order: PauseSubscription) -> str:
    """Collect nothing for a subscription."""
    agreement = _running(shop, order.subscription)
    agreement.paused = True
    return agreement.now.id


def resume(shop: Shop, order: ResumeSubscription) -> str:
    """Collect payments again."""
    agreement = _running(shop, order.subscription)
    agreement.paused = False
    return agreement.now.id


def cancel(shop: Shop, order: CancelSubscription) -> str:
    """End a subscription, now or with its period; one that has ended stays as it is."""
    agreement = shop.get(Agreement, order.subscription, "subscription")
    one = agreement.now
    if not one.ended:
        if order.at_period_end:
            _become(shop, agreement, cancel_at=one.period_end, cancel_at_period_end=True, canceled_at=shop.now)
        else:
            end(shop, agreement)
    return one.id


def keep(shop: Shop, order: KeepSubscription) -> str:
    """Take back that a subscription is to end."""
    agreement = _running(shop, order.subscription)
    if agreement.now.cancel_at_period_end:
        _become(shop, agreement, cancel_at=None, cancel_at_period_end=False, canceled_at=None)
    return agreement.now.id


def end(shop: Shop, agreement: Agreement, status: Status = Status.CANCELED) -> None:
    """Let a subscription be over."""
    if agreement.bill and agreement.bill.status == "open":
        agreement.bill.status = "void"
    _become(shop, agreement, status=status, ended_at=shop.now, canceled_at=agreement.now.canceled_at or shop.now)


def fall_due(shop: Shop, agreement: Agreement) -> None:
    """Let happen what happens by itself at this moment: a renewal, or the end."""
    one = agreement.now
    if one.status is Status.INCOMPLETE:
        end(shop, agreement, Status.INCOMPLETE_EXPIRED)
    elif one.cancel_at_period_end:
        end(shop, agreement)
    else:
        _renew(shop, agreement)


def _renew(shop: Shop, agreement: Agreement) -> None:
    one = agreement.now
    price = shop.price(one.items[0].price)
    agreement.cycles += 1
    until = _until(shop, agreement, price)
    items = tuple(attrs.evolve(item, period_start=shop.now, period_end=until) for item in one.items)
    status = Status.ACTIVE if one.status is Status.TRIALING else one.status
    _become(shop, agreement, status=status, items=items, period_start=shop.now, period_end=until)
    lines, agreement.pending = agreement.pending, ()
    for item in items:
        sold = shop.price(item.price)
        lines = (*lines, _line(shop, agreement, item, sold, cost(sold, item.quantity)))
    bill = _issue(shop, agreement, BillingReason.SUBSCRIPTION_CYCLE, lines)
    if agreement.paused:
        bill.status = "void"
    else:
        _charge(shop, agreement, bill)


# Changes ------------------------------------------------------------------------------------------------------------------


def _running(shop: Shop, name: str) -> Agreement:
    agreement = shop.get(Agreement, name, "subscription")
    if agreement.now.ended:
        raise refused("subscription_canceled", f"subscription {name!r} has ended", "subscription")
    return agreement


def _changing(shop: Shop, order: ChangePlan) -> tuple[Agreement, SubscriptionItem, tuple[Price, Price]]:
    agreement = _running(shop, order.subscription)
    item = next((one for one in agreement.now.items if one.id == order.item), None)
    if item is None:
        raise refused("resource_missing", f"the subscription has no item {order.item!r}", "item")
    before, after = shop.price(item.price), shop.sold(order.price, recurring=True)
    if before.currency != after.currency:
        raise refused("currency_mismatch", f"a subscription in {before.currency} stays in {before.currency}", "price")
    if order.proration not in _WAYS:
        raise refused("parameter_invalid", f"there is no way to settle a change {order.proration!r}", "proration")
    return agreement, item, (before, after)


def _settling(
    shop: Shop, order: ChangePlan, agreement: Agreement, item: SubscriptionItem, prices: tuple[Price, Price]
) -> tuple[InvoiceLine, ...]:
    """Return the lines that settle a change, which are none where nothing was paid for."""
    one = agreement.now
    nothing = (prices[1].id, order.quantity) == (item.price, item.quantity)
    if nothing or order.proration == Proration.NONE or one.status is not Status.ACTIVE:
        return ()
    same = _rhythm(prices[0]) == _rhythm(prices[1])
    until = (one.period_end if same else None) or period_end(shop.now, _rhythm(prices[1]), 1)
    return prorations(one, item, prices, order.quantity, shop.now, until)


def _until(shop: Shop, agreement: Agreement, price: Price) -> datetime:
    trial_end = agreement.now.trial_end
    if trial_end and trial_end > shop.now:
        return trial_end
    return period_end(agreement.anchor, _rhythm(price), agreement.cycles)


def _become(shop: Shop, agreement: Agreement, **after: Any) -> None:  # noqa: ANN401 - any field of the subscription
    agreement.told = shop.snapped(attrs.evolve(agreement.now, **after))
    kind = "subscription.ended" if agreement.now.ended else "subscription.updated"
    shop.tell(kind, RecordSubscription(agreement.told))


# Invoices -----------------------------------------------------------------------------------------------------------------


def _issue(shop: Shop, agreement: Agreement, reason: str, lines: tuple[InvoiceLine, ...]) -> Bill:
    """Write an invoice; one that asks for nothing is paid."""
    currency = lines[0].amount.currency
    total = sum(line.amount.amount_minor for line in lines)
    due, agreement.credit = max(total - agreement.credit, 0), max(agreement.credit - total, 0)
    bill = Bill(
        id=shop.new_id("inv"),
        customer=agreement.now.customer,
        subscription=agreement.now.id,
        reason=reason,
        lines=tuple(attrs.evolve(line, id=shop.new_id("line")) for line in lines),
        total=Money(total, currency),
        due=Money(due, currency),
        issued_at=shop.now,
    )
    shop.bills[bill.id] = agreement.bill = bill
    if due:
        bill.payment = payments.taken(shop, bill.customer, bill.due, _NOTHING, bill).id
    else:
        _settle(shop, agreement, bill)
    return bill


def _charge(shop: Shop, agreement: Agreement, bill: Bill) -> None:
    """Take what an invoice asks for, with the card that is there; without a good one it stays open."""
    if bill.status != "open":
        return
    card = agreement.card or shop.buyer(agreement.now.customer).card
    if card and not card.declines:
        _settle(shop, agreement, bill)
    else:
        _become(shop, agreement, status=Status.PAST_DUE)


def _settle(shop: Shop, agreement: Agreement, bill: Bill) -> None:
    bill.status, bill.paid_at = "paid", shop.now
    if bill.payment:
        payments.receive(shop, shop.get(Taking, bill.payment, "payment"))
    if agreement.now.status in {Status.INCOMPLETE, Status.PAST_DUE}:
        _become(shop, agreement, status=Status.ACTIVE)
    if bill.paid:
        shop.tell("invoice.paid", RecordInvoice(bill.paid))


_NOTHING: Mapping[str, str] = {}


def _line(shop: Shop, agreement: Agreement, item: SubscriptionItem, price: Price, amount: int) -> InvoiceLine:
    del shop
    return InvoiceLine(
        id=item.id,
        amount=Money(amount, price.currency),
        quantity=item.quantity,
        product=price.product,
        price=price.id,
        subscription=agreement.now.id,
        period_start=item.period_start,
        period_end=item.period_end,
    )


def _item(name: str, price: Price, quantity: int, start: datetime, until: datetime) -> SubscriptionItem:
    return SubscriptionItem(name, price.id, price.product, quantity, start, until)


def _rhythm(price: Price) -> Recurring:
    if price.recurring is None:
        raise refused("price_not_fitting", f"price {price.id!r} is paid once", "price")
    return price.recurring
