"""The fixed clock is a clock, and obeys whoever set it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from billing_adapters.memory import FixedClock
from billing_core.errors import Invalid
from billing_core.testing.contracts import ClockContract

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class TestFixedClock(ClockContract):
    @pytest.fixture
    def clock(self):
        return FixedClock(datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2))))

    def test_it_stands_still(self, clock):
        assert (clock.now(), clock.now()) == (NOON, NOON)

    def test_it_moves_on_when_it_is_told_to(self, clock):
        moved = clock.advance(timedelta(days=1))

        assert moved == clock.now() == NOON + timedelta(days=1)

    def test_it_can_be_set_back(self, clock):
        clock.set(NOON - timedelta(days=1))

        assert clock.now() == NOON - timedelta(days=1)

    def test_it_refuses_a_time_without_a_zone(self):
        with pytest.raises(Invalid):
            FixedClock(datetime(2026, 3, 1))  # noqa: DTZ001 - which is the point
