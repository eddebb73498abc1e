"""Searching: Stripe's query language over objects. Source: https://docs.stripe.com/search#search-query-language.

What was written can be found at once, which Stripe does not promise.
"""

import operator
import re
from collections.abc import Callable, Collection, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeAlias

from attrs import frozen

from billing_adapters.simulator.params import Fields, Params, integer, required, text
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import Refused, invalid
from billing_adapters.simulator.world import World

__all__ = ["SEARCH", "search"]

_DEFAULT, _MOST, _SHORTEST_PART = 10, 100, 3

SEARCH: Fields = {"query": required(text), "limit": integer(1, _MOST), "page": text}

_CLAUSE = re.compile(
    r"""\s*(?P<minus>-)?(?P<field>[a-z_.]+)(?:\[(?P<key>'[^']*'|"[^"]*")\])?\s*(?P<sign>:|~|>=|<=|>|<)\s*"""
    r"""(?P<value>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|null|-?[0-9]+|true|false)\s*(?P<joint>\b(?:AND|OR)\b|$)""",
    re.IGNORECASE,
)
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType({
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
})

Test: TypeAlias = Callable[[JsonObject], bool]


def search(world: World, kind: str, url: str, params: Params, fields: Collection[str]) -> JsonObject:
    """Return a page of what a query finds, newest first; `fields` are those that can be searched.

    Raises:
        Refused: The query cannot be read, or the page is none.
    """
    passes = _query(params["query"], fields)
    begins, limit = _place(params.get("page")), params.get("limit", _DEFAULT)
    found = list(islice(filter(passes, world.rows(kind)), begins, begins + limit + 1))
    more = len(found) > limit
    return {
        "object": "search_result",
        "data": found[:limit],
        "has_more": more,
        "next_page": f"page_{begins + limit}" if more else None,
        "url": url,
    }


def _place(page: str | None) -> int:
    if page is None:
        return 0
    named = re.fullmatch(r"page_([0-9]{1,9})", page)
    if not named:
        raise invalid("Invalid page: use the next_page of the search before.", "page")
    return int(named[1])


@frozen
class _Clause:
    path: tuple[str, ...]
    sign: str
    value: Any
    negated: bool

    def __call__(self, one: JsonObject) -> bool:
        return self._holds(_at(one, self.path)) != self.negated

    def _holds(self, actual: Any) -> bool:  # noqa: ANN401 - any member
        if actual is None or self.value is None:
            return actual is self.value and self.sign == ":"
        if self.sign in _COMPARISONS:
            return isinstance(actual, int) and _COMPARISONS[self.sign](actual, int(self.value))
        said = str(actual).lower()
        return self.value in said if self.sign == "~" else self.value == said


def _query(query: str, fields: Collection[str]) -> Test:
    clauses, joints, place, joint = [], set(), 0, "and"
    while joint:
        read = _CLAUSE.match(query, place)
        if not read:
            raise _unreadable(query)
        clauses.append(_clause(read, fields))
        joint, place = read["joint"].lower(), read.end()
        joints.add(joint)
    if {"and", "or"} <= joints:
        raise invalid("Invalid query: AND and OR cannot be combined in one query.", "query")
    combine = any if "or" in joints else all
    return lambda one: combine(clause(one) for clause in clauses)


def _clause(read: re.Match[str], fields: Collection[str]) -> _Clause:
    name, key = read["field"], read["key"]
    if name not in fields or (name == "metadata") != (key is not None):
        raise invalid(f"Field `{name}` is an unsupported search field for this resource.", "query")
    value = _literal(read["value"])
    if read["sign"] == "~" and len(value or "") < _SHORTEST_PART:
        raise invalid(f"Invalid query: ~ needs at least {_SHORTEST_PART} characters.", "query")
    if read["sign"] in _COMPARISONS and not (value or "").lstrip("-").isdecimal():
        raise invalid(f"Invalid query: {read['sign']} needs a number.", "query")
    path = (name, key[1:-1]) if key else tuple(name.split("."))
    return _Clause(path, read["sign"], value, bool(read["minus"]))


def _literal(written: str) -> str | None:
    """Return a value in lower case, or None for `null`: comparing takes no notice of case."""
    if written[0] in "'\"":
        return re.sub(r"\\(.)", r"\1", written[1:-1]).lower()
    return None if written == "null" else written.lower()


def _at(one: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - any member
    for step in path:
        one = one.get(step) if isinstance(one, dict) else None
    return one


def _unreadable(query: str) -> Refused:
    return invalid(f"We were unable to parse your search query: {query}", "query")
