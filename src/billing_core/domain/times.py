"""Times: every moment is an aware UTC `datetime`; a naive one is refused at the door."""

from datetime import UTC, datetime

from billing_core.errors import Invalid

__all__ = ["moment", "optional_moment"]


def moment(value: datetime) -> datetime:
    """Return the same moment in UTC; shaped as an attrs converter.

    Raises:
        Invalid: The value is no `datetime`, or has no time zone.
    """
    if not isinstance(value, datetime):
        raise Invalid("time", f"must be a datetime, not {type(value).__name__}")
    if value.utcoffset() is None:
        raise Invalid("time", "must be aware: a datetime without a time zone means another moment on another machine")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise Invalid("time", "is beyond the years that can be told in UTC") from None


def optional_moment(value: datetime | None) -> datetime | None:
    """Return the same moment in UTC, or None for "never" and "not yet"."""
    return None if value is None else moment(value)
