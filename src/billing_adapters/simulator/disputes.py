"""Disputes: an owner of a card wants the money back, or the bank only asks. Source: https://docs.stripe.com/api/disputes.

The evidence decides: `winning_evidence` and `losing_evidence` as `uncategorized_text` close a dispute at once.
"""

from typing import Any

from billing_adapters.simulator.balance import booked
from billing_adapters.simulator.expanding import EXPANDABLE
from billing_adapters.simulator.intents import ON_PAID
from billing_adapters.simulator.listing import CREATED, PAGE, page, same
from billing_adapters.simulator.methods import card_of
from billing_adapters.simulator.params import Fields, Params, choice, clearable, flag, merged, metadata, nested, text
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import invalid
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.world import World

__all__ = ["ROUTES", "opened"]

ROUTES = Routes()
_URL = "/v1/disputes"
_KIND = "dispute"
_DUE_SECONDS = 14 * 24 * 3600
_FEE = 1500
_OPEN = ("needs_response", "warning_needs_response", "under_review", "warning_under_review")
_CODES = {"fraudulent": "10.4", "product_not_received": "13.1"}

EXPANDABLE["dispute"] = _KIND

_TEXTS = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name", "customer_purchase_ip",
    "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id",
    "product_description", "receipt", "refund_policy", "refund_policy_disclosure", "refund_refusal_explanation",
    "service_date", "service_documentation", "shipping_address", "shipping_carrier", "shipping_date",
    "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip
_UPDATE: Fields = {
    "evidence": nested({name: clearable(text) for name in _TEXTS}),
    "intended_submission_method": choice("manual", "prefer_manual", "prefer_smart_disputes", "smart_disputes"),
    "metadata": metadata,
    "submit": flag,
}
_LIST: Fields = {**PAGE, **CREATED, "charge": text, "payment_intent": text}
_WINNING, _LOSING = "winning_evidence", "losing_evidence"


@ROUTES.get(f"{_URL}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return a dispute."""
    return world.get(_KIND, params["id"])


@ROUTES.post(f"{_URL}/{{id}}", _UPDATE)
def update(world: World, params: Params) -> JsonObject:
    """Answer a dispute with evidence, which is submitted unless `submit` says that it is only kept."""
    dispute = world.get(_KIND, params["id"])
    after = {"metadata": merged(dispute["metadata"], params["metadata"])} if "metadata" in params else {}
    submits = "evidence" in params and params.get("submit", True)
    if "evidence" in params:
        _check_open(dispute)
        after["evidence"] = {**dispute["evidence"], **params["evidence"]}
        after["evidence_details"] = _evidenced(dispute, submits=submits)
    with world.changing(dispute, "charge.dispute.updated"):
        dispute.update(after)
        if submits:
            dispute["status"] = "warning_under_review" if _is_inquiry(dispute) else "under_review"
    said = dispute["evidence"]["uncategorized_text"]
    if submits and said in {_WINNING, _LOSING}:
        _close(world, dispute, won=said == _WINNING)
    return dispute


@ROUTES.post(f"{_URL}/{{id}}/close")
def close(world: World, params: Params) -> JsonObject:
    """Give a dispute up."""
    dispute = world.get(_KIND, params["id"])
    _check_open(dispute)
    _close(world, dispute, won=False)
    return dispute


@ROUTES.get(_URL, _LIST)
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of disputes."""
    return page(world, _KIND, _URL, params, same(params, "charge", "payment_intent"))


def opened(world: World, charge: JsonObject, reason: str = "fraudulent", *, inquiry: bool = False) -> JsonObject:
    """Dispute a charge: the money is gone at once, unless the bank only asks."""
    dispute = world.add(world.new(_KIND, "du", _members(world, charge, reason, inquiry=inquiry)))
    if not inquiry:
        dispute["balance_transactions"] = [_moved(world, dispute, -dispute["amount"], _FEE)]
    charge.update(disputed=True)
    world.emit("charge.dispute.created", dispute)
    if not inquiry:
        world.emit("charge.dispute.funds_withdrawn", dispute)
    world.schedule(dispute["evidence_details"]["due_by"], lambda later: _miss(later, dispute))
    return dispute


def _open_for_card(world: World, charge: JsonObject) -> None:
    """Dispute a payment whose card is made for it."""
    card = card_of(world, world.table("payment_method")[charge["payment_method"]])
    if card.dispute:
        opened(world, charge, card.dispute, inquiry=card.inquiry)


ON_PAID.append(_open_for_card)


def _miss(world: World, dispute: JsonObject) -> None:
    """Decide what nobody answered in time."""
    if dispute["status"] in {"needs_response", "warning_needs_response"}:
        dispute["evidence_details"] = {**dispute["evidence_details"], "past_due": True}
        _close(world, dispute, won=False)


def _close(world: World, dispute: JsonObject, *, won: bool) -> None:
    if _is_inquiry(dispute):
        dispute.update(status="warning_closed")
    else:
        dispute.update(status="won" if won else "lost")
    if dispute["status"] == "won":
        back = _moved(world, dispute, dispute["amount"], -_FEE)
        dispute["balance_transactions"] = [*dispute["balance_transactions"], back]
        world.emit("charge.dispute.funds_reinstated", dispute)
    dispute["is_charge_refundable"] = dispute["status"] != "lost"
    world.emit("charge.dispute.closed", dispute)


def _moved(world: World, dispute: JsonObject, amount: int, fee: int) -> JsonObject:
    category = "dispute" if amount < 0 else "dispute_reversal"
    return booked(world, "adjustment", dispute, amount, fee=fee, category=category)


def _evidenced(dispute: JsonObject, *, submits: bool) -> JsonObject:
    details = dispute["evidence_details"]
    count = details["submission_count"] + submits
    method = "manual" if count else "not_submitted"
    return {**details, "has_evidence": True, "submission_count": count, "submission_method": method}


def _is_inquiry(dispute: JsonObject) -> bool:
    return str(dispute["status"]).startswith("warning")


def _check_open(dispute: JsonObject) -> None:
    if dispute["status"] not in _OPEN:
        raise invalid(f"This dispute is already closed: its status is {dispute['status']}.")


def _members(world: World, charge: JsonObject, reason: str, *, inquiry: bool) -> JsonObject:
    card: dict[str, Any] = charge["payment_method_details"]["card"]
    code = _CODES.get(reason)
    kind = "inquiry" if inquiry else "chargeback"
    return {
        "amount": charge["amount"] - charge["amount_refunded"],
        "balance_transactions": [],
        "charge": charge["id"],
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_TEXTS), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": world.now + _DUE_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": inquiry,
        "metadata": {},
        "network_reason_code": code,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {"brand": card["brand"], "case_type": kind, "network": card["network"], "network_reason_code": code},
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
