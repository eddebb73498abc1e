"""Products: what is sold, kept as it was told, with what was told before."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeVar

from billing_core.application.mirroring import Kept, Merge, keep_all
from billing_core.application.work import Work
from billing_core.domain.events import PRODUCT_QUARANTINED
from billing_core.domain.mirrors import Kind, Mirrorable, Mirrored, merge
from billing_core.domain.products import Price, Problem, Product, lint, quarantined
from billing_core.ports import Listed, UnitOfWork

__all__ = ["problems_of", "record_price", "record_prices", "record_product", "record_products"]

T = TypeVar("T", bound=Mirrorable)


def record_product(work: Work, incoming: Mirrored[Product]) -> None:
    """Keep a product, and tell when its metadata cannot be read."""
    record_products(work, [incoming])


def record_products(
    work: Work, incoming: Sequence[Mirrored[Product]], merged: Merge[Product] = merge
) -> Sequence[Kept[Product]]:
    """Keep different products, and tell of those whose metadata cannot be read."""
    kept = _record(work, work.unit.products, Kind.PRODUCT, incoming, merged)
    for one in kept:
        if one.changed and not one.after.deleted:
            _tell_what_is_wrong(work, one.after)
    return kept


def record_price(work: Work, incoming: Mirrored[Price]) -> None:
    """Keep a price."""
    record_prices(work, [incoming])


def record_prices(work: Work, incoming: Sequence[Mirrored[Price]], merged: Merge[Price] = merge) -> Sequence[Kept[Price]]:
    """Keep different prices."""
    return _record(work, work.unit.prices, Kind.PRICE, incoming, merged)


def problems_of(unit: UnitOfWork) -> Iterator[Problem]:
    """Explain everything that is wrong with products and their prices, by product; no more than a few are held at once."""
    last = None
    while page := unit.products.live(after=last):
        last = page[-1].value.id
        prices = defaultdict(list)
        for price in unit.prices.of_products(one.value.id for one in page):
            prices[price.product].append(price)
        for one in page:
            yield from lint(one.value, prices[one.value.id])


def _record(
    work: Work, mirror: Listed[T], kind: Kind, incoming: Sequence[Mirrored[T]], merged: Merge[T]
) -> Sequence[Kept[T]]:
    kept = keep_all(work, mirror, kind, incoming, merged)
    mirror.remember(one.stored for one in kept if one.stored and one.changed)
    return kept


def _tell_what_is_wrong(work: Work, product: Product) -> None:
    errors = quarantined(lint(product))
    if errors:
        shown = "; ".join(str(one) for one in errors)
        work.tell(PRODUCT_QUARANTINED, Kind.PRODUCT.named(product.id), problems=shown)
