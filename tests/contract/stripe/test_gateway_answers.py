"""What Stripe answers becomes a `Placed` with the same news that a webhook would bring, and never more than is proven."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from conformance import check_sent
from scripted_stripe import LIVE_KEY, TEST_KEY, Reply, gateway, listed

from billing_adapters.stripe.reading import Node
from billing_adapters.stripe.samples import Samples
from billing_adapters.stripe.shapes import commands
from billing_core.domain.mirrors import merge
from billing_core.domain.orders import CreateCustomer, OpenCheckout, SaveCard, TakePayment
from billing_core.domain.payments import Purchase
from billing_core.domain.webhooks import RecordCustomer, RecordInvoice, RecordPayment, RecordSubscription
from billing_core.errors import Invalid, ProviderRefused, ProviderUnavailable

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)  # the script's `Date`
KEY = "order:acme:1"
TERMS = {"billing_account": "acme", "billing_purchase": "1", "credit_amount": "100", "billing_intent": KEY}
MONTH = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
SECRET = {"type": "payment_intent", "client_secret": "pi_9_secret_9"}

samples = Samples()


def payment(**members):
    return samples.payment_intent("pi_1", 1200, customer="cus_1", metadata=TERMS, **members)


def subscription(**members):
    price = samples.price("price_1", "prod_1", 900, interval="month")
    return samples.subscription("sub_1", "cus_1", [(price, 1)], MONTH, metadata={"billing_account": "acme"}, **members)


def first_invoice(status):
    line = samples.line("il_1", samples.price("price_1", "prod_1", 900, interval="month"), MONTH, subscription="sub_1")
    payments = [{"object": "invoice_payment", "payment": {"type": "payment_intent", "payment_intent": "pi_9"}}]
    further = {"status": status, "payments": listed(*payments), "confirmation_secret": SECRET}
    return samples.invoice("in_1", subscription(), [line], NOON, **further)


def session(**members):
    own = {"object": "checkout.session", "id": "cs_test_1", "livemode": False, "status": "complete", "url": None}
    return {**own, "payment_intent": None, "subscription": None, "invoice": None, **members}


def fetched(name, answer, **options):
    stripe_gateway, _ = gateway(answer, **options)
    return stripe_gateway.fetch(name)


def kinds(placed):
    return [type(one) for one in placed.news]


# Customers ----------------------------------------------------------------------------------------------------------------


def test_a_new_customer_is_news_that_its_webhook_confirms():
    answer = samples.customer("cus_1", email="jo@acme.example", metadata={"billing_account": "acme"})
    stripe_gateway, _ = gateway(answer)

    placed = stripe_gateway.place(CreateCustomer(account="acme"), KEY)

    (news,) = placed.news
    assert (placed.id, placed.status) == ("cus_1", None)
    assert isinstance(news, RecordCustomer)
    assert news.customer.value.account == "acme"
    (told,) = commands("customer.created", NOON, Node("data", {"object": answer}))
    assert not told.customer.revision.tied(news.customer.revision)


def test_a_deleted_customer_is_news():
    placed = fetched("cus_1", {"id": "cus_1", "object": "customer", "deleted": True})

    assert placed.status == "deleted"
    assert placed.news[0].customer.value.ended


# Payments -----------------------------------------------------------------------------------------------------------------


def test_a_payment_that_succeeded_is_news_of_the_moment_of_its_charge():
    charge = {"object": "charge", "id": "ch_1", "created": int(NOON.timestamp()) - 3600}

    placed = fetched("pi_1", payment(latest_charge=charge))

    (news,) = placed.news
    assert (placed.id, placed.status, placed.payment) == ("pi_1", "succeeded", "pi_1")
    assert isinstance(news, RecordPayment)
    assert news.payment.paid_at == NOON - timedelta(hours=1)
    assert news.payment.purchase == Purchase("1", "100")


def test_a_payment_whose_charge_is_not_told_is_of_the_moment_of_the_answer():
    placed = fetched("pi_1", payment(), now=lambda: NOON)

    assert placed.news[0].payment.paid_at == NOON


@pytest.mark.parametrize(
    "status", ["processing", "requires_action", "requires_payment_method", "requires_capture", "canceled"]
)
def test_a_payment_that_is_not_proven_is_no_news(status):
    placed = fetched("pi_1", payment(status=status, client_secret="pi_1_secret_1"))

    assert (placed.status, placed.secret, placed.news) == (status, "pi_1_secret_1", ())


def test_the_secret_of_a_payment_is_not_shown():
    placed = fetched("pi_1", payment(status="requires_payment_method", client_secret="pi_1_secret_1"))

    assert "secret_1" not in repr(placed)


# Pages, portals, cards, refunds -------------------------------------------------------------------------------------------


def test_an_open_page_has_an_address_and_no_news():
    stripe_gateway, _ = gateway(session(status="open", url="https://checkout.example/c/1"))

    placed = stripe_gateway.place(OpenCheckout(customer="cus_1", price="price_1", success_url="https://shop.example/"), KEY)

    assert (placed.id, placed.status, placed.url, placed.news) == ("cs_test_1", "open", "https://checkout.example/c/1", ())


def test_a_page_that_was_paid_tells_of_its_payment():
    placed = fetched("cs_test_1", session(payment_intent=payment()))

    assert (placed.payment, kinds(placed)) == ("pi_1", [RecordPayment])


def test_a_page_whose_payment_is_on_its_way_tells_nothing():
    placed = fetched("cs_test_1", session(payment_intent=payment(status="processing")))

    assert (placed.payment, placed.news) == ("pi_1", ())


def test_a_page_that_was_subscribed_on_tells_of_the_subscription_and_its_invoice():
    placed = fetched("cs_test_1", session(subscription=subscription(), invoice=first_invoice("paid")))

    assert (placed.subscription, kinds(placed)) == ("sub_1", [RecordSubscription, RecordInvoice])


@pytest.mark.parametrize("name", ["pi_1", "cs_test_1", "sub_1"])
def test_what_is_looked_up_is_asked_for_whole_as_the_api_takes_it(name):
    stripe_gateway, script = gateway(payment())

    stripe_gateway.fetch(name)

    (sent,) = script.sent
    assert "expand[0]" in sent.form
    assert check_sent(sent.method, f"{sent.path}?{sent.raw}", strict=True) == []


def test_a_card_to_be_saved_has_a_secret():
    setup = {
        "object": "setup_intent",
        "id": "seti_1",
        "status": "requires_payment_method",
        "client_secret": "seti_1_secret_1",
    }
    stripe_gateway, _ = gateway(setup)

    placed = stripe_gateway.place(SaveCard(customer="cus_1"), KEY)

    assert (placed.id, placed.status, placed.secret) == ("seti_1", "requires_payment_method", "seti_1_secret_1")


@pytest.mark.parametrize("name", ["re_1", "pyr_1"])
def test_a_refund_names_its_payment(name):
    placed = fetched(name, {"object": "refund", "id": name, "status": "pending", "payment_intent": "pi_1"})

    assert (placed.status, placed.payment, placed.news) == ("pending", "pi_1", ())


# Subscriptions ------------------------------------------------------------------------------------------------------------


def test_a_subscription_to_be_paid_has_the_secret_and_the_payment_of_its_invoice():
    placed = fetched("sub_1", subscription(status="incomplete", latest_invoice=first_invoice("open")))

    assert (placed.status, placed.secret, placed.payment) == ("incomplete", "pi_9_secret_9", "pi_9")
    assert kinds(placed) == [RecordSubscription]


def test_a_subscription_that_is_paid_has_no_secret_and_tells_of_its_invoice():
    placed = fetched("sub_1", subscription(latest_invoice=first_invoice("paid")))

    assert (placed.status, placed.secret, placed.subscription) == ("active", None, "sub_1")
    assert kinds(placed) == [RecordSubscription, RecordInvoice]


def test_a_trial_has_the_secret_that_saves_a_card():
    setup = {"object": "setup_intent", "id": "seti_1", "client_secret": "seti_1_secret_1"}

    placed = fetched(
        "sub_1", subscription(status="trialing", latest_invoice=first_invoice("paid"), pending_setup_intent=setup)
    )

    assert placed.secret == "seti_1_secret_1"


def test_what_is_only_named_is_enough():
    placed = fetched("sub_1", subscription(latest_invoice="in_1", pending_setup_intent="seti_1"))

    assert (placed.secret, placed.payment, kinds(placed)) == (None, None, [RecordSubscription])


def test_a_webhook_of_the_same_second_counts_more_than_the_answer():
    answer = fetched("sub_1", subscription(), now=lambda: NOON + timedelta(microseconds=900_000))
    changed = subscription(cancel_at_period_end=True)
    (told,) = commands("customer.subscription.updated", NOON, Node("data", {"object": changed}))

    (news,) = answer.news
    assert merge(news.subscription, told.subscription).value.cancel_at_period_end
    assert merge(told.subscription, news.subscription).value.cancel_at_period_end


# Moments ------------------------------------------------------------------------------------------------------------------


def test_an_answer_is_of_the_moment_that_stripe_s_clock_told_or_a_little_earlier():
    at = fetched("sub_1", subscription()).news[0].subscription.revision.occurred_at

    assert at.microsecond == 0
    assert timedelta() < NOON - at < timedelta(seconds=3)


def test_the_time_that_a_call_took_is_taken_off():
    def slowly(_):
        time.sleep(1.1)
        return subscription()

    at = fetched("sub_1", slowly).news[0].subscription.revision.occurred_at

    assert at == NOON - timedelta(seconds=2)


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_an_answer_without_a_date_is_of_this_machine_s_moment(date):
    before = datetime.now(UTC)

    placed = fetched("sub_1", Reply(subscription(), headers={"Date": date}))

    at = placed.news[0].subscription.revision.occurred_at
    assert before - timedelta(seconds=2) < at <= datetime.now(UTC)


# What cannot be -----------------------------------------------------------------------------------------------------------


def test_news_that_cannot_be_read_are_left_out_of_what_was_placed():
    placed = fetched("sub_1", subscription(status="hibernating"))

    assert (placed.id, placed.status, placed.news) == ("sub_1", "hibernating", ())


@pytest.mark.parametrize(
    "answer",
    [{}, {"object": "subscription"}, {"object": "subscription", "id": 7}, {"object": "coupon", "id": "c"}, {"object": 3}],
)
def test_an_answer_that_says_nothing_is_no_answer(answer):
    with pytest.raises(ProviderUnavailable, match="its answer cannot be read"):
        fetched("sub_1", answer)


@pytest.mark.parametrize("name", ["", "   ", None, 7])
def test_no_id_is_no_question(name):
    stripe_gateway, script = gateway(subscription())

    with pytest.raises(Invalid, match=r"^id must be"):
        stripe_gateway.fetch(name)

    assert script.sent == []


@pytest.mark.parametrize("name", ["bps_1", "prod_1", "nonsense"])
def test_what_cannot_have_been_placed_is_unknown(name):
    with pytest.raises(ProviderRefused, match="resource_missing"):
        fetched(name, subscription())


@pytest.mark.parametrize(("key", "livemode"), [(TEST_KEY, True), (LIVE_KEY, False)])
def test_an_object_of_the_other_mode_is_refused(key, livemode):
    answer = Samples(livemode=livemode).payment_intent("pi_1", 500)
    stripe_gateway, _ = gateway(answer, key=key)

    with pytest.raises(ProviderRefused, match="livemode_mismatch"):
        stripe_gateway.place(TakePayment(customer="cus_1", amount_minor=500, currency="usd"), KEY)


def test_an_object_of_the_other_mode_in_a_list_is_refused():
    stripe_gateway, _ = gateway(listed(Samples(livemode=True).product("prod_1", "Pack")))

    with pytest.raises(ProviderRefused, match="livemode_mismatch"):
        stripe_gateway.products()
