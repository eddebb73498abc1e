"""What every store must do with a whole history of credits: end where the model ends."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from billing_core.ports import Store
from billing_core.testing.machines import ledger_machine

__all__ = ["HistoryContract"]


class HistoryContract:
    """What `Store` and `Ledger` promise together."""

    def test_any_history_ends_as_the_model_says(self, store: Store) -> None:
        """Under every law of the ledger, after every single step.

        Each step is several transactions, so this tries half as many histories as other tests try examples.
        """
        half = settings(
            max_examples=max(settings().max_examples // 2, 1),
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )

        run_state_machine_as_test(ledger_machine(lambda: store), settings=half)
