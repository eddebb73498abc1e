"""The memory store keeps the contract of every store."""

import pytest

from billing_adapters.memory import MemoryStore
from billing_core.testing.contracts import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self):
        return MemoryStore()
