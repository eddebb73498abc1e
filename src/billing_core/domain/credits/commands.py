"""The commands of the ledger: what can be asked of an account, and what must be known to decide it."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, TypeAlias, assert_never, cast

import attrs
from attrs import field, frozen
from attrs.validators import optional

from billing_core.domain.credits.values import (
    AccountId,
    LotKind,
    account_id,
    flag,
    long_text,
    not_negative,
    optional_text,
    positive,
    text,
)
from billing_core.domain.money import MAX_AMOUNT, Money, whole
from billing_core.domain.times import moment, optional_moment
from billing_core.errors import Invalid

__all__ = [
    "Adjust",
    "AnyCommand",
    "Capture",
    "Command",
    "Convert",
    "Expire",
    "Forfeit",
    "Grant",
    "KeyedCommand",
    "Needs",
    "PlaceHold",
    "Receive",
    "Refund",
    "Release",
    "Restore",
    "Revoke",
    "Shortfall",
    "Spend",
    "Transfer",
    "fingerprint",
]


_MAX_PRIORITY = 2**15 - 1


def _known_kind(_instance: object, attribute: "attrs.Attribute[LotKind]", value: LotKind) -> None:
    if not isinstance(value, LotKind):
        raise Invalid(attribute.name, f"must be one of {', '.join(LotKind)}, as a LotKind")


def _small(_instance: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    if not 0 <= whole(attribute.name, value) <= _MAX_PRIORITY:
        raise Invalid(attribute.name, f"must be between 0 and {_MAX_PRIORITY}, not {value}")


def _money(_instance: object, attribute: "attrs.Attribute[Money]", value: Money) -> None:
    if not isinstance(value, Money):
        raise Invalid(attribute.name, f"must be Money, not {type(value).__name__}")
    # What no database holds would fail in the write, and take all others along that share it.
    if abs(value.amount_minor) > MAX_AMOUNT:
        raise Invalid(attribute.name, f"must be at most {MAX_AMOUNT} minor units, not {value.amount_minor}")


def _lasting(_instance: object, attribute: "attrs.Attribute[timedelta]", value: timedelta) -> None:
    if not isinstance(value, timedelta):
        raise Invalid(attribute.name, f"must be a timedelta, not {type(value).__name__}")
    if value <= timedelta():
        raise Invalid(attribute.name, "must be longer than nothing")


def _correction(_instance: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    number = whole(attribute.name, value)
    if not number or abs(number) > MAX_AMOUNT:
        raise Invalid(attribute.name, f"must be between 1 and {MAX_AMOUNT}, or as far below zero, not {number}")


def _known_shortfall(_instance: object, attribute: "attrs.Attribute[Shortfall]", value: "Shortfall") -> None:
    if not isinstance(value, Shortfall):
        raise Invalid(attribute.name, f"must be one of {', '.join(Shortfall)}, as a Shortfall")


def _later(now: datetime, by: timedelta, name: str) -> datetime:
    try:
        return now + by
    except OverflowError:
        raise Invalid(name, "must end before the year 10000") from None


@frozen(kw_only=True)
class Command:
    """What every command says: on which account, under which idempotency key, and why."""

    account: AccountId = field(validator=account_id)
    key: str = field(validator=text)
    reference: str | None = field(default=None, validator=optional_text)
    reason: str | None = field(default=None, validator=optional_text)
    actor: str | None = field(default=None, validator=optional_text)


@frozen(kw_only=True)
class Grant(Command):
    """Open a lot of new credits.

    `source` is unique per account. `effective_at` None is now; it may lie in the past, for news that came late. The credits
    can be spent from then on, or from `starts_at`, which may lie in the future. `expires_at` None is never.
    """

    amount: int = field(validator=positive)
    kind: LotKind = field(default=LotKind.PAYG, validator=_known_kind)
    source: str = field(validator=long_text)
    priority: int | None = field(default=None, validator=optional(_small))
    effective_at: datetime | None = field(default=None, converter=optional_moment)
    starts_at: datetime | None = field(default=None, converter=optional_moment)
    expires_at: datetime | None = field(default=None, converter=optional_moment)
    cost: Money | None = field(default=None, validator=optional(_money))


@frozen(kw_only=True)
class Spend(Command):
    """Consume credits, the first to burn first. An amount of 0 is recorded like any other."""

    amount: int = field(validator=not_negative)


@frozen(kw_only=True)
class Refund(Command):
    """Give back what a spend or a capture consumed, all that is left of it if `amount` is None.

    `spend` is the number of the entry that consumed it. What burned last comes back first, to the lot that it came from.
    What belongs to a lot that has expired meanwhile expires at once, unless it is given `grace`: then it comes back in a
    lot of its own, which lasts so long.
    """

    spend: int = field(validator=positive)
    amount: int | None = field(default=None, validator=optional(positive))
    grace: timedelta | None = field(default=None, validator=optional(_lasting))

    @property
    def opens(self) -> str:
        """The source of the lot that takes over what had expired."""
        return f"refund:{self.key}"

    def ends_at(self, now: datetime) -> datetime:
        """Return when the grace ends, if it begins now."""
        return _later(now, self.grace or timedelta(), "grace")


@frozen(kw_only=True)
class PlaceHold(Command):
    """Set credits aside, the first to burn first. They return by themselves unless they are captured in time.

    That is at `expires_at`, or when `expires_in` has passed since they were set aside. The latter is the same command
    whenever it is repeated, while a moment that is worked out anew at each attempt makes each attempt another command.
    """

    amount: int = field(validator=positive)
    expires_at: datetime | None = field(default=None, converter=optional_moment)
    expires_in: timedelta | None = field(default=None, validator=optional(_lasting))

    def __attrs_post_init__(self) -> None:
        """Refuse a hold without an end, or with two."""
        if (self.expires_at is None) is (self.expires_in is None):
            raise Invalid("expires_at", "or expires_in must be given, and not both")

    def ends_at(self, now: datetime) -> datetime:
        """Return when the credits return, if they are set aside now."""
        return self.expires_at or _later(now, self.expires_in or timedelta(), "expires_in")


@frozen(kw_only=True)
class Capture(Command):
    """Consume what a hold holds, all of it if `amount` is None; the rest returns if it is `final`, and stays held if not.

    `hold` is the number of the entry that placed it.
    """

    hold: int = field(validator=positive)
    amount: int | None = field(default=None, validator=optional(not_negative))
    final: bool = field(default=True, validator=flag)


@frozen(kw_only=True)
class Release(Command):
    """Return what a hold holds. `hold` is the number of the entry that placed it."""

    hold: int = field(validator=positive)


@frozen(kw_only=True)
class Convert(Command):
    """Turn what was unused of one lot at a moment, or `most` of it, into credits of another kind.

    They never expire, unless `expires_at` says when. What expired after that moment comes back by the conversion, for it
    was already converted when it fell due. `into` is how the source of the lot begins that takes the credits over: a lot is
    converted once into each, and a revocation finds what went into `convert` and `rollover`.
    """

    source: str = field(validator=long_text)
    kind: LotKind = field(default=LotKind.PAYG, validator=_known_kind)
    effective_at: datetime | None = field(default=None, converter=optional_moment)
    most: int | None = field(default=None, validator=optional(not_negative))
    expires_at: datetime | None = field(default=None, converter=optional_moment)
    into: str = field(default="convert", validator=text)

    @property
    def opens(self) -> str:
        """The source of the lot that takes the credits over."""
        return f"{self.into}:{self.source}"


@frozen(kw_only=True)
class Forfeit(Command):
    """Let what is unused of one lot expire now, or have expired at an earlier moment."""

    source: str = field(validator=long_text)
    effective_at: datetime | None = field(default=None, converter=optional_moment)


class Shortfall(StrEnum):
    """What is done about credits that are clawed back after they were spent."""

    OWE = "owe"  # the account owes them, and repays them from the next credits that it gets
    TAKE = "take"  # they are taken from its other lots, and owed as far as these do not suffice
    FORGIVE = "forgive"  # nobody asks for them


@frozen(kw_only=True)
class Revoke(Command):
    """Claw back the credits of one lot, all of them if `amount` is None, because the money for them went back.

    What is unused goes first, also what has expired or was converted. For the rest, which was spent or is held, `shortfall`
    says what is done.
    """

    source: str = field(validator=long_text)
    amount: int | None = field(default=None, validator=optional(positive))
    shortfall: Shortfall = field(default=Shortfall.OWE, validator=_known_shortfall)
    effective_at: datetime | None = field(default=None, converter=optional_moment)

    @property
    def successors(self) -> tuple[str, ...]:
        """The sources of the lots to which the credits went if they were converted, rolled over, or one after the other."""
        return f"convert:{self.source}", f"rollover:{self.source}", f"convert:rollover:{self.source}"


@frozen(kw_only=True)
class Restore(Command):
    """Undo a revocation, because the money did not go back after all. `revocation` is the number of its entry."""

    revocation: int = field(validator=positive)
    effective_at: datetime | None = field(default=None, converter=optional_moment)


@frozen(kw_only=True)
class Adjust(Command):
    """Correct a balance by hand: up, with credits from nowhere, or down. Somebody must answer for it, and say why."""

    amount: int = field(validator=_correction)
    reason: str = field(validator=text)
    actor: str = field(validator=text)
    expires_at: datetime | None = field(default=None, converter=optional_moment)

    def __attrs_post_init__(self) -> None:
        """Refuse an end where nothing begins."""
        if self.amount < 0 and self.expires_at:
            raise Invalid("expires_at", "belongs to credits that are given, not to those that are taken")

    @property
    def opens(self) -> str:
        """The source of the lot of what is given."""
        return f"adjust:{self.key}"


@frozen(kw_only=True)
class Transfer(Command):
    """Send credits to another account of the same unit, the first to burn first. They keep their terms."""

    to: AccountId = field(validator=account_id)
    amount: int = field(validator=positive)

    def __attrs_post_init__(self) -> None:
        """Refuse to send credits nowhere, or to turn them into others."""
        if self.to == self.account or self.to.unit != self.account.unit:
            raise Invalid("to", f"must be another account of the unit {self.account.unit}")

    @property
    def received(self) -> str:
        """How the keys and sources of what the other account receives begin: as short as a digest, and as unlike others."""
        sent = json.dumps([self.account.owner, self.key])
        return f"transfer:{hashlib.sha256(sent.encode()).hexdigest()[:32]}"


@frozen(kw_only=True)
class Receive(Command):
    """Open a lot of credits that another account sent, on the terms that they had there."""

    sender: AccountId = field(validator=account_id)
    amount: int = field(validator=positive)
    kind: LotKind = field(validator=_known_kind)
    source: str = field(validator=long_text)
    priority: int = field(validator=_small)
    effective_at: datetime = field(converter=moment)
    expires_at: datetime | None = field(default=None, converter=optional_moment)
    cost: Money | None = field(default=None, validator=optional(_money))


@frozen(kw_only=True)
class Expire:
    """Write down what fell due until now. It needs no key: nothing falls due twice."""

    account: AccountId = field(validator=account_id)


KeyedCommand: TypeAlias = (
    Grant
    | Spend
    | Refund
    | PlaceHold
    | Capture
    | Release
    | Convert
    | Forfeit
    | Revoke
    | Restore
    | Adjust
    | Transfer
    | Receive
)
AnyCommand: TypeAlias = KeyedCommand | Expire


@frozen
class Needs:
    """What deciding some commands on one account needs to know, besides its books, open lots and open holds.

    That are the entries behind `keys`; the lots behind `sources`; the `holds` with these numbers; the `entries` with these
    numbers, with those that follow them up and the lots that they moved something on. `repaid` asks for the lots that
    repaid what was owed, and `everything` for all lots and all holds.
    """

    account: AccountId
    keys: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    holds: frozenset[int] = frozenset()
    entries: frozenset[int] = frozenset()
    repaid: bool = False
    everything: bool = False

    @classmethod
    def of(cls, command: AnyCommand) -> "Needs":
        """Return what one command needs."""
        if isinstance(command, Expire):
            return cls(command.account)
        return cls(command.account, frozenset({command.key}), **_named(command))

    @property
    def beyond_keys(self) -> bool:
        """Whether it asks for anything that a command names besides its key."""
        return bool(self.sources or self.holds or self.entries or self.repaid or self.everything)

    @staticmethod
    def joined(needs: "Iterable[Needs]") -> "Mapping[AccountId, Needs]":
        """Return one need per account, which asks for everything that any of these asks for."""
        joined: dict[AccountId, Needs] = {}
        for one in needs:
            known = joined.get(one.account)
            joined[one.account] = one if known is None else known.and_also(one)
        return joined

    def and_also(self, other: "Needs") -> "Needs":
        """Return what asks for everything that either asks for."""
        return Needs(
            self.account,
            self.keys | other.keys,
            self.sources | other.sources,
            self.holds | other.holds,
            self.entries | other.entries,
            self.repaid or other.repaid,
            self.everything or other.everything,
        )


def _named(command: KeyedCommand) -> Mapping[str, Any]:
    named: dict[str, Any] = {}
    match command:
        case Grant() | Forfeit() | Receive():
            named = {"sources": frozenset({command.source})}
        case Convert():
            named = {"sources": frozenset({command.source, command.opens})}
        case Revoke():
            named = {"sources": frozenset({command.source, *command.successors})}
        case Capture() | Release():
            named = {"holds": frozenset({command.hold})}
        case Refund():
            named = {"entries": frozenset({command.spend})}
        case Restore():
            named = {"entries": frozenset({command.revocation}), "repaid": True}
        case Spend() | PlaceHold() | Adjust() | Transfer():
            pass
        case _:
            assert_never(command)
    return named


def fingerprint(command: Command) -> str:
    """Return a digest of what a command asks for, to tell a repetition from another command under the same key.

    Defaults are left out, so that a field that a later version adds does not change what was asked before.
    """
    asked = [type(command).__name__, _asked(command, _told(type(command)))]
    return hashlib.sha256(_CANONICAL.encode(asked).encode()).hexdigest()[:32]


# The fields that count of a kind of value, with their defaults; none, if it has no fields.
_Told: TypeAlias = tuple[tuple[str, object], ...]


def _asked(value: object, told: _Told) -> Mapping[str, object]:
    """Return what a value says as plain data; as `attrs.asdict` does, but this is done for every command."""
    asked: dict[str, object] = {}
    for name, default in told:
        said = getattr(value, name)
        if said != default:
            inner = _told(type(said))
            asked[name] = _asked(said, inner) if inner else said
    return asked


@cache
def _fields(kind: Any) -> _Told:  # noqa: ANN401 - a type is hashable, which mypy does not know
    if not attrs.has(kind):
        return ()
    return tuple((field.name, field.default) for field in attrs.fields(kind) if field.name != "key")


_told = cast("Callable[[type], _Told]", _fields)


_CANONICAL = json.JSONEncoder(default=str, sort_keys=True)
