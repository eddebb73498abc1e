"""Holds, as an application sets credits aside before the work and captures them after it; and previews and explanations."""

from datetime import timedelta

import pytest

from billing_core.domain.credits import AccountId, Capture, Expire, Grant, Operation, PlaceHold, Spend
from billing_core.errors import (
    AlreadyGranted,
    Conflict,
    HoldClosed,
    HoldExceeded,
    InsufficientCredits,
    Invalid,
    KeyReused,
    UnknownEntry,
    UnknownHold,
)

ACME = AccountId("acme")
HOUR = timedelta(hours=1)


@pytest.fixture
def credits_(shop):
    """Open the credits of an account that has 10."""
    shop.billing.credits.grant("acme", 10, key="gift")
    return shop.billing.credits


def figures(credits_, account="acme"):
    balance = credits_.balance(account)
    return balance.available, balance.held


# Holding ------------------------------------------------------------------------------------------------------------------


def test_a_hold_answers_with_its_entry_whose_number_is_the_holds(credits_):
    entry = credits_.hold("acme", 7, key="k", reference="job:1", reason="render", actor="ann")

    assert (entry.operation, entry.amount, entry.change, entry.available_after) == (Operation.HOLD, 7, -7, 3)
    assert (entry.key, entry.reference, entry.reason, entry.actor) == ("k", "job:1", "render", "ann")
    assert (entry.seq, entry.placed.number) == (2, 2)


def test_what_is_held_cannot_be_spent(credits_):
    credits_.hold("acme", 7)

    assert figures(credits_) == (3, 7)
    with pytest.raises(InsufficientCredits):
        credits_.spend("acme", 4)


def test_no_more_can_be_held_than_there_is(credits_):
    with pytest.raises(InsufficientCredits):
        credits_.hold("acme", 11, key="k")

    assert figures(credits_) == (10, 0)
    assert credits_.hold("acme", 10, key="k").available_after == 0


def test_a_hold_lasts_an_hour_unless_told_otherwise(credits_, shop):
    assert credits_.hold("acme", 1).placed.expires_at == shop.clock.now() + HOUR
    assert credits_.hold("acme", 1, expires_in=3 * HOUR).placed.expires_at == shop.clock.now() + 3 * HOUR


def test_the_same_key_holds_once_however_late_it_comes_again(credits_, shop):
    first = credits_.hold("acme", 7, key="k")
    shop.clock.advance(timedelta(minutes=59))

    assert credits_.hold("acme", 7, key="k") == first
    shop.clock.advance(timedelta(days=9))
    assert credits_.hold("acme", 7, key="k") == first
    assert figures(credits_) == (10, 0)


def test_another_while_is_another_command(credits_):
    credits_.hold("acme", 7, key="k")

    with pytest.raises(KeyReused):
        credits_.hold("acme", 7, key="k", expires_in=2 * HOUR)


@pytest.mark.parametrize("bad", [{"amount": 0}, {"amount": 1.5}, {"expires_in": -HOUR}, {"expires_in": 60}, {"unit": ""}])
def test_a_hold_that_cannot_be_is_refused(credits_, bad):
    with pytest.raises(Invalid):
        credits_.hold(**{"account": "acme", "amount": 1, **bad})


def test_a_lost_race_is_decided_again(credits_, shop):
    shop.store.failures += [Conflict("account acme")]

    assert credits_.hold("acme", 7).available_after == 3


@pytest.mark.parametrize("operation", ["grant", "spend", "hold", "capture", "release"])
def test_a_word_that_no_operation_knows_is_an_error(credits_, operation):
    with pytest.raises(TypeError, match="kye"):
        getattr(credits_, operation)("acme", 1, kye="job-1")


@pytest.mark.parametrize("operation", ["grant", "spend", "hold", "capture", "release"])
def test_the_keys_of_what_payments_bought_are_nobody_elses(credits_, operation):
    with pytest.raises(Invalid, match="key must not begin with payment:"):
        getattr(credits_, operation)("acme", 1, key="payment:pi_1")


# Capturing and releasing --------------------------------------------------------------------------------------------------


def test_a_capture_answers_with_its_entry(credits_):
    hold = credits_.hold("acme", 7).seq

    entry = credits_.capture("acme", hold, 4, key="k", reference="job:1")

    assert (entry.operation, entry.of, entry.amount, entry.change) == (Operation.CAPTURE, hold, 4, 3)
    assert (entry.key, entry.reference) == ("k", "job:1")
    assert figures(credits_) == (6, 0)


def test_without_an_amount_everything_is_captured(credits_):
    hold = credits_.hold("acme", 7).seq

    assert credits_.capture("acme", hold).amount == 7


def test_a_hold_is_captured_bit_by_bit(credits_):
    hold = credits_.hold("acme", 7).seq

    credits_.capture("acme", hold, 2, final=False)
    credits_.capture("acme", hold, 2, final=False)
    credits_.capture("acme", hold, 0)

    assert figures(credits_) == (6, 0)


def test_the_same_key_captures_once(credits_):
    hold = credits_.hold("acme", 7).seq

    first = credits_.capture("acme", hold, 2, key="k", final=False)

    assert credits_.capture("acme", hold, 2, key="k", final=False) == first
    assert figures(credits_) == (3, 5)


def test_no_more_is_captured_than_is_held(credits_):
    hold = credits_.hold("acme", 7).seq

    with pytest.raises(HoldExceeded):
        credits_.capture("acme", hold, 8)


def test_a_release_answers_with_its_entry(credits_):
    hold = credits_.hold("acme", 7).seq

    entry = credits_.release("acme", hold, key="k", reason="canceled")

    assert (entry.operation, entry.of, entry.amount, entry.reason) == (Operation.RELEASE, hold, 7, "canceled")
    assert figures(credits_) == (10, 0)


@pytest.mark.parametrize("close", ["capture", "release"])
def test_a_closed_hold_stays_closed(credits_, close):
    hold = credits_.hold("acme", 7).seq
    getattr(credits_, close)("acme", hold)

    with pytest.raises(HoldClosed):
        credits_.capture("acme", hold)
    with pytest.raises(HoldClosed):
        credits_.release("acme", hold)


def test_a_number_that_is_no_holds_is_unknown(credits_):
    with pytest.raises(UnknownHold):
        credits_.capture("acme", 1)
    with pytest.raises(UnknownHold):
        credits_.release("nobody", 1)


def test_holds_of_another_unit_are_others(credits_):
    credits_.grant("acme", 5, unit="tokens")
    hold = credits_.hold("acme", 5, unit="tokens").seq

    assert credits_.holds("acme") == ()
    assert credits_.release("acme", hold, unit="tokens").amount == 5


# Timing out ---------------------------------------------------------------------------------------------------------------


def test_what_nobody_captured_returns_by_itself(credits_, shop):
    hold = credits_.hold("acme", 7).seq
    shop.clock.advance(HOUR)

    assert figures(credits_) == (10, 0)
    with pytest.raises(HoldClosed):
        credits_.capture("acme", hold)
    assert shop.ledger().version == 2, "nobody wrote it down yet"


def test_open_holds_are_listed_until_they_time_out(credits_, shop):
    credits_.hold("acme", 1)
    credits_.hold("acme", 2, expires_in=2 * HOUR, reference="job:2")

    assert [hold.number for hold in credits_.holds("acme")] == [2, 3]
    shop.clock.advance(HOUR)
    assert [(hold.number, hold.left, hold.reference) for hold in credits_.holds("acme")] == [(3, 2, "job:2")]


def test_an_account_that_nobody_knows_holds_nothing(credits_):
    assert credits_.holds("nobody") == ()


def test_that_a_hold_timed_out_is_told(credits_, shop):
    credits_.hold("acme", 7, reference="job:1")
    shop.clock.advance(3 * HOUR)
    credits_.expire("acme")

    (event,) = shop.told("credits.hold_timed_out")

    assert (event.subject, event.account, event.occurred_at) == ("account:acme", "acme", shop.day(1) + HOUR)
    assert event.data == {"seq": "3", "amount": "7", "hold": "2", "reference": "job:1"}


def test_that_a_hold_timed_out_is_told_when_it_is_written_down_with_something_else(credits_, shop):
    credits_.hold("acme", 7)
    shop.clock.advance(HOUR)
    credits_.spend("acme", 10)

    (event,) = shop.told("credits.hold_timed_out")
    assert event.data == {"seq": "3", "amount": "7", "hold": "2"}


def test_what_the_application_does_itself_is_not_told(credits_, shop):
    credits_.capture("acme", credits_.hold("acme", 4).seq, 1)
    credits_.release("acme", credits_.hold("acme", 4).seq)

    assert [event.name for event in shop.told()] == ["credits.granted"]


def test_what_is_lost_when_it_returns_is_told_as_expired(shop):
    credits_ = shop.billing.credits
    credits_.grant("acme", 5, expires_at=shop.day(2))
    credits_.grant("acme", 5)
    hold = credits_.hold("acme", 8, expires_in=timedelta(days=9)).seq
    shop.clock.set(shop.day(3))
    credits_.capture("acme", hold, 3)

    (event,) = shop.told("credits.expired")
    assert event.data == {"seq": "4", "amount": "2"}


# Previewing ---------------------------------------------------------------------------------------------------------------


def test_a_preview_is_what_is_written_afterwards(credits_, shop):
    credits_.hold("acme", 7)
    shop.clock.advance(HOUR)
    command = Spend(account=ACME, key="k", amount=8)

    timed_out, spent = credits_.preview(command)

    assert shop.ledger().version == 2
    assert credits_.spend("acme", 8, key="k") == spent
    assert credits_.statement("acme").entries[:2] == (spent, timed_out)


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (Spend(account=ACME, key="k", amount=11), InsufficientCredits),
        (Spend(account=ACME, key="gift", amount=1), KeyReused),
        (Grant(account=ACME, key="k", source="grant:gift", amount=1), AlreadyGranted),
        (Capture(account=ACME, key="k", hold=1), UnknownHold),
        (PlaceHold(account=AccountId("nobody"), key="k", amount=1, expires_in=HOUR), InsufficientCredits),
    ],
)
def test_a_preview_refuses_what_would_be_refused(credits_, command, refusal):
    with pytest.raises(refusal):
        credits_.preview(command)


def test_what_was_done_before_would_write_nothing(credits_):
    credits_.spend("acme", 4, key="k")

    assert credits_.preview(Spend(account=ACME, key="k", amount=4)) == ()
    assert credits_.preview(Expire(account=ACME)) == ()


# Explaining ---------------------------------------------------------------------------------------------------------------


def test_an_explanation_says_which_lots_paid_and_why_in_that_order(credits_, shop):
    credits_.grant("acme", 5, source="welcome", expires_at=shop.day(9))
    spent = credits_.spend("acme", 12)

    explanation = credits_.explain("acme", spent.seq)

    assert explanation.entry == spent
    assert [(one.source, one.movement.amount, one.why) for one in explanation.movements] == [
        ("welcome", 5, "the first to burn: priority 10, expires at 2026-01-10 00:00 UTC"),
        ("grant:gift", 7, "burns after lot 2: of the same priority, but it never expires"),
    ]


def test_an_entry_is_explained_long_after_its_lots_were_used_up(credits_):
    credits_.spend("acme", 10)
    credits_.grant("acme", 5)
    credits_.spend("acme", 5)

    assert [one.source for one in credits_.explain("acme", 2).movements] == ["grant:gift"]


def test_a_grant_explains_itself(credits_):
    (one,) = credits_.explain("acme", 1).movements

    assert (one.source, one.why) == ("grant:gift", "opened by this entry")


@pytest.mark.parametrize("seq", [0, -1, 2, 2**63 - 1])
def test_an_entry_that_was_never_written_cannot_be_explained(credits_, seq):
    with pytest.raises(UnknownEntry) as refusal:
        credits_.explain("acme", seq)

    assert (refusal.value.account, refusal.value.seq) == ("acme", seq)


def test_the_account_of_an_unknown_entry_is_named_with_its_unit(credits_):
    with pytest.raises(UnknownEntry, match="account 'acme/tokens' has no entry 1"):
        credits_.explain("acme", 1, unit="tokens")


@pytest.mark.parametrize("seq", [1.0, True, "1", None])
def test_an_entry_is_named_by_its_number(credits_, seq):
    with pytest.raises(Invalid, match="seq must be"):
        credits_.explain("acme", seq)
