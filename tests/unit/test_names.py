"""The names that a user types: each is there, where the type checkers are told that it is."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

import billing_core


def imported_for_the_type_checkers():
    """Return every name with the module that it is imported from, as the source says."""
    tree = ast.parse(Path(billing_core.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and "billing_core" in node.module]
    return {alias.name: node.module for node in imports for alias in node.names}


def test_the_interpreter_and_the_type_checkers_are_told_the_same():
    assert imported_for_the_type_checkers() == billing_core._HOMES  # noqa: SLF001 - what this test is about
    assert [*billing_core.__all__] == sorted(imported_for_the_type_checkers())


@pytest.mark.parametrize("name", billing_core.__all__)
def test_every_name_is_that_of_its_home(name):
    home = import_module(imported_for_the_type_checkers()[name])

    assert getattr(billing_core, name) is getattr(home, name)
    assert name in dir(billing_core)


def test_another_name_is_none_of_them():
    with pytest.raises(AttributeError, match="module 'billing_core' has no attribute 'Bling'"):
        _ = billing_core.Bling
