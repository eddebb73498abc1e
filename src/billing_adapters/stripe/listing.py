"""Listing: the catalog and a customer's invoices, a page at a time."""

from collections.abc import Callable
from typing import TypeVar

from billing_adapters.stripe.calls import PAGE, Answer, Calls
from billing_adapters.stripe.reading import Json, Node
from billing_adapters.stripe.shapes import price, product
from billing_core.domain.money import Money
from billing_core.domain.orders import IssuedInvoice
from billing_core.domain.pages import Page, Unreadable
from billing_core.domain.products import Price, Product
from billing_core.errors import Invalid, Malformed

__all__ = ["invoices", "prices", "products"]

T = TypeVar("T")


def products(calls: Calls, after: str | None) -> Page[Product]:
    """Return one page of all products."""
    return _page(calls.get("/v1/products", limit=PAGE, **_after(after)), product)


def prices(calls: Calls, after: str | None) -> Page[Price]:
    """Return one page of all prices, with what Stripe leaves out unless it is asked for."""
    whole = ["data.currency_options", "data.tiers"]
    return _page(calls.get("/v1/prices", limit=PAGE, expand=whole, **_after(after)), price)


def invoices(calls: Calls, customer: str, limit: int) -> list[IssuedInvoice]:
    """Return at most so many invoices of a customer, the latest first.

    Raises:
        Malformed: One of them cannot be read.
    """
    found: list[IssuedInvoice] = []
    for answer in calls.pages("/v1/invoices", {"customer": customer}, min(limit, PAGE)):
        found += map(_issued, answer.listed)
        if len(found) >= limit:
            break
    return found[:limit]


def _after(cursor: str | None) -> dict[str, object]:
    if cursor == "":
        raise Invalid("after", "must be a cursor that a page gave, or None to begin")
    return {"starting_after": cursor} if cursor else {}


def _page(answer: Answer, read: Callable[[Json], T]) -> Page[T]:
    values: list[T] = []
    unreadable: list[Unreadable] = []
    for raw in answer.listed:
        try:
            values.append(read(raw))
        except (Malformed, Invalid) as what:
            unreadable.append(Unreadable(str(raw.get("id")), what.reason))
    last = answer.listed[-1].get("id") if answer.more and answer.listed else None
    return Page(tuple(values), tuple(unreadable), last if isinstance(last, str) else None)


def _issued(raw: Json) -> IssuedInvoice:
    node = Node("invoice", raw)
    currency = node.currency()
    return IssuedInvoice(
        id=node.text("id"),
        status=node.text("status"),
        total=Money(node.integer("total"), currency),
        due=Money(node.integer("amount_remaining"), currency),
        issued_at=node.moment("created"),
        number=node.optional_text("number"),
        subscription=_subscription(node),
        url=node.optional_text("hosted_invoice_url"),
    )


def _subscription(node: Node) -> str | None:
    parent = node.optional_node("parent")
    details = parent.optional_node("subscription_details") if parent else None
    return details.optional_reference("subscription") if details else None
