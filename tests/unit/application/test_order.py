"""Order makes no difference: any permutation of the news, with any duplicates, ends in the same books and objects."""

import attrs
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.mirrors import Phase
from billing_core.domain.subscriptions import Status
from billing_core.domain.webhooks import Applied, Deferred, DeliveryState

TODAY = 125
PLANS = ("basic", "pro", "max")

# One customer's story: on which days what happens. Days are few, so that several things often share a second.
days = st.integers(0, 6).map(lambda week: 10 * week)
stories = st.fixed_dictionaries({
    "names_account": st.sampled_from(["customer", "subscription", "application"]),
    "product_was_bad": st.booleans(),
    "plan_is_free": st.booleans(),
    "began": st.none() | days,
    "incomplete": st.booleans(),
    "renewals": st.integers(0, 2),
    "changes": st.lists(days, max_size=2, unique=True),
    "canceled": st.none() | days,
    "customer_deleted": st.none() | days,
    "packs": st.lists(days, max_size=2),
})


@attrs.frozen
class Story:
    """All the news of one customer, in the order in which it happened; `number` keeps two customers apart."""

    shop: object
    number: int
    told: dict

    @property
    def customer(self):
        return f"cus_{self.number}"

    @property
    def account(self):
        return f"account_{self.number}"

    def news(self):
        yield from self.about_the_customer()
        if self.told["began"] is not None:
            yield from self.about_the_subscription()
        for number, day in enumerate(self.told["packs"]):
            yield self.shop.payment(f"pi_{self.number}_{number}", day=day, customer=self.customer)

    def about_the_customer(self):
        account = self.account if self.told["names_account"] == "customer" else None
        yield self.shop.customer(self.customer, account, phase=Phase.CREATED)
        yield self.shop.customer(self.customer, account, name="Ann")
        deleted = self.told["customer_deleted"]
        if deleted is not None:
            yield self.shop.customer(self.customer, account, day=deleted, phase=Phase.DELETED, deleted=True)

    def about_the_subscription(self):
        began = self.told["began"]
        if self.told["incomplete"]:
            yield self.subscription(began, 0, Status.INCOMPLETE)
        yield self.subscription(began, 0)
        yield self.invoice("first", began, 0, reason="subscription_create")
        for number in range(1, self.told["renewals"] + 1):
            yield self.invoice(f"renewal_{number}", began + 30 * number, 0)
        for plan, day in enumerate(sorted(self.told["changes"]), start=1):
            yield self.subscription(began + day, plan, left=[f"price_{PLANS[plan - 1]}"])
            yield self.invoice(f"change_{plan}", began + day, plan, reason="subscription_update", proration=True)
        if self.told["canceled"] is not None:
            yield self.subscription(began + self.told["canceled"], 0, Status.CANCELED)

    def subscription(self, day, plan, status=Status.ACTIVE, **rest):
        account = self.account if self.told["names_account"] == "subscription" else None
        prices = [f"price_{PLANS[plan]}"]
        chosen = {"id": f"sub_{self.number}", "customer": self.customer, "account": account}
        return self.shop.subscription(status, prices, day, **chosen, **rest)

    def invoice(self, name, day, plan, *, reason="subscription_cycle", proration=False):
        line = self.shop.line(
            price=f"price_{PLANS[plan]}",
            product=f"prod_{PLANS[plan]}",
            cents=0 if self.told["plan_is_free"] and not proration else 900,
            start=day,
            days=30,
            subscription=f"sub_{self.number}",
            proration=proration,
        )
        owner = {"customer": self.customer, "subscription": f"sub_{self.number}"}
        return self.shop.invoice(f"in_{self.number}_{name}", line, day=day, reason=reason, **owner)


def catalog(shop, *, was_bad):
    for number, plan in enumerate(PLANS):
        if was_bad:
            yield shop.product(f"prod_{plan}", amount="1,000", phase=Phase.CREATED)
        yield shop.product(f"prod_{plan}", amount=str(10**number), metadata={"plan_tier": plan})
        yield shop.price(f"price_{plan}", f"prod_{plan}", cents=0)


def deliver(open_shop, told, luck=None):
    """Deliver all news, in the order in which it happened or as luck will have it, and return the shop."""
    shop = open_shop(today=TODAY)
    stories_ = [Story(shop, number, one) for number, one in enumerate(told)]
    news = [*catalog(shop, was_bad=any(one["product_was_bad"] for one in told))]
    news += [one for story in stories_ for one in story.news()]
    bodies = [shop.prepare(one, occurred_at=shop.day(number)) for number, one in enumerate(news)]
    if luck:
        bodies += luck.choices(bodies, k=4)  # the same events again
        bodies += [shop.prepare(one) for one in luck.choices(news, k=4)]  # the same news under other events
        luck.shuffle(bodies)
    linked = [story for story in stories_ if story.told["names_account"] != "customer"]
    for story in linked if not luck or luck.random() < 0.5 else ():
        shop.billing.customers.link(story.account, story.customer)
    for body in bodies:
        shop.billing.webhooks.receive(body, {"signature": "genuine"})
    for story in linked:
        if not shop.billing.customers.of(story.account):
            shop.billing.customers.link(story.account, story.customer)
    return shop


def state(shop, accounts):
    """Return everything that must not depend on the order in which the news came."""
    with shop.store.view() as unit:
        customers = {key: one.value for key, one in unit.customers.get([f"cus_{number}" for number in accounts]).items()}
    return {
        "products": shop.billing.catalog.products(),
        "customers": customers,
        "accounts": [
            {
                "balance": shop.balance(account),
                "books": shop.ledger(account).books,
                "lots": {attrs.evolve(lot, number=0) for lot in shop.ledger(account).lots},
                "subscriptions": shop.billing.subscriptions.of(account),
                "entitlements": shop.billing.entitlements.of(account),
            }
            for account in (f"account_{number}" for number in accounts)
        ],
    }


@given(st.lists(stories, min_size=1, max_size=2), st.randoms(use_true_random=False))
def test_any_order_with_any_duplicates_ends_in_the_same_books_and_objects(open_shop, told, luck):
    in_order = deliver(open_shop, told)
    at_random = deliver(open_shop, told, luck)

    assert state(at_random, range(len(told))) == state(in_order, range(len(told)))


@given(st.lists(stories, min_size=1, max_size=2), st.randoms(use_true_random=False))
def test_nothing_is_left_waiting_when_everything_has_come(open_shop, told, luck):
    webhooks = deliver(open_shop, told, luck).billing.webhooks

    waiting = [one for state in DeliveryState for one in webhooks.deliveries(state) if state is not DeliveryState.APPLIED]
    assert waiting == []


@given(st.lists(stories, min_size=1, max_size=1), st.randoms(use_true_random=False))
def test_what_was_granted_is_told_once(open_shop, told, luck):
    shop = deliver(open_shop, told, luck)

    sources = [event.data["source"] for event in shop.told("credits.granted")]
    assert len(sources) == len(set(sources))


def test_an_outcome_is_applied_or_deferred_and_nothing_else(open_shop):
    shop = open_shop()

    parents = (shop.product(), shop.price(), shop.subscription(), shop.customer())
    outcomes = [shop.receive(one) for one in (shop.invoice(), *parents, shop.invoice())]

    assert [type(one) for one in outcomes] == [Deferred, *[Applied] * 5]
