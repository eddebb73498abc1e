"""Columns: how values are stored, so that every database gives back exactly what was put in and orders it alike."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from sqlalchemy import JSON, BigInteger, Dialect, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

__all__ = ["DOCUMENT", "FOREVER", "NAME", "NUMBER", "Duration", "Exact", "Expiry", "Instant", "from_micros", "to_micros"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

T = TypeVar("T")

# "Never" as a number, later than every moment: NULL would come first in one database and last in another.
FOREVER = 2**63 - 1


class _Document(JSONB):
    """JSONB that Alembic writes into a host's migration without `Text()`, which nobody imports there."""

    __module__ = JSONB.__module__

    def __repr__(self) -> str:
        return "JSONB()"


# Compared byte by byte: ids sort as they do in Python whatever the database's locale, and rows are locked in that order.
NAME = Text().with_variant(Text(collation="C"), "postgresql")
DOCUMENT = JSON().with_variant(_Document(), "postgresql")
# SQLite numbers rows by itself only where the type is INTEGER to the letter.
NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def to_micros(at: datetime) -> int:
    """Return a moment as whole microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the moment that is so many microseconds after 1970, in UTC."""
    return _EPOCH + micros * _MICROSECOND


class _Plain(TypeDecorator[T]):
    """A type that Alembic writes into a host's migration as the one beneath it, such as `sa.BigInteger()`.

    It writes `sa.` and the repr of a type whose module is SQLAlchemy's; before any other, a module that it does not import.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.__module__ = TypeEngine.__module__

    def __repr__(self) -> str:
        return repr(self.impl)


class Instant(_Plain[datetime]):
    """A moment as microseconds since 1970, in UTC; exact and ordered."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return what is stored."""
        del dialect
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return what was stored."""
        del dialect
        return None if value is None else from_micros(value)


class Expiry(_Plain[datetime]):
    """A moment as microseconds since 1970, or `FOREVER` for never."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int:
        """Return what is stored."""
        del dialect
        return FOREVER if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return what was stored."""
        del dialect
        return None if value is None or value == FOREVER else from_micros(value)


class Duration(_Plain[timedelta]):
    """A while as microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:
        """Return what is stored."""
        del dialect
        return None if value is None else value // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> timedelta | None:
        """Return what was stored."""
        del dialect
        return None if value is None else _MICROSECOND * value


class Exact(_Plain[Decimal]):
    """A decimal number as it is written: `1.50` stays `1.50`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Return what is stored."""
        del dialect
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """Return what was stored."""
        del dialect
        return None if value is None else Decimal(value)
