"""The laws notice every way of cooking the books that we could think of."""

from collections import Counter
from copy import copy
from datetime import timedelta

import attrs
import pytest

from billing_core.domain.credits import (
    Account,
    Book,
    LotKind,
    Movement,
    Operation,
    Receive,
    Shortfall,
    Slice,
    decide,
    fold,
)
from billing_core.testing.examples import (
    NOW,
    a_capture,
    a_convert,
    a_forfeit,
    a_grant,
    a_hold,
    a_refund,
    a_release,
    a_restore,
    a_revoke,
    a_spend,
    a_transfer,
    an_account,
    an_adjustment,
)
from billing_core.testing.laws import check_account, check_journal

DAY = timedelta(days=1)


def lived(owner, commands):
    """Return an account with a life behind it, and its entries."""
    account, entries = Account(owner), ()
    for command, now in commands:
        written = decide(account, command, now)
        account, entries = fold(account, written), (*entries, *written)
    return account, entries


@pytest.fixture(scope="module")
def honest():
    """Return an account with a life behind it, and its entries: two grants, a spend over both, an expiry, a conversion."""
    owner = an_account()
    lapsing, lasting = a_grant(owner, 9, expires_at=NOW + DAY), a_grant(owner, 5)
    commands = [(lapsing, NOW), (lasting, NOW), (a_spend(owner, 2), NOW)]
    commands += [(a_spend(owner, 1), NOW + DAY), (a_convert(owner, lapsing.source, effective_at=NOW), NOW + DAY)]
    return lived(owner, commands)


GRANT, OTHER_GRANT, SPEND, EXPIRY, SECOND_SPEND, CONVERSION = range(6)


def forged(entry, **fields):
    """Return an entry as its own class would refuse to make it, and as somebody may find it in a database."""
    false = copy(entry)
    for name, value in fields.items():
        object.__setattr__(false, name, value)
    return false


def balanced(entries):
    """Return the same entries with the balances that their movements leave: the work of somebody who cooks books well."""
    books, told = Counter(), []
    for entry in entries:
        for one in entry.movements:
            books[one.source] -= one.amount
            books[one.target] += one.amount
        after = {"available_after": books[Book.AVAILABLE], "held_after": books[Book.HELD], "owed_after": -books[Book.OWED]}
        told.append(forged(entry, **after))
    return tuple(told)


def check_notices(cook, entries):
    """Expect the laws to notice what was cooked, also where the balances fit if it was not about them alone."""
    cooked = cook(entries)
    with pytest.raises((AssertionError, KeyError)):
        check_journal(cooked)
    if balanced(cooked) != entries:
        with pytest.raises((AssertionError, KeyError)):
            check_journal(balanced(cooked))


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
    return lived(owner, [*commands, (a_hold(owner, 3, expires_in=DAY), NOW + 2 * DAY)])


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

    check_notices(cook, entries)


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

    check_notices(cook, entries)


@pytest.fixture(scope="module")
def returning():
    """Return an account to which credits came back, or went back, and its entries; one lot ends soon, one begins later."""
    owner = an_account()
    ending, other, later = (
        a_grant(owner, 6, expires_at=NOW + 2 * DAY),
        a_grant(owner, 5),
        a_grant(owner, 4, starts_at=NOW + DAY),
    )
    commands = [(ending, NOW), (other, NOW), (a_spend(owner, 7), NOW), (a_refund(owner, 3, 3), NOW), (later, NOW)]
    commands += [(a_revoke(owner, ending.source), NOW), (a_refund(owner, 3, 1), NOW), (a_restore(owner, 6), NOW + DAY)]
    commands += [(a_spend(owner, 9), NOW + DAY), (a_refund(owner, 10, grace=DAY), NOW + 2 * DAY)]
    return lived(owner, [*commands, (a_forfeit(owner, later.source), NOW + 2 * DAY)])


FIRST, SECOND, USE, REFUND, SCHEDULED, REVOCATION, REPAYMENT, START, UNDOING, USE_AGAIN, GRACE, FORFEITURE = range(12)


def swapped(number):
    return lambda entries: with_entry(number, movements=entries[number].movements[::-1])(entries)


def without(number, movement):
    """Return a way to cook an entry: leave out one of its movements."""

    def cook(entries):
        movements = entries[number].movements
        return with_entry(number, movements=(*movements[:movement], *movements[movement + 1 :]))(entries)

    return cook


def one_moved(number, movement, **fields):
    """Return a way to cook an entry: change one of its movements."""

    def cook(entries):
        movements = [*entries[number].movements]
        movements[movement] = attrs.evolve(movements[movement], **fields)
        return with_entry(number, movements=tuple(movements))(entries)

    return cook


def repeated(number):
    """Return a way to cook a journal: end it with another entry, under another key, that does the same again."""

    def cook(entries):
        same = forged(entries[number], seq=len(entries) + 1, key="again", effective_at=LATER, recorded_at=LATER)
        return (*entries, forged(same, available_after=entries[-1].available_after + same.change))

    return cook


LATER = NOW + 2 * DAY

COOKED_RETURNS = {
    "what burned first comes back first": swapped(REFUND),
    "more comes back than was used": one_moved(REFUND, 1, amount=7),
    "the same comes back twice": repeated(GRACE),
    "nothing comes back": with_entry(REFUND, movements=()),
    "what comes back names no spend": with_entry(REFUND, of=None),
    "what comes back names a grant": with_entry(REFUND, of=1),
    "what comes back comes from nowhere": one_moved(REFUND, 0, source=Book.ISSUED),
    "credits begin before they should": one_moved(SCHEDULED, 0, target=Book.AVAILABLE),
    "credits begin at another time": with_entry(START, effective_at=NOW),
    "another lot begins": with_entry(START, of=2),
    "somebody asked for a start": with_entry(START, key="start"),
    "not all of a lot begins": one_moved(START, 0, amount=3),
    "what begins repays nothing": without(START, 1),
    "what begins repays too much": one_moved(START, 1, amount=4),
    "what was not begun is spent": lambda entries: (
        *entries[: SCHEDULED + 1],
        forged(entries[USE], seq=6, key="early", movements=(Movement(5, Book.AVAILABLE, Book.CONSUMED, 4),)),
    ),
    "what is used is clawed back first": swapped(REVOCATION),
    "what is unused is not clawed back": without(REVOCATION, 0),
    "more is clawed back than was granted": one_moved(REVOCATION, 1, amount=5),
    "another lot owes it": one_moved(REVOCATION, 1, lot=2),
    "a clawback names no lot": with_entry(REVOCATION, of=None),
    "what is owed is off": with_entry(REVOCATION, owed_after=0),
    "what comes back repays nothing": one_moved(REPAYMENT, 0, target=Book.AVAILABLE),
    "what is undone is not what was done": one_moved(UNDOING, 1, amount=1),
    "something is undone elsewhere": one_moved(UNDOING, 1, lot=2),
    "something undone is lost": one_moved(UNDOING, 1, target=Book.EXPIRED),
    "something is undone twice": repeated(UNDOING),
    "nothing is undone": with_entry(UNDOING, of=4),
    "what had repaid does not come back": without(UNDOING, 2),
    "more comes back than had repaid": one_moved(UNDOING, 2, amount=4),
    "what had repaid is lost": one_moved(UNDOING, 2, target=Book.EXPIRED),
    "a lot is saved that had not expired": one_moved(GRACE, 1, target=Book.ISSUED),
    "a lot comes back that had expired": one_moved(GRACE, 2, target=Book.AVAILABLE),
    "grace is of another kind": lambda entries: with_entry(
        GRACE, opened=attrs.evolve(entries[GRACE].opened, kind=LotKind.PROMOTIONAL)
    )(entries),
    "grace is larger than what was lost": lambda entries: one_moved(GRACE, 3, amount=4)(
        with_entry(GRACE, opened=attrs.evolve(entries[GRACE].opened, amount=4))(entries)
    ),
    "a lot is born full": lambda entries: with_entry(GRACE, opened=attrs.evolve(entries[GRACE].opened, remaining=3))(
        entries
    ),
    "not all is forfeited": one_moved(FORFEITURE, 0, amount=1),
    "another lot is forfeited": with_entry(FORFEITURE, of=2),
}


@pytest.fixture(scope="module")
def shared():
    """Return an account that gave others and got from them, by hand too, and whose lots owe for one another."""
    owner = an_account()
    small, large = a_grant(owner, 4, priority=1), a_grant(owner, 8, priority=2)
    sent = {"sender": an_account(), "source": "sent", "key": "sent", "effective_at": NOW}
    received = Receive(account=owner, amount=3, kind=LotKind.PAYG, priority=3, **sent)
    commands = [small, large, a_spend(owner, 3), a_convert(owner, large.source, most=5)]
    commands += [a_revoke(owner, small.source, 3, shortfall=Shortfall.TAKE), a_revoke(owner, large.source, 7), received]
    commands += [an_adjustment(owner, 6), a_restore(owner, 5), an_adjustment(owner, -2)]
    return lived(owner, [(command, NOW) for command in [*commands, a_transfer(owner, an_account(), 2)]])


CONVERT, TAKE, WIDE, RECEIPT, GIFT, RESTORATION, CORRECTION, SENDING = range(3, 11)

COOKED_SHARES = {
    "a conversion takes more than it opens": one_moved(CONVERT, 0, amount=6),
    "a conversion is of another lot": lambda entries: with_entry(
        CONVERT, opened=attrs.evolve(entries[CONVERT].opened, source="convert:other")
    )(entries),
    "a conversion opens nothing": without(CONVERT, 1),
    "a conversion is too early": with_entry(CONVERT, effective_at=NOW - DAY),
    "a clawback takes from the wrong lot": one_moved(TAKE, 2, lot=4),
    "a clawback takes more than is short": one_moved(TAKE, 2, amount=3),
    "a clawback takes less than is short": one_moved(TAKE, 2, amount=1),
    "a clawback forgets what was converted": without(WIDE, 1),
    "a clawback begins with what was converted": lambda entries: with_entry(
        WIDE, movements=(entries[WIDE].movements[1], entries[WIDE].movements[0], entries[WIDE].movements[2])
    )(entries),
    "what was converted owes": one_moved(WIDE, 2, lot=4),
    "what is received repays nothing": without(RECEIPT, 1),
    "what is received opens nothing": with_entry(RECEIPT, opened=None),
    "nobody answers for a correction": with_entry(GIFT, actor=None),
    "nobody says why": with_entry(CORRECTION, reason=None),
    "what was taken does not come back": without(RESTORATION, 2),
    "a correction takes the wrong lot first": swapped(CORRECTION),
    "a correction takes what was spent": one_moved(CORRECTION, 0, source=Book.CONSUMED),
    "the wrong lot is sent": one_moved(SENDING, 0, lot=8),
    "more is sent": one_moved(SENDING, 0, amount=4),
}


def test_honest_returns_pass(returning):
    account, entries = returning

    check_journal(entries)
    check_account(account, entries)
    assert [entries[number].operation for number in (REFUND, REVOCATION, START, UNDOING, GRACE, FORFEITURE)] == [
        "refund",
        "revoke",
        "start",
        "restore",
        "refund",
        "forfeit",
    ]


def test_honest_shares_pass(shared):
    account, entries = shared

    check_journal(entries)
    check_account(account, entries)
    assert [entry.operation for entry in entries[CONVERT:]] == [
        "convert",
        "revoke",
        "revoke",
        "receive",
        "adjust",
        "restore",
        "adjust",
        "send",
    ]


@pytest.mark.parametrize("cook", COOKED_RETURNS.values(), ids=COOKED_RETURNS.keys())
def test_a_journal_of_returns_does_not_pass_when(cook, returning):
    _, entries = returning

    check_notices(cook, entries)


@pytest.mark.parametrize("cook", COOKED_SHARES.values(), ids=COOKED_SHARES.keys())
def test_a_journal_of_shares_does_not_pass_when(cook, shared):
    _, entries = shared

    check_notices(cook, entries)


@pytest.mark.parametrize("figure", ["scheduled", "remaining", "held", "expired", "revoked", "owed"])
def test_an_account_does_not_pass_when_it_is_wrong_about_what_of_a_lot_is(figure, returning):
    account, entries = returning
    first, *others = account.lots
    wrong = attrs.evolve(first, **{figure: getattr(first, figure) + 1})

    with pytest.raises(AssertionError):
        check_account(attrs.evolve(account, lots=(wrong, *others)), entries)


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
