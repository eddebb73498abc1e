"""Checkout paying: what a customer does in a session, and how it ends.

Source: https://docs.stripe.com/payments/checkout/how-checkout-works.
"""

from attrs import field, frozen

from billing_adapters.simulator import intents, setups
from billing_adapters.simulator.cards import Decline
from billing_adapters.simulator.charging import Presence
from billing_adapters.simulator.checkout_customers import described, owner_of
from billing_adapters.simulator.checkout_discounts import apply, by_code, usable
from billing_adapters.simulator.checkout_items import items_of
from billing_adapters.simulator.checkout_subscribing import began, first_intent, given_up, paid_with
from billing_adapters.simulator.discounts import redeemed
from billing_adapters.simulator.intents import attempted, canceled, opened, refusal
from billing_adapters.simulator.methods import attach, made, used_by
from billing_adapters.simulator.params import Params, merged
from billing_adapters.simulator.payments import shipped
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import card_declined, invalid
from billing_adapters.simulator.world import World

__all__ = [
    "KIND",
    "Payer",
    "authenticate",
    "expire",
    "pay",
    "remember",
    "return_url",
    "settle",
    "use_code",
    "waits_for",
    "wants_card",
]

KIND = "checkout.session"
_ASKED, _SESSIONS = "parameters of checkout sessions", "checkout sessions of intents"


@frozen
class Payer:
    """Who pays, and with which card: as parameters describe one, or a payment method by its name."""

    card: Params = field(factory=dict, repr=False)
    email: str | None = None
    name: str | None = None
    method: str | None = None


def remember(world: World, session: JsonObject, params: Params, discount: JsonObject | None) -> None:
    """Keep what a session was asked for beyond what it says, and let it expire."""
    world.table(_ASKED)[session["id"]] = {**params, "discount": discount}
    world.schedule(session["expires_at"], lambda later: _expire_if_open(later, session))


def use_code(world: World, session: JsonObject, code: str) -> None:
    """Take what a promotion code promises off a session.

    Raises:
        Refused: There is no such code, or it is not for this.
    """
    check_open(session)
    if not session["allow_promotion_codes"]:
        raise invalid("This Checkout Session takes no promotion codes.", "promotion_code")
    given = {"promotion_code": by_code(world, code)["id"]}
    discount = usable(world, given, session["customer"], session["currency"], session["amount_subtotal"])
    _withdraw(world, session)
    apply(world, session, items_of(world, session), discount)
    session["discounts"] = [{"coupon": None, **given}]
    world.table(_ASKED)[session["id"]]["discount"] = discount


def pay(world: World, session: JsonObject, payer: Payer) -> None:
    """Pay, subscribe, or keep a card; afterwards the session is complete, or its intent requires action.

    Raises:
        Refused: The card is declined, and the session stays open.
    """
    check_open(session)
    known = session["customer_details"] or {}
    given = {"email": known.get("email") or payer.email, "name": payer.name or known.get("name")}
    details = {name: value for name, value in given.items() if value}
    asked = world.table(_ASKED)[session["id"]]
    asked["payer"] = details
    owner = owner_of(world, session, asked, details)
    if not wants_card(session):
        _complete(world, session, owner)
        return
    if payer.method:
        method = used_by(world, payer.method, owner)
    else:
        method = made(world, {"type": "card", "card": payer.card, "billing_details": details})
    _DO[session["mode"]](world, session, method, owner)


def wants_card(session: JsonObject) -> bool:
    """Say whether a card is needed: to pay, or to keep it for later."""
    optional = session["mode"] == "payment" or session["payment_method_collection"] == "if_required"
    return session["mode"] == "setup" or bool(session["amount_total"]) or not optional


def check_open(session: JsonObject) -> None:
    """Make sure that a session is open.

    Raises:
        Refused: It is not.
    """
    if session["status"] != "open":
        raise invalid(f"This Checkout Session is {session['status']}.")


def waits_for(world: World, session: JsonObject) -> JsonObject | None:
    """Return the intent of an open session that waits for its owner's authentication, or None."""
    intent = _intent(world, session)
    return intent if session["status"] == "open" and intent and intent["status"] == "requires_action" else None


def authenticate(world: World, session: JsonObject, *, succeeded: bool) -> None:
    """Let the owner of a card confirm what a session waits for, or not.

    Raises:
        Refused: The session waits for nothing, or the card is declined after all, and the session stays open.
    """
    intent = waits_for(world, session)
    if intent is None:
        raise invalid("This Checkout Session does not wait for authentication.")
    if intent["object"] == "setup_intent":
        setups.authenticated(world, intent, succeeded=succeeded)
        error = intent["last_setup_error"]
        if error:
            raise card_declined(error["message"], error["code"], error.get("decline_code"))
    else:
        why = intents.authenticated(world, intent, succeeded=succeeded)
        if why:
            raise refusal(intent, why)
    settle(world, intent)


def settle(world: World, intent: JsonObject) -> None:
    """Complete the session of an intent, if it has one and is paid."""
    session_id = world.table(_SESSIONS).get(intent["id"], {}).get("session")
    if not session_id or intent["status"] not in {"succeeded", "requires_capture"}:
        return
    _complete(world, world.get(KIND, session_id), intent["customer"], intent["payment_method"])


def return_url(session: JsonObject) -> str:
    """Return where a customer goes who has paid."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def expire(world: World, session: JsonObject) -> None:
    """End a session that is open, and what was begun in it."""
    session.update(status="expired", url=None)
    _withdraw(world, session)
    world.emit("checkout.session.expired", session)


# Inside -------------------------------------------------------------------------------------------------------------------


def _expire_if_open(world: World, session: JsonObject) -> None:
    if session["status"] == "open":
        expire(world, session)


def _withdraw(world: World, session: JsonObject) -> None:
    """End what was begun in a session and not paid, because that will not happen, or not at this price."""
    subscription, intent = _subscription(world, session), _intent(world, session)
    if subscription:
        given_up(world, subscription)
    elif intent and intent["object"] == "payment_intent":
        canceled(world, intent, "automatic")
    elif intent:
        setups.cancel(world, {"id": intent["id"]})
    for name in ("subscription", "intent"):
        world.table(_ASKED)[session["id"]].pop(name, None)


def _intent(world: World, session: JsonObject) -> JsonObject | None:
    named = world.table(_ASKED)[session["id"]].get("intent")
    return world.get(named["kind"], named["id"]) if named else None


def _subscription(world: World, session: JsonObject) -> JsonObject | None:
    named = world.table(_ASKED)[session["id"]].get("subscription")
    return world.get("subscription", named) if named else None


def _pay_once(world: World, session: JsonObject, method: JsonObject, owner: str | None) -> None:
    intent = _intent(world, session) or _opened(world, session, owner)
    why: Decline | None = attempted(world, intent, method, Presence.HERE)
    if why:
        raise refusal(intent, why)
    settle(world, intent)


def _opened(world: World, session: JsonObject, owner: str | None) -> JsonObject:
    data = world.table(_ASKED)[session["id"]].get("payment_intent_data", {})
    members = {"amount": session["amount_total"], "currency": session["currency"], "customer": owner, **data}
    members["metadata"] = merged({}, data.get("metadata", {}))
    members["shipping"] = shipped(data.get("shipping"))
    return _belonging(world, session, opened(world, members))


def _keep(world: World, session: JsonObject, method: JsonObject, owner: str | None) -> None:
    data = world.table(_ASKED)[session["id"]].get("setup_intent_data", {})
    members = {"customer": owner, **data, "metadata": merged({}, data.get("metadata", {}))}
    intent = _intent(world, session) or _belonging(world, session, setups.opened(world, members))
    setups.confirm(world, {"id": intent["id"], "payment_method": method["id"]})
    settle(world, intent)


def _belonging(world: World, session: JsonObject, intent: JsonObject) -> JsonObject:
    if session["mode"] != "subscription":
        session[intent["object"]] = intent["id"]
    world.table(_ASKED)[session["id"]]["intent"] = {"kind": intent["object"], "id": intent["id"]}
    world.table(_SESSIONS)[intent["id"]] = {"session": session["id"]}
    return intent


def _subscribe(world: World, session: JsonObject, method: JsonObject, owner: str | None) -> None:
    """Pay the first invoice; or, if nothing is due today, keep the card and begin afterwards."""
    attach(world, method, world.get("customer", str(owner), "customer"))
    if not session["amount_total"]:
        _keep(world, session, method, owner)
        return
    subscription = _subscription(world, session) or _began(world, session, str(owner), method["id"])
    paid_with(world, subscription, method["id"])
    intent = _intent(world, session) or _belonging(world, session, first_intent(world, subscription))
    why = attempted(world, intent, method, Presence.HERE)
    if why:
        raise refusal(intent, why)
    settle(world, intent)


def _began(world: World, session: JsonObject, owner: str, method_id: str | None) -> JsonObject:
    asked = world.table(_ASKED)[session["id"]]
    subscription = began(world, session, asked.get("subscription_data", {}), owner, method_id)
    asked["subscription"] = subscription["id"]
    return subscription


_DO = {"payment": _pay_once, "setup": _keep, "subscription": _subscribe}


def _complete(world: World, session: JsonObject, owner: str | None, method_id: str | None = None) -> None:
    asked = world.table(_ASKED)[session["id"]]
    if session["mode"] == "subscription":
        subscription = _subscription(world, session) or _began(world, session, str(owner), method_id)
        session.update(subscription=subscription["id"], invoice=subscription["latest_invoice"])
    elif asked["discount"]:
        redeemed(world, asked["discount"], checkout_session=session["id"])
    session.update(status="complete", url=None, customer=owner, payment_status=_payment_status(world, session))
    session["customer_details"] = described(world, owner, session["customer_email"], asked["payer"])
    world.emit("checkout.session.completed", session)


def _payment_status(world: World, session: JsonObject) -> str:
    """Say whether the money is there; what is only authorized is not."""
    if not session["amount_total"]:
        return "no_payment_required"
    intent = _intent(world, session)
    return "unpaid" if intent and intent["status"] == "requires_capture" else "paid"
