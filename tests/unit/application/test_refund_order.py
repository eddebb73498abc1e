"""Refunds and disputes end in the same books in whatever order, and however often, they are told."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.credits import AccountId, Needs, Shortfall
from billing_core.domain.policies import Policies
from billing_core.domain.webhooks import DeliveryState

PAID = 500  # cents
AMOUNTS = {"pi_1": 50, "pi_2": 7, "pi_invoice": 100}

cents = st.integers(1, PAID)
# How a refund ends, and what becomes of a dispute: pairs of its status and whether the money is withdrawn.
fates = st.sampled_from(["pending", "succeeded", "failed", "canceled"])
OPEN = ("needs_response", False)
TAKEN = ("needs_response", True)
courses = st.sampled_from([
    [("warning_needs_response", False), ("warning_closed", False)],
    [("warning_needs_response", False), OPEN, TAKEN],
    [OPEN],
    [OPEN, TAKEN, ("under_review", True), ("lost", True)],
    [TAKEN, ("won", True)],
    [TAKEN, ("won", True), ("won", False)],
    [TAKEN, ("won", False), ("needs_response", True), ("lost", True)],
])
histories = st.fixed_dictionaries({
    payment: st.fixed_dictionaries({
        "refunds": st.lists(st.tuples(cents, fates), max_size=4),
        "disputes": st.lists(st.tuples(cents, courses), max_size=1),
    })
    for payment in AMOUNTS
})


def bought(shop, *, names_invoice):
    """Return the news of all that was sold."""
    yield from (shop.customer(), shop.product(), shop.price(), shop.subscription())
    for payment in ("pi_1", "pi_2"):
        yield shop.payment(payment, amount=str(AMOUNTS[payment]))
    yield shop.payment("pi_invoice", purchase=None, invoice="in_1" if names_invoice else None)
    if not names_invoice:
        yield shop.settlement("pi_invoice")
    whole = shop.invoice()
    yield attrs.evolve(whole, invoice=attrs.evolve(whole.invoice, amount_paid=shop.refund(PAID).refund.value.amount))


def gone(shop, told):
    """Return the news of all money that goes, or comes back; each piece a day after the one before."""
    for payment, history in told.items():
        total = 0
        for number, (amount, fate) in enumerate(history["refunds"]):
            named = {"refund": f"re_{payment}_{number}", "payment": payment, "since": number}
            yield shop.refund(amount, status="pending", day=number, **named)
            yield shop.refund(amount, status=fate, day=number + 1, **named)
            total += amount
            yield shop.refunded(total, payment)
        for amount, course in history["disputes"]:
            named = {"id": f"dp_{payment}", "payment": payment, "since": 0}
            for day, (status, withdrawn) in enumerate(course):
                yield shop.dispute(amount, status, day=day, withdrawn=withdrawn, **named)


def share(payment, history):
    """Return how many credits are to be gone, counted from the story alone."""
    refunded = sum(amount for amount, fate in history["refunds"] if fate not in {"failed", "canceled"})
    taken = sum(amount for amount, course in history["disputes"] if course[-1] in {TAKEN, ("lost", True)})
    return AMOUNTS[payment] * min(refunded + taken, PAID) // PAID


def deliver(shop, news, luck=None):
    """Deliver all news in its order, or as luck will have it, some of it twice."""
    bodies = [shop.prepare(one, occurred_at=shop.day(0)) for one in news]
    if luck and news:
        bodies += luck.choices(bodies, k=4)  # the same events again
        bodies += [shop.prepare(one) for one in luck.choices(news, k=4)]  # the same news under other events
        luck.shuffle(bodies)
    for body in bodies:
        shop.billing.webhooks.receive(body, {"signature": "genuine"})


def books(shop):
    return shop.ledger().books


def settled(shop, shortfall):
    """Return the books, but where other lots pay: with what is owed paid from what there is.

    They pay as far as they can at the moment, which is less while their own money is thought to be gone.
    """
    found = books(shop)
    if shortfall is not Shortfall.TAKE:
        return found
    return found.available + found.owed, found.revoked, found.consumed, found.expired


@pytest.mark.parametrize("today", [1, 125], ids=["in the period", "after it"])
@given(histories, st.booleans(), st.randoms(use_true_random=False))
def test_every_order_takes_exactly_the_shares_and_leaves_nothing_waiting(open_shop, today, told, names_invoice, luck):
    shop = open_shop(today=today)
    deliver(shop, [*bought(shop, names_invoice=names_invoice), *gone(shop, told)], luck)

    revoked = {one.source.split(":line")[0]: one.revoked for one in lots(shop)}
    assert revoked == {
        "payment:pi_1": share("pi_1", told["pi_1"]),
        "payment:pi_2": share("pi_2", told["pi_2"]),
        "invoice:in_1": share("pi_invoice", told["pi_invoice"]),
    }
    webhooks = shop.billing.webhooks
    assert [
        one for state in DeliveryState for one in webhooks.deliveries(state) if state is not DeliveryState.APPLIED
    ] == []


@given(histories, st.sampled_from(Shortfall), st.integers(0, 157), st.randoms(use_true_random=False))
def test_what_was_spent_before_ends_in_the_same_books_too(open_shop, told, shortfall, spent, luck):
    shops = [open_shop(policies=Policies(shortfall=shortfall)) for _ in range(2)]
    for shop in shops:
        deliver(shop, [*bought(shop, names_invoice=True)])
        shop.billing.credits.spend("acme", spent)

    deliver(shops[0], [*gone(shops[0], told)])
    deliver(shops[1], [*gone(shops[1], told)], luck)

    assert settled(shops[1], shortfall) == settled(shops[0], shortfall)


@given(histories, st.integers(0, 157), st.randoms(use_true_random=False))
def test_money_that_all_came_back_leaves_no_trace_in_the_books(open_shop, told, spent, luck):
    shop = open_shop()
    deliver(shop, [*bought(shop, names_invoice=True)])
    shop.billing.credits.spend("acme", spent)
    before = books(shop)
    undone = {
        payment: {
            "refunds": [(amount, "failed") for amount, _ in history["refunds"]],
            "disputes": [(amount, [TAKEN, ("won", False)]) for amount, _ in history["disputes"]],
        }
        for payment, history in told.items()
    }

    deliver(shop, [*gone(shop, undone)], luck)

    assert books(shop) == before


def lots(shop):
    sources = frozenset({"payment:pi_1", "payment:pi_2", "invoice:in_1:line:il_1"})
    named = AccountId("acme")
    with shop.store.view() as unit:
        return unit.ledger.load([Needs(named, sources=sources)])[named].lots
