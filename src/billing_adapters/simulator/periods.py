"""Periods: when the next one of a rhythm begins. Pure arithmetic of moments, in seconds.

Source: https://docs.stripe.com/billing/subscriptions/billing-cycle. In a month that lacks the
day of the anchor a period ends on the last day.
"""

import calendar
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

__all__ = ["DAY", "HOUR", "period_end", "shifted"]

HOUR = 3600
DAY = 24 * HOUR
_SECONDS = {"day": DAY, "week": 7 * DAY}
_MONTHS = {"month": 1, "year": 12}


def period_end(anchor: int, start: int, rhythm: Mapping[str, Any]) -> int:
    """Return where the period ends that begins at `start`, if periods are counted from `anchor`."""
    count: int = rhythm["interval_count"]
    if rhythm["interval"] in _SECONDS:
        length = _SECONDS[rhythm["interval"]] * count
        return anchor + ((start - anchor) // length + 1) * length
    length = _MONTHS[rhythm["interval"]] * count
    passed = (_month(start) - _month(anchor)) // length
    end = shifted(anchor, passed * length)
    while end <= start:
        passed += 1
        end = shifted(anchor, passed * length)
    return end


def shifted(when: int, months: int) -> int:
    """Return the moment so many calendar months later, on the same day of the month or the last one."""
    before = datetime.fromtimestamp(when, UTC)
    year, month = divmod(_month(when) + months, 12)
    day = min(before.day, calendar.monthrange(year, month + 1)[1])
    return int(before.replace(year=year, month=month + 1, day=day).timestamp())


def _month(when: int) -> int:
    """Return how many months have begun since year 0."""
    moment = datetime.fromtimestamp(when, UTC)
    return moment.year * 12 + moment.month - 1
