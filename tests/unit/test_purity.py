"""The core needs attrs and the standard library, and no part of that which knows the moment, the machine or the network.

Each claim is checked in a fresh interpreter, because in this one pytest has imported half the world. What counts is the
difference between `sys.modules` before and after: an environment may import things of its own at start-up.
"""

import json
import subprocess
import sys
from pathlib import Path

import billing_core

# The reaches of the world outside that a rule must not have. Neither attrs nor the modules that it needs bring any in.
WORLD = {
    "asyncio",
    "concurrent",
    "email",  # importlib.metadata brings it in, and with it random and socket
    "http",
    "logging",
    "multiprocessing",
    "random",
    "secrets",
    "select",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "tempfile",
    "urllib",
    "uuid",
}

PROBE = """
import importlib, json, sys
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def imported_by(*modules):
    """Return the names of all modules that these bring into a fresh interpreter."""
    probe = subprocess.run([sys.executable, "-c", PROBE, *modules], check=True, capture_output=True, text=True)  # noqa: S603 - our own text
    return set(json.loads(probe.stdout))


def top_levels(modules):
    return {module.partition(".")[0] for module in modules}


def modules_of_the_core():
    """Return every module of the core but its testing kit, which is made for pytest and Hypothesis."""
    root = Path(billing_core.__file__).parent
    paths = (path.relative_to(root.parent).with_suffix("") for path in root.rglob("*.py"))
    names = (".".join(path.parts).removesuffix(".__init__") for path in paths)
    return sorted(name for name in names if not name.startswith("billing_core.testing"))


def test_the_core_needs_nothing_but_attrs_and_the_standard_library():
    imported = top_levels(imported_by(*modules_of_the_core()))

    assert imported - set(sys.stdlib_module_names) == {"attr", "attrs", "billing_core"}


def test_the_core_reaches_for_nothing_of_the_world_outside():
    imported = top_levels(imported_by(*modules_of_the_core()))

    assert imported & WORLD == set()


def test_the_names_that_a_user_types_do_not_bring_in_the_testing_kit():
    imported = imported_by("billing_core", "billing_core.billing")

    assert not {module for module in imported if module.startswith("billing_core.testing")}


def test_importing_the_core_imports_no_more_than_is_asked_for():
    assert top_levels(imported_by("billing_core")) - set(sys.stdlib_module_names) == {"billing_core"}
    assert {one for one in imported_by("billing_core") if one.startswith("billing_core")} == {"billing_core"}


def test_importing_the_adapters_imports_no_adapter():
    assert imported_by("billing_adapters") == {"billing_adapters"}
