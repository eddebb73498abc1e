"""Routes: which function answers which request. A resource registers its functions here."""

from collections.abc import Callable, Iterator
from typing import TypeAlias
from urllib.parse import unquote

from attrs import define, field, frozen

from billing_adapters.simulator.params import Fields, Params
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import unknown_route
from billing_adapters.simulator.world import World

__all__ = ["Handler", "Route", "Routes"]

Handler: TypeAlias = Callable[[World, Params], JsonObject]


@frozen
class Route:
    """One endpoint: `/v1/customers/{id}`, what it takes, and the function that answers.

    The function gets the checked parameters and, under the names in the pattern, the parts of the path. It refuses before
    it changes anything.
    """

    method: str
    pattern: str
    fields: Fields
    handler: Handler

    @property
    def steps(self) -> list[str]:
        """The parts of the pattern."""
        return self.pattern.strip("/").split("/")

    def matches(self, steps: list[str]) -> bool:
        """Say whether a path of as many parts is of this pattern."""
        return all(_is_open(mine) or mine == its for mine, its in zip(self.steps, steps, strict=True))

    def named(self, steps: list[str]) -> Params:
        """Return the parts of a path under the names in the pattern."""
        return {mine[1:-1]: unquote(its) for mine, its in zip(self.steps, steps, strict=True) if _is_open(mine)}


@define
class Routes:
    """A table of endpoints. `routes.post("/v1/customers", FIELDS)` decorates the function that answers."""

    _by_shape: dict[tuple[str, int], list[Route]] = field(factory=dict)

    def get(self, pattern: str, fields: Fields | None = None) -> Callable[[Handler], Handler]:
        """Register a function that reads."""
        return self._registering("GET", pattern, fields)

    def post(self, pattern: str, fields: Fields | None = None) -> Callable[[Handler], Handler]:
        """Register a function that writes."""
        return self._registering("POST", pattern, fields)

    def delete(self, pattern: str, fields: Fields | None = None) -> Callable[[Handler], Handler]:
        """Register a function that deletes."""
        return self._registering("DELETE", pattern, fields)

    def include(self, others: "Routes") -> None:
        """Take over the endpoints of a resource."""
        for route in others:
            self._add(route)

    def find(self, method: str, path: str) -> tuple[Route, Params]:
        """Return the endpoint of a request, and the parts of its path by name.

        Raises:
            Refused: There is none.
        """
        steps = path.strip("/").split("/")
        for route in self._by_shape.get((method, len(steps)), ()):
            if route.matches(steps):
                return route, route.named(steps)
        raise unknown_route(method, path)

    def __iter__(self) -> Iterator[Route]:
        """Iterate over all endpoints."""
        return (route for routes in self._by_shape.values() for route in routes)

    def _registering(self, method: str, pattern: str, fields: Fields | None) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self._add(Route(method, pattern, fields or {}, handler))
            return handler

        return register

    def _add(self, route: Route) -> None:
        alike = self._by_shape.setdefault((route.method, len(route.steps)), [])
        alike.append(route)
        # What names more of the path itself goes first: `/v1/customers/search` before `/v1/customers/{id}`.
        alike.sort(key=lambda one: sum(map(_is_open, one.steps)))


def _is_open(step: str) -> bool:
    return step.startswith("{")
