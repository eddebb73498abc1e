"""Evolution: an entry moves credits between books, lots and holds, and one that cannot be is refused."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from billing_core.domain.credits import (
    NEGATIVE,
    Account,
    AccountId,
    Book,
    Books,
    Entry,
    Grant,
    Hold,
    Lot,
    LotKind,
    Movement,
    Operation,
    PlaceHold,
    Refund,
    Release,
    Revoke,
    Slice,
    Spend,
    change,
    decide,
    evolve,
    fold,
)
from billing_core.errors import Invalid

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = AccountId("acme")


def lot(number=1, **rest):
    return Lot(**{
        "number": number,
        "kind": LotKind.PAYG,
        "priority": 30,
        "amount": 10,
        "effective_at": NOW,
        "expires_at": None,
        "source": f"s{number}",
        **rest,
    })


def entry(operation, *flows, seq=2, left=(0, 0, 0), **rest):
    """Return an entry that moves amounts on lot 1; `left` is what it says is available, held and owed."""
    movements = tuple(Movement(1, source, target, amount) for source, target, amount in flows)
    available, held, owed = left
    return Entry(seq, operation, movements, available, held, NOW, NOW, owed_after=owed, **rest)


def grant(name="a", amount=10):
    return Grant(account=ACME, key=f"grant-{name}", source=name, amount=amount)


def after(*commands):
    account = Account(ACME)
    for command in commands:
        account = fold(account, decide(account, command, NOW))
    return account


@pytest.fixture
def account():
    """Return an account with one lot that has 10 credits in each of its figures, and one hold of 10."""
    figures = dict.fromkeys(("remaining", "held", "expired", "scheduled", "revoked"), 10)
    books = Books(issued=-60, scheduled=10, available=10, held=10, consumed=10, expired=10, revoked=10, owed=0)
    hold = Hold(1, 10, NOW + HOUR, slices=(Slice(1, 10),))
    return Account(ACME, 1, books, NOW, (lot(**figures),), (hold,))


FIGURES = {
    Book.SCHEDULED: "scheduled",
    Book.AVAILABLE: "remaining",
    Book.HELD: "held",
    Book.EXPIRED: "expired",
    Book.REVOKED: "revoked",
    Book.OWED: "owed",
}


@pytest.mark.parametrize(
    ("operation", "source", "target"),
    [
        (Operation.START, Book.SCHEDULED, Book.AVAILABLE),
        (Operation.SPEND, Book.AVAILABLE, Book.CONSUMED),
        (Operation.REFUND, Book.CONSUMED, Book.EXPIRED),
        (Operation.RELEASE, Book.HELD, Book.AVAILABLE),
        (Operation.FORFEIT, Book.SCHEDULED, Book.EXPIRED),
        (Operation.REVOKE, Book.OWED, Book.REVOKED),
        (Operation.RESTORE, Book.REVOKED, Book.SCHEDULED),
        (Operation.CONVERT, Book.EXPIRED, Book.ISSUED),
    ],
)
def test_a_movement_takes_from_one_book_and_one_figure_and_adds_to_another(account, operation, source, target):
    books = {**attrs.asdict(account.books)}
    books[source.value] -= 4
    books[target.value] += 4
    left = (books["available"], books["held"], -books["owed"])

    moved = evolve(account, entry(operation, (source, target, 4), left=left, of=1))

    assert attrs.asdict(moved.books) == books
    figures = {FIGURES[book]: change for book, change in ((source, -4), (target, 4)) if book in FIGURES}
    expected = {name: getattr(account.lots[0], name) + change for name, change in figures.items()}
    assert moved.lots == (attrs.evolve(account.lots[0], **expected),)


@pytest.mark.parametrize("book", sorted(FIGURES.keys() - {Book.OWED}))
def test_no_figure_of_a_lot_goes_below_zero(account, book):
    poor = attrs.evolve(account, lots=(attrs.evolve(account.lots[0], **{FIGURES[book]: 3}),))
    operation, target = {
        Book.SCHEDULED: (Operation.FORFEIT, Book.EXPIRED),
        Book.AVAILABLE: (Operation.SPEND, Book.CONSUMED),
        Book.HELD: (Operation.CAPTURE, Book.CONSUMED),
        Book.EXPIRED: (Operation.REVOKE, Book.REVOKED),
        Book.REVOKED: (Operation.RESTORE, Book.EXPIRED),
    }[book]
    available = 6 if book is Book.AVAILABLE else 10
    held = 6 if book is Book.HELD else 10

    with pytest.raises(Invalid, match=f"movement takes more from lot 1 than is {FIGURES[book]}"):
        evolve(poor, entry(operation, (book, target, 4), left=(available, held, 0), of=1))


def test_a_figure_may_become_zero(account):
    moved = evolve(account, entry(Operation.SPEND, (Book.AVAILABLE, Book.CONSUMED, 10), left=(0, 10, 0)))

    assert moved.lots[0].remaining == 0


def test_only_what_is_owed_for_a_lot_may_stand_below_zero(account):
    moved = evolve(account, entry(Operation.REVOKE, (Book.OWED, Book.REVOKED, 4), left=(10, 10, 4)))

    assert (moved.lots[0].owed, moved.owes) == (-4, 4)
    assert {Book.ISSUED, Book.OWED} == NEGATIVE


@pytest.mark.parametrize("left", [(7, 10, 0), (6, 9, 0), (6, 10, 1)])
def test_an_entry_tells_what_is_available_held_and_owed_after_it(account, left):
    with pytest.raises(Invalid, match="entry 2 tells another balance than it leaves"):
        evolve(account, entry(Operation.SPEND, (Book.AVAILABLE, Book.CONSUMED, 4), left=left))


@pytest.mark.parametrize("of", [None, 7])
def test_what_is_held_is_moved_for_a_hold_that_is_there(account, of):
    with pytest.raises(Invalid, match=f"of must name a hold of acme that is loaded, not {of}"):
        evolve(account, entry(Operation.RELEASE, (Book.HELD, Book.AVAILABLE, 4), left=(14, 6, 0), of=of))


def test_an_entry_is_known_by_its_number_and_by_what_it_follows_up():
    refunds = [Refund(account=ACME, key=f"refund-{part}", spend=2, amount=part) for part in (1, 2)]

    account = after(grant(), Spend(account=ACME, key="spend", amount=5), *refunds)

    assert account.entry(2).operation is Operation.SPEND
    assert account.entry(9) is None
    assert [one.seq for one in account.following(2, Operation.REFUND)] == [3, 4]
    assert account.following(2, Operation.RESTORE) == ()
    assert account.following(3, Operation.REFUND) == ()


def test_an_entry_without_a_key_is_recorded_under_none(account):
    assert evolve(account, entry(Operation.SPEND, left=(10, 10, 0))).recorded == {}


# What must be written -----------------------------------------------------------------------------------------------------


def test_a_change_names_the_holds_that_it_placed_or_moved_something_of():
    def hold(name):
        return PlaceHold(account=ACME, key=f"hold-{name}", amount=2, expires_in=HOUR)

    account = after(grant(), hold("a"), hold("b"))
    placed = change(account, decide(account, hold("c"), NOW))
    released = change(account, decide(account, Release(account=ACME, key="release", hold=2), NOW))
    spent = change(account, decide(account, Spend(account=ACME, key="spend", amount=2), NOW))

    assert [one.number for one in placed.holds] == [4]
    assert [(one.number, one.released) for one in released.holds] == [(2, 2)]
    assert spent.holds == ()


def test_a_change_names_all_lots_that_it_touched():
    spend = Spend(account=ACME, key="spend", amount=15)
    account = after(grant("a"), grant("b"), grant("c"), spend)

    revoked = change(account, decide(account, Revoke(account=ACME, key="revoke", source="a"), NOW))
    repaid = change(revoked.account, decide(revoked.account, grant("d"), NOW))

    assert [(one.number, one.owed) for one in revoked.touched] == [(1, -10)]
    assert ([one.number for one in repaid.opened], repaid.touched) == ([6], ())


# What an entry is about ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "flows", "amount", "gain"),
    [
        (Operation.GRANT, [(Book.ISSUED, Book.AVAILABLE, 5), (Book.AVAILABLE, Book.OWED, 2)], 5, 3),
        (Operation.GRANT, [(Book.ISSUED, Book.SCHEDULED, 5)], 5, 0),
        (Operation.START, [(Book.SCHEDULED, Book.AVAILABLE, 5), (Book.AVAILABLE, Book.OWED, 2)], 5, 3),
        (Operation.SPEND, [(Book.AVAILABLE, Book.CONSUMED, 5)], 5, -5),
        (Operation.REFUND, [(Book.CONSUMED, Book.OWED, 2), (Book.CONSUMED, Book.EXPIRED, 3)], 5, 0),
        (Operation.REFUND, [(Book.CONSUMED, Book.ISSUED, 5), (Book.ISSUED, Book.AVAILABLE, 5)], 5, 5),
        (Operation.HOLD, [(Book.AVAILABLE, Book.HELD, 5)], 5, -5),
        (Operation.CAPTURE, [(Book.HELD, Book.CONSUMED, 5), (Book.HELD, Book.AVAILABLE, 2)], 5, 2),
        (Operation.RELEASE, [(Book.HELD, Book.OWED, 2), (Book.HELD, Book.AVAILABLE, 3)], 5, 3),
        (Operation.EXPIRE, [(Book.AVAILABLE, Book.EXPIRED, 5)], 5, -5),
        (Operation.CONVERT, [(Book.AVAILABLE, Book.ISSUED, 5), (Book.ISSUED, Book.AVAILABLE, 5)], 5, 0),
        (Operation.FORFEIT, [(Book.SCHEDULED, Book.EXPIRED, 2), (Book.AVAILABLE, Book.EXPIRED, 3)], 5, -3),
        (Operation.REVOKE, [(Book.OWED, Book.REVOKED, 5), (Book.AVAILABLE, Book.OWED, 2)], 5, -2),
        (Operation.RESTORE, [(Book.REVOKED, Book.OWED, 5), (Book.OWED, Book.AVAILABLE, 2)], 5, 2),
        (Operation.ADJUST, [(Book.ISSUED, Book.AVAILABLE, 5), (Book.AVAILABLE, Book.OWED, 2)], 5, 3),
        (Operation.ADJUST, [(Book.AVAILABLE, Book.REVOKED, 5)], 5, -5),
        (Operation.SEND, [(Book.AVAILABLE, Book.ISSUED, 5)], 5, -5),
        (Operation.RECEIVE, [(Book.ISSUED, Book.AVAILABLE, 5), (Book.AVAILABLE, Book.OWED, 2)], 5, 3),
    ],
)
def test_an_entry_says_how_much_it_is_about_and_what_it_changed(operation, flows, amount, gain):
    about = entry(operation, *flows)

    assert (about.amount, about.change) == (amount, gain)


def test_an_entry_leaves_the_rule_of_the_account_as_it_is():
    """When to look for a top-up is no matter of the entries."""
    account = Account(ACME, top_up_below=7)

    assert fold(account, decide(account, grant(), NOW)).top_up_below == 7


def test_what_falls_due_was_asked_by_nobody():
    """Its entry has neither a key nor what tells a repetition."""
    account = fold(Account(ACME), decide(Account(ACME), attrs.evolve(grant(), expires_at=NOW + HOUR), NOW))

    expired, spent = decide(account, Spend(account=ACME, key="later", amount=0), NOW + HOUR)

    assert (expired.operation, expired.key, expired.fingerprint) == (Operation.EXPIRE, None, None)
    assert (spent.key, len(spent.fingerprint)) == ("later", 32)
