"""The page of the customer portal: what a customer has, and the way back."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from billing_adapters.simulator import html
from billing_adapters.simulator.currencies import written
from billing_adapters.simulator.exchange import Answer
from billing_adapters.simulator.portal import KIND
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.world import World

__all__ = ["answer"]


def answer(world: World, session_id: str, method: str, form: Mapping[str, str]) -> Answer:
    """Show the page; nothing can be sent from there."""
    del method, form
    session = world.table(KIND).get(session_id)
    customer = world.find("customer", session["customer"]) if session else None
    if session is None or customer is None:
        return html.shown("Nothing here", [html.paragraph("There is no such session.")], 404)
    named = customer["name"] or customer["email"] or customer["id"]
    parts = [
        html.paragraph(f"Signed in as {named}"),
        html.listed("Subscriptions", _subscriptions(world, customer), "None."),
        html.listed("Payment methods", _methods(world, customer), "None."),
        html.listed("Invoices", _invoices(world, customer), "None."),
    ]
    if session["return_url"]:
        parts.append(html.link("Return to the shop", session["return_url"]))
    return html.shown("Your account", parts)


def _of(world: World, kind: str, customer: JsonObject) -> Iterator[JsonObject]:
    return (one for one in world.rows(kind) if one["customer"] == customer["id"])


def _methods(world: World, customer: JsonObject) -> Iterator[str]:
    for method in _of(world, "payment_method", customer):
        card = method["card"]
        yield f"{card['brand']} ending in {card['last4']}, until {card['exp_month']:02}/{card['exp_year']}"


def _invoices(world: World, customer: JsonObject) -> Iterator[str]:
    for invoice in _of(world, "invoice", customer):
        total = written(invoice["total"], invoice["currency"])
        yield f"{invoice['number'] or 'Draft'} of {_day(invoice['created'])}: {total}, {invoice['status']}"


def _subscriptions(world: World, customer: JsonObject) -> Iterator[str]:
    for subscription in _of(world, "subscription", customer):
        products = [_product(world, item["price"]) for item in subscription["items"]["data"]]
        yield f"{', '.join(products)}: {subscription['status']}"


def _product(world: World, price: JsonObject) -> str:
    product = world.find("product", price["product"])
    return str(product["name"]) if product else str(price["product"])


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
