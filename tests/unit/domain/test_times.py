"""Times: aware and in UTC, or refused."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from billing_core.domain.times import moment, optional_moment
from billing_core.errors import Invalid


def test_a_moment_of_another_zone_becomes_the_same_moment_in_utc():
    there = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))

    here = moment(there)

    assert (here, here.tzinfo) == (there, UTC)


def test_a_naive_datetime_is_refused():
    with pytest.raises(Invalid, match="time must be aware"):
        moment(datetime(2026, 1, 1))  # noqa: DTZ001 - the refusal is the claim


@pytest.mark.parametrize("value", ["2026-01-01", 0, None, date(2026, 1, 1)])
def test_what_is_no_datetime_is_refused(value):
    with pytest.raises(Invalid, match=f"time must be a datetime, not {type(value).__name__}"):
        moment(value)


def test_an_optional_moment_may_be_absent():
    assert optional_moment(None) is None


def test_an_optional_moment_that_is_there_is_read_like_any_other():
    assert optional_moment(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_moment_beyond_the_last_year_of_utc_is_refused():
    with pytest.raises(Invalid, match="beyond the years"):
        moment(datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))))
