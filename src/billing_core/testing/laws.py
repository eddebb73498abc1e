"""Laws: what holds for every journal of credits, whatever happened.

They are checked by counting movements here, without the functions that wrote them, so that a mistake in those cannot hide.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from types import MappingProxyType

import attrs

from billing_core.domain.credits import Account, Book, Entry, Hold, Lot, Movement, Operation
from billing_core.testing.tally import Tally, emptied, first, merged

__all__ = ["check_account", "check_journal"]

_FOREVER = datetime.max.replace(tzinfo=UTC)

# Which operation may move credits from where to where.
_REPAYS = ("available", "owed")
_RETURNS = {("held", "available"), ("held", "expired"), ("held", "owed")}
_LEGAL: Mapping[Operation, frozenset[tuple[str, str]]] = MappingProxyType({
    Operation.GRANT: frozenset({("issued", "available"), ("issued", "scheduled"), _REPAYS}),
    Operation.RECEIVE: frozenset({("issued", "available"), _REPAYS}),
    Operation.ADJUST: frozenset({("issued", "available"), ("available", "revoked"), _REPAYS}),
    Operation.START: frozenset({("scheduled", "available"), _REPAYS}),
    Operation.SPEND: frozenset({("available", "consumed")}),
    Operation.SEND: frozenset({("available", "issued")}),
    Operation.REFUND: frozenset({
        *(("consumed", target) for target in ("available", "expired", "owed", "issued")),
        ("issued", "available"),
    }),
    Operation.HOLD: frozenset({("available", "held")}),
    Operation.CAPTURE: frozenset({("held", "consumed"), *_RETURNS}),
    Operation.RELEASE: frozenset(_RETURNS),
    Operation.EXPIRE: frozenset({("available", "expired")}),
    Operation.FORFEIT: frozenset({("scheduled", "expired"), ("available", "expired")}),
    Operation.CONVERT: frozenset({
        *((source, "issued") for source in ("scheduled", "available", "expired")),
        ("issued", "available"),
    }),
    Operation.REVOKE: frozenset({
        *((source, "revoked") for source in ("scheduled", "available", "expired", "owed")),
        _REPAYS,
    }),
    Operation.RESTORE: frozenset({
        *(("revoked", target) for target in ("scheduled", "available", "expired", "owed")),
        ("owed", "available"),
        ("owed", "expired"),
    }),
})
# What can be taken back although nobody used it, in this order.
_UNUSED = (Book.SCHEDULED, Book.AVAILABLE, Book.EXPIRED)
# The books that stand below zero.
_BELOW = frozenset({Book.ISSUED, Book.OWED})
# What a lot keeps count of.
_FIGURES = ("remaining", "held", "expired", "scheduled", "revoked", "owed")
# What opens lots, or may.
_OPENING = frozenset({Operation.GRANT, Operation.RECEIVE, Operation.ADJUST, Operation.CONVERT, Operation.REFUND})


def check_journal(entries: Sequence[Entry]) -> None:
    """Assert that these are all entries of an account, from the first one, and that each of them was right.

    They are numbered without gaps and in the order of recording; no key and no source comes twice; balances run on exactly;
    every movement is legal; what is spent, held or sent burns in order; what is held is used or returned once and before it
    times out; what is used is refunded once, and what is clawed back once restored; what is owed is repaid first; and
    nothing can be spent before it begins or after it expires.
    """
    assert [entry.seq for entry in entries] == [*range(1, len(entries) + 1)], "entries are numbered without gaps"
    assert _sorted([entry.recorded_at for entry in entries]), "entries are recorded one after the other"
    assert _different([entry.key for entry in entries if entry.key]), "a key is used once"
    assert _different([entry.opened.source for entry in entries if entry.opened]), "a source opens one lot"
    tally = Tally()
    for entry in entries:
        _check_form(tally, entry)
        _LAWS[entry.operation](tally, entry)
        tally.count(entry)
        _check_balance(tally, entry)


def check_account(account: Account, entries: Sequence[Entry]) -> None:
    """Assert that an account, loaded with all its lots and holds, is what its entries say: nothing was lost or invented."""
    tally = Tally()
    for entry in entries:
        tally.count(entry)
    books = attrs.asdict(account.books)
    assert sum(books.values()) == 0, "books sum to zero"
    assert books == {book.value: tally.books[book] for book in Book}, "the books are the sum of all movements"
    assert account.version == len(entries), "the version is the number of the last entry"
    assert account.recorded_at == (entries[-1].recorded_at if entries else None)
    assert {lot.number for lot in account.lots} == tally.lots.keys(), "every lot was opened by an entry"
    for lot in account.lots:
        assert lot == tally.lot(lot.number), "a lot is as it was born, and what the movements left of it"
        assert -tally.on[lot.number][Book.ISSUED] <= lot.amount, "no more was issued than was granted"
    for book, figure in (("available", "remaining"), *((same, same) for same in ("scheduled", "held", "owed"))):
        assert sum(getattr(lot, figure) for lot in account.lots) == books[book], f"what is {book} lies in lots"
    assert [hold.number for hold in account.holds] == sorted(tally.holds), "every hold was placed by an entry"
    for hold in account.holds:
        assert hold == tally.holds[hold.number], "a hold is as it was born, and what the movements left of it"
    assert sum(hold.left for hold in account.holds if hold.open) == account.books.held, "what is held is held by open holds"


# What holds for every entry -----------------------------------------------------------------------------------------------


def _check_form(tally: Tally, entry: Entry) -> None:
    """Compare an entry with what its operation may do, to what was there before."""
    assert entry.effective_at <= entry.recorded_at, "nothing takes effect before it can be known"
    assert {(one.source.value, one.target.value) for one in entry.movements} <= _LEGAL[entry.operation]
    assert (entry.placed is not None) == (entry.operation is Operation.HOLD), "holds are placed by holding, and only so"
    known = _followed(tally, entry.operation)
    assert (entry.of in known) if known is not None else (entry.of is None), (
        "an entry names what it follows up, and nothing else"
    )
    if entry.key:
        assert not _overdue(tally, entry.recorded_at), "what fell due is written down first"
    if entry.opened:
        assert entry.operation in _OPENING, "this opens no lots"
        assert entry.opened.number == entry.seq, "a lot has the number of the entry that opened it"
        assert not any(getattr(entry.opened, figure) for figure in _FIGURES), "a lot is born empty"
    arrived = [(one.lot, one.amount) for one in entry.movements if one.source is Book.ISSUED]
    assert arrived == ([(entry.seq, entry.opened.amount)] if entry.opened else []), "what is issued is the opened lot"


def _followed(tally: Tally, operation: Operation) -> Collection[int | None] | None:
    """Return the numbers of which an operation must name one; None if it names none."""
    match operation:
        case Operation.START | Operation.FORFEIT | Operation.REVOKE:
            return tally.lots
        case Operation.CAPTURE | Operation.RELEASE:
            return tally.holds
        case Operation.REFUND:
            return tally.used
        case Operation.RESTORE:
            return tally.revocations
        case _:
            return None


def _overdue(tally: Tally, at: datetime) -> list[int]:
    """Return the lots and holds of which something should have begun, expired or returned by a moment."""
    lots = [
        number
        for number, lot in tally.lots.items()
        if (tally.on[number][Book.SCHEDULED] and lot.effective_at <= at)
        or (tally.on[number][Book.AVAILABLE] and _expired(lot, at))
    ]
    return lots + [number for number, hold in tally.holds.items() if hold.open and hold.expires_at <= at]


def _check_balance(tally: Tally, entry: Entry) -> None:
    """Compare what an entry says of the balance with what it leaves, and look whether that can be."""
    assert entry.available_after == tally.books[Book.AVAILABLE], "the balance runs on"
    assert entry.held_after == tally.books[Book.HELD], "what is held runs on"
    assert entry.owed_after == tally.owed, "what is owed runs on"
    assert all(tally.books[book] >= 0 for book in Book if book not in _BELOW), "no book is overdrawn"
    assert all(tally.books[book] <= 0 for book in _BELOW), "nobody is owed anything by an account"
    for lot in {one.lot for one in entry.movements}:
        assert all(tally.on[lot][book] >= 0 for book in Book if book not in _BELOW), "no lot is overdrawn"


# What holds for each operation --------------------------------------------------------------------------------------------


def _check_arriving(tally: Tally, entry: Entry) -> None:
    """See that new credits can be used from their time on, and repay first what is owed."""
    assert entry.opened, "there are no credits without a lot"
    arrival, *more = entry.movements
    begun = entry.opened.effective_at <= entry.recorded_at
    assert arrival.target is (Book.AVAILABLE if begun else Book.SCHEDULED), "what begins later is scheduled"
    assert more == (_repayment(tally, arrival) if begun else []), "what is owed is repaid first"


def _check_starting(tally: Tally, entry: Entry) -> None:
    """See that all that was scheduled of one lot begins, at the moment that was said, and repays first what is owed."""
    start, *more = entry.movements
    assert (start.source, start.lot) == (Book.SCHEDULED, entry.of), "an entry names what it starts"
    assert entry.key is None, "nobody asks for a start"
    assert entry.effective_at == tally.lots[start.lot].effective_at, "credits start when it was said"
    assert start.amount == tally.on[start.lot][Book.SCHEDULED], "all of a lot starts"
    assert more == _repayment(tally, start), "what is owed is repaid first"


def _repayment(tally: Tally, arrival: Movement) -> list[Movement]:
    amount = min(tally.owed, arrival.amount)
    return [Movement(arrival.lot, Book.AVAILABLE, Book.OWED, amount)] if amount else []


def _check_adjusting(tally: Tally, entry: Entry) -> None:
    """See that a correction gives as a grant does, or takes what is first to burn, and that somebody answers for it."""
    assert entry.reason, "somebody says why"
    assert entry.actor, "somebody answers for it"
    if entry.opened:
        _check_arriving(tally, entry)
    else:
        _check_burning(tally, entry)


def _check_burning(tally: Tally, entry: Entry) -> None:
    """See that the first to burn goes first."""
    _burns(tally, entry.movements, [], entry)


def _burns(tally: Tally, movements: Iterable[Movement], before: Iterable[Movement], entry: Entry) -> None:
    """See that no slice is taken while a better lot has something left, or from a lot that does not run."""
    left = {number: on[Book.AVAILABLE] for number, on in tally.on.items()}
    for one in before:
        left[one.lot] -= one.amount if one.source is Book.AVAILABLE else 0
    for one in movements:
        lot = tally.lots[one.lot]
        better = [number for number, other in tally.lots.items() if _rank(other) < _rank(lot) and left[number]]
        assert not better, "the first to burn goes first"
        assert lot.effective_at <= entry.recorded_at < (lot.expires_at or _FOREVER), "only running lots are spent"
        left[one.lot] -= one.amount


def _check_placing(tally: Tally, entry: Entry) -> None:
    """See that a hold has the number of its entry, takes what that moves, the first to burn first, and ends later."""
    _check_burning(tally, entry)
    assert entry.placed, "somebody holds"
    born = Hold(entry.seq, entry.amount, entry.placed.expires_at, entry.placed.reference)
    assert entry.placed == born, "a hold has the number of the entry that placed it, and holds what that moved"
    assert entry.placed.expires_at > entry.effective_at, "a hold times out later than it is placed"


def _check_unholding(tally: Tally, entry: Entry) -> None:
    """See that held credits are used in the order of burning, and all the rest returns or nothing."""
    hold = tally.holds[entry.of or 0]
    assert hold.open, "nothing is done to a hold that is closed"
    if entry.key:
        assert entry.effective_at < hold.expires_at, "a hold is captured or released until it times out"
    else:
        assert entry.effective_at == hold.expires_at, "a hold returns by itself when it times out"
    used = [one for one in entry.movements if one.target is Book.CONSUMED]
    returned = [one for one in entry.movements if one.target is not Book.CONSUMED]
    held = [(one.lot, one.amount) for one in hold.slices]
    left = [(one.lot, one.amount) for one in emptied(hold, used).slices]
    assert merged(used) == first(held, sum(one.amount for one in used)), "the first to burn is captured first"
    assert merged(returned) in (left, []), "all that is not captured returns, or nothing"
    assert returned or entry.operation is Operation.CAPTURE, "a release returns everything"
    _check_returns(tally, returned, entry.effective_at)


def _check_refunding(tally: Tally, entry: Entry) -> None:
    """See that what burned last comes back first, and once; what has expired does so again, or opens a lot of grace."""
    back = [one for one in entry.movements if one.source is Book.CONSUMED]
    assert entry.amount > 0, "something comes back"
    assert merged(back) == first(tally.used[entry.of or 0], entry.amount), "what burned last comes back first, and once"
    _check_returns(tally, back, entry.effective_at)
    lost = [one for one in back if one.target in {Book.EXPIRED, Book.ISSUED}]
    moved = sum(one.amount for one in lost if one.target is Book.ISSUED)
    assert moved == (entry.opened.amount if entry.opened else 0), "grace is given to what would be lost"
    if entry.opened:
        assert moved == sum(one.amount for one in lost), "grace is given to all of it"
        likes = [tally.lots[one.lot] for one in lost]
        assert (entry.opened.kind, entry.opened.priority) in [(like.kind, like.priority) for like in likes]


def _check_returns(tally: Tally, movements: Iterable[Movement], at: datetime) -> None:
    """See that nothing comes back to a lot that has expired, and that what comes back to a clawed back one repays first."""
    owed = tally.owed
    for number, ways in groupby(movements, lambda one: one.lot):
        parts = [*ways]
        repaid = sum(one.amount for one in parts if one.target is Book.OWED)
        counted_as_used = tally.on[number][Book.REVOKED] > 0
        assert repaid == (min(owed, sum(one.amount for one in parts)) if counted_as_used else 0), "what is owed goes first"
        owed -= repaid
        home = {one.target for one in parts} - {Book.OWED}
        lost = _expired(tally.lots[number], at)
        assert home <= ({Book.EXPIRED, Book.ISSUED} if lost else {Book.AVAILABLE}), "nothing comes back to what expired"


def _check_expiring(tally: Tally, entry: Entry) -> None:
    """See that all that was left of one lot goes, at the moment at which it fell due."""
    (one,) = entry.movements
    assert entry.effective_at == tally.lots[one.lot].expires_at, "expiry takes effect when it falls due"
    assert one.amount == tally.on[one.lot][Book.AVAILABLE], "expiry takes everything"


def _check_forfeiting(tally: Tally, entry: Entry) -> None:
    """See that all that could still be used of one lot goes."""
    on = tally.on[entry.of or 0]
    gone = [(one.lot, one.source, one.amount) for one in entry.movements]
    assert gone == [(entry.of, book, on[book]) for book in _UNUSED[:2] if on[book]], "a lot ends as a whole"


def _check_converting(tally: Tally, entry: Entry) -> None:
    """See that one lot gives what is unused of it, and what it lost to time since, and another gets exactly that."""
    given = [one for one in entry.movements if one.target is Book.ISSUED]
    assert bool(given) == (entry.opened is not None), "what is converted opens a lot"
    if not entry.opened:
        return
    (number,) = {one.lot for one in given}
    old, on = tally.lots[number], tally.on[number]
    assert entry.opened.source.endswith(f":{old.source}"), "a lot says what it was converted from"
    assert old.effective_at <= entry.effective_at or on[Book.SCHEDULED], "a lot is converted since it is there"
    since = not _expired(old, entry.effective_at) and _expired(old, entry.recorded_at)
    there = [(book, on[book]) for book in (_UNUSED if since else _UNUSED[:2])]
    assert [(one.source, one.amount) for one in given] == first(there, entry.opened.amount), "what can be used goes first"


def _check_revoking(tally: Tally, entry: Entry) -> None:
    """See that what nobody used of a lot is clawed back first, and no more than was granted; the rest is owed, or not."""
    family = tally.family(entry.of or 0)
    there = [((lot, book), tally.on[lot][book]) for book in _UNUSED for lot in family if tally.on[lot][book]]
    unused = [one for one in entry.movements if one.target is Book.REVOKED and one.source is not Book.OWED]
    amount = sum(one.amount for one in unused)
    assert [((one.lot, one.source), one.amount) for one in unused] == first(there, amount), "what is unused goes first"
    short, taken = entry.amount - amount, [one for one in entry.movements if one.target is Book.OWED]
    owing = [Movement(lot, Book.OWED, Book.REVOKED, part) for lot, part in first(_used(tally, family, unused), short)]
    assert [*entry.movements] == [*unused, *owing, *taken], "what is owed is owed by the lot that was used, or by its heirs"
    assert not short or amount == sum(part for _, part in there), "only used credits are owed"
    before = sum(tally.on[lot][Book.REVOKED] for lot in family)
    assert before + entry.amount <= tally.lots[family[0]].amount, "no more is clawed back than was granted"
    _burns(tally, taken, unused, entry)
    spare = tally.books[Book.AVAILABLE] - sum(one.amount for one in unused if one.source is Book.AVAILABLE)
    assert sum(one.amount for one in taken) in {0, min(short, spare)}, "other lots give what is short, or nothing"


def _used(tally: Tally, family: Sequence[int], unused: Iterable[Movement]) -> Iterator[tuple[int, int]]:
    """Return how many credits of these lots are gone once those that are unused were clawed back, of the heirs first."""
    gone = dict(merged(unused))
    for lot in reversed(family):
        yield lot, tally.lots[lot].amount - tally.on[lot][Book.REVOKED] - gone.get(lot, 0)


def _check_restoring(tally: Tally, entry: Entry) -> None:
    """See that all credits are where they were, or would be by now, and what repaid is back as far as nothing is owed."""
    revoked = tally.revocations[entry.of or 0].movements
    undone = [one for one in entry.movements if one.source is Book.REVOKED]
    repaid = [one for one in entry.movements if one.source is Book.OWED]
    clawed = [one for one in revoked if one.target is Book.REVOKED]
    for one, before in zip(undone, reversed(clawed), strict=True):
        home = _home(tally.lots[one.lot], before.source, entry.recorded_at)
        assert one == Movement(before.lot, Book.REVOKED, home, before.amount), "a clawback is undone exactly"
    for one in repaid:
        assert one.target is _home(tally.lots[one.lot], Book.AVAILABLE, entry.recorded_at), (
            "nothing comes back to what expired"
        )
    amount = sum(one.amount for one in repaid)
    forgiven = sum(one.amount for one in undone if one.target is Book.OWED)
    assert amount <= forgiven, "what repaid other debts stays"
    taken = sum(one.amount for one in revoked if one.target is Book.OWED)
    assert amount <= taken or tally.owed + amount == forgiven, "what repaid returns as far as nothing is owed"


def _home(lot: Lot, book: Book, at: datetime) -> Book:
    """Return where credits are at a moment that were in a book of a lot before."""
    if book is Book.SCHEDULED and lot.effective_at <= at:
        book = Book.AVAILABLE
    return Book.EXPIRED if book is Book.AVAILABLE and _expired(lot, at) else book


_LAWS: Mapping[Operation, Callable[[Tally, Entry], None]] = MappingProxyType({
    Operation.GRANT: _check_arriving,
    Operation.RECEIVE: _check_arriving,
    Operation.ADJUST: _check_adjusting,
    Operation.START: _check_starting,
    Operation.SPEND: _check_burning,
    Operation.SEND: _check_burning,
    Operation.REFUND: _check_refunding,
    Operation.HOLD: _check_placing,
    Operation.CAPTURE: _check_unholding,
    Operation.RELEASE: _check_unholding,
    Operation.EXPIRE: _check_expiring,
    Operation.FORFEIT: _check_forfeiting,
    Operation.CONVERT: _check_converting,
    Operation.REVOKE: _check_revoking,
    Operation.RESTORE: _check_restoring,
})


def _rank(lot: Lot) -> tuple[int, datetime, datetime, int]:
    return lot.priority, lot.expires_at or _FOREVER, lot.effective_at, lot.number


def _expired(lot: Lot, at: datetime) -> bool:
    return (lot.expires_at or _FOREVER) <= at


def _sorted(moments: Sequence[datetime]) -> bool:
    return [*moments] == sorted(moments)


def _different(names: Iterable[str]) -> bool:
    return max(Counter(names).values(), default=1) == 1
