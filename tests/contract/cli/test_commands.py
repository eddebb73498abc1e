"""The operator's shell: every command, and what it says when it cannot."""

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from billing_adapters.stripe.samples import Samples, body, sign
from billing_core import LotKind

SECRET = "whsec_of_the_shell"
NEW = Samples()


def deliver(billing, kind, about, number=1):
    now = datetime.now(UTC)
    content = body(NEW.event(kind, about, now - timedelta(seconds=5), event_id=f"evt_{number}"))
    return billing.webhooks.receive(content, sign(content, SECRET, now))


def purchase(amount="10", **own):
    return NEW.payment_intent("pi_1", 100, metadata={"billing_purchase": "order-1", "credit_amount": amount, **own})


def words(text):
    return " ".join(text.split())


# Tables -------------------------------------------------------------------------------------------------------------------


def test_the_tables_are_made_once_and_reported(run):
    assert run("db", "status").exit_code == 1
    assert run("db", "upgrade").exit_code == 0
    assert run("db", "upgrade").exit_code == 0
    assert run("db", "status").exit_code == 0


COMMANDS = [
    "balance acme",
    "statement acme",
    "verify",
    "sweep",
    "catalog",
    "sync",
    "catch-up",
    "webhooks list",
    "webhooks show evt_1",
    "webhooks replay evt_1",
    "webhooks retry",
    "serve",
    "db status",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_without_tables_names_the_command(run, tmp_path, command):
    (tmp_path / "shell.db").touch()

    ended = run(*command.split())

    assert ended.exit_code == 1
    assert ended.stderr.startswith("the database is at revision none")
    assert "billing db upgrade" in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_that_is_not_there_is_not_made(run, tmp_path, monkeypatch, command):
    monkeypatch.delenv("BILLING_DATABASE_URL")
    monkeypatch.chdir(tmp_path)

    ended = run(*command.split())

    assert ended.exit_code == 1
    assert ended.stderr.startswith(f"the database {tmp_path / 'billing.db'} is not there: `billing db upgrade` makes it")
    assert [*tmp_path.iterdir()] == []


# Accounts -----------------------------------------------------------------------------------------------------------------


def test_a_balance_is_shown_by_kind(run, billing):
    billing.credits.grant("acme", 1200, kind=LotKind.PAYG)
    billing.credits.grant("acme", 30, expires_at=datetime.now(UTC) + timedelta(days=3))

    shown = words(run("balance", "acme").stdout)

    assert "payg 1,200" in shown
    assert "promotional 30" in shown
    assert "available 1,230" in shown
    assert "30 expire at" in shown


def test_a_balance_is_printed_as_json(run, billing):
    billing.credits.grant("acme", 5, kind=LotKind.PAYG)

    printed = json.loads(run("balance", "acme", "--json").stdout)

    assert (printed["account"], printed["available"], printed["by_kind"]["payg"]) == ("acme", 5, 5)


@pytest.mark.parametrize("command", ["balance", "statement"])
@pytest.mark.usefixtures("billing")
def test_an_unknown_account_is_one_sentence(run, command):
    ended = run(command, "nobody")

    assert ended.exit_code == 1
    assert ended.stderr.strip() == "account 'nobody' has no ledger: nothing was ever granted to it"


@pytest.mark.usefixtures("billing")
def test_an_account_that_cannot_be_is_one_sentence(run):
    ended = run("balance", " ")

    assert ended.exit_code == 1
    assert ended.stderr.startswith("owner must not be empty")


def test_a_statement_is_shown_page_by_page(run, billing):
    billing.credits.grant("acme", 10, reason="welcome")
    billing.credits.spend("acme", 4, reference="job [1]")

    first = run("statement", "acme", "--limit", "1")
    second = run("statement", "acme", "--before", "2")

    assert "spend -4 6 job [1]" in words(first.stdout)
    assert "--before 2" in first.stdout
    assert "grant +10 10 welcome" in words(second.stdout)


def test_the_page_of_older_entries_is_asked_for_as_it_is_named(run, billing):
    for _ in range(2):
        billing.credits.grant("the acme", 10, unit="images")

    shown = run("statement", "the acme", "--unit", "images", "--limit", "1").stdout

    assert "billing statement 'the acme' --unit images --before 2" in shown


HOSTILE = "ticket [/42] closed [red]:warning: [link=https://example.com]"


@pytest.mark.parametrize("told", ["reason", "reference", "source", "key"])
def test_what_others_wrote_on_an_entry_is_no_markup(run, billing, told):
    billing.credits.grant("acme", 10, actor=HOSTILE, **{told: HOSTILE})

    shown, printed = run("statement", "acme"), run("statement", "acme", "--json")

    assert (shown.exit_code, printed.exit_code) == (0, 0)
    assert HOSTILE in words(shown.stdout) or told == "key"  # a source that was made of it is shown in its place
    assert HOSTILE in {json.loads(printed.stdout)["entries"][0][name] for name in (told, "actor")}


@pytest.mark.parametrize("command", ["balance", "statement"])
def test_the_names_of_an_account_are_no_markup(run, billing, command):
    billing.credits.grant(HOSTILE, 10, unit="[/unit]")
    billing.credits.grant(HOSTILE, 10, unit="[/unit]")

    shown = run(command, HOSTILE, "--unit", "[/unit]", *(["--limit", "1"] if command == "statement" else []))

    assert shown.exit_code == 0
    assert HOSTILE.replace(" ", "") in "".join(shown.stdout.replace("'", "").split())  # its lines are as short as the table
    assert "[/unit]" in shown.stdout


@pytest.mark.usefixtures("billing")
def test_an_unknown_account_is_named_as_it_is(run):
    assert HOSTILE in run("balance", HOSTILE).stderr


def test_a_statement_is_printed_as_json(run, billing):
    billing.credits.grant("acme", 10, source="gift:1")

    (entry,) = json.loads(run("statement", "acme", "--json").stdout)["entries"]

    assert (entry["operation"], entry["change"], entry["source"]) == ("grant", 10, "gift:1")
    assert entry["movements"] == [{"lot": 1, "from": "issued", "to": "available", "amount": 10}]


# The ledger ---------------------------------------------------------------------------------------------------------------


def test_a_whole_ledger_is_verified(run, billing):
    billing.credits.grant("acme", 10)
    billing.credits.spend("acme", 4)

    ended = run("verify")

    assert (ended.exit_code, words(ended.stdout)) == (0, "1 accounts, 2 entries: 0 findings")
    assert json.loads(run("verify", "acme", "--json").stdout) == {"accounts": 1, "entries": 2, "findings": []}
    assert run("verify", "nobody").exit_code == 1


def test_what_is_wrong_is_shown_and_ends_with_1(run, billing, environment):
    billing.credits.grant("acme", 10)
    with closing(sqlite3.connect(environment["BILLING_DATABASE_URL"].removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE billing_account SET available = 9, consumed = 1")

    ended, told = run("verify"), run("verify", "--json")

    assert (ended.exit_code, told.exit_code) == (1, 1)
    assert "books" in ended.stdout
    assert words(ended.stdout).endswith("1 accounts, 1 entries: 1 findings")
    (finding,) = json.loads(told.stdout)["findings"]
    assert (finding["account"], finding["unit"], finding["what"]) == ("acme", "credits", "books")


def test_what_fell_due_is_swept(run, billing):
    billing.credits.grant("acme", 10, source="late", expires_at=datetime.now(UTC) + timedelta(milliseconds=50))
    time.sleep(0.1)

    assert words(run("sweep").stdout) == "1 accounts swept"
    assert words(run("sweep").stdout) == "0 accounts swept"


# The catalog --------------------------------------------------------------------------------------------------------------


def test_the_catalog_explains_what_is_wrong(run, billing):
    good = NEW.product("prod_good", "Good", metadata={"credit_amount": "100", "credit_type": "payg"})
    bad = NEW.product("prod_bad", "Bad [one]", metadata={"credit_amount": "-1", "credit_type": "payg"})
    deliver(billing, "product.created", good, 1)
    deliver(billing, "product.created", bad, 2)

    ended = run("catalog")

    assert ended.exit_code == 0
    assert "prod_good Good 100 payg - - active" in words(ended.stdout)
    assert "Bad [one]" in ended.stdout
    assert "quarantined" in ended.stdout
    assert "error: prod_bad: credit_amount '-1' is negative" in ended.stdout


# Webhooks -----------------------------------------------------------------------------------------------------------------


def test_webhooks_are_listed_by_state(run, billing):
    deliver(billing, "product.created", NEW.product("prod_1", "Pack"), 1)
    deliver(billing, "payment_intent.succeeded", {**purchase(), "customer": "cus_1"}, 2)

    everything = run("webhooks", "list").stdout
    deferred = run("webhooks", "list", "--state", "deferred").stdout
    printed = json.loads(run("webhooks", "list", "--state", "deferred", "--json").stdout)

    assert "evt_1" in everything
    assert "evt_1" not in deferred
    assert "waits for customer:cus_1" in words(deferred)
    assert [one["waiting_for"] for one in printed["webhooks"]] == [["customer:cus_1"]]


def test_a_webhook_is_shown_with_its_failure_and_its_body(run, billing):
    deliver(billing, "payment_intent.succeeded", purchase("ten", billing_account="acme"))

    shown = run("webhooks", "show", "evt_1").stdout

    assert "state: dead" in shown
    assert "is not a whole number" in shown
    assert '"credit_amount": "ten"' in shown


def test_a_dead_webhook_that_fails_again_is_an_exit_code(run, billing):
    deliver(billing, "payment_intent.succeeded", purchase("ten", billing_account="acme"))

    ended = run("webhooks", "replay", "evt_1")

    assert ended.exit_code == 1
    assert "evt_1 failed" in ended.stdout


def test_an_applied_webhook_is_replayed_without_effect(run, billing):
    deliver(billing, "payment_intent.succeeded", purchase(billing_account="acme"))

    ended = run("webhooks", "replay", "evt_1")

    assert ended.exit_code == 0
    assert "evt_1 alreadyapplied" not in ended.stdout
    assert "evt_1 already applied" in ended.stdout
    assert billing.credits.balance("acme").available == 10


@pytest.mark.parametrize("command", ["show", "replay"])
@pytest.mark.usefixtures("billing")
def test_an_unknown_webhook_is_one_sentence(run, command):
    ended = run("webhooks", command, "evt_nothing")

    assert ended.exit_code == 1
    assert ended.stderr.strip() == "no webhook 'evt_nothing' is stored"


@pytest.mark.usefixtures("billing")
def test_nothing_may_be_due(run):
    assert run("webhooks", "retry").stdout.strip() == "nothing is due"


# Usage --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["blance", "balance", "statement acme --limit 0", "webhooks list --state x"])
def test_a_wrong_command_is_exit_code_2(run, command):
    assert run(*command.split()).exit_code == 2


def test_a_setting_that_cannot_be_is_one_sentence(run, monkeypatch):
    monkeypatch.setenv("BILLING_LIVEMODE", "perhaps")

    ended = run("balance", "acme")

    assert ended.exit_code == 1
    assert ended.stderr.startswith("BILLING_LIVEMODE must be true or false")


def test_an_address_of_no_database_is_one_sentence(run, monkeypatch):
    monkeypatch.setenv("BILLING_DATABASE_URL", "hunter2")

    ended = run("balance", "acme")

    assert ended.exit_code == 1
    assert "hunter2" not in ended.stderr
    assert ended.stderr.startswith("BILLING_DATABASE_URL")


def test_the_help_loads_no_database_and_no_provider():
    program = """
import sys
from billing_adapters.cli import main
assert not {"typer", "billing_core"} & set(sys.modules)
try:
    main()
finally:
    assert not {"sqlalchemy", "stripe", "punq"} & set(sys.modules), "heavy"
"""
    subprocess.run([sys.executable, "-c", program, "--help"], check=True, capture_output=True)  # noqa: S603 - our own program
