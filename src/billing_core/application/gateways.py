"""Gateways: what everybody minds who asks the payment provider."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from billing_core.errors import Invalid, ProviderRefused
from billing_core.ports import PaymentProvider

__all__ = ["given", "since"]

P = TypeVar("P")


def given(gateway: PaymentProvider | None) -> PaymentProvider:
    """Return who is asked.

    Raises:
        Invalid: Nobody was named.
    """
    if gateway is None:
        raise Invalid("gateway", "is not set: give `Billing` a PaymentProvider")
    return gateway


def since(ask: Callable[[str | None], P], kept: str | None) -> P:
    """Ask for what follows a place that was kept; if the provider does not know that place any more, for what is first."""
    if kept is not None:
        with suppress(ProviderRefused):
            return ask(kept)
    return ask(None)
