"""Checkout customers: whose session it is, and what it says about them.

Source: https://docs.stripe.com/payments/existing-customers and /payments/checkout/guest-customers.
"""

from billing_adapters.simulator import customers
from billing_adapters.simulator.params import Params
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.world import World

__all__ = ["described", "owner_of"]


def described(world: World, customer_id: str | None, email: str | None, details: Params | None = None) -> JsonObject | None:
    """Return what is known about the customer of a session, or None if nothing is."""
    known = world.get("customer", customer_id, "customer") if customer_id else {}
    given = {"email": email, **(details or {})}
    if not known and not any(given.values()):
        return None
    return {
        "address": known.get("address"),
        "business_name": known.get("business_name"),
        "email": given["email"] or known.get("email"),
        "individual_name": known.get("individual_name"),
        "name": given.get("name") or known.get("name"),
        "phone": known.get("phone"),
        "tax_exempt": known.get("tax_exempt", "none"),
        "tax_ids": [] if details is not None else None,
    }


def owner_of(world: World, session: JsonObject, asked: Params, details: Params) -> str | None:
    """Return the customer, who may be created by the first attempt, which is noted in `asked`; None is a guest."""
    owner: str | None = session["customer"] or asked.get("new customer")
    if owner:
        _note_email(world, owner, details)
    if owner or (session["mode"] != "subscription" and session["customer_creation"] != "always"):
        return owner
    customer = customers.create(world, dict(details))
    asked["new customer"] = customer["id"]
    return str(customer["id"])


def _note_email(world: World, owner: str, details: Params) -> None:
    """Let a customer of whom no email was known have the one that was entered."""
    customer = world.get("customer", owner, "customer")
    if not customer["email"] and "email" in details:
        with world.changing(customer, "customer.updated"):
            customer["email"] = details["email"]
