"""The simulator: an offline Stripe for tests, stateful, seeded, with a clock that can be advanced.

`SimulatedStripe` is the whole of it; its doors are `http_client()`, in process, and `simulator_asgi`, over HTTP.
"""

from billing_adapters.simulator.asgi import simulator_asgi
from billing_adapters.simulator.deliveries import Delivered
from billing_adapters.simulator.faults import Faults, WebhookFaults
from billing_adapters.simulator.refusals import Refused
from billing_adapters.simulator.simulated import SimulatedStripe

__all__ = ["Delivered", "Faults", "Refused", "SimulatedStripe", "WebhookFaults", "simulator_asgi"]
