"""What every mirror must do: keep a snapshot exactly, and guard it by its version."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeAlias

import attrs
import pytest

from billing_core.domain.mirrors import Mirrored, Phase, snapshot
from billing_core.domain.money import Currency
from billing_core.domain.products import CurrencyOption, Interval, Recurring, Tier
from billing_core.domain.subscriptions import PlanChange, Status, SubscriptionItem
from billing_core.errors import Conflict
from billing_core.ports import Listed, Mirror, Store, UnitOfWork
from billing_core.testing import strategies
from billing_core.testing.contracts.claims import every, keep, meanwhile, shape
from billing_core.testing.examples import (
    NOW,
    a_customer,
    a_dispute,
    a_link,
    a_payment_refund,
    a_price,
    a_product,
    a_snapshot,
    a_subscription,
    fresh,
)

__all__ = ["MirrorContract"]

Collection: TypeAlias = Callable[[UnitOfWork], Mirror[Any]]
Catalogued: TypeAlias = Callable[[UnitOfWork], Listed[Any]]

_KINDS = MappingProxyType({
    "products": (a_product, lambda unit: unit.products),
    "prices": (a_price, lambda unit: unit.prices),
    "customers": (a_customer, lambda unit: unit.customers),
    "subscriptions": (a_subscription, lambda unit: unit.subscriptions),
    "refunds": (a_payment_refund, lambda unit: unit.refunds),
    "disputes": (a_dispute, lambda unit: unit.disputes),
})

_LISTED = MappingProxyType({kind: _KINDS[kind] for kind in ("products", "prices")})

of_what_is_listed = pytest.mark.parametrize(("make", "listed"), _LISTED.values(), ids=_LISTED.keys())
of_every_kind = pytest.mark.parametrize(("make", "among"), _KINDS.values(), ids=_KINDS.keys())


def _kept(store: Store, among: Collection, snapshot: Mirrored[Any]) -> Mirrored[Any]:
    """Write a snapshot, and return it as another unit reads it."""
    keep(store, lambda unit: among(unit).put(snapshot))
    with store.view() as unit:
        found: Mirrored[Any] = among(unit).get([snapshot.value.id])[snapshot.value.id]
    return found


def _renamed(snapshot: Mirrored[Any]) -> Mirrored[Any]:
    """Return the snapshot under a name that is as strange, but that nobody used."""
    return attrs.evolve(snapshot, value=attrs.evolve(snapshot.value, id=fresh(snapshot.value.id[:200])))


def _round_trips(store: Store, among: Collection, drawn: Mirrored[Any]) -> None:
    snapshot = _renamed(drawn)

    kept = _kept(store, among, snapshot)

    assert shape(kept) == shape(attrs.evolve(snapshot, version=1))


class MirrorContract:
    """What `Products`, `Prices`, `Customers`, `Subscriptions`, `Refunds` and `Disputes` promise."""

    @of_every_kind
    def test_what_is_unknown_is_absent(self, store: Store, make: Callable[..., Any], among: Collection) -> None:
        """The answer holds those that are known, and none besides."""
        known, never = make(), make()
        keep(store, lambda unit: among(unit).put(a_snapshot(known)))

        with store.view() as unit:
            found = among(unit).get(one.id for one in (known, never, known))

        assert found.keys() == {known.id}

    @of_every_kind
    def test_asking_for_nothing_answers_nothing(self, store: Store, make: Callable[..., Any], among: Collection) -> None:
        """An empty question is a question."""
        keep(store, lambda unit: among(unit).put(a_snapshot(make())))

        with store.view() as unit:
            assert not among(unit).get([])

    @of_every_kind
    def test_hundreds_can_be_asked_for_at_once(self, store: Store, make: Callable[..., Any], among: Collection) -> None:
        """No limit of the database shows through."""
        known = [make() for _ in range(3)]
        with store.begin() as unit:
            for one in known:
                among(unit).put(a_snapshot(one))
            unit.commit()

        with store.view() as unit:
            found = among(unit).get([*(fresh("never") for _ in range(1_500)), *(one.id for one in known)])

        assert found.keys() == {one.id for one in known}

    @of_every_kind
    def test_every_write_raises_the_version(self, store: Store, make: Callable[..., Any], among: Collection) -> None:
        """By one, from none."""
        value = make()

        versions = [_kept(store, among, a_snapshot(value, version)).version for version in (0, 1, 2)]

        assert versions == [1, 2, 3]

    @of_every_kind
    def test_a_stale_writer_of_a_snapshot_conflicts(
        self, store: Store, make: Callable[..., Any], among: Collection
    ) -> None:
        """What was read before somebody else wrote cannot be written over it."""
        value = make()
        read = _kept(store, among, a_snapshot(value))
        theirs = attrs.evolve(_kept(store, among, read), version=2)

        with pytest.raises(Conflict), store.begin() as unit:
            among(unit).put(read)

        with store.view() as unit:
            assert among(unit).get([value.id])[value.id] == theirs

    @of_every_kind
    def test_the_second_first_writer_of_a_snapshot_conflicts(
        self, store: Store, make: Callable[..., Any], among: Collection
    ) -> None:
        """Two that both found nothing cannot both write."""
        value = make()
        keep(store, lambda unit: among(unit).put(a_snapshot(value)))

        with pytest.raises(Conflict), store.begin() as unit:
            among(unit).put(a_snapshot(value))

    @of_every_kind
    def test_a_snapshot_over_nothing_conflicts(self, store: Store, make: Callable[..., Any], among: Collection) -> None:
        """What is not there cannot be written over."""
        value = make()

        with pytest.raises(Conflict), store.begin() as unit:
            among(unit).put(a_snapshot(value, version=1))

        with store.view() as unit:
            assert not among(unit).get([value.id])

    @of_every_kind
    @pytest.mark.parametrize("version", [0, 1], ids=["first", "later"])
    def test_two_writers_of_a_snapshot_do_not_both_win(
        self, store: Store, make: Callable[..., Any], among: Collection, version: int
    ) -> None:
        """The one that waited for the other finds that it is too late."""
        snapshot = a_snapshot(make(), version)
        if version:
            keep(store, lambda unit: among(unit).put(attrs.evolve(snapshot, version=0)))

        with store.begin() as unit:
            among(unit).put(snapshot)
            error = meanwhile(store, lambda other: among(other).put(snapshot), unit.commit)

        assert isinstance(error, Conflict)

    @of_every_kind
    def test_many_snapshots_are_written_at_once(self, store: Store, make: Callable[..., Any], among: Collection) -> None:
        """New ones and later ones beside each other, and none is no mistake."""
        new, known = make(), make()
        keep(store, lambda unit: among(unit).put(a_snapshot(known)))

        keep(store, lambda unit: among(unit).put_all(iter((a_snapshot(known, version=1), a_snapshot(new)))))
        keep(store, lambda unit: among(unit).put_all([]))

        with store.view() as unit:
            found = among(unit).get([new.id, known.id])
        assert {key: one.version for key, one in found.items()} == {new.id: 1, known.id: 2}

    @of_every_kind
    @pytest.mark.parametrize("stale", [0, 2], ids=["first", "later"])
    def test_one_stale_snapshot_among_many_conflicts(
        self, store: Store, make: Callable[..., Any], among: Collection, stale: int
    ) -> None:
        """And none of them is written."""
        new, known = make(), make()
        keep(store, lambda unit: among(unit).put(a_snapshot(known)))

        with pytest.raises(Conflict), store.begin() as unit:
            among(unit).put_all([a_snapshot(new), a_snapshot(known, version=stale)])

        with store.view() as unit:
            assert among(unit).get([new.id, known.id])[known.id].version == 1
            assert new.id not in among(unit).get([new.id])

    # Lists ----------------------------------------------------------------------------------------------------------------

    @of_what_is_listed
    def test_what_was_not_deleted_comes_by_id_a_few_at_a_time(
        self, store: Store, make: Callable[..., Any], listed: Catalogued
    ) -> None:
        """After the one that is named, in the order of code points, with their versions."""
        prefix = fresh("walk")
        ids = [f"{prefix}{end}" for end in ("B", "a", "10", "9")]
        with store.begin() as unit:
            for one in ids:
                listed(unit).put(a_snapshot(make(id=one)))
            listed(unit).put(a_snapshot(make(id=f"{prefix}C", deleted=True)))
            unit.commit()

        with store.view() as unit:
            first = listed(unit).live(after=prefix, limit=3)
            others = listed(unit).live(after=f"{prefix}B")
            everything = listed(unit).live(limit=1_000_000)

        assert [(one.value.id, one.version) for one in first] == [(f"{prefix}{end}", 1) for end in ("10", "9", "B")]
        assert [one.value.id for one in others if one.value.id.startswith(prefix)] == [f"{prefix}a"]
        assert {*ids} <= {one.value.id for one in everything}

    @of_what_is_listed
    def test_what_was_told_of_since_is_left_out(self, store: Store, make: Callable[..., Any], listed: Catalogued) -> None:
        """What was told at that very moment, too."""
        prefix = fresh("walk")
        moments = {"a": NOW - timedelta(microseconds=1), "b": NOW, "c": NOW + timedelta(microseconds=1)}
        with store.begin() as unit:
            for end, at in moments.items():
                listed(unit).put(snapshot(make(id=f"{prefix}{end}"), at, Phase.LISTED))
            unit.commit()

        with store.view() as unit:
            found = listed(unit).live(after=prefix, before=NOW, limit=1_000)

        assert [one.value.id for one in found if one.value.id.startswith(prefix)] == [f"{prefix}a"]

    @of_what_is_listed
    def test_what_was_said_before_comes_by_version(
        self, store: Store, make: Callable[..., Any], listed: Catalogued
    ) -> None:
        """Exactly as it was kept, of this object alone; nothing is no mistake."""
        value = make()
        before = [a_snapshot(value, version) for version in (10, 9)]
        keep(store, lambda unit: listed(unit).remember(iter((*before, a_snapshot(make(), 1)))))
        keep(store, lambda unit: listed(unit).remember([]))

        with store.view() as unit:
            found = listed(unit).past(value.id)
            never = listed(unit).past(fresh("never"))

        assert [shape(one) for one in found] == [shape(one) for one in before[::-1]]
        assert [*never] == []

    @of_what_is_listed
    def test_what_was_said_before_is_kept_once(self, store: Store, make: Callable[..., Any], listed: Catalogued) -> None:
        """A version is never written over."""
        value = make()
        keep(store, lambda unit: listed(unit).remember([a_snapshot(value, 1)]))

        with pytest.raises(Conflict), store.begin() as unit:
            listed(unit).remember([a_snapshot(value, 2), a_snapshot(value, 1)])

        with store.view() as unit:
            assert len(listed(unit).past(value.id)) == 1

    # Exactness ------------------------------------------------------------------------------------------------------------

    @every(drawn=strategies.mirrored(strategies.products()))
    def test_a_product_is_kept_exactly(self, store: Store, drawn: Mirrored[Any]) -> None:
        """Whatever the provider says."""
        _round_trips(store, lambda unit: unit.products, drawn)

    @every(drawn=strategies.mirrored(strategies.prices()))
    def test_a_price_is_kept_exactly(self, store: Store, drawn: Mirrored[Any]) -> None:
        """Whatever the provider says."""
        _round_trips(store, lambda unit: unit.prices, drawn)

    @every(drawn=strategies.mirrored(strategies.customers()))
    def test_a_customer_is_kept_exactly(self, store: Store, drawn: Mirrored[Any]) -> None:
        """Whatever the provider says."""
        _round_trips(store, lambda unit: unit.customers, drawn)

    @every(drawn=strategies.mirrored(strategies.subscriptions()))
    def test_a_subscription_is_kept_exactly(self, store: Store, drawn: Mirrored[Any]) -> None:
        """Whatever the provider says."""
        _round_trips(store, lambda unit: unit.subscriptions, drawn)

    @every(drawn=strategies.mirrored(strategies.payment_refunds()))
    def test_a_refund_of_a_payment_is_kept_exactly(self, store: Store, drawn: Mirrored[Any]) -> None:
        """Whatever the provider says."""
        _round_trips(store, lambda unit: unit.refunds, drawn)

    @every(drawn=strategies.mirrored(strategies.disputes()))
    def test_a_dispute_is_kept_exactly(self, store: Store, drawn: Mirrored[Any]) -> None:
        """Whatever the provider says."""
        _round_trips(store, lambda unit: unit.disputes, drawn)

    def test_decimals_of_a_price_stay_decimals(self, store: Store) -> None:
        """Tiers and other currencies too: half a cent is half a cent."""
        price = a_price(
            unit_amount=Decimal("0.5"),
            recurring=Recurring(Interval.MONTH, 3, metered=True),
            tiers=(Tier(10, Decimal("12.345678901234"), Decimal(0)), Tier(None, None, Decimal("99999999999.5"))),
            tiers_mode="graduated",
            currency_options=(CurrencyOption(Currency("jpy"), Decimal("0.1"), (Tier(unit_amount=Decimal("0.2")),)),),
        )

        kept = _kept(store, lambda unit: unit.prices, a_snapshot(price))

        assert shape(kept.value) == shape(price)

    def test_a_subscription_keeps_its_items_and_plan_changes_in_order(self, store: Store) -> None:
        """The later write replaces those of the earlier one."""
        before = a_subscription(items=tuple(SubscriptionItem(f"si_{n}", f"price_{n}") for n in (3, 1, 2)))
        changes = (PlanChange(NOW, ("price_2", "price_1")), PlanChange(NOW - timedelta(days=1), ()))
        after = attrs.evolve(before, status=Status.PAST_DUE, items=before.items[:1], changes=changes)
        _kept(store, lambda unit: unit.subscriptions, a_snapshot(before))

        kept = _kept(store, lambda unit: unit.subscriptions, a_snapshot(after, version=1))

        assert shape(kept.value) == shape(after)

    def test_times_of_a_snapshot_are_kept_to_the_microsecond(self, store: Store) -> None:
        """From the first moment of the epoch to the last one there is."""
        last = datetime.max.replace(tzinfo=UTC)
        subscription = a_subscription(started_at=datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC), period_end=last)

        kept = _kept(store, lambda unit: unit.subscriptions, a_snapshot(subscription))

        assert shape(kept.value) == shape(subscription)

    # Questions ------------------------------------------------------------------------------------------------------------

    def test_all_products_come_by_id(self, store: Store) -> None:
        """Deleted ones too, in the order of their code points."""
        ids = ["prod_b", "prod_B", "prod_10", "prod_9", "prod_a"]
        with store.begin() as unit:
            for number, one in enumerate(ids):
                unit.products.put(a_snapshot(a_product(id=one, deleted=number % 2 == 0)))
            unit.commit()

        with store.view() as unit:
            found = unit.products.all()

        assert [one.id for one in found] == sorted(ids)

    def test_prices_of_products_come_by_id(self, store: Store) -> None:
        """Of those products only, deleted ones too."""
        ours = [a_price(id=f"price_{n}", product=f"prod_{n % 2}", deleted=n == 1) for n in (3, 1, 2)]
        theirs = a_price()
        with store.begin() as unit:
            for one in (*ours, theirs):
                unit.prices.put(a_snapshot(one))
            unit.commit()

        with store.view() as unit:
            found = unit.prices.of_products(iter(("prod_0", "prod_1", "prod_never")))
            of_none = unit.prices.of_products([])

        assert [one.id for one in found] == ["price_1", "price_2", "price_3"]
        assert [*of_none] == []

    def test_refunds_of_payments_come_by_id(self, store: Store) -> None:
        """Of those payments only, failed ones too."""
        ours = [
            a_payment_refund(id=f"re_{n}", payment=f"pay_{n % 2}", status="failed" if n == 1 else "x") for n in (3, 1, 2)
        ]
        with store.begin() as unit:
            for one in (*ours, a_payment_refund()):
                unit.refunds.put(a_snapshot(one))
            unit.commit()

        with store.view() as unit:
            found = unit.refunds.of_payments(iter(("pay_0", "pay_1", "pay_never")))
            of_none = unit.refunds.of_payments([])

        assert [*found] == sorted(ours, key=lambda one: one.id)
        assert [*of_none] == []

    def test_disputes_of_payments_come_by_id(self, store: Store) -> None:
        """Of those payments only, decided ones too."""
        ours = [a_dispute(id=f"dp_{n}", payment=f"pay_{n % 2}", status="lost" if n == 1 else "x") for n in (3, 1, 2)]
        with store.begin() as unit:
            for one in (*ours, a_dispute()):
                unit.disputes.put(a_snapshot(one))
            unit.commit()

        with store.view() as unit:
            found = unit.disputes.of_payments(iter(("pay_0", "pay_1", "pay_never")))
            of_none = unit.disputes.of_payments([])

        assert [*found] == sorted(ours, key=lambda one: one.id)
        assert [*of_none] == []

    def test_customers_of_an_account_come_by_id(self, store: Store) -> None:
        """Deleted ones too; those of others, and of nobody, do not."""
        account = fresh("user")
        ours = [a_customer(id=f"cus_{n}", link=a_link(account), deleted=n == 1) for n in (2, 1)]
        with store.begin() as unit:
            for one in (*ours, a_customer(), a_customer(link=a_link(fresh("user")))):
                unit.customers.put(a_snapshot(one))
            unit.commit()

        with store.view() as unit:
            found = unit.customers.of_account(account)

        assert [*found] == [ours[1], ours[0]]

    def test_subscriptions_of_an_account_come_by_id(self, store: Store) -> None:
        """Ended ones too; those of others, and of nobody, do not."""
        account = fresh("user")
        ours = [a_subscription(id=f"sub_{status}", status=status, link=a_link(account)) for status in Status]
        with store.begin() as unit:
            for one in (*ours, a_subscription(), a_subscription(link=a_link(fresh("user")))):
                unit.subscriptions.put(a_snapshot(one))
            unit.commit()

        with store.view() as unit:
            found = unit.subscriptions.of_account(account)

        assert [*found] == sorted(ours, key=lambda one: one.id)

    def test_subscriptions_of_a_customer_come_with_their_version(self, store: Store) -> None:
        """By id, ended ones too, ready to be written again."""
        customer = fresh("cus")
        ended = a_subscription(id="sub_1", customer=customer, status=Status.CANCELED)
        running = a_subscription(id="sub_2", customer=customer)
        with store.begin() as unit:
            for one in (running, ended, a_subscription()):
                unit.subscriptions.put(a_snapshot(one))
            unit.subscriptions.put(a_snapshot(running, version=1))
            unit.commit()

        with store.view() as unit:
            found = unit.subscriptions.of_customer(customer)

        assert [(one.value, one.version) for one in found] == [(ended, 1), (running, 2)]

    def test_a_new_link_moves_a_subscription_to_its_account(self, store: Store) -> None:
        """The old account does not keep it."""
        old, new = fresh("user"), fresh("user")
        before = a_subscription(link=a_link(old))
        after = attrs.evolve(before, link=a_link(new))
        keep(store, lambda unit: unit.subscriptions.put(a_snapshot(before)))

        keep(store, lambda unit: unit.subscriptions.put(a_snapshot(after, version=1)))

        with store.view() as unit:
            assert [*unit.subscriptions.of_account(old)] == []
            assert [*unit.subscriptions.of_account(new)] == [after]

    def test_a_new_link_moves_a_customer_to_its_account(self, store: Store) -> None:
        """The old account does not keep it."""
        old, new = fresh("user"), fresh("user")
        before = a_customer(link=a_link(old))
        after = attrs.evolve(before, link=a_link(new))
        keep(store, lambda unit: unit.customers.put(a_snapshot(before)))

        keep(store, lambda unit: unit.customers.put(a_snapshot(after, version=1)))

        with store.view() as unit:
            assert [*unit.customers.of_account(old)] == []
            assert [*unit.customers.of_account(new)] == [after]
