"""Prices: what a product costs, once or again and again. Source: https://docs.stripe.com/api/prices."""

from billing_adapters.simulator.catalog import new_product
from billing_adapters.simulator.listing import CREATED, PAGE, page, same
from billing_adapters.simulator.params import (
    Fields,
    Params,
    choice,
    clearable,
    currency,
    flag,
    integer,
    many,
    merged,
    metadata,
    nested,
    required,
    text,
)
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.pricing import (
    CURRENCY_OPTIONS,
    INTERVALS,
    OF_A_PRODUCT,
    RECURRING,
    TAX_BEHAVIOR,
    TIERS,
    made,
    options,
    take_lookup_key,
)
from billing_adapters.simulator.refusals import exclusive, invalid
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.search import SEARCH, search
from billing_adapters.simulator.world import World

__all__ = ["ROUTES"]

ROUTES = Routes()
_URL = "/v1/prices"

_PRODUCT_DATA: Fields = {
    "active": flag,
    "id": text,
    "metadata": metadata,
    "name": required(text),
    "statement_descriptor": text,
    "tax_code": text,
    "unit_label": text,
}
_CREATE: Fields = {
    **OF_A_PRODUCT,
    "active": flag,
    "billing_scheme": choice("per_unit", "tiered"),
    "lookup_key": text,
    "nickname": text,
    "product": text,
    "product_data": nested(_PRODUCT_DATA),
    "recurring": nested({
        **RECURRING,
        "aggregate_usage": text,
        "meter": text,
        "trial_period_days": integer(1),
        "usage_type": choice("licensed", "metered"),
    }),
    "tiers": TIERS,
    "tiers_mode": choice("graduated", "volume"),
    "transfer_lookup_key": flag,
    "transform_quantity": nested({"divide_by": required(integer(1)), "round": required(choice("down", "up"))}),
}
_UPDATE: Fields = {
    "active": flag,
    "currency_options": clearable(CURRENCY_OPTIONS),
    "lookup_key": clearable(text),
    "metadata": metadata,
    "nickname": clearable(text),
    "tax_behavior": TAX_BEHAVIOR,
    "transfer_lookup_key": flag,
}
_LIST: Fields = {
    **PAGE,
    **CREATED,
    "active": flag,
    "currency": currency,
    "lookup_keys": many(text, 10),
    "product": text,
    "recurring": nested({"interval": choice(*INTERVALS), "meter": text, "usage_type": choice("licensed", "metered")}),
    "type": choice("one_time", "recurring"),
}
_SEARCHED = ("active", "currency", "lookup_key", "metadata", "product", "type")


@ROUTES.post(_URL, _CREATE)
def create(world: World, params: Params) -> JsonObject:
    """Create a price of a product, which may be new too."""
    if "product" in params and "product_data" in params:
        raise exclusive("product", "product_data")
    if "product_data" in params:
        return made(world, {**params, "product": new_product(world, params["product_data"])["id"]})
    if "product" not in params:
        message = "You must specify either `product` or `product_data` when creating a price."
        raise invalid(message, "product", "parameter_missing")
    return made(world, params)


@ROUTES.get(f"{_URL}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return a price."""
    return world.get("price", params["id"])


@ROUTES.post(f"{_URL}/{{id}}", _UPDATE)
def update(world: World, params: Params) -> JsonObject:
    """Change a price, but never what it costs: for that there is a new one."""
    price = world.get("price", params["id"])
    after = _given(world, price, params)
    with world.changing(price, "price.updated"):
        if "lookup_key" in params:
            take_lookup_key(world, price, params["lookup_key"], transfer=params.get("transfer_lookup_key", False))
        price.update(after)
    return price


@ROUTES.get(_URL, _LIST)
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of prices."""
    alike = same(params, "active", "currency", "product", "type")
    keys, rhythm = params.get("lookup_keys"), params.get("recurring", {})

    def keep(price: JsonObject) -> bool:
        recurs = price["recurring"] or {}
        named = keys is None or price["lookup_key"] in keys
        return alike(price) and named and all(recurs.get(name) == value for name, value in rhythm.items())

    return page(world, "price", _URL, params, keep)


@ROUTES.get(f"{_URL}/search", SEARCH)
def find(world: World, params: Params) -> JsonObject:
    """Return the prices that a query finds."""
    return search(world, "price", f"{_URL}/search", params, _SEARCHED)


def _given(world: World, price: JsonObject, params: Params) -> JsonObject:
    """Return the members that a request sets."""
    after: JsonObject = {name: params[name] for name in ("active", "nickname", "tax_behavior") if name in params}
    if params.get("active") is False and world.table("product")[price["product"]]["default_price"] == price["id"]:
        message = "This price cannot be archived because it is the default price of its product."
        raise invalid(message, "active")
    if (
        price["tax_behavior"] != params.get("tax_behavior", price["tax_behavior"])
        and price["tax_behavior"] != "unspecified"
    ):
        raise invalid("`tax_behavior` cannot be changed once it is set.", "tax_behavior")
    if "metadata" in params:
        after["metadata"] = merged(price["metadata"], params["metadata"])
    if "currency_options" in params:
        own = {price["currency"]: price["currency_options"][price["currency"]]}
        after["currency_options"] = {**own, **options(params["currency_options"] or {})}
    return after
