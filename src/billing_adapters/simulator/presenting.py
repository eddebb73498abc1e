"""Presenting: from an object as it is kept to one as it is sent, without what is only sent when asked for."""

from collections.abc import Callable
from typing import Any, TypeAlias

__all__ = ["JsonObject", "Maker", "asked_only", "kept", "maker_of", "presented"]

JsonObject: TypeAlias = dict[str, Any]
Maker: TypeAlias = Callable[[Any, JsonObject], Any]

_ASKED_ONLY: dict[str, dict[str, Maker]] = {}


def asked_only(kind: str, name: str, maker: Maker) -> None:
    """Leave a member of a kind out unless it is asked for, and say what makes it of the world and the object."""
    _ASKED_ONLY.setdefault(kind, {})[name] = maker


def maker_of(one: JsonObject, name: str) -> Maker | None:
    """Return what makes a member that is only sent when asked for, or None if it is no such member."""
    return _ASKED_ONLY.get(_kind(one), {}).get(name)


def kept(name: str) -> Maker:
    """Return a maker for a member that is kept in the object itself."""
    return lambda _, one: one.get(name)


def presented(value: Any) -> Any:  # noqa: ANN401 - any JSON, in and out
    """Return a copy without what is only sent when asked for."""
    if isinstance(value, dict):
        left_out = _ASKED_ONLY.get(_kind(value), {})
        return {name: presented(one) for name, one in value.items() if name not in left_out}
    if isinstance(value, list):
        return [presented(one) for one in value]
    return value


def _kind(one: JsonObject) -> str:
    """Return what an object says it is; the data of an event have a member of that name which is no text."""
    kind = one.get("object")
    return kind if isinstance(kind, str) else ""
