"""Top-ups, as an application sets rules for them and hears what they want."""

from datetime import timedelta
from decimal import Decimal

import pytest

from billing_core.domain.credits import Unit
from billing_core.domain.money import Money
from billing_core.domain.orders import Placed
from billing_core.domain.payments import Payment, Purchase
from billing_core.domain.policies import Policies
from billing_core.domain.topups import MOST_PURCHASES, REST
from billing_core.domain.webhooks import RecordPayment
from billing_core.errors import Conflict, Invalid, ProviderDeclined, ProviderUnavailable, UnknownTopUp

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RULE = {"threshold": 10, "pack": "price_pack", "quantity": 2, "most_purchases": 2, "per": 30 * DAY}


@pytest.fixture
def top_ups(shop):
    return shop.billing.top_ups


@pytest.fixture
def rich(shop, top_ups):
    """Return the credits of a shop in which an account has enough, and a rule."""
    shop.billing.credits.grant("acme", 12)
    top_ups.set("acme", **RULE)
    return shop.billing.credits


def asked(shop):
    return [event.data["intent"] for event in shop.told("top_up.wanted")]


@pytest.fixture
def intent(rich, shop):
    """Return the intent of an account that just has too few credits."""
    rich.spend("acme", 5)
    (one,) = asked(shop)
    return one


# Wanting ------------------------------------------------------------------------------------------------------------------


def test_what_leaves_too_few_credits_asks_for_a_pack(rich, shop, top_ups):
    rich.spend("acme", 2)
    enough = shop.told("top_up.wanted")

    rich.spend("acme", 1)

    (event,) = shop.told("top_up.wanted")
    flying = top_ups.of("acme").in_flight
    assert enough == []
    assert (event.subject, event.account, event.occurred_at) == ("account:acme", "acme", shop.clock.now())
    assert {**event.data} == {"intent": flying.id, "unit": "credits", "pack": "price_pack", "quantity": "2"}
    assert flying.id.startswith("top_up:")
    assert flying.asked_at == shop.clock.now()


def test_it_is_told_after_what_caused_it(rich, shop):
    rich.adjust("acme", -5, reason="a mistake", actor="ann")

    assert [event.name for event in shop.told()] == ["credits.granted", "credits.adjusted", "top_up.wanted"]


def test_while_one_is_in_flight_nothing_more_is_asked_for(rich, shop, intent):
    rich.spend("acme", 1)
    shop.clock.advance(99 * DAY)
    rich.spend("acme", 1)
    shop.billing.top_ups.retry()

    assert asked(shop) == [intent]


@pytest.mark.parametrize("lost", ["a hold", "an expiry", "a claw back", "a transfer"])
def test_whatever_leaves_too_few_asks(shop, top_ups, lost):
    credits_ = shop.billing.credits
    credits_.grant("acme", 12, source="gift", expires_at=shop.day(9))
    top_ups.set("acme", **RULE)

    match lost:
        case "a hold":
            credits_.hold("acme", 5)
        case "an expiry":
            shop.clock.set(shop.day(9))
            credits_.expire("acme")
        case "a claw back":
            credits_.revoke("acme", "gift")
        case _:
            credits_.transfer("acme", "globex", 5)

    assert len(asked(shop)) == 1


def test_in_a_batch_every_account_is_looked_at_once(shop, top_ups):
    for owner in ("b", "a", "rich", "free"):
        shop.billing.credits.grant(owner, 12)
        if owner != "free":
            top_ups.set(owner, **RULE)

    for owner in ("b", "a", "free"):
        shop.billing.credits.hold(owner, 12)

    assert [event.account for event in shop.told("top_up.wanted")] == ["b", "a"]


def test_an_account_that_has_too_few_is_topped_up_when_its_rule_is_set(shop, top_ups):
    top_up = top_ups.set("acme", **RULE)

    assert asked(shop) == [top_up.in_flight.id]
    assert top_ups.of("acme") == top_up
    assert shop.ledger().version == 0


def test_what_fell_due_counts_although_nobody_wrote_it_down(shop, top_ups):
    shop.billing.credits.grant("acme", 12, expires_at=shop.day(2))
    shop.clock.set(shop.day(2))

    assert top_ups.set("acme", **RULE).in_flight


def test_units_are_topped_up_by_themselves(open_shop):
    shop = open_shop(policies=Policies(units=(Unit("tokens", 3),)))
    shop.billing.credits.grant("acme", Decimal("1.5"), unit="tokens")

    shop.billing.top_ups.set("acme", **{**RULE, "threshold": Decimal("1.25")}, unit="tokens")
    shop.billing.credits.spend("acme", Decimal("0.251"), unit="tokens")

    (event,) = shop.told("top_up.wanted")
    assert (event.subject, event.data["unit"]) == ("account:acme/tokens", "tokens")
    assert shop.billing.top_ups.of("acme") is None


def test_a_lost_race_is_decided_again_and_asks_once(rich, shop):
    shop.store.failures += [Conflict("account acme")] * 2

    rich.spend("acme", 5)

    assert len(asked(shop)) == 1


# Rules --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        {"threshold": 0},
        {"threshold": 0.5},
        {"pack": ""},
        {"quantity": 0},
        {"most_purchases": MOST_PURCHASES + 1},
        {"per": timedelta()},
        {"back_off": 9 * DAY},
        {"unit": ""},
    ],
    ids=repr,
)
def test_a_rule_that_cannot_be_is_not_set(top_ups, bad):
    with pytest.raises(Invalid):
        top_ups.set("acme", **{**RULE, **bad})

    assert top_ups.of("acme") is None


def test_the_same_rule_again_writes_nothing(rich, top_ups):
    del rich
    before = top_ups.of("acme")

    assert top_ups.set("acme", **RULE) == before
    assert top_ups.of("acme") == before


def test_another_rule_takes_the_place_of_the_first(rich, shop, top_ups):
    top_ups.set("acme", **{**RULE, "threshold": 5})
    rich.spend("acme", 7)
    before = asked(shop)

    rich.spend("acme", 1)

    assert (before, len(asked(shop))) == ([], 1)


def test_without_a_rule_nothing_is_bought(rich, shop, top_ups):
    top_ups.remove("acme")
    rich.spend("acme", 12)
    shop.clock.advance(DAY)

    assert top_ups.retry() == []
    assert asked(shop) == []
    assert not top_ups.of("acme").enabled


def test_to_remove_what_is_not_there_does_nothing(top_ups):
    top_ups.remove("acme")

    assert top_ups.of("acme") is None


def test_a_rule_that_was_removed_can_be_set_again(rich, shop, top_ups):
    top_ups.remove("acme")
    rich.spend("acme", 12)

    top_ups.set("acme", **RULE)

    assert len(asked(shop)) == 1


# Outcomes -----------------------------------------------------------------------------------------------------------------


def pay(shop, intent, payment="pi_1"):
    shop.receive(shop.payment(payment, amount="5", customer=None, account="acme", purchase=Purchase(intent, "5", "2")))


def test_the_payment_that_names_the_intent_grants_and_settles_it_at_once(rich, shop, top_ups, intent):
    pay(shop, intent)

    top_up = top_ups.of("acme")
    assert rich.balance("acme").available == 17
    assert (top_up.in_flight, top_up.purchases) == (None, (shop.clock.now(),))


def test_the_news_and_the_gateway_may_both_say_it(rich, shop, top_ups, intent):
    del rich
    pay(shop, intent)
    settled = top_ups.of("acme")

    assert top_ups.succeeded("acme", intent) == settled
    shop.receive(shop.payment("pi_1", account="acme"))
    assert top_ups.of("acme") == settled


def test_other_purchases_leave_what_is_in_flight(rich, shop, top_ups, intent):
    del rich
    pay(shop, "order_1")
    pay(shop, "top_up:unknown", "pi_2")

    assert top_ups.of("acme").in_flight.id == intent


def test_a_purchase_that_nobody_asked_for_settles_nothing(shop, top_ups):
    pay(shop, "top_up:unknown")

    assert shop.balance() == {"payg": 10}
    assert top_ups.of("acme") is None


def test_after_a_purchase_the_next_one_is_asked_for_when_credits_are_few_again(rich, shop, intent):
    pay(shop, intent)
    shop.clock.advance(REST)

    rich.spend("acme", 8)

    assert len(asked(shop)) == 2


def test_a_pack_that_was_too_small_is_bought_again_without_anybody_spending(rich, shop, top_ups, intent):
    rich.spend("acme", 7)
    top_ups.set("acme", **{**RULE, "threshold": 50})
    pay(shop, intent)
    before = top_ups.retry()

    shop.clock.advance(REST)

    (wanted,) = top_ups.retry()
    assert (before, asked(shop)) == ([], [intent, wanted.in_flight.id])


def test_no_more_is_bought_in_a_period_than_the_rule_says(rich, shop, top_ups, intent):
    top_ups.succeeded("acme", intent)
    shop.clock.advance(DAY)
    rich.spend("acme", 1)
    top_ups.succeeded("acme", asked(shop)[1])

    shop.clock.advance(29 * DAY - MINUTE)
    rich.spend("acme", 1)
    early = top_ups.retry()
    shop.clock.advance(MINUTE)
    (late,) = top_ups.retry()

    assert early == []
    assert asked(shop)[2:] == [late.in_flight.id]


def test_after_a_decline_the_next_attempt_waits(rich, shop, top_ups, intent):
    top_ups.declined("acme", intent)

    shop.clock.advance(HOUR - MINUTE)
    rich.spend("acme", 1)
    early = top_ups.retry()
    shop.clock.advance(MINUTE)
    (late,) = top_ups.retry()

    assert early == []
    assert asked(shop) == [intent, late.in_flight.id]
    assert top_ups.declined("acme", late.in_flight.id).next_attempt_at == shop.clock.now() + 2 * HOUR


def test_after_the_pause_whoever_spends_asks_too(rich, shop, top_ups, intent):
    top_ups.declined("acme", intent)
    shop.clock.advance(HOUR)

    rich.spend("acme", 1)

    assert len(asked(shop)) == 2


def test_who_was_topped_up_otherwise_buys_nothing_after_the_pause(rich, shop, top_ups, intent):
    top_ups.declined("acme", intent)
    rich.grant("acme", 100)
    shop.clock.advance(HOUR)

    assert top_ups.retry() == []
    assert asked(shop) == [intent]
    assert top_ups.of("acme").next_attempt_at is None


@pytest.mark.parametrize("told", ["succeeded", "declined"])
@pytest.mark.parametrize("account", ["acme", "nobody"])
def test_an_outcome_of_what_nobody_asked_for_is_not_known(rich, top_ups, told, account):
    del rich

    with pytest.raises(UnknownTopUp, match=f"account '{account}' awaits no top-up 'other'"):
        getattr(top_ups, told)(account, "other")


# The worker ---------------------------------------------------------------------------------------------------------------


def test_a_worker_looks_once_more_after_a_rule_was_set(rich, top_ups):
    """Somebody may be writing who read the account before."""
    del rich
    before = top_ups.of("acme").next_attempt_at

    top_ups.retry()

    assert (before is None, top_ups.of("acme").next_attempt_at) == (False, None)


def test_a_worker_looks_at_no_more_than_it_was_told_to(shop, top_ups):
    for owner in "abc":
        shop.billing.credits.grant(owner, 12)
        top_ups.set(owner, **RULE)
        shop.clock.advance(MINUTE)

    top_ups.retry(2)

    assert [top_ups.of(owner).next_attempt_at is None for owner in "abc"] == [True, True, False]


def test_what_another_worker_looked_at_meanwhile_is_left_alone(rich, shop, top_ups, intent):
    del rich
    top_ups.declined("acme", intent)
    shop.clock.advance(HOUR)
    shop.store.meanwhile += [top_ups.retry]

    assert top_ups.retry() == []
    assert len(asked(shop)) == 2


def test_what_was_declined_again_meanwhile_waits(rich, shop, top_ups, intent):
    del rich
    top_ups.declined("acme", intent)
    shop.clock.advance(HOUR)

    def another_worker():
        (one,) = top_ups.retry()
        top_ups.declined("acme", one.in_flight.id)

    shop.store.meanwhile += [another_worker]

    assert top_ups.retry() == []
    assert len(asked(shop)) == 2


# Charging -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pack(shop):
    """Let the shop sell the pack, and the account have a customer."""
    shop.know(shop.customer())
    shop.know(shop.product("prod_pack", credit_type="payg", default_price="price_pack"))
    shop.know(shop.price("price_pack", "prod_pack", cents=500, recurring=None))


def charged(shop, intent):
    """Return the answer that the payment of an intent succeeded."""
    bought = Purchase(intent, "100", "2", "prod_pack", "price_pack")
    payment = Payment("pi_1", Money(1000, "usd"), shop.clock.now(), customer="cus_1", account="acme", purchase=bought)
    return Placed(id="pi_1", payment="pi_1", news=(RecordPayment(payment),))


@pytest.mark.usefixtures("pack")
@pytest.mark.parametrize("by", ["price_pack", "prod_pack"])
def test_what_is_wanted_is_paid_with_the_saved_card(shop, top_ups, by):
    top_ups.set("acme", **{**RULE, "pack": by})
    shop.billing.credits.grant("acme", 1)
    top_ups.retry()
    intent = top_ups.of("acme").in_flight.id
    shop.gateway.answers = [charged(shop, intent)]

    stands = top_ups.charge("acme")

    ((order, key),) = shop.gateway.asked
    assert (order.off_session, order.amount_minor, order.metadata["billing_purchase"]) == (True, 1000, intent)
    assert key == intent
    assert (stands.in_flight, stands.settled.succeeded) == (None, True)
    assert shop.balance() == {"promotional": 1, "payg": 200}


@pytest.mark.usefixtures("pack")
def test_nothing_is_paid_where_nothing_is_wanted(shop, top_ups):
    without = top_ups.charge("acme")
    shop.billing.credits.grant("acme", 99)
    top_ups.set("acme", **RULE)

    assert without is None
    assert top_ups.charge("acme").settled is None
    assert shop.gateway.asked == []


@pytest.mark.usefixtures("pack")
def test_a_declined_card_begins_the_pause(shop, top_ups, intent):
    shop.gateway.answers = [ProviderDeclined("insufficient_funds", "Too little on it.", "pi_1")]

    stands = top_ups.charge("acme")

    assert (stands.settled.id, stands.settled.succeeded, stands.declines) == (intent, False, 1)


@pytest.mark.usefixtures("intent")
def test_a_pack_that_nobody_sells_counts_as_declined(shop, top_ups):
    shop.know(shop.customer())

    assert top_ups.charge("acme").declines == 1
    assert shop.gateway.asked == []


@pytest.mark.usefixtures("intent")
def test_a_product_without_a_default_price_is_no_pack(shop, top_ups):
    shop.know(shop.customer())
    shop.know(shop.product("price_pack", credit_type="payg"))

    assert top_ups.charge("acme").declines == 1


@pytest.mark.usefixtures("pack")
def test_without_an_answer_it_stays_in_flight_and_is_paid_once(shop, top_ups, intent):
    shop.gateway.answers = [ProviderUnavailable("too slow"), charged(shop, intent)]
    with pytest.raises(ProviderUnavailable):
        top_ups.charge("acme")
    before = top_ups.of("acme").in_flight.id

    after = top_ups.charge("acme")

    assert (before, after.settled.succeeded) == (intent, True)
    assert shop.gateway.asked[0] == shop.gateway.asked[1]
