"""Checkout: the sessions in which a customer pays on Stripe's page. Source: https://docs.stripe.com/api/checkout/sessions.

What a customer does there is in `checkout_paying`, and the page in `checkout_page`.
"""

from billing_adapters.simulator.checkout_customers import described
from billing_adapters.simulator.checkout_discounts import apply
from billing_adapters.simulator.checkout_items import items_of, keep_items, planned
from billing_adapters.simulator.checkout_params import CREATE, LONGEST_SECONDS, check, check_discounts, check_items
from billing_adapters.simulator.checkout_paying import KIND, expire, remember
from billing_adapters.simulator.listing import CREATED, PAGE, inline, page, same
from billing_adapters.simulator.params import Fields, Params, choice, merged, metadata, nested, required, text
from billing_adapters.simulator.presenting import JsonObject, asked_only
from billing_adapters.simulator.refusals import invalid
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.world import World

__all__ = ["ROUTES"]

ROUTES = Routes()
_URL = "/v1/checkout/sessions"

_LIST: Fields = {
    **PAGE,
    **CREATED,
    "customer": text,
    "customer_details": nested({"email": required(text)}),
    "payment_intent": text,
    "status": choice("complete", "expired", "open"),
    "subscription": text,
}


@ROUTES.post(_URL, CREATE)
def create(world: World, params: Params) -> JsonObject:
    """Open a session."""
    check(world, params)
    items = planned(world, params)
    code = check_items(world, params, items)
    discount = check_discounts(world, params, code, items)
    session_id = world.new_id(f"cs_{'live' if world.caller.livemode else 'test'}")
    session = world.new(KIND, "cs", {**_blank(), **_members(world, params), "currency": code}, session_id)
    session["expires_at"] = params.get("expires_at", world.now + LONGEST_SECONDS)
    session["url"] = f"{world.site}/c/pay/{session_id}"
    if params["mode"] != "setup":
        tried = bool({"trial_end", "trial_period_days"} & params.get("subscription_data", {}).keys())
        kept = keep_items(world, session_id, items, code, tried=tried)
        apply(world, session, kept, discount)
    world.add(session)
    remember(world, session, params, discount)
    return session


@ROUTES.get(f"{_URL}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return a session."""
    return world.get(KIND, params["id"])


@ROUTES.post(f"{_URL}/{{id}}", {"metadata": metadata})
def update(world: World, params: Params) -> JsonObject:
    """Change the metadata of a session."""
    session = world.get(KIND, params["id"])
    if "metadata" in params:
        session["metadata"] = merged(session["metadata"], params["metadata"])
    return session


@ROUTES.get(_URL, _LIST)
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of sessions."""
    alike = same(params, "customer", "payment_intent", "status", "subscription")
    email = params.get("customer_details", {}).get("email")

    def keep(session: JsonObject) -> bool:
        return alike(session) and (email is None or (session["customer_details"] or {}).get("email") == email)

    return page(world, KIND, _URL, params, keep)


@ROUTES.post(f"{_URL}/{{id}}/expire")
def expire_one(world: World, params: Params) -> JsonObject:
    """End a session that is open."""
    session = world.get(KIND, params["id"])
    if session["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"`{session['status']}`."
        )
    expire(world, session)
    return session


@ROUTES.get(f"{_URL}/{{id}}/line_items", PAGE)
def line_items(world: World, params: Params) -> JsonObject:
    """Return a page of what a session sells."""
    session = world.get(KIND, params["id"])
    own = {one["id"] for one in items_of(world, session)}
    return page(world, "item", f"{_URL}/{session['id']}/line_items", params, lambda one: one["id"] in own)


def _inline_items(world: World, session: JsonObject) -> JsonObject:
    return inline(items_of(world, session), f"{_URL}/{session['id']}/line_items")


asked_only(KIND, "line_items", _inline_items)


# Members ------------------------------------------------------------------------------------------------------------------

_AS_GIVEN = (
    "allow_promotion_codes", "billing_address_collection", "cancel_url", "client_reference_id", "customer",
    "customer_creation", "customer_email", "locale", "mode", "payment_method_collection", "payment_method_types",
    "submit_type", "success_url",
)  # fmt: skip


def _members(world: World, params: Params) -> JsonObject:
    """Return the members that a request sets."""
    mode = params["mode"]
    members: JsonObject = {name: params[name] for name in _AS_GIVEN if name in params}
    members["metadata"] = merged({}, params.get("metadata", {}))
    members["discounts"] = [
        {"coupon": one.get("coupon"), "promotion_code": one.get("promotion_code")} for one in params.get("discounts", [])
    ]
    members["customer_details"] = described(world, params.get("customer"), params.get("customer_email"))
    if mode == "subscription":
        members.setdefault("payment_method_collection", "always")
    if mode != "subscription" and "customer" not in params:
        members.setdefault("customer_creation", "if_required")
    members["payment_status"] = "no_payment_required" if mode == "setup" else "unpaid"
    return members


def _blank() -> JsonObject:
    """Return the members that a session has if nothing is said about them."""
    nothing = (
        "adaptive_pricing", "after_expiration", "allow_promotion_codes", "allowed_payment_method_types",
        "amount_subtotal", "amount_total", "billing_address_collection", "branding_settings", "cancel_url",
        "client_reference_id", "client_secret", "collected_information", "consent", "consent_collection", "currency",
        "currency_conversion", "customer", "customer_account", "customer_creation", "customer_details", "customer_email",
        "excluded_payment_method_types", "integration_identifier", "invoice", "invoice_creation", "locale",
        "origin_context", "payment_intent", "payment_link", "payment_method_collection",
        "payment_method_configuration_details", "permissions", "presentment_details", "recovered_from",
        "saved_payment_method_options", "setup_intent", "shipping_address_collection", "shipping_cost", "submit_type",
        "subscription", "success_url", "total_details", "url", "wallet_options",
    )  # fmt: skip
    return {
        **dict.fromkeys(nothing),
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "ui_mode": "hosted_page",
    }
