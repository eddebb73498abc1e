"""Forms: how Stripe writes nested parameters into a form or a query: `items[0][price]=price_1`, `expand[]=customer`."""

from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from billing_adapters.simulator.refusals import invalid

__all__ = ["Form", "decoded"]

Form: TypeAlias = dict[str, Any]

_DEEPEST = 10


def decoded(text: str) -> Form:
    """Return the nested parameters of a form or a query: texts, in dictionaries and lists.

    Raises:
        Refused: A name is not written as Stripe's are.
    """
    tree: Form = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        _put(tree, _steps(name), value, name)
    return {name: _listed(value) for name, value in tree.items()}


def _steps(name: str) -> list[str]:
    first, bracket, rest = name.partition("[")
    steps = [first, *rest.removesuffix("]").split("][")] if bracket else [first]
    if not first or (bracket and not rest.endswith("]")) or len(steps) > _DEEPEST:
        raise invalid(f"Invalid parameter name: {name}", name)
    return steps


def _put(tree: Form, steps: list[str], value: str, name: str) -> None:
    *parents, last = steps
    for step in parents:
        tree = tree.setdefault(step or str(len(tree)), {})
        if not isinstance(tree, dict):
            raise invalid(f"Invalid parameter name: {name}", name)
    tree[last or str(len(tree))] = value


def _listed(value: Any) -> Any:  # noqa: ANN401 - any form, in and out
    """Return a tree in which what is numbered is a list, in order of the numbers."""
    if not isinstance(value, dict):
        return value
    within = {name: _listed(one) for name, one in value.items()}
    if within and all(name.isdecimal() for name in within):
        return [within[name] for name in sorted(within, key=int)]
    return within
