"""Every policy ends in the same credits, however late, in whatever order and how often its news comes."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.credits import AccountId
from billing_core.domain.policies import OnPlanChange, Policies, Rollover, TrialCredits, Yearly
from billing_core.domain.products import Interval, Recurring

PLANS = ("basic", "pro")
AMOUNTS = {"basic": "100", "pro": "1000"}
DAYS = {Interval.MONTH: 30, Interval.YEAR: 365}

policies = st.builds(
    Policies,
    rollover=st.none() | st.sampled_from([Rollover(60), Rollover(5000)]),
    plan_change=st.sampled_from(OnPlanChange),
    yearly=st.sampled_from(Yearly),
    trial=st.sampled_from(TrialCredits),
)
# One subscription: how long its first period is free, how often it is renewed, and after how many tenths of a period it
# changes to the other plan, and back, and so on.
stories = st.fixed_dictionaries({
    "interval": st.sampled_from([*DAYS]),
    "trial": st.sampled_from([0, 0, 40]),
    "renewals": st.integers(0, 3),
    "paid_late": st.sampled_from([0, 0, 3]),
    "changes": st.lists(st.sampled_from([0, 2, 5, 9, 10, 12, 25]), max_size=3, unique=True).map(sorted),
})
delays = st.lists(st.sampled_from([0, 0, 50, 500]), min_size=20, max_size=20)
END = 5 * 365 + 500 + 40


@attrs.frozen
class Story:
    """The news of one subscription, each with the day on which it happened."""

    shop: object
    told: dict

    @property
    def length(self):
        return DAYS[self.told["interval"]]

    def changed_on(self, tenths):
        return self.told["trial"] + tenths * self.length // 10

    def plan_on(self, day):
        return PLANS[sum(self.changed_on(one) <= day for one in self.told["changes"]) % 2]

    def news(self):
        yield 0, self.shop.customer()
        for plan in PLANS:
            yield 0, self.shop.product(f"prod_{plan}", amount=AMOUNTS[plan])
            yield 0, self.shop.price(f"price_{plan}", f"prod_{plan}", recurring=Recurring(self.told["interval"]))
        yield 0, self.shop.subscription(prices=[f"price_{self.plan_on(0)}"])
        trial, late = self.told["trial"], self.told["paid_late"]
        if trial:
            yield self.invoice("trial", 0, 0, trial, cents=0, reason="subscription_create")
        for number in range(self.told["renewals"] + 1):
            start = trial + number * self.length
            yield self.invoice(f"period_{number}", start + late if number else start, start, start + self.length)
        for number, tenths in enumerate(self.told["changes"]):
            day = self.changed_on(tenths)
            left, plan = self.plan_on(day - 0.1), self.plan_on(day)
            yield day, self.shop.subscription(prices=[f"price_{plan}"], day=day, left=[f"price_{left}"])
            ends = day + self.length - (day - trial) % self.length
            yield self.invoice(f"change_{number}", day, day, ends, reason="subscription_update", proration=True)

    def invoice(self, name, day, start, end, *, cents=900, reason="subscription_cycle", **rest):
        plan = self.plan_on(start)
        line = self.shop.line(f"il_{name}", f"price_{plan}", f"prod_{plan}", cents, start=start, days=end - start, **rest)
        return day, self.shop.invoice(f"in_{name}", line, day=day, reason=reason)


def live_through(shop, told, delays=(), luck=None):
    """Deliver all news, each so many days after it happened, some of it twice, and look at the end."""
    news = [*Story(shop, told).news()]
    arrivals = [
        (day + delay, number) for number, ((day, _), delay) in enumerate(zip(news, [*delays, *[0] * 20], strict=False))
    ]
    if luck:
        luck.shuffle(arrivals)  # decides between those of one day
        arrivals += [(day + luck.choice([0, 9, 90]), number) for day, number in luck.choices(arrivals, k=4)]
    for day, number in sorted(arrivals, key=lambda one: one[0]):
        shop.clock.set(shop.day(day))
        shop.receive(news[number][1])
    shop.clock.set(shop.day(END))
    shop.billing.credits.sweep()
    return shop


def books(shop):
    return shop.ledger().books, shop.balance()


HARD = {
    "a change after a renewal": {"interval": Interval.MONTH, "renewals": 2, "changes": [12]},
    "there and back before a renewal": {"interval": Interval.MONTH, "renewals": 2, "changes": [2, 5]},
    "changes at the turn of a period": {"interval": Interval.MONTH, "renewals": 2, "changes": [10, 25]},
    "a change in a year": {"interval": Interval.YEAR, "renewals": 1, "changes": [5]},
    "there and back in a year": {"interval": Interval.YEAR, "renewals": 1, "changes": [2, 5, 12]},
    "a change in a trial": {"interval": Interval.YEAR, "trial": 40, "renewals": 1, "changes": [0]},
}


@pytest.mark.parametrize("told", HARD.values(), ids=HARD)
@pytest.mark.parametrize("plan_change", OnPlanChange)
def test_whichever_news_alone_is_late_it_ends_in_the_same_books(open_shop, told, plan_change):
    told = {"trial": 0, "paid_late": 0, **told}
    chosen = Policies(rollover=Rollover(60), plan_change=plan_change, yearly=Yearly.MONTHLY, trial=TrialCredits.AS_PAID)
    timely = live_through(open_shop(policies=chosen), told)

    for number in range(sum(1 for _ in Story(timely, told).news())):
        for delay in (50, 500):
            late = live_through(open_shop(policies=chosen), told, [0] * number + [delay])
            assert books(late) == books(timely), f"the news {number} was {delay} days late"


@given(policies, stories, delays, st.randoms(use_true_random=False))
def test_late_news_in_any_order_with_any_duplicates_ends_in_the_same_books(open_shop, chosen, told, late, luck):
    timely = live_through(open_shop(policies=chosen), told)
    tardy = live_through(open_shop(policies=chosen), told, late, luck)

    assert books(tardy) == books(timely)


@given(policies, stories, delays, st.randoms(use_true_random=False))
def test_no_money_grants_twice_and_no_plan_is_parted_from_twice(open_shop, chosen, told, late, luck):
    shop = live_through(open_shop(policies=chosen), told, late, luck)

    sources = [event.data["source"] for event in shop.told() if event.name in {"credits.granted", "credits.converted"}]
    assert len(sources) == len(set(sources))


@given(policies, stories, delays, st.randoms(use_true_random=False))
def test_no_policy_makes_credits_from_nothing(open_shop, chosen, told, late, luck):
    shop = live_through(open_shop(policies=chosen), told, late, luck)

    granted = sum(int(event.data["amount"]) for event in shop.told("credits.granted"))
    assert shop.ledger().books.issued == -granted
    with shop.store.view() as unit:
        lots = [entry.opened for entry in unit.ledger.journal(AccountId("acme")) if entry.opened]
    most = chosen.rollover.most if chosen.rollover else 0
    assert all(lot.amount <= most for lot in lots if lot.source.startswith("rollover:"))
