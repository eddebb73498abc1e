"""Strategies: values as they come in real life, and as they come once in a thousand years."""

import string
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from hypothesis import strategies as st

from billing_core.domain.credits import (
    MAX_AMOUNT,
    AccountId,
    AnyCommand,
    Convert,
    Expire,
    Grant,
    LotKind,
    Spend,
)
from billing_core.domain.customers import Customer, Link
from billing_core.domain.events import Event, Message
from billing_core.domain.mirrors import Mirrorable, Mirrored, Revision
from billing_core.domain.money import Currency, Money
from billing_core.domain.payments import BillingReason, Invoice, InvoiceLine, Payment, Purchase
from billing_core.domain.products import CurrencyOption, Interval, Price, Product, Recurring, Tier
from billing_core.domain.subscriptions import PlanChange, Status, Subscription, SubscriptionItem
from billing_core.domain.webhooks import (
    Command,
    Delivery,
    DeliveryState,
    RecordCustomer,
    RecordInvoice,
    RecordPayment,
    RecordPrice,
    RecordProduct,
    RecordSubscription,
    Webhook,
)

__all__ = [
    "account_ids",
    "commands",
    "currencies",
    "customers",
    "deliveries",
    "events",
    "grants",
    "histories",
    "instants",
    "invoice_lines",
    "invoices",
    "links",
    "messages",
    "metadata",
    "mirrored",
    "moneys",
    "names",
    "payments",
    "prices",
    "products",
    "revisions",
    "subscriptions",
    "texts",
    "webhooks",
]

T = TypeVar("T", bound=Mirrorable)

_EARLIEST = datetime(1970, 1, 1)  # noqa: DTZ001 - Hypothesis adds the zone
_LATEST = datetime.max  # noqa: DTZ901 - Hypothesis adds the zone
_LONGEST = 255

# What has broken a store somewhere: quotes, wildcards, escapes, what looks like nothing, and letters of other worlds.
_NASTY_NAMES = (
    "'; DROP TABLE accounts; --",
    '"quoted"',
    "100%_sure?",
    "back\\slash",
    "null",
    "0",
    ":name %s %(name)s {name}",
    "Ünïcödé",
    "e\u0301",
    "日本語 שלום",
    "👩\U0001f3fd",
    "x" * _LONGEST,
    "\U0001d54f" * _LONGEST,
)
_NASTY_TEXTS = (*_NASTY_NAMES, "", " padded ", "two\nlines\r\n\ttabbed", "\x7f\x1b", "\u202eleft", "l" * 5_000)


# Primitives ---------------------------------------------------------------------------------------------------------------


def names(longest: int = _LONGEST) -> st.SearchStrategy[str]:
    """Draw printable texts of 1 to `longest` characters without blanks around them, as keys and references are."""
    letters = st.characters(exclude_categories=["C", "Z"], include_characters=" ")
    drawn = st.text(letters, min_size=1, max_size=min(longest, 40)).map(str.strip).filter(bool)
    nasty = st.sampled_from(sorted({one[:longest].strip() for one in _NASTY_NAMES}))
    return nasty | drawn


def texts() -> st.SearchStrategy[str]:
    """Draw any text that a provider can send and every database can keep: no NUL, no lone surrogates."""
    letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return st.sampled_from(_NASTY_TEXTS) | st.text(letters, max_size=60)


def instants(earliest: datetime = _EARLIEST, latest: datetime = _LATEST) -> st.SearchStrategy[datetime]:
    """Draw moments in UTC to the microsecond, up to the last one there is."""
    return st.datetimes(earliest.replace(tzinfo=None), latest.replace(tzinfo=None), timezones=st.just(UTC))


def currencies() -> st.SearchStrategy[Currency]:
    """Draw currencies with 0, 2 and 3 decimals."""
    codes = st.sampled_from(("usd", "eur", "jpy", "kwd")) | st.text(string.ascii_lowercase, min_size=3, max_size=3)
    return codes.map(Currency)


def moneys(
    least: int = -MAX_AMOUNT, most: int = MAX_AMOUNT, currency: st.SearchStrategy[Currency] | None = None
) -> st.SearchStrategy[Money]:
    """Draw amounts of money, negative ones too."""
    return st.builds(Money, st.integers(least, most), currencies() if currency is None else currency)


def metadata() -> st.SearchStrategy[Mapping[str, str]]:
    """Draw what people write beside a provider's object."""
    return st.dictionaries(texts(), texts(), max_size=4)


def _unit_amounts() -> st.SearchStrategy[Decimal]:
    whole_or_fine = st.integers(0, 12).flatmap(lambda places: st.decimals(0, 10**9, allow_nan=False, places=places))
    return st.sampled_from((Decimal(0), Decimal("0.5"), Decimal("0.000000000001"))) | whole_or_fine


_maybe_name = st.none() | names()
_maybe_text = st.none() | texts()
_maybe_instant = st.none() | instants()
_maybe_amount = st.none() | _unit_amounts()
_quantities = st.integers(0, MAX_AMOUNT)


# Mirrors ------------------------------------------------------------------------------------------------------------------


def products() -> st.SearchStrategy[Product]:
    """Draw products, most with metadata that means nothing."""
    return st.builds(
        Product,
        id=names(),
        name=texts(),
        active=st.booleans(),
        deleted=st.booleans(),
        description=_maybe_text,
        default_price=_maybe_name,
        metadata=metadata(),
    )


def prices() -> st.SearchStrategy[Price]:
    """Draw prices: one-time and recurring, tiered, in several currencies, with decimals below the minor unit."""
    tiers = st.lists(st.builds(Tier, st.none() | _quantities, _maybe_amount, _maybe_amount), max_size=3).map(tuple)
    options = st.lists(st.builds(CurrencyOption, currencies(), _maybe_amount, tiers), max_size=2).map(tuple)
    return st.builds(
        Price,
        id=names(),
        product=names(),
        currency=currencies(),
        unit_amount=_maybe_amount,
        recurring=st.none() | st.builds(Recurring, st.sampled_from(Interval), st.integers(1, 36), st.booleans()),
        active=st.booleans(),
        deleted=st.booleans(),
        tiers=tiers,
        tiers_mode=st.sampled_from((None, "graduated", "volume")),
        currency_options=options,
        lookup_key=_maybe_text,
        nickname=_maybe_text,
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
        email=_maybe_text,
        name=_maybe_text,
        deleted=st.booleans(),
        metadata=metadata(),
    )


def subscriptions() -> st.SearchStrategy[Subscription]:
    """Draw subscriptions in every status, with items and plan changes."""
    item = st.builds(SubscriptionItem, names(), names(), _maybe_name, _quantities, _maybe_instant, _maybe_instant)
    left = st.builds(PlanChange, instants(), st.lists(names(), max_size=2).map(tuple))
    return st.builds(
        Subscription,
        id=names(),
        status=st.sampled_from(Status),
        customer=names(),
        link=st.none() | links(),
        items=st.lists(item, max_size=3).map(tuple),
        started_at=_maybe_instant,
        period_start=_maybe_instant,
        period_end=_maybe_instant,
        trial_end=_maybe_instant,
        cancel_at=_maybe_instant,
        cancel_at_period_end=st.booleans(),
        canceled_at=_maybe_instant,
        ended_at=_maybe_instant,
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
    purchase = st.builds(Purchase, texts(), texts(), texts(), _maybe_text, _maybe_text)
    return st.builds(
        Payment,
        id=names(),
        amount=moneys(least=0),
        paid_at=instants(),
        customer=_maybe_name,
        account=_maybe_name,
        invoice=_maybe_name,
        purchase=st.none() | purchase,
    )


def invoice_lines() -> st.SearchStrategy[InvoiceLine]:
    """Draw invoice lines, prorations too."""
    return st.builds(
        InvoiceLine,
        id=names(),
        amount=moneys(),
        quantity=_quantities,
        product=_maybe_name,
        price=_maybe_name,
        subscription=_maybe_name,
        proration=st.booleans(),
        one_off=st.booleans(),
        period_start=_maybe_instant,
        period_end=_maybe_instant,
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
        customer=_maybe_name,
        account=_maybe_name,
        subscription=_maybe_name,
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
    )


def webhooks() -> st.SearchStrategy[Webhook]:
    """Draw webhooks with the commands that they stand for."""
    return st.builds(
        Webhook,
        id=names(),
        type=names(),
        occurred_at=instants(),
        livemode=st.booleans(),
        api_version=_maybe_name,
        commands=st.lists(_webhook_commands(), max_size=2).map(tuple),
        unreadable=_maybe_text,
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
        api_version=_maybe_name,
        state=st.sampled_from(DeliveryState),
        waiting_for=st.lists(names(), max_size=3, unique=True).map(tuple),
        attempts=st.integers(0, 1_000),
        next_attempt_at=_maybe_instant,
        error=_maybe_text,
    )


def events() -> st.SearchStrategy[Event]:
    """Draw events for the application."""
    return st.builds(Event, names(), names(), instants(), _maybe_name, metadata())


def messages() -> st.SearchStrategy[Message]:
    """Draw messages in the outbox."""
    return st.builds(Message, names(), events())


# Credits ------------------------------------------------------------------------------------------------------------------


def account_ids() -> st.SearchStrategy[AccountId]:
    """Draw accounts, of the usual unit and of others."""
    return st.builds(AccountId, names(), st.just("credits") | names())


def grants(account: AccountId, now: datetime) -> st.SearchStrategy[Grant]:
    """Draw grants with every field used that are accepted at `now`, unless their key or source was used."""
    effective_at = st.none() | st.timedeltas(timedelta(0), timedelta(days=400)).map(lambda age: now - age)
    later = now + timedelta(microseconds=1)
    return st.builds(
        Grant,
        account=st.just(account),
        key=names(),
        reference=_maybe_name,
        reason=_maybe_name,
        actor=_maybe_name,
        amount=st.integers(1, MAX_AMOUNT),
        kind=st.sampled_from(LotKind),
        source=names(),
        priority=st.none() | st.integers(0, 1_000),
        effective_at=effective_at,
        expires_at=st.none() | st.just(datetime.max.replace(tzinfo=UTC)) | instants(later),
        cost=st.none() | moneys(),
    )


def commands(account: AccountId, now: datetime) -> st.SearchStrategy[AnyCommand]:
    """Draw small commands whose keys and sources meet again and again, so that every answer of the ledger comes up.

    Some are refused: too much is spent, a key is reused, an unknown source converted.
    """
    keys = st.sampled_from([f"key-{number}" for number in range(20)])
    sources = st.sampled_from([f"source-{number}" for number in range(6)])
    expiries = st.none() | st.integers(1, 50).map(lambda hours: now + timedelta(hours=hours))
    amounts = st.integers(1, 10)
    kinds = st.sampled_from(LotKind)
    fixed = st.just(account)
    return st.one_of(
        st.builds(Grant, account=fixed, key=keys, source=sources, amount=amounts, kind=kinds, expires_at=expiries),
        st.builds(Spend, account=fixed, key=keys, amount=st.integers(0, 12)),
        st.builds(Convert, account=fixed, key=keys, source=sources),
        st.builds(Expire, account=fixed),
    )


def histories(account: AccountId, start: datetime) -> st.SearchStrategy[list[tuple[datetime, AnyCommand]]]:
    """Draw commands with the moments at which they are given, the earliest first."""
    pauses = st.lists(st.timedeltas(timedelta(0), timedelta(hours=20)), max_size=30)
    return pauses.map(lambda pauses: _moments(start, pauses)).flatmap(lambda moments: _one_at_each(account, moments))


def _moments(start: datetime, pauses: list[timedelta]) -> list[datetime]:
    return [start + sum(pauses[:passed], timedelta(0)) for passed in range(len(pauses) + 1)]


def _one_at_each(account: AccountId, moments: list[datetime]) -> st.SearchStrategy[list[tuple[datetime, AnyCommand]]]:
    return st.tuples(*(st.tuples(st.just(at), commands(account, at)) for at in moments)).map(list)
