"""The memory adapter: every port in plain memory, for tests, demonstrations and a first hour with the library.

It passes the same contracts as the databases do, and keeps nothing when the process ends.
"""

from billing_adapters.memory.clock import FixedClock
from billing_adapters.memory.gateway import MemoryGateway
from billing_adapters.memory.ids import SequentialIds
from billing_adapters.memory.store import MemoryStore

__all__ = ["FixedClock", "MemoryGateway", "MemoryStore", "SequentialIds"]
