"""Payments: payment intents, as requests ask for them. Source: https://docs.stripe.com/api/payment_intents."""

from typing import Any

from billing_adapters.simulator.charging import Presence
from billing_adapters.simulator.currencies import written
from billing_adapters.simulator.customers import ADDRESS, addressed
from billing_adapters.simulator.intents import attempted, canceled, capture, check, opened, refusal
from billing_adapters.simulator.listing import CREATED, PAGE, page, same
from billing_adapters.simulator.methods import DATA, made, used_by
from billing_adapters.simulator.params import (
    Fields,
    Params,
    anything,
    choice,
    clearable,
    currency,
    flag,
    integer,
    many,
    merged,
    metadata,
    nested,
    required,
    retired,
    text,
)
from billing_adapters.simulator.payable import (
    check_amount,
    check_confirmable,
    check_has_method,
    check_only_with_confirm,
    check_return,
)
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import exclusive, invalid
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.search import SEARCH, search
from billing_adapters.simulator.world import World

__all__ = ["METHOD_TYPES_GONE", "ROUTES", "SHIPPING", "shipped"]

ROUTES = Routes()
_URL = "/v1/payment_intents"
_KIND = "payment_intent"

METHOD_TYPES_GONE = retired(
    many(text),
    since="2026-09-30",
    code="payment_method_types_no_longer_supported",
    message="`payment_method_types` is no longer supported. Use `allowed_payment_method_types`, or leave it out.",
)
"""`payment_method_types`, which endive refuses."""

SHIPPING = clearable(
    nested({
        "address": required(nested(ADDRESS)),
        "carrier": text,
        "name": text,
        "phone": clearable(text),
        "tracking_number": text,
    })
)
_future = choice("off_session", "on_session")


def _off_session(given: Any, param: str) -> bool:  # noqa: ANN401 - any form
    """Take a flag, or why the customer is away."""
    return True if given in {"one_off", "recurring"} else flag(given, param)


_SHARED: Fields = {
    "allowed_payment_method_types": clearable(many(text)),
    "amount_details": anything,
    "application_fee_amount": anything,
    "capture_method": choice("automatic", "automatic_async", "manual"),
    "customer": text,
    "description": clearable(text),
    "excluded_payment_method_types": clearable(many(text)),
    "metadata": metadata,
    "payment_details": anything,
    "payment_method": text,
    "payment_method_configuration": text,
    "payment_method_data": nested(DATA),
    "payment_method_options": anything,
    "payment_method_types": METHOD_TYPES_GONE,
    "receipt_email": clearable(text),
    "setup_future_usage": clearable(_future),
    "shipping": SHIPPING,
    "statement_descriptor": text,
    "statement_descriptor_suffix": text,
    "transfer_group": text,
}
_CONFIRM: Fields = {
    "capture_method": choice("automatic", "automatic_async", "manual"),
    "error_on_requires_action": flag,
    "mandate_data": anything,
    "off_session": _off_session,
    "payment_method": text,
    "payment_method_data": nested(DATA),
    "payment_method_options": anything,
    "payment_method_types": METHOD_TYPES_GONE,
    "receipt_email": clearable(text),
    "return_url": text,
    "setup_future_usage": clearable(_future),
    "shipping": SHIPPING,
    "use_stripe_sdk": flag,
}
_CREATE: Fields = {
    **_SHARED,
    **_CONFIRM,
    "amount": required(integer(1)),
    "currency": required(currency),
    "automatic_payment_methods": nested({"allow_redirects": choice("always", "never"), "enabled": required(flag)}),
    "confirm": flag,
    "confirmation_method": choice("automatic", "manual"),
}
_UPDATE: Fields = {**_SHARED, "amount": integer(1), "currency": currency}
_CAPTURE: Fields = {
    "amount_to_capture": integer(1),
    "final_capture": flag,
    "metadata": metadata,
    "statement_descriptor": text,
    "statement_descriptor_suffix": text,
}
_REASONS = choice("abandoned", "duplicate", "fraudulent", "requested_by_customer")
_SEARCHED = ("amount", "created", "currency", "customer", "metadata", "status")


@ROUTES.post(_URL, _CREATE)
def create(world: World, params: Params) -> JsonObject:
    """Create a payment intent, and confirm it if that is asked for."""
    check_amount(params["amount"], params["currency"])
    if not params.get("confirm"):
        check_only_with_confirm(params)
    members = {"amount": params["amount"], "currency": params["currency"], **_members(world, params)}
    members["automatic_payment_methods"] = _automatic(world, params)
    if "capture_method" not in params and _version(world) < "2024-04-10":
        members["capture_method"] = "automatic"
    members["confirmation_method"] = params.get("confirmation_method", "automatic")
    if params.get("confirm"):
        check_return(world, members, params)
        check_has_method(members)
    intent = opened(world, members)
    return _confirmed(world, intent, params) if params.get("confirm") else intent


@ROUTES.get(f"{_URL}/{{id}}", {"client_secret": text})
def retrieve(world: World, params: Params) -> JsonObject:
    """Return a payment intent."""
    return world.get(_KIND, params["id"])


@ROUTES.post(f"{_URL}/{{id}}", _UPDATE)
def update(world: World, params: Params) -> JsonObject:
    """Change a payment intent; what is charged only as long as nothing was."""
    intent = world.get(_KIND, params["id"])
    if params.keys() & {"amount", "currency", "customer", "payment_method", "payment_method_data", "capture_method"}:
        check(intent, "updated")
    after = _members(world, params, intent)
    after.update({name: params[name] for name in ("amount", "currency") if name in params})
    after = {**intent, **after}
    check_amount(after["amount"], after["currency"])
    intent.update(after)
    if after.get("payment_method") and intent["status"] == "requires_payment_method":
        intent["status"] = "requires_confirmation"
    return intent


@ROUTES.post(f"{_URL}/{{id}}/confirm", _CONFIRM)
def confirm(world: World, params: Params) -> JsonObject:
    """Try to pay."""
    intent = world.get(_KIND, params["id"])
    check_confirmable(intent)
    check_return(world, intent, params)
    after = _members(world, params, intent)
    check_has_method({**intent, **after})
    intent.update(after)
    return _confirmed(world, intent, params)


@ROUTES.post(f"{_URL}/{{id}}/capture", _CAPTURE)
def capture_one(world: World, params: Params) -> JsonObject:
    """Take the money that was authorized."""
    intent = world.get(_KIND, params["id"])
    check(intent, "captured")
    amount = int(params.get("amount_to_capture", intent["amount_capturable"]) or 0)
    if amount > intent["amount_capturable"]:
        message = (
            f"The amount to capture ({written(amount, intent['currency'])}) is greater than what can be captured "
            f"({written(intent['amount_capturable'], intent['currency'])})."
        )
        raise invalid(message, "amount_to_capture", "amount_too_large")
    intent.update(_members(world, params, intent))
    capture(world, intent, amount)
    return intent


@ROUTES.post(f"{_URL}/{{id}}/cancel", {"cancellation_reason": _REASONS})
def cancel(world: World, params: Params) -> JsonObject:
    """End a payment intent without a payment."""
    intent = world.get(_KIND, params["id"])
    check(intent, "canceled")
    canceled(world, intent, params.get("cancellation_reason"))
    return intent


@ROUTES.get(_URL, {**PAGE, **CREATED, "customer": text})
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of payment intents."""
    return page(world, _KIND, _URL, params, same(params, "customer"))


@ROUTES.get(f"{_URL}/search", SEARCH)
def find(world: World, params: Params) -> JsonObject:
    """Return the payment intents that a query finds."""
    return search(world, _KIND, f"{_URL}/search", params, _SEARCHED)


def shipped(given: Params | None) -> JsonObject | None:
    """Return an address of delivery with all its members."""
    if given is None:
        return None
    names = ("carrier", "name", "phone", "tracking_number")
    return {"address": addressed(given["address"]), **{name: given.get(name) for name in names}}


# Inside -------------------------------------------------------------------------------------------------------------------


def _confirmed(world: World, intent: JsonObject, params: Params) -> JsonObject:
    method = used_by(world, intent["payment_method"], intent["customer"])
    presence = Presence.AWAY if params.get("off_session") or params.get("error_on_requires_action") else Presence.HERE
    why = attempted(world, intent, method, presence, params.get("return_url"))
    if why:
        raise refusal(intent, why)
    return intent


_AS_GIVEN = (
    "allowed_payment_method_types", "capture_method", "customer", "description", "excluded_payment_method_types",
    "receipt_email", "setup_future_usage", "statement_descriptor", "statement_descriptor_suffix", "transfer_group",
)  # fmt: skip


def _members(world: World, params: Params, intent: JsonObject | None = None) -> JsonObject:
    """Return the members that a request sets."""
    after: JsonObject = {name: params[name] for name in _AS_GIVEN if name in params}
    if "customer" in params:
        world.get("customer", params["customer"], "customer")
    if "metadata" in params:
        after["metadata"] = merged(intent["metadata"] if intent else {}, params["metadata"])
    if "shipping" in params:
        after["shipping"] = shipped(params["shipping"])
    if "payment_method_types" in params:
        after["payment_method_types"] = params["payment_method_types"]
    owner = after.get("customer", intent["customer"] if intent else None)
    method = _method(world, params, owner)
    if method:
        after["payment_method"] = method["id"]
    return after


def _method(world: World, params: Params, owner: str | None) -> JsonObject | None:
    if "payment_method" in params and "payment_method_data" in params:
        raise exclusive("payment_method", "payment_method_data")
    if "payment_method" in params:
        return used_by(world, params["payment_method"], owner)
    return made(world, params["payment_method_data"]) if "payment_method_data" in params else None


def _version(world: World) -> str:
    return world.caller.version or world.api_version


def _automatic(world: World, params: Params) -> JsonObject | None:
    """Return whether the account's own settings say how can be paid, as they do unless something else was said."""
    given = params.get("automatic_payment_methods")
    if given:
        return {"allow_redirects": given.get("allow_redirects", "always"), "enabled": True} if given["enabled"] else None
    if "payment_method_types" in params or _version(world) < "2023-08-16":
        return None
    return {"allow_redirects": "always", "enabled": True}
