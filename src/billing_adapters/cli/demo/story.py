"""The story: a customer from the first credit pack to the end of the subscription.

Every event is what Stripe sends on such a day. The order, the duplicates and the API versions in which they are listed are
those of one unlucky network; any other choice must end in the same figures.
"""

from datetime import UTC, datetime, timedelta
from itertools import count

from billing_adapters.cli.demo.steps import Chapter, Check, Deliveries, Figures, Forgery, Refusal, Report, Sent, Spend, Wait
from billing_adapters.stripe.samples import JsonObject, Samples
from billing_core.domain.customers import ACCOUNT
from billing_core.domain.payments import PRICE, PRODUCT, PURCHASE, QUANTITY
from billing_core.domain.products import CREDIT_AMOUNT, CREDIT_TYPE, FEATURE_FLAGS, PLAN_TIER

__all__ = ["OWNER", "VERSIONS", "story"]

OWNER = "acme"
PRE_BASIL = "2024-06-20"
OLD = "2020-08-27"
VERSIONS = ("2020-03-02", OLD, "2022-11-15", PRE_BASIL, "2025-03-31.basil", "2026-10-28.endive")

_CUSTOMER = "cus_acme"
_SUBSCRIPTION = "sub_acme"
_OPENING = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
_FIRST_RENEWAL = datetime(2026, 2, 5, 12, 0, tzinfo=UTC)
_CHANGE = datetime(2026, 2, 20, 12, 0, tzinfo=UTC)
_SECOND_RENEWAL = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
_NOTICE = datetime(2026, 3, 25, 12, 0, tzinfo=UTC)
_END = datetime(2026, 4, 5, 12, 0, tzinfo=UTC)

_new = Samples()

# What is sold -------------------------------------------------------------------------------------------------------------


def _terms(amount: str, kind: str, **others: str) -> dict[str, str]:
    return {CREDIT_AMOUNT: amount, CREDIT_TYPE: kind, **others}


_PACK = _new.product("prod_pack", "Credit pack", metadata=_terms("100", "payg"))
_STARTER = _new.product(
    "prod_starter",
    "Starter plan",
    metadata=_terms("50", "subscription", **{PLAN_TIER: "starter", FEATURE_FLAGS: "api"}),
)
_PRO = _new.product(
    "prod_pro",
    "Pro plan",
    metadata=_terms("200", "subscription", **{PLAN_TIER: "pro", FEATURE_FLAGS: "api, priority-support"}),
)
_BROKEN = _new.product("prod_mega", "Mega plan", metadata=_terms("1,000", "monthly"))

_PACK_PRICE = _new.price("price_pack", "prod_pack", 1000)
_STARTER_PRICE = _new.price("price_starter", "prod_starter", 1900, interval="month")
_PRO_PRICE = _new.price("price_pro", "prod_pro", 4900, interval="month")
_BROKEN_PRICE = _new.price("price_mega", "prod_mega", 9900, interval="month")

_TAX_RATE = {
    "id": "txr_1",
    "object": "tax_rate",
    "active": True,
    "created": _OPENING,
    "display_name": "VAT",
    "inclusive": False,
    "livemode": False,
    "percentage": 20,
}


class _Stripe:
    """Tells events, and numbers them."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def tell(self, kind: str, about: JsonObject, at: datetime, previous: JsonObject | None = None) -> JsonObject:
        """Return the next event."""
        return _new.event(kind, about, at, event_id=f"evt_demo_{next(self._numbers):03}", previous=previous)

    def paid(self, invoice: JsonObject, at: datetime) -> tuple[JsonObject, JsonObject, JsonObject]:
        """Return the three events that tell of one paid invoice: it is paid, it is paid, and its payment succeeded."""
        payment = _new.payment_intent(f"pi_{invoice['id']}", invoice["amount_paid"], customer=_CUSTOMER)
        return (
            self.tell("invoice.paid", invoice, at),
            self.tell("invoice.payment_succeeded", invoice, at),
            self.tell("payment_intent.succeeded", payment, at),
        )


def _agreement(price: JsonObject, period: tuple[datetime, datetime], **members: object) -> JsonObject:
    """Return the subscription as it is at one moment; nothing in it says whose it is, so the customer must."""
    return _new.subscription(_SUBSCRIPTION, _CUSTOMER, [(price, 1)], period, created=_START, start_date=_START, **members)


def _renewal(invoice_id: str, agreement: JsonObject, price: JsonObject, period: tuple[datetime, datetime]) -> JsonObject:
    """Return the invoice that pays one whole period of a subscription."""
    line = _new.line(f"il_{invoice_id}", price, period, subscription=_SUBSCRIPTION)
    reason = "subscription_create" if period[0] == _START else "subscription_cycle"
    return _new.invoice(invoice_id, agreement, [line], period[0], billing_reason=reason)


def _purchase(payment_id: str, quantity: int) -> JsonObject:
    """Return the payment for some credit packs; what it buys is frozen in its own metadata."""
    frozen = {
        ACCOUNT: OWNER,
        PURCHASE: f"order-{payment_id}",
        CREDIT_AMOUNT: "100",
        QUANTITY: str(quantity),
        PRODUCT: "prod_pack",
        PRICE: "price_pack",
    }
    return _new.payment_intent(payment_id, 1000 * quantity, customer=_CUSTOMER, metadata=frozen)


# What happens -------------------------------------------------------------------------------------------------------------


def story() -> tuple[Chapter, ...]:
    """Return the whole story; its events are the same every time."""
    stripe = _Stripe()
    return (
        _catalog(stripe),
        _packs(stripe),
        _beginning(stripe),
        _first_renewal(stripe),
        _plan_change(stripe),
        _second_renewal(stripe),
        _ending(stripe),
    )


def _deliver(*sent: Sent) -> Deliveries:
    return Deliveries(sent)


def _expect(**figures: object) -> Check:
    return Check({name.replace("_", " "): value for name, value in figures.items()})


def _catalog(stripe: _Stripe) -> Chapter:
    told = [stripe.tell("product.created", one, _OPENING) for one in (_PACK, _STARTER, _BROKEN)]
    priced = [stripe.tell("price.created", one, _OPENING) for one in (_PACK_PRICE, _STARTER_PRICE, _BROKEN_PRICE)]
    unknown = stripe.tell("tax_rate.created", _TAX_RATE, _OPENING)
    return Chapter(
        "What is sold",
        "The catalog comes from Stripe. A product whose metadata makes no sense is kept, reported, and grants nothing. "
        "An event that nobody here knows is stored and ignored.",
        (
            _deliver(
                Sent(priced[0]),  # before its product
                Sent(told[0]),
                Sent(told[1], PRE_BASIL),
                Sent(priced[1], OLD),
                Sent(told[1], PRE_BASIL),
                Sent(told[2]),
                Sent(priced[2]),
                Sent(unknown),
            ),
            Report(),
            _expect(products=3, problems_in_products=2, available=0, plan_tier="none"),
        ),
    )


def _packs(stripe: _Stripe) -> Chapter:
    one = stripe.tell("payment_intent.succeeded", _purchase("pi_one", 1), _OPENING + timedelta(hours=1))
    three = stripe.tell("payment_intent.succeeded", _purchase("pi_three", 3), _OPENING + timedelta(hours=2))
    forged = stripe.tell("payment_intent.succeeded", _purchase("pi_forged", 1000), _OPENING + timedelta(hours=2))
    return Chapter(
        "Credit packs",
        "acme buys one pack of 100 credits, then three more. Somebody forges a payment for a thousand.",
        (
            _deliver(Sent(three), Sent(one, OLD), Sent(three), Sent(one, OLD)),
            Forgery(Sent(forged)),
            _expect(payg_credits=400, subscription_credits=0, lots=2),
        ),
    )


def _beginning(stripe: _Stripe) -> Chapter:
    period = (_START, _FIRST_RENEWAL)
    customer = _new.customer(_CUSTOMER, email="billing@acme.example", metadata={ACCOUNT: OWNER})
    made = stripe.tell("customer.created", customer, _OPENING)
    agreed = _agreement(_STARTER_PRICE, period)
    created = stripe.tell("customer.subscription.created", _agreement(_STARTER_PRICE, period, status="incomplete"), _START)
    active = stripe.tell("customer.subscription.updated", agreed, _START, {"status": "incomplete"})
    paid, succeeded, payment = stripe.paid(_renewal("in_1", agreed, _STARTER_PRICE, period), _START)
    return Chapter(
        "A subscription begins",
        "The first month of the Starter plan is paid. Three events tell of one payment, and all of them come before "
        "anybody said who the customer is.",
        (
            _deliver(
                Sent(payment),
                Sent(succeeded),
                Sent(active, PRE_BASIL),
                Sent(paid, PRE_BASIL),
                Sent(created, OLD),
                Sent(made),
                Sent(paid, PRE_BASIL),
            ),
            _expect(payg_credits=400, subscription_credits=50, subscriptions="active", plan_tier="starter", features="api"),
            Spend(30, "job-1"),
            _expect(payg_credits=400, subscription_credits=20),
        ),
    )


def _first_renewal(stripe: _Stripe) -> Chapter:
    period = (_FIRST_RENEWAL, _SECOND_RENEWAL)
    agreed = _agreement(_STARTER_PRICE, period)
    before = {"items": _agreement(_STARTER_PRICE, (_START, _FIRST_RENEWAL))["items"]}
    moved = stripe.tell("customer.subscription.updated", agreed, _FIRST_RENEWAL, before)
    paid, succeeded, payment = stripe.paid(_renewal("in_2", agreed, _STARTER_PRICE, period), _FIRST_RENEWAL)
    return Chapter(
        "A month later",
        "The subscription renews: what was left of the first month expires, and a new month is granted.",
        (
            _deliver(Sent(succeeded, OLD), Sent(paid, OLD), Sent(payment, OLD), Sent(moved), Sent(moved)),
            _expect(payg_credits=400, subscription_credits=50, book_expired=20),
            Spend(10, "job-2"),
            _expect(payg_credits=400, subscription_credits=40),
        ),
    )


def _plan_change(stripe: _Stripe) -> Chapter:
    period = (_FIRST_RENEWAL, _SECOND_RENEWAL)
    product = stripe.tell("product.created", _PRO, _CHANGE - timedelta(days=1))
    price = stripe.tell("price.created", _PRO_PRICE, _CHANGE - timedelta(days=1))
    agreed = _agreement(_PRO_PRICE, period)
    before = {"items": _agreement(_STARTER_PRICE, period)["items"]}
    changed = stripe.tell("customer.subscription.updated", agreed, _CHANGE, before)
    rest = (_CHANGE, _SECOND_RENEWAL)
    unused = _new.line("il_3_unused", _STARTER_PRICE, rest, subscription=_SUBSCRIPTION, amount=-882, proration=True)
    remaining = _new.line("il_3_rest", _PRO_PRICE, rest, subscription=_SUBSCRIPTION, amount=2275, proration=True)
    invoice = _new.invoice("in_3", agreed, [unused, remaining], _CHANGE, billing_reason="subscription_update")
    paid, succeeded, payment = stripe.paid(invoice, _CHANGE)
    return Chapter(
        "A better plan",
        "In the middle of the month acme changes to the Pro plan: what is unused of the old plan becomes pay-as-you-go, "
        "and the new plan's credits come at once. The invoice arrives before the product that it sells.",
        (
            _deliver(Sent(paid), Sent(changed), Sent(price), Sent(succeeded), Sent(payment), Sent(product), Sent(changed)),
            _expect(
                payg_credits=440, subscription_credits=200, plan_tier="pro", features="api, priority-support", products=4
            ),
            Spend(250, "job-3"),
            Spend(250, "job-3"),
            _expect(payg_credits=390, subscription_credits=0),
            Refusal(1000, available=390),
        ),
    )


def _second_renewal(stripe: _Stripe) -> Chapter:
    period = (_SECOND_RENEWAL, _END)
    agreed = _agreement(_PRO_PRICE, period)
    before = {"items": _agreement(_PRO_PRICE, (_FIRST_RENEWAL, _SECOND_RENEWAL))["items"]}
    moved = stripe.tell("customer.subscription.updated", agreed, _SECOND_RENEWAL, before)
    paid, succeeded, payment = stripe.paid(_renewal("in_4", agreed, _PRO_PRICE, period), _SECOND_RENEWAL)
    return Chapter(
        "Another month",
        "The Pro plan renews. A free job is a job too: it is written down, and costs nothing.",
        (
            _deliver(Sent(moved, PRE_BASIL), Sent(payment), Sent(paid, PRE_BASIL), Sent(succeeded, PRE_BASIL)),
            Spend(50, "job-4"),
            Spend(0, "job-5"),
            _expect(payg_credits=390, subscription_credits=150),
        ),
    )


def _ending(stripe: _Stripe) -> Chapter:
    period = (_SECOND_RENEWAL, _END)
    leaving = {"cancel_at_period_end": True, "cancel_at": _END, "canceled_at": _NOTICE}
    noticed = stripe.tell(
        "customer.subscription.updated",
        _agreement(_PRO_PRICE, period, **leaving),
        _NOTICE,
        {"cancel_at_period_end": False, "cancel_at": None, "canceled_at": None},
    )
    gone = _agreement(_PRO_PRICE, period, **leaving, status="canceled", ended_at=_END)
    deleted = stripe.tell("customer.subscription.deleted", gone, _END)
    return Chapter(
        "The end",
        "acme cancels. The notice arrives after the end; what was paid for lasts to the end of the period, and then the "
        "plan's credits expire. What was bought in packs stays.",
        (
            _deliver(Sent(deleted, OLD), Sent(noticed), Sent(deleted, OLD)),
            Wait(_END + timedelta(days=1)),
            Check(_LAST),
        ),
    )


_LAST: Figures = {
    "payg credits": 390,
    "subscription credits": 0,
    "available": 390,
    "book issued": -900,  # 400 in packs, 50 + 50 + 200 + 200 of plans; the 40 that were converted went back and came again
    "book available": 390,
    "book held": 0,
    "book consumed": 340,
    "book expired": 170,
    "book revoked": 0,
    "sum of the books": 0,
    "lots": 7,
    "subscriptions": "canceled",
    "plan tier": "none",
    "features": "none",
    "products": 4,
    "problems in products": 2,
    "webhooks applied": 30,
    "webhooks ignored": 1,
    "webhooks deferred": 0,
    "webhooks failed": 0,
    "webhooks dead": 0,
}
