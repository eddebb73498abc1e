"""The laws notice every way of cooking the books that we could think of."""

from copy import copy
from datetime import timedelta

import attrs
import pytest

from billing_core.domain.credits import Account, Book, Movement, Operation, Slice, decide, fold
from billing_core.testing.examples import NOW, a_capture, a_convert, a_grant, a_hold, a_release, a_spend, an_account
from billing_core.testing.laws import check_account, check_journal

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def honest():
    """Return an account with a life behind it, and its entries: two grants, a spend over both, an expiry, a conversion."""
    owner = an_account()
    lapsing, lasting = a_grant(owner, 9, expires_at=NOW + DAY), a_grant(owner, 5)
    commands = [(lapsing, NOW), (lasting, NOW), (a_spend(owner, 2), NOW)]
    commands += [(a_spend(owner, 1), NOW + DAY), (a_convert(owner, lapsing.source, effective_at=NOW), NOW + DAY)]
    account, entries = Account(owner), ()
    for command, now in commands:
        written = decide(account, command, now)
        account, entries = fold(account, written), (*entries, *written)
    return account, entries


GRANT, OTHER_GRANT, SPEND, EXPIRY, SECOND_SPEND, CONVERSION = range(6)


def forged(entry, **fields):
    """Return an entry as its own class would refuse to make it, and as somebody may find it in a database."""
    false = copy(entry)
    for name, value in fields.items():
        object.__setattr__(false, name, value)
    return false


def with_entry(number, **fields):
    return lambda entries: (*entries[:number], forged(entries[number], **fields), *entries[number + 1 :])


def moved(number, **fields):
    def cook(entries):
        movements = tuple(attrs.evolve(one, **fields) for one in entries[number].movements)
        return with_entry(number, movements=movements)(entries)

    return cook


COOKED = {
    "an entry is missing": lambda entries: entries[:2] + entries[3:],
    "an entry comes twice": lambda entries: (*entries, entries[-1]),
    "a key comes twice": lambda entries: with_entry(OTHER_GRANT, key=entries[GRANT].key)(entries),
    "a source comes twice": lambda entries: with_entry(
        OTHER_GRANT, opened=attrs.evolve(entries[OTHER_GRANT].opened, source=entries[GRANT].opened.source)
    )(entries),
    "time goes back": with_entry(SPEND, recorded_at=NOW - DAY),
    "it took effect before it was known": with_entry(SPEND, effective_at=NOW + DAY),
    "a balance is off": with_entry(SPEND, available_after=1),
    "something is said to be held": with_entry(SPEND, held_after=1),
    "more was spent": moved(SPEND, amount=3),
    "less expired": moved(EXPIRY, amount=1),
    "it expired at another time": with_entry(EXPIRY, effective_at=NOW),
    "spent credits come back": moved(SPEND, source=Book.CONSUMED, target=Book.AVAILABLE),
    "the wrong lot burns": moved(SPEND, lot=2),
    "an expired lot burns": moved(SECOND_SPEND, lot=1),
    "an operation is another one": with_entry(SPEND, operation=Operation.EXPIRE),
    "a lot has another number": lambda entries: with_entry(GRANT, opened=attrs.evolve(entries[GRANT].opened, number=2))(
        entries
    ),
    "a lot is larger than what arrived": lambda entries: with_entry(
        GRANT, opened=attrs.evolve(entries[GRANT].opened, amount=99)
    )(entries),
    "credits arrive on an old lot": lambda entries: with_entry(
        CONVERSION, movements=(*entries[CONVERSION].movements, Movement(2, Book.ISSUED, Book.AVAILABLE, 1))
    )(entries),
}


@pytest.fixture(scope="module")
def holding():
    """Return an account that has held, and its entries: captured in parts, released late, and timed out."""
    owner, soon = an_account(), NOW + DAY
    commands = [(a_grant(owner, 4, expires_at=soon), NOW), (a_grant(owner, 9), NOW)]
    commands += [(a_hold(owner, 6, expires_in=3 * DAY), NOW), (a_hold(owner, 2, expires_in=DAY / 2), NOW)]
    commands += [(a_capture(owner, 3, 1, final=False), NOW), (a_release(owner, 3), NOW + 2 * DAY)]
    account, entries = Account(owner), ()
    for command, now in [*commands, (a_hold(owner, 3, expires_in=DAY), NOW + 2 * DAY)]:
        written = decide(account, command, now)
        account, entries = fold(account, written), (*entries, *written)
    return account, entries


HOLD, OTHER_HOLD, CAPTURE, TIME_OUT, RELEASE, LAST_HOLD = range(2, 8)


def with_hold(**fields):
    return lambda entries: with_entry(HOLD, placed=attrs.evolve(entries[HOLD].placed, **fields))(entries)


COOKED_HOLDS = {
    "a hold has another number": with_hold(number=2),
    "a hold is larger than what it took": with_hold(amount=7),
    "a hold is born used": with_hold(captured=1),
    "a hold is born with slices": with_hold(slices=(Slice(1, 4),)),
    "a hold ends before it begins": with_hold(expires_at=NOW),
    "a hold places nothing": with_entry(HOLD, placed=None),
    "a hold takes the wrong lot": lambda entries: with_entry(HOLD, movements=entries[HOLD].movements[::-1])(entries),
    "something else places a hold": lambda entries: with_entry(CAPTURE, placed=entries[HOLD].placed)(entries),
    "a capture names no hold": with_entry(CAPTURE, of=None),
    "a capture names another hold": with_entry(CAPTURE, of=4),
    "a capture names a later hold": with_entry(CAPTURE, of=8),
    "a capture names what is no hold": with_entry(CAPTURE, of=1),
    "a capture comes too late": with_entry(CAPTURE, effective_at=NOW + 3 * DAY, recorded_at=NOW + 3 * DAY),
    "a grant names a hold": with_entry(1, of=1),
    "more is captured": moved(CAPTURE, amount=5),
    "the wrong lot is captured": moved(CAPTURE, lot=2),
    "what is captured comes back": moved(CAPTURE, target=Book.AVAILABLE),
    "what is released is consumed": moved(RELEASE, target=Book.CONSUMED),
    "what is released is released to a lot that has expired": moved(RELEASE, target=Book.AVAILABLE),
    "what is released is lost, although its lot still runs": moved(RELEASE, target=Book.EXPIRED),
    "not all is released": lambda entries: with_entry(RELEASE, movements=entries[RELEASE].movements[:1])(entries),
    "nothing is released": with_entry(RELEASE, movements=()),
    "a closed hold is released": with_entry(RELEASE, of=4),
    "a time-out comes early": with_entry(TIME_OUT, effective_at=NOW),
    "what is held is off": with_entry(LAST_HOLD, held_after=0),
}


def test_honest_holds_pass(holding):
    account, entries = holding

    check_journal(entries)
    check_account(account, entries)
    assert {entry.operation for entry in entries} == {"grant", "hold", "capture", "release"}


@pytest.mark.parametrize("cook", COOKED_HOLDS.values(), ids=COOKED_HOLDS.keys())
def test_a_journal_of_holds_does_not_pass_when(cook, holding):
    _, entries = holding

    with pytest.raises((AssertionError, KeyError)):
        check_journal(cook(entries))


@pytest.mark.parametrize(
    "cook",
    [
        lambda account: attrs.evolve(account, holds=account.holds[1:]),
        lambda account: attrs.evolve(account, holds=account.holds[:-1]),
        lambda account: attrs.evolve(account, holds=(*account.holds[:-1], attrs.evolve(account.holds[-1], slices=()))),
        lambda account: attrs.evolve(account, holds=(*account.holds[:-1], attrs.evolve(account.holds[-1], released=1))),
        lambda account: attrs.evolve(account, holds=(attrs.evolve(account.holds[0], expires_at=NOW), *account.holds[1:])),
    ],
    ids=["closed hold", "open hold", "hold's slices", "hold's rest", "hold's terms"],
)
def test_an_account_does_not_pass_when_it_is_wrong_about_a(cook, holding):
    account, entries = holding

    with pytest.raises(AssertionError):
        check_account(cook(account), entries)


def test_honest_books_pass(honest):
    account, entries = honest

    check_journal(entries)
    check_account(account, entries)


@pytest.mark.parametrize("cook", COOKED.values(), ids=COOKED.keys())
def test_a_journal_does_not_pass_when(cook, honest):
    _, entries = honest

    with pytest.raises((AssertionError, KeyError)):
        check_journal(cook(entries))


@pytest.mark.parametrize(
    "cook",
    [
        lambda account: attrs.evolve(account, version=99),
        lambda account: attrs.evolve(account, recorded_at=NOW - DAY),
        lambda account: attrs.evolve(account, books=attrs.evolve(account.books, available=0, held=account.books.available)),
        lambda account: attrs.evolve(account, lots=account.lots[1:]),
        lambda account: attrs.evolve(account, lots=(attrs.evolve(account.lots[0], remaining=1), *account.lots[1:])),
        lambda account: attrs.evolve(account, lots=(attrs.evolve(account.lots[0], expires_at=None), *account.lots[1:])),
    ],
    ids=["version", "recorded_at", "books", "missing lot", "lot's remains", "lot's terms"],
)
def test_an_account_does_not_pass_when_it_is_wrong_about_its(cook, honest):
    account, entries = honest

    with pytest.raises(AssertionError):
        check_account(cook(account), entries)
