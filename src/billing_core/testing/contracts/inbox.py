"""What every inbox must do: keep what came, and find what is left to do."""

from datetime import timedelta

import attrs
import pytest

from billing_core.domain.webhooks import Delivery, DeliveryState
from billing_core.errors import Conflict
from billing_core.ports import Store
from billing_core.testing import strategies
from billing_core.testing.contracts.claims import every, meanwhile, shape
from billing_core.testing.examples import NOW, a_delivery, fresh

__all__ = ["InboxContract"]

_SECOND = timedelta(seconds=1)


def _put(store: Store, *deliveries: Delivery) -> None:
    with store.begin() as unit:
        for one in deliveries:
            unit.inbox.put(one)
        unit.commit()


def _get(store: Store, delivery: Delivery) -> Delivery:
    with store.view() as unit:
        return unit.inbox.get([delivery.id])[delivery.id]


def _waiting(store: Store, *names: str) -> list[str]:
    with store.view() as unit:
        return [one.id for one in unit.inbox.waiting_for(iter(names))]


class InboxContract:
    """What `Inbox` promises."""

    @every(drawn=strategies.deliveries())
    def test_a_delivery_is_kept_exactly(self, store: Store, drawn: Delivery) -> None:
        """The bytes that came above all."""
        delivery = attrs.evolve(drawn, id=fresh(drawn.id[:200]))

        _put(store, delivery)

        assert shape(_get(store, delivery)) == shape(attrs.evolve(delivery, version=1))

    def test_bytes_are_kept_as_they_came(self, store: Store) -> None:
        """They are no text to the store, and may be long."""
        delivery = a_delivery(body=bytes(range(256)) * 1_000)

        _put(store, delivery)

        assert _get(store, delivery).body == delivery.body

    def test_what_never_came_is_absent(self, store: Store) -> None:
        """The answer holds those that are stored, and none besides."""
        delivery = a_delivery()
        _put(store, delivery)

        with store.view() as unit:
            found = unit.inbox.get(iter([delivery.id, fresh("evt"), delivery.id]))
            of_none = unit.inbox.get([])

        assert found.keys() == {delivery.id}
        assert not of_none

    def test_a_later_write_replaces_everything(self, store: Store) -> None:
        """What was waited for, the error, the next attempt: nothing of the old is left."""
        before = a_delivery(
            state=DeliveryState.DEFERRED, waiting_for=("product:b", "product:a"), next_attempt_at=NOW, error="it broke"
        )
        after = attrs.evolve(
            before, state=DeliveryState.APPLIED, waiting_for=(), next_attempt_at=None, error=None, attempts=2, version=1
        )
        _put(store, before)

        _put(store, after)

        assert shape(_get(store, before)) == shape(attrs.evolve(after, version=2))

    def test_a_stale_writer_of_a_delivery_conflicts(self, store: Store) -> None:
        """What was read before somebody else wrote cannot be written over it."""
        delivery = a_delivery()
        _put(store, delivery)
        read = _get(store, delivery)
        _put(store, attrs.evolve(read, state=DeliveryState.APPLIED))

        with pytest.raises(Conflict):
            _put(store, attrs.evolve(read, state=DeliveryState.DEAD))

        assert _get(store, delivery).state is DeliveryState.APPLIED

    def test_the_second_first_writer_of_a_delivery_conflicts(self, store: Store) -> None:
        """The same webhook that comes twice is stored once."""
        delivery = a_delivery()
        _put(store, delivery)

        with pytest.raises(Conflict):
            _put(store, delivery)

    def test_a_delivery_over_nothing_conflicts(self, store: Store) -> None:
        """What is not there cannot be written over."""
        delivery = a_delivery(version=1)

        with pytest.raises(Conflict):
            _put(store, delivery)

        with store.view() as unit:
            assert not unit.inbox.get([delivery.id])

    @pytest.mark.parametrize("version", [0, 1], ids=["first", "later"])
    def test_two_writers_of_a_delivery_do_not_both_win(self, store: Store, version: int) -> None:
        """The one that waited for the other finds that it is too late."""
        delivery = a_delivery(version=version)
        if version:
            _put(store, attrs.evolve(delivery, version=0))

        with store.begin() as unit:
            unit.inbox.put(delivery)
            error = meanwhile(store, lambda other: other.inbox.put(delivery), unit.commit)

        assert isinstance(error, Conflict)

    # Who waits for what ---------------------------------------------------------------------------------------------------

    def test_those_that_wait_come_in_the_order_in_which_they_happened(self, store: Store) -> None:
        """Not in the order in which they were received, and each once, however much of it has come."""
        one, other = fresh("product"), fresh("product")
        deliveries = [
            a_delivery(
                state=DeliveryState.DEFERRED,
                occurred_at=NOW + number * timedelta(microseconds=1),
                received_at=NOW - number * _SECOND,
                waiting_for=(one, other) if number == 1 else (one,),
            )
            for number in range(3)
        ]

        _put(store, deliveries[1], deliveries[2], deliveries[0])

        assert _waiting(store, one, other) == [delivery.id for delivery in deliveries]

    def test_nobody_waits_for_other_names(self, store: Store) -> None:
        """A name is the whole name, and letters differ in case."""
        name = fresh("product")
        _put(store, a_delivery(state=DeliveryState.DEFERRED, waiting_for=(name,)))

        assert _waiting(store, name[:-1], f"{name}x", name.upper(), "%", "") == []
        assert _waiting(store) == []

    @pytest.mark.parametrize("state", [one for one in DeliveryState if one is not DeliveryState.DEFERRED])
    def test_only_deferred_deliveries_wait(self, store: Store, state: DeliveryState) -> None:
        """What was applied, ignored or given up waits for nothing, whatever it waited for before."""
        name = fresh("product")
        delivery = a_delivery(state=DeliveryState.DEFERRED, waiting_for=(name,))
        _put(store, delivery)

        _put(store, attrs.evolve(delivery, state=state, version=1))

        assert _waiting(store, name) == []

    def test_what_is_waited_for_can_change(self, store: Store) -> None:
        """The last word counts."""
        old, new = fresh("product"), fresh("price")
        delivery = a_delivery(state=DeliveryState.DEFERRED, waiting_for=(old,))
        _put(store, delivery)

        _put(store, attrs.evolve(delivery, waiting_for=(new,), version=1))

        assert _waiting(store, old) == []
        assert _waiting(store, new) == [delivery.id]

    # What is due ----------------------------------------------------------------------------------------------------------

    def test_due_deliveries_come_longest_due_first(self, store: Store) -> None:
        """The moment itself is due; what comes later, or never, is not."""
        at = [a_delivery(next_attempt_at=NOW - number * _SECOND) for number in range(3)]
        later = a_delivery(next_attempt_at=NOW + timedelta(microseconds=1))
        _put(store, at[1], later, at[0], a_delivery(), at[2])

        with store.begin() as unit:
            found = unit.inbox.due(NOW, 10)

        assert [one.id for one in found] == [at[2].id, at[1].id, at[0].id]

    def test_no_more_are_due_than_were_asked_for(self, store: Store) -> None:
        """Those that are due longest are not left out."""
        at = [a_delivery(next_attempt_at=NOW - number * _SECOND) for number in range(3)]
        _put(store, *at)

        with store.begin() as unit:
            found = unit.inbox.due(NOW, 2)

        assert [one.id for one in found] == [at[2].id, at[1].id]

    def test_a_due_delivery_can_be_judged_in_the_same_unit(self, store: Store) -> None:
        """And is not due any more."""
        _put(store, a_delivery(next_attempt_at=NOW))

        with store.begin() as unit:
            (due,) = unit.inbox.due(NOW, 10)
            unit.inbox.put(attrs.evolve(due, state=DeliveryState.APPLIED, next_attempt_at=None))
            unit.commit()

        with store.view() as unit:
            assert [*unit.inbox.due(NOW, 10)] == []

    # What became of them --------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("state", DeliveryState)
    def test_deliveries_in_a_state_come_latest_received_first(self, store: Store, state: DeliveryState) -> None:
        """Of that state only, and no more than were asked for."""
        received = [a_delivery(state=state, received_at=NOW + number * timedelta(microseconds=1)) for number in range(3)]
        others = [a_delivery(state=other) for other in DeliveryState if other is not state]
        _put(store, received[1], *others, received[2], received[0])

        with store.view() as unit:
            found = unit.inbox.in_state(state, 10)
            limited = unit.inbox.in_state(state, 2)

        assert [one.id for one in found] == [received[2].id, received[1].id, received[0].id]
        assert [one.id for one in limited] == [received[2].id, received[1].id]
