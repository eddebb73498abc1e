"""Holds, one command at a time: place, capture, release, and time out by itself."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from billing_core.domain.credits import (
    MAX_AMOUNT,
    Account,
    AccountId,
    Book,
    Books,
    Capture,
    Convert,
    Expire,
    Grant,
    Hold,
    LotKind,
    Movement,
    Needs,
    Operation,
    PlaceHold,
    Release,
    Slice,
    Spend,
    balance_at,
    change,
    decide,
    evolve,
    fingerprint,
    fold,
    holds_at,
    settle,
)
from billing_core.errors import HoldClosed, HoldExceeded, InsufficientCredits, Invalid, KeyReused, UnknownHold

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)
ACME = AccountId("acme")
EMPTY = Account(ACME)


def grant(name, amount=10, **rest):
    return Grant(**{"account": ACME, "key": f"grant-{name}", "source": name, "amount": amount, **rest})


def spend(amount):
    return Spend(account=ACME, key="spend", amount=amount)


def place(amount, name="a", **rest):
    ends = {} if "expires_at" in rest else {"expires_in": HOUR}
    return PlaceHold(**{"account": ACME, "key": f"hold-{name}", "amount": amount, **ends, **rest})


def capture(hold, amount=None, name="a", **rest):
    return Capture(account=ACME, key=f"capture-{name}", hold=hold, amount=amount, **rest)


def release(hold, name="a", **rest):
    return Release(account=ACME, key=f"release-{name}", hold=hold, **rest)


def after(*commands, account=EMPTY, now=NOW):
    for command in commands:
        account = change(account, decide(account, command, now)).account
    return account


def moved(entry):
    return [(one.lot, one.source.value, one.target.value, one.amount) for one in entry.movements]


@pytest.fixture
def mixed():
    """Return an account with 10 credits that expire in half an hour and 10 that never do, 15 of them held by hold 3."""
    soon = grant("soon", kind=LotKind.SUBSCRIPTION, expires_at=NOW + HOUR / 2)
    return after(soon, grant("later"), place(15))


# Placing ------------------------------------------------------------------------------------------------------------------


def test_a_hold_sets_credits_aside_and_its_entry_says_so():
    command = place(7, reference="job:1", reason="render", actor="ann")

    (entry,) = decide(after(grant("a")), command, NOW)

    assert (entry.seq, entry.operation, entry.amount, entry.change) == (2, Operation.HOLD, 7, -7)
    assert (entry.available_after, entry.held_after) == (3, 7)
    assert (entry.key, entry.reference, entry.reason, entry.actor) == ("hold-a", "job:1", "render", "ann")
    assert (entry.effective_at, entry.recorded_at) == (NOW, NOW)
    assert (entry.opened, entry.of) == (None, None)


def test_the_entry_keeps_the_hold_as_it_was_born():
    (entry,) = decide(after(grant("a")), place(7, reference="job:1"), NOW)

    assert entry.placed == Hold(number=2, amount=7, expires_at=NOW + HOUR, reference="job:1")


def test_what_would_burn_first_is_set_aside_first():
    account = after(
        grant("pack"),
        grant("plan", kind=LotKind.SUBSCRIPTION, expires_at=NOW + HOUR),
        grant("gift", kind=LotKind.PROMOTIONAL),
    )

    (entry,) = decide(account, place(25), NOW)

    assert moved(entry) == [
        (3, "available", "held", 10),
        (2, "available", "held", 10),
        (1, "available", "held", 5),
    ]
    assert evolve(account, entry).hold(4).slices == (Slice(3, 10), Slice(2, 10), Slice(1, 5))


def test_what_is_held_lies_in_its_lot_and_cannot_be_spent():
    account = after(grant("a"), place(7))

    assert account.books == Books(issued=-10, available=3, held=7)
    assert [(lot.remaining, lot.held) for lot in account.lots] == [(3, 7)]
    with pytest.raises(InsufficientCredits, match="4 credits requested, 3 available"):
        decide(account, spend(4), NOW)


def test_several_holds_hold_the_same_lot_side_by_side():
    account = after(grant("a"), place(4, "a"), place(5, "b"))

    assert [(hold.number, hold.left, hold.slices) for hold in account.holds] == [
        (2, 4, (Slice(1, 4),)),
        (3, 5, (Slice(1, 5),)),
    ]
    assert account.lots[0].held == 9


def test_no_more_can_be_held_than_is_available():
    account = after(grant("a"), place(8))

    with pytest.raises(InsufficientCredits) as refusal:
        decide(account, place(3, "b"), NOW)

    assert (refusal.value.requested, refusal.value.available) == (3, 2)


@pytest.mark.parametrize("amount", [0, -1, MAX_AMOUNT + 1, 1.0, True, None])
def test_a_hold_is_of_a_whole_positive_amount(amount):
    with pytest.raises(Invalid, match="amount must be"):
        place(amount)


def test_a_hold_ends_at_a_moment_or_after_a_while():
    at = NOW + 2 * HOUR

    assert after(grant("a"), place(1, expires_at=at)).holds[0].expires_at == at
    assert after(grant("a"), place(1, expires_in=2 * HOUR)).holds[0].expires_at == at


@pytest.mark.parametrize("ends", [{}, {"expires_at": NOW + HOUR, "expires_in": HOUR}])
def test_a_hold_has_one_end(ends):
    with pytest.raises(Invalid, match="expires_at or expires_in must be given, and not both"):
        PlaceHold(account=ACME, key="k", amount=1, **ends)


@pytest.mark.parametrize("expires_in", [timedelta(), -HOUR, 3600, "PT1H"])
def test_a_hold_lasts_for_a_while(expires_in):
    with pytest.raises(Invalid, match="expires_in must be"):
        place(1, expires_in=expires_in)


@pytest.mark.parametrize("ago", [timedelta(), MOMENT])
def test_a_hold_cannot_end_before_it_begins(ago):
    with pytest.raises(Invalid, match="expires_at must lie in the future"):
        decide(after(grant("a")), place(1, expires_at=NOW - ago), NOW)


def test_a_hold_cannot_end_after_the_end_of_time():
    with pytest.raises(Invalid, match="expires_in must end before the year 10000"):
        decide(after(grant("a")), place(1, expires_in=timedelta.max), NOW)


def test_a_naive_end_is_refused():
    with pytest.raises(Invalid, match="must be aware"):
        place(1, expires_at=datetime(2027, 1, 1))  # noqa: DTZ001 - the refusal is the claim


def test_a_host_whose_clock_is_behind_gives_a_hold_its_whole_while():
    account = after(grant("a"), now=NOW + 2 * HOUR)

    (entry,) = decide(account, place(1), NOW)

    assert entry.placed.expires_at == NOW + 3 * HOUR


# Capturing ----------------------------------------------------------------------------------------------------------------


def test_a_capture_consumes_everything_unless_told_otherwise(mixed):
    (entry,) = decide(mixed, capture(3, reference="job:1"), NOW)

    assert (entry.operation, entry.of, entry.reference, entry.placed) == (Operation.CAPTURE, 3, "job:1", None)
    assert moved(entry) == [(1, "held", "consumed", 10), (2, "held", "consumed", 5)]
    assert (entry.amount, entry.change, entry.available_after, entry.held_after) == (15, 0, 5, 0)


def test_a_capture_of_a_part_returns_the_rest(mixed):
    (entry,) = decide(mixed, capture(3, 12), NOW)

    assert moved(entry) == [(1, "held", "consumed", 10), (2, "held", "consumed", 2), (2, "held", "available", 3)]
    assert (entry.amount, entry.change, entry.available_after, entry.held_after) == (12, 3, 8, 0)
    assert evolve(mixed, entry).hold(3) == attrs.evolve(mixed.hold(3), captured=12, released=3, slices=())


def test_one_lot_may_be_captured_and_returned_in_one_entry():
    account = after(grant("a"), place(7), capture(2, 4))

    assert account.books == Books(issued=-10, available=6, consumed=4)
    assert [(lot.remaining, lot.held) for lot in account.lots] == [(6, 0)]


def test_a_capture_that_is_not_final_leaves_the_rest_where_it_is(mixed):
    account = after(capture(3, 12, final=False), account=mixed)

    assert (account.books.available, account.books.held, account.books.consumed) == (5, 3, 12)
    assert account.hold(3) == attrs.evolve(mixed.hold(3), captured=12, slices=(Slice(2, 3),))


def test_a_hold_is_captured_in_several_parts(mixed):
    account = after(capture(3, 4, "a", final=False), capture(3, 7, "b", final=False), capture(3, 1, "c"), account=mixed)

    assert account.books == Books(issued=-20, available=8, consumed=12)
    assert (account.hold(3).captured, account.hold(3).released, account.hold(3).open) == (12, 3, False)


def test_a_hold_whose_last_credit_is_captured_is_closed_final_or_not(mixed):
    account = after(capture(3, 15, final=False), account=mixed)

    with pytest.raises(HoldClosed) as refusal:
        decide(account, capture(3, 0, "b"), NOW)

    assert (refusal.value.account, refusal.value.hold) == ("acme", 3)
    assert (refusal.value.captured, refusal.value.released) == (15, 0)


def test_a_final_capture_of_nothing_returns_everything(mixed):
    (entry,) = decide(mixed, capture(3, 0), NOW)

    assert moved(entry) == [(1, "held", "available", 10), (2, "held", "available", 5)]
    assert (entry.amount, entry.change) == (0, 15)


def test_a_capture_of_nothing_that_is_not_final_is_written_down(mixed):
    (entry,) = decide(mixed, capture(3, 0, final=False), NOW)

    assert (entry.movements, entry.amount, entry.change, entry.of) == ((), 0, 0, 3)
    assert evolve(mixed, entry).hold(3) == mixed.hold(3)


def test_no_more_can_be_captured_than_is_held(mixed):
    account = after(capture(3, 12, final=False), account=mixed)

    with pytest.raises(HoldExceeded) as refusal:
        decide(account, capture(3, 4, "b"), NOW)

    error = refusal.value
    assert (error.account, error.hold, error.requested, error.left) == ("acme", 3, 4, 3)


def test_a_capture_takes_from_its_own_hold_only():
    account = after(grant("a"), place(4, "a"), place(5, "b"), capture(3, 2))

    assert [(hold.number, hold.left) for hold in account.holds] == [(2, 4), (3, 0)]


def test_what_expired_while_it_was_held_can_be_captured(mixed):
    (entry,) = decide(mixed, capture(3), NOW + HOUR / 2)

    assert moved(entry) == [(1, "held", "consumed", 10), (2, "held", "consumed", 5)]


@pytest.mark.parametrize("amount", [-1, MAX_AMOUNT + 1, 1.0, True, "1"])
def test_a_capture_is_of_a_whole_amount(amount):
    with pytest.raises(Invalid, match="amount must be"):
        capture(3, amount)


@pytest.mark.parametrize("final", [0, 1, None, "no"])
def test_a_capture_is_final_or_not(final):
    with pytest.raises(Invalid, match="final must be True or False"):
        capture(3, final=final)


@pytest.mark.parametrize("number", [0, -1, 1.0, True, "3", None])
@pytest.mark.parametrize("ask", [capture, release])
def test_a_hold_is_named_by_its_number(ask, number):
    with pytest.raises(Invalid, match="hold must be"):
        ask(number)


@pytest.mark.parametrize("ask", [capture, release])
@pytest.mark.parametrize("number", [1, 4, MAX_AMOUNT])
def test_a_number_that_is_no_holds_is_unknown(mixed, ask, number):
    with pytest.raises(UnknownHold) as refusal:
        decide(mixed, ask(number), NOW)

    assert (refusal.value.account, refusal.value.hold) == ("acme", number)


# Releasing ----------------------------------------------------------------------------------------------------------------


def test_a_release_returns_everything_to_its_lot(mixed):
    (entry,) = decide(mixed, release(3, reason="canceled"), NOW)

    assert (entry.operation, entry.of, entry.key, entry.reason) == (Operation.RELEASE, 3, "release-a", "canceled")
    assert moved(entry) == [(1, "held", "available", 10), (2, "held", "available", 5)]
    assert (entry.amount, entry.change, entry.available_after, entry.held_after) == (15, 15, 20, 0)


def test_what_was_captured_before_is_not_released(mixed):
    account = after(capture(3, 12, final=False), release(3), account=mixed)

    assert account.books == Books(issued=-20, available=8, consumed=12)


@pytest.mark.parametrize("give_back", [release(3), capture(3, 0)])
def test_what_expired_while_it_was_held_is_lost_when_it_returns(mixed, give_back):
    expired = NOW + HOUR / 2

    (entry,) = decide(mixed, give_back, expired)

    assert moved(entry) == [(1, "held", "expired", 10), (2, "held", "available", 5)]
    assert entry.change == 5
    assert evolve(mixed, entry).lots[0].expired == 10


def test_what_expires_in_a_moment_still_returns(mixed):
    account = after(release(3), account=mixed, now=NOW + HOUR / 2 - MOMENT)

    assert account.books.available == 20


def test_what_returned_expires_like_what_was_never_held(mixed):
    account = after(release(3), account=mixed)

    (entry,) = settle(account, NOW + HOUR)

    assert (entry.operation, entry.effective_at, entry.amount) == (Operation.EXPIRE, NOW + HOUR / 2, 10)


@pytest.mark.parametrize("close", [capture(3), capture(3, 12), capture(3, 0), release(3)])
@pytest.mark.parametrize("ask", [capture(3, 0, "b"), capture(3, None, "b", final=False), release(3, "b")])
def test_a_hold_closes_once(mixed, close, ask):
    account = after(close, account=mixed)

    with pytest.raises(HoldClosed, match="hold 3 is closed"):
        decide(account, ask, NOW)


# Timing out ---------------------------------------------------------------------------------------------------------------


def test_a_hold_that_nobody_closes_returns_by_itself():
    account = after(grant("a"), place(7))

    (entry,) = decide(account, Expire(account=ACME), NOW + 3 * HOUR)

    assert (entry.operation, entry.of, entry.key, entry.reference) == (Operation.RELEASE, 2, None, None)
    assert (entry.effective_at, entry.recorded_at) == (NOW + HOUR, NOW + 3 * HOUR)
    assert moved(entry) == [(1, "held", "available", 7)]
    assert (entry.amount, entry.change, entry.available_after) == (7, 7, 10)


def test_only_what_a_hold_still_holds_returns():
    account = after(grant("a"), place(7), capture(2, 3, final=False))

    (entry,) = settle(account, NOW + HOUR)

    assert entry.amount == 4
    assert evolve(account, entry).hold(2).released == 4


def test_a_hold_times_out_once():
    account = after(grant("a"), place(7))

    account = after(Expire(account=ACME), account=account, now=NOW + HOUR)

    assert settle(account, NOW + 9 * HOUR) == ()


@pytest.mark.parametrize("ask", [capture(2), release(2)])
def test_a_hold_can_be_closed_until_the_moment_at_which_it_times_out(ask):
    account = after(grant("a"), place(7))

    (entry,) = decide(account, ask, NOW + HOUR - MOMENT)

    assert (entry.of, entry.held_after) == (2, 0)


@pytest.mark.parametrize("ask", [capture(2), release(2)])
def test_the_moment_at_which_it_times_out_is_too_late(ask):
    account = after(grant("a"), place(7), capture(2, 3, "first", final=False))

    with pytest.raises(HoldClosed) as refusal:
        decide(account, ask, NOW + HOUR)

    assert (refusal.value.captured, refusal.value.released) == (3, 4)


def test_what_timed_out_can_be_spent_at_once():
    account = after(grant("a"), place(10))

    timed_out, spent = decide(account, spend(10), NOW + HOUR)

    assert (timed_out.operation, timed_out.effective_at) == (Operation.RELEASE, NOW + HOUR)
    assert (spent.operation, spent.available_after) == (Operation.SPEND, 0)


def test_lots_and_holds_fall_due_in_order_of_time():
    account = after(
        grant("a", expires_at=NOW + 2 * HOUR),
        grant("b", expires_at=NOW + 4 * HOUR),
        place(1, "a", expires_in=3 * HOUR),
        place(1, "b", expires_in=HOUR),
    )

    entries = settle(account, NOW + 9 * HOUR)

    assert [(one.operation.value, one.effective_at - NOW, moved(one)) for one in entries] == [
        ("release", HOUR, [(1, "held", "available", 1)]),
        ("expire", 2 * HOUR, [(1, "available", "expired", 9)]),
        ("release", 3 * HOUR, [(1, "held", "expired", 1)]),
        ("expire", 4 * HOUR, [(2, "available", "expired", 10)]),
    ]


def test_what_falls_due_together_does_so_lots_first_and_then_by_number():
    account = after(
        grant("a", expires_at=NOW + HOUR), grant("b", expires_at=NOW + HOUR), place(1, "a"), place(2, "b"), grant("c")
    )

    entries = settle(account, NOW + HOUR)

    assert [moved(one) for one in entries] == [
        [(1, "available", "expired", 7)],
        [(2, "available", "expired", 10)],
        [(1, "held", "expired", 1)],
        [(1, "held", "expired", 2)],
    ]


def test_settling_in_two_steps_is_settling_in_one(mixed):
    halfway = settle(mixed, NOW + HOUR / 2)
    rest = settle(fold(mixed, halfway), NOW + HOUR)

    stepwise = [attrs.evolve(one, recorded_at=NOW) for one in (*halfway, *rest)]
    assert stepwise == [attrs.evolve(one, recorded_at=NOW) for one in settle(mixed, NOW + HOUR)]


def test_an_account_knows_when_the_next_hold_times_out():
    account = after(grant("a", expires_at=NOW + 2 * HOUR), place(10))

    assert account.next_due_at == NOW + HOUR
    assert after(capture(2), account=account).next_due_at is None


# Conversions --------------------------------------------------------------------------------------------------------------


def test_what_is_held_is_not_converted_and_returns_to_where_it_was():
    convert = Convert(account=ACME, key="convert", source="plan")
    plan = grant("plan", kind=LotKind.SUBSCRIPTION, expires_at=NOW + 2 * HOUR)
    account = after(plan, place(4), convert, release(2))

    assert [(lot.source, lot.remaining, lot.held) for lot in account.lots] == [("plan", 4, 0), ("convert:plan", 6, 0)]


def test_a_conversion_brings_back_what_was_held_until_it_had_expired(mixed):
    late = Convert(account=ACME, key="convert", source="soon", effective_at=NOW)

    account = after(late, account=mixed, now=NOW + HOUR)

    assert [(lot.source, lot.remaining, lot.expired) for lot in account.lots] == [
        ("soon", 0, 0),
        ("later", 10, 0),
        ("convert:soon", 10, 0),
    ]


# Keys ---------------------------------------------------------------------------------------------------------------------


def test_the_same_hold_again_is_the_same_hold_whenever_it_is_repeated():
    account = after(grant("a"), place(7))

    assert decide(account, place(7), NOW + HOUR / 2) == ()
    assert decide(account, place(7), NOW + 9 * HOUR) == ()


@pytest.mark.parametrize("close", [capture(3, 12), release(3)])
def test_the_same_closing_again_does_nothing_more(mixed, close):
    account = after(close, account=mixed)

    assert decide(account, close, NOW + 9 * HOUR) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (place(7), place(8)),
        (place(7), place(7, expires_in=2 * HOUR)),
        (place(7), place(7, expires_at=NOW + HOUR)),
        (capture(3), capture(3, 15)),
        (capture(3), capture(3, final=False)),
        (capture(3), capture(4)),
        (release(3), release(4)),
        (release(3), attrs.evolve(release(3), actor="ann")),
    ],
)
def test_other_words_are_another_command(one, other):
    assert one.key == other.key
    assert fingerprint(one) != fingerprint(other)


def test_another_command_under_the_key_of_a_hold_is_refused():
    with pytest.raises(KeyReused):
        decide(after(grant("a"), place(7)), place(8), NOW)


def test_a_capture_and_a_release_of_one_hold_share_no_key(mixed):
    account = after(attrs.evolve(capture(3, 12, final=False), key="close"), account=mixed)

    with pytest.raises(KeyReused):
        decide(account, attrs.evolve(release(3), key="close"), NOW)


def test_a_refusal_uses_up_no_key(mixed):
    with pytest.raises(HoldExceeded):
        decide(mixed, capture(3, 16), NOW)

    assert after(capture(3, 15), account=mixed).books.consumed == 15


@pytest.mark.parametrize(("command", "holds"), [(place(1), set()), (capture(3), {3}), (release(4), {4})])
def test_a_command_says_which_hold_it_needs_to_know(command, holds):
    assert Needs.of(command) == Needs(ACME, frozenset({command.key}), holds=frozenset(holds))


def test_needs_of_holds_are_joined():
    assert Needs.joined([Needs.of(capture(3)), Needs.of(release(4))])[ACME].holds == {3, 4}


# Reading ------------------------------------------------------------------------------------------------------------------


def test_a_balance_says_what_is_held():
    balance = balance_at(after(grant("a"), place(7)), NOW)

    assert (balance.available, balance.held, balance.by_kind[LotKind.PAYG]) == (3, 7, 3)


def test_a_hold_that_times_out_is_no_loss(mixed):
    balance = balance_at(after(grant("much later", expires_at=NOW + 9 * HOUR), account=mixed), NOW)

    assert (balance.next_expiry_at, balance.next_expiry_amount) == (NOW + 9 * HOUR, 10)


def test_what_timed_out_is_available_although_nobody_wrote_it_down(mixed):
    balance = balance_at(mixed, NOW + HOUR)

    assert (balance.available, balance.held) == (10, 0)


def test_the_open_holds_are_those_that_hold_anything_now():
    account = after(grant("a"), place(2, "a"), place(3, "b"), place(4, "c", expires_in=2 * HOUR), release(3))

    assert [hold.number for hold in holds_at(account, NOW)] == [2, 4]
    assert [hold.number for hold in holds_at(account, NOW + HOUR)] == [4]
    assert holds_at(EMPTY, NOW) == ()


# What must be written -----------------------------------------------------------------------------------------------------


def test_a_change_tells_which_holds_were_placed_or_moved():
    account = after(grant("a"), place(1, "a"), place(2, "b"), place(3, "c", expires_in=9 * HOUR))

    decided = change(account, decide(account, capture(4, 1, final=False), NOW + HOUR))

    assert [(hold.number, hold.left) for hold in decided.holds] == [(2, 0), (3, 0), (4, 2)]
    assert [hold.number for hold in change(account, decide(account, place(1, "d"), NOW)).holds] == [5]
    assert change(account, decide(account, spend(1), NOW)).holds == ()


def test_entries_alone_rebuild_the_holds():
    commands = [grant("a"), place(7, expires_in=2 * HOUR), capture(2, 3, final=False), place(2, "b")]
    journal, account = [], EMPTY
    for command in commands:
        entries = decide(account, command, NOW)
        journal += entries
        account = fold(account, entries)
    journal += settle(account, NOW + HOUR)

    rebuilt = fold(EMPTY, journal)

    assert [(hold.number, hold.captured, hold.released, hold.left) for hold in rebuilt.holds] == [
        (2, 3, 0, 4),
        (4, 0, 2, 0),
    ]


def forged(account, movement, **rest):
    """Return an entry that no command would make, right in everything but what it does to holds."""
    (honest,) = decide(account, release(account.holds[0].number, "forged"), NOW)
    amount = movement.amount
    after_it = {"available_after": account.books.available + amount, "held_after": account.books.held - amount}
    return attrs.evolve(honest, movements=(movement,), **{**after_it, **rest})


def test_an_entry_cannot_take_more_from_a_hold_than_it_holds():
    account = after(grant("a"), place(2, "a"), place(3, "b"))

    with pytest.raises(Invalid, match="movement takes more from hold 2 than it holds"):
        evolve(account, forged(account, Movement(1, Book.HELD, Book.AVAILABLE, 3)))


def test_an_entry_cannot_take_from_a_lot_that_the_hold_does_not_hold(mixed):
    account = after(grant("more"), place(10, "b"), account=mixed)

    with pytest.raises(Invalid, match="movement takes more from hold 3 than it holds"):
        evolve(account, forged(account, Movement(4, Book.HELD, Book.AVAILABLE, 1)))


@pytest.mark.parametrize("slices", [(), (Slice(1, 1),), (Slice(1, 10), Slice(2, 6))])
@pytest.mark.parametrize("command", [capture(3), release(3), Expire(account=ACME)])
def test_a_hold_that_lost_its_slices_somewhere_returns_nothing(mixed, slices, command):
    torn = attrs.evolve(mixed, holds=(attrs.evolve(mixed.hold(3), slices=slices),))

    with pytest.raises(Invalid, match="hold 3 of acme does not hold what its slices say"):
        decide(torn, command, NOW + (HOUR if isinstance(command, Expire) else timedelta()))


@pytest.mark.parametrize("of", [None, 7])
def test_an_entry_that_moves_what_is_held_names_the_hold(mixed, of):
    with pytest.raises(Invalid, match=f"of must name a hold of acme that is loaded, not {of}"):
        evolve(mixed, forged(mixed, Movement(1, Book.HELD, Book.AVAILABLE, 1), of=of))
