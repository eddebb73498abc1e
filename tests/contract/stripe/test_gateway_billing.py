"""What Stripe answers is kept by the library as if its webhook had come: the credits are there, once."""

from datetime import UTC, datetime, timedelta

import pytest
from scripted_stripe import error, gateway, listed

from billing_adapters.memory import FixedClock, MemoryStore, SequentialIds
from billing_adapters.stripe.samples import Samples, body, sign
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_core import Applied, Billing
from billing_core.domain.intents import IntentState
from billing_core.errors import ProviderDeclined, ProviderUnavailable

SECRET = "whsec_1"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MONTH = (NOW, NOW + timedelta(days=31))

samples = Samples()
PACK = samples.product("prod_pack", "Pack", metadata={"credit_amount": "100", "credit_type": "payg"})
PLAN = samples.product(
    "prod_plan", "Plan", metadata={"credit_amount": "50", "credit_type": "subscription", "plan_tier": "pro"}
)
PACK_PRICE = samples.price("price_pack", "prod_pack", 1000)
PLAN_PRICE = samples.price("price_plan", "prod_plan", 900, interval="month")
CUSTOMER = samples.customer("cus_1", created=NOW, metadata={"billing_account": "acme"})


class Shop:
    """A billing that knows a pack and a plan, and whose Stripe is a script."""

    def __init__(self):
        self.gateway, self.script = gateway(None, now=lambda: NOW)
        self.clock = FixedClock(NOW)
        self.billing = Billing(
            store=MemoryStore(),
            provider=StripeWebhooks([SECRET]),
            clock=self.clock,
            ids=SequentialIds(),
            gateway=self.gateway,
        )
        for about in (PACK, PLAN, PACK_PRICE, PLAN_PRICE):
            assert self.hear(f"{about['object']}.created", about) == Applied(f"evt_{about['id']}")
        self.script.answers = [listed(), CUSTOMER]
        self.billing.checkout.customer("acme")

    def hear(self, kind, about):
        content = body(samples.event(kind, about, NOW, event_id=f"evt_{about['id']}"))
        return self.billing.webhooks.receive(content, sign(content, SECRET, self.clock.now()))

    def balance(self):
        return self.billing.credits.balance("acme").available


@pytest.fixture
def shop():
    return Shop()


def bought(sent):
    """Return the payment that a request asks for, which succeeded at once."""
    metadata = {name[len("metadata[") : -1]: value for name, value in sent.form.items() if name.startswith("metadata[")}
    return samples.payment_intent("pi_1", 1000, customer="cus_1", created=NOW, metadata=metadata)


def test_a_charge_that_succeeds_brings_its_credits_before_and_after_the_webhook(shop):
    shop.script.answers = [bought]

    shop.billing.checkout.charge("acme", "price_pack", payment_method="pm_1", key="first")
    at_once = shop.balance()
    shop.hear("payment_intent.succeeded", bought(shop.script.sent[-1]))

    assert (at_once, shop.balance()) == (100, 100)


def test_a_charge_that_is_declined_stays_declined(shop):
    refusal = {
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "message": "Your card has insufficient funds.",
    }
    shop.script.answers = [error("card_error", 402, **refusal, payment_intent={"id": "pi_1"})]

    for _ in range(2):
        with pytest.raises(ProviderDeclined, match="insufficient_funds"):
            shop.billing.checkout.charge("acme", "price_pack", payment_method="pm_1", key="first")

    intent = shop.billing.checkout.intent("acme", "first")
    assert (intent.state, intent.placed) == (IntentState.DECLINED, "pi_1")
    assert shop.balance() == 0


def test_a_charge_without_an_answer_is_made_once_when_it_is_resumed(shop):
    shop.script.answers = [error("api_error", 500)]
    with pytest.raises(ProviderUnavailable):
        shop.billing.checkout.charge("acme", "price_pack", payment_method="pm_1", key="first")
    lost = shop.script.sent[-1]

    shop.script.answers = [bought]
    shop.clock.advance(timedelta(hours=1))
    (intent,) = shop.billing.checkout.resume()

    again = shop.script.sent[-1]
    assert (again.form, again.key) == (lost.form, lost.key)
    assert (intent.state, shop.balance()) == (IntentState.DONE, 100)


def test_a_charge_without_an_answer_is_looked_for_when_the_key_is_forgotten(shop):
    shop.script.answers = [error("api_error", 500)]
    with pytest.raises(ProviderUnavailable):
        shop.billing.checkout.charge("acme", "price_pack", payment_method="pm_1", key="first")
    made = bought(shop.script.sent[-1])

    shop.script.answers = [listed(made), made]
    shop.clock.advance(timedelta(days=2))
    (intent,) = shop.billing.checkout.resume()

    assert [sent.method for sent in shop.script.sent[-2:]] == ["GET", "GET"]
    assert (intent.state, intent.placed, shop.balance()) == (IntentState.DONE, "pi_1", 100)


def test_a_page_that_was_subscribed_on_brings_plan_and_credits_before_any_webhook(shop):
    agreement = samples.subscription(
        "sub_1", "cus_1", [(PLAN_PRICE, 1)], MONTH, metadata={"billing_account": "acme"}, latest_invoice="in_1"
    )
    paid = samples.invoice(
        "in_1",
        agreement,
        [samples.line("il_1", PLAN_PRICE, MONTH, subscription="sub_1")],
        NOW,
        billing_reason="subscription_create",
    )
    page = {"object": "checkout.session", "id": "cs_test_1", "livemode": False, "status": "complete"}
    shop.script.answers = [{**page, "subscription": agreement, "invoice": paid}]

    shop.billing.checkout.returned("cs_test_1")
    at_once = shop.balance()
    shop.hear("customer.subscription.created", agreement)
    shop.hear("invoice.paid", paid)

    assert (at_once, shop.balance()) == (50, 50)
    assert shop.billing.entitlements.of("acme").plan_tier == "pro"
