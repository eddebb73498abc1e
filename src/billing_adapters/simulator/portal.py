"""The customer portal: sessions in which customers look after themselves, and what they may do there.

Source: https://docs.stripe.com/api/customer_portal. There is a default configuration, as if it had been saved by hand.
"""

from typing import Any

from billing_adapters.simulator.checkout_params import web_address
from billing_adapters.simulator.expanding import EXPANDABLE
from billing_adapters.simulator.listing import PAGE, page, same
from billing_adapters.simulator.params import (
    Fields,
    Params,
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
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.world import World

__all__ = ["KIND", "ROUTES"]

ROUTES = Routes()
KIND = "billing_portal.session"
_CONFIGURATION = "billing_portal.configuration"
_SESSIONS, _CONFIGURATIONS = "/v1/billing_portal/sessions", "/v1/billing_portal/configurations"

EXPANDABLE["configuration"] = _CONFIGURATION

_prorated = choice("always_invoice", "create_prorations", "none")
_FEATURES: Fields = {
    "customer_update": nested({
        "allowed_updates": clearable(many(choice("address", "email", "name", "phone", "shipping", "tax_id"))),
        "enabled": required(flag),
    }),
    "invoice_history": nested({"enabled": required(flag)}),
    "payment_method_update": nested({"enabled": required(flag)}),
    "subscription_cancel": nested({
        "enabled": required(flag),
        "mode": choice("at_period_end", "immediately"),
        "proration_behavior": _prorated,
    }),
    "subscription_update": nested({
        "default_allowed_updates": clearable(many(choice("price", "promotion_code", "quantity"))),
        "enabled": required(flag),
        "products": clearable(many(nested({"prices": required(many(text)), "product": required(text)}))),
        "proration_behavior": _prorated,
    }),
}
_CREATE: Fields = {
    "business_profile": nested({
        "headline": clearable(text), "privacy_policy_url": web_address, "terms_of_service_url": web_address,
    }),
    "default_return_url": clearable(web_address),
    "features": required(nested(_FEATURES)),
    "metadata": metadata,
    "name": clearable(text),
}  # fmt: skip


@ROUTES.post(_SESSIONS, {"configuration": text, "customer": required(text), "locale": text, "return_url": web_address})
def open_session(world: World, params: Params) -> JsonObject:
    """Open a session of a customer."""
    customer = world.get("customer", params["customer"], "customer")
    if "configuration" in params:
        configuration = world.get(_CONFIGURATION, params["configuration"], "configuration")
    else:
        configuration = _default(world)
    session_id = world.new_id(f"bps_{'live' if world.caller.livemode else 'test'}")
    members: dict[str, Any] = {
        "after_expiration": None,
        "configuration": configuration["id"],
        "customer": customer["id"],
        "customer_account": None,
        "flow": None,
        "locale": params.get("locale"),
        "on_behalf_of": None,
        "return_url": params.get("return_url", configuration["default_return_url"]),
        "url": f"{world.site}/p/session/{session_id}",
    }
    return world.add(world.new(KIND, "bps", members, session_id))


@ROUTES.post(_CONFIGURATIONS, _CREATE)
def create(world: World, params: Params) -> JsonObject:
    """Create a configuration."""
    configuration = _made(world, params)
    world.emit("billing_portal.configuration.created", configuration)
    return configuration


@ROUTES.get(f"{_CONFIGURATIONS}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return a configuration."""
    return world.get(_CONFIGURATION, params["id"])


@ROUTES.get(_CONFIGURATIONS, {**PAGE, "active": flag, "is_default": flag})
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of configurations."""
    return page(world, _CONFIGURATION, _CONFIGURATIONS, params, same(params, "active", "is_default"))


def _default(world: World) -> JsonObject:
    """Return the default configuration, which is there once it is needed."""
    found = next((one for one in world.rows(_CONFIGURATION) if one["is_default"]), None)
    everything = {
        "customer_update": {"allowed_updates": ["email", "address", "phone", "tax_id"], "enabled": True},
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True},
    }
    return found or _made(world, {"features": everything}, is_default=True)


def _made(world: World, params: Params, *, is_default: bool = False) -> JsonObject:
    about = params.get("business_profile", {})
    members = {
        "active": True,
        "application": None,
        "business_profile": {name: about.get(name) for name in ("headline", "privacy_policy_url", "terms_of_service_url")},
        "default_return_url": params.get("default_return_url"),
        "features": _features(params["features"]),
        "is_default": is_default,
        "login_page": {"enabled": False, "url": None},
        "metadata": merged({}, params.get("metadata", {})),
        "name": params.get("name"),
        "updated": world.now,
    }
    return world.add(world.new(_CONFIGURATION, "bpc", members))


def _features(given: Params) -> JsonObject:
    cancel, update = given.get("subscription_cancel", {}), given.get("subscription_update", {})
    customer = given.get("customer_update", {})
    reasons = ["too_expensive", "missing_features", "switched_service", "unused", "other"]
    return {
        "customer_update": {
            "allowed_updates": customer.get("allowed_updates") or [],
            "enabled": customer.get("enabled", False),
        },
        "invoice_history": given.get("invoice_history", {"enabled": False}),
        "payment_method_update": {
            "enabled": given.get("payment_method_update", {}).get("enabled", False),
            "payment_method_configuration": None,
        },
        "subscription_cancel": {
            "cancellation_reason": {"enabled": False, "feedback_options": None, "options": reasons},
            "enabled": cancel.get("enabled", False),
            "mode": cancel.get("mode", "at_period_end"),
            "proration_behavior": cancel.get("proration_behavior", "none"),
        },
        "subscription_pause": {"duration": {"interval_options": [], "type": "indefinite"}, "enabled": False},
        "subscription_update": {
            "billing_cycle_anchor": None,
            "default_allowed_updates": update.get("default_allowed_updates") or [],
            "enabled": update.get("enabled", False),
            "products": [
                {"adjustable_quantity": {"enabled": False, "maximum": None, "minimum": 1}, **one}
                for one in update.get("products") or []
            ],
            "proration_behavior": update.get("proration_behavior", "none"),
            "schedule_at_period_end": {"conditions": []},
            "trial_update_behavior": "end_trial",
        },
    }
