"""Webhook endpoints: where events are sent to. The signing secret is told once, when an endpoint is created."""

from typing import Any

from billing_adapters.simulator.listing import PAGE, page
from billing_adapters.simulator.params import Fields, Params, clearable, flag, many, merged, metadata, required, text
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import invalid
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.versions import known_version
from billing_adapters.simulator.world import World

__all__ = ["ROUTES", "listening", "secret_of"]

ROUTES = Routes()
_URL = "/v1/webhook_endpoints"
_KIND = "webhook_endpoint"
_SECRETS = "secrets of webhook endpoints"


def _web_address(given: Any, param: str) -> str:  # noqa: ANN401 - any form
    url = text(given, param)
    if not url.startswith(("http://", "https://")):
        raise invalid("Invalid URL: An explicit scheme (such as https) must be provided.", param, "url_invalid")
    return url


_SHARED: Fields = {"description": clearable(text), "metadata": metadata}
_CREATE: Fields = {
    **_SHARED,
    "url": required(_web_address),
    "enabled_events": required(many(text)),
    "api_version": known_version,
    "connect": flag,
}
_UPDATE: Fields = {**_SHARED, "url": _web_address, "enabled_events": many(text), "disabled": flag}


@ROUTES.post(_URL, _CREATE)
def create(world: World, params: Params) -> JsonObject:
    """Create an endpoint, and tell its secret."""
    endpoint = world.add(
        world.new(
            _KIND,
            "we",
            {
                "api_version": params.get("api_version"),
                "application": None,
                "description": params.get("description"),
                "enabled_events": params["enabled_events"],
                "metadata": merged({}, params.get("metadata", {})),
                "status": "enabled",
                "url": params["url"],
            },
        )
    )
    secret = world.new_id("whsec")
    world.table(_SECRETS)[endpoint["id"]] = {"secret": secret}
    return {**endpoint, "secret": secret}


@ROUTES.get(f"{_URL}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return an endpoint, without its secret."""
    return world.get(_KIND, params["id"])


@ROUTES.post(f"{_URL}/{{id}}", _UPDATE)
def update(world: World, params: Params) -> JsonObject:
    """Change an endpoint; a disabled one gets no events."""
    endpoint = world.get(_KIND, params["id"])
    after: JsonObject = {name: params[name] for name in ("description", "enabled_events", "url") if name in params}
    if "metadata" in params:
        after["metadata"] = merged(endpoint["metadata"], params["metadata"])
    if "disabled" in params:
        after["status"] = "disabled" if params["disabled"] else "enabled"
    endpoint.update(after)
    return endpoint


@ROUTES.delete(f"{_URL}/{{id}}")
def delete(world: World, params: Params) -> JsonObject:
    """Delete an endpoint: what it was not sent yet, it never is."""
    world.table(_SECRETS).pop(params["id"], None)
    return world.remove(world.get(_KIND, params["id"]))


@ROUTES.get(_URL, PAGE)
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of endpoints."""
    return page(world, _KIND, _URL, params)


def listening(world: World, event: JsonObject) -> list[JsonObject]:
    """Return the endpoints that are to be sent an event."""
    return [
        endpoint
        for endpoint in world.table(_KIND).values()
        if endpoint["status"] == "enabled"
        and endpoint["livemode"] == event["livemode"]
        and not {"*", event["type"]}.isdisjoint(endpoint["enabled_events"])
    ]


def secret_of(world: World, endpoint: JsonObject) -> str:
    """Return the secret that signs what an endpoint is sent."""
    return str(world.table(_SECRETS)[endpoint["id"]]["secret"])
