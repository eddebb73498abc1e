"""Products: what is sold, kept as it was told."""

from billing_core.application.mirroring import keep
from billing_core.application.work import Work
from billing_core.domain.events import PRODUCT_QUARANTINED
from billing_core.domain.mirrors import Kind, Mirrored
from billing_core.domain.products import Price, Product, lint, quarantined

__all__ = ["record_price", "record_product"]


def record_product(work: Work, incoming: Mirrored[Product]) -> None:
    """Keep a product, and tell when its metadata cannot be read."""
    kept = keep(work, work.unit.products, Kind.PRODUCT, incoming)
    errors = quarantined(lint(kept.after))
    if kept.changed and errors and not kept.after.deleted:
        shown = "; ".join(str(one) for one in errors)
        work.tell(PRODUCT_QUARANTINED, Kind.PRODUCT.named(kept.after.id), problems=shown)


def record_price(work: Work, incoming: Mirrored[Price]) -> None:
    """Keep a price."""
    keep(work, work.unit.prices, Kind.PRICE, incoming)
