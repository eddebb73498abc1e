"""Explanations: which lot each movement was on, and why in that order."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.credits import (
    FLOWS,
    Account,
    AccountId,
    Book,
    Capture,
    Convert,
    Entry,
    Expire,
    Grant,
    Lot,
    LotKind,
    Movement,
    Operation,
    PlaceHold,
    Spend,
    change,
    decide,
    explain,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ACME = AccountId("acme")
SPEND = Spend(account=ACME, key="spend", amount=11)


def grant(name, amount=10, **rest):
    return Grant(**{"account": ACME, "key": f"grant-{name}", "source": name, "amount": amount, **rest})


def why(*commands, at=NOW):
    """Return the sentences that explain the last entry of the last command, which alone is given `at` a moment."""
    account = Account(ACME)
    for command in commands[:-1]:
        account = change(account, decide(account, command, NOW)).account
    decided = change(account, decide(account, commands[-1], at))
    return [one.why for one in explain(decided.entries[-1], decided.account.lots).movements]


def test_a_movement_comes_with_the_terms_of_its_lot():
    account = change(Account(ACME), decide(Account(ACME), grant("a", expires_at=NOW + DAY), NOW)).account
    (entry,) = decide(account, Spend(account=ACME, key="k", amount=4), NOW)

    explanation = explain(entry, account.lots)

    assert explanation.entry == entry
    (one,) = explanation.movements
    assert (one.movement, one.source, one.kind) == (entry.movements[0], "a", LotKind.PAYG)
    assert (one.priority, one.expires_at) == (30, NOW + DAY)


def test_priority_comes_first():
    first, second = why(grant("pack"), grant("gift", kind=LotKind.PROMOTIONAL), SPEND)

    assert first == "the first to burn: priority 10, never expires"
    assert second == "burns after lot 2: priority 30 comes after 10"


def test_then_comes_what_expires_first():
    first, second = why(grant("later", expires_at=NOW + 2 * DAY), grant("soon", expires_at=NOW + DAY), SPEND)

    assert first == "the first to burn: priority 30, expires at 2026-01-02 00:00 UTC"
    assert second == "burns after lot 2: of the same priority, but it expires at 2026-01-03 00:00 UTC"


def test_what_never_expires_comes_after_what_does():
    _, second = why(grant("never"), grant("soon", expires_at=NOW + DAY), SPEND)

    assert second == "burns after lot 2: of the same priority, but it never expires"


def test_then_comes_what_was_granted_first():
    _, second = why(grant("young"), grant("old", effective_at=NOW - DAY), SPEND)

    assert second == "burns after lot 2: of the same priority and expiry, but granted later"


def test_a_hold_sets_aside_in_the_order_in_which_credits_burn():
    hold = PlaceHold(account=ACME, key="hold", amount=11, expires_in=DAY)

    assert why(grant("pack"), grant("gift", kind=LotKind.PROMOTIONAL), hold) == [
        "the first to burn: priority 10, never expires",
        "burns after lot 2: priority 30 comes after 10",
    ]


def test_a_capture_says_whose_hold_it_was_and_what_came_back():
    hold = PlaceHold(account=ACME, key="hold", amount=20, expires_in=9 * DAY)
    capture = Capture(account=ACME, key="capture", hold=3, amount=4)

    assert why(grant("soon", expires_at=NOW + DAY), grant("pack"), hold, capture, at=NOW + 2 * DAY) == [
        "set aside by hold 3, whose first to burn is the first captured",
        "set aside by hold 3 and not needed, but expired meanwhile",
        "set aside by hold 3 and not needed",
    ]


def test_a_grant_an_expiry_and_conversions_speak_for_themselves():
    lapsing = grant("plan", expires_at=NOW + DAY)
    convert = Convert(account=ACME, key="convert", source="plan", effective_at=NOW)

    assert why(lapsing) == ["opened by this entry"]
    assert why(lapsing, Expire(account=ACME), at=NOW + DAY) == ["unused when it expired"]
    assert why(lapsing, convert) == ["unused when it was converted", "opened by this entry"]
    assert why(lapsing, convert, at=NOW + 2 * DAY) == [
        "expired after the moment of the conversion, which brings it back",
        "opened by this entry",
    ]


def test_an_entry_that_moved_nothing_needs_no_reason():
    assert why(Spend(account=ACME, key="free", amount=0)) == []


@given(st.lists(st.tuples(st.sampled_from(LotKind), st.none() | st.integers(1, 3)), min_size=1, max_size=6))
def test_every_movement_of_a_spend_has_a_reason(lots):
    grants = [
        grant(str(number), kind=kind, expires_at=days and NOW + days * DAY) for number, (kind, days) in enumerate(lots)
    ]

    first, *others = why(*grants, Spend(account=ACME, key="spend", amount=10 * len(lots)))

    assert first.startswith("the first to burn")
    assert all(one.startswith("burns after lot") for one in others)
    assert len(others) == len(lots) - 1


flows = [(operation, flow) for operation, flows in FLOWS.items() for flow in sorted(flows)]


def sentence(operation, flow):
    """Return the reason of a movement that such an entry may make, on a lot that is to begin on the second of January."""
    lot = Lot(1, LotKind.PAYG, 30, 5, NOW + DAY, None, "a")
    entry = Entry(9, operation, (Movement(1, *flow, 5),), 0, 0, NOW, NOW, of=7)
    (one,) = explain(entry, [lot]).movements
    return one.why


@pytest.mark.parametrize(("operation", "flow"), flows)
def test_every_movement_that_can_be_written_has_its_sentence(operation, flow):
    why = sentence(operation, flow)

    assert why
    assert not {"{", "}"} & {*why}
    assert "None" not in why


@pytest.mark.parametrize(("operation", "flow"), flows)
def test_only_burning_is_explained_by_the_other_lots(operation, flow):
    takes = operation in {Operation.SPEND, Operation.HOLD, Operation.SEND, Operation.ADJUST}

    burns = takes and flow[0] is Book.AVAILABLE and flow[1] is not Book.OWED
    assert sentence(operation, flow).startswith("the first to burn") is burns
