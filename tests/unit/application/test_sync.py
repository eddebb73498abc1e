"""A sync: the provider's whole catalog is read, and ours says what it says afterwards."""

from datetime import timedelta
from decimal import Decimal

import attrs
import pytest

from billing_core.domain.mirrors import Phase
from billing_core.domain.money import Currency
from billing_core.domain.pages import Page, Unreadable
from billing_core.domain.products import Interval, Price, Product, Recurring
from billing_core.errors import Conflict, Invalid, ProviderRefused, ProviderUnavailable, UnknownPrice, UnknownProduct

DAY = timedelta(days=1)
BAD = {"credit_amount": "1,000", "credit_type": "payg"}


def product(name, **rest):
    return Product(f"prod_{name}", name, **rest)


def price(name, cents=900, **rest):
    return Price(f"price_{name}", f"prod_{name}", Currency("usd"), Decimal(cents), **rest)


class Shelf:
    """A provider that lists what stands on it, two at a time; or fails, or lets something happen, instead of a page."""

    def __init__(self):
        self.lists = {"products": {}, "prices": {}}
        self.unreadable = {}
        self.asked = []
        self.instead = []

    def put(self, *values):
        for one in values:
            self.lists["products" if isinstance(one, Product) else "prices"][one.id] = one

    def take(self, *ids):
        for one in ids:
            for listed in self.lists.values():
                listed.pop(one, None)

    def products(self, after=None):
        return self.page("products", after)

    def prices(self, after=None):
        return self.page("prices", after)

    def page(self, kind, after):
        self.asked.append((kind, after))
        happens = self.instead.pop(0) if self.instead else None
        if isinstance(happens, Exception):
            raise happens
        if happens:
            happens()
        listed = self.lists[kind]
        if after is not None and after not in listed:
            raise ProviderRefused("resource_missing", "No such object", "starting_after")
        ids = sorted(one for one in listed if after is None or one > after)
        read = [listed[one] for one in ids[:2] if one not in self.unreadable]
        failed = [Unreadable(one, self.unreadable[one]) for one in ids[:2] if one in self.unreadable]
        return Page(tuple(read), tuple(failed), ids[1] if len(ids) > 2 else None)


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def stocked(open_shop, shelf):
    """Open a shop that synced five products with a price each, two days ago."""
    shop = open_shop(gateway=shelf)
    shelf.put(*(product(one) for one in "abcde"), *(price(one) for one in "abcde"))
    shop.billing.catalog.sync()
    shop.clock.set(shop.day(3))
    shelf.asked.clear()
    return shop


def names(shop):
    return [one.name for one in shop.billing.catalog.products()]


# What is found ------------------------------------------------------------------------------------------------------------


def test_everything_is_read_page_by_page(open_shop, shelf):
    shop = open_shop(gateway=shelf)
    shelf.put(product("a"), product("b"), product("c", active=False), price("a"))

    report = shop.billing.catalog.sync()

    assert names(shop) == ["a", "b", "c"]
    assert shop.billing.catalog.prices("prod_a") == [price("a")]
    assert report.products.added == ("prod_a", "prod_b", "prod_c")
    assert report.prices.added == ("price_a",)
    assert (report.started_at, report.resumed, report.clean) == (shop.day(1), False, True)
    assert shelf.asked == [("products", None), ("products", "prod_b"), ("prices", None)]


def test_what_became_of_each_is_told(stocked, shelf):
    shelf.put(product("b", active=False), product("c", description="new"), product("f"), price("e", 100))
    shelf.take("prod_d", "price_d")

    report = stocked.billing.catalog.sync()

    found = report.products
    assert (found.added, found.changed, found.archived, found.deleted) == (
        ("prod_f",),
        ("prod_c",),
        ("prod_b",),
        ("prod_d",),
    )
    assert (found.unchanged, found.listed) == (2, 5)
    assert (report.prices.changed, report.prices.deleted, report.prices.unchanged) == (("price_e",), ("price_d",), 3)
    assert stocked.billing.catalog.product("prod_d").deleted
    assert names(stocked) == ["a", "b", "c", "e", "f"]


def test_nothing_is_found_where_nothing_changed(stocked):
    report = stocked.billing.catalog.sync()

    assert (report.products.unchanged, report.prices.unchanged) == (5, 5)
    assert report.products.changed == report.products.added == report.products.deleted == ()
    assert stocked.billing.catalog.product_history("prod_a")[0].value == product("a")


def test_progress_is_told_after_each_page(stocked):
    told = []

    stocked.billing.catalog.sync(progress=told.append)

    assert [(one.products.listed, one.prices.listed) for one in told] == [(2, 0), (4, 0), (5, 0), (5, 2), (5, 4), (5, 5)]


def test_a_product_that_grants_nothing_is_named_with_its_problems(stocked, shelf):
    shelf.put(product("a", metadata=BAD), product("b", metadata={"plan_teir": "pro"}))

    report = stocked.billing.catalog.sync()

    assert [(one.product, one.field) for one in report.problems] == [("prod_a", "credit_amount")]
    assert not report.clean
    assert [one.subject for one in stocked.told("product.quarantined")] == ["product:prod_a"]


def test_it_is_named_again_but_told_onward_once(stocked, shelf):
    shelf.put(product("a", metadata=BAD))
    stocked.billing.catalog.sync()

    report = stocked.billing.catalog.sync()

    assert len(report.problems) == 1
    assert len(stocked.told("product.quarantined")) == 1


def test_what_waited_for_a_product_is_applied(stocked, shelf):
    """Although the page that holds it is not the last one."""
    for one in (stocked.subscription(prices=["price_x"], account="acme"), stocked.customer()):
        stocked.receive(one)
    waiting = stocked.receive(stocked.invoice("in_1", stocked.line(price="price_x", product="prod_0"), day=1))
    assert stocked.state(waiting.webhook) == "deferred"
    shelf.put(product("0", metadata={"credit_amount": "7", "credit_type": "subscription"}))
    shelf.put(attrs.evolve(price("x"), product="prod_0", recurring=Recurring(Interval.MONTH)))

    stocked.billing.catalog.sync()

    assert stocked.state(waiting.webhook) == "applied"
    assert stocked.ledger().books.issued == -7


# What cannot be read ------------------------------------------------------------------------------------------------------


def test_one_that_cannot_be_read_stops_none_of_the_others_and_stays_as_it_was_known(stocked, shelf):
    shelf.unreadable = {"prod_b": "product.name is not a text", "price_b": "price.currency is missing"}
    shelf.put(product("c", description="new"))

    report = stocked.billing.catalog.sync()

    assert report.products.unreadable == (Unreadable("prod_b", "product.name is not a text"),)
    assert report.prices.unreadable == (Unreadable("price_b", "price.currency is missing"),)
    assert not report.clean
    assert report.products.changed == ("prod_c",)
    assert names(stocked) == ["a", "b", "c", "d", "e"]


def test_one_that_the_database_cannot_hold_stops_none_of_the_others(stocked, shelf):
    shelf.put(product("a", description="new"), product("b", description="bad"))
    stocked.store.failures = [refusal := Invalid("product", "holds a value that the database cannot store"), None, refusal]

    report = stocked.billing.catalog.sync()

    assert report.products.changed == ("prod_a",)
    assert report.products.unreadable == (Unreadable("prod_b", str(refusal)),)
    assert report.products.listed == 5
    assert stocked.billing.catalog.product("prod_b") == product("b")


# Beside webhooks ----------------------------------------------------------------------------------------------------------


def test_news_from_before_gives_way(stocked, shelf):
    shelf.put(product("a", description="synced"))
    stocked.billing.catalog.sync()

    stocked.receive(stocked.product("prod_a", name="late", day=2))

    assert stocked.billing.catalog.product("prod_a").description == "synced"


@pytest.mark.parametrize("phase", [Phase.CREATED, Phase.UPDATED])
def test_news_of_the_same_second_counts_more_in_either_order(open_shop, phase):
    for synced_first in (True, False):
        shelf = Shelf()
        shop = open_shop(today=3, gateway=shelf)
        shelf.put(product("a"))
        steps = [shop.billing.catalog.sync, lambda: shop.receive(shop.product("prod_a", name="told", day=3, phase=phase))]  # noqa: B023 - called below
        for step in steps if synced_first else steps[::-1]:
            step()

        assert shop.billing.catalog.product("prod_a").name == "told"
        assert shop.told() == []


def test_what_is_created_meanwhile_is_not_deleted(stocked, shelf):
    """The list does not hold it, for it was asked for before."""
    news = stocked.product("prod_new", day=3, phase=Phase.CREATED)
    shelf.instead = [None, None, lambda: stocked.receive(news)]

    report = stocked.billing.catalog.sync()

    assert report.products.deleted == ()
    assert not stocked.billing.catalog.product("prod_new").deleted


def test_what_is_deleted_meanwhile_stays_deleted(stocked, shelf):
    """Although the page that was asked for before still holds it."""
    news = stocked.product("prod_a", day=3, phase=Phase.DELETED, deleted=True)
    shelf.instead = [lambda: stocked.receive(news)]

    stocked.billing.catalog.sync()

    assert stocked.billing.catalog.product("prod_a").deleted


def test_what_is_listed_again_is_there_again(stocked, shelf):
    """An id may be given out anew, and a list that was somebody else's must not be the end of a catalog."""
    somebody_elses, shelf.lists = shelf.lists, {"products": {}, "prices": {}}
    report = stocked.billing.catalog.sync()
    assert (len(report.products.deleted), len(report.prices.deleted)) == (5, 5)
    assert names(stocked) == []
    shelf.lists = somebody_elses
    stocked.clock.set(stocked.day(4))

    report = stocked.billing.catalog.sync()

    assert len(report.products.changed) == 5
    assert names(stocked) == ["a", "b", "c", "d", "e"]


# Interruptions ------------------------------------------------------------------------------------------------------------


def interrupted(shop, shelf, *instead):
    shelf.instead = [*instead]
    with pytest.raises(ProviderUnavailable):
        shop.billing.catalog.sync()
    shelf.asked.clear()


DOWN = ProviderUnavailable("Timeout")


def test_a_sync_that_was_interrupted_goes_on_where_it_stopped(stocked, shelf):
    interrupted(stocked, shelf, None, DOWN)
    stocked.clock.set(stocked.day(3.5))

    report = stocked.billing.catalog.sync()

    assert (report.resumed, report.started_at) == (True, stocked.day(3))
    assert shelf.asked[0] == ("products", "prod_b")
    assert (report.products.unchanged, report.products.deleted) == (3, ())
    assert report.prices.unchanged == 5


def test_it_goes_on_among_the_prices(stocked, shelf):
    interrupted(stocked, shelf, None, None, None, None, DOWN)

    report = stocked.billing.catalog.sync()

    assert [kind for kind, _ in shelf.asked] == ["prices", "prices"]
    assert (report.products.listed, report.prices.unchanged) == (0, 3)


def test_what_could_not_be_read_before_the_interruption_is_not_deleted(stocked, shelf):
    shelf.unreadable = {"prod_b": "product.name is not a text"}
    interrupted(stocked, shelf, None, DOWN)

    stocked.billing.catalog.sync()

    assert names(stocked) == ["a", "b", "c", "d", "e"]


def test_what_a_later_page_says_is_as_new_as_that_page(stocked, shelf):
    """Not as old as the beginning: news that came between gives way to it."""
    interrupted(stocked, shelf, None, DOWN)
    shelf.put(product("c", description="after the news"))
    stocked.receive(stocked.product("prod_c", name="the news", day=3.2))
    stocked.clock.set(stocked.day(3.5))

    stocked.billing.catalog.sync()

    assert stocked.billing.catalog.product("prod_c").description == "after the news"


def test_after_a_day_it_begins_anew(stocked, shelf):
    interrupted(stocked, shelf, None, DOWN)
    stocked.clock.set(stocked.day(4))

    report = stocked.billing.catalog.sync()

    assert not report.resumed
    assert shelf.asked[0] == ("products", None)


def test_one_that_came_to_its_end_is_not_gone_on_with(stocked, shelf):
    stocked.billing.catalog.sync()
    shelf.asked.clear()

    assert not stocked.billing.catalog.sync().resumed
    assert shelf.asked[0] == ("products", None)


def test_a_place_that_the_provider_does_not_know_any_more_is_the_beginning(stocked, shelf):
    interrupted(stocked, shelf, None, DOWN)
    shelf.take("prod_b", "price_b")

    report = stocked.billing.catalog.sync()

    assert shelf.asked[:2] == [("products", "prod_b"), ("products", None)]
    assert report.products.deleted == ()
    assert names(stocked) == ["a", "b", "c", "d", "e"]  # it was listed after the beginning: the next sync misses it
    stocked.clock.set(stocked.day(5))
    assert stocked.billing.catalog.sync().products.deleted == ("prod_b",)


def test_a_refusal_of_the_first_page_is_raised(stocked, shelf):
    shelf.instead = [refusal := ProviderRefused("platform_account_required", "Not for this account")]

    with pytest.raises(ProviderRefused) as raised:
        stocked.billing.catalog.sync()

    assert raised.value is refusal


def test_a_page_whose_race_was_lost_is_kept_all_the_same(stocked, shelf):
    shelf.put(product("a", description="new"))
    stocked.store.failures = [Conflict("it"), Conflict("it")]

    assert stocked.billing.catalog.sync().products.changed == ("prod_a",)


def test_the_provider_is_never_asked_inside_a_transaction(stocked, shelf):
    """A unit that writes can be opened while it is asked: the memory store has only one at a time."""

    def write():
        with stocked.store.begin() as unit:
            unit.commit()

    shelf.instead = [write] * 6
    stocked.billing.catalog.sync()

    assert shelf.instead == []


def test_without_a_gateway_there_is_nothing_to_read(shop):
    shop.gateway = None
    shop.choose(shop.policies)

    with pytest.raises(Invalid, match="gateway is not set: give `Billing` a PaymentProvider"):
        shop.billing.catalog.sync()


# History ------------------------------------------------------------------------------------------------------------------


def test_what_was_said_before_can_be_read(stocked, shelf):
    shelf.put(product("a", description="new"), price("a", 1000))
    stocked.billing.catalog.sync()
    stocked.receive(stocked.price("price_a", "prod_a", cents=1100, day=4, recurring=None))
    stocked.receive(stocked.price("price_a", "prod_a", cents=1, day=2))

    products = stocked.billing.catalog.product_history("prod_a")
    prices = stocked.billing.catalog.price_history("price_a")

    assert [one.value for one in products] == [product("a"), product("a", description="new")]
    assert [one.revision.occurred_at for one in products] == [stocked.day(1), stocked.day(3)]
    assert [one.value.unit_amount for one in prices] == [900, 1000, 1100]


def test_what_was_said_again_is_no_history(stocked):
    for day in (4, 5):
        stocked.clock.set(stocked.day(day))
        stocked.billing.catalog.sync()

    assert len(stocked.billing.catalog.product_history("prod_a")) == 1


def test_what_was_never_heard_of_has_no_history(stocked):
    with pytest.raises(UnknownProduct):
        stocked.billing.catalog.product_history("prod_never")
    with pytest.raises(UnknownPrice):
        stocked.billing.catalog.price_history("price_never")
