"""Amounts: what a quantity of a price costs, what a part of a period, and what discounts take off. Pure functions.

Source: https://docs.stripe.com/products-prices/pricing-models and /billing/subscriptions/prorations.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from attrs import frozen

__all__ = ["Off", "cost", "in_part", "taken_off"]


@frozen
class Off:
    """What one discount takes off: so many percent, or an amount; of lines for these products only, if any are named."""

    percent: Decimal | None = None
    amount: int = 0
    products: frozenset[str] = frozenset()


def cost(price: Mapping[str, Any], quantity: int) -> int:
    """Return what a quantity costs, in minor units: per unit, per package, or by tiers."""
    package = price["transform_quantity"]
    if package:
        up = package["divide_by"] - 1 if package["round"] == "up" else 0
        quantity = (quantity + up) // package["divide_by"]
    if price["tiers"]:
        return _rounded(_tiered(price, quantity))
    return _rounded(Decimal(price["unit_amount_decimal"] or 0) * quantity)


def in_part(amount: int, seconds: int, of: int) -> int:
    """Return the share of an amount for some seconds of a period of `of` seconds."""
    return _rounded(Decimal(amount) * seconds / of) if of else 0


def taken_off(amounts: Sequence[tuple[int, str | None]], offs: Iterable[Off]) -> list[list[int]]:
    """Return what each discount takes off each amount, given with its product; one after another, never below zero."""
    left = [max(amount, 0) for amount, _ in amounts]
    taken = []
    for off in offs:
        products = [product for _, product in amounts]
        within = [one if not off.products or its in off.products else 0 for one, its in zip(left, products, strict=True)]
        parts = _shares(within, off)
        left = [one - part for one, part in zip(left, parts, strict=True)]
        taken.append(parts)
    return taken


def _shares(amounts: Sequence[int], off: Off) -> list[int]:
    if off.percent is not None:
        return [_rounded(amount * off.percent / 100) for amount in amounts]
    total = sum(amounts)
    wanted, shares, reached = min(off.amount, total), [], 0
    for amount in amounts:
        before = wanted * reached // total if total else 0
        reached += amount
        shares.append((wanted * reached // total if total else 0) - before)
    return shares


def _tiered(price: Mapping[str, Any], quantity: int) -> Decimal:
    if price["tiers_mode"] == "volume":
        tier = next(one for one in price["tiers"] if one["up_to"] is None or quantity <= one["up_to"])
        return _of_tier(tier, quantity)
    total, below = Decimal(0), 0
    for tier in price["tiers"]:
        upper = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
        if upper > below or below == 0:
            total += _of_tier(tier, upper - below)
        below = max(upper, below)
        if below >= quantity:
            break
    return total


def _of_tier(tier: Mapping[str, Any], quantity: int) -> Decimal:
    return Decimal(tier["flat_amount_decimal"] or 0) + Decimal(tier["unit_amount_decimal"] or 0) * quantity


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
