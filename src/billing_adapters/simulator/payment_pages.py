"""Payment pages: how Stripe's command line pays in a Checkout Session. Undocumented, but its triggers ask for it.

Source: https://github.com/stripe/stripe-cli/blob/master/pkg/fixtures/triggers/checkout.session.completed.json.
"""

from billing_adapters.simulator.checkout_paying import KIND, Payer, pay
from billing_adapters.simulator.methods import used_by
from billing_adapters.simulator.params import Params, integer, required, text
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.refusals import invalid
from billing_adapters.simulator.routes import Routes
from billing_adapters.simulator.world import World

__all__ = ["ROUTES"]

ROUTES = Routes()
_URL = "/v1/payment_pages"


@ROUTES.get(f"{_URL}/{{id}}", {"key": text})
def retrieve(world: World, params: Params) -> JsonObject:
    """Return the page of a session, which has the same id."""
    return _page(world.get(KIND, params["id"]))


@ROUTES.post(f"{_URL}/{{id}}/confirm", {"expected_amount": integer(0), "key": text, "payment_method": required(text)})
def confirm(world: World, params: Params) -> JsonObject:
    """Pay, with a payment method that exists."""
    session = world.get(KIND, params["id"])
    if params.get("expected_amount", session["amount_total"]) != session["amount_total"]:
        message = f"The amount of this session is {session['amount_total']}, and not what was expected."
        raise invalid(message, "expected_amount")
    method = used_by(world, params["payment_method"], session["customer"])
    payer = method["billing_details"]
    pay(world, session, Payer(email=payer["email"], name=payer["name"], method=method["id"]))
    return _page(session)


def _page(session: JsonObject) -> JsonObject:
    names = ("id", "currency", "livemode", "mode", "payment_status", "status", "success_url", "url")
    return {"object": "payment_page", "session_id": session["id"], **{name: session[name] for name in names}}
