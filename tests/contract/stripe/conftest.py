"""Stripe's own sample objects, in the file that STRIPE_FIXTURES names: `fixtures3.json`, from its OpenAPI repository."""

import json
import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def stripe_fixtures():
    """Return an object of each kind."""
    named = os.environ.get("STRIPE_FIXTURES", "")
    if not Path(named).is_file():
        pytest.skip("STRIPE_FIXTURES names no file with Stripe's own sample objects")
    return json.loads(Path(named).read_text(encoding="utf-8"))["resources"]
