"""The routes of Stripe's API, read in the services of the SDK."""

import ast
import re
from functools import cache, cached_property
from pathlib import Path

import stripe
from attrs import frozen

from conformance.annotations import types_of


@frozen(slots=False)
class Route:
    """Where requests go, with placeholders such as `{customer}`, and the annotations of what is sent and answered."""

    method: str
    path: str
    module: str
    params: str
    answer: str

    def leads_to(self, path):
        """Tell whether a path is on this route; a placeholder stands for an id, which is never empty."""
        return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", self.path), path) is not None

    @cached_property
    def types(self):
        """The type of the parameters, and the type of the answer."""
        return tuple(types_of(self.module, {"params": self.params, "answer": self.answer}).values())


@cache
def routes():
    """Return every route of `/v1`, those first that leave less open."""
    package = Path(stripe.__file__).parent
    found = [route for service in package.rglob("_*_service.py") for route in _routes_in(package, service)]
    return sorted(found, key=lambda route: (route.path.count("{"), route.path, route.method))


@cache
def route_of(method, path):
    """Return the route that a request takes, or None."""
    return next((one for one in routes() if one.method == method.lower() and one.leads_to(path)), None)


def _routes_in(package, service):
    """Yield the routes of a service; each of its asynchronous functions takes the same one as another function."""
    module = ".".join(("stripe", *service.relative_to(package).with_suffix("").parts))
    for function in ast.walk(ast.parse(service.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef) and (request := _request_in(function)):
            method, path = (_text_in(one) for one in request.args[:2])
            (params,) = (one.annotation for one in function.args.args if one.arg == "params")
            if path.startswith("/v1/"):
                yield Route(method, path, module, _text_in(params), function.returns.value)


def _request_in(function):
    """Return the call that sends the request, or None."""
    calls = [one for one in ast.walk(function) if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)]
    return next((one for one in calls if one.func.attr in ("_request", "_request_stream")), None)


def _text_in(expression):
    return next(one.value for one in ast.walk(expression) if isinstance(one, ast.Constant))
