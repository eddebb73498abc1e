"""Syncing: the provider's whole catalog is read, page by page, so that ours says what it says.

Each page is kept together with the place that was reached, so a sync that was interrupted goes on there. What a page says
is as new as the second in which it was asked for: news from before gives way to it, and it gives way to news from then on.
What no page held, and nothing told of since the sync began, is gone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Generic, TypeAlias, TypeVar

import attrs
from attrs import frozen

from billing_core.application.gateways import given, since
from billing_core.application.mirroring import Kept, Merge
from billing_core.application.products import problems_of, record_prices, record_products
from billing_core.application.work import Work, retried
from billing_core.domain.mirrors import Kind, Mirrorable, Mirrored, Phase, merge, relisted, snapshot
from billing_core.domain.pages import Page, Unreadable
from billing_core.domain.policies import Policies
from billing_core.domain.products import Price, Product, quarantined
from billing_core.domain.syncs import Found, Place, SyncReport, goes_on
from billing_core.errors import Invalid
from billing_core.ports import Clock, Ids, Listed, PaymentProvider, Store, UnitOfWork

__all__ = ["Progress", "Syncing"]

T = TypeVar("T", bound=Mirrorable)
D = TypeVar("D")

# Is told what was found so far.
Progress: TypeAlias = Callable[[SyncReport], object]

_CURSOR = "catalog"


@frozen
class _Listing(Generic[T]):
    """What the provider lists, and where it is kept."""

    ask: Callable[[PaymentProvider, str | None], Page[T]]
    mirror: Callable[[UnitOfWork], Listed[T]]
    record: Callable[[Work, Sequence[Mirrored[T]], Merge[T]], Sequence[Kept[T]]]


_LISTINGS: Mapping[Kind, _Listing[Any]] = MappingProxyType({
    Kind.PRODUCT: _Listing(lambda gateway, after: gateway.products(after), lambda unit: unit.products, record_products),
    Kind.PRICE: _Listing(lambda gateway, after: gateway.prices(after), lambda unit: unit.prices, record_prices),
})


@frozen
class Syncing:
    """What `billing.catalog.sync` needs."""

    _store: Store
    _gateway: PaymentProvider | None
    _clock: Clock
    _ids: Ids
    _policies: Policies
    _look_again: Callable[[Iterable[str]], None]

    def sync(self, progress: Progress) -> SyncReport:
        """Read everything, and return what was found."""
        place, report = self._begun()
        gateway = given(self._gateway)
        while place:
            last, report = self._read(gateway, place, report, progress)
            report = report.adding(place.kind, Found(deleted=self._bury(last)))
            place = self._move(place.next())
        with self._store.view() as view:
            return attrs.evolve(report, problems=quarantined(problems_of(view)))

    def _begun(self) -> tuple[Place | None, SyncReport]:
        now = self._clock.now()
        with self._store.view() as view:
            earlier = goes_on(view.cursors.get(_CURSOR), now)
        place = earlier or Place(_second(now))
        return place, SyncReport(place.started_at, resumed=earlier is not None)

    def _read(
        self, gateway: PaymentProvider, place: Place, report: SyncReport, progress: Progress
    ) -> tuple[Place, SyncReport]:
        """Read a list to its end, and return the place of its last page."""
        ask = partial(_LISTINGS[place.kind].ask, gateway)
        at, page = self._moment(place), since(ask, place.after)
        while True:
            found, place = self._keep(page, at, place)
            report = report.adding(place.kind, found)
            progress(report)
            if page.next is None:
                return place, report
            at, page = self._moment(place), ask(page.next)

    def _keep(self, page: Page[Any], at: datetime, place: Place) -> tuple[Found, Place]:
        listed = {one.id: snapshot(one, at, Phase.LISTED) for one in page.values}
        unreadable = page.unreadable
        reached = place.reaching(page.next, (one.id for one in unreadable))
        try:
            found = self._write(place.kind, [*listed.values()], reached)
        except Invalid:
            found = self._keep_one_by_one(place.kind, listed.values())
            reached = reached.reaching(None, (one.id for one in found.unreadable))
            self._move(reached)
        return found + Found(unreadable=unreadable), reached

    def _keep_one_by_one(self, kind: Kind, listed: Iterable[Mirrored[Any]]) -> Found:
        """Keep what the database can hold of a page that it cannot hold as a whole."""
        found = Found()
        for one in listed:
            try:
                found += self._write(kind, [one])
            except Invalid as refusal:
                found += Found(unreadable=(Unreadable(one.value.id, str(refusal)),))
        return found

    def _write(self, kind: Kind, listed: Sequence[Mirrored[Any]], reached: Place | None = None) -> Found:
        def write(unit: UnitOfWork, lock: bool) -> Sequence[Kept[Any]]:  # noqa: FBT001 - `retried` says so
            kept = _LISTINGS[kind].record(self._work(unit, lock=lock), listed, relisted)
            if reached:
                unit.cursors.put(_CURSOR, reached.written())
            return kept

        kept = self._retried(write)
        self._look_again(kind.named(one.after.id) for one in kept if one.changed)
        return _found(kept)

    def _bury(self, place: Place) -> tuple[str, ...]:
        """Write down as deleted what the provider did not list, and return its ids."""
        gone: list[str] = []
        last = None
        while True:
            stale, buried = self._retried(partial(self._buried, place, last))
            gone += buried
            if not stale:
                return tuple(gone)
            last = stale[-1]

    def _buried(
        self,
        place: Place,
        last: str | None,
        unit: UnitOfWork,
        lock: bool,  # noqa: FBT001 - `retried` says so
    ) -> tuple[Sequence[str], Sequence[str]]:
        listing = _LISTINGS[place.kind]
        stale = listing.mirror(unit).live(after=last, before=place.started_at)
        gone = [
            snapshot(attrs.evolve(one.value, deleted=True), place.started_at, Phase.DELETED)
            for one in stale
            if one.value.id not in place.unreadable
        ]
        listing.record(self._work(unit, lock=lock), gone, merge)
        return [one.value.id for one in stale], [one.value.id for one in gone]

    def _move(self, place: Place | None) -> Place | None:
        self._retried(lambda unit, _: unit.cursors.put(_CURSOR, place.written() if place else None))
        return place

    def _moment(self, place: Place) -> datetime:
        """Return the second in which a page is asked for; what it says may have happened before, and not after its end."""
        return max(_second(self._clock.now()), place.started_at)

    def _retried(self, do: Callable[[UnitOfWork, bool], D]) -> D:
        return retried(self._store, "the catalog", do)

    def _work(self, unit: UnitOfWork, *, lock: bool) -> Work:
        return Work(unit, self._clock.now(), self._ids, self._policies, lock=lock)


def _second(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _found(kept: Sequence[Kept[Any]]) -> Found:
    changed = [one for one in kept if one.stored and one.changed]
    archived = [one for one in changed if _sold(one.before) and not _sold(one.after)]
    return Found(
        added=tuple(one.after.id for one in kept if not one.stored),
        changed=tuple(one.after.id for one in changed if one not in archived),
        archived=tuple(one.after.id for one in archived),
        unchanged=sum(not one.changed for one in kept),
    )


def _sold(one: Product | Price | None) -> bool:
    return one is not None and one.active and not one.deleted
