"""The values of the ledger: books, lots, movements, entries, and the account that they make up.

Each refuses nonsense at birth; none of them decides anything.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

import attrs
from attrs import field, frozen

from billing_core.domain.money import MAX_AMOUNT, Money, whole
from billing_core.errors import Invalid

__all__ = [
    "FLOWS",
    "MAX_AMOUNT",
    "MAX_BOOK",
    "NEGATIVE",
    "PRIORITIES",
    "Account",
    "AccountId",
    "Book",
    "Books",
    "Change",
    "Entry",
    "Hold",
    "Lot",
    "LotKind",
    "Movement",
    "Operation",
    "Slice",
    "account_id",
    "burn_order",
    "flag",
    "long_text",
    "not_negative",
    "optional_text",
    "positive",
    "text",
]

MAX_BOOK = 2**63 - 1  # what a database holds in a BIGINT
_MAX_TEXT = 255
_NEVER = datetime.max.replace(tzinfo=UTC)


class Book(StrEnum):
    """Where credits can stand.

    `issued` is the source of all others and therefore never positive. Nor is `owed`: what was clawed back after it had been
    spent, until later credits repay it.
    """

    ISSUED = "issued"
    SCHEDULED = "scheduled"
    AVAILABLE = "available"
    HELD = "held"
    CONSUMED = "consumed"
    EXPIRED = "expired"
    REVOKED = "revoked"
    OWED = "owed"


# The books that stand below zero; all others stand above.
NEGATIVE = frozenset({Book.ISSUED, Book.OWED})


class Operation(StrEnum):
    """What an entry did."""

    GRANT = "grant"
    START = "start"
    SPEND = "spend"
    REFUND = "refund"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    EXPIRE = "expire"
    CONVERT = "convert"
    FORFEIT = "forfeit"
    REVOKE = "revoke"
    RESTORE = "restore"
    ADJUST = "adjust"
    SEND = "send"
    RECEIVE = "receive"


class LotKind(StrEnum):
    """Where the credits of a lot come from."""

    PAYG = "payg"
    SUBSCRIPTION = "subscription"
    PROMOTIONAL = "promotional"
    ADJUSTMENT = "adjustment"


# Lower burns first: what was given away goes before what was paid for, and what lasts a period before what stays.
PRIORITIES: Mapping[LotKind, int] = MappingProxyType({
    LotKind.PROMOTIONAL: 10,
    LotKind.SUBSCRIPTION: 20,
    LotKind.ADJUSTMENT: 30,
    LotKind.PAYG: 30,
})

# Every movement that may ever be written.
_REPAYS = (Book.AVAILABLE, Book.OWED)
_RETURNS = {(Book.HELD, Book.AVAILABLE), (Book.HELD, Book.EXPIRED), (Book.HELD, Book.OWED)}
FLOWS: Mapping[Operation, frozenset[tuple[Book, Book]]] = MappingProxyType({
    Operation.GRANT: frozenset({(Book.ISSUED, Book.AVAILABLE), (Book.ISSUED, Book.SCHEDULED), _REPAYS}),
    Operation.START: frozenset({(Book.SCHEDULED, Book.AVAILABLE), _REPAYS}),
    Operation.SPEND: frozenset({(Book.AVAILABLE, Book.CONSUMED)}),
    Operation.REFUND: frozenset({
        (Book.CONSUMED, Book.AVAILABLE),
        (Book.CONSUMED, Book.EXPIRED),
        (Book.CONSUMED, Book.OWED),
        (Book.CONSUMED, Book.ISSUED),
        (Book.ISSUED, Book.AVAILABLE),
    }),
    Operation.HOLD: frozenset({(Book.AVAILABLE, Book.HELD)}),
    Operation.CAPTURE: frozenset({(Book.HELD, Book.CONSUMED), *_RETURNS}),
    Operation.RELEASE: frozenset(_RETURNS),
    Operation.EXPIRE: frozenset({(Book.AVAILABLE, Book.EXPIRED)}),
    Operation.CONVERT: frozenset({
        (Book.AVAILABLE, Book.ISSUED),
        (Book.SCHEDULED, Book.ISSUED),
        (Book.EXPIRED, Book.ISSUED),
        (Book.ISSUED, Book.AVAILABLE),
    }),
    Operation.FORFEIT: frozenset({(Book.AVAILABLE, Book.EXPIRED), (Book.SCHEDULED, Book.EXPIRED)}),
    Operation.REVOKE: frozenset({
        (Book.SCHEDULED, Book.REVOKED),
        (Book.AVAILABLE, Book.REVOKED),
        (Book.EXPIRED, Book.REVOKED),
        (Book.OWED, Book.REVOKED),
        _REPAYS,
    }),
    Operation.RESTORE: frozenset({
        (Book.REVOKED, Book.SCHEDULED),
        (Book.REVOKED, Book.AVAILABLE),
        (Book.REVOKED, Book.EXPIRED),
        (Book.REVOKED, Book.OWED),
        (Book.OWED, Book.AVAILABLE),
        (Book.OWED, Book.EXPIRED),
    }),
    Operation.ADJUST: frozenset({(Book.ISSUED, Book.AVAILABLE), (Book.AVAILABLE, Book.REVOKED), _REPAYS}),
    Operation.SEND: frozenset({(Book.AVAILABLE, Book.ISSUED)}),
    Operation.RECEIVE: frozenset({(Book.ISSUED, Book.AVAILABLE), _REPAYS}),
})


def _amount(name: str, value: object, *, least: int) -> int:
    number = whole(name, value)
    if not least <= number <= MAX_AMOUNT:
        raise Invalid(name, f"must be between {least} and {MAX_AMOUNT}, not {number}")
    return number


def flag(_instance: object, attribute: "attrs.Attribute[bool]", value: object) -> None:
    """Refuse anything but a truth value; shaped as an attrs validator."""
    if not isinstance(value, bool):
        raise Invalid(attribute.name, f"must be True or False, not {value!r}")


def positive(_instance: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    """Refuse anything but a whole number from 1 up; shaped as an attrs validator."""
    _amount(attribute.name, value, least=1)


def not_negative(_instance: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    """Refuse anything but a whole number from 0 up; shaped as an attrs validator."""
    _amount(attribute.name, value, least=0)


def _short(name: str, value: object, most: int) -> None:
    if not isinstance(value, str):
        raise Invalid(name, f"must be text, not {type(value).__name__}")
    if not value or value != value.strip():
        raise Invalid(name, "must not be empty or padded with blanks")
    if len(value) > most:
        raise Invalid(name, f"must have at most {most} characters, not {len(value)}")
    if not value.isprintable():
        raise Invalid(name, "must hold printable characters only")


def text(_instance: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    """Refuse anything but short, printable, unpadded text; shaped as an attrs validator."""
    _short(attribute.name, value, _MAX_TEXT)


def long_text(_instance: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    """Refuse the same, but leave room for a name made of a name; shaped as an attrs validator."""
    _short(attribute.name, value, 2 * _MAX_TEXT)


optional_text = attrs.validators.optional(text)


@frozen(order=True, cache_hash=True)
class AccountId:
    """The application's own id of whoever owns the credits, and the unit that is counted."""

    owner: str = field(validator=text)
    unit: str = field(default="credits", validator=text)

    def __str__(self) -> str:
        """Write `owner` or, for another unit than credits, `owner/unit`."""
        return self.owner if self.unit == "credits" else f"{self.owner}/{self.unit}"


def account_id(_instance: object, attribute: "attrs.Attribute[AccountId]", value: AccountId) -> None:
    """Refuse anything but the id of an account; shaped as an attrs validator."""
    if not isinstance(value, AccountId):
        raise Invalid(attribute.name, f"must be an AccountId, not {type(value).__name__}")


@frozen
class Books:
    """The trial balance of one account, in the unit's smallest step; it always sums to zero."""

    issued: int = 0
    scheduled: int = 0
    available: int = 0
    held: int = 0
    consumed: int = 0
    expired: int = 0
    revoked: int = 0
    owed: int = 0

    def __attrs_post_init__(self) -> None:
        """Refuse a trial balance that does not balance: such a value must not exist."""
        above = self.scheduled, self.available, self.held, self.consumed, self.expired, self.revoked
        if sum(above, self.issued + self.owed) or self.issued > 0 or self.owed > 0 or min(above) < 0:
            raise Invalid("books", f"must sum to zero with only `issued` and `owed` below zero, not {self}")


@frozen
class Lot:
    """One grant: its terms, frozen when it was granted, and what is left of it.

    `number` is the sequence number of the entry that opened it. `source` names the money or the decision behind it and is
    unique per account, so that the same money never grants twice. `cost` is what was paid for the whole lot. It can be
    spent from `effective_at` on, and is `scheduled` until then. `revoked` is what was clawed back, whether or not it was
    left. `owed` is above zero by what the lot repaid, and below by what was clawed back of it after it had been used. What
    stands in none of these figures was consumed, or went to another lot.
    """

    number: int
    kind: LotKind
    priority: int
    amount: int
    effective_at: datetime
    expires_at: datetime | None
    source: str
    reference: str | None = None
    cost: Money | None = None
    remaining: int = 0
    held: int = 0
    expired: int = 0
    scheduled: int = 0
    revoked: int = 0
    owed: int = 0

    @property
    def open(self) -> bool:
        """Whether anything of it can still be used."""
        return self.remaining > 0 or self.held > 0 or self.scheduled > 0

    def left(self, **amounts: int) -> "Lot":
        """Return it with other amounts of what is left of it."""
        other = amounts.get
        return Lot(
            self.number,
            self.kind,
            self.priority,
            self.amount,
            self.effective_at,
            self.expires_at,
            self.source,
            self.reference,
            self.cost,
            other("remaining", self.remaining),
            other("held", self.held),
            other("expired", self.expired),
            other("scheduled", self.scheduled),
            other("revoked", self.revoked),
            other("owed", self.owed),
        )

    def due(self, now: datetime) -> bool:
        """Tell whether it has expired by `now`: the moment of expiry itself is already too late."""
        return self.expires_at is not None and self.expires_at <= now


@frozen
class Movement:
    """A positive amount that went from one book to another on one lot."""

    lot: int
    source: Book
    target: Book
    amount: int = field(validator=positive)


@frozen
class Slice:
    """What a hold still holds of one lot."""

    lot: int
    amount: int


@frozen
class Hold:
    """Credits set aside until they are captured or released, or until `expires_at`, when they return by themselves.

    `number` is the sequence number of the entry that placed it. `slices` are in the order in which the lots would have
    burned.
    """

    number: int
    amount: int
    expires_at: datetime
    reference: str | None = None
    slices: tuple[Slice, ...] = ()
    captured: int = 0
    released: int = 0

    @property
    def left(self) -> int:
        """How much it still holds."""
        return self.amount - self.captured - self.released

    @property
    def open(self) -> bool:
        """Whether it still holds anything."""
        return self.left > 0


# What an entry is about, where it makes other movements beside it.
_COUNTED: Mapping[Operation, Callable[[Movement], bool]] = MappingProxyType({
    Operation.GRANT: lambda one: one.source is Book.ISSUED,
    Operation.START: lambda one: one.source is Book.SCHEDULED,
    Operation.REFUND: lambda one: one.source is Book.CONSUMED,
    Operation.CAPTURE: lambda one: one.target is Book.CONSUMED,
    Operation.CONVERT: lambda one: one.source is Book.ISSUED,
    Operation.REVOKE: lambda one: one.target is Book.REVOKED,
    Operation.RESTORE: lambda one: one.source is Book.REVOKED,
    Operation.ADJUST: lambda one: one.target is not Book.OWED,
    Operation.RECEIVE: lambda one: one.source is Book.ISSUED,
})


@frozen
class Entry:
    """What one operation did to one account. `seq` counts an account's entries without gaps.

    `effective_at` is when it took effect, `recorded_at` when it was written down. An entry without movements is an
    operation that cost nothing. `opened` is the lot it created and `placed` the hold, each as it was born: empty, before
    the movements. `of` is the number of the entry that it follows up: the one that placed the hold whose credits it moved,
    that consumed what it refunds, that revoked what it restores, that opened the lot that it starts or takes from.
    """

    seq: int
    operation: Operation
    movements: tuple[Movement, ...]
    available_after: int
    held_after: int
    effective_at: datetime
    recorded_at: datetime
    owed_after: int = 0
    key: str | None = None
    fingerprint: str | None = None
    reference: str | None = None
    reason: str | None = None
    actor: str | None = None
    opened: Lot | None = None
    placed: Hold | None = None
    of: int | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse movements that the operation may not make."""
        for one in self.movements:
            if (one.source, one.target) not in FLOWS[self.operation]:
                raise Invalid("movement", f"from {one.source} to {one.target} does not belong to {self.operation}")

    @property
    def amount(self) -> int:
        """How many credits the operation was about."""
        counted = _COUNTED.get(self.operation)
        return sum(one.amount for one in self.movements if counted is None or counted(one))

    @property
    def change(self) -> int:
        """By how much it changed what is available."""
        gained = sum(one.amount for one in self.movements if one.target is Book.AVAILABLE)
        lost = sum(one.amount for one in self.movements if one.source is Book.AVAILABLE)
        return gained - lost


@frozen
class Account:
    """An account as far as it was loaded: its books, the lots that matter, and what the asked keys and sources did before.

    `version` is the number of its last entry. `lots` and `holds` are all that are open, and closed ones where a command
    names them. `related` are the entries that a command names by number, and those that follow them up or were made since.
    Who leaves less available than `top_up_below` has to look whether the account is to be topped up.
    """

    id: AccountId
    version: int = 0
    books: Books = Books()
    recorded_at: datetime | None = None
    lots: tuple[Lot, ...] = ()
    holds: tuple[Hold, ...] = ()
    recorded: Mapping[str, Entry] = field(factory=dict)
    related: tuple[Entry, ...] = ()
    top_up_below: int | None = None

    @property
    def next_due_at(self) -> datetime | None:
        """When the next lot starts or expires, or the next hold times out: until then there is nothing to settle."""
        due = [hold.expires_at for hold in self.holds if hold.open]
        for lot in self.lots:
            if lot.remaining and lot.expires_at:
                due.append(lot.expires_at)
            if lot.scheduled:
                due.append(lot.effective_at)
        return min(due, default=None)

    def present(self, now: datetime) -> datetime:
        """Return `now` by the account's own time, which never goes back: another host's clock may be ahead of ours."""
        return max(now, self.recorded_at or now)

    @property
    def owes(self) -> int:
        """How much was clawed back after it had been spent, and not repaid yet."""
        return -self.books.owed

    def entry(self, number: int) -> Entry | None:
        """Return an entry by its number, if it is among those loaded."""
        return next((entry for entry in self.related if entry.seq == number), None)

    def following(self, number: int, operation: Operation) -> tuple[Entry, ...]:
        """Return the entries of one kind that follow up another, as far as they were loaded."""
        return tuple(one for one in self.related if one.of == number and one.operation is operation)

    def hold(self, number: int) -> Hold | None:
        """Return a hold by its number, if it is among those loaded."""
        return next((hold for hold in self.holds if hold.number == number), None)

    def lot(self, number: int) -> Lot:
        """Return a lot that is among those loaded, by its number."""
        return next(lot for lot in self.lots if lot.number == number)

    def lot_from(self, source: str) -> Lot | None:
        """Return the lot that this source opened, if it is among those loaded."""
        return next((lot for lot in self.lots if lot.source == source), None)


def burn_order(lot: Lot) -> tuple[int, datetime, datetime, int]:
    """Return the key by which lots burn: priority, then earliest expiry, then oldest."""
    return lot.priority, lot.expires_at or _NEVER, lot.effective_at, lot.number


@frozen
class Change:
    """What one decision writes: entries, and the account and lots as they stand after them.

    It may be written only while the account is still at `expected_version`; otherwise somebody else wrote first.
    """

    expected_version: int
    account: Account
    entries: tuple[Entry, ...]

    @property
    def opened(self) -> tuple[Lot, ...]:
        """The lots that these entries created, as they stand after them."""
        return tuple(lot for lot in self.account.lots if lot.number > self.expected_version)

    @property
    def holds(self) -> tuple[Hold, ...]:
        """The holds that these entries placed or moved something of, as they stand after them."""
        if not self.account.holds:
            return ()
        numbers = {entry.seq if entry.placed else entry.of for entry in self.entries}
        return tuple(hold for hold in self.account.holds if hold.number in numbers)

    @property
    def touched(self) -> tuple[Lot, ...]:
        """The older lots that these entries moved something on, as they stand after them."""
        numbers = {one.lot for entry in self.entries for one in entry.movements if one.lot <= self.expected_version}
        return tuple(lot for lot in self.account.lots if lot.number in numbers)
