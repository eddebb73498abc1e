"""Setups: setup intents, which keep a card for later without charging it. Source: https://docs.stripe.com/api/setup_intents."""

from collections.abc import Callable

from billing_adapters.simulator.cards import Decline
from billing_adapters.simulator.charging import Presence, last_error, wants_authentication
from billing_adapters.simulator.expanding import EXPANDABLE
from billing_adapters.simulator.listing import CREATED, PAGE, page, same
from billing_adapters.simulator.methods import DATA, attach, card_of, made, remember_set_up, used_by
from billing_adapters.simulator.params import (
    Fields,
    Params,
    anything,
    choice,
    clearable,
    flag,
    many,
    merged,
    metadata,
    nested,
    required,
    text,
)
from billing_adapters.simulator.payments import METHOD_TYPES_GONE
from billing_adapters.simulator.presenting import JsonObject, presented
from billing_adapters.simulator.refusals import card_declined, exclusive, unexpected_state
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.world import World

__all__ = ["ON_SUCCEEDED", "ROUTES", "authenticated", "opened"]

ROUTES = Routes()
_URL = "/v1/setup_intents"
_KIND = "setup_intent"
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")

EXPANDABLE["setup_intent"] = EXPANDABLE["pending_setup_intent"] = _KIND

ON_SUCCEEDED: list[Callable[[World, JsonObject], None]] = []
"""What other resources do about a card that is kept."""

_FAILED_AUTHENTICATION = Decline(
    "setup_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)

_SHARED: Fields = {
    "allowed_payment_method_types": clearable(many(text)),
    "attach_to_self": flag,
    "customer": text,
    "description": clearable(text),
    "excluded_payment_method_types": clearable(many(text)),
    "metadata": metadata,
    "payment_method": text,
    "payment_method_configuration": text,
    "payment_method_data": nested(DATA),
    "payment_method_options": anything,
    "payment_method_types": METHOD_TYPES_GONE,
}
_CONFIRM: Fields = {
    "mandate_data": anything,
    "payment_method": text,
    "payment_method_data": nested(DATA),
    "payment_method_options": anything,
    "return_url": text,
    "use_stripe_sdk": flag,
}
_CREATE: Fields = {
    **_SHARED,
    **_CONFIRM,
    "automatic_payment_methods": nested({"allow_redirects": choice("always", "never"), "enabled": required(flag)}),
    "confirm": flag,
    "usage": choice("off_session", "on_session"),
}


@ROUTES.post(_URL, _CREATE)
def create(world: World, params: Params) -> JsonObject:
    """Create a setup intent, and confirm it if that is asked for."""
    members = _members(world, params)
    members["usage"] = params.get("usage", "off_session")
    if params.get("confirm"):
        _check_has_method(members)
    if params.get("automatic_payment_methods", {"enabled": "payment_method_types" not in params})["enabled"]:
        given = params.get("automatic_payment_methods", {})
        members["automatic_payment_methods"] = {"enabled": True, "allow_redirects": given.get("allow_redirects", "always")}
    intent = opened(world, members)
    return _confirmed(world, intent, params.get("return_url")) if params.get("confirm") else intent


@ROUTES.get(f"{_URL}/{{id}}", {"client_secret": text})
def retrieve(world: World, params: Params) -> JsonObject:
    """Return a setup intent."""
    return world.get(_KIND, params["id"])


@ROUTES.post(f"{_URL}/{{id}}", _SHARED)
def update(world: World, params: Params) -> JsonObject:
    """Change a setup intent."""
    intent = world.get(_KIND, params["id"])
    if params.keys() & {"customer", "payment_method", "payment_method_data"}:
        _check_open(intent, "updated")
    intent.update(_members(world, params, intent))
    if intent["payment_method"] and intent["status"] == "requires_payment_method":
        intent["status"] = "requires_confirmation"
    return intent


@ROUTES.post(f"{_URL}/{{id}}/confirm", _CONFIRM)
def confirm(world: World, params: Params) -> JsonObject:
    """Try to keep the card."""
    intent = world.get(_KIND, params["id"])
    _check_open(intent, "confirmed")
    after = _members(world, params, intent)
    _check_has_method({**intent, **after})
    intent.update(after)
    return _confirmed(world, intent, params.get("return_url"))


@ROUTES.post(f"{_URL}/{{id}}/cancel", {"cancellation_reason": choice("abandoned", "duplicate", "requested_by_customer")})
def cancel(world: World, params: Params) -> JsonObject:
    """End a setup intent."""
    intent = world.get(_KIND, params["id"])
    _check_open(intent, "canceled")
    intent.update(status="canceled", cancellation_reason=params.get("cancellation_reason"), next_action=None)
    world.emit("setup_intent.canceled", intent)
    return intent


@ROUTES.get(_URL, {**PAGE, **CREATED, "customer": text, "payment_method": text, "attach_to_self": flag})
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of setup intents."""
    return page(world, _KIND, _URL, params, same(params, "customer", "payment_method"))


def opened(world: World, members: JsonObject) -> JsonObject:
    """Create a setup intent and tell it."""
    intent = world.new(_KIND, "seti", {**_blank(), **members})
    intent["client_secret"] = f"{intent['id']}_secret_{world.letters(25)}"
    if intent["payment_method"]:
        intent["status"] = "requires_confirmation"
    world.add(intent)
    world.emit("setup_intent.created", intent)
    return intent


def authenticated(world: World, intent: JsonObject, *, succeeded: bool) -> None:
    """Let the owner of a card agree that it is kept, or not."""
    method = world.get("payment_method", intent["payment_method"], "payment_method")
    if succeeded:
        _succeed(world, intent, method)
    else:
        _fail(world, intent, method, _FAILED_AUTHENTICATION)


# Inside -------------------------------------------------------------------------------------------------------------------


def _confirmed(world: World, intent: JsonObject, return_url: str | None) -> JsonObject:
    method = used_by(world, intent["payment_method"], intent["customer"])
    card = card_of(world, method)
    if wants_authentication(card, Presence.HERE, set_up=False):
        _ask(world, intent, return_url)
    elif card.decline and not card.attaches:
        why = card.decline
        error = _fail(world, intent, method, why)
        about = {"setup_intent": presented(intent), "payment_method": error["payment_method"]}
        raise card_declined(why.message, why.code, why.decline_code, param=why.param, **about)
    else:
        _succeed(world, intent, method)
    return intent


def _ask(world: World, intent: JsonObject, return_url: str | None) -> None:
    url = f"{world.site}/authenticate/{intent['id']}"
    if return_url:
        action: JsonObject = {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}
    else:
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": url}}
    intent.update(status="requires_action", next_action=action, last_setup_error=None)
    world.emit("setup_intent.requires_action", intent)


def _succeed(world: World, intent: JsonObject, method: JsonObject) -> None:
    if intent["customer"]:
        attach(world, method, world.get("customer", intent["customer"], "customer"))
    if intent["usage"] == "off_session":
        remember_set_up(world, method)
    intent.update(status="succeeded", next_action=None, last_setup_error=None)
    world.emit("setup_intent.succeeded", intent)
    for react in ON_SUCCEEDED:
        react(world, intent)


def _fail(world: World, intent: JsonObject, method: JsonObject, why: Decline) -> JsonObject:
    error = last_error(method, why, by_card=why != _FAILED_AUTHENTICATION)
    intent.update(status="requires_payment_method", payment_method=None, next_action=None, last_setup_error=error)
    world.emit("setup_intent.setup_failed", intent)
    return error


def _members(world: World, params: Params, intent: JsonObject | None = None) -> JsonObject:
    if "payment_method" in params and "payment_method_data" in params:
        raise exclusive("payment_method", "payment_method_data")
    names = (
        "allowed_payment_method_types",
        "customer",
        "description",
        "excluded_payment_method_types",
        "payment_method_types",
    )
    after = {name: params[name] for name in names if name in params}
    if "customer" in params:
        world.get("customer", params["customer"], "customer")
    if "metadata" in params:
        after["metadata"] = merged(intent["metadata"] if intent else {}, params["metadata"])
    owner = after.get("customer", intent["customer"] if intent else None)
    if "payment_method" in params:
        after["payment_method"] = used_by(world, params["payment_method"], owner)["id"]
    if "payment_method_data" in params:
        after["payment_method"] = made(world, params["payment_method_data"])["id"]
    return after


def _check_open(intent: JsonObject, what: str) -> None:
    if intent["status"] not in _OPEN:
        message = f"This SetupIntent could not be {what} because it has a status of {intent['status']}."
        raise unexpected_state(_KIND, message, setup_intent=presented(intent))


def _check_has_method(intent: JsonObject) -> None:
    if not intent.get("payment_method"):
        message = "You cannot confirm this SetupIntent because it's missing a payment method."
        raise unexpected_state(_KIND, message)


def _blank() -> JsonObject:
    return {
        "allowed_payment_method_types": None,
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": None,
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": "off_session",
    }
