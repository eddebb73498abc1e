"""What every ledger must do: never lose a credit, never invent one, and never write what somebody else overtook."""

from billing_core.testing.contracts.batches import BatchContract
from billing_core.testing.contracts.clawbacks import ClawbackContract
from billing_core.testing.contracts.exactness import ExactnessContract
from billing_core.testing.contracts.guards import GuardContract
from billing_core.testing.contracts.holds import HoldContract
from billing_core.testing.contracts.journals import JournalContract
from billing_core.testing.contracts.loading import LoadingContract

__all__ = ["LedgerContract"]


class LedgerContract(
    LoadingContract,
    ExactnessContract,
    JournalContract,
    GuardContract,
    BatchContract,
    HoldContract,
    ClawbackContract,
):
    """What `Ledger` promises."""
