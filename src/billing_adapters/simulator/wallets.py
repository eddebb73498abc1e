"""Wallets: the payment methods of a customer, as customers' own parameters name them."""

from billing_adapters.simulator import customers
from billing_adapters.simulator.methods import attach, card_of, check_attachable, named
from billing_adapters.simulator.params import Params, flag, metadata, required, text
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import invalid
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.world import World

__all__ = ["ROUTES", "legacy_card"]

ROUTES = Routes()

_SETTING = "invoice_settings[default_payment_method]"


def _keep(world: World, customer: JsonObject, params: Params) -> customers.Effect:
    """Do what `payment_method`, `source` and the default payment method of a customer ask for."""
    method = _wanted(world, customer, params, "payment_method")
    source = _wanted(world, customer, params, "source")
    settings = params.get("invoice_settings", {})
    default = settings.get("default_payment_method")
    given = {params[param]: one["id"] for param, one in (("payment_method", method), ("source", source)) if one}
    if default in given:  # `pm_card_visa`, twice in one request, is one method
        settings["default_payment_method"] = given[default]
    elif default:
        _check_default(world, customer, default)

    def keep() -> None:
        if method:
            attach(world, method, customer)
        if source:
            attach(world, source, customer)
            customer["default_source"] = source["id"]
            world.emit("customer.source.created", legacy_card(world, source))

    return keep


def _wanted(world: World, customer: JsonObject, params: Params, param: str) -> JsonObject | None:
    if param not in params:
        return None
    method = named(world, params[param], param)
    check_attachable(world, method, customer)
    return method


def _check_default(world: World, customer: JsonObject, default: str) -> None:
    if named(world, default, _SETTING)["customer"] != customer["id"]:
        message = (
            f"The customer does not have a payment method with the ID {default}. The payment method must be attached to "
            "the customer."
        )
        raise invalid(message, _SETTING, "resource_missing")


def _let_go(world: World, customer: JsonObject) -> None:
    for method in world.table("payment_method").values():
        if method["customer"] == customer["id"]:
            method["customer"] = None


@ROUTES.post("/v1/customers/{customer}/sources", {"source": required(text), "metadata": metadata, "validate": flag})
def add_source(world: World, params: Params) -> JsonObject:
    """Keep the card of a token for a customer, as older integrations do; the first one is the default."""
    customer = world.get("customer", params["customer"])
    method = attach(world, named(world, params["source"], "source"), customer)
    card = legacy_card(world, method)
    with world.changing(customer, "customer.updated"):
        world.emit("customer.source.created", card)
        customer["default_source"] = customer["default_source"] or method["id"]
    return card


customers.ON_CHANGE.append(_keep)
customers.ON_DELETE.append(_let_go)


def legacy_card(world: World, method: JsonObject) -> JsonObject:
    """Return a payment method as the card that older integrations read."""
    card, kept = card_of(world, method), method["card"]
    address = method["billing_details"]["address"]
    return {
        "id": method["id"],
        "object": "card",
        "address_city": address["city"],
        "address_country": address["country"],
        "address_line1": address["line1"],
        "address_line1_check": None,
        "address_line2": address["line2"],
        "address_state": address["state"],
        "address_zip": address["postal_code"],
        "address_zip_check": None,
        "brand": card.brand.title(),
        "country": card.country,
        "customer": method["customer"],
        "cvc_check": "pass",
        "dynamic_last4": None,
        "exp_month": kept["exp_month"],
        "exp_year": kept["exp_year"],
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "last4": card.last4,
        "metadata": {},
        "name": method["billing_details"]["name"],
        "tokenization_method": None,
    }
