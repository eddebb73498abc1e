"""The SDK's annotations, made ready for use: the members of objects, the parameters of requests, and their types."""

import ast
import inspect
import textwrap
import typing
from functools import cache, cached_property
from importlib import import_module
from itertools import takewhile
from types import NoneType, SimpleNamespace, UnionType

from attrs import frozen
from stripe import Event, ListObject, SearchResultObject, StripeObject
from stripe._object_classes import OBJECT_CLASSES
from stripe._request_options import RequestOptions
from stripe._stripe_object import UntypedStripeObject
from stripe.events._event_classes import get_v2_event_notification_class
from typing_extensions import is_typeddict

# What the SDK leaves out: that lists are objects too, and how many items they have, which they tell when asked or within
# another object; that a search ends; that an event is about an object.
_UNSAID = {
    ListObject: {"object": typing.Literal["list"], "total_count": int},
    SearchResultObject: {
        "object": typing.Literal["search_result"],
        "total_count": int,
        "next_page": str | None,
        "url": str,
    },
    Event.Data: {"object": StripeObject},
}
_ON_REQUEST = {"total_count"}


class Names(dict):
    """The names that a module leaves to type checkers, each imported when it is first met."""

    def __init__(self, module):
        super().__init__()
        after = inspect.getsource(module).partition("\nif TYPE_CHECKING:\n")[2].splitlines()
        block = "\n".join(takewhile(lambda line: not line or line.startswith(" "), after))
        imports = ast.parse(textwrap.dedent(block)).body
        self._hidden = {name.asname or name.name: (one.module, name.name) for one in imports for name in one.names}

    def __missing__(self, name):
        self[name] = imported(*self._hidden[name])
        return self[name]


names_in = cache(Names)


def imported(module, name):
    """Return what a module knows by a name."""
    return getattr(import_module(module), name)


def class_of(value):
    """Return the class of an object that says its kind; None if the SDK does not know it."""
    kind = value.get("object") if isinstance(value, dict) else None
    return imported(*OBJECT_CLASSES[kind]) if isinstance(kind, str) and kind in OBJECT_CLASSES else None


@cache
def subject_of(event_type):
    """Return the type of what such an event is about, as far as the SDK says what one fetches when told of it."""
    told = get_v2_event_notification_class(f"v1.{event_type}")
    fetch = getattr(told, "fetch_related_object", None)
    return types_of(told.__module__, fetch.__annotations__)["return"] if fetch else known_type(object)


@frozen(eq=False, slots=False)
class Type:
    """What an annotation says: a class, a union or the like, and of what; of values if it is a choice of them.

    `StripeObject` itself stands for any object that says its kind.
    """

    origin: object
    inner: tuple = ()

    @cached_property
    def kind(self):
        """What such an object says it is, if it says it."""
        return getattr(self.origin, "OBJECT_NAME", None)

    @cached_property
    def members(self):
        """The types of the members, by their names in JSON, or of the parameters."""
        return _parameters(self.origin) if is_typeddict(self.origin) else _members(self.origin, self.inner)

    @cached_property
    def required(self):
        """The names of those that must be there; who may be null may be absent: annotations do not tell that apart."""
        if is_typeddict(self.origin):
            return self.origin.__required_keys__ & self.members.keys()
        return {name for name, one in self.members.items() if not one.allows(NoneType)} - _ON_REQUEST

    @cached_property
    def known(self):
        """The types of a union, without text where the SDK knows which texts there are."""
        values = [value for one in self.inner if one.origin is typing.Literal for value in one.inner]
        return [one for one in self.inner if one.origin is not str] if any(values) else self.inner

    def allows(self, origin):
        """Tell whether this is a type, or the union of it and others."""
        return self.origin is origin or (self.origin is typing.Union and any(one.origin is origin for one in self.inner))


def types_of(module, annotations):
    """Return the types that annotations in a module describe."""
    found = import_module(module)
    holder = SimpleNamespace(__annotations__=annotations)
    hints = typing.get_type_hints(holder, vars(found), names_in(found))  # without `Required` and `NotRequired`
    return {name: _type(hint) for name, hint in hints.items()}


def _type(hint):
    origin, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if isinstance(hint, typing.TypeVar):
        return known_type(StripeObject)
    if not inner:
        return known_type(object if hint is typing.Any else hint)
    names = {UnionType: typing.Union, UntypedStripeObject: dict}
    return Type(names.get(origin, origin), inner if origin is typing.Literal else tuple(map(_type, inner)))


@cache
def known_type(known):
    """Return the type that a class describes."""
    return Type(known)


def _parameters(known):
    options = RequestOptions.__annotations__
    own = {name: one for name, one in known.__annotations__.items() if options.get(name) != one}
    return types_of(known.__module__, own)


def _members(known, inner):
    types = {}
    for base in known.__mro__:
        if issubclass(base, StripeObject):
            members = types_of(base.__module__, inspect.get_annotations(base))
            types |= {known._field_remappings.get(name, name): one for name, one in members.items()}  # noqa: SLF001
    types |= types_of(known.__module__, _UNSAID.get(known, {})) | ({"data": Type(list, inner)} if inner else {})
    return {name: one for name, one in types.items() if name[0] != "_" and one.origin is not typing.ClassVar}
