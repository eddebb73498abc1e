"""Relations: what older shapes say about other objects, looked up in a world."""

from billing_adapters.simulator.downgrades import Related
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.world import World

__all__ = ["related"]


def related(world: World) -> Related:
    """Return how to look around in a world."""

    def payments(named: str) -> list[JsonObject]:
        return [
            one
            for one in world.table("invoice_payment").values()
            if named in {one["invoice"], one["payment"].get("payment_intent")}
        ]

    return Related(find=lambda kind, object_id: world.table(kind).get(object_id), payments=payments)
