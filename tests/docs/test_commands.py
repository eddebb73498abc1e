"""The README's test command is the one that continuous integration runs."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_continuous_integration_runs_the_command_of_the_readme():
    *_, command = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()

    assert command.endswith("nox")
    assert command in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
