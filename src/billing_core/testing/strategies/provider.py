"""Strategies for what a provider tells us, and what the application is told: mirrors, payments, webhooks, events."""

from typing import TypeVar

from hypothesis import strategies as st

from billing_core.domain.customers import Customer, Link
from billing_core.domain.events import Event, Message
from billing_core.domain.mirrors import Mirrorable, Mirrored, Revision
from billing_core.domain.payments import BillingReason, Invoice, InvoiceLine, Payment, Purchase, Settlement
from billing_core.domain.products import CurrencyOption, Interval, Price, Product, Recurring, Tier
from billing_core.domain.refunds import Dispute, DisputeStatus, Refund, Refunded, RefundStatus
from billing_core.domain.subscriptions import PlanChange, Status, Subscription, SubscriptionItem
from billing_core.domain.webhooks import (
    CheckRefunds,
    Command,
    Delivery,
    DeliveryState,
    RecordCustomer,
    RecordDispute,
    RecordInvoice,
    RecordPayment,
    RecordPrice,
    RecordProduct,
    RecordRefund,
    RecordSettlement,
    RecordSubscription,
    Webhook,
)
from billing_core.testing.strategies.primitives import (
    currencies,
    instants,
    maybe_amount,
    maybe_instant,
    maybe_name,
    maybe_text,
    metadata,
    moneys,
    names,
    quantities,
    texts,
)

__all__ = [
    "customers",
    "deliveries",
    "disputes",
    "events",
    "invoice_lines",
    "invoices",
    "links",
    "messages",
    "mirrored",
    "payment_refunds",
    "payments",
    "prices",
    "products",
    "revisions",
    "subscriptions",
    "webhooks",
]

T = TypeVar("T", bound=Mirrorable)


# Mirrors ------------------------------------------------------------------------------------------------------------------


def products() -> st.SearchStrategy[Product]:
    """Draw products, most with metadata that means nothing."""
    return st.builds(
        Product,
        id=names(),
        name=texts(),
        active=st.booleans(),
        deleted=st.booleans(),
        description=maybe_text,
        default_price=maybe_name,
        metadata=metadata(),
    )


def prices() -> st.SearchStrategy[Price]:
    """Draw prices: one-time and recurring, tiered, in several currencies, with decimals below the minor unit."""
    tiers = st.lists(st.builds(Tier, st.none() | quantities, maybe_amount, maybe_amount), max_size=3).map(tuple)
    options = st.lists(st.builds(CurrencyOption, currencies(), maybe_amount, tiers), max_size=2).map(tuple)
    return st.builds(
        Price,
        id=names(),
        product=names(),
        currency=currencies(),
        unit_amount=maybe_amount,
        recurring=st.none() | st.builds(Recurring, st.sampled_from(Interval), st.integers(1, 36), st.booleans()),
        active=st.booleans(),
        deleted=st.booleans(),
        tiers=tiers,
        tiers_mode=st.sampled_from((None, "graduated", "volume")),
        currency_options=options,
        lookup_key=maybe_text,
        nickname=maybe_text,
        metadata=metadata(),
    )


def links() -> st.SearchStrategy[Link]:
    """Draw links to an account."""
    return st.builds(Link, instants(), names())


def customers() -> st.SearchStrategy[Customer]:
    """Draw customers, linked and not."""
    return st.builds(
        Customer,
        id=names(),
        link=st.none() | links(),
        email=maybe_text,
        name=maybe_text,
        deleted=st.booleans(),
        metadata=metadata(),
    )


def subscriptions() -> st.SearchStrategy[Subscription]:
    """Draw subscriptions in every status, with items and plan changes."""
    item = st.builds(SubscriptionItem, names(), names(), maybe_name, quantities, maybe_instant, maybe_instant)
    left = st.builds(PlanChange, instants(), st.lists(names(), max_size=2).map(tuple))
    return st.builds(
        Subscription,
        id=names(),
        status=st.sampled_from(Status),
        customer=names(),
        link=st.none() | links(),
        items=st.lists(item, max_size=3).map(tuple),
        started_at=maybe_instant,
        period_start=maybe_instant,
        period_end=maybe_instant,
        trial_end=maybe_instant,
        cancel_at=maybe_instant,
        cancel_at_period_end=st.booleans(),
        canceled_at=maybe_instant,
        ended_at=maybe_instant,
        changes=st.lists(left, max_size=2).map(tuple),
        metadata=metadata(),
    )


def revisions() -> st.SearchStrategy[Revision]:
    """Draw places in an object's history."""
    return st.builds(Revision, instants(), st.integers(0, 29), st.text("0123456789abcdef", max_size=16))


def mirrored(values: st.SearchStrategy[T]) -> st.SearchStrategy[Mirrored[T]]:
    """Draw snapshots of these values that were never written."""
    return st.builds(Mirrored, values, revisions())


# Payments -----------------------------------------------------------------------------------------------------------------


def payments() -> st.SearchStrategy[Payment]:
    """Draw payments, with and without a purchase."""
    purchase = st.builds(Purchase, texts(), texts(), texts(), maybe_text, maybe_text)
    return st.builds(
        Payment,
        id=names(),
        amount=moneys(least=0),
        paid_at=instants(),
        customer=maybe_name,
        account=maybe_name,
        invoice=maybe_name,
        purchase=st.none() | purchase,
    )


def payment_refunds() -> st.SearchStrategy[Refund]:
    """Draw refunds of payments in every status, known and not."""
    statuses = (RefundStatus.PENDING, RefundStatus.SUCCEEDED, RefundStatus.FAILED, RefundStatus.CANCELED)
    return st.builds(
        Refund,
        id=names(),
        payment=names(),
        amount=moneys(least=0),
        status=st.sampled_from(statuses) | names(),
        at=instants(),
        failure=maybe_text,
        metadata=metadata(),
    )


def disputes() -> st.SearchStrategy[Dispute]:
    """Draw disputes in every status, known and not."""
    statuses = ("warning_closed", DisputeStatus.NEEDS_RESPONSE, DisputeStatus.WON, DisputeStatus.LOST)
    return st.builds(
        Dispute,
        id=names(),
        payment=names(),
        amount=moneys(least=0),
        status=st.sampled_from(statuses) | names(),
        at=instants(),
        withdrawn=st.booleans(),
        metadata=metadata(),
    )


def invoice_lines() -> st.SearchStrategy[InvoiceLine]:
    """Draw invoice lines, prorations too."""
    return st.builds(
        InvoiceLine,
        id=names(),
        amount=moneys(),
        quantity=quantities,
        product=maybe_name,
        price=maybe_name,
        subscription=maybe_name,
        proration=st.booleans(),
        one_off=st.booleans(),
        period_start=maybe_instant,
        period_end=maybe_instant,
    )


def invoices() -> st.SearchStrategy[Invoice]:
    """Draw paid invoices with up to three lines, whose ids differ."""
    reasons = (BillingReason.SUBSCRIPTION_CREATE, BillingReason.SUBSCRIPTION_CYCLE, BillingReason.SUBSCRIPTION_UPDATE)
    return st.builds(
        Invoice,
        id=names(),
        amount_paid=moneys(least=0),
        paid_at=instants(),
        reason=st.sampled_from(reasons) | names(),
        customer=maybe_name,
        account=maybe_name,
        subscription=maybe_name,
        lines=st.lists(invoice_lines(), max_size=3, unique_by=lambda line: line.id).map(tuple),
        partial=st.booleans(),
    )


# Webhooks and events ------------------------------------------------------------------------------------------------------


def _webhook_commands() -> st.SearchStrategy[Command]:
    return st.one_of(
        st.builds(RecordProduct, mirrored(products())),
        st.builds(RecordPrice, mirrored(prices())),
        st.builds(RecordCustomer, mirrored(customers())),
        st.builds(RecordSubscription, mirrored(subscriptions())),
        st.builds(RecordPayment, payments()),
        st.builds(RecordInvoice, invoices()),
        st.builds(RecordSettlement, st.builds(Settlement, names(), names())),
        st.builds(RecordRefund, mirrored(payment_refunds())),
        st.builds(RecordDispute, mirrored(disputes())),
        st.builds(CheckRefunds, st.builds(Refunded, names(), moneys(least=0))),
    )


def webhooks() -> st.SearchStrategy[Webhook]:
    """Draw webhooks with the commands that they stand for."""
    return st.builds(
        Webhook,
        id=names(),
        type=names(),
        occurred_at=instants(),
        livemode=st.booleans(),
        api_version=maybe_name,
        commands=st.lists(_webhook_commands(), max_size=2).map(tuple),
        unreadable=maybe_text,
    )


def deliveries() -> st.SearchStrategy[Delivery]:
    """Draw deliveries in every state, whatever bytes came."""
    return st.builds(
        Delivery,
        id=names(),
        type=names(),
        body=st.binary(max_size=200),
        occurred_at=instants(),
        received_at=instants(),
        livemode=st.booleans(),
        api_version=maybe_name,
        state=st.sampled_from(DeliveryState),
        waiting_for=st.lists(names(), max_size=3, unique=True).map(tuple),
        attempts=st.integers(0, 1_000),
        next_attempt_at=maybe_instant,
        error=maybe_text,
    )


def events() -> st.SearchStrategy[Event]:
    """Draw events for the application."""
    return st.builds(Event, names(), names(), instants(), maybe_name, metadata())


def messages() -> st.SearchStrategy[Message]:
    """Draw messages in the outbox."""
    return st.builds(Message, names(), events())
