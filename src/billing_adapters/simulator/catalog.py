"""The catalog: products. What they cost is in `prices`. Source: https://docs.stripe.com/api/products."""

from typing import Any

from billing_adapters.simulator.expanding import EXPANDABLE
from billing_adapters.simulator.listing import CREATED, PAGE, page, same
from billing_adapters.simulator.params import (
    Fields,
    Params,
    anything,
    choice,
    clearable,
    decimal,
    flag,
    many,
    merged,
    metadata,
    nested,
    required,
    text,
)
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.pricing import OF_A_PRODUCT, made
from billing_adapters.simulator.refusals import invalid
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.search import SEARCH, search
from billing_adapters.simulator.world import World

__all__ = ["ROUTES", "new_product"]

ROUTES = Routes()
_URL = "/v1/products"

EXPANDABLE["default_price"] = "price"
EXPANDABLE["product"] = "product"


def _measure(given: Any, param: str) -> float:  # noqa: ANN401 - any form
    return float(decimal(given, param))


_SHARED: Fields = {
    "active": flag,
    "description": clearable(text),
    "images": clearable(many(text, 8)),
    "marketing_features": clearable(many(nested({"name": required(text)}), 15)),
    "metadata": metadata,
    "package_dimensions": clearable(nested({name: required(_measure) for name in ("height", "length", "weight", "width")})),
    "shippable": flag,
    "statement_descriptor": text,
    "tax_code": clearable(text),
    "tax_details": clearable(anything),
    "unit_label": clearable(text),
    "url": clearable(text),
}
_CREATE: Fields = {
    **_SHARED,
    "name": required(text),
    "id": text,
    "type": choice("good", "service"),
    "default_price_data": nested(OF_A_PRODUCT),
}
_UPDATE: Fields = {**_SHARED, "name": text, "default_price": text}
_LIST: Fields = {
    **PAGE,
    **CREATED,
    "active": flag,
    "ids": many(text),
    "shippable": flag,
    "type": choice("good", "service"),
    "url": text,
}
_SEARCHED = ("active", "description", "metadata", "name", "shippable", "url")


@ROUTES.post(_URL, _CREATE)
def create(world: World, params: Params) -> JsonObject:
    """Create a product, and its default price if one is given."""
    product = new_product(world, params)
    if "default_price_data" in params:
        price = made(world, {**params["default_price_data"], "product": product["id"]})
        with world.changing(product, "product.updated"):
            product["default_price"] = price["id"]
    return product


def new_product(world: World, params: Params) -> JsonObject:
    """Create a product.

    Raises:
        Refused: There is one by this id.
    """
    object_id = params.get("id")
    if object_id in world.table("product"):
        raise invalid(f"Product already exists: {object_id}", "id", "resource_already_exists")
    product = world.new("product", "prod", {**_blank(), "name": params["name"], "updated": world.now}, object_id)
    product.update(_given(product, params))
    world.add(product)
    world.emit("product.created", product)
    return product


@ROUTES.get(f"{_URL}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return a product."""
    return world.get("product", params["id"])


@ROUTES.post(f"{_URL}/{{id}}", _UPDATE)
def update(world: World, params: Params) -> JsonObject:
    """Change a product; `active` false archives it."""
    product = world.get("product", params["id"])
    after = _given(product, params)
    if "default_price" in params:
        after["default_price"] = _its_price(world, product, params["default_price"])
    with world.changing(product, "product.updated"):
        product.update(after)
        product["updated"] = world.now
    return product


@ROUTES.delete(f"{_URL}/{{id}}")
def delete(world: World, params: Params) -> JsonObject:
    """Delete a product that never had a price."""
    product = world.get("product", params["id"])
    if any(price["product"] == product["id"] for price in world.table("price").values()):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    gone = world.remove(product)
    world.emit("product.deleted", {**product, "active": False})
    return gone


@ROUTES.get(_URL, _LIST)
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of products."""
    alike = same(params, "active", "shippable", "type", "url")
    ids = set(params["ids"]) if "ids" in params else None
    return page(world, "product", _URL, params, lambda one: alike(one) and (ids is None or one["id"] in ids))


@ROUTES.get(f"{_URL}/search", SEARCH)
def find(world: World, params: Params) -> JsonObject:
    """Return the products that a query finds."""
    return search(world, "product", f"{_URL}/search", params, _SEARCHED)


def _its_price(world: World, product: JsonObject, price_id: str) -> str:
    price = world.get("price", price_id, "default_price")
    if price["product"] != product["id"]:
        message = f"The price `{price_id}` does not belong to the product `{product['id']}`."
        raise invalid(message, "default_price")
    if not price["active"]:
        raise invalid(f"The price `{price_id}` is inactive and cannot be a default price.", "default_price")
    return price_id


def _blank() -> JsonObject:
    return {
        "active": True,
        "default_price": None,
        "description": None,
        "images": [],
        "marketing_features": [],
        "metadata": {},
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "url": None,
    }


_AS_GIVEN = (
    "active", "description", "name", "package_dimensions", "shippable", "statement_descriptor", "tax_code", "type",
    "unit_label", "url",
)  # fmt: skip


def _given(product: JsonObject, params: Params) -> JsonObject:
    """Return the members that a request sets."""
    after: dict[str, Any] = {name: params[name] for name in _AS_GIVEN if name in params}
    after.update({name: params[name] or [] for name in ("images", "marketing_features") if name in params})
    if "metadata" in params:
        after["metadata"] = merged(product["metadata"], params["metadata"])
    return after
