"""Whatever comes between the pages of a sync, and however often it is interrupted, the catalog ends as the provider's."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.mirrors import Phase, snapshot
from billing_core.domain.pages import Page
from billing_core.domain.products import Product
from billing_core.domain.webhooks import RecordProduct
from billing_core.errors import ProviderUnavailable

IDS = [f"prod_{one}" for one in "abcdef"]
DOWN = ProviderUnavailable("Timeout")

# What happens at the provider and on the way: an object is edited (or made), archived or deleted; a webhook that is under
# way arrives, once more or for good; time passes. `lost` news never arrives.
events = st.tuples(st.sampled_from(["edit", "edit", "archive", "delete"]), st.sampled_from(IDS), st.booleans())
deliveries = st.tuples(st.just("deliver"), st.integers(0, 20), st.booleans())
steps = st.lists(events | deliveries | st.just(("wait", 0, False)), max_size=4)


class World:
    """A provider that lists two products a page, the latest first, and tells of each change, sooner or later or never."""

    def __init__(self, open_shop, *, lossy):
        self.shop = open_shop(gateway=self)
        self.lossy = lossy
        self.truth = {}
        self.gone = set()
        self.under_way = []
        self.script = []
        self.edits = 0

    # The provider

    def products(self, after=None):
        self.play()
        known = [*self.truth][::-1]
        start = known.index(after) + 1 if after in known else 0
        listed = known[start : start + 2]
        return Page(tuple(self.truth[one] for one in listed), (), listed[-1] if len(known) > start + 2 else None)

    def prices(self, after=None):
        del after
        return Page()

    # What happens

    def play(self):
        """Let the next steps happen, or be down."""
        for step in self.script.pop(0) if self.script else ():
            if step is DOWN:
                raise DOWN
            self.happen(*step)

    def happen(self, what, which, flag):
        if what == "wait":
            self.pass_time()
        elif what == "deliver":
            self.deliver(which, again=flag)
        elif which not in self.gone and (what == "edit" or which in self.truth):
            self.change(what, which, lost=flag and self.lossy)

    def change(self, what, which, *, lost):
        """Change something in a second of its own: what happens within one second nothing can order."""
        self.pass_time()
        self.edits += 1
        phase = Phase.UPDATED if which in self.truth else Phase.CREATED
        if what == "delete":
            value, phase = Product(which, "gone", deleted=True), Phase.DELETED
            self.truth.pop(which)
            self.gone.add(which)
        else:
            value = self.truth[which] = Product(which, f"edit {self.edits}", active=what == "edit")
        news = RecordProduct(snapshot(value, self.shop.clock.now().replace(microsecond=0), phase))
        if not lost:
            self.under_way.append(self.shop.prepare(news))

    def deliver(self, which, *, again):
        if self.under_way:
            body = self.under_way[which % len(self.under_way)]
            if not again:
                self.under_way.remove(body)
            self.shop.billing.webhooks.receive(body, {"signature": "genuine"})

    def pass_time(self):
        self.shop.clock.advance(timedelta(seconds=1))

    def sync(self, script):
        """Sync while these steps happen, page by page; after an interruption go on."""
        self.script = script
        while True:
            try:
                return self.shop.billing.catalog.sync()
            except ProviderUnavailable:
                self.pass_time()

    @property
    def catalog(self):
        return {one.id: one for one in self.shop.billing.catalog.products()}


scripts = st.lists(st.lists(steps | st.just([DOWN]), max_size=6), min_size=1, max_size=4)


@given(scripts, st.randoms(use_true_random=False))
def test_once_all_news_has_come_the_catalog_is_the_providers(open_shop, told, luck):
    """Whatever was synced meanwhile."""
    world = World(open_shop, lossy=False)
    for script in told:
        world.sync(script)

    luck.shuffle(world.under_way)
    while world.under_way:
        world.deliver(0, again=False)

    assert world.catalog == world.truth


@given(scripts)
def test_after_a_sync_the_catalog_is_the_providers_although_news_was_lost(open_shop, told):
    """And whatever comes late after that changes nothing."""
    world = World(open_shop, lossy=True)
    for script in told:
        world.sync(script)

    world.pass_time()
    world.sync([])
    assert world.catalog == world.truth

    while world.under_way:
        world.deliver(0, again=False)
    assert world.catalog == world.truth


@pytest.mark.parametrize("lossy", [False, True])
def test_the_world_of_these_tests_is_interrupted_and_told_late(open_shop, lossy):
    """They would prove nothing otherwise."""
    world = World(open_shop, lossy=lossy)
    world.sync([[("edit", one, True) for one in IDS], [DOWN], [("delete", "prod_a", True), ("deliver", 0, False)]])

    assert len(world.truth) == 5
    assert len(world.under_way) == (0 if lossy else 6)
