"""Checkout parameters: what opens a session, and what contradicts itself in it.

Source: https://docs.stripe.com/api/checkout/sessions/create.
"""

from typing import Any
from urllib.parse import urlsplit

from billing_adapters.simulator.checkout_discounts import usable
from billing_adapters.simulator.checkout_items import ITEMS, amount_of, check_mode, currency_of
from billing_adapters.simulator.currencies import LEAST, written
from billing_adapters.simulator.params import (
    Fields,
    Params,
    anything,
    choice,
    currency,
    flag,
    integer,
    many,
    merged,
    metadata,
    nested,
    required,
    text,
)
from billing_adapters.simulator.payable import check_amount
from billing_adapters.simulator.payments import METHOD_TYPES_GONE, SHIPPING
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import exclusive, invalid, missing
from billing_adapters.simulator.world import World

__all__ = ["CREATE", "LONGEST_SECONDS", "check", "check_discounts", "check_items", "web_address"]

_HOSTED_PAGE = "2026-03-25"  # since then it is not called `hosted` any more
_SHORTEST_SECONDS, LONGEST_SECONDS = 30 * 60, 24 * 3600


def web_address(given: Any, param: str) -> str:  # noqa: ANN401 - any form
    """Take the address of a page."""
    address = text(given, param)
    if urlsplit(address).scheme not in {"http", "https"} or not urlsplit(address).netloc:
        raise invalid("Not a valid URL", param, "url_invalid")
    return address


_PAYMENT: Fields = {
    "capture_method": choice("automatic", "automatic_async", "manual"),
    "description": text,
    "metadata": metadata,
    "receipt_email": text,
    "setup_future_usage": choice("off_session", "on_session"),
    "shipping": SHIPPING,
    "statement_descriptor": text,
    "statement_descriptor_suffix": text,
    "transfer_group": text,
}
_SUBSCRIPTION: Fields = {
    "billing_mode": nested({"type": required(choice("classic", "flexible")), "flexible": anything}),
    "description": text,
    "metadata": metadata,
    "trial_end": integer(0),
    "trial_period_days": integer(1),
    "trial_settings": nested({
        "end_behavior": required(nested({"missing_payment_method": required(choice("cancel", "create_invoice", "pause"))}))
    }),
}
CREATE: Fields = {
    "allow_promotion_codes": flag,
    "billing_address_collection": choice("auto", "required"),
    "cancel_url": web_address,
    "client_reference_id": text,
    "currency": currency,
    "customer": text,
    "customer_creation": choice("always", "if_required"),
    "customer_email": text,
    "customer_update": anything,
    "discounts": many(nested({"coupon": text, "promotion_code": text}), 1),
    "expires_at": integer(0),
    "line_items": ITEMS,
    "locale": text,
    "metadata": metadata,
    "mode": required(choice("payment", "setup", "subscription")),
    "payment_intent_data": nested(_PAYMENT),
    "payment_method_collection": choice("always", "if_required"),
    "payment_method_types": METHOD_TYPES_GONE,
    "setup_intent_data": nested({"description": text, "metadata": metadata}),
    "submit_type": choice("auto", "book", "donate", "pay", "subscribe"),
    "subscription_data": nested(_SUBSCRIPTION),
    "success_url": web_address,
    "ui_mode": choice("hosted", "hosted_page"),
}


_ONLY_IN = {
    "allow_promotion_codes": ("payment", "subscription"),
    "discounts": ("payment", "subscription"),
    "line_items": ("payment", "subscription"),
    "payment_intent_data": ("payment",),
    "setup_intent_data": ("setup",),
    "subscription_data": ("subscription",),
    "customer_creation": ("payment", "setup"),
    "payment_method_collection": ("subscription",),
}
_EXCLUSIVE = (("customer", "customer_email"), ("customer", "customer_creation"), ("allow_promotion_codes", "discounts"))


def check(world: World, params: Params) -> None:
    """Make sure that what is asked for fits together.

    Raises:
        Refused: It does not.
    """
    mode = params["mode"]
    for name, modes in _ONLY_IN.items():
        if name in params and mode not in modes:
            raise invalid(f"You can not pass `{name}` in `{mode}` mode.", name)
    for first, second in _EXCLUSIVE:
        if first in params and second in params:
            raise exclusive(first, second)
    for needed in ("success_url", "currency" if mode == "setup" else "line_items"):
        if not params.get(needed):
            raise missing(needed)
    if "customer" in params:
        world.get("customer", params["customer"], "customer")
    for name in ("payment_intent_data", "setup_intent_data", "subscription_data"):
        merged({}, params.get(name, {}).get("metadata", {}))  # too many keys are refused now, and not when it is paid
    _check_trial(world, params.get("subscription_data", {}))
    if params.get("ui_mode") == "hosted" and world.caller.version >= _HOSTED_PAGE:
        raise invalid("Invalid ui_mode: must be one of elements, embedded_page, form, or hosted_page", "ui_mode")
    _check_expiry(world, params.get("expires_at"))


def _check_trial(world: World, data: Params) -> None:
    if "trial_end" in data and "trial_period_days" in data:
        raise exclusive("subscription_data[trial_end]", "subscription_data[trial_period_days]")
    if data.get("trial_end", world.now + 1) <= world.now:
        message = "Invalid timestamp: must be an integer Unix timestamp in the future."
        raise invalid(message, "subscription_data[trial_end]")


def _check_expiry(world: World, expires_at: int | None) -> None:
    if expires_at is None:
        return
    if expires_at < world.now + _SHORTEST_SECONDS:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise invalid(message, "expires_at")
    if expires_at > world.now + LONGEST_SECONDS:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise invalid(message, "expires_at")


def check_items(world: World, params: Params, items: list[Params]) -> str:
    """Return the currency of what is sold.

    Raises:
        Refused: It cannot be sold like this.
    """
    if params["mode"] == "setup":
        return str(params["currency"])
    check_mode(params["mode"], items)
    code = currency_of(items, params.get("currency"))
    if params["mode"] == "subscription" and any(item["of"]["currency"] != code for item in items):
        raise invalid("The simulator subscribes in the currency of the price itself only.", "currency")
    subtotal = _subtotal(items, code)
    check_discounts(world, params, code, items)
    least = LEAST.get(code, 1)
    if params["mode"] == "payment" and 0 < subtotal < least:
        message = f"The Checkout Session's total amount due must add up to at least {written(least, code)}"
        raise invalid(message, code="amount_too_small")
    check_amount(max(subtotal, least), code)
    return code


def check_discounts(world: World, params: Params, code: str, items: list[Params]) -> JsonObject | None:
    """Return the discount on what is sold, or None if there is none.

    Raises:
        Refused: It may not be used for this.
    """
    for discount in params.get("discounts", []):
        if len(discount) != 1:
            raise exclusive("discounts[0][coupon]", "discounts[0][promotion_code]")
        return usable(world, discount, params.get("customer"), code, _subtotal(items, code))
    return None


def _subtotal(items: list[Params], code: str) -> int:
    return sum(amount_of(item["of"], item.get("quantity", 0), code) for item in items)
