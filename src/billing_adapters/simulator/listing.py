"""Listing: pages of objects, newest first, with Stripe's cursors. Source: https://docs.stripe.com/api/pagination."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from billing_adapters.simulator.params import Fields, Params, integer, moment, nested, text
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import exclusive, no_such
from billing_adapters.simulator.world import World

__all__ = ["CREATED", "PAGE", "inline", "page", "same"]

_DEFAULT, _MOST = 10, 100
_BOUNDS: Fields = {"gt": moment, "gte": moment, "lt": moment, "lte": moment}


def _range(given: Any, param: str) -> Params:  # noqa: ANN401 - any form
    """Take a moment, or bounds of moments."""
    if isinstance(given, dict):
        return dict(nested(_BOUNDS)(given, param))
    exact = moment(given, param)
    return {"gte": exact, "lte": exact}


PAGE: Fields = {"limit": integer(1, _MOST), "starting_after": text, "ending_before": text}
CREATED: Fields = {"created": _range}


def page(world: World, kind: str, url: str, params: Params, keep: Callable[[JsonObject], bool] | None = None) -> JsonObject:
    """Return a page of a kind: those that `keep` keeps and that were created when `created` says.

    Raises:
        Refused: The cursor names nothing.
    """
    if "starting_after" in params and "ending_before" in params:
        raise exclusive("starting_after", "ending_before")
    limit = params.get("limit", _DEFAULT)
    rows = (one for one in _from_cursor(world, kind, params) if _is_within(one, params) and (keep is None or keep(one)))
    found = list(islice(rows, limit + 1))
    shown = found[:limit]
    if "ending_before" in params:
        shown.reverse()
    return {"object": "list", "data": shown, "has_more": len(found) > limit, "url": url}


def inline(rows: Iterable[JsonObject], url: str) -> JsonObject:
    """Return a list that is a member of an object: the first ten."""
    found = list(rows)
    return {"object": "list", "data": found[:_DEFAULT], "has_more": len(found) > _DEFAULT, "url": url}


def same(params: Params, *names: str) -> Callable[[JsonObject], bool]:
    """Return a filter: these members are as the parameters say, as far as they are given."""
    wanted = {name: params[name] for name in names if name in params}
    return lambda one: all(one.get(name) == value for name, value in wanted.items())


def _from_cursor(world: World, kind: str, params: Params) -> Iterable[JsonObject]:
    """Iterate from the cursor on: older ones, or with `ending_before` newer ones, nearest first."""
    if "ending_before" in params:
        _known(world, kind, params["ending_before"], "ending_before")
        newer: list[JsonObject] = []
        for one in world.rows(kind):
            if one["id"] == params["ending_before"]:
                break
            newer.append(one)
        return reversed(newer)
    if "starting_after" in params:
        _known(world, kind, params["starting_after"], "starting_after")
    return world.rows(kind, older_than=params.get("starting_after"))


def _known(world: World, kind: str, object_id: str, param: str) -> None:
    if world.find(kind, object_id) is None:
        raise no_such(kind, object_id, param)


def _is_within(one: JsonObject, params: Params) -> bool:
    bounds = params.get("created")
    if not bounds:
        return True
    created: int = one["created"]
    after = bounds.get("gt", -1) < created and bounds.get("gte", created) <= created
    before = created < bounds.get("lt", created + 1) and created <= bounds.get("lte", created)
    return bool(after and before)
