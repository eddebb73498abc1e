"""Products: what is sold, at which prices, and which credits a purchase entitles to.

What a purchase grants is written in the product's metadata: `credit_amount`, `credit_type` (`payg` or `subscription`),
`feature_flags` (a comma list) and `plan_tier`. People type these by hand into the provider's dashboard, so every bad value
is explained, and a product with a bad one grants nothing, rather than something nobody meant, until it is mended.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Self

from attrs import field, frozen

from billing_core.domain.money import MAX_AMOUNT, Currency

__all__ = [
    "CREDIT_AMOUNT",
    "CREDIT_TYPE",
    "FEATURE_FLAGS",
    "PLAN_TIER",
    "CreditTerms",
    "CreditType",
    "CurrencyOption",
    "Interval",
    "Price",
    "Problem",
    "Product",
    "Recurring",
    "Severity",
    "Tier",
    "amount_complaint",
    "lint",
    "metadata_map",
    "misfits",
    "quarantined",
    "read_terms",
    "whole_amount",
]

CREDIT_AMOUNT = "credit_amount"
CREDIT_TYPE = "credit_type"
FEATURE_FLAGS = "feature_flags"
PLAN_TIER = "plan_tier"

_MOST_DIGITS = len(str(MAX_AMOUNT))

_KEYS = (CREDIT_AMOUNT, CREDIT_TYPE, FEATURE_FLAGS, PLAN_TIER)
_KNOWN = frozenset(_KEYS)
_DIGITS = re.compile(r"[0-9]+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*")


def metadata_map(value: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return an unchangeable copy in the order of its keys; shaped as an attrs converter."""
    return MappingProxyType(dict(sorted((value or {}).items())))


class Interval(StrEnum):
    """The unit of a billing period."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@frozen
class Recurring:
    """A billing period of `count` intervals; a metered price bills reported usage, a licensed one its quantity."""

    interval: Interval
    count: int = 1
    metered: bool = False


@frozen
class Tier:
    """One step of a tiered price; `up_to` None is the last step. Amounts are in minor units and may have decimals."""

    up_to: int | None = None
    unit_amount: Decimal | None = None
    flat_amount: Decimal | None = None


@frozen
class CurrencyOption:
    """The same price in another currency. Amounts are in that currency's minor units and may have decimals."""

    currency: Currency
    unit_amount: Decimal | None = None
    tiers: tuple[Tier, ...] = ()


@frozen
class Price:
    """What one unit of a product costs: once, or every period when `recurring` is set.

    `unit_amount` is in minor units and may have decimals; None for tiered prices and prices the customer chooses.
    """

    id: str
    product: str
    currency: Currency
    unit_amount: Decimal | None = None
    recurring: Recurring | None = None
    active: bool = True
    deleted: bool = False
    tiers: tuple[Tier, ...] = ()
    tiers_mode: str | None = None
    currency_options: tuple[CurrencyOption, ...] = ()
    lookup_key: str | None = None
    nickname: str | None = None
    metadata: Mapping[str, str] = field(factory=dict, converter=metadata_map)

    @property
    def ended(self) -> bool:
        """Whether the price was deleted at the provider."""
        return self.deleted

    @property
    def stage(self) -> int:
        """Nothing in a price tells which of two snapshots came first."""
        return 0

    @property
    def content(self) -> Self:
        """The price itself: nothing gathers."""
        return self

    def absorb(self, other: Self) -> Self:
        """Return this price: each snapshot is whole."""
        del other
        return self


@frozen
class Product:
    """A thing that is sold, with the metadata that says what a purchase of it entitles to."""

    id: str
    name: str
    active: bool = True
    deleted: bool = False
    description: str | None = None
    default_price: str | None = None
    metadata: Mapping[str, str] = field(factory=dict, converter=metadata_map)

    @property
    def ended(self) -> bool:
        """Whether the product was deleted at the provider."""
        return self.deleted

    @property
    def stage(self) -> int:
        """Nothing in a product tells which of two snapshots came first."""
        return 0

    @property
    def terms(self) -> "CreditTerms":
        """What a purchase entitles to, as far as the metadata can be read."""
        return read_terms(self.id, self.metadata)[0]

    @property
    def content(self) -> Self:
        """The product itself: nothing gathers."""
        return self

    def absorb(self, other: Self) -> Self:
        """Return this product: each snapshot is whole."""
        del other
        return self


class CreditType(StrEnum):
    """How credits of a product live: `payg` never expire, `subscription` last one period."""

    PAYG = "payg"
    SUBSCRIPTION = "subscription"


@frozen
class CreditTerms:
    """What one unit of a product entitles to; `credit_amount` 0 and `credit_type` None: no credits at all."""

    credit_amount: int = 0
    credit_type: CreditType | None = None
    feature_flags: tuple[str, ...] = ()
    plan_tier: str | None = None


class Severity(StrEnum):
    """An error stops the product from granting; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@frozen
class Problem:
    """One thing that is wrong with a product's metadata or prices, told to whoever typed it."""

    product: str
    field: str
    value: str | None
    message: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        """Name the field, its value and what is wrong with it."""
        given = "" if self.value is None else f" {self.value!r}"
        return f"{self.field}{given} {self.message}"


def lint(product: Product, prices: Iterable[Price] = ()) -> tuple[Problem, ...]:
    """Explain everything that is wrong with a product: its metadata, and prices that do not fit its credit type."""
    terms, problems = read_terms(product.id, product.metadata)
    sold = [price for price in prices if price.active and not price.deleted]
    return (*problems, *(problem for price in sold for problem in misfits(terms, price)))


def quarantined(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems for which a product must grant nothing."""
    return tuple(one for one in problems if one.severity is Severity.ERROR)


def read_terms(product: str, metadata: Mapping[str, str]) -> tuple[CreditTerms, tuple[Problem, ...]]:
    """Read what metadata entitles to, with everything that is wrong with it; what cannot be read entitles to nothing."""
    reader = _Reader(product, metadata)
    terms = CreditTerms(
        credit_amount=reader.amount(),
        credit_type=reader.credit_type(),
        feature_flags=reader.flags(),
        plan_tier=reader.tier(),
    )
    reader.look_for_misspellings()
    return terms, tuple(reader.problems)


class _Reader:
    """Reads the four keys of one product's metadata, taking note of what is wrong."""

    def __init__(self, product: str, metadata: Mapping[str, str]) -> None:
        self._product = product
        self._metadata = metadata
        self.problems: list[Problem] = []

    def amount(self) -> int:
        text = self._text(CREDIT_AMOUNT)
        if text is None:
            if CREDIT_TYPE in self._metadata:
                self._note(CREDIT_AMOUNT, f"is missing: {CREDIT_TYPE} is set, so say how many credits one unit grants")
            return 0
        complaint = amount_complaint(text)
        if complaint:
            self._note(CREDIT_AMOUNT, complaint)
        return 0 if complaint else whole_amount(text)

    def credit_type(self) -> CreditType | None:
        text = self._text(CREDIT_TYPE)
        if text is None:
            if CREDIT_AMOUNT in self._metadata:
                self._note(CREDIT_TYPE, f"is missing: {CREDIT_AMOUNT} is set, so say `payg` or `subscription`")
            return None
        if text not in tuple(CreditType):
            self._note(CREDIT_TYPE, "is unknown: it must be `payg` or `subscription`")
            return None
        return CreditType(text)

    def flags(self) -> tuple[str, ...]:
        text = self._text(FEATURE_FLAGS)
        names = [] if text is None else [name.strip() for name in text.split(",")]
        for name in names:
            if not _NAME.fullmatch(name):
                self._note(FEATURE_FLAGS, f"holds {name!r}: a flag is letters, digits and `_ . : -`, parted by commas")
        return tuple(dict.fromkeys(name for name in names if _NAME.fullmatch(name)))

    def tier(self) -> str | None:
        text = self._text(PLAN_TIER)
        if text is not None and not _NAME.fullmatch(text):
            self._note(PLAN_TIER, "must be one name of letters, digits and `_ . : -`")
            return None
        return text

    def look_for_misspellings(self) -> None:
        for key in sorted(self._metadata.keys() - _KNOWN):
            meant = _meant(key)
            if meant and meant not in self._metadata:
                self._note(key, f"is not read: did you mean {meant}?", Severity.WARNING)

    def _text(self, key: str) -> str | None:
        value = self._metadata.get(key)
        return None if value is None else value.strip()

    def _note(self, key: str, message: str, severity: Severity = Severity.ERROR) -> None:
        self.problems.append(Problem(self._product, key, self._metadata.get(key), message, severity))


@lru_cache(maxsize=1024)  # catalogs use few keys, in every product
def _meant(key: str) -> str | None:
    """Return the key that somebody may have meant by another one."""
    folded = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower().replace("-", "_").replace(" ", "_")
    return next(iter(difflib.get_close_matches(folded, _KEYS, n=1, cutoff=0.85)), None)


def whole_amount(text: str) -> int:
    """Return a number of credits, or of units, that there is nothing to complain about."""
    return int(text.strip()[-_MOST_DIGITS:])


def amount_complaint(text: str) -> str:
    """Say what is wrong with a number as somebody typed it; nothing is wrong with it if there is nothing to say."""
    text = text.strip()
    if not text:
        return "is empty: write a whole number, or remove the key"
    if text.startswith("-") and _DIGITS.fullmatch(text[1:]):
        return "is negative: a purchase cannot take credits away"
    if not _DIGITS.fullmatch(text):
        return "is not a whole number: write plain digits, without a sign, separators or decimals"
    # The length first, for Python refuses to read thousands of digits.
    if len(text.lstrip("0")) > _MOST_DIGITS or int(text[-_MOST_DIGITS:]) > MAX_AMOUNT:
        return f"is larger than {MAX_AMOUNT}"
    if not text.strip("0"):
        return "is zero: write how many, or remove the key"
    return ""


def misfits(terms: CreditTerms, price: Price) -> tuple[Problem, ...]:
    """Return what is wrong with selling these terms at this price."""
    message = _misfit(terms, price) if terms.credit_type else ""
    return (Problem(price.product, "price", price.id, message),) if message else ()


def _misfit(terms: CreditTerms, price: Price) -> str:
    if price.recurring and price.recurring.metered:
        return "is metered: it bills what was used, so it cannot sell credits"
    if terms.credit_type is CreditType.PAYG and price.recurring:
        return "is recurring, but payg credits are bought once: use `subscription`, or a one-time price"
    if terms.credit_type is CreditType.SUBSCRIPTION and not price.recurring:
        return "is one-time, but subscription credits belong to a period: use `payg`, or a recurring price"
    return ""
