"""A shell with settings and a database of its own."""

import os

import pytest
from typer.testing import CliRunner

from billing_adapters.cli.app import app
from billing_adapters.wiring import Settings, open_billing

SECRET = "whsec_of_the_shell"


@pytest.fixture
def environment(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("BILLING_", "STRIPE_"))]:
        monkeypatch.delenv(name)
    values = {"BILLING_DATABASE_URL": f"sqlite:///{tmp_path}/shell.db", "BILLING_WEBHOOK_SECRETS": SECRET}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


@pytest.fixture
def run(environment):
    del environment  # the variables are set

    def run(*arguments):
        return CliRunner(env={"COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}).invoke(app, arguments)

    return run


@pytest.fixture
def billing(run, environment):
    assert run("db", "upgrade").exit_code == 0
    with open_billing(Settings.from_environment(environment)) as opened:
        yield opened
