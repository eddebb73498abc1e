"""Samples: events as Stripe writes them, in today's shape, signed as Stripe signs them.

For tests. The objects carry the members that Stripe never leaves empty; any other can be given under its own name, as
Stripe sends it, only that moments may be `datetime`.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeAlias, cast

from attrs import frozen

from billing_adapters.stripe.webhooks import SIGNATURE

__all__ = ["VERSION", "JsonObject", "Samples", "body", "sign"]

JsonObject: TypeAlias = dict[str, Any]

VERSION = "2026-10-28.endive"
_START = datetime(2026, 1, 1, tzinfo=UTC)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON, in and out
    """Return a copy of a JSON value with each moment written as Stripe does, in seconds."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in cast("JsonObject", value).items()}
    if isinstance(value, list):
        return [_plain(one) for one in cast("list[object]", value)]
    return int(value.timestamp()) if isinstance(value, datetime) else value


def _listed(data: Iterable[JsonObject], url: str) -> JsonObject:
    found = list(data)
    return {"object": "list", "data": found, "has_more": False, "total_count": len(found), "url": url}


def _shared(amount: int, quantity: int) -> str:
    """Return the amount of each unit, with at most twelve decimals."""
    exact = f"{Decimal(amount) / (quantity or 1):.12f}"
    return exact.rstrip("0").rstrip(".")


@frozen
class Samples:
    """Builders of Stripe's objects in today's shape, all in one currency and one mode."""

    currency: str = "usd"
    livemode: bool = False

    def product(self, product_id: str, name: str, /, **members: object) -> JsonObject:
        """Return a product; give its `metadata`, and `active=False` for an archived one."""
        own = {"name": name, "active": True, "images": [], "marketing_features": [], "type": "service", "updated": _START}
        return self._object("product", product_id, own, members)

    def price(
        self, price_id: str, product: str, unit_amount: int | None, /, *, interval: str | None = None, **members: object
    ) -> JsonObject:
        """Return a price of so many minor units, recurring if there is an interval (`day`, `week`, `month`, `year`)."""
        rhythm = {
            "interval": interval,
            "interval_count": 1,
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        }
        own = {
            "product": product,
            "active": True,
            "billing_scheme": "per_unit",
            "currency": self.currency,
            "recurring": rhythm if interval else None,
            "tax_behavior": "unspecified",
            "type": "recurring" if interval else "one_time",
            "unit_amount": unit_amount,
            "unit_amount_decimal": None if unit_amount is None else str(unit_amount),
        }
        return self._object("price", price_id, own, members)

    def customer(self, customer_id: str, /, **members: object) -> JsonObject:
        """Return a customer; give its `email`, `name` and `metadata`."""
        own = {"balance": 0, "delinquent": False, "invoice_prefix": "SAMPLE", "preferred_locales": [], "tax_exempt": "none"}
        return self._object("customer", customer_id, own, members)

    def payment_intent(
        self, payment_id: str, amount: int, /, *, customer: str | None = None, **members: object
    ) -> JsonObject:
        """Return a payment that succeeded; give the `metadata` that says what it bought."""
        own = {
            "amount": amount,
            "amount_capturable": 0,
            "amount_received": amount,
            "capture_method": "automatic_async",
            "client_secret": f"{payment_id}_secret_sample",
            "confirmation_method": "automatic",
            "currency": self.currency,
            "customer": customer,
            "latest_charge": f"ch_{payment_id.removeprefix('pi_')}",
            "payment_method_types": ["card"],
            "status": "succeeded",
        }
        return self._object("payment_intent", payment_id, own, members)

    def charge(self, payment_id: str, amount: int, refunded: int, /, **members: object) -> JsonObject:
        """Return the charge of a payment of which so much was refunded in all."""
        own = {
            "amount": amount,
            "amount_captured": amount,
            "amount_refunded": refunded,
            "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
            "captured": True,
            "currency": self.currency,
            "disputed": False,
            "paid": True,
            "payment_intent": payment_id,
            "refunded": refunded == amount,
            "status": "succeeded",
        }
        return self._object("charge", f"ch_{payment_id.removeprefix('pi_')}", own, members)

    def refund(self, refund_id: str, payment_id: str, amount: int, /, **members: object) -> JsonObject:
        """Return a refund of a payment, which succeeded unless `status` says otherwise; give when it was `created`."""
        own = {
            "amount": amount,
            "charge": f"ch_{payment_id.removeprefix('pi_')}",
            "currency": self.currency,
            "payment_intent": payment_id,
            "reason": None,
            "status": "succeeded",
        }
        made = self._object("refund", refund_id, own, members)
        del made["livemode"]
        return made

    def dispute(
        self, dispute_id: str, payment_id: str, amount: int, /, *, moved: Iterable[int] = (), **members: object
    ) -> JsonObject:
        """Return a dispute of a payment, which needs a response unless `status` says otherwise.

        `moved` are the amounts that it moved: one below zero that was withdrawn, and one above that was given back.
        """
        own = {
            "amount": amount,
            "balance_transactions": [self._moved(dispute_id, number, one) for number, one in enumerate(moved, start=1)],
            "charge": f"ch_{payment_id.removeprefix('pi_')}",
            "currency": self.currency,
            "enhanced_eligibility_types": [],
            "evidence": {"enhanced_evidence": {}},
            "evidence_details": {
                "due_by": _START,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
                "submission_method": "not_submitted",
            },
            "is_charge_refundable": False,
            "payment_intent": payment_id,
            "reason": "fraudulent",
            "status": "needs_response",
        }
        return self._object("dispute", dispute_id, own, members)

    def _moved(self, dispute_id: str, number: int, amount: int) -> JsonObject:
        own = {
            "amount": amount,
            "available_on": _START,
            "balance_type": "payments",
            "currency": self.currency,
            "fee": 0,
            "fee_details": [],
            "net": amount,
            "reporting_category": "dispute" if amount < 0 else "dispute_reversal",
            "source": dispute_id,
            "status": "available",
            "type": "adjustment",
        }
        made = self._object("balance_transaction", f"txn_{dispute_id.removeprefix('dp_')}_{number}", own, {})
        del made["livemode"], made["metadata"]
        return made

    def invoice_payment(self, invoice_id: str, payment_id: str, amount: int, /, **members: object) -> JsonObject:
        """Return the news that a payment settled an invoice, which only versions from basil on tell."""
        own = {
            "amount_paid": amount,
            "amount_requested": amount,
            "currency": self.currency,
            "invoice": invoice_id,
            "is_default": True,
            "payment": {"type": "payment_intent", "payment_intent": payment_id},
            "status": "paid",
            "status_transitions": {"canceled_at": None, "paid_at": _START},
        }
        made = self._object("invoice_payment", f"inpay_{invoice_id.removeprefix('in_')}", own, members)
        del made["metadata"]
        return made

    def subscription(
        self,
        subscription_id: str,
        customer: str,
        prices: Iterable[tuple[JsonObject, int]],
        period: tuple[datetime, datetime],
        /,
        **members: object,
    ) -> JsonObject:
        """Return a subscription to prices with their quantities, which is active unless `status` says otherwise."""
        items = [self._item(subscription_id, n, price, count, period) for n, (price, count) in enumerate(prices, start=1)]
        own = {
            "automatic_tax": {"enabled": False},
            "billing_cycle_anchor": period[0],
            "billing_mode": {"type": "flexible", "updated_at": period[0]},
            "billing_schedules": [],
            "cancel_at_period_end": False,
            "collection_method": "charge_automatically",
            "created": period[0],
            "currency": self.currency,
            "customer": customer,
            "default_tax_rates": [],
            "discounts": [],
            "invoice_settings": {"issuer": {"type": "self"}},
            "items": _listed(items, f"/v1/subscription_items?subscription={subscription_id}"),
            "start_date": period[0],
            "status": "active",
        }
        return self._object("subscription", subscription_id, own, members)

    def _item(
        self, subscription_id: str, number: int, price: JsonObject, quantity: int, period: tuple[datetime, datetime]
    ) -> JsonObject:
        plan = {
            name: price[name] for name in ("id", "active", "billing_scheme", "created", "currency", "livemode", "product")
        }
        rhythm = {name: price["recurring"][name] for name in ("interval", "interval_count", "usage_type")}
        own = {
            "current_period_start": period[0],
            "current_period_end": period[1],
            "discounts": [],
            "plan": {**plan, **rhythm, "object": "plan", "amount": price["unit_amount"]},
            "price": price,
            "quantity": quantity,
            "subscription": subscription_id,
            "tax_rates": [],
        }
        made = self._object("subscription_item", f"si_{subscription_id.removeprefix('sub_')}_{number}", own, {})
        del made["livemode"]
        return made

    def line(
        self,
        line_id: str,
        price: JsonObject,
        period: tuple[datetime, datetime],
        *,
        subscription: str | None = None,
        quantity: int = 1,
        amount: int | None = None,
        proration: bool = False,
    ) -> JsonObject:
        """Return an invoice line that charges a price; `amount` says otherwise: 0 for a trial, a part for a proration.

        Without a subscription it is an invoice item that somebody added by hand.
        """
        charged = price["unit_amount"] * quantity if amount is None else amount
        kind = "subscription_item_details" if subscription else "invoice_item_details"
        own_id = line_id.removeprefix("il_")
        branch = {"proration": proration, "proration_details": {"credited_items": None}, "subscription": subscription}
        by_hand = {"invoice_item": f"ii_{own_id}"}
        by_plan = {"invoice_item": None, "subscription_item": f"si_{own_id}"}
        own: JsonObject = {
            "amount": charged,
            "currency": self.currency,
            "discount_amounts": [],
            "discountable": True,
            "discounts": [],
            "parent": {
                "type": kind,
                kind: {**branch, **(by_plan if subscription else by_hand)},
            },
            "period": {"start": period[0], "end": period[1]},
            "pricing": {
                "price_details": {"price": price["id"], "product": price["product"]},
                "type": "price_details",
                # Per unit of this line, not of the price: "0" on the line of a trial, although the price is not free.
                "unit_amount_decimal": _shared(charged, quantity),
            },
            "quantity": quantity,
            "subtotal": charged,
            "taxes": [],
        }
        made = self._object("line_item", line_id, own, {})
        del made["created"]
        return made

    def invoice(
        self,
        invoice_id: str,
        subscription: JsonObject | None,
        lines: Iterable[JsonObject],
        paid_at: datetime,
        **members: object,
    ) -> JsonObject:
        """Return an invoice that is paid; give its `billing_reason`, such as `subscription_cycle`."""
        charged = list(lines)
        total = sum(line["amount"] for line in charged)
        paid = max(0, total)
        counts = dict.fromkeys(
            "amount_overpaid amount_remaining amount_shipping post_payment_credit_notes_amount "
            "pre_payment_credit_notes_amount starting_balance".split(),
            0,
        )
        own: JsonObject = {
            **counts,
            "amount_due": paid,
            "amount_paid": paid,
            "attempt_count": 1,
            "attempted": True,
            "auto_advance": False,
            "automatic_tax": {"enabled": False},
            "billing_reason": "subscription_cycle" if subscription else "manual",
            "collection_method": "charge_automatically",
            "created": paid_at,
            "currency": self.currency,
            "customer_tax_exempt": "none",
            "default_tax_rates": [],
            "discounts": [],
            "effective_at": paid_at,
            "issuer": {"type": "self"},
            "lines": _listed(({**line, "invoice": invoice_id} for line in charged), f"/v1/invoices/{invoice_id}/lines"),
            "payment_settings": {"payment_method_types": None},
            "period_end": paid_at,
            "period_start": paid_at,
            "status": "paid",
            "status_transitions": {"finalized_at": paid_at, "paid_at": paid_at},
            "subtotal": total,
            "subtotal_excluding_tax": total,
            "total": total,
            "total_discount_amounts": [],
            "total_excluding_tax": total,
            "total_pretax_credit_amounts": [],
            "total_taxes": [],
        }
        if subscription:
            own["customer"] = subscription["customer"]
            details = {"subscription": subscription["id"], "metadata": subscription["metadata"]}
            own["parent"] = {"type": "subscription_details", "quote_details": None, "subscription_details": details}
            for line in own["lines"]["data"]:
                line["metadata"] = subscription["metadata"] if "subscription_item_details" in line["parent"] else {}
        return self._object("invoice", invoice_id, own, members)

    def event(
        self, event_type: str, about: JsonObject, created: datetime, *, event_id: str, previous: JsonObject | None = None
    ) -> JsonObject:
        """Return an event about an object; `previous` is what an update changed, as it was."""
        data = {"object": about} if previous is None else {"object": about, "previous_attributes": previous}
        event = {
            "id": event_id,
            "object": "event",
            "api_version": VERSION,
            "created": created,
            "data": data,
            "livemode": self.livemode,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": event_type,
        }
        return cast("JsonObject", _plain(event))

    def _object(self, kind: str, object_id: str, own: Mapping[str, object], members: Mapping[str, object]) -> JsonObject:
        first = {"id": object_id, "object": kind, "created": _START, "livemode": self.livemode, "metadata": {}}
        return cast("JsonObject", _plain({**first, **own, **members}))


def body(event: JsonObject) -> bytes:
    """Return the bytes that Stripe would send."""
    return json.dumps(event, indent=2).encode()


def sign(content: bytes, secret: str, at: datetime) -> dict[str, str]:
    """Return the headers of a request that carries these bytes, signed by Stripe's own library."""
    from stripe import WebhookSignature  # noqa: PLC0415 - as in `webhooks`

    signature = WebhookSignature.generate_signature_header(content.decode(), secret, int(at.timestamp()))
    return {"Content-Type": "application/json; charset=utf-8", SIGNATURE: signature}
