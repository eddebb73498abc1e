"""Orders: what the payment provider is asked to do, and what it answers.

An order is made of plain values, so that it can be written down before the provider is asked, and be asked for again by
whoever finds it after a crash. It names everything that it depends on: asking twice asks for the same.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeAlias, get_args

import attrs
from attrs import field, frozen

from billing_core.domain.credits.values import flag, long_text, positive, text
from billing_core.domain.money import Currency, Money, whole
from billing_core.domain.payments import InvoiceLine
from billing_core.domain.products import metadata_map
from billing_core.domain.times import moment
from billing_core.domain.webhooks import Command
from billing_core.errors import Invalid

__all__ = [
    "MOST_TRIAL_DAYS",
    "CancelSubscription",
    "ChangePlan",
    "CreateCustomer",
    "CreateSubscription",
    "IssuedInvoice",
    "KeepSubscription",
    "OpenCheckout",
    "OpenPortal",
    "Order",
    "PauseSubscription",
    "Placed",
    "Preview",
    "Proration",
    "RefundPayment",
    "ResumeSubscription",
    "SaveCard",
    "TakePayment",
    "order_of",
    "plain_order",
]

# https://docs.stripe.com/billing/subscriptions/trials: a trial lasts at most two years.
MOST_TRIAL_DAYS = 730

_optional_text = attrs.validators.optional(text)
_optional_positive = attrs.validators.optional(positive)


def _trial(_instance: object, attribute: "attrs.Attribute[int | None]", value: int | None) -> None:
    if value is not None and not 1 <= whole(attribute.name, value) <= MOST_TRIAL_DAYS:
        raise Invalid(attribute.name, f"must be between 1 and {MOST_TRIAL_DAYS}, not {value}")


def _currency(_instance: object, _attribute: object, value: str) -> None:
    Currency(value)


def _texts(value: Mapping[str, str]) -> Mapping[str, str]:
    told: object = value
    if not isinstance(told, Mapping) or not all(isinstance(one, str) for pair in told.items() for one in pair):
        raise Invalid("metadata", "must map texts to texts")
    return metadata_map(value)


def _address(_instance: object, attribute: "attrs.Attribute[str]", value: object) -> None:
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        raise Invalid(attribute.name, "must be the address of a page, which begins with https:// or http://")


@frozen(kw_only=True)
class CreateCustomer:
    """Create a customer that belongs to an account."""

    account: str = field(validator=text)
    email: str | None = field(default=None, validator=attrs.validators.optional(long_text))
    name: str | None = field(default=None, validator=attrs.validators.optional(long_text))


@frozen(kw_only=True)
class TakePayment:
    """Take one payment of so many minor units, for what its metadata says.

    `off_session`: it is taken at once, with the payment method or else the customer's default one, and nobody is there to
    help. Otherwise the customer pays, with the secret that the answer holds.
    """

    customer: str = field(validator=text)
    amount_minor: int = field(validator=positive)
    currency: str = field(validator=_currency)
    off_session: bool = field(default=False, validator=flag)
    payment_method: str | None = field(default=None, validator=_optional_text)
    description: str | None = field(default=None, validator=attrs.validators.optional(long_text))
    metadata: Mapping[str, str] = field(factory=dict, converter=_texts)


@frozen(kw_only=True)
class OpenCheckout:
    """Open a page of the provider on which a customer buys a price once, or subscribes to it.

    The customer may enter a promotion code if `codes` is set; otherwise a `coupon` or a `promotion_code` can be applied.
    What `metadata` says is written on what is bought: the payment, or the subscription.
    """

    customer: str = field(validator=text)
    price: str = field(validator=text)
    quantity: int = field(default=1, validator=positive)
    recurring: bool = field(default=False, validator=flag)
    success_url: str = field(validator=_address)
    cancel_url: str | None = field(default=None, validator=attrs.validators.optional(_address))
    trial_days: int | None = field(default=None, validator=_trial)
    coupon: str | None = field(default=None, validator=_optional_text)
    promotion_code: str | None = field(default=None, validator=_optional_text)
    codes: bool = field(default=False, validator=flag)
    metadata: Mapping[str, str] = field(factory=dict, converter=_texts)

    def __attrs_post_init__(self) -> None:
        """Refuse what the provider would not take together."""
        if sum((self.coupon is not None, self.promotion_code is not None, self.codes)) > 1:
            raise Invalid("coupon", "goes with neither a promotion_code nor codes to be entered: choose one of the three")
        if self.trial_days is not None and not self.recurring:
            raise Invalid("trial_days", "belongs to a subscription, and this price is paid once")


@frozen(kw_only=True)
class OpenPortal:
    """Open a page of the provider on which a customer looks after cards, invoices and subscriptions."""

    customer: str = field(validator=text)
    return_url: str = field(validator=_address)


@frozen(kw_only=True)
class SaveCard:
    """Let a customer save a payment method for later, with the secret that the answer holds."""

    customer: str = field(validator=text)


@frozen(kw_only=True)
class CreateSubscription:
    """Begin a subscription; without a trial the customer pays its first invoice with the secret that the answer holds."""

    customer: str = field(validator=text)
    price: str = field(validator=text)
    quantity: int = field(default=1, validator=positive)
    trial_days: int | None = field(default=None, validator=_trial)
    coupon: str | None = field(default=None, validator=_optional_text)
    promotion_code: str | None = field(default=None, validator=_optional_text)
    metadata: Mapping[str, str] = field(factory=dict, converter=_texts)


class Proration:
    """How a change inside a running period is settled. Providers add ways, so these are names for known strings."""

    LATER = "create_prorations"  # with the next invoice
    NOW = "always_invoice"  # with an invoice at once
    NONE = "none"


@frozen(kw_only=True)
class ChangePlan:
    """Let one item of a subscription have another price or quantity from now on."""

    subscription: str = field(validator=text)
    item: str = field(validator=text)
    price: str = field(validator=text)
    quantity: int = field(default=1, validator=positive)
    proration: str = field(default=Proration.NOW, validator=text)


@frozen(kw_only=True)
class PauseSubscription:
    """Collect no payments for a subscription until it is resumed; its invoices meanwhile are void."""

    subscription: str = field(validator=text)


@frozen(kw_only=True)
class ResumeSubscription:
    """Collect payments again."""

    subscription: str = field(validator=text)


@frozen(kw_only=True)
class CancelSubscription:
    """End a subscription: now, or when the period that is paid for ends."""

    subscription: str = field(validator=text)
    at_period_end: bool = field(default=True, validator=flag)


@frozen(kw_only=True)
class KeepSubscription:
    """Take back that a subscription is to end with its period."""

    subscription: str = field(validator=text)


@frozen(kw_only=True)
class RefundPayment:
    """Send a payment back, all that is left of it or so many minor units."""

    payment: str = field(validator=text)
    amount_minor: int | None = field(default=None, validator=_optional_positive)
    reason: str | None = field(default=None, validator=_optional_text)


Order: TypeAlias = (
    CreateCustomer
    | TakePayment
    | OpenCheckout
    | OpenPortal
    | SaveCard
    | CreateSubscription
    | ChangePlan
    | PauseSubscription
    | ResumeSubscription
    | CancelSubscription
    | KeepSubscription
    | RefundPayment
)

_KINDS: Mapping[str, type[Order]] = MappingProxyType({kind.__name__: kind for kind in get_args(Order)})


@frozen(kw_only=True)
class Placed:
    """What the provider answered to an order, or says of it later.

    Attributes:
        id: What the provider calls the customer, payment, page, subscription or refund.
        status: In what state it is, in the provider's own word: `requires_action`, `open`, `active`.
        url: The page to send the customer to.
        secret: What the customer's browser finishes the payment with; it is never stored.
        payment: The payment that this led to, as far as there is one yet.
        subscription: The subscription that this led to or is about.
        news: What is known by this answer already, as if its webhook had come.
    """

    id: str
    status: str | None = None
    url: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    payment: str | None = None
    subscription: str | None = None
    news: tuple[Command, ...] = ()


@frozen(kw_only=True)
class Preview:
    """What a change of plan would cost: what is `due` for it, and the lines of which that is made."""

    due: Money
    at: datetime = field(converter=moment)
    lines: tuple[InvoiceLine, ...] = ()


@frozen(kw_only=True)
class IssuedInvoice:
    """An invoice as its customer sees it, paid or not; `status` is the provider's word, `url` its page."""

    id: str
    status: str
    total: Money
    due: Money
    issued_at: datetime = field(converter=moment)
    number: str | None = None
    subscription: str | None = None
    url: str | None = field(default=None, repr=False)


def plain_order(order: Order) -> Mapping[str, Any]:
    """Return an order as plain data that JSON can hold; what is left to its default is left out."""
    told = attrs.asdict(order, filter=lambda one, value: value not in (one.default, {}), value_serializer=_plain)
    return {"kind": type(order).__name__, **told}


def order_of(plain: Mapping[str, Any]) -> Order:
    """Return the order that was written as plain data.

    Raises:
        Invalid: No order of this version is written like this.
    """
    told = {**plain}
    name = told.pop("kind", None)
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise Invalid("order", f"is of a kind that this version does not know: {name!r}")
    known = attrs.fields_dict(kind)
    needed = {one for one, its in known.items() if its.default is attrs.NOTHING}
    if not needed <= told.keys() <= known.keys():
        raise Invalid("order", f"has not the fields that a {name} of this version has")
    return kind(**told)


def _plain(_instance: object, _attribute: object, value: Any) -> Any:  # noqa: ANN401 - whatever an order holds
    return dict(value) if isinstance(value, Mapping) else value
