"""Checkout of subscriptions: what a session asks of whoever knows how to subscribe a customer."""

from collections.abc import Callable
from typing import TypeAlias

from billing_adapters.simulator.params import Params
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import invalid
from billing_adapters.simulator.world import World

__all__ = ["ON_SUBSCRIBE", "Subscribe", "subscribed"]

Subscribe: TypeAlias = Callable[[World, JsonObject, Params], JsonObject]

ON_SUBSCRIBE: list[Subscribe] = []
"""Who creates a subscription for a session, of the parameters of a subscription; at most one."""


def subscribed(world: World, session: JsonObject, params: Params) -> JsonObject:
    """Create the subscription of a session, of the parameters of a subscription, and return it.

    Raises:
        Refused: There is nobody who could, or the first payment is declined.
    """
    if not ON_SUBSCRIBE:
        raise invalid("This simulator knows no subscriptions.", "mode")
    return ON_SUBSCRIBE[0](world, session, params)
