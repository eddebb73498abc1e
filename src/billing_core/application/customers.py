"""Customers: whose they are."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import attrs
from attrs import frozen

from billing_core.application.mirroring import keep
from billing_core.application.work import Missing, Work
from billing_core.domain.credits import AccountId
from billing_core.domain.customers import Customer, Link
from billing_core.domain.mirrors import Kind, Mirrored, Phase, snapshot
from billing_core.domain.subscriptions import Subscription
from billing_core.errors import Invalid
from billing_core.ports import Clock, Store, UnitOfWork

__all__ = ["Customers", "owner_of", "record_customer"]

_BEFORE_ALL_NEWS = datetime(1970, 1, 1, tzinfo=UTC)


@frozen
class Customers:
    """Opened as `billing.customers`."""

    _store: Store
    _clock: Clock
    _look_again: Callable[[Iterable[str]], None]

    def link(self, account: str, customer: str) -> None:
        """Say whose a customer is, and carry out what waited for that; the customer itself need not be known yet.

        Only a customer whose own metadata does not name the account needs this.

        Raises:
            Conflict: Somebody else is writing this customer.
        """
        AccountId(account)
        with self._store.begin() as unit:
            _link(unit, Customer(customer, Link(self._clock.now(), account)))
            unit.commit()
        self._look_again([Kind.CUSTOMER.named(customer)])

    def of(self, account: str) -> Sequence[Customer]:
        """Return the customers linked to an account, by id."""
        with self._store.view() as unit:
            return unit.customers.of_account(account)


def record_customer(work: Work, incoming: Mirrored[Customer]) -> None:
    """Keep a customer."""
    keep(work, work.unit.customers, Kind.CUSTOMER, incoming)


def _link(unit: UnitOfWork, linked: Customer) -> None:
    stored = unit.customers.get([linked.id]).get(linked.id)
    known = stored or snapshot(Customer(linked.id), _BEFORE_ALL_NEWS, Phase.CREATED)
    unit.customers.put(attrs.evolve(known, value=known.value.absorb(linked)))


def owner_of(work: Work, named: str | None, customer: str | None, subscription: Subscription | str | None = None) -> str:
    """Return the account behind a payment: the one that it names itself, or its customer's, or its subscription's.

    A subscription that is not known yet is given by its id.

    Raises:
        Missing: None of them says whose it is, yet.
        Invalid: There is nothing that could ever say.
    """
    customers = work.unit.customers.get([customer] if customer and not named else [])
    linked = next((one.value.account for one in customers.values()), None)
    owner = named or linked or (subscription.account if isinstance(subscription, Subscription) else None)
    if owner:
        return owner
    awaited = [Kind.CUSTOMER.named(customer)] if customer else []
    if subscription:
        awaited.append(Kind.SUBSCRIPTION.named(subscription if isinstance(subscription, str) else subscription.id))
    if not awaited:
        raise Invalid("account", "is named neither by the payment nor by a customer: nobody can be granted what it bought")
    raise Missing(*awaited)
