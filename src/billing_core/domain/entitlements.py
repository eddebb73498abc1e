"""Entitlements: what an account may do now, derived from its live subscriptions and their products."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from attrs import frozen

from billing_core.domain.products import CreditTerms
from billing_core.domain.subscriptions import Subscription

__all__ = ["Entitlements", "derive"]

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@frozen
class Entitlements:
    """What an account is entitled to. `subscriptions` are the ids of those that give it."""

    account: str
    plan_tier: str | None = None
    feature_flags: frozenset[str] = frozenset()
    subscriptions: tuple[str, ...] = ()

    def allows(self, feature: str) -> bool:
        """Tell whether a feature flag is on."""
        return feature in self.feature_flags


def derive(account: str, subscriptions: Iterable[Subscription], terms: Mapping[str, CreditTerms]) -> Entitlements:
    """Return what live subscriptions entitle to; `terms` are those of each price they hold.

    Feature flags add up. The tier is that of the subscription that started last, for tiers have no order of their own.
    """
    live = sorted((one for one in subscriptions if one.live), key=lambda one: (one.started_at or _LONG_AGO, one.id))
    held = [terms[item.price] for one in live for item in one.items if item.price in terms]
    tiers = [one.plan_tier for one in held if one.plan_tier]
    return Entitlements(
        account=account,
        plan_tier=tiers[-1] if tiers else None,
        feature_flags=frozenset(flag for one in held for flag in one.feature_flags),
        subscriptions=tuple(one.id for one in live),
    )
