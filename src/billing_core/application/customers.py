"""Customers: whose they are."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import attrs
from attrs import frozen

from billing_core.application.mirroring import keep
from billing_core.application.work import Missing, Work, retried
from billing_core.domain.credits import AccountId
from billing_core.domain.customers import Customer, Link
from billing_core.domain.mirrors import Kind, Mirrored, Phase, snapshot
from billing_core.errors import Invalid
from billing_core.ports import Clock, Store, UnitOfWork

__all__ = ["Customers", "account_of", "owner_of", "record_customer"]

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
            Invalid: No account can have this name.
        """
        linked = Customer(customer, Link(self._clock.now(), AccountId(account).owner))
        retried(self._store, Kind.CUSTOMER.named(customer), lambda unit, _: _link(unit, linked))
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


def owner_of(work: Work, customer: str | None, *named: str | None, others: Sequence[str] = ()) -> str:
    """Return the account behind a payment: the first that is named by what was paid for, or else the customer's.

    A name that no account can have is as good as none: it can be mended at the provider. `others` are the objects, besides
    the customer, whose news may say it later.

    Raises:
        Missing: Nobody says yet whose the customer is.
        Invalid: There is nobody who could ever say.
    """
    owner = _first_usable(named) or _first_usable([account_of(work.unit, customer)])
    if owner:
        return owner
    awaited = [*([Kind.CUSTOMER.named(customer)] if customer else []), *others]
    if not awaited:
        raise Invalid("account", "is named neither by the payment nor by a customer: nobody can be granted what it bought")
    raise Missing(*awaited)


def account_of(unit: UnitOfWork, customer: str | None) -> str | None:
    """Return the account that a customer is linked to, if it is known."""
    known = unit.customers.get([customer] if customer else [])
    return next((one.value.account for one in known.values()), None)


def _first_usable(names: Iterable[str | None]) -> str | None:
    for name in names:
        with suppress(Invalid):
            return AccountId(name or "").owner
    return None
