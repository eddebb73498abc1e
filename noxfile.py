"""Every check of the project: `nox` runs all that must pass, `nox -s lint` runs one, `nox -l` lists them.

Arguments after `--` go to pytest, in the sessions that run it: `nox -s tests-3.11 -- -k ledger`. `mutation` hands them to
mutmut, `nox -s mutation -- '*.credits.balances.*'`, and `bench` has its own, `nox -s bench -- --quick`.
"""

import os
import runpy
import shutil
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nox
from packaging.requirements import Requirement

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"

PYPROJECT = nox.project.load_toml("pyproject.toml")
# What runs once runs on the Python that nox itself runs on, which is there whatever else is not.
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = sorted({HERE, *nox.project.python_versions(PYPROJECT)}, key=lambda version: int(version.partition(".")[2]))

# Each worker starts a database server of its own. No test takes minutes: one that does hangs.
PYTEST = ("python", "-m", "pytest", "--numprocesses=logical", "--maxprocesses=4", "--dist=worksteal", "--timeout=300")
CORE = ("tests/unit", "--ignore=tests/unit/testing")

# What another session has shown to be right needs only a look when the question is whether the parts fit together.
BRIEF = {"BILLING_HYPOTHESIS_PROFILE": "brief"}
FIT = ("-m", "not deep")
MUTATION = {"BILLING_HYPOTHESIS_PROFILE": "mutation"}
THOROUGH = {"BILLING_HYPOTHESIS_PROFILE": "thorough"}

STRIPE_CLI = "@stripe/cli@1"

BUDGET = runpy.run_path("tests/support/budget.py")
USED: dict[str, Any] = {}  # by session
STARTED = [BUDGET["used"]()]
PACES: list[float] = []


def measured(work: Callable[[nox.Session], None]) -> Callable[[nox.Session], None]:
    """Note what a session uses, its environment included; those for a further Python are not part of the budget."""

    @wraps(work)
    def noted(session: nox.Session) -> None:
        try:
            work(session)
        finally:
            before, now = STARTED.pop(), BUDGET["used"]()
            STARTED.append(now)
            PACES.append(BUDGET["pace"]())
            if session.python == HERE:
                USED[session.name] = BUDGET["between"](before, now)

    return noted


def groups(*names: str) -> list[str]:
    """Return the requirements of these dependency groups."""
    return list(nox.project.dependency_groups(PYPROJECT, *names))


def lower_bounds() -> list[str]:
    """Return the lowest version of everything that the package and its extras name."""
    project = PYPROJECT["project"]
    named = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    requirements = [one for one in map(Requirement, named) if one.name != project["name"]]
    return [f"{one.name}=={bound.version}" for one in requirements for bound in one.specifier if bound.operator == ">="]


@nox.session(python=PYTHONS)
@measured
def tests(session: nox.Session) -> None:
    """Test everything but the databases, on every Python; `core` has the unit tests of the Python that it runs on."""
    session.install("--editable", ".[all]", *groups("test"))
    unit = "tests/unit/testing" if session.python == HERE else "tests/unit"
    session.run(*PYTEST, unit, "tests/contract", "--ignore=tests/contract/sqlalchemy", *session.posargs)


@nox.session(python=HERE)
@measured
def contracts(session: nox.Session) -> None:
    """Hold the databases to the contracts of their ports, and the benchmarks to writing what the library would."""
    session.install("--editable", ".[all]", *groups("test", "postgres"))
    session.run(*PYTEST, "tests/contract/sqlalchemy", "tests/benchmarks", *session.posargs)


@nox.session(python=HERE)
@measured
def core(session: nox.Session) -> None:
    """Test the core alone, with nothing but attrs, and every branch of it."""
    session.install("--editable", ".", *groups("test", "coverage"))
    session.run(*PYTEST, "--cov", "--cov-report=term-missing", "--cov-fail-under=100", *CORE, *session.posargs)


@nox.session(python=HERE)
@measured
def lowest(session: nox.Session) -> None:
    """Test with the lowest version of everything that the package names."""
    constraints = Path(session.create_tmp()) / "lowest.txt"
    constraints.write_text("\n".join(lower_bounds()), encoding="utf-8")
    session.install("--editable", ".[all]", *groups("test", "postgres"), "--constraint", str(constraints))
    session.run(*PYTEST, *FIT, "-k", "not TestPostgresql", "tests/contract", *session.posargs, env=BRIEF)


@nox.session(python=HERE)
@measured
def typing(session: nox.Session) -> None:
    """Check the types of the code, and of the public API as a user writes it."""
    session.install("--editable", ".[all]", *groups("typing"))
    session.run("mypy")
    session.run("pyright", env={"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"})


@nox.session(python=HERE)
@measured
def imports(session: nox.Session) -> None:
    """Check the architecture: who may import whom."""
    session.install(*groups("imports"))
    session.run("lint-imports", env={"PYTHONPATH": "src"})


@nox.session(python=HERE)
@measured
def lint(session: nox.Session) -> None:
    """Check the style: all of Ruff, and the format."""
    session.install(*groups("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session(python=HERE)
@measured
def docs(session: nox.Session) -> None:
    """Run the code in the documentation."""
    session.install("--editable", ".[all]", *groups("test", "postgres", "docs"))
    session.run("python", "-m", "pytest", "tests/docs", *session.posargs)


@nox.session(python=HERE, reuse_venv=False)
@measured
def wheel(session: nox.Session) -> None:
    """Test the built wheel, away from the checkout."""
    with TemporaryDirectory(prefix="billing-core-") as away:
        session.install(*groups("build"))
        session.run("python", "-m", "build", "--outdir", away, silent=True)
        (built,) = Path(away).glob("*.whl")
        session.install(f"{built}[all]", *groups("test"))
        shutil.copytree("tests", f"{away}/tests", ignore=shutil.ignore_patterns("__pycache__", "docs"))
        shutil.copy("pyproject.toml", away)
        with session.chdir(away):
            session.run("billing", "--help", silent=True)
            whole = ("-k", "not postgresql", "--ignore=tests/contract/sqlalchemy/test_store.py", "tests/contract")
            session.run(*PYTEST, *FIT, *whole, *session.posargs, env=BRIEF)


@nox.session(venv_backend="none")
def budget(session: nox.Session) -> None:
    """Hold all of the above together to eight minutes on two cores."""
    if not USED:
        session.skip("it judges the sessions that are run before it")
    cores = os.cpu_count() or BUDGET["CORES"]
    session.log(BUDGET["told"](USED, cores, PACES))
    if BUDGET["needed"](BUDGET["together"](USED.values()), cores, PACES) > BUDGET["SECONDS"]:
        session.error("the checks take too long: make the longest sessions cheaper")


@nox.session(python=HERE, default=False)
def mutation(session: nox.Session) -> None:
    """Change the ledger in a thousand ways, one at a time: the tests must notice, or say why they need not."""
    session.install("--editable", ".", *groups("test", "mutation"))
    session.run("python", "-m", "pytest", "-q", "tests/mutation")
    shutil.rmtree("mutants", ignore_errors=True)  # what it remembers of an earlier run knows nothing of changed tests
    session.run("mutmut", "run", *session.posargs, env=MUTATION)
    session.run("python", "tests/mutation/verdict.py")


@nox.session(python=PYTHONS, default=False)
def thorough(session: nox.Session) -> None:
    """Test everything on every Python, with many more and random examples."""
    session.install("--editable", ".[all]", *groups("test", "postgres"))
    session.run(*PYTEST, "--timeout=0", "--ignore=tests/docs", *session.posargs, env=THOROUGH)


@nox.session(python=HERE, default=False)
def stripe_cli(session: nox.Session) -> None:
    """Let Stripe's own command line, which npm installs, play its scripts against the simulator."""
    npm = shutil.which("npm")
    if npm is None:
        session.skip("Stripe's command line comes by npm, which is not here")
    session.install("--editable", ".[cli,simulator]", *groups("test"))
    place = Path(session.virtualenv.location, "stripe-cli")
    fetch = ("install", "--prefix", str(place), "--ignore-scripts", "--no-audit", "--no-fund", STRIPE_CLI)
    session.run(npm, *fetch, external=True, silent=True)
    (program,) = place.glob("node_modules/@stripe/cli-*/bin/stripe*")
    session.run("python", "-m", "pytest", "tests/stripe_cli", *session.posargs, env={"BILLING_STRIPE_CLI": str(program)})


@nox.session(python=HERE, default=False)
def browser(session: nox.Session) -> None:
    """Let a browser pay on the simulator's page: Chromium and its driver, as Debian packages them."""
    session.install("--editable", ".[cli,simulator,testing]", *groups("test", "browser"))
    alone = {"NO_PROXY": "localhost,127.0.0.1", "SE_AVOID_STATS": "true", "SE_OFFLINE": "true"}
    session.run("python", "-m", "pytest", "--timeout=300", "tests/browser", *session.posargs, env=alone)


@nox.session(python=HERE, default=False)
def bench(session: nox.Session) -> None:
    """Measure the ledger against what its databases can do at most."""
    session.install("--editable", ".[postgres,simulator]", *groups("postgres"))
    # Where the server keeps its lock file is all the same to it.
    session.run("python", "-m", "benchmarks", *session.posargs, env={"PYTHONWARNINGS": "ignore:XDG_RUNTIME_DIR"})
