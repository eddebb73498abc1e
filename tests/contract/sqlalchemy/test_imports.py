"""What importing costs: the package nothing, the store no Alembic."""

import subprocess
import sys

import pytest

LOADED = "import sys, {module}; print([one for one in ('alembic', 'psycopg', 'sqlalchemy') if one in sys.modules])"


@pytest.mark.parametrize(
    ("module", "loaded"),
    [
        ("billing_adapters.sqlalchemy", []),
        ("billing_adapters.sqlalchemy.store", ["sqlalchemy"]),
        ("billing_adapters.sqlalchemy.migrate", ["alembic", "sqlalchemy"]),
    ],
)
def test_importing_loads_no_more_than_it_needs(module, loaded):
    """Each in a fresh interpreter."""
    code = LOADED.format(module=module)

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own

    assert answer.stdout.strip() == str(loaded)
