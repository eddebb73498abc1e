"""Refunds and disputes: whether their money is gone, and which snapshot of them is the last word."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import attrs
import pytest

from billing_core.domain.mirrors import Phase, merge, snapshot
from billing_core.domain.money import Money
from billing_core.domain.refunds import Dispute, Refund

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REFUND = Refund("re_1", "pi_1", Money(100, "usd"), "pending", NOW)
DISPUTE = Dispute("dp_1", "pi_1", Money(100, "usd"), "needs_response", NOW)


@pytest.mark.parametrize(
    ("status", "gone"),
    [
        ("pending", True),
        ("requires_action", True),
        ("succeeded", True),
        ("new", True),
        ("failed", False),
        ("canceled", False),
    ],
)
def test_the_money_of_a_refund_is_gone_unless_it_failed(status, gone):
    assert attrs.evolve(REFUND, status=status).gone is gone


@pytest.mark.parametrize(
    ("status", "withdrawn", "gone"),
    [
        ("warning_needs_response", False, False),
        ("warning_closed", True, False),
        ("needs_response", False, False),
        ("needs_response", True, True),
        ("appeal_under_review", True, True),
        ("lost", True, True),
        ("lost", False, False),
        ("won", True, False),
        ("won", False, False),
    ],
)
def test_the_money_of_a_dispute_is_gone_while_it_is_withdrawn(status, withdrawn, gone):
    assert attrs.evolve(DISPUTE, status=status, withdrawn=withdrawn).gone is gone


def last_word(snapshots):
    """Return what is known in the end in every order, which must be one and the same."""
    ends = []
    for order in permutations(snapshots):
        known = order[0]
        for one in order[1:]:
            known = merge(known, one)
        ends.append(known.value)
    assert all(one == ends[0] for one in ends)
    return ends[0]


def test_in_one_second_a_refund_that_succeeded_is_later_than_one_under_way():
    under_way = snapshot(REFUND, NOW, Phase.UPDATED)
    succeeded = snapshot(attrs.evolve(REFUND, status="succeeded"), NOW, Phase.UPDATED)

    assert last_word([under_way, succeeded]).status == "succeeded"


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_refund_that_failed_stays_so_whatever_is_told_after_it(status):
    failed = snapshot(attrs.evolve(REFUND, status=status), NOW, Phase.UPDATED)
    later = snapshot(attrs.evolve(REFUND, status="succeeded"), NOW + timedelta(days=1), Phase.UPDATED)

    assert last_word([failed, later]).status == status


def test_in_one_second_a_dispute_goes_from_the_inquiry_to_the_money_that_came_back():
    course = [
        ("warning_under_review", False),
        ("needs_response", False),
        ("needs_response", True),
        ("won", True),
        ("won", False),
    ]
    told = [snapshot(attrs.evolve(DISPUTE, status=s, withdrawn=w), NOW, Phase.UPDATED) for s, w in course]

    assert sorted(told, key=lambda one: one.revision) == told
    assert last_word(told[-3:]) == told[-1].value


def test_a_dispute_that_was_lost_can_be_appealed():
    lost = snapshot(attrs.evolve(DISPUTE, status="lost", withdrawn=True), NOW, Phase.UPDATED)
    appealed = snapshot(attrs.evolve(DISPUTE, status="appeal_under_review"), NOW + timedelta(days=1), Phase.UPDATED)

    assert last_word([lost, appealed]).status == "appeal_under_review"
