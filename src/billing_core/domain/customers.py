"""Customers: which of the application's accounts stands behind which of the provider's customers.

An *account* is the application's own id (a user, a team); a *customer* is the provider's. The link is what the application
said when it created the customer (metadata), or says later; it outlives the customer, because credits do.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

import attrs
from attrs import field, frozen

from billing_core.domain.products import metadata_map
from billing_core.domain.times import moment

__all__ = ["ACCOUNT", "Customer", "Link", "latest_link"]


# The metadata in which the application writes its own account id on the provider's objects.
ACCOUNT = "billing_account"


@frozen(order=True)
class Link:
    """Since `at`, the account behind an object is known; the latest link is the one that counts."""

    at: datetime = field(converter=moment)
    account: str


def latest_link(one: Link | None, other: Link | None) -> Link | None:
    """Return the later of two links, in whichever order they came."""
    return max((link for link in (one, other) if link), default=None)


@frozen
class Customer:
    """The provider's customer; `link` None: nobody has said yet whose it is."""

    id: str
    link: Link | None = None
    email: str | None = None
    name: str | None = None
    deleted: bool = False
    metadata: Mapping[str, str] = field(factory=dict, converter=metadata_map)

    @property
    def ended(self) -> bool:
        """Whether the customer was deleted; it never comes back."""
        return self.deleted

    @property
    def stage(self) -> int:
        """Nothing in a customer tells which of two snapshots came first."""
        return 0

    @property
    def account(self) -> str | None:
        """The application's account behind this customer, if anybody said."""
        return self.link.account if self.link else None

    @property
    def content(self) -> Self:
        """The customer without its link."""
        return attrs.evolve(self, link=None)

    def absorb(self, other: Self) -> Self:
        """Keep the later of the two links."""
        return attrs.evolve(self, link=latest_link(self.link, other.link))
