"""The commands of the ledger: what can be asked of an account, and what must be known to decide it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

import attrs
from attrs import field, frozen
from attrs.validators import optional

from billing_core.domain.credits.values import AccountId, LotKind, long_text, not_negative, optional_text, positive, text
from billing_core.domain.money import Money, whole
from billing_core.domain.times import optional_moment
from billing_core.errors import Invalid

__all__ = [
    "AnyCommand",
    "Capture",
    "Command",
    "Convert",
    "Expire",
    "Grant",
    "KeyedCommand",
    "Needs",
    "PlaceHold",
    "Release",
    "Spend",
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


def _lasting(_instance: object, attribute: "attrs.Attribute[timedelta]", value: timedelta) -> None:
    if not isinstance(value, timedelta):
        raise Invalid(attribute.name, f"must be a timedelta, not {type(value).__name__}")
    if value <= timedelta():
        raise Invalid(attribute.name, "must be longer than nothing")


def _flag(_instance: object, attribute: "attrs.Attribute[bool]", value: bool) -> None:  # noqa: FBT001 - a validator's shape
    if not isinstance(value, bool):
        raise Invalid(attribute.name, f"must be True or False, not {value!r}")


@frozen(kw_only=True)
class Command:
    """What every command says: on which account, under which idempotency key, and why."""

    account: AccountId
    key: str = field(validator=text)
    reference: str | None = field(default=None, validator=optional_text)
    reason: str | None = field(default=None, validator=optional_text)
    actor: str | None = field(default=None, validator=optional_text)


@frozen(kw_only=True)
class Grant(Command):
    """Open a lot of new credits.

    `source` is unique per account. `effective_at` None is now; it may lie in the past, for news that came late.
    `expires_at` None is never.
    """

    amount: int = field(validator=positive)
    kind: LotKind = field(default=LotKind.PAYG, validator=_known_kind)
    source: str = field(validator=long_text)
    priority: int | None = field(default=None, validator=optional(_small))
    effective_at: datetime | None = field(default=None, converter=optional_moment)
    expires_at: datetime | None = field(default=None, converter=optional_moment)
    cost: Money | None = field(default=None, validator=optional(_money))


@frozen(kw_only=True)
class Spend(Command):
    """Consume credits, the first to burn first. An amount of 0 is recorded like any other."""

    amount: int = field(validator=not_negative)


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
        try:
            return self.expires_at or now + (self.expires_in or timedelta())
        except OverflowError:
            raise Invalid("expires_in", "must end before the year 10000") from None


@frozen(kw_only=True)
class Capture(Command):
    """Consume what a hold holds, all of it if `amount` is None; the rest returns if it is `final`, and stays held if not.

    `hold` is the number of the entry that placed it.
    """

    hold: int = field(validator=positive)
    amount: int | None = field(default=None, validator=optional(not_negative))
    final: bool = field(default=True, validator=_flag)


@frozen(kw_only=True)
class Release(Command):
    """Return what a hold holds. `hold` is the number of the entry that placed it."""

    hold: int = field(validator=positive)


@frozen(kw_only=True)
class Convert(Command):
    """Turn what was unused of one lot at a moment into credits of another kind that never expire.

    What expired after that moment comes back by the conversion, for it was already converted when it fell due.
    """

    source: str = field(validator=long_text)
    kind: LotKind = field(default=LotKind.PAYG, validator=_known_kind)
    effective_at: datetime | None = field(default=None, converter=optional_moment)

    @property
    def opens(self) -> str:
        """The source of the lot that takes the credits over."""
        return f"convert:{self.source}"


@frozen(kw_only=True)
class Expire:
    """Write down what fell due until now. It needs no key: nothing falls due twice."""

    account: AccountId


KeyedCommand: TypeAlias = Grant | Spend | Convert | PlaceHold | Capture | Release
AnyCommand: TypeAlias = KeyedCommand | Expire


@frozen
class Needs:
    """What deciding some commands on one account needs to know, besides its books and open lots."""

    account: AccountId
    keys: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    holds: frozenset[int] = frozenset()

    @classmethod
    def of(cls, command: AnyCommand) -> "Needs":
        """Return what one command needs."""
        match command:
            case Grant():
                return cls(command.account, frozenset({command.key}), frozenset({command.source}))
            case Convert():
                return cls(command.account, frozenset({command.key}), frozenset({command.source, command.opens}))
            case Spend() | PlaceHold():
                return cls(command.account, frozenset({command.key}))
            case Capture() | Release():
                return cls(command.account, frozenset({command.key}), holds=frozenset({command.hold}))
            case Expire():
                return cls(command.account)
            case _:
                assert_never(command)

    @staticmethod
    def joined(needs: "Iterable[Needs]") -> "Mapping[AccountId, Needs]":
        """Return one need per account, which asks for everything that any of these asks for."""
        joined: dict[AccountId, Needs] = {}
        for one in needs:
            known = joined.get(one.account, one)
            joined[one.account] = Needs(
                one.account, known.keys | one.keys, known.sources | one.sources, known.holds | one.holds
            )
        return joined


def fingerprint(command: Command) -> str:
    """Return a digest of what a command asks for, to tell a repetition from another command under the same key.

    Defaults are left out, so that a field that a later version adds does not change what was asked before.
    """
    asked = attrs.asdict(command, filter=lambda field, value: field.name != "key" and value != field.default)
    canonical = json.dumps([type(command).__name__, asked], default=str, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]
