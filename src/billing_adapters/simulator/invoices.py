"""Invoices, as requests ask for them. What becomes of them is in `invoicing`. Source: https://docs.stripe.com/api/invoices."""

from billing_adapters.simulator import intents, invoice_payments, invoicing
from billing_adapters.simulator.charging import Presence
from billing_adapters.simulator.discounts import DISCOUNTS, chosen, redeemed
from billing_adapters.simulator.invoice_items import pending_of, take
from billing_adapters.simulator.invoicing import KIND, Terms
from billing_adapters.simulator.listing import CREATED, PAGE, page, same
from billing_adapters.simulator.methods import used_by
from billing_adapters.simulator.params import (
    Fields,
    Params,
    anything,
    choice,
    clearable,
    currency,
    flag,
    merged,
    metadata,
    text,
)
from billing_adapters.simulator.payers import method_of, subscription_of
from billing_adapters.simulator.periods import HOUR
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import Refused, invalid
from billing_adapters.simulator.renewals import advanced
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.search import SEARCH, search
from billing_adapters.simulator.subscribing import billed
from billing_adapters.simulator.world import World

__all__ = ["ROUTES"]

ROUTES = Routes()
_URL = "/v1/invoices"
_STATUS = choice("draft", "open", "paid", "uncollectible", "void")

_SHARED: Fields = {
    "auto_advance": flag,
    "collection_method": choice("charge_automatically"),
    "default_payment_method": clearable(text),
    "description": clearable(text),
    "discounts": DISCOUNTS,
    "footer": clearable(text),
    "metadata": metadata,
    "payment_settings": anything,
    "statement_descriptor": clearable(text),
}
_CREATE: Fields = {
    **_SHARED,
    "currency": currency,
    "customer": text,
    "pending_invoice_items_behavior": choice("exclude", "include"),
    "subscription": text,
}
_LIST: Fields = {
    **PAGE,
    **CREATED,
    "collection_method": text,
    "customer": text,
    "status": _STATUS,
    "subscription": text,
}
_PAY: Fields = {"forgive": flag, "off_session": flag, "paid_out_of_band": flag, "payment_method": text, "source": text}
_SEARCHED = ("created", "currency", "customer", "metadata", "number", "status", "subscription", "total")


@ROUTES.post(_URL, _CREATE)
def create(world: World, params: Params) -> JsonObject:
    """Draft an invoice to a customer, or of what is pending for a subscription."""
    if "subscription" in params:
        subscription = world.get("subscription", params["subscription"], "subscription")
        return billed(world, subscription, "manual", whole=False, auto_advance=params.get("auto_advance", False))
    if "customer" not in params:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    customer = world.get("customer", params["customer"], "customer")
    includes = params.get("pending_invoice_items_behavior", _pending_by_default(world)) == "include"
    pending = pending_of(world, customer["id"], None) if includes else []
    code = params.get("currency") or (pending[0]["currency"] if pending else customer["currency"] or "usd")
    pending = [one for one in pending if one["currency"] == code]
    advances = params.get("auto_advance", False)
    later = world.now + HOUR if advances else None
    discounts = chosen(world, params.get("discounts"), customer["id"])
    more = {**_given(world, params), "automatically_finalizes_at": later}
    terms = Terms(customer, code, "manual", (world.now, world.now), None, discounts, advances, more)
    for one in discounts:
        redeemed(world, one)
    invoice = invoicing.drafted(world, terms, take(world, pending))
    for one in pending:
        one["invoice"] = invoice["id"]
    if later:
        world.schedule(later, lambda then: advanced(then, invoice))
    return invoice


@ROUTES.get(f"{_URL}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return an invoice."""
    return world.get(KIND, params["id"])


@ROUTES.post(f"{_URL}/{{id}}", _SHARED)
def update(world: World, params: Params) -> JsonObject:
    """Change an invoice; what it asks for only while it is a draft."""
    invoice = world.get(KIND, params["id"])
    after = _given(world, params, invoice)
    discounts = chosen(world, params["discounts"], invoice["customer"]) if "discounts" in params else None
    if discounts is not None:
        _check_draft(invoice)
    with world.changing(invoice, "invoice.updated"):
        invoice.update(after)
        if "auto_advance" in params:
            invoice["auto_advance"] = params["auto_advance"]
        if discounts is not None:
            invoice["discounts"] = [redeemed(world, one, invoice=invoice["id"]) for one in discounts]
            invoicing.relined(world, invoice, invoice["lines"]["data"], discounts)
    return invoice


@ROUTES.delete(f"{_URL}/{{id}}")
def delete(world: World, params: Params) -> JsonObject:
    """Delete a draft; what waited for it waits again."""
    invoice = world.get(KIND, params["id"])
    _check_draft(invoice)
    if invoice["parent"]:
        raise invalid("You can't delete invoices created by subscriptions.")
    for one in world.table("invoiceitem").values():
        if one["invoice"] == invoice["id"]:
            one["invoice"] = None
    gone = world.remove(invoice)
    world.emit("invoice.deleted", invoice)
    return gone


@ROUTES.post(f"{_URL}/{{id}}/finalize", {"auto_advance": flag})
def finalize(world: World, params: Params) -> JsonObject:
    """Close a draft."""
    invoice = world.get(KIND, params["id"])
    invoicing.finalized(world, invoice)
    return invoice


@ROUTES.post(f"{_URL}/{{id}}/pay", _PAY)
def pay(world: World, params: Params) -> JsonObject:
    """Pay an invoice now: with a card, or by noting that it was paid elsewhere."""
    invoice = world.get(KIND, params["id"])
    _check_payable(invoice)
    named = params.get("payment_method") or params.get("source")
    method = used_by(world, named, invoice["customer"]) if named else method_of(world, invoice)
    elsewhere = params.get("paid_out_of_band", False)
    if method is None and not elsewhere and invoice["amount_due"]:
        raise _no_method()
    if invoice["status"] == "draft":
        invoicing.finalized(world, invoice)
    if invoice["status"] == "paid":
        return invoice
    if elsewhere:
        invoicing.marked_out_of_band(world, invoice)
        return invoice
    presence = Presence.AWAY if params.get("off_session", True) else Presence.HERE
    why = invoicing.attempt(world, invoice, method, presence, invoice["next_payment_attempt"], counts=False)
    if why:
        raise intents.refusal(invoice_payments.intent_of(world, invoice), why)
    return invoice


@ROUTES.post(f"{_URL}/{{id}}/void")
def void(world: World, params: Params) -> JsonObject:
    """Declare an invoice void that was finalized and never paid."""
    invoice = world.get(KIND, params["id"])
    _check_unpaid(invoice, "voided")
    invoicing.voided(world, invoice)
    return invoice


@ROUTES.post(f"{_URL}/{{id}}/mark_uncollectible")
def mark_uncollectible(world: World, params: Params) -> JsonObject:
    """Give up on an invoice."""
    invoice = world.get(KIND, params["id"])
    if invoice["status"] != "open":
        raise invalid(f"You can only mark an open invoice as uncollectible; this one is {invoice['status']}.")
    invoicing.marked_uncollectible(world, invoice)
    return invoice


@ROUTES.get(f"{_URL}/{{id}}/lines", PAGE)
def lines(world: World, params: Params) -> JsonObject:
    """Return the lines of an invoice."""
    found: JsonObject = world.get(KIND, params["id"])["lines"]
    return {name: found[name] for name in ("object", "data", "has_more", "url")}


@ROUTES.get(_URL, _LIST)
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of invoices."""
    alike = same(params, "customer", "status", "collection_method")
    wanted = params.get("subscription")

    def keep(one: JsonObject) -> bool:
        of = subscription_of(world, one)
        return alike(one) and (wanted is None or (of is not None and of["id"] == wanted))

    return page(world, KIND, _URL, params, keep)


@ROUTES.get(f"{_URL}/search", SEARCH)
def find(world: World, params: Params) -> JsonObject:
    """Return the invoices that a query finds."""
    return search(world, KIND, f"{_URL}/search", params, _SEARCHED)


# Inside -------------------------------------------------------------------------------------------------------------------


def _pending_by_default(world: World) -> str:
    """Return whether what is pending is on a new invoice; it was until 2022, and is for who names no version."""
    return "exclude" if world.caller.version >= "2022-08-01" else "include"


def _given(world: World, params: Params, invoice: JsonObject | None = None) -> JsonObject:
    names = ("description", "footer", "statement_descriptor")
    after = {name: params[name] for name in names if name in params}
    if "metadata" in params:
        after["metadata"] = merged(invoice["metadata"] if invoice else {}, params["metadata"])
    if "default_payment_method" in params:
        given, owner = params["default_payment_method"], invoice["customer"] if invoice else params["customer"]
        after["default_payment_method"] = used_by(world, given, owner)["id"] if given else None
    return after


def _check_draft(invoice: JsonObject) -> None:
    if invoice["status"] != "draft":
        raise invalid("This invoice is no longer editable.", code="invoice_not_editable")


def _check_payable(invoice: JsonObject) -> None:
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] == "void":
        raise invalid("This invoice is void and cannot be paid.", code="invoice_not_editable")


def _check_unpaid(invoice: JsonObject, what: str) -> None:
    if invoice["status"] not in {"open", "uncollectible"}:
        raise invalid(
            f"You can only pass in open or uncollectible invoices; this one is {invoice['status']} and cannot be {what}."
        )


def _no_method() -> Refused:
    message = (
        "There is no `default_payment_method` set on this Customer or Invoice. Please set one, or pass in a "
        "`payment_method` to pay this invoice."
    )
    return invalid(message, code="invoice_no_payment_method")
