"""Sending back: refunds that an account asks for."""

import pytest

from billing_core.domain.money import Money
from billing_core.domain.orders import IssuedInvoice, Placed, RefundPayment
from billing_core.errors import CurrencyMismatch, Invalid, ProviderRefused, UnknownPayment


@pytest.fixture
def payments(shop):
    """Return the payments of a shop in which an account paid 5 dollars for credits."""
    shop.receive(shop.customer())
    shop.receive(shop.payment())
    return shop.billing.payments


def ordered(shop):
    return [order for order, _ in shop.gateway.asked]


def test_all_that_is_left_of_a_payment_is_sent_back(payments, shop):
    shop.gateway.answers = [Placed(id="re_1", status="succeeded")]

    placed = payments.refund("acme", "pi_1", reason="requested_by_customer")

    assert placed.id == "re_1"
    assert ordered(shop) == [RefundPayment(payment="pi_1", reason="requested_by_customer")]


def test_a_part_is_sent_back(payments, shop):
    shop.gateway.answers = [Placed(id="re_1")]

    payments.refund("acme", "pi_1", Money(200, "usd"))

    assert ordered(shop) == [RefundPayment(payment="pi_1", amount_minor=200)]


def test_the_same_key_sends_back_once(payments, shop):
    shop.gateway.answers = [Placed(id="re_1")]
    shop.gateway.objects = {"re_1": Placed(id="re_1", status="succeeded")}
    payments.refund("acme", "pi_1", Money(200, "usd"), key="sorry")

    payments.refund("acme", "pi_1", Money(200, "usd"), key="sorry")

    assert len(shop.gateway.asked) == 1


@pytest.mark.parametrize(
    ("account", "payment", "amount", "refusal"),
    [
        ("acme", "pi_9", None, UnknownPayment),
        ("globex", "pi_1", None, UnknownPayment),
        ("acme", "pi_1", Money(200, "eur"), CurrencyMismatch),
        ("acme", "pi_1", Money(0, "usd"), Invalid),
        ("acme", "pi_1", Money(-5, "usd"), Invalid),
    ],
)
def test_what_cannot_be_sent_back_is_refused_and_nothing_is_ordered(payments, shop, account, payment, amount, refusal):
    with pytest.raises(refusal):
        payments.refund(account, payment, amount)

    assert shop.gateway.asked == []


def test_more_than_is_left_is_refused_by_the_provider(payments, shop):
    shop.gateway.answers = [ProviderRefused("charge_already_refunded", "Nothing is left of it.")]

    with pytest.raises(ProviderRefused):
        payments.refund("acme", "pi_1")


# Invoices -----------------------------------------------------------------------------------------------------------------


def invoice(number, day):
    money = Money(900, "usd")
    return IssuedInvoice(id=f"in_{number}", status="paid", total=money, due=Money(0, "usd"), issued_at=day)


def test_the_invoices_of_all_customers_of_an_account_are_listed_latest_first(payments, shop):
    shop.receive(shop.customer("cus_2"))
    first, second, third = (invoice(number, shop.day(number)) for number in (1, 2, 3))
    shop.gateway.issued = {"cus_1": [third, first], "cus_2": [second]}

    assert payments.invoices("acme") == [third, second, first]
    assert payments.invoices("acme", 2) == [third, second]


def test_who_is_no_customer_has_no_invoices(payments):
    assert payments.invoices("globex") == []
