"""Top-ups: what is bought when, and what never is."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.credits import AccountId
from billing_core.domain.topups import (
    LONGEST_BACK_OFF,
    MOST_PURCHASES,
    REST,
    Settled,
    TopUp,
    TopUpIntent,
    TopUpRule,
    changed,
    declined,
    looked_at,
    removed,
    succeeded,
    wanted,
)
from billing_core.errors import Invalid, UnknownTopUp

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TICK = timedelta(microseconds=1)


def a_rule(**rest):
    terms = {"threshold": 10, "pack": "price_pack", "most_purchases": 2, "per": 30 * DAY, "back_off": HOUR, **rest}
    return TopUpRule(**{"account": AccountId("acme"), **terms})


def a_top_up(**rest):
    rule = {name: rest.pop(name) for name in [*rest] if name in attrs.fields_dict(TopUpRule)}
    return TopUp(rule=a_rule(**rule), **rest)


def flying(top_up=None, intent="one", at=NOW):
    return wanted(top_up or a_top_up(), 0, at, intent)


# The rule -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        {"account": "acme"},
        {"threshold": 0},
        {"threshold": 1.5},
        {"threshold": 2**53},
        {"pack": ""},
        {"pack": " padded"},
        {"quantity": 0},
        {"quantity": True},
        {"most_purchases": 0},
        {"most_purchases": MOST_PURCHASES + 1},
        {"most_purchases": 1.0},
        {"per": 30},
        {"per": MINUTE - TICK},
        {"per": 366 * DAY + TICK},
        {"back_off": None},
        {"back_off": -HOUR},
        {"back_off": LONGEST_BACK_OFF + TICK},
    ],
    ids=repr,
)
def test_a_rule_that_cannot_be_is_refused(bad):
    with pytest.raises(Invalid) as refusal:
        a_rule(**bad)

    assert refusal.value.field == next(iter(bad))


@pytest.mark.parametrize(
    "edge",
    [
        {"threshold": 1},
        {"most_purchases": MOST_PURCHASES},
        {"per": MINUTE},
        {"per": 366 * DAY},
        {"back_off": MINUTE},
        {"back_off": 7 * DAY},
    ],
    ids=repr,
)
def test_a_rule_at_the_edge_is_accepted(edge):
    assert a_rule(**edge)


@pytest.mark.parametrize("busy", [{"enabled": False}, {"in_flight": TopUpIntent("one", NOW)}], ids=["removed", "in flight"])
def test_no_next_attempt_waits_where_none_can_be_made(busy):
    with pytest.raises(Invalid, match="next_attempt_at must be None"):
        a_top_up(next_attempt_at=NOW, **busy)


# Wanting ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("available", "buys"), [(11, False), (10, False), (9, True), (0, True)])
def test_a_pack_is_wanted_below_the_threshold(available, buys):
    assert bool(wanted(a_top_up(), available, NOW, "one")) is buys


def test_what_is_wanted_is_in_flight():
    top_up = flying(a_top_up(next_attempt_at=NOW))

    assert top_up == a_top_up(in_flight=TopUpIntent("one", NOW))


def test_while_one_is_in_flight_no_other_is_wanted():
    assert wanted(flying(), 0, NOW + 999 * DAY, "two") is None


def test_without_its_rule_nothing_is_wanted():
    assert wanted(removed(a_top_up()), 0, NOW, "one") is None


def test_who_writes_on_the_account_looks_only_when_something_can_be_wanted():
    assert a_top_up().watched_below == 10
    assert flying().watched_below is None
    assert removed(a_top_up()).watched_below is None


def test_the_period_has_room_for_so_many():
    top_up = a_top_up(purchases=(NOW, NOW + DAY))

    assert wanted(top_up, 0, NOW + 30 * DAY - TICK, "three") is None
    assert wanted(top_up, 0, NOW + 30 * DAY, "three")


def test_fewer_than_the_period_has_room_for_are_no_limit():
    assert wanted(a_top_up(purchases=(NOW,)), 0, NOW + TICK, "two")


# Outcomes -----------------------------------------------------------------------------------------------------------------


def test_a_purchase_is_counted_when_it_is_told():
    top_up = succeeded(flying(), "one", NOW + HOUR)

    assert top_up == a_top_up(
        settled=Settled("one", succeeded=True), purchases=(NOW + HOUR,), next_attempt_at=NOW + HOUR + REST
    )


def test_after_a_purchase_it_rests_until_the_credits_can_be_there():
    top_up = succeeded(flying(), "one", NOW)

    assert wanted(top_up, 0, NOW + REST - TICK, "two") is None
    assert wanted(top_up, 0, NOW + REST, "two")


def test_after_the_last_purchase_of_a_period_it_rests_until_there_is_room():
    top_up = succeeded(flying(a_top_up(most_purchases=1)), "one", NOW)

    assert top_up.next_attempt_at == NOW + 30 * DAY


def test_every_decline_doubles_the_pause_up_to_a_week():
    top_up, pauses = a_top_up(back_off=DAY), []
    at = NOW
    for number in range(5):
        top_up = declined(flying(top_up, str(number), at), str(number), at)
        pauses.append(top_up.next_attempt_at - at)
        at = top_up.next_attempt_at

    assert pauses == [1 * DAY, 2 * DAY, 4 * DAY, 7 * DAY, 7 * DAY]


@pytest.mark.parametrize("back_off", [MINUTE, HOUR, LONGEST_BACK_OFF])
def test_after_any_number_of_declines_the_pause_is_a_week(back_off):
    top_up = declined(flying(a_top_up(back_off=back_off, declines=10**6)), "one", NOW)

    assert top_up.next_attempt_at == NOW + 7 * DAY


def test_a_purchase_ends_the_declines():
    top_up = declined(flying(), "one", NOW)
    top_up = succeeded(flying(top_up, "two", NOW + HOUR), "two", NOW + HOUR)

    assert top_up.declines == 0
    assert declined(flying(top_up, "three", NOW + DAY), "three", NOW).next_attempt_at == NOW + HOUR


@pytest.mark.parametrize("told", [succeeded, declined])
def test_the_same_outcome_again_changes_nothing(told):
    once = told(flying(), "one", NOW)

    assert told(once, "one", NOW + DAY) == once


def test_money_that_came_is_right_whatever_was_told_before():
    top_up = succeeded(declined(flying(), "one", NOW), "one", NOW + MINUTE)

    assert top_up == succeeded(flying(), "one", NOW + MINUTE)
    assert declined(top_up, "one", NOW + HOUR) == top_up


def test_money_that_came_after_all_leaves_the_next_purchase_in_flight():
    two = flying(declined(flying(), "one", NOW), "two", NOW + HOUR)

    top_up = succeeded(two, "one", NOW + HOUR)

    assert (top_up.in_flight, top_up.purchases) == (two.in_flight, (NOW + HOUR,))


@pytest.mark.parametrize("told", [succeeded, declined])
@pytest.mark.parametrize(
    "top_up", [a_top_up(), flying(), declined(flying(), "one", NOW)], ids=["none", "flying", "settled"]
)
def test_an_outcome_of_what_nobody_asked_for_is_refused(told, top_up):
    with pytest.raises(UnknownTopUp) as refusal:
        told(top_up, "other", NOW)

    assert (refusal.value.account, refusal.value.intent) == ("acme", "other")


def test_more_purchases_than_a_rule_can_count_are_forgotten():
    known = tuple(NOW - number * DAY for number in range(MOST_PURCHASES))

    top_up = succeeded(flying(a_top_up(purchases=known, most_purchases=MOST_PURCHASES, per=MINUTE)), "one", NOW + DAY)

    assert top_up.purchases == (*sorted(known)[1:], NOW + DAY)


# Looking ------------------------------------------------------------------------------------------------------------------


def test_who_looks_finds_it_wanted():
    assert looked_at(a_top_up(next_attempt_at=NOW), 9, NOW, "one") == flying()


def test_nobody_has_to_look_again_while_there_is_enough():
    assert looked_at(a_top_up(next_attempt_at=NOW), 10, NOW, "one") == a_top_up()


@pytest.mark.parametrize("available", [0, 10])
def test_who_looks_too_early_leaves_the_moment(available):
    top_up = a_top_up(next_attempt_at=NOW + TICK)

    assert looked_at(top_up, available, NOW, "one") == top_up


def test_who_finds_no_room_leaves_the_moment_at_which_there_is():
    top_up = a_top_up(purchases=(NOW - DAY, NOW), next_attempt_at=NOW)

    assert looked_at(top_up, 0, NOW, "one").next_attempt_at == NOW + 29 * DAY


@pytest.mark.parametrize("busy", [flying(), removed(a_top_up())], ids=["in flight", "removed"])
def test_where_nothing_can_be_wanted_a_look_changes_nothing(busy):
    assert looked_at(busy, 0, NOW, "two") == busy


# Another rule -------------------------------------------------------------------------------------------------------------


def test_a_new_rule_is_to_be_looked_at():
    assert changed(None, a_rule(), NOW) == a_top_up(next_attempt_at=NOW)


def test_the_same_rule_again_changes_nothing():
    top_up = declined(flying(), "one", NOW)

    assert changed(top_up, a_rule(), NOW + TICK) == top_up


def test_another_rule_forgets_the_declines_and_keeps_the_purchases():
    top_up = a_top_up(purchases=(NOW,), declines=3, next_attempt_at=NOW + DAY)

    assert changed(top_up, a_rule(threshold=99), NOW) == a_top_up(threshold=99, purchases=(NOW,), next_attempt_at=NOW)


def test_another_rule_waits_for_what_is_in_flight():
    top_up = changed(flying(), a_rule(threshold=99), NOW)

    assert (top_up.in_flight, top_up.next_attempt_at) == (TopUpIntent("one", NOW), None)


def test_to_remove_a_rule_and_set_it_again_evades_no_limit():
    top_up = succeeded(flying(a_top_up(most_purchases=1)), "one", NOW)

    again = changed(removed(top_up), top_up.rule, NOW + DAY)

    assert again.enabled
    assert wanted(again, 0, NOW + 30 * DAY - TICK, "two") is None


@pytest.mark.parametrize(("told", "counted"), [(succeeded, (NOW,)), (declined, ())])
def test_without_its_rule_an_outcome_can_still_be_told(told, counted):
    top_up = told(removed(flying()), "one", NOW)

    assert (top_up.enabled, top_up.in_flight, top_up.purchases, top_up.next_attempt_at) == (False, None, counted, None)


# Whatever happens ---------------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["spend", "look", "succeed", "decline", "late", "set", "remove"]),
        st.sampled_from([TICK, MINUTE, HOUR, DAY, 10 * DAY]),
    ),
    max_size=60,
)


@given(steps=STEPS, most=st.integers(1, 3))
def test_no_period_has_more_purchases_than_its_limit_and_no_two_are_in_flight(steps, most):
    rule, now, charged = a_rule(most_purchases=most), NOW, []
    top_up = changed(None, rule, now)
    for number, (step, pause) in enumerate(steps):
        now += pause
        before = top_up
        match step:
            case "spend":
                top_up = wanted(top_up, 0, now, f"{number}") or top_up
            case "look":
                top_up = looked_at(top_up, 0, now, f"{number}")
            case "succeed" if top_up.in_flight:
                charged.append(now)
                top_up = succeeded(top_up, top_up.in_flight.id, now)
            case "decline" if top_up.in_flight:
                top_up = declined(top_up, top_up.in_flight.id, now)
            case "late" if top_up.settled:
                top_up = succeeded(top_up, top_up.settled.id, now) if top_up.settled.succeeded else top_up
            case "set":
                top_up = changed(top_up, rule, now)
            case "remove":
                top_up = removed(top_up)
        assert before.in_flight is None or top_up.in_flight in {before.in_flight, None}

    for at in charged:
        assert sum(at - rule.per < one <= at for one in charged) <= most
