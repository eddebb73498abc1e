"""Counting ids are ids, and the same in every run."""

import pytest

from billing_adapters.memory import SequentialIds
from billing_core.testing.contracts import IdsContract


class TestSequentialIds(IdsContract):
    @pytest.fixture
    def ids(self):
        return SequentialIds("msg_")

    def test_they_count_from_one(self, ids):
        assert [ids.new(), ids.new()] == ["msg_000000000001", "msg_000000000002"]
