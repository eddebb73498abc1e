"""Every check of the project: `nox` runs them all but `thorough`, `nox -s lint` runs one, `nox -l` lists them.

Arguments after `--` go to pytest, in the sessions that run it: `nox -s tests-3.11 -- -k ledger`.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import nox
from packaging.requirements import Requirement

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
OLDEST = PYTHONS[0]

# Each worker starts a database server of its own. No test takes minutes: one that does hangs.
PYTEST = ("python", "-m", "pytest", "--numprocesses=logical", "--maxprocesses=4", "--dist=worksteal", "--timeout=300")

# What another session has shown to be right needs only a look when the question is whether the parts fit together.
BRIEF = {"BILLING_HYPOTHESIS_PROFILE": "brief"}
THOROUGH = {"BILLING_HYPOTHESIS_PROFILE": "thorough"}


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
def tests(session: nox.Session) -> None:
    """Test everything but the contracts, on every Python."""
    session.install("--editable", ".[all]", *groups("test", "postgres"))
    session.run(*PYTEST, "--ignore=tests/contract", "--ignore=tests/docs", *session.posargs)


@nox.session(python=PYTHONS)
def contracts(session: nox.Session) -> None:
    """Hold every adapter to the contracts of its ports, on every Python."""
    session.install("--editable", ".[all]", *groups("test", "postgres"))
    session.run(*PYTEST, "tests/contract", *session.posargs)


@nox.session(python=OLDEST)
def core(session: nox.Session) -> None:
    """Test the core alone, with nothing but attrs, and every branch of it."""
    session.install("--editable", ".", *groups("test", "coverage"))
    session.run(*PYTEST, "--cov", "--cov-report=term-missing", "--cov-fail-under=100", "tests/unit", *session.posargs)


@nox.session(python=OLDEST)
def lowest(session: nox.Session) -> None:
    """Test with the lowest Python and the lowest version of everything that the package names."""
    constraints = Path(session.create_tmp()) / "lowest.txt"
    constraints.write_text("\n".join(lower_bounds()), encoding="utf-8")
    session.install("--editable", ".[all]", *groups("test", "postgres"), "--constraint", str(constraints))
    session.run(*PYTEST, "--ignore=tests/docs", *session.posargs, env=BRIEF)


@nox.session(python=OLDEST)
def typing(session: nox.Session) -> None:
    """Check the types of the code, and of the public API as a user writes it."""
    session.install("--editable", ".[all]", *groups("typing"))
    session.run("mypy")
    session.run("pyright", env={"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"})


@nox.session(python=OLDEST)
def imports(session: nox.Session) -> None:
    """Check the architecture: who may import whom."""
    session.install(*groups("imports"))
    session.run("lint-imports", env={"PYTHONPATH": "src"})


@nox.session(python=OLDEST)
def lint(session: nox.Session) -> None:
    """Check the style: all of Ruff, and the format."""
    session.install(*groups("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session(python=OLDEST)
def docs(session: nox.Session) -> None:
    """Run the code in the documentation."""
    session.install("--editable", ".[all]", *groups("test", "postgres", "docs"))
    session.run("python", "-m", "pytest", "tests/docs", *session.posargs)


@nox.session(python=OLDEST, reuse_venv=False)
def wheel(session: nox.Session) -> None:
    """Test the built wheel, away from the checkout."""
    with TemporaryDirectory(prefix="billing-core-") as away:
        session.install(*groups("build"))
        session.run("python", "-m", "build", "--outdir", away, silent=True)
        (built,) = Path(away).glob("*.whl")
        session.install(f"{built}[all]", *groups("test", "postgres"))
        shutil.copytree("tests", f"{away}/tests", ignore=shutil.ignore_patterns("__pycache__", "docs"))
        shutil.copy("pyproject.toml", away)
        with session.chdir(away):
            session.run("billing", "--help", silent=True)
            session.run(*PYTEST, *session.posargs, env=BRIEF)


@nox.session(python=OLDEST, default=False)
def thorough(session: nox.Session) -> None:
    """Test everything again, with many more and random examples."""
    session.install("--editable", ".[all]", *groups("test", "postgres"))
    session.run(*PYTEST, "--timeout=0", "--ignore=tests/docs", *session.posargs, env=THOROUGH)
