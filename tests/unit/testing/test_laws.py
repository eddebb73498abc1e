"""The laws notice every way of cooking the books that we could think of."""

from copy import copy
from datetime import timedelta

import attrs
import pytest

from billing_core.domain.credits import Account, Book, Movement, Operation, decide, fold
from billing_core.testing.examples import NOW, a_convert, a_grant, a_spend, an_account
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
