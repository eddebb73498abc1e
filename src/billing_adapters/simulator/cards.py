"""Cards: the numbers, names and tokens that make something certain happen. Source: https://docs.stripe.com/testing.

In live mode they work too: the simulator knows no other card.
"""

import hashlib
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from attrs import frozen

from billing_adapters.simulator.refusals import Refused, card_declined

__all__ = ["Authentication", "Card", "Decline", "RefundOutcome", "by_name", "by_number"]


class Authentication(Enum):
    """When a card wants its owner to confirm a payment."""

    NEVER = "never"
    UNLESS_SET_UP = "unless set up"  # and always when its owner is there
    ON_SESSION = "on session"  # as if it had been set up before
    ALWAYS = "always"


class RefundOutcome(Enum):
    """What becomes of a refund to a card."""

    SUCCEEDS = "succeeds"
    LATER = "is pending, then succeeds"
    FAILS = "succeeds, then fails"


@frozen
class Decline:
    """Why a card is declined."""

    code: str
    decline_code: str | None
    message: str
    param: str | None = None


@frozen
class Card:
    """A card of the test suite.

    `decline` is why payments with it fail, and `attaches` whether it can be kept for a customer nevertheless.
    """

    number: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    decline: Decline | None = None
    attaches: bool = True
    authentication: Authentication = Authentication.NEVER
    dispute: str | None = None
    inquiry: bool = False
    refund: RefundOutcome = RefundOutcome.SUCCEEDS

    @property
    def last4(self) -> str:
        """The last four digits."""
        return self.number[-4:]

    @property
    def fingerprint(self) -> str:
        """What two payment methods of the same card share."""
        return hashlib.sha256(self.number.encode()).hexdigest()[:16]


_DECLINED = "Your card was declined."


def _declining(number: str, code: str, decline_code: str | None, message: str, param: str | None = None) -> Card:
    return Card(number, decline=Decline(code, decline_code, message, param), attaches=False)


_POOR = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")

_CARDS: Mapping[str, Card] = MappingProxyType({
    "visa": Card("4242424242424242"),
    "visa_debit": Card("4000056655665556", funding="debit"),
    "mastercard": Card("5555555555554444", "mastercard"),
    "mastercard_debit": Card("5200828282828210", "mastercard", "debit"),
    "mastercard_prepaid": Card("5105105105105100", "mastercard", "prepaid"),
    "amex": Card("378282246310005", "amex"),
    "discover": Card("6011111111111117", "discover"),
    "diners": Card("3056930009020004", "diners"),
    "jcb": Card("3566002020360505", "jcb", country="JP"),
    "unionpay": Card("6200000000000005", "unionpay", country="CN"),
    "bypassPending": Card("4000000000000077"),
    "chargeDeclined": _declining("4000000000000002", "card_declined", "generic_decline", _DECLINED),
    "chargeDeclinedInsufficientFunds": Card("4000000000009995", decline=_POOR, attaches=False),
    "chargeDeclinedLostCard": _declining("4000000000009987", "card_declined", "lost_card", _DECLINED),
    "chargeDeclinedStolenCard": _declining("4000000000009979", "card_declined", "stolen_card", _DECLINED),
    "chargeDeclinedExpiredCard": _declining(
        "4000000000000069", "expired_card", None, "Your card has expired.", "exp_month"
    ),
    "chargeDeclinedIncorrectCvc": _declining(
        "4000000000000127", "incorrect_cvc", None, "Your card's security code is incorrect.", "cvc"
    ),
    "chargeDeclinedProcessingError": _declining(
        "4000000000000119", "processing_error", None,
        "An error occurred while processing your card. Try again in a little bit.",
    ),
    "chargeDeclinedVelocityLimitExceeded": _declining(
        "4000000000006975", "card_declined", "card_velocity_exceeded",
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    ),
    "radarBlock": _declining("4100000000000019", "card_declined", "fraudulent", _DECLINED),
    "chargeCustomerFail": Card(
        "4000000000000341", decline=Decline("card_declined", "generic_decline", _DECLINED)
    ),
    "authenticationRequired": Card("4000002760003184", authentication=Authentication.ALWAYS),
    "authenticationRequiredOnSetup": Card("4000002500003155", authentication=Authentication.UNLESS_SET_UP),
    "authenticationRequiredSetupForOffSession": Card("4000003800000446", authentication=Authentication.ON_SESSION),
    "authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        "4000008260003178", decline=_POOR, authentication=Authentication.ON_SESSION
    ),
    "threeDSecure2Required": Card("4000000000003220", authentication=Authentication.ALWAYS),
    "threeDSecureRequired": Card("4000000000003063", authentication=Authentication.ALWAYS),
    "createDispute": Card("4000000000000259", dispute="fraudulent"),
    "createDisputeProductNotReceived": Card("4000000000002685", dispute="product_not_received"),
    "createDisputeInquiry": Card("4000000000001976", dispute="fraudulent", inquiry=True),
    "pendingRefund": Card("4000000000007726", refund=RefundOutcome.LATER),
    "refundFail": Card("4000000000005126", refund=RefundOutcome.FAILS),
})  # fmt: skip
_BY_NUMBER: Mapping[str, Card] = MappingProxyType({card.number: card for card in _CARDS.values()})


def by_name(name: str) -> Card | None:
    """Return the card of a well-known payment method or token: `pm_card_visa`, `tok_chargeDeclined`; None for any other."""
    for prefix in ("pm_card_", "tok_"):
        if name.startswith(prefix):
            short = name.removeprefix(prefix)
            return _CARDS.get(short) or _CARDS.get(short.removeprefix("visa_"))
    return None


def by_number(number: str) -> Card:
    """Return the card with a number.

    Raises:
        Refused: No card has such a number, or it is none of the test suite.
    """
    digits = number.replace(" ", "").replace("-", "")
    if not digits.isdecimal() or not _is_whole(digits):
        raise card_declined("Your card number is incorrect.", "incorrect_number", param="number")
    if digits not in _BY_NUMBER:
        raise _unknown()
    return _BY_NUMBER[digits]


def _is_whole(digits: str) -> bool:
    """Say whether the last digit agrees with the others (Luhn)."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0  # noqa: PLR2004 - a digit


def _unknown() -> Refused:
    message = (
        "Your card was declined. Your request was in test mode, but used a non test (live) card. For a list of valid test "
        "cards, visit: https://stripe.com/docs/testing."
    )
    return card_declined(message, "card_declined", "test_mode_live_card")
