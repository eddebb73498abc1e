"""What cannot be ordered: the real SDK and a simulated Stripe say no, nothing is half done, and the intent says why."""

from datetime import UTC, datetime

import pytest
import stripe

from billing_adapters.memory import FixedClock, MemoryStore, SequentialIds
from billing_adapters.simulator import SimulatedStripe
from billing_adapters.stripe.gateway import StripeGateway
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_core import (
    Billing,
    IntentState,
    Invalid,
    NotForSale,
    ProviderDeclined,
    ProviderDenied,
    ProviderRefused,
    ProviderUnavailable,
    UnknownIntent,
    UnknownPrice,
)

KEY = "sk_test_orders"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PACK = {"credit_amount": "100", "credit_type": "payg"}
PLAN = {"credit_amount": "100", "credit_type": "subscription"}


class Shop:
    """A shop in front of a simulated Stripe, whose customer has a saved card."""

    def __init__(self, key=KEY):
        self.stripe = SimulatedStripe(seed=1, now=NOW)
        self.api = stripe.StripeClient(KEY, http_client=self.stripe.http_client()).v1
        http = self.stripe.http_client()
        self.gateway = StripeGateway(
            key, http_client=http, per_second=None, sleep=lambda _: None, now=lambda: self.stripe.now
        )
        self.billing = Billing(
            store=MemoryStore(),
            provider=StripeWebhooks(("whsec_none",)),
            gateway=self.gateway,
            clock=FixedClock(NOW),
            ids=SequentialIds(),
        )

    def price(self, metadata=PACK, **rest):
        product = self.api.products.create({"name": "Pack", "metadata": metadata})
        terms = {"currency": "usd", "unit_amount": 500, "product": product.id, **rest}
        return self.api.prices.create({name: value for name, value in terms.items() if value is not None})

    def monthly(self, **rest):
        return self.price(PLAN, recurring={"interval": "month"}, **rest)

    def card(self, name):
        return self.api.payment_methods.attach(name, {"customer": self.billing.checkout.customer("acme")}).id

    def paid(self):
        return [one.amount for one in self.api.charges.list().data if one.paid]


@pytest.fixture
def shop():
    opened = Shop()
    opened.billing.checkout.customer("acme")
    return opened


def state_of(shop, key="order-1"):
    return shop.billing.checkout.intent("acme", key).state


# Before anybody is asked --------------------------------------------------------------------------------------------------

NOT_FOR_SALE = {
    "an unknown price": (lambda _: "price_unknown", 1, UnknownPrice),
    "an archived product": (lambda shop: archived(shop, "products", "product"), 1, NotForSale),
    "an archived price": (lambda shop: archived(shop, "prices", "id"), 1, NotForSale),
    "a price without an amount": (
        lambda shop: shop.price(unit_amount=None, custom_unit_amount={"enabled": True}).id,
        1,
        NotForSale,
    ),
    "half a cent": (lambda shop: shop.price(unit_amount=None, unit_amount_decimal="0.5").id, 1, NotForSale),
    "a quantity of zero": (lambda shop: shop.price().id, 0, Invalid),
    "a negative quantity": (lambda shop: shop.price().id, -1, Invalid),
    "more than can be": (lambda shop: shop.price().id, 1_000_000, Invalid),
}


def archived(shop, kind, member):
    price = shop.price()
    getattr(shop.api, kind).update(getattr(price, member), {"active": False})
    return price.id


@pytest.mark.parametrize("what", NOT_FOR_SALE)
def test_what_is_not_for_sale_is_refused_here(shop, what):
    make, quantity, refusal = NOT_FOR_SALE[what]
    price = make(shop)
    shop.billing.catalog.sync()

    with pytest.raises(refusal):
        shop.billing.checkout.pay("acme", price, quantity, key="order-1")

    with pytest.raises(UnknownIntent):
        state_of(shop)
    assert shop.api.payment_intents.list().data == []


# By the provider ----------------------------------------------------------------------------------------------------------


def test_a_declined_card_takes_nothing_and_grants_nothing(shop):
    price, card = shop.price().id, shop.card("pm_card_chargeCustomerFail")
    shop.billing.catalog.sync()

    for _ in range(2):  # and is not tried again
        with pytest.raises(ProviderDeclined):
            shop.billing.checkout.charge("acme", price, payment_method=card, key="order-1")

    assert state_of(shop) is IntentState.DECLINED
    assert (shop.paid(), len(shop.api.charges.list().data), shop.billing.credits.balance("acme").available) == ([], 1, 0)


def test_a_card_whose_owner_must_be_there_is_declined_while_nobody_is(shop):
    price, card = shop.price().id, shop.card("pm_card_authenticationRequired")
    shop.billing.catalog.sync()

    with pytest.raises(ProviderDeclined) as refused:
        shop.billing.checkout.charge("acme", price, payment_method=card, key="order-1")

    assert refused.value.code == "authentication_required"
    assert (state_of(shop), shop.paid()) == (IntentState.DECLINED, [])


def test_without_a_saved_card_nothing_is_charged(shop):
    price = shop.price().id
    shop.billing.catalog.sync()

    with pytest.raises(ProviderRefused) as refused:
        shop.billing.checkout.charge("acme", price, key="order-1")

    assert refused.value.code == "payment_method_missing"
    assert state_of(shop) is IntentState.REFUSED


def test_a_subscription_keeps_its_currency(shop):
    usd, eur = shop.monthly().id, shop.monthly(currency="eur").id
    shop.billing.catalog.sync()
    begun = shop.billing.subscriptions.create("acme", usd)

    with pytest.raises(ProviderRefused):
        shop.billing.subscriptions.change("acme", begun.id, eur, key="order-1")

    (stays,) = shop.billing.subscriptions.of("acme")
    assert ([item.price for item in stays.items], state_of(shop)) == ([usd], IntentState.REFUSED)


def test_a_subscription_that_is_canceled_already_stays_so(shop):
    price = shop.monthly().id
    shop.billing.catalog.sync()
    begun = shop.billing.subscriptions.create("acme", price)
    shop.api.subscriptions.cancel(begun.id)

    ended = shop.billing.subscriptions.cancel("acme", begun.id, now=True, key="order-1")

    assert ended.status in {"canceled", "incomplete_expired"}
    with pytest.raises(ProviderRefused):
        shop.billing.subscriptions.pause("acme", begun.id, key="order-2")
    assert (state_of(shop), state_of(shop, "order-2")) == (IntentState.DONE, IntentState.REFUSED)


def test_a_deleted_customer_pays_nothing(shop):
    price = shop.price().id
    shop.billing.catalog.sync()
    shop.api.customers.delete(shop.billing.checkout.customer("acme"))

    with pytest.raises(ProviderRefused):
        shop.billing.checkout.pay("acme", price, key="order-1")

    assert (state_of(shop), shop.api.payment_intents.list().data) == (IntentState.REFUSED, [])


# No answer, and no key ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["refuse_connection", "time_out", "answer_html", "fail"])
def test_without_an_answer_the_order_is_open_and_made_once_in_the_end(shop, fault):
    price = shop.price().id
    shop.billing.catalog.sync()
    getattr(shop.stripe.faults, fault)("POST", "/v1/payment_intents", times=3)  # as often as the SDK tries

    with pytest.raises(ProviderUnavailable):
        shop.billing.checkout.pay("acme", price, key="order-1")
    before = state_of(shop)
    placed = shop.billing.checkout.pay("acme", price, key="order-1")

    assert (before, state_of(shop)) == (IntentState.OPEN, IntentState.DONE)
    assert [one.id for one in shop.api.payment_intents.list().data] == [placed.id]


def test_a_revoked_key_orders_nothing(shop):
    price = shop.price().id
    shop.billing.catalog.sync()
    shop.stripe.revoke_key(KEY)

    with pytest.raises(ProviderDenied) as refused:
        shop.billing.checkout.pay("acme", price, key="order-1")

    assert state_of(shop) is IntentState.OPEN  # it is made when the key is mended
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("key", ["", "pk_test_public", "whsec_of_a_webhook", "anything"])
def test_what_is_no_key_opens_no_gateway(key):
    with pytest.raises(Invalid) as refused:
        Shop(key)

    assert not key or key not in str(refused.value)
