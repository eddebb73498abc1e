"""The documentation says what the code says, where it repeats it."""

import re
from pathlib import Path

from billing_adapters.stripe.shapes import COMMANDS
from billing_core.domain.subscriptions import LIVE, TRANSITIONS, Status

ROOT = Path(__file__).parents[2]


def page(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_the_picture_of_the_lifecycle_is_the_table():
    arrows = re.findall(r"^    (\w+) --> (\w+)$", page("subscriptions.md"), re.MULTILINE)

    assert sorted(arrows) == sorted((before, after) for before, steps in TRANSITIONS.items() for after in steps)


def test_the_statuses_that_entitle_are_those_of_the_table():
    rows = dict(re.findall(r"^\| `(\w+)` \| (yes|no) \|", page("subscriptions.md"), re.MULTILINE))

    assert {Status(name) for name, entitles in rows.items() if entitles == "yes"} == LIVE
    assert set(rows) == set(Status)


def test_every_event_that_is_acted_on_is_told():
    table = page("webhooks.md")
    rows = re.findall(r"^\| (`[a-z_.]+`(?:, `[a-z_.]+`)*) \|", table, re.MULTILINE)
    named = set()
    for row in rows:
        first, *others = re.findall(r"`([a-z_.]+)`", row)
        named |= {first, *(first.rpartition(".")[0] + one if one.startswith(".") else one for one in others)}

    assert {name for name in named if "." in name} == set(COMMANDS)


def test_every_test_that_a_decision_names_is_there():
    for decision in (ROOT / "docs" / "adr").glob("0*.md"):
        for path in re.findall(r"`(tests/[\w/]+\.py)`", decision.read_text(encoding="utf-8")):
            assert (ROOT / path).is_file(), f"{decision.name} names {path}"
