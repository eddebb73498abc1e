"""Money: whole minor units of one currency, never a float and never two currencies at once."""

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Self

import attrs
from attrs import field, frozen

from billing_core.errors import CurrencyMismatch, Invalid

__all__ = ["MAX_AMOUNT", "Currency", "Money", "shifted", "whole"]

# The exponents are those in which the provider counts minor units (https://docs.stripe.com/currencies, "zero-decimal",
# "three-decimal" and "special cases"). ISK and UGX have no minor unit in ISO 4217, yet their amounts come in hundredths.
_ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
_THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())
_CODE = re.compile(r"[a-z]{3}")
MAX_AMOUNT = 2**53 - 1  # JSON clients hold numbers as doubles, which are exact up to here
_MOST_DIGITS = 100  # more than all the money there is, and few enough to compute with


def whole(name: str, value: object) -> int:
    """Return `value` if it is a true `int`; a `float`, `bool`, `Decimal` or text is refused, whatever it holds.

    Raises:
        Invalid: The value is not an `int`.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(name, f"must be a whole number (int), not {type(value).__name__}")
    return value


def shifted(amount: Decimal, decimals: int) -> Fraction | None:
    """Return `amount` in steps of so many decimals, exactly, or None if it is no number that anybody counts with."""
    if not amount.is_finite() or abs(amount.adjusted()) > _MOST_DIGITS or len(amount.as_tuple().digits) > _MOST_DIGITS:
        return None
    # A fraction is exact; the context of decimals, which the caller may have changed, rounds.
    return Fraction(amount) * Fraction(10) ** decimals


def _is_code(value: object) -> bool:
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def _known_form(_instance: object, _attribute: object, value: str) -> None:
    if not _is_code(value):
        raise Invalid("currency", "must be three lower-case letters")


@frozen(order=True)
class Currency:
    """An ISO 4217 code in lower case, with the number of decimals of its minor unit."""

    code: str = field(validator=_known_form)

    @property
    def exponent(self) -> int:
        """How many decimals separate the minor unit from the major one: 0, 2 or 3."""
        if self.code in _ZERO_DECIMAL:
            return 0
        return 3 if self.code in _THREE_DECIMAL else 2

    def __str__(self) -> str:
        """Write the code as people do, in capitals."""
        return self.code.upper()


def _whole_minor(_instance: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    whole(attribute.name, value)


def _currency(value: Currency | str) -> Currency:
    return value if isinstance(value, Currency) else Currency(value)


@frozen
class Money:
    """An amount in whole minor units (cents, yen, fils) of one currency; negative amounts are refunds and credits.

    Raises:
        Invalid: The amount is not an `int`, or the currency is no three-letter code.
        CurrencyMismatch: Two currencies met in a sum or a comparison.
    """

    amount_minor: int = field(validator=_whole_minor)
    currency: Currency = field(converter=_currency)

    @classmethod
    def of(cls, major: str | int | Decimal, currency: Currency | str) -> Self:
        """Read an amount in major units, `Money.of("12.34", "usd")`; more decimals than the currency has are refused."""
        if isinstance(major, bool) or not isinstance(major, str | int | Decimal):
            raise Invalid("amount", f"must be text, int or Decimal, not {type(major).__name__}")
        money_of = _currency(currency)
        try:
            amount = Decimal(major)
        except InvalidOperation:
            raise Invalid("amount", f"{major!r} is not a number") from None
        minor = shifted(amount, money_of.exponent)
        if minor is None:
            raise Invalid("amount", f"{major} is no amount of money")
        if minor.denominator != 1:
            raise Invalid("amount", f"{major} has no whole number of minor units in {money_of}")
        return cls(minor.numerator, money_of)

    @property
    def major(self) -> Decimal:
        """The exact amount in major units."""
        return Decimal(f"{self.amount_minor}e-{self.currency.exponent}")

    def __add__(self, other: "Money") -> "Money":
        """Add an amount of the same currency."""
        return Money(self.amount_minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        """Subtract an amount of the same currency."""
        return Money(self.amount_minor - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        """Turn a charge into a refund of the same size."""
        return Money(-self.amount_minor, self.currency)

    def __mul__(self, quantity: int) -> "Money":
        """Multiply by a whole quantity."""
        return Money(self.amount_minor * whole("quantity", quantity), self.currency)

    def __lt__(self, other: "Money") -> bool:
        """Compare with an amount of the same currency."""
        return self.amount_minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        """Compare with an amount of the same currency."""
        return self.amount_minor <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        """Compare with an amount of the same currency."""
        return self.amount_minor > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        """Compare with an amount of the same currency."""
        return self.amount_minor >= self._same(other)

    def __str__(self) -> str:
        """Write the amount with exactly its currency's decimals: `12.34 USD`, `500 JPY`."""
        return f"{self.major:.{self.currency.exponent}f} {self.currency}"

    def _same(self, other: "Money") -> int:
        if not isinstance(other, Money):
            raise Invalid("amount", f"must be Money, not {type(other).__name__}")
        if other.currency != self.currency:
            raise CurrencyMismatch(str(self.currency), str(other.currency))
        return other.amount_minor
