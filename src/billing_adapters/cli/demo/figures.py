"""Figures: everything that a story makes claims about, as a billing library answers it."""

from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from billing_adapters.cli.demo.steps import Figures
from billing_core.billing import Billing
from billing_core.domain.credits import Book, Entry, LotKind
from billing_core.domain.webhooks import DeliveryState
from billing_core.errors import UnknownAccount

__all__ = ["Compared", "compare", "figures"]

_PAGE = 1000
_ALL = 2**31 - 1  # more than anybody plays


@frozen
class Compared:
    """One figure: what it should be and what it is."""

    name: str
    expected: object
    actual: object

    @property
    def right(self) -> bool:
        """Whether it is what it should be."""
        return self.expected == self.actual


def compare(billing: Billing, account: str, expected: Figures) -> tuple[Compared, ...]:
    """Set expected figures against the actual ones; one that does not exist is wrong."""
    actual = figures(billing, account)
    return tuple(Compared(name, value, actual.get(name)) for name, value in expected.items())


def figures(billing: Billing, account: str) -> Figures:
    """Return every figure of an account, and of what was received."""
    return {
        **_credits(billing, account),
        **_agreements(billing, account),
        **_catalog(billing),
        **_received(billing),
    }


def _credits(billing: Billing, account: str) -> Figures:
    balance = billing.credits.balance(account)
    if balance.version:
        billing.credits.expire(account)  # so that the books are as timely as the balance
    entries = _entries(billing, account)
    kinds = {f"{kind} credits": balance.by_kind[kind] for kind in (LotKind.PAYG, LotKind.SUBSCRIPTION)}
    books = {f"book {book}": amount for book, amount in _books(entries).items()}
    lots = sum(1 for entry in entries if entry.opened)
    return {**kinds, "available": balance.available, **books, "sum of the books": sum(books.values()), "lots": lots}


def _entries(billing: Billing, account: str) -> tuple[Entry, ...]:
    try:
        return tuple(_pages(billing, account))
    except UnknownAccount:
        return ()


def _pages(billing: Billing, account: str) -> Iterator[Entry]:
    page = billing.credits.statement(account, limit=_PAGE)
    yield from page.entries
    while page.next_before:
        page = billing.credits.statement(account, before=page.next_before, limit=_PAGE)
        yield from page.entries


def _books(entries: Iterable[Entry]) -> Mapping[Book, int]:
    """Add the books up from the entries alone: what the statement says must explain what the balance says."""
    books = dict.fromkeys(Book, 0)
    for entry in entries:
        for movement in entry.movements:
            books[movement.source] -= movement.amount
            books[movement.target] += movement.amount
    return books


def _agreements(billing: Billing, account: str) -> Figures:
    subscriptions = billing.subscriptions.of(account)
    entitled = billing.entitlements.of(account)
    return {
        "subscriptions": ", ".join(one.status for one in subscriptions) or "none",
        "plan tier": entitled.plan_tier or "none",
        "features": ", ".join(sorted(entitled.feature_flags)) or "none",
    }


def _catalog(billing: Billing) -> Figures:
    return {
        "products": len(billing.catalog.products()),
        "problems in products": len(billing.catalog.problems()),
    }


def _received(billing: Billing) -> Figures:
    return {f"webhooks {state}": len(billing.webhooks.deliveries(state, _ALL)) for state in DeliveryState}
