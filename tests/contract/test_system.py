"""The system's clock and ids keep the contracts of every clock and every source of names."""

import time
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest

from billing_adapters import system
from billing_adapters.system import SystemClock, Uuid7Ids
from billing_core.testing.contracts import ClockContract, IdsContract


class TestSystemClock(ClockContract):
    @pytest.fixture
    def clock(self):
        return SystemClock()

    def test_it_tells_the_time_of_this_machine(self, clock):
        assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)


class TestUuid7Ids(IdsContract):
    @pytest.fixture
    def ids(self):
        return Uuid7Ids()

    def test_they_are_uuids_of_version_7(self, ids):
        made = UUID(ids.new())

        assert (made.version, made.variant) == (7, RFC_4122)

    def test_they_begin_with_the_time(self, ids):
        before = time.time_ns() // 1_000_000

        milliseconds = UUID(ids.new()).int >> 80

        assert before <= milliseconds <= before + 60_000

    def test_they_keep_sorting_when_the_clock_goes_back(self, ids, monkeypatch):
        now = time.time_ns()
        before = ids.new()

        monkeypatch.setattr(system.time, "time_ns", lambda: now - 3_600_000_000_000)

        assert ids.new() > before

    def test_two_processes_do_not_make_the_same_ids(self):
        assert Uuid7Ids().new() != Uuid7Ids().new()
