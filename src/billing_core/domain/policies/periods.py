"""Periods: how long the credits of an invoice line last, and which months lie in that time."""

from calendar import monthrange
from datetime import datetime, timedelta
from itertools import count, takewhile

from billing_core.domain.payments import InvoiceLine
from billing_core.domain.products import Interval, Price, Recurring

__all__ = ["YEAR", "expiry", "known_period", "months", "months_later"]

YEAR = 12  # months

_YEAR = timedelta(days=365)
_MONTH = timedelta(days=31)


def known_period(line: InvoiceLine, paid_at: datetime) -> tuple[datetime, datetime] | None:
    """Return the period of a line, if it says so; one that was over before it was paid for counts from the payment."""
    start, end = line.period_start, line.period_end
    if start is None or end is None or start >= end:
        return None
    return (start, end) if end > paid_at else (paid_at, paid_at + (end - start))


def expiry(line: InvoiceLine, paid_at: datetime, price: Price) -> datetime:
    """Return when the credits of a line expire: at the end of its period."""
    period = known_period(line, paid_at)
    if period:
        return period[1]
    if line.period_end and line.period_end > paid_at:
        return line.period_end
    return paid_at + _length(price.recurring)


def _length(period: Recurring | None) -> timedelta:
    """Return how long a period is taken to be: 31 days a month, 365 a year, 31 if it is unknown or anything else."""
    if period and period.interval is Interval.YEAR:
        return _YEAR * period.count
    return _MONTH * (period.count if period and period.interval is Interval.MONTH else 1)


def months(start: datetime, end: datetime) -> tuple[datetime, ...]:
    """Return when the months of a period begin: on the day of its start, or the last day of a shorter month."""
    return tuple(takewhile(lambda one: one < end, (months_later(start, number) for number in count())))


def months_later(start: datetime, number: int) -> datetime:
    """Return the moment so many months later: on the same day, or the last one of a shorter month."""
    years, month = divmod(start.month - 1 + number, YEAR)
    year, month = start.year + years, month + 1
    return start.replace(year=year, month=month, day=min(start.day, monthrange(year, month)[1]))
