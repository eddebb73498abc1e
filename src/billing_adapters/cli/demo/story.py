"""The story: a customer from the first credit pack to the end of the subscription.

What happens is done at the simulated Stripe, by the shop, by its customer and by the clock; every event is Stripe's own.
However its webhooks are delivered, the figures must be the same.
"""

from datetime import UTC, datetime, timedelta

from billing_adapters.cli.demo.provider import Provider
from billing_adapters.cli.demo.steps import (
    Asks,
    Chapter,
    Check,
    Deliver,
    Figures,
    Forgery,
    Happens,
    Refusal,
    Report,
    Spend,
    Wait,
)
from billing_core.billing import Billing
from billing_core.domain.customers import ACCOUNT
from billing_core.domain.payments import PRICE, PRODUCT, PURCHASE, QUANTITY
from billing_core.domain.products import CREDIT_AMOUNT, CREDIT_TYPE, FEATURE_FLAGS, PLAN_TIER

__all__ = ["OPENING", "OWNER", "story"]

OWNER = "acme"
OPENING = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

_START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
_CHANGE = datetime(2026, 2, 20, 12, 0, tzinfo=UTC)
_NOTICE = datetime(2026, 3, 25, 12, 0, tzinfo=UTC)
_END = datetime(2026, 4, 5, 12, 0, tzinfo=UTC)
_DRAFT = timedelta(hours=1)  # a renewal's invoice is a draft for so long before it is charged
_FIRST_RENEWAL = datetime(2026, 2, 5, 12, 0, tzinfo=UTC) + _DRAFT
_SECOND_RENEWAL = datetime(2026, 3, 5, 12, 0, tzinfo=UTC) + _DRAFT

_THANKS = "https://acme.example/thanks"


def story() -> tuple[Chapter, ...]:
    """Return the whole story."""
    return (
        _catalog(),
        _packs(),
        _beginning(),
        _first_renewal(),
        _plan_change(),
        _second_renewal(),
        _ending(),
    )


def _expect(**figures: object) -> Check:
    return Check({name.replace("_", " "): value for name, value in figures.items()})


# What the shop and its customer do at Stripe ------------------------------------------------------------------------------


def _sell(provider: Provider, product: str, name: str, terms: dict[str, str], amount: int, *, monthly: bool = True) -> None:
    v1 = provider.client.v1
    v1.products.create({"id": product, "name": name, "metadata": terms})
    if monthly:
        v1.prices.create({"product": product, "currency": "usd", "unit_amount": amount, "recurring": {"interval": "month"}})
    else:
        v1.prices.create({"product": product, "currency": "usd", "unit_amount": amount})


def _terms(amount: str, kind: str, **others: str) -> dict[str, str]:
    return {CREDIT_AMOUNT: amount, CREDIT_TYPE: kind, **others}


def _offer(provider: Provider) -> None:
    starter = _terms("50", "subscription", **{PLAN_TIER: "starter", FEATURE_FLAGS: "api"})
    _sell(provider, "prod_pack", "Credit pack", _terms("100", "payg"), 1000, monthly=False)
    _sell(provider, "prod_starter", "Starter plan", starter, 1900)
    _sell(provider, "prod_mega", "Mega plan", _terms("1,000", "monthly"), 9900)
    provider.client.v1.coupons.create({"percent_off": 20, "duration": "once"})


def _offer_more(provider: Provider) -> None:
    pro = _terms("200", "subscription", **{PLAN_TIER: "pro", FEATURE_FLAGS: "api, priority-support"})
    _sell(provider, "prod_pro", "Pro plan", pro, 4900)


def _confirm(provider: Provider) -> None:
    """Pay what was ordered last, in the customer's browser."""
    [payment] = provider.client.v1.payment_intents.list({"limit": 1}).data
    provider.client.v1.payment_intents.confirm(payment.id, {"payment_method": "pm_card_visa", "return_url": _THANKS})


def _pay_page(provider: Provider) -> None:
    """Pay on the page that was opened last."""
    [page] = provider.client.v1.checkout.sessions.list({"limit": 1}).data
    provider.stripe.pay(page.id, "4242 4242 4242 4242")


def _forge(forger: Provider) -> None:
    """Pay for a thousand packs, to oneself."""
    bought = {ACCOUNT: OWNER, PURCHASE: "order-forged", CREDIT_AMOUNT: "100", QUANTITY: "1000"}
    forger.client.v1.payment_intents.create({
        "amount": 1_000_000,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "return_url": _THANKS,
        "metadata": {**bought, PRODUCT: "prod_pack", PRICE: "price_pack"},
    })


# What the application does ------------------------------------------------------------------------------------------------


def _sync(billing: Billing) -> None:
    billing.catalog.sync()


def _price(billing: Billing, product: str) -> str:
    [price] = billing.catalog.prices(product)
    return price.id


def _order_pack(billing: Billing) -> None:
    billing.checkout.pay(OWNER, _price(billing, "prod_pack"), key="order-1")


def _open_page(product: str, quantity: int, key: str) -> Asks:
    def do(billing: Billing) -> None:
        billing.checkout.page(OWNER, _price(billing, product), quantity, success_url=_THANKS, key=key)

    return Asks(do)


def _change_plan(billing: Billing) -> None:
    [agreed] = billing.subscriptions.of(OWNER)
    billing.subscriptions.change(OWNER, agreed.id, _price(billing, "prod_pro"), key="plan-2")


def _cancel(billing: Billing) -> None:
    [agreed] = billing.subscriptions.of(OWNER)
    billing.subscriptions.cancel(OWNER, agreed.id)


# What happens -------------------------------------------------------------------------------------------------------------


def _catalog() -> Chapter:
    return Chapter(
        "What is sold",
        "The catalog comes from Stripe. A product whose metadata makes no sense is kept, reported, and grants nothing. "
        "An event that nobody here knows is stored and ignored.",
        (
            Happens(_offer),
            Asks(_sync),
            Deliver(),
            Report(),
            _expect(products=3, problems_in_products=2, available=0, plan_tier="none"),
        ),
    )


def _packs() -> Chapter:
    return Chapter(
        "Credit packs",
        "acme buys one pack of 100 credits by card, then three more on Stripe's page. Somebody forges a payment for a "
        "thousand.",
        (
            Wait(OPENING + timedelta(hours=1)),
            Asks(_order_pack),
            Happens(_confirm),
            _open_page("prod_pack", 3, "order-2"),
            Happens(_pay_page),
            Deliver(),
            Forgery(_forge),
            _expect(payg_credits=400, subscription_credits=0, lots=2),
        ),
    )


def _beginning() -> Chapter:
    return Chapter(
        "A subscription begins",
        "The first month of the Starter plan is paid on Stripe's page. Several events tell of one payment, and grant once.",
        (
            Wait(_START),
            _open_page("prod_starter", 1, "plan-1"),
            Happens(_pay_page),
            Deliver(),
            _expect(payg_credits=400, subscription_credits=50, subscriptions="active", plan_tier="starter", features="api"),
            Spend(30, "job-1"),
            _expect(payg_credits=400, subscription_credits=20),
        ),
    )


def _first_renewal() -> Chapter:
    return Chapter(
        "A month later",
        "The subscription renews: what was left of the first month expires, and a new month is granted.",
        (
            Wait(_FIRST_RENEWAL),
            Deliver(),
            _expect(payg_credits=400, subscription_credits=50, book_expired=20),
            Spend(10, "job-2"),
            _expect(payg_credits=400, subscription_credits=40),
        ),
    )


def _plan_change() -> Chapter:
    return Chapter(
        "A better plan",
        "In the middle of the month acme changes to the Pro plan, which is new: what is unused of the old plan becomes "
        "pay-as-you-go, and the new plan's credits come as soon as the difference is paid.",
        (
            Wait(_CHANGE),
            Happens(_offer_more),
            Asks(_sync),
            Asks(_change_plan),
            Deliver(),
            _expect(
                payg_credits=440, subscription_credits=200, plan_tier="pro", features="api, priority-support", products=4
            ),
            Spend(250, "job-3"),
            Spend(250, "job-3"),
            _expect(payg_credits=390, subscription_credits=0),
            Refusal(1000, available=390),
        ),
    )


def _second_renewal() -> Chapter:
    return Chapter(
        "Another month",
        "The Pro plan renews. A free job is a job too: it is written down, and costs nothing.",
        (
            Wait(_SECOND_RENEWAL),
            Deliver(),
            Spend(50, "job-4"),
            Spend(0, "job-5"),
            _expect(payg_credits=390, subscription_credits=150),
        ),
    )


def _ending() -> Chapter:
    return Chapter(
        "The end",
        "acme cancels. The notice is delayed until after the end; what was paid for lasts to the end of the period, and "
        "then the plan's credits expire. What was bought in packs stays.",
        (
            Wait(_NOTICE),
            Asks(_cancel),
            Wait(_END + timedelta(days=1)),
            Deliver(),
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
    "webhooks applied": 36,
    "webhooks ignored": 1,
    "webhooks deferred": 0,
    "webhooks failed": 0,
    "webhooks dead": 0,
}
