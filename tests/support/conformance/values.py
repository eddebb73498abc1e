"""Values held against types: what is wrong with them, and what a form means by its texts."""

import re
from decimal import Decimal
from reprlib import repr as brief
from textwrap import shorten
from types import NoneType
from typing import Literal, NamedTuple, Union

from stripe import Event, StripeObject
from typing_extensions import is_typeddict

from conformance.annotations import class_of, known_type, subject_of

_PLAIN = {
    str: ("text", str),
    int: ("a whole number", int),
    float: ("a number", float, int),
    bool: ("true or false", bool),
    Decimal: ("a decimal in text", Decimal),
    NoneType: ("null", NoneType),
    list: ("a list", list),
}
_DECIMAL = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_READ = {
    int: (re.compile(r"-?\d{1,18}", re.ASCII), int),
    float: (_DECIMAL, float),
    bool: (re.compile("true|false"), "true".__eq__),
}
_NONE = ()


class Manner(NamedTuple):
    """How to look: also at the objects in an object, with suspicion of values never heard of, as at a part of a whole."""

    deep: bool = True
    strict: bool = False
    partial: bool = False


def fits(wanted, value):
    """Tell whether a value is at first sight of a type; not of a subtype, for `True` is no number."""
    origin = wanted.origin
    if origin in _PLAIN:
        return type(value) in _PLAIN[origin] or (origin is Decimal and _is_decimal(value))
    if origin is Union:
        return any(fits(one, value) for one in wanted.inner)
    if origin is Literal:
        return value in wanted.inner and any(one == value and type(one) is type(value) for one in wanted.inner)
    if origin is object:
        return True
    return isinstance(value, dict) and (wanted.kind is None or value.get("object", wanted.kind) == wanted.kind)


def _is_decimal(value):
    return isinstance(value, str) and _DECIMAL.fullmatch(value) is not None


def complaints(wanted, value, manner):
    """Return what is wrong with a value, with the path to it."""
    if wanted.origin is Union:
        return _of_closest(wanted, value, manner)
    if not fits(wanted, value):
        return _mistyped(value, wanted)
    if wanted.origin is list:
        return _under((f"[{n}]", complaints(wanted.inner[0], one, manner)) for n, one in enumerate(value))
    if isinstance(value, dict) and wanted.origin is not object:
        return _of_mapping(wanted, value, manner)
    return _NONE


def _of_closest(wanted, value, manner):
    """Return what is wrong with a value of a union, as the type sees it that it comes closest to."""
    fewest, options = None, wanted.known if manner.strict else wanted.inner
    for one in options:
        if fits(one, value):
            found = complaints(one, value, manner)
            fewest = found if fewest is None or len(found) < len(fewest) else fewest
    return _mistyped(value, *options) if fewest is None else fewest


def _of_mapping(wanted, value, manner):
    if wanted.origin is StripeObject:
        known = class_of(value)
        return complaints(known_type(known), value, manner) if known else _mistyped(value, wanted)
    if wanted.origin is dict:
        return _under((f".{name}", _present(wanted.inner[-1], one, manner)) for name, one in value.items())
    return _NONE if wanted.kind and not manner.deep else of_members(wanted, value, manner)


def of_members(wanted, value, manner):
    """Return what is wrong with the members of an object, with the path to them."""
    found = []
    for name, one in value.items():
        member = wanted.members.get(name)
        wrong = _present(member, one, manner) if member else [("", "unknown")]
        found += [(f".{name}{path}", why) for path, why in wrong]
    if manner.partial:
        return found
    required = wanted.required & {"id", "object"} if value.get("deleted") is True else wanted.required
    found += [(f".{name}", "missing") for name in sorted(required - value.keys())]
    return found + _of_event(value, manner) if wanted.origin is Event and manner.deep else found


def _of_event(event, manner):
    """Return what is wrong with what an event is about, and with what it says about members as they were."""
    data = event.get("data")
    known = class_of(data.get("object")) if isinstance(data, dict) else None
    if known is None:
        return []
    about, was = data["object"], data.get("previous_attributes")
    subject, partial = subject_of(str(event.get("type"))), manner._replace(partial=True)
    return _under([
        (".data.object", [] if fits(subject, about) else _mistyped(about, subject)),
        (".data.previous_attributes", of_members(known_type(known), was, partial) if isinstance(was, dict) else []),
    ])


def _present(wanted, value, manner):
    return _NONE if manner.partial and value is None else complaints(wanted, value, manner)


def _mistyped(value, *options):
    wanted = " or ".join(dict.fromkeys(map(_said, options)))
    kind = value.get("object") if isinstance(value, dict) else None
    return [("", f"expected {wanted}, not {f'{kind} object' if isinstance(kind, str) else brief(value)}")]


def _said(wanted):
    """Return in words what a value should be, which is not of a union."""
    if wanted.origin is Literal:
        return f"one of {shorten(', '.join(map(repr, wanted.inner)), 120, placeholder='...')}"
    if wanted.origin is StripeObject:
        return "an object that Stripe knows"
    return _PLAIN[wanted.origin][0] if wanted.origin in _PLAIN else wanted.kind or "a mapping"


def _under(parts):
    """Return the complaints about parts as the whole sees them."""
    return [(place + path, why) for place, found in parts for path, why in found]


def decode(wanted, raw):
    """Return what a text means, or a tree of texts in which a list is a mapping of places; itself, if it means nothing."""
    if wanted.origin is Union:
        options = sorted(wanted.inner, key=lambda one: one.origin is str)  # any text is a text
        return next((made for one in options if fits(one, made := decode(one, raw))), raw)
    if isinstance(raw, str):
        pattern, make = _READ.get(wanted.origin, (None, None))
        return make(raw) if pattern and pattern.fullmatch(raw) else raw
    if wanted.origin is list:
        places = sorted(raw, key=lambda place: (len(place), place))
        return [decode(wanted.inner[0], raw[place]) for place in places] if all(map(str.isdecimal, raw)) else raw
    types = wanted.members if is_typeddict(wanted.origin) else {}
    rest = wanted.inner[-1] if wanted.origin is dict else known_type(object)
    return {name: decode(types.get(name, rest), one) for name, one in raw.items()}
