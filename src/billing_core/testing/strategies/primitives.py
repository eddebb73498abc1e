"""Strategies for what all values are made of: names, texts, moments, amounts of money."""

import string
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st

from billing_core.domain.money import MAX_AMOUNT, Currency, Money

__all__ = [
    "currencies",
    "instants",
    "maybe_amount",
    "maybe_instant",
    "maybe_name",
    "maybe_text",
    "metadata",
    "moneys",
    "names",
    "quantities",
    "texts",
    "unit_amounts",
]

_EARLIEST = datetime(1970, 1, 1)  # noqa: DTZ001 - Hypothesis adds the zone
_LATEST = datetime.max  # noqa: DTZ901 - Hypothesis adds the zone
_LONGEST = 255

# What has broken a store somewhere: quotes, wildcards, escapes, what looks like nothing, and letters of other worlds.
_NASTY_NAMES = (
    "'; DROP TABLE accounts; --",
    '"quoted"',
    "100%_sure?",
    "back\\slash",
    "null",
    "0",
    ":name %s %(name)s {name}",
    "Ünïcödé",
    "e\u0301",
    "日本語 שלום",
    "👩\U0001f3fd",
    "x" * _LONGEST,
    "\U0001d54f" * _LONGEST,
)
_NASTY_TEXTS = (*_NASTY_NAMES, "", " padded ", "two\nlines\r\n\ttabbed", "\x7f\x1b", "\u202eleft", "l" * 5_000)


def names(longest: int = _LONGEST) -> st.SearchStrategy[str]:
    """Draw printable texts of 1 to `longest` characters without blanks around them, as keys and references are."""
    letters = st.characters(exclude_categories=["C", "Z"], include_characters=" ")
    drawn = st.text(letters, min_size=1, max_size=min(longest, 40)).map(str.strip).filter(bool)
    nasty = st.sampled_from(sorted({one[:longest].strip() for one in _NASTY_NAMES}))
    return nasty | drawn


def texts() -> st.SearchStrategy[str]:
    """Draw any text that a provider can send and every database can keep: no NUL, no lone surrogates."""
    letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return st.sampled_from(_NASTY_TEXTS) | st.text(letters, max_size=60)


def instants(earliest: datetime = _EARLIEST, latest: datetime = _LATEST) -> st.SearchStrategy[datetime]:
    """Draw moments in UTC to the microsecond, up to the last one there is."""
    return st.datetimes(earliest.replace(tzinfo=None), latest.replace(tzinfo=None), timezones=st.just(UTC))


def currencies() -> st.SearchStrategy[Currency]:
    """Draw currencies with 0, 2 and 3 decimals."""
    codes = st.sampled_from(("usd", "eur", "jpy", "kwd")) | st.text(string.ascii_lowercase, min_size=3, max_size=3)
    return codes.map(Currency)


def moneys(
    least: int = -MAX_AMOUNT, most: int = MAX_AMOUNT, currency: st.SearchStrategy[Currency] | None = None
) -> st.SearchStrategy[Money]:
    """Draw amounts of money, negative ones too."""
    return st.builds(Money, st.integers(least, most), currencies() if currency is None else currency)


def metadata() -> st.SearchStrategy[Mapping[str, str]]:
    """Draw what people write beside a provider's object."""
    return st.dictionaries(texts(), texts(), max_size=4)


def unit_amounts() -> st.SearchStrategy[Decimal]:
    """Draw prices of one, with up to twelve decimals."""
    whole_or_fine = st.integers(0, 12).flatmap(lambda places: st.decimals(0, 10**9, allow_nan=False, places=places))
    return st.sampled_from((Decimal(0), Decimal("0.5"), Decimal("0.000000000001"))) | whole_or_fine


maybe_name = st.none() | names()
maybe_text = st.none() | texts()
maybe_instant = st.none() | instants()
maybe_amount = st.none() | unit_amounts()
quantities = st.integers(0, MAX_AMOUNT)
