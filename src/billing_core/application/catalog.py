"""Catalog: what is sold, and what is wrong with how it is described."""

from collections.abc import Sequence
from typing import TypeVar

from attrs import frozen

from billing_core.application.products import problems_of
from billing_core.application.syncing import Progress, Syncing
from billing_core.domain.mirrors import Mirrorable, Mirrored
from billing_core.domain.products import Price, Problem, Product
from billing_core.domain.syncs import SyncReport
from billing_core.errors import Unknown, UnknownPrice, UnknownProduct
from billing_core.ports import Listed, Store

__all__ = ["Catalog"]

T = TypeVar("T", bound=Mirrorable)


def _in_silence(_report: SyncReport) -> None:
    """Tell nobody."""


@frozen
class Catalog:
    """Opened as `billing.catalog`."""

    _store: Store
    _syncing: Syncing

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
            return [*problems_of(unit)]

    def sync(self, progress: Progress = _in_silence) -> SyncReport:
        """Read all products and prices of the provider, archived ones too, and keep what they say.

        What the provider does not list any more counts as deleted. A sync that was interrupted goes on where it stopped, if
        that was within a day; whether it comes to its end or not, what was read is kept. What was deferred until one of
        these came is applied.

        Args:
            progress: Is told after each page what was found so far.

        Raises:
            ProviderUnavailable: The provider did not answer; sync again to go on.
            ProviderDenied: The provider does not take the key.
            ProviderRefused: The provider would not list them.
            Invalid: There is no gateway.
        """
        return self._syncing.sync(progress)

    def product_history(self, product_id: str) -> Sequence[Mirrored[Product]]:
        """Return what a product said since it is known here, the earliest first and the present last.

        The revision of each says since when. News that came after later news is not among them: it never counted.

        Raises:
            UnknownProduct: The id was never heard of.
        """
        with self._store.view() as unit:
            return _history(unit.products, product_id, UnknownProduct(product_id))

    def price_history(self, price_id: str) -> Sequence[Mirrored[Price]]:
        """Return what a price said since it is known here, likewise.

        Raises:
            UnknownPrice: The id was never heard of.
        """
        with self._store.view() as unit:
            return _history(unit.prices, price_id, UnknownPrice(price_id))


def _history(mirror: Listed[T], object_id: str, unknown: Unknown) -> Sequence[Mirrored[T]]:
    present = mirror.get([object_id]).get(object_id)
    if present is None:
        raise unknown
    return [*mirror.past(object_id), present]
