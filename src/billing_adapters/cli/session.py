"""The session: the settings of this shell, and the `Billing` that its commands call.

The wiring is imported when a command needs it: with the database's library it takes longer than `billing --help` should.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from billing_core.billing import Billing

if TYPE_CHECKING:
    from billing_adapters.wiring import Settings

__all__ = ["opened", "settings"]


def settings() -> "Settings":
    """Return the settings of the environment."""
    from billing_adapters.wiring import Settings  # noqa: PLC0415 - see above

    return Settings.from_environment(os.environ)


@contextmanager
def opened() -> Iterator[Billing]:
    """Open the `Billing` of the environment."""
    from billing_adapters.wiring import open_billing  # noqa: PLC0415 - see above

    with open_billing(settings()) as billing:
        yield billing
