"""Amounts: what a quantity of a price costs. Source: https://docs.stripe.com/products-prices/pricing-models."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from billing_adapters.simulator.presenting import JsonObject

__all__ = ["amount_of", "rounded"]


def amount_of(price: Mapping[str, Any], quantity: int, currency: str) -> int:
    """Return what a quantity costs, in minor units of a currency in which the price is given."""
    terms = price if currency == price["currency"] else price["currency_options"][currency]
    if terms.get("tiers"):
        return rounded(_tiered(terms["tiers"], quantity, price["tiers_mode"]))
    packages = price.get("transform_quantity")
    units = _transformed(quantity, packages) if packages else quantity
    return rounded(Decimal(terms["unit_amount_decimal"] or 0) * units)


def rounded(amount: Decimal) -> int:
    """Return an amount in whole minor units; half of one is rounded up."""
    return int(amount.to_integral_value(ROUND_HALF_UP))


def _transformed(quantity: int, packages: JsonObject) -> int:
    size = int(packages["divide_by"])
    return -(-quantity // size) if packages["round"] == "up" else quantity // size


def _tiered(tiers: Sequence[JsonObject], quantity: int, mode: str) -> Decimal:
    """Add up the tiers that a quantity reaches; of a volume price only the last one counts, for all of the quantity."""
    if mode == "volume":
        tier = next(one for one in tiers if one["up_to"] is None or quantity <= one["up_to"])
        return _of_tier(tier, quantity)
    total, below = Decimal(), 0
    for tier in tiers:
        if quantity > below or below == 0:
            upper = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
            total += _of_tier(tier, upper - below)
            below = upper if tier["up_to"] is None else tier["up_to"]
    return total


def _of_tier(tier: JsonObject, quantity: int) -> Decimal:
    return Decimal(tier["unit_amount_decimal"] or 0) * quantity + Decimal(tier["flat_amount_decimal"] or 0)
