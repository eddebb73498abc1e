"""Conformance: what in a request to Stripe, or in an object of Stripe's, is not what Stripe's official SDK says.

The SDK's annotations are generated from Stripe's specification: what agrees with them agrees with the API of the version
that the SDK pins. They say nothing about how members depend on each other, nor whether one that may be null may be absent.
Only routes of `/v1` are known. The SDK's layout is private: a new version of it may have to be read anew.

Each check returns sentences, none if all is well, and raises nothing, whatever it is given. Most members are open to values
that Stripe may add one day, so that any text is right; to be `strict` is to refuse those that the SDK has never heard of.
"""

import re
from reprlib import repr as brief

from stripe import StripeObject

from conformance.annotations import Type, class_of, known_type
from conformance.form import tree
from conformance.routes import route_of, routes
from conformance.values import Manner, complaints, of_members
from conformance.values import decode as decoded

__all__ = ["check_answer", "check_object", "check_request", "check_sent", "decode", "routes"]

_ORIGIN = re.compile(r"^https?://[^/?]*")


def check_object(obj, *, deep=True, strict=False):
    """Return what is wrong with an object, or an event, that says its kind; if `deep`, also with the objects in it."""
    known = class_of(obj)
    if known is None:
        kind = obj.get("object") if isinstance(obj, dict) else obj
        return [f"object: expected one that Stripe knows, not {brief(kind)}"]
    return [f"{obj['object']}{path}: {why}" for path, why in of_members(known_type(known), obj, Manner(deep, strict))]


def check_request(method, path, params, *, strict=False):
    """Return what is wrong with a request, whose parameters are as they were before they became a form."""
    if (route := route_of(method, path)) is None:
        return [f"{method.upper()} {path}: no such route"]
    sent, answered = route.types
    params = {} if params is None else params
    found = [*complaints(sent, params, Manner(strict=strict)), *_not_expandable(answered, params)]
    return [f"{method.upper()} {path} {at.lstrip('.')}: {why}" for at, why in found]


def check_sent(method, target, body="", *, strict=False):
    """Return what is wrong with a request as it was sent, with parameters in the query or in the body."""
    path, _, query = _ORIGIN.sub("", target).partition("?")
    form = "&".join(filter(None, (query, _text(body))))
    return check_request(method, path, decode(method, path, form), strict=strict)


def check_answer(method, path, answer, *, deep=True, strict=False):
    """Return what is wrong with the object that answers a request; if `deep`, also with the objects in it."""
    if (route := route_of(method, path)) is None:
        return [f"{method.upper()} {path}: no such route"]
    _, answered = route.types
    return [f"{method.upper()} {path} answer{at}: {why}" for at, why in complaints(answered, answer, Manner(deep, strict))]


def decode(method, path, form):
    """Return the parameters in a form, with values of the types that the route says."""
    route, raw = route_of(method, path), tree(_text(form))
    return decoded(route.types[0], raw) if route else raw


def _text(form):
    return form.decode(errors="replace") if isinstance(form, bytes) else form


def _not_expandable(answered, params):
    """Return complaints about each `expand` that leads to nothing in the answer."""
    expand = params.get("expand") if isinstance(params, dict) else None
    paths = enumerate(expand) if isinstance(expand, list) else ()
    return [(f".expand[{n}]", f"{path} leads nowhere") for n, path in paths if not _led_to([answered], str(path))]


def _led_to(types, path):
    for name in path.split("."):
        types = [one for within in types for one in _types_of(within, name)]
    return types


def _types_of(within, name):
    """Return the types of a member, wherever it may be in a value of a type."""
    if within.origin is StripeObject:
        return [within]
    if isinstance(within.origin, type) and issubclass(within.origin, StripeObject):
        return [within.members[name]] if name in within.members else []
    return [one for part in within.inner if isinstance(part, Type) for one in _types_of(part, name)]
