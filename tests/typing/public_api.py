"""The public API as an application's author writes it: the type checkers read this, nobody runs it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import assert_never, assert_type

from billing_adapters.memory import FixedClock, MemoryStore, SequentialIds
from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_adapters.system import SystemClock, Uuid7Ids
from billing_adapters.wiring import Settings, open_billing
from billing_core import (
    AccountId,
    AlreadyApplied,
    AlreadyRestored,
    Applied,
    Balance,
    Billing,
    Deferred,
    Dispute,
    Entitlements,
    Entry,
    Expiring,
    Explanation,
    Failed,
    Grant,
    Hold,
    HoldClosed,
    Ignored,
    InsufficientCredits,
    Intent,
    IntentState,
    IssuedInvoice,
    LotKind,
    Money,
    OnPlanChange,
    Outcome,
    Placed,
    Policies,
    Preview,
    Price,
    Problem,
    Product,
    Proration,
    ProviderDeclined,
    ProviderUnavailable,
    Refund,
    RefundExceeded,
    Refused,
    Report,
    Rollover,
    Shortfall,
    Spend,
    Status,
    Subscription,
    SyncReport,
    TopUp,
    TopUpIntent,
    TrialCredits,
    Unit,
    Unknown,
    UnknownEntry,
    UnknownTopUp,
    Yearly,
)
from billing_core.application.reading import Statement
from billing_core.domain.credits import Result
from billing_core.ports import Clock, Ids, Store, WebhookSource


def by_hand() -> Billing:
    return Billing(
        store=SqlAlchemyStore(open_engine("sqlite:///billing.db")),
        provider=StripeWebhooks(("whsec_one", "whsec_two"), tolerance=timedelta(minutes=5)),
        clock=SystemClock(),
        ids=Uuid7Ids(),
        policies=Policies(livemode=True),
    )


def in_memory() -> Billing:
    return Billing(store=MemoryStore(), provider=StripeWebhooks(("whsec_one",)), clock=FixedClock(), ids=SequentialIds())


def every_adapter_is_what_its_port_asks_for() -> None:
    stores: Sequence[Store] = (MemoryStore(), SqlAlchemyStore(open_engine("sqlite://")))
    clocks: Sequence[Clock] = (FixedClock(), SystemClock())
    names: Sequence[Ids] = (SequentialIds(), Uuid7Ids())
    source: WebhookSource = StripeWebhooks(("whsec_one",))
    del stores, clocks, names, source


def what_an_application_can_choose() -> Policies:
    Policies(plan_change="forfeit")  # type: ignore[arg-type]
    Policies(rollover=500)  # type: ignore[arg-type]
    return Policies(
        rollover=Rollover(most=500),
        plan_change=OnPlanChange.FORFEIT,
        yearly=Yearly.MONTHLY,
        trial=TrialCredits.AS_PAID,
    )


def a_wrong_adapter_is_an_error() -> None:
    source = StripeWebhooks(("whsec_one",))
    Billing(store=SystemClock(), provider=source, clock=SystemClock(), ids=Uuid7Ids())  # type: ignore[arg-type]
    Billing(store=MemoryStore(), provider=source, clock=Uuid7Ids(), ids=Uuid7Ids())  # type: ignore[arg-type]
    Billing(store=MemoryStore(), provider=source, clock=SystemClock())  # type: ignore[call-arg]


def wired() -> None:
    settings = Settings.from_environment({"BILLING_DATABASE_URL": "sqlite://"})
    with open_billing(settings, clock=FixedClock(), ids=SequentialIds(), policies=Policies(), migrate=True) as billing:
        assert_type(billing, Billing)


def credits_are_granted_spent_and_read(billing: Billing) -> None:
    granted = billing.credits.grant(
        "acme", 100, kind=LotKind.PROMOTIONAL, expires_at=datetime.now(UTC) + timedelta(days=30), reason="welcome"
    )
    assert_type(granted, Entry)
    balance = billing.credits.balance("acme")
    assert_type(balance, Balance)
    assert_type(balance.by_kind, Mapping[LotKind, int])
    assert_type(balance.next_expiry_at, datetime | None)
    try:
        assert_type(billing.credits.spend("acme", 5, key="job-1"), Entry)
    except InsufficientCredits as refusal:
        assert_type(refusal.available, int)
    page = billing.credits.statement("acme", limit=10)
    assert_type(page, Statement)
    assert_type([entry.change for entry in page.entries], list[int])
    assert_type(page.next_before, int | None)


def credits_are_held_until_the_work_is_done(billing: Billing) -> None:
    hold = billing.credits.hold("acme", 50, expires_in=timedelta(minutes=5), key="job-2", reference="job:2").seq
    assert_type(billing.credits.holds("acme"), Sequence[Hold])
    try:
        assert_type(billing.credits.capture("acme", hold, 10, final=False), Entry)
        assert_type(billing.credits.capture("acme", hold), Entry)
        assert_type(billing.credits.release("acme", hold, actor="ann"), Entry)
    except HoldClosed as refusal:
        assert_type(refusal.captured, int)


def credits_come_back_when_work_failed_or_go_back_with_the_money(billing: Billing) -> None:
    try:
        assert_type(billing.credits.refund("acme", 7, Decimal("0.5"), grace=timedelta(days=7), reference="job:1"), Entry)
    except RefundExceeded as refusal:
        assert_type((refusal.spend, refusal.requested, refusal.left), tuple[int, int, int])
    revoked = billing.credits.revoke("acme", "payment:pi_1", shortfall=Shortfall.TAKE)
    try:
        assert_type(billing.credits.restore("acme", revoked.seq, actor="ann"), Entry)
    except (AlreadyRestored, UnknownEntry) as refusal:
        assert_type(refusal.account, str)
    balance = billing.credits.balance("acme", at=datetime.now(UTC))
    assert_type((balance.owed, balance.scheduled), tuple[int, int])
    assert_type(balance.expiring, Sequence[Expiring])
    assert_type([one.at for one in billing.credits.expiring("acme", timedelta(days=7))], list[datetime])


def credits_are_corrected_sent_and_told_in_numbers(billing: Billing) -> None:
    assert_type(billing.credits.adjust("acme", -5, reason="a mistake", actor="ann"), Entry)
    assert_type(billing.credits.transfer("acme", "globex", 5, unit="tokens", key="transfer-1"), Entry)
    spends = (Spend(account=AccountId(name), key="job-1", amount=5) for name in ("acme", "globex"))
    for result in billing.credits.spend_many(spends):
        match result:
            case Entry(seq=seq):
                assert_type(seq, int)
            case Refused() | Unknown():
                assert_type(str(result), str)
            case _:
                assert_never(result)
    grant = Grant(account=AccountId("acme"), key="key", source="gift:1", amount=5)
    assert_type(billing.credits.grant_many([grant]), Sequence[Result])


def a_unit_reads_decimals(billing: Billing) -> None:
    tokens = Unit("tokens", scale=6)
    assert_type(tokens.steps(Decimal("0.2")), int)
    assert_type(tokens.whole(200_000), Decimal)
    assert_type(billing.credits.spend("acme", Decimal("0.2"), unit="tokens"), Entry)


def what_is_stored_follows_from_the_entries(billing: Billing) -> None:
    report = billing.credits.verify("acme")
    assert_type(report, Report)
    assert_type([str(one) for one in report.findings], list[str])


def what_would_be_written_and_what_was(billing: Billing) -> None:
    assert_type(billing.credits.preview(Spend(account=AccountId("acme"), key="job-3", amount=5)), Sequence[Entry])
    explanation = billing.credits.explain("acme", 1)
    assert_type(explanation, Explanation)
    assert_type([one.why for one in explanation.movements], list[str])


def an_operation_knows_its_words(billing: Billing) -> None:
    billing.credits.spend("acme", 5, kye="job-1")  # type: ignore[call-arg]
    billing.credits.hold("acme", 5, expires_in=3600)  # type: ignore[arg-type]
    billing.credits.revoke("acme", "payment:pi_1", shortfall="owe")  # type: ignore[arg-type]
    billing.credits.refund("acme", "7")  # type: ignore[arg-type]
    billing.credits.transfer("acme", 5)  # type: ignore[call-arg, arg-type]


def amounts_are_whole_numbers(billing: Billing) -> None:
    billing.credits.spend("acme", 0.5)  # type: ignore[arg-type]
    billing.credits.grant("acme", "5")  # type: ignore[arg-type]
    billing.credits.grant("acme", 5, kind="payg")  # type: ignore[arg-type]


def every_outcome_is_told_apart(billing: Billing, body: bytes, headers: Mapping[str, str]) -> str:
    outcome = billing.webhooks.receive(body, headers)
    match outcome:
        case Applied() | AlreadyApplied():
            return outcome.webhook
        case Ignored(reason=reason):
            return reason
        case Deferred(until=names):
            return ", ".join(names)
        case Failed(reason=reason, dead=dead):
            assert_type(dead, bool)
            return reason
        case _:
            assert_never(outcome)


def what_an_account_may_do(billing: Billing) -> None:
    entitled = billing.entitlements.of("acme")
    assert_type(entitled, Entitlements)
    assert_type(entitled.allows("api"), bool)
    assert_type(entitled.plan_tier, str | None)
    for subscription in billing.subscriptions.of("acme"):
        assert_type(subscription, Subscription)
        assert_type(subscription.status, Status)


def what_is_sold(billing: Billing) -> None:
    assert_type(billing.catalog.products(), Sequence[Product])
    assert_type(billing.catalog.prices("prod_1"), Sequence[Price])
    assert_type(billing.catalog.problems(), Sequence[Problem])
    billing.customers.link("acme", "cus_1")


def what_is_ordered(billing: Billing) -> None:
    payment = billing.checkout.pay("acme", "price_1", quantity=2, key="order-1")
    assert_type(payment, Placed)
    assert_type(payment.secret, str | None)
    page = billing.checkout.page("acme", "price_2", success_url="https://shop.example/thanks", trial_days=14)
    assert_type(billing.checkout.returned(page.id).subscription, str | None)
    assert_type(billing.subscriptions.create("acme", "price_2"), Placed)
    preview = billing.subscriptions.preview("acme", "sub_1", "price_2", proration=Proration.LATER)
    assert_type(preview, Preview)
    assert_type(preview.due, Money)
    assert_type(billing.subscriptions.cancel("acme", "sub_1", now=True), Placed)
    assert_type(billing.payments.refund("acme", "pi_1", Money(500, "usd")), Placed)
    assert_type(billing.payments.invoices("acme", limit=3), Sequence[IssuedInvoice])
    for intent in billing.checkout.resume(limit=10):
        assert_type(intent, Intent)
        assert_type(intent.state, IntentState)
    try:
        billing.checkout.charge("acme", "price_1", key="order-2")
    except ProviderDeclined as refusal:
        assert_type(refusal.code, str)
    except ProviderUnavailable:
        assert_type(billing.top_ups.charge("acme"), TopUp | None)


def the_catalog_is_synced(billing: Billing) -> None:
    report = billing.catalog.sync(progress=print)
    assert_type(report, SyncReport)
    assert_type(report.products.added, tuple[str, ...])
    assert_type(billing.webhooks.catch_up(limit=100), Sequence[Outcome])


def money_went_back(billing: Billing) -> None:
    assert_type(billing.payments.refunds_of("pi_1"), Sequence[Refund])
    for dispute in billing.payments.disputes_of("pi_1"):
        assert_type(dispute, Dispute)
        assert_type(dispute.gone, bool)
    assert_type(Policies(shortfall=Shortfall.TAKE).shortfall, Shortfall)


def accounts_are_topped_up(billing: Billing) -> None:
    top_up = billing.top_ups.set("acme", threshold=10, pack="price_1", most_purchases=3, per=timedelta(days=30))
    assert_type(top_up, TopUp)
    assert_type(top_up.in_flight, TopUpIntent | None)
    assert_type(billing.top_ups.of("acme"), TopUp | None)
    assert_type(billing.top_ups.retry(limit=10), Sequence[TopUp])
    try:
        assert_type(billing.top_ups.succeeded("acme", "top_up:1"), TopUp)
        assert_type(billing.top_ups.declined("acme", "top_up:2", unit="tokens"), TopUp)
    except UnknownTopUp as refusal:
        assert_type(refusal.intent, str)
    billing.top_ups.remove("acme")


def the_outbox_is_read_and_acknowledged(billing: Billing) -> None:
    for message in billing.outbox.pending(limit=10):
        assert_type(message.event.data, Mapping[str, str])
        billing.outbox.acknowledge([message.id])


class Sundial:
    """An application's own clock: a port needs no base class."""

    def now(self) -> datetime:
        return datetime.now(UTC)


sundial: Clock = Sundial()
