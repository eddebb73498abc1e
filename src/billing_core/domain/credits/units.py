"""Units: what is counted, and into how small steps one of it is divided."""

from decimal import Decimal

import attrs
from attrs import field, frozen

from billing_core.domain.credits.values import MAX_AMOUNT, text
from billing_core.domain.money import shifted, whole
from billing_core.errors import Invalid

__all__ = ["Unit"]

_MOST_DIGITS = 12


def _scale(_instance: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    if not 0 <= whole(attribute.name, value) <= _MOST_DIGITS:
        raise Invalid(attribute.name, f"must be from 0 to {_MOST_DIGITS}, not {value}")


@frozen
class Unit:
    """What is counted, under a name. `scale` is how many decimals one of it has: 6 counts millionths.

    Choose the scale before anything is counted: amounts are stored as whole numbers of the smallest step, and are others
    under another scale.
    """

    name: str = field(default="credits", validator=text)
    scale: int = field(default=0, validator=_scale)

    def steps(self, amount: int | Decimal) -> int:
        """Return an amount in the smallest steps: an `int` is one already, a `Decimal` counts whole units.

        Raises:
            Invalid: The amount is a `float` or anything else, is finer than the scale, or is too large to be exact.
        """
        if not isinstance(amount, Decimal):
            return whole("amount", amount)
        steps = shifted(amount, self.scale)
        if steps is None or abs(steps) > MAX_AMOUNT:
            raise Invalid("amount", f"must be a number of at most {MAX_AMOUNT} smallest steps, not {amount}")
        if steps.denominator != 1:
            raise Invalid("amount", f"must have at most {self.scale} decimals in {self.name}, not {amount}")
        return steps.numerator

    def whole(self, steps: int) -> Decimal:
        """Return so many smallest steps in whole units, for people to read."""
        return Decimal(f"{steps}e-{self.scale}")
