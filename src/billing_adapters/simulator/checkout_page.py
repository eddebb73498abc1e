"""The page of a Checkout Session: what is sold, a form for a card, and the bank that asks whether it is really you."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from billing_adapters.simulator import html
from billing_adapters.simulator.checkout_items import items_of
from billing_adapters.simulator.checkout_paying import (
    KIND,
    Payer,
    authenticate,
    pay,
    return_url,
    use_code,
    waits_for,
    wants_card,
)
from billing_adapters.simulator.currencies import written
from billing_adapters.simulator.exchange import Answer
from billing_adapters.simulator.params import Params
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import Refused, card_declined
from billing_adapters.simulator.world import World

__all__ = ["answer", "card_of"]

Form = Mapping[str, str]

_EXPIRY = re.compile(r"\s*(0?[1-9]|1[0-2])\s*/\s*(?:20)?([0-9]{2})\s*")
_CVC = re.compile(r"[0-9]{3,4}")
_OVER = {
    "complete": "You have paid already. There is nothing left to do here.",
    "expired": "This session has expired. Please go back to the shop and begin anew.",
}
_TITLES = {"payment": "Pay", "setup": "Save a card", "subscription": "Subscribe"}

_ASKED: Mapping[str, tuple[str, Mapping[str, str]]] = MappingProxyType({
    "email": ("Email", {"type": "email", "autocomplete": "email"}),
    "number": ("Card number", {"inputmode": "numeric", "autocomplete": "cc-number"}),
    "expiry": ("Expiry (MM / YY)", {"autocomplete": "cc-exp", "placeholder": "12 / 34"}),
    "cvc": ("Security code (CVC)", {"inputmode": "numeric", "autocomplete": "cc-csc"}),
    "name": ("Name on the card", {"autocomplete": "cc-name"}),
    "promotion_code": ("Promotion code (optional)", {}),
})
_KEPT = {"email", "name", "promotion_code"}  # nothing of a card is written into a page
# Where to put right what was refused; what says nothing of it, such as a decline, is about the card.
_FIELD_OF = {
    "cvc": "cvc",
    "discounts": "promotion_code",
    "email": "email",
    "exp_month": "expiry",
    "exp_year": "expiry",
    "promotion_code": "promotion_code",
}


def answer(world: World, session_id: str, method: str, form: Form) -> Answer:
    """Answer whoever looks at the page of a session, or sends a form from there."""
    session = world.table(KIND).get(session_id)
    if session is None:
        return html.shown("Nothing here", [html.paragraph("There is no such session.")], 404)
    if session["status"] != "open":
        return html.shown("Checkout", [html.paragraph(_OVER[session["status"]])])
    if method != "POST":
        return _shown(world, session)
    try:
        _do(world, session, form)
    except Refused as refused:
        return _shown(world, session, form, refused)
    if session["status"] == "complete":
        return _sent_to(return_url(session))
    return _sent_to(session["url"])


def card_of(form: Form) -> Params:
    """Return the card that a form describes.

    Raises:
        Refused: Something is missing, or cannot be.
    """
    number, expiry, cvc = (form.get(name, "") for name in ("number", "expiry", "cvc"))
    if not number.strip():
        raise card_declined("Your card number is incomplete.", "incomplete_number", param="number")
    date = _EXPIRY.fullmatch(expiry)
    if not date:
        raise card_declined("Your card's expiration date is incomplete.", "incomplete_expiry", param="exp_month")
    if not _CVC.fullmatch(cvc.strip()):
        raise card_declined("Your card's security code is incomplete.", "incomplete_cvc", param="cvc")
    return {"number": number, "exp_month": int(date[1]), "exp_year": 2000 + int(date[2]), "cvc": cvc.strip()}


def _do(world: World, session: JsonObject, form: Form) -> None:
    action = form.get("action", "pay")
    if action in {"complete", "fail"}:
        authenticate(world, session, succeeded=action == "complete")
        return
    code = form.get("promotion_code", "").strip()
    if code:
        use_code(world, session, code)
    if action == "apply":
        return
    email = form.get("email", "").strip()
    if not email and _wants_email(session):
        raise card_declined("Please say where the receipt goes.", "incomplete_email", param="email")
    card = card_of(form) if wants_card(session) else {}
    pay(world, session, Payer(card, email or None, form.get("name", "").strip() or None))


def _sent_to(address: str) -> Answer:
    return Answer(303, {"Location": address}, b"")


# What is shown ------------------------------------------------------------------------------------------------------------


def _shown(world: World, session: JsonObject, form: Form | None = None, refused: Refused | None = None) -> Answer:
    problem = [html.warning(str(refused))] if refused else []
    status = refused.status if refused else 200
    if waits_for(world, session):
        return html.shown("Is it really you?", [*problem, *_question()], status)
    parts = [*problem, *_sold(world, session), html.form(_fields(session, form or {}, refused))]
    if session["cancel_url"]:
        parts.append(html.link("Cancel and go back", session["cancel_url"]))
    return html.shown(_TITLES[session["mode"]], parts, status)


def _question() -> list[str]:
    return [
        html.paragraph("Your bank wants you to confirm this with 3-D Secure."),
        html.form([html.button("Complete", "complete"), html.button("Fail", "fail")]),
    ]


def _sold(world: World, session: JsonObject) -> list[str]:
    if session["mode"] == "setup":
        return [html.paragraph("Nothing is charged today.")]
    code = session["currency"]
    rows = [
        {
            "Item": item["description"],
            "Quantity": "as used" if item["quantity"] is None else str(item["quantity"]),
            "Amount": written(item["amount_subtotal"], code) + _rhythm(item["price"]),
        }
        for item in items_of(world, session)
    ]
    discount = session["total_details"]["amount_discount"]
    off = [html.paragraph(f"Discount: {written(discount, code)}")] if discount else []
    return [html.table("What you buy", rows), *off, html.paragraph(f"Due today: {written(session['amount_total'], code)}")]


def _rhythm(price: JsonObject) -> str:
    recurring = price["recurring"]
    if not recurring:
        return ""
    count = recurring["interval_count"]
    return f" every {recurring['interval']}" if count == 1 else f" every {count} {recurring['interval']}s"


def _fields(session: JsonObject, form: Form, refused: Refused | None) -> list[str]:
    asked = ["email"] if _wants_email(session) else []
    asked += ["number", "expiry", "cvc", "name"] if wants_card(session) else []
    asked += ["promotion_code"] if session["allow_promotion_codes"] else []
    wrong = _FIELD_OF.get(refused.error.get("param", ""), "number") if refused else None
    buttons = [html.button(_TITLES[session["mode"]], "pay")]
    if session["allow_promotion_codes"]:
        buttons.append(html.button("Apply the code", "apply"))
    return [*(_field(name, form, wrong=name == wrong) for name in asked), *buttons]


def _field(name: str, form: Form, *, wrong: bool) -> str:
    label, attributes = _ASKED[name]
    return html.field(name, label, form.get(name, "") if name in _KEPT else "", wrong=wrong, **attributes)


def _wants_email(session: JsonObject) -> bool:
    return not (session["customer_details"] or {}).get("email")
