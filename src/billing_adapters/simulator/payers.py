"""Payers: whose subscription an invoice is of, and with what it is paid.

Source: https://docs.stripe.com/billing/subscriptions/payment-methods-setting#payment-method-priority.
"""

from billing_adapters.simulator.methods import used_by
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import invalid
from billing_adapters.simulator.world import World

__all__ = ["default_given", "method_of", "method_of_subscription", "subscription_of"]


def subscription_of(world: World, invoice: JsonObject) -> JsonObject | None:
    """Return the subscription that an invoice is of, or None."""
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return world.table("subscription").get(details.get("subscription", ""))


def method_of(world: World, invoice: JsonObject) -> JsonObject | None:
    """Return with what an invoice is paid: what it says itself, else its subscription, else its customer.

    Raises:
        Refused: The customer is deleted.
    """
    subscription = subscription_of(world, invoice)
    said: str | None = invoice["default_payment_method"]
    if said is None and subscription is not None:
        said = subscription["default_payment_method"]
    return _method(world, said, invoice["customer"])


def method_of_subscription(world: World, subscription: JsonObject) -> JsonObject | None:
    """Return with what the invoices of a subscription are paid."""
    return _method(world, subscription["default_payment_method"], subscription["customer"])


def _method(world: World, said: str | None, customer_id: str) -> JsonObject | None:
    customer = world.get("customer", customer_id, "customer")
    named = said or customer["invoice_settings"]["default_payment_method"] or customer["default_source"]
    return world.table("payment_method").get(named) if named else None


def default_given(world: World, name: str, customer_id: str) -> str:
    """Return the id of the payment method that a request makes the default of a subscription.

    Raises:
        Refused: There is none, or it is not attached to the customer.
    """
    method = used_by(world, name, customer_id, "default_payment_method")
    if method["customer"] is None:
        message = (
            f"The customer does not have a payment method with the ID {name}. The payment method must be attached to the "
            "customer."
        )
        raise invalid(message, "default_payment_method", "resource_missing")
    return str(method["id"])
