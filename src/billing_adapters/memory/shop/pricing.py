"""Pricing: what a price comes to, what a change inside a period settles, and when a period ends."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor

from billing_adapters.memory.shop.records import refused
from billing_core.domain.money import Money
from billing_core.domain.payments import InvoiceLine
from billing_core.domain.policies.periods import YEAR, months_later
from billing_core.domain.products import Interval, Price, Recurring, Tier
from billing_core.domain.subscriptions import Subscription, SubscriptionItem

__all__ = ["cost", "period_end", "prorations"]

_DAYS = {Interval.DAY: 1, Interval.WEEK: 7}
_WHOLE = 100  # percent


def cost(price: Price, quantity: int, percent_off: int = 0) -> int:
    """Return what so many units cost, in minor units; half a one is rounded up.

    Raises:
        ProviderRefused: The price does not say what one costs.
    """
    return _rounded(_exact(price, quantity) * Fraction(_WHOLE - percent_off, _WHOLE))


def period_end(anchor: datetime, recurring: Recurring, cycles: int) -> datetime:
    """Return when so many periods are over."""
    number = recurring.count * cycles
    if recurring.interval in _DAYS:
        return anchor + timedelta(days=_DAYS[recurring.interval]) * number
    return months_later(anchor, number * (YEAR if recurring.interval is Interval.YEAR else 1))


def prorations(
    of: Subscription, item: SubscriptionItem, sold: tuple[Price, Price], quantity: int, now: datetime, until: datetime
) -> tuple[InvoiceLine, ...]:
    """Return the two lines that settle a change of an item at `now`: what was not used, and what replaces it `until` then.

    `sold` are the price that it has and the one that it gets.
    """
    before, after = sold
    start, end = item.period_start or now, item.period_end or now
    left = Fraction(max(end - now, timedelta()) // _TICK, max(end - start, _TICK) // _TICK)
    share = left if until == end else Fraction(1)  # a period of another length is a new one

    def line(price: Price, count: int, amount: int, ends: datetime) -> InvoiceLine:
        return InvoiceLine(
            id=f"change_{price.id}",
            amount=Money(amount, price.currency),
            quantity=count,
            product=price.product,
            price=price.id,
            subscription=of.id,
            proration=True,
            period_start=now,
            period_end=ends,
        )

    unused = -_rounded(_exact(before, item.quantity) * left)
    return line(before, item.quantity, unused, end), line(after, quantity, _rounded(_exact(after, quantity) * share), until)


_TICK = timedelta(microseconds=1)


def _exact(price: Price, quantity: int) -> Fraction:
    if price.tiers:
        return _MODES.get(price.tiers_mode or "", _graduated)(price.tiers, quantity)
    if price.unit_amount is None:
        raise refused("price_without_amount", f"price {price.id} does not say what one unit costs", "price")
    return Fraction(price.unit_amount) * quantity


def _volume(tiers: tuple[Tier, ...], quantity: int) -> Fraction:
    """Let the tier that the quantity reaches count for all units."""
    tier = next(one for one in tiers if one.up_to is None or quantity <= one.up_to)
    return _of(tier.unit_amount) * quantity + _of(tier.flat_amount)


def _graduated(tiers: tuple[Tier, ...], quantity: int) -> Fraction:
    """Let each tier count for the units inside of it."""
    total, reached = Fraction(0), 0
    for tier in tiers:
        inside = (quantity if tier.up_to is None else min(quantity, tier.up_to)) - reached
        if inside <= 0:
            break
        total += _of(tier.unit_amount) * inside + _of(tier.flat_amount)
        reached += inside
    return total


_MODES: dict[str, Callable[[tuple[Tier, ...], int], Fraction]] = {"volume": _volume, "graduated": _graduated}


def _of(amount: Decimal | None) -> Fraction:
    return Fraction(amount or 0)


def _rounded(amount: Fraction) -> int:
    return floor(amount + Fraction(1, 2))
