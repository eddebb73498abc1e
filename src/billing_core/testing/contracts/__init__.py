"""The contracts: what an adapter must do, whoever wrote it.

```python
class TestMyStore(StoreContract):
    @pytest.fixture
    def store(self):
        return MyStore(...)
```
"""

import pytest

from billing_core.ports import Store
from billing_core.testing.contracts.concurrency import ConcurrencyContract
from billing_core.testing.contracts.cursors import CursorContract
from billing_core.testing.contracts.histories import HistoryContract
from billing_core.testing.contracts.holds import HoldContract
from billing_core.testing.contracts.inbox import InboxContract
from billing_core.testing.contracts.intents import IntentContract
from billing_core.testing.contracts.ledger import LedgerContract
from billing_core.testing.contracts.mirrors import MirrorContract
from billing_core.testing.contracts.outbox import OutboxContract
from billing_core.testing.contracts.payments import PaymentsContract
from billing_core.testing.contracts.provider import PaymentProviderContract
from billing_core.testing.contracts.system import ClockContract, IdsContract
from billing_core.testing.contracts.topups import TopUpContract
from billing_core.testing.contracts.unit import UnitContract
from billing_core.testing.contracts.world import World

__all__ = [
    "ClockContract",
    "ConcurrencyContract",
    "CursorContract",
    "HistoryContract",
    "HoldContract",
    "IdsContract",
    "InboxContract",
    "IntentContract",
    "LedgerContract",
    "MirrorContract",
    "OutboxContract",
    "PaymentProviderContract",
    "PaymentsContract",
    "StoreContract",
    "TopUpContract",
    "UnitContract",
    "World",
]


class StoreContract(
    UnitContract,
    MirrorContract,
    PaymentsContract,
    LedgerContract,
    ConcurrencyContract,
    HistoryContract,
    TopUpContract,
    IntentContract,
    CursorContract,
    InboxContract,
    OutboxContract,
):
    """What `Store` and everything in it promise."""

    @pytest.fixture
    def store(self) -> Store:
        """Return an empty store, which several threads will use at once."""
        raise NotImplementedError("fill this fixture: return an empty store")
