"""Payment methods: cards that can be charged, and kept for a customer. Source: https://docs.stripe.com/api/payment_methods."""

from billing_adapters.simulator.listing import PAGE, page, same
from billing_adapters.simulator.methods import (
    BILLING,
    DATA,
    KIND,
    REDISPLAY,
    attach,
    billed,
    detach,
    existing,
    is_detached,
    made,
    named,
)
from billing_adapters.simulator.params import (
    Fields,
    Params,
    anything,
    choice,
    integer,
    merged,
    metadata,
    nested,
    required,
    text,
)
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import invalid, no_such
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.world import World

__all__ = ["ROUTES"]

ROUTES = Routes()
_URL = "/v1/payment_methods"
_UPDATE: Fields = {
    "allow_redisplay": REDISPLAY,
    "billing_details": nested(BILLING),
    "card": nested({"exp_month": integer(1, 12), "exp_year": integer(0), "networks": anything}),
    "metadata": metadata,
}
_LIST: Fields = {**PAGE, "allow_redisplay": REDISPLAY, "customer": text, "type": choice("card")}


@ROUTES.post(_URL, DATA)
def create(world: World, params: Params) -> JsonObject:
    """Create a payment method, which belongs to nobody yet."""
    return made(world, params)


@ROUTES.get(f"{_URL}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return a payment method; a well-known name is a new one each time."""
    return named(world, params["id"])


@ROUTES.post(f"{_URL}/{{id}}", _UPDATE)
def update(world: World, params: Params) -> JsonObject:
    """Change a payment method."""
    method = existing(world, params["id"], "id")
    after: JsonObject = {"allow_redisplay": params["allow_redisplay"]} if "allow_redisplay" in params else {}
    if "billing_details" in params:
        after["billing_details"] = {**method["billing_details"], **billed(params["billing_details"])}
    if "metadata" in params:
        after["metadata"] = merged(method["metadata"], params["metadata"])
    if "card" in params:
        dates = {name: params["card"][name] for name in ("exp_month", "exp_year") if name in params["card"]}
        after["card"] = {**method["card"], **dates}
    with world.changing(method, "payment_method.updated"):
        method.update(after)
    return method


@ROUTES.post(f"{_URL}/{{id}}/attach", {"customer": required(text)})
def attach_one(world: World, params: Params) -> JsonObject:
    """Keep a payment method for a customer."""
    customer = world.get("customer", params["customer"], "customer")
    return attach(world, named(world, params["id"]), customer)


@ROUTES.post(f"{_URL}/{{id}}/detach")
def detach_one(world: World, params: Params) -> JsonObject:
    """Take a payment method away from its customer, for good."""
    method = existing(world, params["id"], "id")
    if method["customer"] is None:
        raise invalid(
            "The payment method you provided is not attached to a customer so detachment is impossible.", "payment_method"
        )
    detach(world, method)
    return method


@ROUTES.get(_URL, _LIST)
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of the payment methods of a customer; without one, of those that are attached to nobody."""
    owner = params.get("customer")
    if owner is not None:
        world.get("customer", owner, "customer")
    alike = same(params, "allow_redisplay")
    return page(
        world, KIND, _URL, params, lambda one: alike(one) and one["customer"] == owner and not is_detached(world, one)
    )


@ROUTES.get("/v1/customers/{customer}/payment_methods", {**PAGE, "allow_redisplay": REDISPLAY, "type": choice("card")})
def list_of_customer(world: World, params: Params) -> JsonObject:
    """Return a page of the payment methods of a customer."""
    owner = world.get("customer", params["customer"])["id"]
    url = f"/v1/customers/{owner}/payment_methods"
    alike = same(params, "allow_redisplay")
    return page(world, KIND, url, params, lambda one: alike(one) and bool(one["customer"] == owner))


@ROUTES.get("/v1/customers/{customer}/payment_methods/{payment_method}")
def retrieve_of_customer(world: World, params: Params) -> JsonObject:
    """Return a payment method of a customer."""
    method = existing(world, params["payment_method"], "payment_method")
    if method["customer"] != params["customer"]:
        raise no_such("PaymentMethod", params["payment_method"], "payment_method")
    return method
