"""What every outbox must do: keep each message, in order, until it is delivered."""

from datetime import timedelta

import attrs
import pytest

from billing_core.domain.events import Message
from billing_core.errors import Conflict
from billing_core.ports import Store
from billing_core.testing import strategies
from billing_core.testing.contracts.claims import every, keep, shape
from billing_core.testing.examples import NOW, a_message, fresh

__all__ = ["OutboxContract"]

_ALL = 1_000_000


def _pending(store: Store, limit: int = 10) -> list[str]:
    with store.view() as unit:
        return [one.id for one in unit.outbox.pending(limit)]


class OutboxContract:
    """What `Outbox` promises."""

    @every(drawn=strategies.messages())
    def test_a_message_is_kept_exactly(self, store: Store, drawn: Message) -> None:
        """With everything that the event says."""
        message = attrs.evolve(drawn, id=fresh(drawn.id[:200]))

        keep(store, lambda unit: unit.outbox.add([message]))

        with store.view() as unit:
            (found,) = (one for one in unit.outbox.pending(_ALL) if one.id == message.id)
        assert shape(found) == shape(message)

    def test_pending_messages_come_oldest_first(self, store: Store) -> None:
        """In the order in which they were added, whenever what they tell of happened; ids grow with that order."""
        messages = [a_message(f"msg_{number}", NOW - timedelta(days=number)) for number in range(1, 6)]

        keep(store, lambda unit: unit.outbox.add(messages[:3]))
        keep(store, lambda unit: unit.outbox.add(iter(messages[3:])))

        assert _pending(store) == [one.id for one in messages]

    def test_no_more_are_pending_than_were_asked_for(self, store: Store) -> None:
        """The oldest are not left out."""
        keep(store, lambda unit: unit.outbox.add(a_message(f"msg_{number}") for number in range(3)))

        assert _pending(store, limit=2) == ["msg_0", "msg_1"]

    def test_delivered_messages_are_pending_no_more(self, store: Store) -> None:
        """The others still are."""
        keep(store, lambda unit: unit.outbox.add(a_message(f"msg_{number}") for number in range(3)))

        keep(store, lambda unit: unit.outbox.delivered(iter(["msg_1"]), NOW))

        assert _pending(store) == ["msg_0", "msg_2"]

    def test_delivering_again_does_nothing(self, store: Store) -> None:
        """Nor does delivering what is unknown, or nothing."""
        keep(store, lambda unit: unit.outbox.add([a_message("msg_0"), a_message("msg_1")]))
        keep(store, lambda unit: unit.outbox.delivered(["msg_0"], NOW))

        keep(store, lambda unit: unit.outbox.delivered(["msg_0", "msg_0", "msg_unknown"], NOW + timedelta(days=1)))
        keep(store, lambda unit: unit.outbox.delivered([], NOW))

        assert _pending(store) == ["msg_1"]

    def test_what_was_not_committed_was_not_delivered(self, store: Store) -> None:
        """Delivery is part of the unit like any other write."""
        keep(store, lambda unit: unit.outbox.add([a_message("msg_0")]))

        with store.begin() as unit:
            unit.outbox.delivered(["msg_0"], NOW)

        assert _pending(store) == ["msg_0"]

    def test_an_id_is_taken_once(self, store: Store) -> None:
        """The second message is not kept, and the first stays as it was."""
        keep(store, lambda unit: unit.outbox.add([a_message("msg_0")]))

        with pytest.raises(Conflict):
            keep(store, lambda unit: unit.outbox.add([a_message("msg_1"), a_message("msg_0")]))

        assert _pending(store) == ["msg_0"]

    def test_the_id_of_a_delivered_message_stays_taken(self, store: Store) -> None:
        """Whoever was told once under this name is not told something else under it."""
        keep(store, lambda unit: unit.outbox.add([a_message("msg_0")]))
        keep(store, lambda unit: unit.outbox.delivered(["msg_0"], NOW))

        with pytest.raises(Conflict):
            keep(store, lambda unit: unit.outbox.add([a_message("msg_0")]))

        assert _pending(store) == []

    def test_adding_nothing_adds_nothing(self, store: Store) -> None:
        """An operation may have no news."""
        keep(store, lambda unit: unit.outbox.add([]))

        assert _pending(store) == []
