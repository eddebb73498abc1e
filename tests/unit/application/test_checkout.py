"""Checkout: how an account comes to pay."""

from decimal import Decimal

import pytest

from billing_core.domain.customers import Customer, Link
from billing_core.domain.mirrors import Phase, snapshot
from billing_core.domain.money import Money
from billing_core.domain.orders import CreateCustomer, OpenCheckout, OpenPortal, Placed, SaveCard, TakePayment
from billing_core.domain.payments import Payment, Purchase
from billing_core.domain.products import Interval, Recurring
from billing_core.domain.webhooks import RecordCustomer, RecordPayment
from billing_core.errors import Invalid, NotForSale, ProductQuarantined, ProviderDeclined, UnknownPrice, UnknownProduct

PAYMENT = Placed(id="pi_1", status="requires_payment_method", secret="pi_1_secret")
PAGE = Placed(id="cs_1", status="open", url="https://pay.example/cs_1")
RETURN = "https://shop.example/back"


@pytest.fixture
def selling(shop):
    """Open a shop that sells packs of 100 credits for 5 dollars, and a plan."""
    shop.receive(shop.customer())
    shop.receive(shop.product("prod_pack", credit_type="payg", name="Pack"), shop.product())
    shop.receive(shop.price("price_pack", "prod_pack", cents=500, recurring=None), shop.price())
    return shop


@pytest.fixture
def checkout(selling):
    return selling.billing.checkout


def ordered(shop):
    return [order for order, _ in shop.gateway.asked]


def paid(shop, number="order-1", quantity="2"):
    """Return the news of a payment for packs."""
    bought = Purchase(number, "100", quantity, "prod_pack", "price_pack")
    payment = Payment("pi_1", Money(1000, "usd"), shop.clock.now(), customer="cus_1", account="acme", purchase=bought)
    return RecordPayment(payment)


# Customers ----------------------------------------------------------------------------------------------------------------


def made(shop, customer="cus_1"):
    value = Customer(customer, Link(shop.clock.now(), "acme"))
    return Placed(id=customer, news=(RecordCustomer(snapshot(value, shop.clock.now(), Phase.CREATED)),))


def test_an_account_without_a_customer_gets_one(shop):
    shop.gateway.answers = [made(shop)]

    customer = shop.billing.checkout.customer("acme", email="ann@acme.example", name="Acme")

    assert customer == "cus_1"
    assert ordered(shop) == [CreateCustomer(account="acme", email="ann@acme.example", name="Acme")]
    assert [one.id for one in shop.billing.customers.of("acme")] == ["cus_1"]


def test_an_account_keeps_its_customer(shop):
    shop.gateway.answers = [made(shop)]
    shop.billing.checkout.customer("acme")

    assert shop.billing.checkout.customer("acme", email="other@acme.example") == "cus_1"
    assert len(shop.gateway.asked) == 1


def test_two_who_ask_for_the_first_customer_at_once_ask_under_one_key(shop):
    def meanwhile(_order, _key):
        shop.gateway.answers = [made(shop)]
        shop.billing.checkout.customer("acme")
        return made(shop)

    shop.gateway.answers = [meanwhile]

    assert shop.billing.checkout.customer("acme") == "cus_1"
    (_, first), (_, second) = shop.gateway.asked
    assert first == second


def test_after_a_customer_was_deleted_there_is_a_new_one(shop):
    shop.receive(shop.customer(deleted=True, phase=Phase.DELETED))
    shop.gateway.answers = [made(shop, "cus_2")]

    assert shop.billing.checkout.customer("acme") == "cus_2"


@pytest.mark.parametrize("account", ["", " acme", "a" * 300])
def test_no_customer_is_created_for_an_account_that_cannot_be(shop, account):
    with pytest.raises(Invalid):
        shop.billing.checkout.customer(account)

    assert shop.gateway.asked == []


# Packs --------------------------------------------------------------------------------------------------------------------


def test_a_payment_freezes_what_is_bought(checkout, selling):
    selling.gateway.answers = [PAYMENT]

    placed = checkout.pay("acme", "price_pack", 3, key="order-1")

    assert placed == PAYMENT
    assert ordered(selling) == [
        TakePayment(
            customer="cus_1",
            amount_minor=1500,
            currency="usd",
            description="Pack",
            metadata={
                "billing_account": "acme",
                "billing_purchase": "order-1",
                "credit_amount": "100",
                "price": "price_pack",
                "product": "prod_pack",
                "quantity": "3",
            },
        )
    ]
    assert selling.balance() == {}


def test_a_product_that_grants_nothing_is_sold_without_a_purchase_of_credits(checkout, selling):
    selling.receive(selling.product("prod_hat", amount=None))
    selling.receive(selling.price("price_hat", "prod_hat", recurring=None))
    selling.gateway.answers = [PAYMENT]

    checkout.pay("acme", "price_hat")

    (order,) = ordered(selling)
    assert {**order.metadata} == {
        "billing_account": "acme",
        "price": "price_hat",
        "product": "prod_hat",
        "quantity": "1",
    }


def test_a_saved_card_is_charged_while_nobody_is_there_and_the_credits_come_at_once(checkout, selling):
    selling.gateway.answers = [Placed(id="pi_1", status="succeeded", payment="pi_1", news=(paid(selling),))]

    checkout.charge("acme", "price_pack", 2, payment_method="pm_1", key="order-1")

    (order,) = ordered(selling)
    assert (order.off_session, order.payment_method, order.amount_minor) == (True, "pm_1", 1000)
    assert selling.balance() == {"payg": 200}


def test_the_webhook_of_what_was_charged_grants_nothing_more(checkout, selling):
    selling.gateway.answers = [Placed(id="pi_1", payment="pi_1", news=(paid(selling),))]
    checkout.charge("acme", "price_pack", 2)

    selling.receive(paid(selling))

    assert selling.balance() == {"payg": 200}


def test_a_declined_charge_grants_nothing(checkout, selling):
    selling.gateway.answers = [ProviderDeclined("card_declined", "Your card was declined.", "pi_1")]

    with pytest.raises(ProviderDeclined):
        checkout.charge("acme", "price_pack")

    assert selling.balance() == {}


def test_an_edited_product_changes_nothing_about_an_order_that_is_asked_for_again(checkout, selling):
    selling.gateway.answers = [PAYMENT]
    selling.gateway.objects = {"pi_1": PAYMENT}
    checkout.pay("acme", "price_pack", key="order-1")
    selling.receive(selling.product("prod_pack", amount="999", credit_type="payg", day=1))

    assert checkout.pay("acme", "price_pack", key="order-1") == PAYMENT
    assert len(selling.gateway.asked) == 1


NOT_SOLD = {
    "an unknown price": ({}, {}, UnknownPrice),
    "an archived product": ({"active": False}, {"recurring": None}, NotForSale),
    "a deleted product": ({"deleted": True}, {"recurring": None}, NotForSale),
    "an archived price": ({}, {"recurring": None, "active": False}, NotForSale),
    "a deleted price": ({}, {"recurring": None, "deleted": True}, NotForSale),
    "a price of a period": ({"credit_type": "subscription"}, {}, NotForSale),
    "a price for a period on pay-as-you-go": ({}, {}, ProductQuarantined),
    "metadata that cannot be read": ({"amount": "many"}, {"recurring": None}, ProductQuarantined),
    "what was used": ({"amount": None}, {"recurring": Recurring(Interval.MONTH, metered=True)}, NotForSale),
    "no amount": ({}, {"recurring": None, "cents": None}, NotForSale),
    "half a cent": ({}, {"recurring": None, "cents": Decimal("0.5")}, NotForSale),
    "nothing": ({}, {"recurring": None, "cents": 0}, NotForSale),
}


@pytest.mark.parametrize("what", NOT_SOLD)
def test_what_cannot_be_bought_is_refused_and_nothing_is_ordered(selling, what):
    product, price, refusal = NOT_SOLD[what]
    selling.receive(selling.product("prod_odd", **{"credit_type": "payg", **product}))
    if what != "an unknown price":
        selling.receive(selling.price("price_odd", "prod_odd", **price))

    with pytest.raises(refusal):
        selling.billing.checkout.pay("acme", "price_odd")

    assert selling.gateway.asked == []
    assert selling.billing.checkout.resume() == []


def test_a_price_whose_product_has_not_come_is_not_for_sale_yet(checkout, selling):
    selling.receive(selling.price("price_early", "prod_late", recurring=None))

    with pytest.raises(UnknownProduct):
        checkout.pay("acme", "price_early")


@pytest.mark.parametrize("quantity", [0, -1, 1_000_000, 1.5, True, "2"])
def test_a_quantity_that_cannot_be_is_refused(checkout, selling, quantity):
    with pytest.raises(Invalid, match="quantity"):
        checkout.pay("acme", "price_pack", quantity)

    assert selling.gateway.asked == []


# Pages --------------------------------------------------------------------------------------------------------------------


def test_a_page_for_a_pack_names_what_it_sells(checkout, selling):
    selling.gateway.answers = [PAGE]

    placed = checkout.page("acme", "price_pack", 2, success_url=RETURN, cancel_url=RETURN, codes=True, key="order-1")

    (order,) = ordered(selling)
    assert placed.url == "https://pay.example/cs_1"
    assert (order.customer, order.price, order.quantity, order.recurring) == ("cus_1", "price_pack", 2, False)
    assert (order.success_url, order.cancel_url, order.codes) == (RETURN, RETURN, True)
    assert order.metadata["billing_purchase"] == "order-1"


def test_a_page_for_a_plan_names_whose_the_subscription_will_be(checkout, selling):
    selling.gateway.answers = [PAGE]

    checkout.page("acme", "price_pro", success_url=RETURN, trial_days=14, coupon="HALF")

    (order,) = ordered(selling)
    assert order == OpenCheckout(
        customer="cus_1",
        price="price_pro",
        recurring=True,
        success_url=RETURN,
        trial_days=14,
        coupon="HALF",
        metadata={"billing_account": "acme"},
    )


@pytest.mark.parametrize(
    "odd",
    [
        {"success_url": "shop.example"},
        {"cancel_url": "javascript:alert(1)"},
        {"trial_days": 3},
        {"coupon": "HALF", "codes": True},
        {"coupon": "HALF", "promotion_code": "promo_1"},
    ],
)
def test_a_page_that_cannot_be_is_refused(checkout, selling, odd):
    with pytest.raises(Invalid):
        checkout.page("acme", "price_pack", **{"success_url": RETURN, **odd})

    assert selling.gateway.asked == []


def test_who_comes_back_from_a_page_that_is_paid_has_the_credits(checkout, selling):
    selling.gateway.objects = {"cs_1": Placed(id="cs_1", status="complete", payment="pi_1", news=(paid(selling),))}

    checkout.returned("cs_1")
    checkout.returned("cs_1")
    selling.receive(paid(selling))

    assert selling.balance() == {"payg": 200}


def test_who_comes_back_without_paying_has_none(checkout, selling):
    selling.gateway.objects = {"cs_1": PAGE}

    assert checkout.returned("cs_1") == PAGE
    assert selling.balance() == {}


def test_what_a_page_tells_too_early_waits_for_its_webhook(checkout, selling):
    stranger = Payment("pi_9", Money(1, "usd"), selling.clock.now(), customer="cus_9", purchase=Purchase("order-9", "1"))
    selling.gateway.objects = {"cs_9": Placed(id="cs_9", news=(RecordPayment(stranger),))}

    assert checkout.returned("cs_9").id == "cs_9"
    assert selling.billing.payments.of("acme") == []


def test_news_that_cannot_be_kept_does_not_keep_the_order_from_being_done(checkout, selling):
    stranger = Payment("pi_9", Money(1, "usd"), selling.clock.now(), customer="cus_9", purchase=Purchase("order-9", "1"))
    selling.gateway.answers = [Placed(id="pi_9", news=(RecordPayment(stranger),))]

    checkout.charge("acme", "price_pack", key="order-1")

    assert checkout.intent("acme", "order-1").placed == "pi_9"


def test_the_portal_is_opened_anew_each_time(checkout, selling):
    selling.gateway.answers = [
        Placed(id="bps_1", url="https://portal.example/1"),
        Placed(id="bps_2", url="https://portal.example/2"),
    ]

    urls = [checkout.portal("acme", return_url=RETURN).url for _ in range(2)]

    assert urls == ["https://portal.example/1", "https://portal.example/2"]
    assert ordered(selling) == [OpenPortal(customer="cus_1", return_url=RETURN)] * 2


def test_a_card_is_saved_with_a_secret(checkout, selling):
    selling.gateway.answers = [Placed(id="seti_1", secret="seti_1_secret")]

    assert checkout.save_card("acme").secret == "seti_1_secret"
    assert ordered(selling) == [SaveCard(customer="cus_1")]


def test_no_secret_is_shown_or_kept(checkout, selling):
    selling.gateway.answers = [PAYMENT]

    placed = checkout.pay("acme", "price_pack", key="order-1")

    assert "secret" not in repr(placed)
    assert "pi_1_secret" not in repr(checkout.intent("acme", "order-1"))
