"""Errors: what can go wrong, grouped by what the caller can do next.

Every error carries typed fields for machines and one sentence for people. Control flow uses the class, never the sentence.
"""

from collections.abc import Sequence

from attrs import frozen

__all__ = [
    "AlreadyGranted",
    "AlreadyRestored",
    "BadSignature",
    "BillingError",
    "Conflict",
    "CurrencyMismatch",
    "HoldClosed",
    "HoldExceeded",
    "InsufficientCredits",
    "Invalid",
    "KeyReused",
    "Malformed",
    "NotForSale",
    "NotMigrated",
    "ProductQuarantined",
    "ProviderDeclined",
    "ProviderDenied",
    "ProviderError",
    "ProviderRefused",
    "ProviderUnavailable",
    "RefundExceeded",
    "Refused",
    "RevocationExceeded",
    "Stale",
    "StoreError",
    "StoreUnavailable",
    "Unknown",
    "UnknownAccount",
    "UnknownEntry",
    "UnknownHold",
    "UnknownIntent",
    "UnknownLot",
    "UnknownPayment",
    "UnknownPrice",
    "UnknownProduct",
    "UnknownSubscription",
    "UnknownTopUp",
    "UnknownWebhook",
    "WebhookRejected",
]


class BillingError(Exception):
    """The root of everything this library raises on purpose."""

    def __str__(self) -> str:
        """Say it in one sentence, for people."""
        return self.__doc__ or type(self).__name__


class Refused(BillingError):
    """A rule said no; asking again is refused again."""


class Unknown(BillingError):
    """Nothing by that name is known here."""


@frozen
class Conflict(BillingError):
    """Somebody else wrote first: reload and decide again."""

    what: str

    def __str__(self) -> str:
        """Name what was written by somebody else."""
        return f"{self.what} was changed by somebody else: reload and decide again"


class StoreError(BillingError):
    """The database could not do its part."""


class ProviderError(BillingError):
    """The payment provider did not do what it was asked."""


class WebhookRejected(BillingError):
    """A request that is no genuine, readable webhook; nothing of it was stored."""


@frozen
class Invalid(Refused):
    """An argument that no rule could accept."""

    field: str
    reason: str

    def __str__(self) -> str:
        """Name the field and what is wrong with it."""
        return f"{self.field} {self.reason}"


@frozen
class CurrencyMismatch(Refused):
    """Two amounts of different currencies met."""

    left: str
    right: str

    def __str__(self) -> str:
        """Name both currencies."""
        return f"{self.left} and {self.right} do not mix: amounts of different currencies are never added or compared"


@frozen
class InsufficientCredits(Refused):
    """The account has fewer credits than were asked for."""

    account: str
    requested: int
    available: int

    def __str__(self) -> str:
        """Say both figures."""
        return f"{self.requested} credits requested, {self.available} available"


@frozen
class HoldClosed(Refused):
    """A hold holds nothing any more."""

    account: str
    hold: int
    captured: int
    released: int

    def __str__(self) -> str:
        """Say what became of it."""
        return f"hold {self.hold} is closed: {self.captured} credits were captured, {self.released} returned"


@frozen
class HoldExceeded(Refused):
    """More was to be captured than a hold holds."""

    account: str
    hold: int
    requested: int
    left: int

    def __str__(self) -> str:
        """Say both figures."""
        return f"{self.requested} credits to be captured, hold {self.hold} holds {self.left}"


@frozen
class KeyReused(Refused):
    """An idempotency key came back with another command."""

    account: str
    key: str

    def __str__(self) -> str:
        """Name the key."""
        return f"key {self.key!r} was already used for another command on this account: use a new key"


@frozen
class AlreadyGranted(Refused):
    """The same money came to be granted a second time."""

    account: str
    source: str
    seq: int

    def __str__(self) -> str:
        """Name the source and the entry that granted it."""
        return f"{self.source} was already granted by entry {self.seq}"


@frozen
class RefundExceeded(Refused):
    """More was to be refunded than a spend has left."""

    account: str
    spend: int
    requested: int
    left: int

    def __str__(self) -> str:
        """Say both figures."""
        return f"{self.requested} credits to be refunded, entry {self.spend} has {self.left} left"


@frozen
class RevocationExceeded(Refused):
    """More was to be clawed back than a lot granted, or than is left of that after earlier revocations."""

    account: str
    source: str
    requested: int
    left: int

    def __str__(self) -> str:
        """Say both figures."""
        return f"{self.requested} credits to be clawed back, {self.source} has {self.left} left"


@frozen
class AlreadyRestored(Refused):
    """A revocation was undone before."""

    account: str
    revocation: int
    seq: int

    def __str__(self) -> str:
        """Name the revocation and the entry that undid it."""
        return f"revocation {self.revocation} was already undone by entry {self.seq}"


@frozen
class ProductQuarantined(Refused):
    """A product's metadata does not say clearly what a purchase entitles to."""

    product: str
    problems: Sequence[str]

    def __str__(self) -> str:
        """Name every problem."""
        return f"product {self.product} grants nothing until its metadata is mended: {'; '.join(self.problems)}"


@frozen
class NotForSale(Refused):
    """Something cannot be bought like this."""

    item: str
    reason: str

    def __str__(self) -> str:
        """Name it, and say why."""
        return f"{self.item} cannot be bought: it {self.reason}"


@frozen
class UnknownPrice(Unknown):
    """No price has this id."""

    price: str

    def __str__(self) -> str:
        """Name the id."""
        return f"no price {self.price!r} is known"


@frozen
class UnknownPayment(Unknown):
    """The account made no payment with this id."""

    account: str
    payment: str

    def __str__(self) -> str:
        """Name the id."""
        return f"account {self.account!r} made no payment {self.payment!r}"


@frozen
class UnknownSubscription(Unknown):
    """No subscription has this id."""

    subscription: str

    def __str__(self) -> str:
        """Name the id."""
        return f"no subscription {self.subscription!r} is known"


@frozen
class UnknownIntent(Unknown):
    """Nothing was ordered under this key."""

    intent: str

    def __str__(self) -> str:
        """Name the intent."""
        return f"nothing was ordered as {self.intent!r}"


@frozen
class UnknownProduct(Unknown):
    """No product has this id."""

    product: str

    def __str__(self) -> str:
        """Name the id."""
        return f"no product {self.product!r} is known"


@frozen
class UnknownAccount(Unknown):
    """No account has this id."""

    account: str

    def __str__(self) -> str:
        """Name the account."""
        return f"account {self.account!r} has no ledger: nothing was ever granted to it"


@frozen
class UnknownEntry(Unknown):
    """No entry of the account has this number."""

    account: str
    seq: int

    def __str__(self) -> str:
        """Name the number."""
        return f"account {self.account!r} has no entry {self.seq}"


@frozen
class UnknownHold(Unknown):
    """No hold of the account has this number."""

    account: str
    hold: int

    def __str__(self) -> str:
        """Name the number."""
        return f"account {self.account!r} has no hold {self.hold}"


@frozen
class UnknownLot(Unknown):
    """No lot of the account has this source."""

    account: str
    source: str

    def __str__(self) -> str:
        """Name the source."""
        return f"account {self.account!r} holds no lot from {self.source!r}"


@frozen
class UnknownTopUp(Unknown):
    """The account waits for no such purchase."""

    account: str
    intent: str

    def __str__(self) -> str:
        """Name the intent."""
        return f"account {self.account!r} awaits no top-up {self.intent!r}"


@frozen
class UnknownWebhook(Unknown):
    """No stored webhook has this id."""

    webhook: str

    def __str__(self) -> str:
        """Name the id."""
        return f"no webhook {self.webhook!r} is stored"


@frozen
class NotMigrated(StoreError):
    """The database does not have the tables that this version needs."""

    found: str
    needed: str
    newer: bool = False

    def __str__(self) -> str:
        """Name what mends it."""
        if self.newer:
            return f"the database is at revision {self.found}, written by a newer version: upgrade billing-core"
        return f"the database is at revision {self.found}, this version needs {self.needed}: run `billing db upgrade`"


@frozen
class StoreUnavailable(StoreError):
    """The database did not answer; whether a write took effect is unknown, so repeat it with the same key."""

    reason: str

    def __str__(self) -> str:
        """Give the driver's class of failure, never its parameters."""
        return f"the database is unavailable ({self.reason}): try again with the same key"


@frozen
class ProviderDeclined(ProviderError):
    """Whoever was to pay said no; asking again under the same key is declined again.

    `code` is why, in the provider's word (`insufficient_funds`, `authentication_required`); `reason` is a sentence that may
    be shown to the customer; `payment` is the attempt that failed, if there is one.
    """

    code: str
    reason: str
    payment: str | None = None

    def __str__(self) -> str:
        """Give the code and the sentence."""
        return f"the payment was declined ({self.code}): {self.reason}"


@frozen
class ProviderRefused(ProviderError):
    """The provider would not do this, and asking again is refused again: `code` and `reason` say why, `param` where."""

    code: str
    reason: str
    param: str | None = None

    def __str__(self) -> str:
        """Give the code, the parameter and the sentence."""
        where = f", {self.param}" if self.param else ""
        return f"the payment provider refused ({self.code}{where}): {self.reason}"


@frozen
class ProviderDenied(ProviderError):
    """The provider does not take the key, or the key may not do this; nothing was done."""

    reason: str

    def __str__(self) -> str:
        """Say why, without the key."""
        return f"the payment provider does not take the key: {self.reason}"


@frozen
class ProviderUnavailable(ProviderError):
    """The provider gave no answer: whether it did what it was asked is unknown, so ask again with the same key."""

    reason: str

    def __str__(self) -> str:
        """Say what came instead of an answer."""
        return f"the payment provider gave no answer ({self.reason}): try again with the same key"


@frozen
class BadSignature(WebhookRejected):
    """The signature does not belong to this body under any of the known secrets."""

    reason: str

    def __str__(self) -> str:
        """Give the reason."""
        return f"the signature was rejected: {self.reason}"


@frozen
class Stale(WebhookRejected):
    """The signature is genuine but its timestamp is too far from now."""

    age_seconds: int

    def __str__(self) -> str:
        """Say how far off it is."""
        side = "old" if self.age_seconds >= 0 else "in the future"
        return f"the signature's timestamp is {abs(self.age_seconds)} s {side}"


@frozen
class Malformed(WebhookRejected):
    """The body cannot be read as a webhook."""

    reason: str

    def __str__(self) -> str:
        """Give the reason."""
        return f"the body is not a webhook: {self.reason}"
