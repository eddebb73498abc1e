"""The testing kit: the executable half of the ports, for whoever brings another store or tests logic around credits.

`contracts` are pytest classes: subclass one, fill its fixture, inherit the tests. `machines` runs whole histories of a
ledger beside an independent model. `strategies` draws values, `laws` says what holds for every journal, `driver` carries
out commands as an application does, `exports` writes journals down to be compared. Needs the extra `testing`.
"""

import pytest

__all__: list[str] = []

pytest.register_assert_rewrite(
    "billing_core.testing.contracts",
    "billing_core.testing.laws",
    "billing_core.testing.machines",
    "billing_core.testing.rules",
    "billing_core.testing.tally",
    "billing_core.testing.watching",
)
