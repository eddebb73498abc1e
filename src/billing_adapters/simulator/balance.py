"""The balance: what came in and went out, less Stripe's fees. Source: https://docs.stripe.com/api/balance_transactions."""

from billing_adapters.simulator.expanding import EXPANDABLE
from billing_adapters.simulator.listing import CREATED, PAGE, page, same
from billing_adapters.simulator.params import Fields, Params, currency, text
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.world import World

__all__ = ["ROUTES", "booked", "fee_of"]

ROUTES = Routes()
_URL = "/v1/balance_transactions"
_KIND = "balance_transaction"
_PENDING_SECONDS = 2 * 24 * 3600
_PER_MILLE, _FIXED = 29, 30

EXPANDABLE.update(balance_transaction=_KIND, failure_balance_transaction=_KIND)

_LIST: Fields = {**PAGE, **CREATED, "currency": currency, "payout": text, "source": text, "type": text}


@ROUTES.get(f"{_URL}/{{id}}")
def retrieve(world: World, params: Params) -> JsonObject:
    """Return a balance transaction."""
    return _matured(world, world.get(_KIND, params["id"]))


@ROUTES.get(_URL, _LIST)
def list_all(world: World, params: Params) -> JsonObject:
    """Return a page of balance transactions."""
    found = page(world, _KIND, _URL, params, same(params, "currency", "source", "type"))
    return {**found, "data": [_matured(world, one) for one in found["data"]]}


def booked(
    world: World, kind: str, source: JsonObject, amount: int, *, fee: int = 0, category: str | None = None
) -> JsonObject:
    """Book an amount that came in, or went out if it is negative."""
    details = {"amount": fee, "application": None, "currency": source["currency"], "type": "stripe_fee"}
    return world.add({
        "id": world.new_id("txn"),
        "object": _KIND,
        "amount": amount,
        "available_on": world.now + _PENDING_SECONDS,
        "balance_type": "payments",
        "created": world.now,
        "currency": source["currency"],
        "description": source.get("description"),
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [{**details, "description": "Stripe processing fees"}] if fee else [],
        "net": amount - fee,
        "reporting_category": category or kind,
        "source": source["id"],
        "status": "pending",
        "type": kind,
    })


def fee_of(amount: int) -> int:
    """Return what Stripe takes of a payment: 2.9 % and 30 minor units, whatever the currency."""
    return min(amount, amount * _PER_MILLE // 1000 + _FIXED)


def _matured(world: World, one: JsonObject) -> JsonObject:
    return {**one, "status": "available" if one["available_on"] <= world.now else "pending"}
