"""The operator's shell: `billing` builds commands, calls `Billing`, and prints. Importing this package imports nothing."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    try:
        from billing_adapters.cli.app import app  # noqa: PLC0415 - whoever imports billing_adapters needs no shell
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] in {"billing_adapters", "billing_core"}:
            raise
        sys.exit(f"billing needs the package {missing.name!r}: pip install 'billing-core[cli]'")
    app()
