"""Payable: what must be so before a payment is tried. Source: https://docs.stripe.com/api/payment_intents/confirm."""

from billing_adapters.simulator.currencies import CURRENCIES, LARGEST, LEAST, written
from billing_adapters.simulator.intents import check
from billing_adapters.simulator.params import Params
from billing_adapters.simulator.presenting import JsonObject, presented
from billing_adapters.simulator.refusals import Refused, invalid, unexpected_state
from billing_adapters.simulator.world import World

__all__ = ["check_amount", "check_confirmable", "check_has_method", "check_only_with_confirm", "check_return"]


def check_amount(amount: int, code: str) -> None:
    """Make sure that an amount can be charged.

    Raises:
        Refused: The currency is none of Stripe's, or the amount is too small or too large.
    """
    if code not in CURRENCIES:
        supported = ", ".join(sorted(CURRENCIES))
        raise invalid(f"Invalid currency: {code}. Stripe currently supports these currencies: {supported}", "currency")
    least = LEAST.get(code, 1)
    if amount < least:
        raise invalid(f"Amount must be at least {written(least, code)}", "amount", "amount_too_small")
    if amount > LARGEST:
        raise invalid(f"Amount must be no more than {written(LARGEST, code)}", "amount", "amount_too_large")


def check_only_with_confirm(params: Params) -> None:
    """Make sure that nothing is said that only matters to an attempt.

    Raises:
        Refused: Something is.
    """
    for name in ("error_on_requires_action", "mandate_data", "off_session", "return_url"):
        if name in params:
            raise invalid(f"You can only use `{name}` together with `confirm`=true.", name)


def check_confirmable(intent: JsonObject) -> None:
    """Make sure that an intent may be confirmed.

    Raises:
        Refused: It may not.
    """
    if intent["status"] == "succeeded":
        message = "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed."
        raise unexpected_state("payment_intent", message, payment_intent=presented(intent))
    check(intent, "confirmed")


def check_has_method(intent: JsonObject) -> None:
    """Make sure that there is something to pay with.

    Raises:
        Refused: There is not.
    """
    if not intent.get("payment_method"):
        message = (
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment "
            "method or ConfirmationToken."
        )
        raise _without_method(intent, message)


def _without_method(intent: JsonObject, message: str) -> Refused:
    about = {"payment_intent": presented(intent)} if "id" in intent else {}
    return unexpected_state("payment_intent", message, **about)


def check_return(world: World, intent: JsonObject, params: Params) -> None:
    """Make sure that the customer can come back; who names no version is spared, as older accounts are.

    Raises:
        Refused: There is nowhere to come back to.
    """
    automatic = intent.get("automatic_payment_methods")
    redirects = automatic and automatic["allow_redirects"] == "always" and "allowed_payment_method_types" not in params
    if world.caller.version and redirects and not params.get("off_session") and "return_url" not in params:
        raise invalid(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these "
            "payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't "
            "want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
            "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents.",
            "return_url",
        )
