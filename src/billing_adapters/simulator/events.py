"""Events: what happened, for thirty days. Source: https://docs.stripe.com/api/events."""

from fnmatch import fnmatchcase

from billing_adapters.simulator.listing import CREATED, PAGE, page
from billing_adapters.simulator.params import Fields, Params, flag, many, text
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import exclusive, no_such
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.world import World

__all__ = ["ROUTES"]

ROUTES = Routes()
_URL = "/v1/events"
_KEPT_SECONDS = 30 * 24 * 3600
_MOST_TYPES = 20

_LIST: Fields = {**PAGE, **CREATED, "type": text, "types": many(text, _MOST_TYPES), "delivery_success": flag}


@ROUTES.get(f"{_URL}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return an event of the last thirty days."""
    event = world.get("event", params["id"])
    if not _is_kept(world, event):
        raise no_such("event", params["id"])
    return event


@ROUTES.get(_URL, _LIST)
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of the events of the last thirty days."""
    if "type" in params and "types" in params:
        raise exclusive("type", "types")
    types = params.get("types", [params.get("type", "*")])

    def keep(event: JsonObject) -> bool:
        delivered = not event["pending_webhooks"]
        return (
            _is_kept(world, event)
            and any(fnmatchcase(event["type"], kind) for kind in types)
            and params.get("delivery_success", delivered) == delivered
        )

    return page(world, "event", _URL, params, keep)


def _is_kept(world: World, event: JsonObject) -> bool:
    return bool(event["created"] > world.now - _KEPT_SECONDS)
