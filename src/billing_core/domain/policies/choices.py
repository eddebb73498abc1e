"""Choices: what an application can decide about its credits. Every default is the original semantics."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import attrs
from attrs import field, frozen

from billing_core.domain.credits import Shortfall, Unit
from billing_core.domain.credits.values import positive
from billing_core.domain.money import whole
from billing_core.errors import Invalid

__all__ = ["OnPlanChange", "Policies", "Rollover", "TrialCredits", "Yearly"]

_CREDITS = Unit()


@frozen
class Rollover:
    """At each renewal of a plan, at most so many unused credits of the period just over last one period more.

    They are carried once: what was carried into a period is not carried out of it.
    """

    most: int = field(validator=positive)


class OnPlanChange(StrEnum):
    """What becomes of the unused credits of a plan that was left."""

    CONVERT = "convert"  # they become pay-as-you-go credits, which never expire
    FORFEIT = "forfeit"  # they expire at the change
    KEEP = "keep"  # they stay until they expire


class Yearly(StrEnum):
    """When a plan that is paid by the year grants its credits."""

    AT_ONCE = "at_once"  # all of them when the year is paid, to last the year
    MONTHLY = "monthly"  # a twelfth with every month, to last the month


class TrialCredits(StrEnum):
    """What a trial grants."""

    NONE = "none"  # nothing, for no money arrived
    AS_PAID = "as_paid"  # what the plan grants when it is paid for, until the trial ends


def _levels(asked: Mapping[str, Iterable[int]]) -> Mapping[str, tuple[int, ...]]:
    """Return the levels of each unit, the highest first; shaped as an attrs converter."""
    levels = {
        unit: tuple(sorted({whole("low_balance", one) for one in some}, reverse=True)) for unit, some in asked.items()
    }
    return MappingProxyType(levels)


def _one_of(kind: type[StrEnum]) -> Callable[[object, "attrs.Attribute[Any]", object], None]:
    """Refuse any other word than these, and their bare text, which would be taken for none of them."""

    def check(_instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        if not isinstance(value, kind):
            raise Invalid(attribute.name, f"must be one of {', '.join(kind)}, as {kind.__name__}")

    return check


def _rollover(_instance: object, attribute: "attrs.Attribute[Rollover | None]", value: Rollover | None) -> None:
    if value is not None and not isinstance(value, Rollover):
        raise Invalid(attribute.name, "must be a Rollover, or None for none")


@frozen
class Policies:
    """What an application can choose.

    Args:
        livemode: None takes live and test news alike; otherwise the other is ignored.
        units: What is counted besides whole credits, with its scale.
        low_balance: For each unit, at which levels the application is told that a balance fell below: once each time.
        rollover: How many unused credits a renewal carries into the new period; None carries none.
        plan_change: What becomes of the unused credits of a plan that was left.
        yearly: When a plan that is paid by the year grants its credits.
        trial: What a trial grants; anything but nothing is granted before money is proven.
        shortfall: What is done about credits that were spent before their money went back.
    """

    livemode: bool | None = None
    units: tuple[Unit, ...] = ()
    low_balance: Mapping[str, tuple[int, ...]] = field(factory=dict, converter=_levels)
    rollover: Rollover | None = field(default=None, validator=_rollover)
    plan_change: OnPlanChange = field(default=OnPlanChange.CONVERT, validator=_one_of(OnPlanChange))
    yearly: Yearly = field(default=Yearly.AT_ONCE, validator=_one_of(Yearly))
    trial: TrialCredits = field(default=TrialCredits.NONE, validator=_one_of(TrialCredits))
    shortfall: Shortfall = field(default=Shortfall.OWE, validator=_one_of(Shortfall))

    def unit(self, name: str) -> Unit:
        """Return a unit by its name; one that nobody defined is counted in whole numbers."""
        for unit in self.units:
            if unit.name == name:
                return unit
        return _CREDITS if name == _CREDITS.name else Unit(name)
