"""Refunds: money that goes back to a card. Source: https://docs.stripe.com/api/refunds."""

from typing import Any

from billing_adapters.simulator.balance import booked
from billing_adapters.simulator.cards import RefundOutcome
from billing_adapters.simulator.currencies import written
from billing_adapters.simulator.expanding import EXPANDABLE
from billing_adapters.simulator.listing import CREATED, PAGE, inline, page, same
from billing_adapters.simulator.methods import card_of
from billing_adapters.simulator.params import Fields, Params, choice, flag, integer, merged, metadata, text
from billing_adapters.simulator.presenting import JsonObject, asked_only
from billing_adapters.simulator.refusals import exclusive, invalid
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.world import World

__all__ = ["ROUTES", "settle"]

ROUTES = Routes()
_URL = "/v1/refunds"
_KIND = "refund"
_LATER_SECONDS = 3600

EXPANDABLE["charge"] = "charge"

_CREATE: Fields = {
    "amount": integer(1),
    "charge": text,
    "instructions_email": text,
    "metadata": metadata,
    "payment_intent": text,
    "reason": choice("duplicate", "fraudulent", "requested_by_customer"),
    "refund_application_fee": flag,
    "reverse_transfer": flag,
}
_LIST: Fields = {**PAGE, **CREATED, "charge": text, "payment_intent": text}


def _of_charge(world: World, charge: JsonObject) -> JsonObject:
    """Return the refunds of a charge, as a member of it."""
    rows = (one for one in world.rows(_KIND) if one["charge"] == charge["id"])
    return inline(rows, f"/v1/charges/{charge['id']}/refunds")


asked_only("charge", "refunds", _of_charge)


@ROUTES.post(_URL, _CREATE)
def create(world: World, params: Params) -> JsonObject:
    """Give back what a charge took, or a part of it."""
    charge = _charge(world, params)
    amount = _amount(world, charge, params)
    refund = world.add(_made(world, charge, amount, params))
    with world.changing(charge, "charge.refunded"):
        refunded = charge["amount_refunded"] + amount
        charge.update(amount_refunded=refunded, refunded=refunded == charge["amount"])
    world.emit("refund.created", refund)
    outcome = _outcome(world, charge)
    if outcome != RefundOutcome.SUCCEEDS:
        status = "succeeded" if outcome == RefundOutcome.LATER else "failed"
        world.schedule(world.now + _LATER_SECONDS, lambda later: _settle_later(later, refund, status))
    return refund


@ROUTES.get(f"{_URL}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return a refund."""
    return world.get(_KIND, params["id"])


@ROUTES.post(f"{_URL}/{{id}}", {"metadata": metadata})
def update(world: World, params: Params) -> JsonObject:
    """Change the metadata of a refund."""
    refund = world.get(_KIND, params["id"])
    after = merged(refund["metadata"], params["metadata"]) if "metadata" in params else refund["metadata"]
    with world.changing(refund, "refund.updated"):
        refund["metadata"] = after
    world.emit("charge.refund.updated", refund)
    return refund


@ROUTES.get(_URL, _LIST)
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of refunds."""
    return page(world, _KIND, _URL, params, same(params, "charge", "payment_intent"))


@ROUTES.get("/v1/charges/{charge}/refunds", PAGE)
def list_of_charge(world: World, params: Params) -> JsonObject:
    """Return a page of the refunds of a charge."""
    charge = world.get("charge", params["charge"])
    return page(world, _KIND, f"/v1/charges/{charge['id']}/refunds", params, same(params, "charge"))


def settle(world: World, refund: JsonObject, status: str) -> None:
    """Let a refund succeed that was pending, or fail: what failed is with the merchant again.

    Raises:
        Refused: It has failed already.
    """
    if refund["status"] == "failed":
        raise invalid(f"Refund {refund['id']} has failed already.")
    with world.changing(refund, "refund.updated"):
        refund.update(status=status, pending_reason=None)
        if status == "failed":
            _take_back(world, refund)
    if status == "failed":
        world.emit("refund.failed", refund)
    world.emit("charge.refund.updated", refund)


def _settle_later(world: World, refund: JsonObject, status: str) -> None:
    if refund["status"] != "failed":
        settle(world, refund, status)


def _take_back(world: World, refund: JsonObject) -> None:
    charge = world.table("charge")[refund["charge"]]
    charge.update(amount_refunded=charge["amount_refunded"] - refund["amount"], refunded=False)
    booking = booked(world, "refund_failure", refund, refund["amount"])
    refund.update(failure_reason="unknown", failure_balance_transaction=booking["id"])


def _charge(world: World, params: Params) -> JsonObject:
    """Return the charge that a request means."""
    if "charge" in params and "payment_intent" in params:
        raise exclusive("charge", "payment_intent")
    if "charge" in params:
        return world.get("charge", params["charge"], "charge")
    if "payment_intent" not in params:
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    intent = world.get("payment_intent", params["payment_intent"], "payment_intent")
    charge = world.find("charge", intent["latest_charge"]) if intent["latest_charge"] else None
    if charge is None or not charge["captured"]:
        raise invalid(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.", "payment_intent")
    return charge


def _amount(world: World, charge: JsonObject, params: Params) -> int:
    """Return how much goes back.

    Raises:
        Refused: There is not so much left, or the charge brought nothing.
    """
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise invalid(
            f"Charge {charge['id']} has not been captured; there is nothing to refund.", code="charge_not_refundable"
        )
    if any(one["charge"] == charge["id"] and not one["is_charge_refundable"] for one in world.table("dispute").values()):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise invalid(message, code="charge_disputed")
    left = charge["amount"] - charge["amount_refunded"]
    if not left:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    amount: int = params.get("amount", left)
    if amount > left:
        whole = "unrefunded amount on charge" if charge["amount_refunded"] else "charge amount"
        currency = charge["currency"]
        message = f"Refund amount ({written(amount, currency)}) is greater than {whole} ({written(left, currency)})"
        raise invalid(message, "amount")
    return amount


def _outcome(world: World, charge: JsonObject) -> RefundOutcome:
    return card_of(world, world.table("payment_method")[charge["payment_method"]]).refund


def _made(world: World, charge: JsonObject, amount: int, params: Params) -> JsonObject:
    pending = _outcome(world, charge) == RefundOutcome.LATER
    refund: dict[str, Any] = {
        "id": world.new_id("re"),
        "object": _KIND,
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {"card": {"type": "pending" if pending else "refund"}, "type": "card"},
        "metadata": merged({}, params.get("metadata", {})),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "pending_reason": "processing" if pending else None,
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if pending else "succeeded",
        "transfer_reversal": None,
    }
    refund["balance_transaction"] = booked(world, "refund", refund, -amount)["id"]
    return refund
