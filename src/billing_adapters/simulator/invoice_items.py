"""Invoice items: what waits for a customer's next invoice. Source: https://docs.stripe.com/api/invoiceitems."""

from decimal import Decimal
from typing import Any

from billing_adapters.simulator.amounts import cost
from billing_adapters.simulator.invoicing import relined
from billing_adapters.simulator.lines import of_pending, priced
from billing_adapters.simulator.listing import PAGE, page, same
from billing_adapters.simulator.params import (
    Fields,
    Params,
    clearable,
    currency,
    decimal,
    flag,
    integer,
    merged,
    metadata,
    moment,
    nested,
    required,
    text,
)
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import exclusive, invalid
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.world import World

__all__ = ["ROUTES", "formed", "pending_of", "take", "waiting"]

ROUTES = Routes()
_URL = "/v1/invoiceitems"
_KIND = "invoiceitem"

_CREATE: Fields = {
    "amount": integer(),
    "currency": currency,
    "customer": text,
    "description": text,
    "discountable": flag,
    "invoice": text,
    "metadata": metadata,
    "period": nested({"end": required(moment), "start": required(moment)}),
    "price": text,
    "pricing": nested({"price": text}),
    "quantity": integer(0),
    "subscription": text,
    "unit_amount": integer(),
    "unit_amount_decimal": decimal,
}
_UPDATE: Fields = {"amount": integer(), "description": clearable(text), "discountable": flag, "metadata": metadata}
_LIST: Fields = {**PAGE, "customer": text, "invoice": text, "pending": flag}


@ROUTES.post(_URL, _CREATE)
def create(world: World, params: Params) -> JsonObject:
    """Put something on the next invoice of a customer, or on a draft."""
    draft = world.get("invoice", params["invoice"], "invoice") if "invoice" in params else None
    owner: str | None = params.get("customer")
    if owner is None and draft:
        owner = draft["customer"]
    if owner is None:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    customer = world.get("customer", owner, "customer")
    _check_draft(draft)
    amount, code, pricing = _amount(world, params, customer)
    period = params.get("period", {"start": world.now, "end": world.now})
    pending = waiting(
        world,
        amount=amount,
        currency=code,
        customer=customer["id"],
        description=params.get("description"),
        discountable=params.get("discountable", amount >= 0),
        invoice=params.get("invoice"),
        metadata=merged({}, params.get("metadata", {})),
        parent=_parent(world.get("subscription", params["subscription"], "subscription"))
        if "subscription" in params
        else None,
        period=period,
        pricing=pricing,
        quantity=params.get("quantity", 1),
    )
    if draft:
        _append(world, draft, pending)
    return pending


@ROUTES.get(f"{_URL}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return an invoice item."""
    return world.get(_KIND, params["id"])


@ROUTES.post(f"{_URL}/{{id}}", _UPDATE)
def update(world: World, params: Params) -> JsonObject:
    """Change an invoice item that still waits."""
    pending = _waiting(world, params["id"])
    after: JsonObject = {name: params[name] for name in ("amount", "description", "discountable") if name in params}
    if "metadata" in params:
        after["metadata"] = merged(pending["metadata"], params["metadata"])
    pending.update(after, net_amount=after.get("amount", pending["amount"]))
    return pending


@ROUTES.delete(f"{_URL}/{{id}}")
def delete(world: World, params: Params) -> JsonObject:
    """Delete an invoice item that still waits."""
    pending = _waiting(world, params["id"])
    gone = world.remove(pending)
    world.emit("invoiceitem.deleted", pending)
    return gone


@ROUTES.get(_URL, _LIST)
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of invoice items."""
    alike = same(params, "customer", "invoice")
    wanted = params.get("pending")

    def keep(one: JsonObject) -> bool:
        return alike(one) and (wanted is None or (one["invoice"] is None) == wanted)

    return page(world, _KIND, _URL, params, keep)


def waiting(world: World, **members: Any) -> JsonObject:  # noqa: ANN401 - any members
    """Create an invoice item, and tell it."""
    pending = world.add(formed(world, **members))
    world.emit("invoiceitem.created", pending)
    return pending


def formed(world: World, **members: Any) -> JsonObject:  # noqa: ANN401 - any members
    """Return an invoice item with all its members, which is not kept yet."""
    amount = members["amount"]
    pending: JsonObject = world.new(_KIND, "ii", {})
    created = pending.pop("created")
    pending.update({
        "customer_account": None,
        "date": created,
        "discounts": [],
        "frozen_fields": [],
        "invoice": None,
        "invoicing_rules": [],
        "metadata": {},
        "net_amount": amount,
        "proration": False,
        "proration_details": None,
        "quantity_decimal": str(members["quantity"]),
        "tax_rates": [],
        "test_clock": None,
        **members,
    })
    return pending


def pending_of(world: World, customer_id: str, subscription_id: str | None) -> list[JsonObject]:
    """Return what waits for the next invoice of a customer, or of a subscription: that, and what belongs to none."""
    every = world.table(_KIND).values()
    mine = [one for one in every if one["customer"] == customer_id and one["invoice"] is None]
    return [one for one in mine if one["parent"] is None or _subscription(one) == subscription_id]


def take(world: World, pending: list[JsonObject]) -> list[JsonObject]:
    """Return the lines for invoice items."""
    return [of_pending(world, one) for one in pending]


def _subscription(pending: JsonObject) -> str:
    return str(pending["parent"]["subscription_details"]["subscription"])


def _parent(subscription: JsonObject) -> JsonObject:
    details = {"subscription": subscription["id"], "subscription_item": None}
    return {"subscription_details": details, "type": "subscription_details"}


def _waiting(world: World, object_id: str) -> JsonObject:
    pending = world.get(_KIND, object_id)
    if pending["invoice"] and world.table("invoice")[pending["invoice"]]["status"] != "draft":
        raise invalid("This invoice item is on an invoice that is finalized already.", code="invoice_not_editable")
    return pending


def _check_draft(draft: JsonObject | None) -> None:
    if draft and draft["status"] != "draft":
        raise invalid("This invoice is no longer editable.", "invoice", "invoice_not_editable")


def _append(world: World, draft: JsonObject, pending: JsonObject) -> None:
    discounts = [world.table("discount")[one] for one in draft["discounts"]]
    with world.changing(draft, "invoice.updated"):
        relined(world, draft, [*draft["lines"]["data"], of_pending(world, pending)], discounts)


def _amount(world: World, params: Params, customer: JsonObject) -> tuple[int, str, JsonObject | None]:
    """Return an amount, its currency, and the price that it comes from."""
    named = params.get("price") or params.get("pricing", {}).get("price")
    code: str = params.get("currency") or customer["currency"] or "usd"
    if named:
        if "amount" in params:
            raise exclusive("amount", "price")
        price = world.get("price", named, "pricing[price]")
        if price["type"] != "one_time":
            raise invalid(
                f"The price `{named}` is recurring; an invoice item takes a price that is paid once.", "pricing[price]"
            )
        return cost(price, params.get("quantity", 1)), price["currency"], priced(price)
    if "amount" in params:
        return params["amount"], code, None
    unit = params.get("unit_amount_decimal", params.get("unit_amount"))
    if unit is None:
        raise invalid("Missing required param: amount.", "amount", "parameter_missing")
    return round(Decimal(unit) * params.get("quantity", 1)), code, None
