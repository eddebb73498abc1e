"""Subscriptions: the lifecycle table, and what follows from it."""

from datetime import UTC, datetime, timedelta
from itertools import product

import attrs
import pytest

from billing_core.domain.customers import Link
from billing_core.domain.subscriptions import (
    LIVE,
    TERMINAL,
    TRANSITIONS,
    PlanChange,
    Status,
    Subscription,
    stage,
)

THEN = datetime(2026, 1, 1, tzinfo=UTC)
LATER = THEN + timedelta(seconds=1)
PAIRS = [*product(Status, Status)]


def follows(after, before):
    """Tell whether any number of steps leads from one status to another."""
    seen, ahead = set(), [before]
    while ahead:
        steps = TRANSITIONS[ahead.pop()] - seen
        seen |= steps
        ahead += steps
    return after in seen


def subscription(status=Status.ACTIVE, **rest):
    return Subscription("sub_1", status, "cus_1", **rest)


def test_the_table_says_what_comes_after_every_status():
    assert set(TRANSITIONS) == set(Status)
    assert len(Status) == 8


def test_nothing_comes_after_a_terminal_status():
    assert {Status.CANCELED, Status.INCOMPLETE_EXPIRED} == TERMINAL
    assert not [pair for pair in PAIRS if pair[1] in TERMINAL and follows(*pair)]


@pytest.mark.parametrize("status", sorted(set(Status) - TERMINAL))
def test_whatever_has_not_ended_can_be_canceled(status):
    assert follows(Status.CANCELED, status)


def test_nothing_becomes_incomplete_again():
    assert not [before for before in Status if follows(Status.INCOMPLETE, before)]


def test_only_an_incomplete_subscription_can_expire_incomplete():
    assert [before for before in Status if follows(Status.INCOMPLETE_EXPIRED, before)] == [Status.INCOMPLETE]


def test_one_step_is_among_any_number_of_steps():
    assert all(follows(after, before) for before, steps in TRANSITIONS.items() for after in steps)


def test_what_follows_what_follows_also_follows():
    assert all(
        follows(third, first)
        for first, second in PAIRS
        for third in Status
        if follows(second, first) and follows(third, second)
    )


def test_what_can_only_come_later_has_the_higher_stage():
    assert all(
        stage(after) > stage(before) for before, after in PAIRS if follows(after, before) and not follows(before, after)
    )


def test_statuses_that_lead_to_one_another_share_a_stage():
    assert all(
        stage(after) == stage(before) for before, after in PAIRS if follows(after, before) and follows(before, after)
    )


@pytest.mark.parametrize("status", Status)
def test_a_stage_is_one_digit(status):
    assert 0 <= subscription(status).stage == stage(status) <= 9


@pytest.mark.parametrize("status", Status)
def test_a_subscription_has_ended_in_a_terminal_status(status):
    assert subscription(status).ended is (status in TERMINAL)


@pytest.mark.parametrize("status", Status)
def test_a_subscription_is_live_while_trialing_active_or_past_due(status):
    assert subscription(status).live is (status in {Status.TRIALING, Status.ACTIVE, Status.PAST_DUE})
    assert (status in LIVE) is subscription(status).live


def test_a_subscription_belongs_to_its_linked_account():
    assert subscription().account is None
    assert subscription(link=Link(THEN, "acme")).account == "acme"


def test_plan_changes_gather_in_the_order_of_their_moments():
    early, late = PlanChange(THEN, ("price_a",)), PlanChange(LATER, ("price_b",))

    absorbed = subscription(changes=(late,)).absorb(subscription(changes=(early, late)))

    assert absorbed.changes == (early, late)


def test_a_later_snapshot_keeps_the_later_link():
    known = subscription(link=Link(LATER, "globex"))

    assert subscription(Status.PAST_DUE, link=Link(THEN, "acme")).absorb(known).account == "globex"


def test_a_later_snapshot_keeps_everything_else_of_its_own():
    newer = subscription(Status.CANCELED, period_end=LATER, metadata={"a": "1"})
    older = subscription(Status.ACTIVE, period_end=THEN, metadata={"b": "2"}, changes=(PlanChange(THEN),))

    assert attrs.evolve(newer.absorb(older), changes=()) == newer
