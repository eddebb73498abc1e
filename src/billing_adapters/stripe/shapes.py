"""Shapes: Stripe's objects, as any version of its API since 2020 sends them, turned into this library's own values.

Where versions disagree, the newer place is read first and the older one after it. What today's shape cannot tell is read
from no shape, so that one object gives one value whichever version told of it. New members never disturb; a member that is
needed and missing raises `Malformed` with its name, never with what else was there.

Sources: https://docs.stripe.com/api for objects and events, https://docs.stripe.com/changelog; 2025-03-31.basil moved most.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

from attrs import frozen

from billing_adapters.stripe.reading import Json, Node
from billing_core.domain.customers import ACCOUNT, Customer, Link
from billing_core.domain.mirrors import Phase, snapshot
from billing_core.domain.money import Currency, Money
from billing_core.domain.payments import Invoice, InvoiceLine, Payment, Settlement, purchase_in
from billing_core.domain.products import CurrencyOption, Interval, Price, Product, Recurring, Tier
from billing_core.domain.refunds import Dispute, DisputeStatus, Refund, Refunded, RefundStatus
from billing_core.domain.subscriptions import PlanChange, Status, Subscription, SubscriptionItem
from billing_core.domain.webhooks import (
    CheckRefunds,
    Command,
    RecordCustomer,
    RecordDispute,
    RecordInvoice,
    RecordPayment,
    RecordPrice,
    RecordProduct,
    RecordRefund,
    RecordSettlement,
    RecordSubscription,
)
from billing_core.errors import Malformed

__all__ = [
    "COMMANDS",
    "News",
    "commands",
    "customer",
    "dispute",
    "invoice",
    "invoice_lines",
    "payment",
    "price",
    "product",
    "refund",
    "settlement",
    "subscription",
]


# The catalogue ------------------------------------------------------------------------------------------------------------


def product(raw: Json, *, deleted: bool = False) -> Product:
    """Read a product; `deleted` because the object of a `product.deleted` event does not say so itself."""
    node = Node("product", raw)
    return Product(
        id=node.text("id"),
        name=node.text("name"),
        active=node.flag("active"),
        deleted=deleted or node.flag("deleted"),
        description=node.optional_text("description"),
        default_price=node.optional_reference("default_price"),
        metadata=node.metadata(),
    )


def price(raw: Json, *, deleted: bool = False) -> Price:
    """Read a price; `deleted` because the object of a `price.deleted` event does not say so itself."""
    node = Node("price", raw)
    return Price(
        id=node.text("id"),
        product=node.reference("product"),
        currency=node.currency(),
        unit_amount=node.optional_amount("unit_amount"),
        recurring=_recurring(node.optional_node("recurring")),
        active=node.flag("active"),
        deleted=deleted or node.flag("deleted"),
        tiers=_tiers(node),
        tiers_mode=node.optional_text("tiers_mode"),
        currency_options=_currency_options(node),
        lookup_key=node.optional_text("lookup_key"),
        nickname=node.optional_text("nickname"),
        metadata=node.metadata(),
    )


def _recurring(node: Node | None) -> Recurring | None:
    if node is None:
        return None
    interval = node.text("interval")
    if interval not in tuple(Interval):
        raise Malformed(f"{node.path}.interval is unknown to this version of the library")
    count = node.optional_integer("interval_count")
    metered = node.optional_text("usage_type") == "metered"
    return Recurring(Interval(interval), 1 if count is None else count, metered)


def _tiers(node: Node) -> tuple[Tier, ...]:
    return tuple(
        Tier(tier.optional_integer("up_to"), tier.optional_amount("unit_amount"), tier.optional_amount("flat_amount"))
        for tier in node.listed("tiers")
    )


def _currency_options(node: Node) -> tuple[CurrencyOption, ...]:
    return tuple(
        CurrencyOption(option.currency(), option.optional_amount("unit_amount"), _tiers(option))
        for option in node.keyed("currency_options", key="currency")
    )


# Customers ----------------------------------------------------------------------------------------------------------------


def customer(raw: Json, at: datetime, *, deleted: bool = False) -> Customer:
    """Read a customer as it was at a moment; `deleted` as for products."""
    node = Node("customer", raw)
    metadata = node.metadata()
    return Customer(
        id=node.text("id"),
        link=_link(metadata, at),
        email=node.optional_text("email"),
        name=node.optional_text("name"),
        deleted=deleted or node.flag("deleted"),
        metadata=metadata,
    )


def _link(metadata: Mapping[str, str], at: datetime) -> Link | None:
    account = _account(metadata)
    return Link(at, account) if account else None


def _account(metadata: Mapping[str, str]) -> str | None:
    return metadata.get(ACCOUNT) or None


# Subscriptions ------------------------------------------------------------------------------------------------------------


def subscription(raw: Json, at: datetime, previous: Json | None = None) -> Subscription:
    """Read a subscription as it was at a moment; `previous` is what an update says was there before.

    A status that is not in our table is refused rather than guessed: a guess would either entitle or lock out.
    """
    node = Node("subscription", raw)
    metadata = node.metadata()
    items = _items(node)
    start, end = _period(node, items)
    return Subscription(
        id=node.text("id"),
        status=_status(node),
        customer=node.reference("customer"),
        link=_link(metadata, at),
        items=items,
        started_at=node.optional_moment("start_date"),
        period_start=start,
        period_end=end,
        trial_end=node.optional_moment("trial_end"),
        cancel_at=node.optional_moment("cancel_at"),
        cancel_at_period_end=node.flag("cancel_at_period_end"),
        canceled_at=node.optional_moment("canceled_at"),
        ended_at=node.optional_moment("ended_at"),
        changes=_changes(Node("previous_attributes", previous or {}), items, at),
        metadata=metadata,
    )


def _status(node: Node) -> Status:
    status = node.text("status")
    if status not in tuple(Status):
        raise Malformed(f"{node.path}.status is unknown to this version of the library")
    return Status(status)


def _items(node: Node) -> tuple[SubscriptionItem, ...]:
    items = tuple(_item(one, node) for one in node.listed("items"))
    if items or not node.optional_reference("plan"):
        return items
    # A single plan and its quantity, on the subscription itself: the item takes its name, for its own is not told.
    return (_item(node, node),)


def _item(item: Node, of: Node) -> SubscriptionItem:
    price_id, product_id = _price_and_product(item)
    if price_id is None:
        raise Malformed(f"{item.path}.price is missing")
    return SubscriptionItem(
        id=item.text("id"),
        price=price_id,
        product=product_id,
        quantity=_quantity(item),
        period_start=item.optional_moment("current_period_start") or of.optional_moment("current_period_start"),
        period_end=item.optional_moment("current_period_end") or of.optional_moment("current_period_end"),
    )


def _price_and_product(holder: Node) -> tuple[str | None, str | None]:
    """Return the price and product named by `price` or by the older `plan`, each sent as an id or whole."""
    for name in ("price", "plan"):
        found = holder.optional_reference(name)
        if found:
            return found, (holder.expanded(name) or holder).optional_reference("product")
    return None, None


def _quantity(holder: Node) -> int:
    """Return the quantity; metered items have none, and count as one."""
    quantity = holder.optional_integer("quantity")
    return 1 if quantity is None else quantity


def _period(node: Node, items: tuple[SubscriptionItem, ...]) -> tuple[datetime | None, datetime | None]:
    """Return the running period: the subscription's own, else that of the plan's item, else the span of all items."""
    plan = node.optional_reference("plan")
    counted = [item for item in items if item.price == plan] or items
    start = min((item.period_start for item in counted if item.period_start), default=None)
    end = max((item.period_end for item in counted if item.period_end), default=None)
    return node.optional_moment("current_period_start") or start, node.optional_moment("current_period_end") or end


def _changes(previous: Node, items: Iterable[SubscriptionItem], at: datetime) -> tuple[PlanChange, ...]:
    """Return the plan change of an update: the prices that it held before, of products that it holds no longer.

    Another quantity, or another price of the same product, is no other plan.
    """
    before = dict(_price_and_product(one) for one in (previous, *previous.listed("items")))
    prices, products = {item.price for item in items}, {item.product for item in items if item.product}
    left = [price for price, product in before.items() if price and price not in prices and product not in products]
    return (PlanChange(at, tuple(sorted(left))),) if left else ()


# Payments -----------------------------------------------------------------------------------------------------------------


def payment(raw: Json, at: datetime) -> Payment:
    """Read a payment intent that succeeded at a moment; only versions before basil name the invoice that it pays."""
    node = Node("payment_intent", raw)
    metadata = node.metadata()
    return Payment(
        id=node.text("id"),
        amount=Money(node.integer("amount_received"), node.currency()),
        paid_at=at,
        customer=node.optional_reference("customer"),
        account=_account(metadata),
        invoice=node.optional_reference("invoice"),
        purchase=purchase_in(metadata),
    )


def invoice(raw: Json, at: datetime) -> Invoice | None:
    """Read an invoice that is paid; None if it is not. `at` counts where the invoice does not say when it was paid.

    An event carries at most ten lines: of one that has more, those are read, and it is `partial`.
    """
    node = Node("invoice", raw)
    if node.optional_text("status") != "paid":
        return None
    agreement = _agreement(node)
    moments = node.optional_node("status_transitions")
    return Invoice(
        id=node.text("id"),
        amount_paid=Money(node.integer("amount_paid"), node.currency()),
        paid_at=(moments and moments.optional_moment("paid_at")) or at,
        reason=node.optional_text("billing_reason") or "",
        customer=node.optional_reference("customer"),
        account=_account(agreement.metadata()) or _account_of_lines(node.listed("lines")),
        subscription=agreement.optional_reference("subscription"),
        lines=invoice_lines(node),
        partial=_truncated(node),
    )


def invoice_lines(node: Node) -> tuple[InvoiceLine, ...]:
    """Read the lines of an invoice, paid or not."""
    currency = node.currency()
    return tuple(_line(line, currency) for line in node.listed("lines"))


def _truncated(node: Node) -> bool:
    lines = node.expanded("lines")
    return lines is not None and lines.flag("has_more")


def _agreement(node: Node) -> Node:
    """Return the node that holds an invoice's subscription, and the metadata of that subscription.

    Today that is `parent.subscription_details`; before basil they are in the invoice and in its `subscription_details`.
    """
    parent = node.optional_node("parent")
    if parent:
        wanted = parent.optional_text("type") == "subscription_details"
        return (wanted and parent.optional_node("subscription_details")) or Node(parent.path, {})
    details = node.optional_node("subscription_details")
    metadata = details.members.get("metadata") if details else None
    return Node(node.path, {"subscription": node.members.get("subscription"), "metadata": metadata})


def _account_of_lines(lines: Iterable[Node]) -> str | None:
    """Return the account that the lines of a subscription name: they repeat its metadata, and in 2020 only they did."""
    named = (_account(line.metadata()) for line in lines if _of_subscription_item(line))
    return next((account for account in named if account), None)


def _of_subscription_item(line: Node) -> bool:
    kind = (line.optional_node("parent") or line).optional_text("type")
    return kind in {"subscription_item_details", "subscription"}


def _line(line: Node, currency: Currency) -> InvoiceLine:
    origin = _origin(line)
    amount = line.integer("amount")
    proration = origin.flag("proration")
    pricing = line.optional_node("pricing")
    price_id, product_id = _price_and_product((pricing and pricing.optional_node("price_details")) or line)
    period = line.optional_node("period") or Node(line.path, {})
    return InvoiceLine(
        id=line.text("id"),
        amount=Money(amount, currency),
        quantity=_quantity(line),
        product=product_id,
        price=price_id,
        subscription=line.optional_reference("subscription") or origin.optional_reference("subscription"),
        proration=proration,
        one_off=not (proration or _of_subscription_item(line)),
        period_start=period.optional_moment("start"),
        period_end=period.optional_moment("end"),
    )


def _origin(line: Node) -> Node:
    """Return the node that says where a line comes from: today a branch of its parent, before basil the line itself."""
    parent = line.optional_node("parent")
    if parent is None:
        return line
    kind = parent.optional_text("type")
    return (kind and parent.optional_node(kind)) or Node(parent.path, {})


# Money that goes back -----------------------------------------------------------------------------------------------------


def settlement(raw: Json) -> Settlement | None:
    """Read which invoice a payment was made for; None if it was no payment intent, which alone is known here."""
    node = Node("invoice_payment", raw)
    paid_by = node.node("payment").optional_reference("payment_intent")
    return Settlement(paid_by, node.reference("invoice")) if paid_by else None


def refund(raw: Json) -> Refund | None:
    """Read a refund; None if it is of a charge without a payment intent, which bought nothing here."""
    node = Node("refund", raw)
    of = node.optional_reference("payment_intent")
    if of is None:
        return None
    return Refund(
        id=node.text("id"),
        payment=of,
        amount=Money(node.integer("amount"), node.currency()),
        status=node.optional_text("status") or RefundStatus.PENDING,
        at=node.moment("created"),
        failure=node.optional_text("failure_reason"),
        metadata=node.metadata(),
    )


def dispute(raw: Json, *, withdrawn: bool | None = None) -> Dispute | None:
    """Read a dispute; None if it is of a charge without a payment intent. `withdrawn` is what the event says by its name.

    Otherwise the balance transactions tell: one took the money, another gave it back. Without any, what was lost is gone.
    """
    node = Node("dispute", raw)
    of = node.optional_reference("payment_intent")
    if of is None:
        return None
    status = node.text("status")
    moved = [one.integer("amount") for one in node.listed("balance_transactions")]
    taken = max(moved) < 0 if moved else status == DisputeStatus.LOST
    return Dispute(
        id=node.text("id"),
        payment=of,
        amount=Money(node.integer("amount"), node.currency()),
        status=status,
        at=node.moment("created"),
        withdrawn=taken if withdrawn is None else withdrawn,
        metadata=node.metadata(),
    )


def _refunded(node: Node) -> Refunded | None:
    of = node.optional_reference("payment_intent")
    return Refunded(of, Money(node.integer("amount_refunded"), node.currency())) if of else None


# Events -------------------------------------------------------------------------------------------------------------------


@frozen
class News:
    """The object of an event, what it was before as far as the event says, and what happened to it when."""

    object: Json
    previous: Json
    at: datetime
    phase: Phase

    @property
    def deleted(self) -> bool:
        """Whether the event says that the object is gone."""
        return self.phase is Phase.DELETED


def _product(news: News) -> Command:
    return RecordProduct(snapshot(product(news.object, deleted=news.deleted), news.at, news.phase))


def _price(news: News) -> Command:
    return RecordPrice(snapshot(price(news.object, deleted=news.deleted), news.at, news.phase))


def _customer(news: News) -> Command:
    return RecordCustomer(snapshot(customer(news.object, news.at, deleted=news.deleted), news.at, news.phase))


def _subscription(news: News) -> Command:
    return RecordSubscription(snapshot(subscription(news.object, news.at, news.previous), news.at, news.phase))


def _payment(news: News) -> Command:
    return RecordPayment(payment(news.object, news.at))


def _invoice(news: News) -> Command | None:
    paid = invoice(news.object, news.at)
    return RecordInvoice(paid) if paid else None


def _settlement(news: News) -> Command | None:
    settled = settlement(news.object)
    return RecordSettlement(settled) if settled else None


def _refund(news: News) -> Command | None:
    read = refund(news.object)
    return RecordRefund(snapshot(read, news.at, news.phase)) if read else None


def _dispute(news: News, *, withdrawn: bool | None = None) -> Command | None:
    read = dispute(news.object, withdrawn=withdrawn)
    return RecordDispute(snapshot(read, news.at, news.phase)) if read else None


def _charge(news: News) -> tuple[Command, ...]:
    """Read what a charge says of its refunds: each of them before 2022-11-15, and in every version what they add up to."""
    node = Node("charge", news.object)
    listed = (refund(one.members) for one in node.listed("refunds"))
    each = tuple(RecordRefund(snapshot(one, news.at, news.phase)) for one in listed if one)
    total = _refunded(node)
    return (*each, CheckRefunds(total)) if total else each


Reading: TypeAlias = Callable[[News], Command | tuple[Command, ...] | None]

# Every event that is acted on. An event of the same object that is missing here only repeats what another one tells.
COMMANDS: Mapping[str, Reading] = MappingProxyType({
    "charge.dispute.closed": _dispute,
    "charge.dispute.created": _dispute,
    "charge.dispute.funds_reinstated": partial(_dispute, withdrawn=False),
    "charge.dispute.funds_withdrawn": partial(_dispute, withdrawn=True),
    "charge.dispute.updated": _dispute,
    "charge.refund.updated": _refund,
    "charge.refunded": _charge,
    "customer.created": _customer,
    "customer.deleted": _customer,
    "customer.subscription.created": _subscription,
    "customer.subscription.deleted": _subscription,
    "customer.subscription.paused": _subscription,
    "customer.subscription.pending_update_applied": _subscription,
    "customer.subscription.pending_update_expired": _subscription,
    "customer.subscription.resumed": _subscription,
    "customer.subscription.trial_will_end": _subscription,
    "customer.subscription.updated": _subscription,
    "customer.updated": _customer,
    "invoice.paid": _invoice,
    "invoice.payment_succeeded": _invoice,
    "invoice_payment.paid": _settlement,
    "payment_intent.succeeded": _payment,
    "price.created": _price,
    "price.deleted": _price,
    "price.updated": _price,
    "product.created": _product,
    "product.deleted": _product,
    "product.updated": _product,
    "refund.created": _refund,
    "refund.failed": _refund,
    "refund.updated": _refund,
})

_PHASES = MappingProxyType({"created": Phase.CREATED, "deleted": Phase.DELETED})


def commands(event_type: str, at: datetime, data: Node) -> tuple[Command, ...]:
    """Return what an event of a type in the table asks for; an invoice that is not paid, for one, asks for nothing.

    Raises:
        Malformed: The object cannot be read.
    """
    previous = data.optional_node("previous_attributes")
    phase = _PHASES.get(event_type.rpartition(".")[2], Phase.UPDATED)
    asked = COMMANDS[event_type](News(data.node("object").members, previous.members if previous else {}, at, phase))
    if isinstance(asked, tuple):
        return asked
    return (asked,) if asked else ()
