"""The session: the settings of this shell, and the `Billing` that its commands call.

The wiring is imported when a command needs it: with the database's library it takes longer than `billing --help` should.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from billing_core.billing import Billing
from billing_core.errors import Invalid

if TYPE_CHECKING:
    from billing_adapters.wiring import Settings

__all__ = ["existing", "opened", "settings"]


def settings() -> "Settings":
    """Return the settings of the environment."""
    from billing_adapters.wiring import Settings  # noqa: PLC0415 - see above

    return Settings.from_environment(os.environ)


def existing() -> "Settings":
    """Return the settings of the environment, if what they name is there: SQLite makes a file that is missing.

    Raises:
        Invalid: There is no such file.
    """
    found = settings()
    driver, _, place = found.database_url.partition("://")
    path = place.removeprefix("/")
    # Whether an escape in a URL stands for a character differs between versions of SQLAlchemy.
    there = any(Path(one).exists() for one in (path, unquote(path)))
    if driver.lower().startswith("sqlite") and not there:
        reason = "is not there: `billing db upgrade` makes it, and BILLING_DATABASE_URL names another one"
        raise Invalid(f"the database {Path(path).absolute()}", reason)
    return found


@contextmanager
def opened() -> Iterator[Billing]:
    """Open the `Billing` of the environment, whose database is there."""
    from billing_adapters.wiring import open_billing  # noqa: PLC0415 - see above

    with open_billing(existing()) as billing:
        yield billing
