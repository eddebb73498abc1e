"""Expanding: ids become the objects that they name, where a request asks for it. Source: https://docs.stripe.com/expand.

`EXPANDABLE` says which member names which kind; resources add to it, and to what is only sent when asked for.
"""

from collections.abc import Iterable
from typing import Any

from billing_adapters.simulator.presenting import JsonObject, Maker, maker_of, presented
from billing_adapters.simulator.refusals import Refused, invalid
from billing_adapters.simulator.world import World

__all__ = ["EXPANDABLE", "expanded"]

_DEEPEST = 4

EXPANDABLE: dict[str, str] = {}
"""The kind that a member names by id, by the member's name: `customer` names a `customer`."""


def expanded(world: World, one: JsonObject, paths: Iterable[str]) -> JsonObject:
    """Return a copy of an object in which what these paths name is there: `customer`, `data.latest_charge.refunds`.

    Raises:
        Refused: A path is too deep, or names nothing that can be expanded.
    """
    copy: JsonObject = presented(one)
    for path in paths:
        steps = path.split(".")
        if len(steps) > _DEEPEST + (steps[0] == "data"):
            raise invalid(f"You cannot expand more than {_DEEPEST} levels of a property. Property: {path}", "expand")
        _expand(world, copy, one, steps, path)
    return copy


def _expand(world: World, copy: Any, original: Any, steps: list[str], path: str) -> None:  # noqa: ANN401 - any JSON
    """Expand one path in a copy; the original still has what is left out of it."""
    if isinstance(copy, list):
        for place, one in enumerate(copy):
            _expand(world, one, original[place], steps, path)
        return
    if not steps or not isinstance(copy, dict):
        return
    name, *rest = steps
    if copy.get("deleted"):
        return
    maker = maker_of(copy, name)
    if maker is None and (name not in copy or (not rest and name not in EXPANDABLE)):
        raise _not_expandable(path)
    within = _made(world, copy, original, name, maker) if maker else _named(world, copy, original, name)
    _expand(world, copy[name], within, rest, path)


def _made(world: World, copy: JsonObject, original: JsonObject, name: str, maker: Maker) -> Any:  # noqa: ANN401
    """Put what is only sent when asked for into the copy, and return its original."""
    made = maker(world, original)
    copy.setdefault(name, presented(made))
    return made


def _named(world: World, copy: JsonObject, original: JsonObject, name: str) -> Any:  # noqa: ANN401 - any JSON
    """Put what a member names into the copy, unless it is there already, and return its original."""
    whole = original[name]
    if name not in EXPANDABLE:
        return whole
    found = [_found(world, EXPANDABLE[name], one) for one in (whole if isinstance(whole, list) else [whole])]
    named = found if isinstance(whole, list) else found[0]
    if copy[name] == presented(whole):
        copy[name] = presented(named)
    return named


def _found(world: World, kind: str, named: Any) -> Any:  # noqa: ANN401 - an id, or an object that stands there already
    found = world.find(kind, named) or world.removed(kind, named) if isinstance(named, str) else None
    return named if found is None else found


def _not_expandable(path: str) -> Refused:
    message = (
        f"This property cannot be expanded ({path}). You may want to try expanding a different property, or check the "
        "API reference for this endpoint."
    )
    return invalid(message, "expand")
