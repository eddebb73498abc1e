"""Invoice payments: which payment intent pays which invoice. Source: https://docs.stripe.com/api/invoice-payment."""

from typing import Any

from billing_adapters.simulator import intents
from billing_adapters.simulator.listing import CREATED, PAGE, inline, page, same
from billing_adapters.simulator.params import Params, choice, nested, required, text
from billing_adapters.simulator.payers import method_of
from billing_adapters.simulator.presenting import JsonObject, asked_only
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.world import World

__all__ = ["ROUTES", "intent_of", "payment_by", "payments_of", "request_payment", "withdraw_payment"]

ROUTES = Routes()

_PAYMENT = nested({"payment_intent": text, "type": required(choice("payment_intent", "charge")), "charge": text})


@ROUTES.get("/v1/invoice_payments", {**PAGE, **CREATED, "invoice": text, "payment": _PAYMENT, "status": text})
def list_payments(world: World, params: Params) -> JsonObject:
    """Return a page of the payments of invoices."""
    alike, named = same(params, "invoice", "status"), params.get("payment", {}).get("payment_intent")

    def keep(one: JsonObject) -> bool:
        return alike(one) and (named is None or one["payment"]["payment_intent"] == named)

    return page(world, "invoice_payment", "/v1/invoice_payments", params, keep)


@ROUTES.get("/v1/invoice_payments/{id}")
def retrieve_payment(world: World, params: Params) -> JsonObject:
    """Return a payment of an invoice."""
    return world.get("invoice_payment", params["id"])


def payments_of(world: World, invoice: JsonObject) -> list[JsonObject]:
    """Return the payments of an invoice."""
    return [one for one in world.table("invoice_payment").values() if one["invoice"] == invoice["id"]]


def intent_of(world: World, invoice: JsonObject) -> JsonObject:
    """Return the payment intent with which an open invoice is paid."""
    payment = next(one for one in payments_of(world, invoice) if one["is_default"])
    found: JsonObject = world.table("payment_intent")[payment["payment"]["payment_intent"]]
    return found


def request_payment(world: World, invoice: JsonObject) -> None:
    """Open the payment intent with which an invoice is paid."""
    created = invoice["billing_reason"] == "subscription_create"
    members: JsonObject = {
        "amount": invoice["amount_due"],
        "capture_method": "automatic",
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "description": "Subscription creation" if created else "Subscription update" if invoice["parent"] else None,
        "payment_method": (method_of(world, invoice) or {}).get("id"),
        "setup_future_usage": "off_session" if invoice["parent"] else None,
    }
    intent = intents.opened(world, members)
    world.add(
        world.new(
            "invoice_payment",
            "inpay",
            {
                "amount_paid": None,
                "amount_requested": invoice["amount_due"],
                "currency": invoice["currency"],
                "invoice": invoice["id"],
                "is_default": True,
                "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
                "status": "open",
                "status_transitions": {"canceled_at": None, "paid_at": None},
            },
        )
    )


def withdraw_payment(world: World, invoice: JsonObject) -> None:
    """Cancel what was asked for to pay an invoice."""
    for payment in payments_of(world, invoice):
        intent = world.table("payment_intent")[payment["payment"]["payment_intent"]]
        if intent["status"] in intents.MAY["canceled"]:
            intents.canceled(world, intent, "void_invoice")
        payment.update(status="canceled", status_transitions={"canceled_at": world.now, "paid_at": None})


def payment_by(world: World, intent_id: Any) -> JsonObject | None:  # noqa: ANN401 - an id, or None
    """Return the payment of an invoice that a payment intent makes, or None."""
    every = world.table("invoice_payment").values()
    return next((one for one in every if intent_id and one["payment"].get("payment_intent") == intent_id), None)


def _secret(world: World, invoice: JsonObject) -> JsonObject | None:
    """Return what a customer's browser needs to pay an invoice that is open."""
    if invoice["status"] not in {"open", "uncollectible", "paid"} or not payments_of(world, invoice):
        return None
    return {"client_secret": intent_of(world, invoice)["client_secret"], "type": "payment_intent"}


asked_only("invoice", "confirmation_secret", _secret)
asked_only(
    "invoice",
    "payments",
    lambda world, invoice: inline(payments_of(world, invoice), f"/v1/invoice_payments?invoice={invoice['id']}"),
)
