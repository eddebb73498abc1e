"""Laws: what holds for every journal of credits, whatever happened.

They are checked by counting movements here, without the functions that wrote them, so that a mistake in those cannot hide.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

import attrs

from billing_core.domain.credits import Account, Book, Entry, Hold, Lot, Movement, Operation, Slice

__all__ = ["check_account", "check_journal"]

_FOREVER = datetime.max.replace(tzinfo=UTC)

# Which operation may move credits from where to where.
_LEGAL: Mapping[Operation, frozenset[tuple[str, str]]] = MappingProxyType({
    Operation.GRANT: frozenset({("issued", "available")}),
    Operation.SPEND: frozenset({("available", "consumed")}),
    Operation.EXPIRE: frozenset({("available", "expired")}),
    Operation.CONVERT: frozenset({("available", "issued"), ("expired", "issued"), ("issued", "available")}),
    Operation.HOLD: frozenset({("available", "held")}),
    Operation.CAPTURE: frozenset({("held", "consumed"), ("held", "available"), ("held", "expired")}),
    Operation.RELEASE: frozenset({("held", "available"), ("held", "expired")}),
})

_OF_HOLDS = frozenset({Operation.CAPTURE, Operation.RELEASE})
# The books that a lot keeps a figure for.
_KEPT = (Book.AVAILABLE, Book.HELD, Book.EXPIRED)


def check_journal(entries: Sequence[Entry]) -> None:
    """Assert that these are all entries of an account, from the first one, and that each of them was right.

    They are numbered without gaps and in the order of recording; no key and no source comes twice; balances run on exactly;
    every movement is legal, spends and holds burn in order, what is held is used or returned once and before it times out,
    and nothing comes back from what has expired.
    """
    assert [entry.seq for entry in entries] == [*range(1, len(entries) + 1)], "entries are numbered without gaps"
    assert _sorted([entry.recorded_at for entry in entries]), "entries are recorded one after the other"
    assert _different([entry.key for entry in entries if entry.key]), "a key is used once"
    assert _different([entry.opened.source for entry in entries if entry.opened]), "a source opens one lot"
    walk = _Walk()
    for entry in entries:
        walk.step(entry)


def check_account(account: Account, entries: Sequence[Entry]) -> None:
    """Assert that an account, loaded with all its lots and holds, is what its entries say: nothing was lost or invented."""
    walk = _Walk()
    for entry in entries:
        walk.count(entry)
    books = attrs.asdict(account.books)
    assert sum(books.values()) == 0, "books sum to zero"
    assert books == {book.value: walk.books[book] for book in Book}, "the books are the sum of all movements"
    assert account.version == len(entries), "the version is the number of the last entry"
    assert account.recorded_at == (entries[-1].recorded_at if entries else None)
    assert {lot.number for lot in account.lots} == walk.lots.keys(), "every lot was opened by an entry"
    for lot in account.lots:
        walk.check_lot(lot)
    assert sum(lot.remaining for lot in account.lots) == account.books.available, "what is available lies in lots"
    assert sum(lot.held for lot in account.lots) == account.books.held, "what is held lies in lots"
    assert [hold.number for hold in account.holds] == sorted(walk.holds), "every hold was placed by an entry"
    for hold in account.holds:
        assert hold == walk.holds[hold.number], "a hold is as it was born, and what the movements left of it"
    assert sum(hold.left for hold in account.holds if hold.open) == account.books.held, "what is held is held by open holds"


class _Walk:
    """Walks along a journal, and counts what lies in which book of which lot."""

    def __init__(self) -> None:
        self.books: Counter[Book] = Counter()
        self.lots: dict[int, Lot] = {}
        self.holds: dict[int, Hold] = {}
        self._on: dict[int, Counter[Book]] = {}

    def step(self, entry: Entry) -> None:
        """Check one entry, and count it."""
        assert entry.effective_at <= entry.recorded_at, "nothing takes effect before it can be known"
        assert {(one.source.value, one.target.value) for one in entry.movements} <= _LEGAL[entry.operation]
        assert entry.opened is None or entry.opened.number == entry.seq, "a lot has the number of the entry that opened it"
        assert (entry.placed is not None) == (entry.operation is Operation.HOLD), "holds are placed by holding, and only so"
        assert (entry.of is not None) == (entry.operation in _OF_HOLDS), "what is done to a hold names it, and nothing else"
        if entry.operation in {Operation.SPEND, Operation.HOLD}:
            self._check_burning(entry)
        if entry.placed is not None:
            _check_placing(entry, entry.placed)
        if entry.of is not None:
            assert entry.of in self.holds, "only a hold that was placed before is captured or released"
            self._check_returning(entry, self.holds[entry.of])
        if entry.operation is Operation.EXPIRE:
            self._check_expiring(entry)
        self.count(entry)
        self._check_arrivals(entry)
        assert entry.available_after == self.books[Book.AVAILABLE], "the balance runs on"
        assert entry.held_after == self.books[Book.HELD], "what is held runs on"
        assert all(self.books[book] >= 0 for book in Book if book is not Book.ISSUED), "no book is overdrawn"
        assert all(self._on[one.lot][book] >= 0 for one in entry.movements for book in _KEPT), "no lot is overdrawn"

    def count(self, entry: Entry) -> None:
        """Count what one entry moved."""
        if entry.opened:
            self.lots[entry.opened.number] = entry.opened
            self._on[entry.opened.number] = Counter()
        for one in entry.movements:
            for book, amount in ((one.source, -one.amount), (one.target, one.amount)):
                self.books[book] += amount
                self._on[one.lot][book] += amount
        if entry.placed:
            self.holds[entry.seq] = attrs.evolve(entry.placed, slices=tuple(_slices(entry.movements)))
        if entry.of:
            self.holds[entry.of] = _emptied(self.holds[entry.of], entry.movements)

    def check_lot(self, lot: Lot) -> None:
        """Check the figures of a lot."""
        on = self._on[lot.number]
        counted = attrs.evolve(
            self.lots[lot.number], remaining=on[Book.AVAILABLE], held=on[Book.HELD], expired=on[Book.EXPIRED]
        )
        assert lot == counted, "a lot is as it was born, and what the movements left of it"
        assert min(on[book] for book in Book if book is not Book.ISSUED) >= 0
        assert -on[Book.ISSUED] <= lot.amount, "no more was issued than was granted"

    def _check_burning(self, entry: Entry) -> None:
        """No slice is taken while a better lot has something left, or from a lot at or after its expiry."""
        left = {number: on[Book.AVAILABLE] for number, on in self._on.items()}
        for one in entry.movements:
            lot = self.lots[one.lot]
            better = [number for number, other in self.lots.items() if _rank(other) < _rank(lot) and left[number]]
            assert not better, "the first to burn goes first"
            assert lot.effective_at <= entry.effective_at < (lot.expires_at or _FOREVER), "only running lots are spent"
            left[one.lot] -= one.amount

    def _check_expiring(self, entry: Entry) -> None:
        """All that was left of one lot goes, at the moment at which it fell due."""
        (one,) = entry.movements
        assert entry.effective_at == self.lots[one.lot].expires_at, "expiry takes effect when it falls due"
        assert one.amount == self._on[one.lot][Book.AVAILABLE], "expiry takes everything"

    def _check_returning(self, entry: Entry, hold: Hold) -> None:
        """Use held credits in the order of burning; return all the rest or nothing, and never to a lot that has expired."""
        assert hold.open, "nothing is done to a hold that is closed"
        if entry.key:
            assert entry.effective_at < hold.expires_at, "a hold is captured or released until it times out"
        else:
            assert entry.effective_at == hold.expires_at, "a hold returns by itself when it times out"
        used = [one for one in entry.movements if one.target is Book.CONSUMED]
        returned = [one for one in entry.movements if one.target is not Book.CONSUMED]
        rest = _emptied(hold, used).slices
        assert _slices(used) == _first(hold.slices, sum(one.amount for one in used)), "the first to burn is captured first"
        assert _slices(returned) in ([*rest], []), "all that is not captured returns, or nothing"
        assert returned or entry.operation is Operation.CAPTURE, "a release returns everything"
        for one in returned:
            expired = (self.lots[one.lot].expires_at or _FOREVER) <= entry.effective_at
            assert one.target is (Book.EXPIRED if expired else Book.AVAILABLE), "nothing comes back to a lot that expired"

    def _check_arrivals(self, entry: Entry) -> None:
        """Credits from nowhere become available on the lot that the entry opens, all of them and nowhere else."""
        new = [one for one in entry.movements if one.target is Book.AVAILABLE and one.source is not Book.HELD]
        arrived = [(one.lot, one.amount) for one in new]
        assert arrived == ([(entry.seq, entry.opened.amount)] if entry.opened else [])


def _check_placing(entry: Entry, placed: Hold) -> None:
    """Compare a new hold with its entry: it has its number, takes what it moves, and ends later."""
    born = Hold(entry.seq, sum(one.amount for one in entry.movements), placed.expires_at, placed.reference)
    assert placed == born, "a hold has the number of the entry that placed it, and holds what that moved"
    assert placed.expires_at > entry.effective_at, "a hold times out later than it is placed"


def _emptied(hold: Hold, movements: Sequence[Movement]) -> Hold:
    """Return a hold without what these movements took of it."""
    gone = Counter[int]()
    captured = 0
    for one in movements:
        gone[one.lot] += one.amount
        captured += one.amount if one.target is Book.CONSUMED else 0
    left = [Slice(one.lot, one.amount - gone[one.lot]) for one in hold.slices]
    assert gone.keys() <= {one.lot for one in hold.slices}, "a hold gives what it holds"
    assert all(one.amount >= 0 for one in left), "a hold gives no more than it holds"
    return attrs.evolve(
        hold,
        slices=tuple(one for one in left if one.amount),
        captured=hold.captured + captured,
        released=hold.released + gone.total() - captured,
    )


def _slices(movements: Iterable[Movement]) -> list[Slice]:
    return [Slice(one.lot, one.amount) for one in movements]


def _first(slices: Iterable[Slice], amount: int) -> list[Slice]:
    """Return the slices that make up the first so many credits."""
    taken: list[Slice] = []
    for one in slices:
        part = min(one.amount, amount)
        amount -= part
        taken += [Slice(one.lot, part)] if part else []
    return taken


def _rank(lot: Lot) -> tuple[int, datetime, datetime, int]:
    return lot.priority, lot.expires_at or _FOREVER, lot.effective_at, lot.number


def _sorted(moments: Sequence[datetime]) -> bool:
    return [*moments] == sorted(moments)


def _different(names: Iterable[str]) -> bool:
    return max(Counter(names).values(), default=1) == 1
