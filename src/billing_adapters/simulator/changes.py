"""Changes: what an update changed, as Stripe tells it in `previous_attributes`."""

from collections.abc import Mapping
from typing import Any

__all__ = ["previous_attributes"]


def previous_attributes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that changed, as they were: of an object only its changed members, of a list all of it.

    What was not there before is None, as Stripe writes it.
    """
    names = [*before, *(name for name in after if name not in before)]
    return {name: _before(before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}


def _before(before: Any, after: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(before, dict) and isinstance(after, dict) and before and after:
        return previous_attributes(before, after)
    return before
