"""Catalog: what is sold, and what is wrong with how it is described."""

from collections.abc import Sequence

from attrs import frozen

from billing_core.domain.products import Price, Problem, Product, lint
from billing_core.errors import UnknownProduct
from billing_core.ports import Store

__all__ = ["Catalog"]


@frozen
class Catalog:
    """Opened as `billing.catalog`."""

    _store: Store

    def products(self) -> Sequence[Product]:
        """Return every product that was not deleted, by id; archived ones too."""
        with self._store.view() as unit:
            return [one for one in unit.products.all() if not one.deleted]

    def product(self, product_id: str) -> Product:
        """Return one product, also after it was deleted.

        Raises:
            UnknownProduct: The id was never heard of.
        """
        with self._store.view() as unit:
            found = unit.products.get([product_id]).get(product_id)
        if found is None:
            raise UnknownProduct(product_id)
        return found.value

    def prices(self, product_id: str) -> Sequence[Price]:
        """Return every price of a product that was not deleted, by id; archived ones too."""
        with self._store.view() as unit:
            return [one for one in unit.prices.of_products([product_id]) if not one.deleted]

    def problems(self) -> Sequence[Problem]:
        """Explain everything that is wrong with products and their prices; a product with an error grants nothing."""
        with self._store.view() as unit:
            products = [one for one in unit.products.all() if not one.deleted]
            prices = unit.prices.of_products([one.id for one in products])
        return [
            problem
            for product in products
            for problem in lint(product, (price for price in prices if price.product == product.id))
        ]
