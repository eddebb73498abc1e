"""Mirrors: any order and any number of snapshots end in one state."""

from datetime import UTC, datetime, timedelta
from functools import reduce

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.customers import Customer, Link
from billing_core.domain.mirrors import Kind, Mirrored, Phase, Revision, merge, snapshot
from billing_core.domain.products import Product
from billing_core.domain.subscriptions import PlanChange, Status, Subscription
from billing_core.testing import strategies

THEN = datetime(2026, 1, 1, tzinfo=UTC)
LATER = THEN + timedelta(seconds=1)


def told(value, at=THEN, phase=Phase.UPDATED):
    return snapshot(value, at, phase)


def known(mirrored):
    """Return everything but the version, which counts this store's writes."""
    return mirrored.value, mirrored.revision


# Order --------------------------------------------------------------------------------------------------------------------


def test_the_later_snapshot_wins_whichever_comes_first():
    old, new = told(Product("prod_1", "Old")), told(Product("prod_1", "New"), LATER)

    assert merge(old, new).value.name == merge(new, old).value.name == "New"


def test_in_one_second_an_update_comes_after_the_creation():
    created = told(Product("prod_1", "Old"), phase=Phase.CREATED)
    updated = told(Product("prod_1", "New"))

    assert merge(updated, created).value.name == "New"


def test_in_one_second_the_later_stage_of_the_lifecycle_wins():
    incomplete = told(Subscription("sub_1", Status.INCOMPLETE, "cus_1"))
    active = told(Subscription("sub_1", Status.ACTIVE, "cus_1"))

    assert merge(active, incomplete).value.status is Status.ACTIVE


@pytest.mark.parametrize("value", [Product("x", "X", deleted=True), Subscription("x", Status.CANCELED, "cus_1")])
def test_what_has_ended_never_comes_back(value):
    ended = told(value, THEN, Phase.DELETED)
    alive = told(Product("x", "X") if isinstance(value, Product) else Subscription("x", Status.ACTIVE, "cus_1"), LATER)

    assert merge(ended, alive).value.ended
    assert merge(alive, ended).value.ended


def test_the_link_of_a_customer_outlives_its_deletion():
    linked = told(Customer("cus_1", Link(THEN, "acme")))
    deleted = told(Customer("cus_1", deleted=True), LATER, Phase.DELETED)

    assert merge(linked, deleted).value.account == merge(deleted, linked).value.account == "acme"


def test_plan_changes_gather_from_snapshots_that_are_otherwise_too_old():
    change = PlanChange(THEN, ("price_a",))
    old = told(Subscription("sub_1", Status.ACTIVE, "cus_1", changes=(change,)))
    new = told(Subscription("sub_1", Status.PAST_DUE, "cus_1"), LATER)

    merged = merge(new, old).value

    assert (merged.status, merged.changes) == (Status.PAST_DUE, (change,))


def test_merging_keeps_the_version_of_what_is_stored():
    stored = attrs.evolve(told(Product("prod_1", "Old")), version=7)

    assert merge(stored, told(Product("prod_1", "New"), LATER)).version == 7


# Ties ---------------------------------------------------------------------------------------------------------------------


def test_two_different_snapshots_of_one_second_are_tied():
    assert told(Product("prod_1", "A")).revision.tied(told(Product("prod_1", "B")).revision)


def test_the_same_snapshot_twice_is_no_tie():
    assert not told(Product("prod_1", "A")).revision.tied(told(Product("prod_1", "A")).revision)


@pytest.mark.parametrize(("at", "phase"), [(LATER, Phase.UPDATED), (THEN, Phase.CREATED)])
def test_snapshots_that_can_be_ordered_are_not_tied(at, phase):
    assert not told(Product("prod_1", "A")).revision.tied(told(Product("prod_1", "B"), at, phase).revision)


def test_the_order_of_metadata_makes_no_difference():
    one = Product("prod_1", "A", metadata={"a": "1", "b": "2"})
    other = Product("prod_1", "A", metadata={"b": "2", "a": "1"})

    assert told(one) == told(other)


def test_a_place_in_history_is_ordered_by_time_then_rank_then_digest():
    places = [Revision(LATER), Revision(THEN, 1), Revision(THEN, 0, "b"), Revision(THEN, 0, "a")]

    assert sorted(places) == places[::-1]


def test_an_object_is_named_by_its_kind_and_id():
    assert [kind.named("x") for kind in Kind] == [f"{kind.value}:x" for kind in Kind]
    assert Kind.PAYMENT.named("pi_1") == "payment:pi_1"


# Laws ---------------------------------------------------------------------------------------------------------------------


def named_x(values):
    return values.map(lambda value: attrs.evolve(value, id="x"))


def often_the_same(values):
    """Draw snapshots that often share their second and their content, with links and plan changes that meet."""
    seconds = st.integers(0, 2).map(lambda seconds: THEN + timedelta(seconds=seconds))
    return st.builds(snapshot, values, seconds, st.sampled_from(Phase))


meeting_links = st.none() | st.builds(Link, st.sampled_from([THEN, LATER]), st.sampled_from(["acme", "globex"]))
meeting_changes = st.lists(
    st.builds(PlanChange, st.sampled_from([THEN, LATER]), st.sampled_from([(), ("price_a",), ("price_b",)])), max_size=2
).map(tuple)
small_subscriptions = st.builds(
    Subscription, st.just("x"), st.sampled_from(Status), st.just("cus_1"), meeting_links, changes=meeting_changes
)
small_customers = st.builds(Customer, st.just("x"), meeting_links, deleted=st.booleans())
histories = st.one_of(
    *(
        st.lists(often_the_same(named_x(values)), min_size=3, max_size=6)
        for values in (
            strategies.products(),
            strategies.prices(),
            strategies.customers(),
            strategies.subscriptions(),
            strategies.payment_refunds(),
            strategies.disputes(),
            small_customers,
            small_subscriptions,
        )
    )
)


@given(histories, st.randoms(use_true_random=False))
def test_any_order_with_any_duplicates_ends_in_one_state(history, luck):
    shuffled = [*history, *luck.choices(history, k=3)]
    luck.shuffle(shuffled)

    assert known(reduce(merge, shuffled)) == known(reduce(merge, history))


@given(histories)
def test_merging_is_commutative(history):
    one, two, *_ = history

    assert known(merge(one, two)) == known(merge(two, one))


@given(histories)
def test_merging_is_associative(history):
    one, two, three, *_ = history

    assert known(merge(merge(one, two), three)) == known(merge(one, merge(two, three)))


@given(histories)
def test_merging_again_changes_nothing(history):
    merged = reduce(merge, history)

    assert all(merge(merged, one) == merged for one in (*history, merged))


@given(histories)
def test_an_object_has_ended_as_soon_as_one_snapshot_says_so(history):
    assert reduce(merge, history).value.ended is any(one.value.ended for one in history)


@given(small_subscriptions, st.sampled_from(Phase))
def test_a_snapshot_holds_what_was_told(value, phase):
    one = snapshot(value, THEN, phase)

    assert one == Mirrored(value, Revision(THEN, phase * 10 + value.stage, one.revision.digest), 0)
