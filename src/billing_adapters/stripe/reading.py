"""Reading: typed access to JSON that tells which member is missing or wrong, and never what was in it.

A member that is absent, null or an empty text is the same: Stripe's API versions differ in which of these they send.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Self, TypeAlias, TypeVar, cast

from attrs import frozen

from billing_core.domain.money import Currency
from billing_core.errors import Invalid, Malformed

__all__ = ["Json", "Node"]

Json: TypeAlias = Mapping[str, object]
T = TypeVar("T")

# Amounts and counts go into 64-bit columns, moments into `datetime`.
_LARGEST = 2**63 - 1
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z
_DECIMAL = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,12})?")
# JSON can say these, PostgreSQL and UTF-8 cannot.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@frozen
class Node:
    """One JSON object, and the path that leads to it.

    Raises:
        Malformed: A member is missing, or not of the type that was asked for; every method raises it.
    """

    path: str
    members: Json

    def text(self, name: str) -> str:
        """Return a text that must be there."""
        return self._there(name, self.optional_text(name))

    def optional_text(self, name: str) -> str | None:
        """Return a text, with what no database could keep replaced."""
        value = self.members.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise self._wrong(name, "is no text")
        return _storable(value)

    def integer(self, name: str) -> int:
        """Return a whole number that must be there."""
        return self._there(name, self.optional_integer(name))

    def optional_integer(self, name: str) -> int | None:
        """Return a whole number of at most 64 bits."""
        value = self.members.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(name, "is no whole number")
        if abs(value) > _LARGEST:
            raise self._wrong(name, "is out of range")
        return value

    def optional_amount(self, name: str) -> Decimal | None:
        """Return an amount in minor units: the exact `<name>_decimal` text where it is sent, else the whole number."""
        text = self.optional_text(f"{name}_decimal")
        if text is None:
            whole = self.optional_integer(name)
            return None if whole is None else Decimal(whole)
        if not _DECIMAL.fullmatch(text):
            raise self._wrong(f"{name}_decimal", "is no decimal number")
        return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)

    def flag(self, name: str) -> bool:
        """Return a truth value; what is not there is false."""
        value = self.members.get(name)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(name, "is neither true nor false")
        return bool(value)

    def moment(self, name: str) -> datetime:
        """Return a moment that must be there."""
        return self._there(name, self.optional_moment(name))

    def optional_moment(self, name: str) -> datetime | None:
        """Return a moment, sent as whole seconds since 1970."""
        seconds = self.optional_integer(name)
        if seconds is None:
            return None
        if not 0 <= seconds <= _LAST_SECOND:
            raise self._wrong(name, "is out of range")
        return datetime.fromtimestamp(seconds, UTC)

    def currency(self, name: str = "currency") -> Currency:
        """Return a currency that must be there."""
        try:
            return Currency(self.text(name))
        except Invalid:
            raise self._wrong(name, "is no currency") from None

    def reference(self, name: str) -> str:
        """Return the id of another object, which must be there."""
        return self._there(name, self.optional_reference(name))

    def optional_reference(self, name: str) -> str | None:
        """Return the id of another object, sent as the id alone or as the whole object."""
        whole = self.expanded(name)
        return whole.text("id") if whole else self.optional_text(name)

    def expanded(self, name: str) -> Self | None:
        """Return another object if it was sent whole; None if only its id was, or nothing."""
        return self.optional_node(name) if isinstance(self.members.get(name), dict) else None

    def node(self, name: str) -> Self:
        """Return an inner object that must be there."""
        return self._there(name, self.optional_node(name))

    def optional_node(self, name: str) -> Self | None:
        """Return an inner object."""
        value = self.members.get(name)
        return None if value is None else self._inner(name, value)

    def listed(self, name: str) -> tuple[Self, ...]:
        """Return the objects of a list, sent bare or as the `data` of a list object; none if there is no list."""
        value = self.members.get(name)
        if isinstance(value, dict):
            return self._inner(name, cast("Json", value)).listed("data")
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self._wrong(name, "is no list")
        return tuple(self._inner(name, one) for one in cast("list[object]", value))

    def keyed(self, name: str, *, key: str) -> tuple[Self, ...]:
        """Return the objects of an object, in the order of their names; each gets its own name as the member `key`."""
        outer = self.optional_node(name)
        found = sorted(outer.members.items()) if outer else ()
        return tuple(self._inner(name, {**self._inner(name, one).members, key: own}) for own, one in found)

    def metadata(self) -> Mapping[str, str]:
        """Return the texts that the application attached to the object."""
        attached = self.optional_node("metadata")
        found = attached.members.items() if attached else ()
        texts = {_storable(name): _storable(value) for name, value in found if isinstance(value, str)}
        if len(texts) != len(found):
            raise self._wrong("metadata", "holds what is no text")
        return texts

    def _inner(self, name: str, value: object) -> Self:
        if not isinstance(value, dict):
            raise self._wrong(name, "is no object")
        return type(self)(f"{self.path}.{name}", cast("Json", value))

    def _there(self, name: str, value: T | None) -> T:
        if value is None:
            raise self._wrong(name, "is missing")
        return value

    def _wrong(self, name: str, complaint: str) -> Malformed:
        return Malformed(f"{self.path}.{name} {complaint}")


def _storable(text: str) -> str:
    return _UNSTORABLE.sub("\ufffd", text)
