"""The verdict on a run of mutmut: were enough mutants killed, and is there a reason for each that survived?

`nox -s mutation` runs it. The reasons are in `survivors.toml`. A survivor is known by its function and by the lines that it
changed, wherever these lines stand.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from attrs import frozen

LEAST = 0.95
LISTED = Path(__file__).with_name("survivors.toml")

_UNTRIED = "not checked"
# Who never ends or takes the interpreter down is noticed. A test module that cannot even be imported interrupts pytest.
_KILLED = frozenset({"killed", "timeout", "segfault", "check was interrupted by user"})


@frozen
class Mutant:
    """What a mutant changed: lines of one function, without their indentation."""

    function: str
    before: str
    after: str

    @classmethod
    def of(cls, name: str, shown: str) -> "Mutant":
        """Return what mutmut named and showed as a unified diff."""
        _, _, hunks = shown.partition("\n@@")
        lines = hunks.splitlines()[1:]
        before, after = ("\n".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
        return cls(function_of(name), before, after)

    def __str__(self) -> str:
        """Write it as the list has it, but for the reason."""
        said = {"function": self.function, "before": self.before, "after": self.after}
        return "\n".join([
            "[[survivor]]",
            *(f"{key} = {json.dumps(text, ensure_ascii=False)}" for key, text in said.items()),
            'reason = ""',
        ])


@frozen
class Verdict:
    """How many mutants were tried and killed, which survived without a reason, and which listed ones do so no more."""

    tried: int
    killed: int
    untried: int
    unlisted: tuple[Mutant, ...]
    outdated: tuple[Mutant, ...]

    @property
    def passed(self) -> bool:
        """Whether enough were killed, and each survivor has its reason."""
        return self.tried > 0 and self.killed >= LEAST * self.tried and not self.unlisted

    def __str__(self) -> str:
        """Write it for whoever ran it."""
        share = self.killed / self.tried if self.tried else 0
        parts = [f"{self.tried} mutants tried, {self.killed} killed: {share:.1%}, and {LEAST:.0%} must be."]
        if self.untried:
            parts.append(f"{self.untried} mutants were not tried.")
        if self.outdated:
            parts += ["These survive no more, take them off the list:", *map(str, self.outdated)]
        if self.unlisted:
            parts += ["These survive, kill them or list them with a reason:", *map(str, self.unlisted)]
        return "\n\n".join(parts)


def function_of(name: str) -> str:
    """Return the function of a mutant: `m._spend` for `m.x__spend__mutmut_1`, `m.Needs.of` for `m.xǁNeedsǁof__mutmut_1`."""
    module, _, mangled = name.rpartition("__mutmut_")[0].rpartition(".")
    return f"{module}.{mangled.removeprefix('xǁ').removeprefix('x_').replace('ǁ', '.')}"


def reasons(listed: str) -> tuple[Mutant, ...]:
    """Return the survivors of a list, each of which must have a reason."""
    mutants = []
    for one in tomllib.loads(listed).get("survivor", ()):
        reason = one.pop("reason", "")
        mutants.append(Mutant(**one))
        if not reason.strip():
            raise ValueError(f"A survivor needs a reason:\n{mutants[-1]}")
    return tuple(mutants)


def judge(statuses: Mapping[str, str], show: Callable[[str], str], listed: Collection[Mutant]) -> Verdict:
    """Return the verdict on what mutmut said of each mutant; `show` tells what one changed."""
    untried = [name for name, status in statuses.items() if status == _UNTRIED]
    killed = [name for name, status in statuses.items() if status in _KILLED]
    decided = {*untried, *killed}
    # One may occur twice: the same line, changed alike in two places of a function.
    survived = dict.fromkeys(Mutant.of(name, show(name)) for name in statuses if name not in decided)
    unasked = {function_of(name) for name in untried}
    return Verdict(
        tried=len(statuses) - len(untried),
        killed=len(killed),
        untried=len(untried),
        unlisted=tuple(one for one in survived if one not in listed),
        outdated=tuple(one for one in listed if one not in survived and one.function not in unasked),
    )


def _mutmut(*arguments: str) -> str:
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout  # noqa: S603 - our own words


def main() -> None:
    """Judge the run in the current directory."""
    said = _mutmut("results", "--all", "true")
    statuses = dict(line.strip().rsplit(": ", 1) for line in said.splitlines())
    verdict = judge(statuses, lambda name: _mutmut("show", name), reasons(LISTED.read_text(encoding="utf-8")))
    sys.stdout.write(f"{verdict}\n")
    sys.exit(not verdict.passed)


if __name__ == "__main__":
    main()
