"""The demonstration, as a newcomer runs it."""

import os
import subprocess
import sys

import pytest

from billing_adapters.cli.demo.figures import figures
from billing_adapters.memory import FixedClock, MemoryStore, SequentialIds
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_core import Billing

RUN = "from billing_adapters.cli import main; main()"
WRONG = """
import sys, tempfile
from pathlib import Path
from attrs import evolve
from billing_adapters.cli.demo.network import unlucky
from billing_adapters.cli.demo.run import run
from billing_adapters.cli.demo.show import Show
from billing_adapters.cli.demo.steps import Check
from billing_adapters.cli.demo.story import story
from billing_adapters.cli.screen import output

first, *_ = story()
wrong = evolve(first, steps=(*first.steps, Check({"products": 4})))
with tempfile.TemporaryDirectory() as directory:
    sys.exit(0 if run([wrong], Path(directory) / "demo.db", Show(output), unlucky(1)) else 1)
"""


def python(program, *arguments, **environment):
    command = [sys.executable, "-c", program, *arguments]
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("BILLING_", "STRIPE_"))}
    return subprocess.run(  # noqa: S603 - our own program
        command, capture_output=True, text=True, timeout=120, env={**plain, **environment}, check=False
    )


@pytest.fixture(scope="module")
def ended():
    return python(RUN, "demo", COLUMNS="80", NO_COLOR="1", PYTHONIOENCODING="ascii")


def words(ended):
    return " ".join(ended.stdout.replace("|", " ").split())


def test_the_demonstration_ends_well_and_names_its_figures(ended):
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "every figure is right" in ended.stdout
    assert "WRONG" not in ended.stdout
    for row in ("payg credits 390 390", "lots 7 7", "book expired 170 170", "webhooks deferred 0 0"):
        assert f"{row} right" in words(ended)


@pytest.mark.parametrize(
    "shown",
    [
        "BadSignature",
        "ignored",
        "already applied",
        "deferred",
        "prod_mega: credit_amount '1,000' is not a whole number",
        "1000 credits requested, 390 available",
    ],
)
def test_the_demonstration_shows_what_is_refused(ended, shown):
    assert shown in words(ended)


def test_the_demonstration_fits_80_columns_of_plain_text(ended):
    assert "\x1b" not in ended.stdout
    assert max(map(len, ended.stdout.splitlines())) <= 80


def test_the_demonstration_ends_well_in_another_order():
    assert python(RUN, "demo", "--seed", "7").returncode == 0


def test_a_wrong_figure_is_an_exit_code():
    ended = python(WRONG)

    assert ended.returncode == 1
    assert "products 3 (should be 4)" in ended.stdout


def test_the_database_is_kept_where_it_is_asked_for(tmp_path):
    kept = tmp_path / "kept.db"

    ended = python(RUN, "demo", "--database", str(kept))
    looked = python(RUN, "balance", "acme", "--json", BILLING_DATABASE_URL=f"sqlite:///{kept}")

    assert ended.returncode == 0
    assert '"available": 390' in looked.stdout


@pytest.mark.parametrize("name", ["what?.db", "100%.db"])
def test_a_file_that_no_address_can_name_is_refused_before_it_is_made(tmp_path, name):
    ended = python(RUN, "demo", "--database", str(tmp_path / name))

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"database {tmp_path / name} holds a ? or a %")
    assert [*tmp_path.iterdir()] == []


def test_where_to_look_around_is_named_for_a_shell(tmp_path):
    kept = tmp_path / "my [own] file.db"

    ended = python(RUN, "demo", "--database", str(kept))

    assert ended.returncode == 0
    assert f"BILLING_DATABASE_URL='sqlite:///{kept}' billing statement acme" in ended.stdout


def test_figures_count_more_than_a_page():
    billing = Billing(store=MemoryStore(), provider=StripeWebhooks(("whsec",)), clock=FixedClock(), ids=SequentialIds())
    billing.credits.grant("acme", 10)
    for _ in range(1_000):
        billing.credits.spend("acme", 0)

    shown = figures(billing, "acme")

    assert (shown["lots"], shown["book available"]) == (1, 10)


def test_an_existing_file_is_not_played_over(tmp_path):
    mine = tmp_path / "mine.db"
    mine.write_text("mine")

    ended = python(RUN, "demo", "--database", str(mine))

    assert ended.returncode == 1
    assert "exists" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert mine.read_text() == "mine"
