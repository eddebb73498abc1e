"""Entitlements: what an account may do now."""

from attrs import frozen

from billing_core.application.agreements import subscriptions_of
from billing_core.domain.entitlements import Entitlements as Entitled
from billing_core.domain.entitlements import derive
from billing_core.ports import Store

__all__ = ["Entitlements"]


@frozen
class Entitlements:
    """Opened as `billing.entitlements`."""

    _store: Store

    def of(self, account: str) -> Entitled:
        """Return what the live subscriptions of an account entitle it to; an unknown account is entitled to nothing."""
        with self._store.view() as unit:
            subscriptions = subscriptions_of(unit, account)
            items = [item for one in subscriptions if one.live for item in one.items]
            prices = unit.prices.get({item.price for item in items if item.product is None})
            named = {
                item.price: item.product or prices[item.price].value.product
                for item in items
                if item.product or item.price in prices
            }
            products = unit.products.get(set(named.values()))
        terms = {price: products[product].value.terms for price, product in named.items() if product in products}
        return derive(account, subscriptions, terms)
