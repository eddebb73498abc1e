"""Payers: who pays for an account at the provider, and what it can buy."""

from attrs import frozen

from billing_core.application.outward import Outward
from billing_core.domain.credits import AccountId
from billing_core.domain.orders import CreateCustomer
from billing_core.domain.policies import require_for_sale
from billing_core.domain.products import Price, Product
from billing_core.errors import NotForSale, UnknownPrice, UnknownProduct
from billing_core.ports import Store, UnitOfWork

__all__ = ["Payers", "for_sale", "pack_price"]


@frozen
class Payers:
    """Knows the customer of an account, and creates one where there is none."""

    _store: Store
    _outward: Outward

    def customer(self, account: str, *, email: str | None = None, name: str | None = None) -> str:
        """Return the id of the customer who pays for an account; two who ask at once get the same.

        A deleted customer never comes back: the next one is a new one.
        """
        named = AccountId(account).owner
        with self._store.view() as view:
            known = view.customers.of_account(named)
        there = [one.id for one in known if not one.deleted]
        if there:
            return there[0]
        order = CreateCustomer(account=named, email=email, name=name)
        return self._outward.once(f"customer:{len(known)}:{named}", named, ["customer"], lambda _: order).id


def for_sale(unit: UnitOfWork, price: str, quantity: int) -> tuple[Product, Price]:
    """Return a price with its product, as they are known here.

    Raises:
        UnknownPrice: Nobody has heard of it.
        UnknownProduct: The price came, but its product did not yet.
        Refused: So many of it are not for sale.
    """
    known = unit.prices.get([price]).get(price)
    if known is None:
        raise UnknownPrice(price)
    product = unit.products.get([known.value.product]).get(known.value.product)
    if product is None:
        raise UnknownProduct(known.value.product)
    require_for_sale(product.value, known.value, quantity)
    return product.value, known.value


def pack_price(unit: UnitOfWork, pack: str) -> str:
    """Return the price by which a pack is bought, which is named by it or by its product.

    Raises:
        NotForSale: The product has no default price.
    """
    product = unit.products.get([pack]).get(pack)
    if product is None:
        return pack
    if product.value.default_price is None:
        raise NotForSale(f"product {pack}", "has no default price")
    return product.value.default_price
