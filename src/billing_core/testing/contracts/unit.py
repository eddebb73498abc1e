"""What every unit of work must do: keep what was committed, and nothing else."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TypeAlias

import pytest

from billing_core.domain.products import Product
from billing_core.errors import BillingError, Conflict, Invalid
from billing_core.ports import Store, UnitOfWork
from billing_core.testing.contracts.claims import keep
from billing_core.testing.examples import (
    a_change,
    a_delivery,
    a_message,
    a_payment,
    a_product,
    a_snapshot,
    a_spend,
    an_account,
    an_impossible_change,
    an_intent,
    an_invoice,
    fresh,
    prepared,
)

__all__ = ["UnitContract"]


class _Broken(Exception):
    """The application's own mistake."""


def _break(store: Store, product: Product) -> None:
    with store.begin() as unit:
        unit.products.put(a_snapshot(product))
        raise _Broken


Write: TypeAlias = Callable[[UnitOfWork], object]

_WRITES: Mapping[str, Write] = MappingProxyType({
    "a mirror": lambda unit: unit.products.put(a_snapshot(a_product())),
    "a stale mirror": lambda unit: unit.products.put(a_snapshot(a_product(), version=7)),
    "a payment": lambda unit: unit.payments.record_payment(a_payment()),
    "an invoice": lambda unit: unit.payments.record_invoice(an_invoice()),
    "the ledger": lambda unit: unit.ledger.record([a_change()]),
    "an intent": lambda unit: unit.intents.put(an_intent()),
    "a cursor": lambda unit: unit.cursors.put("sync", "here"),
    "no cursor": lambda unit: unit.cursors.put("sync", None),
    "the inbox": lambda unit: unit.inbox.put(a_delivery()),
    "the outbox": lambda unit: unit.outbox.add([a_message(fresh("msg"))]),
})


class UnitContract:
    """What `UnitOfWork` and `Store` promise."""

    def test_what_is_committed_is_kept(self, store: Store) -> None:
        """A later unit reads it."""
        product = a_product()

        keep(store, lambda unit: unit.products.put(a_snapshot(product)))

        with store.begin() as unit:
            found = unit.products.get([product.id])
        assert {name: one.value for name, one in found.items()} == {product.id: product}

    def test_what_is_not_committed_is_dropped(self, store: Store) -> None:
        """Leaving the block without a word is a rollback, of every collection."""
        product, message = a_product(), a_message(fresh("msg"))
        spent = prepared(store, a_spend(an_account(), 0))

        with store.begin() as unit:
            unit.products.put(a_snapshot(product))
            unit.outbox.add([message])
            unit.ledger.record([spent])

        with store.view() as unit:
            assert not unit.products.get([product.id])
            assert not unit.outbox.pending(10)
            assert not unit.ledger.entries(spent.account.id)

    def test_a_unit_that_raised_keeps_nothing(self, store: Store) -> None:
        """The error reaches the caller, and the writes before it are dropped."""
        product = a_product()

        with pytest.raises(_Broken):
            _break(store, product)

        with store.view() as unit:
            assert not unit.products.get([product.id])

    def test_a_unit_that_raised_lets_others_write(self, store: Store) -> None:
        """No lock survives it."""
        product = a_product()

        with pytest.raises(_Broken):
            _break(store, product)
        keep(store, lambda unit: unit.products.put(a_snapshot(product)))

        with store.view() as unit:
            assert unit.products.get([product.id])

    def test_a_unit_reads_its_own_writes(self, store: Store) -> None:
        """Before they are committed."""
        product = a_product()

        with store.begin() as unit:
            unit.products.put(a_snapshot(product))

            assert unit.products.get([product.id])[product.id].value == product

    def test_a_view_does_not_see_what_is_not_committed(self, store: Store) -> None:
        """Also while the writer is still at work."""
        product = a_product()

        with store.begin() as writer:
            writer.products.put(a_snapshot(product))
            with store.view() as reader:
                seen = reader.products.get([product.id])

        assert not seen

    def test_a_view_hinders_no_writer(self, store: Store) -> None:
        """A unit can write and commit while a view is open and has read."""
        product = a_product()

        with store.view() as reader:
            reader.products.get([product.id])
            keep(store, lambda unit: unit.products.put(a_snapshot(product)))

        with store.view() as reader:
            assert reader.products.get([product.id])

    def test_after_a_conflict_nothing_of_the_unit_is_kept(self, store: Store) -> None:
        """Even if somebody caught the conflict and committed all the same."""
        first, stale = a_product(), a_product()
        keep(store, lambda unit: unit.products.put(a_snapshot(stale)))

        with suppress(BillingError), store.begin() as unit:
            unit.products.put(a_snapshot(first))
            with suppress(Conflict):
                unit.products.put(a_snapshot(stale))
            unit.commit()

        with store.view() as unit:
            assert not unit.products.get([first.id])

    def test_after_any_refusal_nothing_of_the_unit_is_kept(self, store: Store) -> None:
        """Even if somebody caught it and committed all the same. A store that does not refuse this has nothing to prove."""
        first = a_product()

        with suppress(BillingError), store.begin() as unit:
            unit.products.put(a_snapshot(first))
            try:
                unit.ledger.record([an_impossible_change()])
            except BillingError:
                unit.commit()

        with store.view() as unit:
            assert not unit.products.get([first.id])

    def test_after_a_refusal_the_unit_says_why_it_does_not_commit(self, store: Store) -> None:
        """The reason is the refusal itself, so that whoever commits can tell it from a lost race."""
        with store.begin() as unit:
            try:
                unit.ledger.record([an_impossible_change()])
            except BillingError as refusal:
                with pytest.raises(type(refusal)):
                    unit.commit()

    @pytest.mark.parametrize("write", _WRITES.values(), ids=_WRITES.keys())
    def test_a_view_takes_no_writes(self, store: Store, write: Write) -> None:
        """Whatever is written, and whether or not another unit could write it."""
        with store.view() as unit, pytest.raises(Invalid):
            write(unit)

    def test_a_view_has_nothing_to_commit(self, store: Store) -> None:
        """Whoever commits one meant to write."""
        with store.view() as unit, pytest.raises(Invalid):
            unit.commit()

    def test_a_unit_is_committed_once(self, store: Store) -> None:
        """The second time it is over, and what was committed stays."""
        product = a_product()

        with store.begin() as unit:
            unit.products.put(a_snapshot(product))
            unit.commit()
            with pytest.raises(Invalid):
                unit.commit()

        with store.view() as unit:
            assert unit.products.get([product.id])

    def test_a_committed_unit_takes_no_more_writes(self, store: Store) -> None:
        """They are refused or dropped, and what was committed stays."""
        before, after = a_product(), a_product()

        with suppress(Exception), store.begin() as unit:
            unit.products.put(a_snapshot(before))
            unit.commit()
            unit.products.put(a_snapshot(after))

        with store.view() as unit:
            assert unit.products.get([before.id, after.id]).keys() == {before.id}

    def test_all_collections_commit_together(self, store: Store) -> None:
        """What one unit wrote into several of them is all there."""
        product, message = a_product(), a_message(fresh("msg"))
        spent = prepared(store, a_spend(an_account(), 0))

        with store.begin() as unit:
            unit.products.put(a_snapshot(product))
            unit.ledger.record([spent])
            unit.outbox.add([message])
            unit.commit()

        with store.view() as unit:
            assert unit.products.get([product.id])
            assert [*unit.ledger.entries(spent.account.id)] == [*spent.entries]
            assert [*unit.outbox.pending(10)] == [message]
