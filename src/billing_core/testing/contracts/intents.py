"""What every store must do with intents: keep each exactly, overwrite none that somebody else wrote, find what is due."""

from datetime import timedelta
from functools import partial

import attrs
import pytest

from billing_core.domain.intents import Intent, IntentState
from billing_core.domain.orders import Order
from billing_core.errors import Conflict
from billing_core.ports import Store, UnitOfWork
from billing_core.testing import strategies
from billing_core.testing.contracts.claims import every, in_threads, keep, meanwhile, shape
from billing_core.testing.examples import NOW, an_intent, fresh

__all__ = ["IntentContract"]

_SECOND = timedelta(seconds=1)


def _put(store: Store, *intents: Intent) -> None:
    def write_all(unit: UnitOfWork) -> None:
        for one in intents:
            unit.intents.put(one)

    keep(store, write_all)


def _get(store: Store, intent: str) -> Intent:
    with store.view() as unit:
        return unit.intents.get([intent])[intent]


def _due(store: Store, limit: int = 10) -> list[str]:
    with store.view() as unit:
        return [one.id for one in unit.intents.due(NOW, limit)]


class IntentContract:
    """What `Intents` promises."""

    @every(drawn=strategies.intents())
    def test_an_intent_is_kept_exactly(self, store: Store, drawn: Intent) -> None:
        """In whatever state, and whatever was ordered."""
        intent = attrs.evolve(drawn, id=fresh(drawn.id[:200]))

        _put(store, intent)

        assert shape(_get(store, intent.id)) == shape(attrs.evolve(intent, version=1))

    @every(order=strategies.orders())
    def test_an_order_is_kept_exactly(self, store: Store, order: Order) -> None:
        """Or somebody who finds it after a crash would order something else."""
        intent = an_intent(order=order)

        _put(store, intent)

        assert shape(_get(store, intent.id).order) == shape(order)

    def test_a_later_write_of_an_intent_replaces_everything(self, store: Store) -> None:
        """Nothing of the old one is left."""
        before = an_intent(
            state=IntentState.DECLINED, placed="pi_1", code="no", reason="No.", attempts=3, next_attempt_at=NOW
        )
        after = an_intent(id=before.id, asked="something else", asked_at=NOW + _SECOND, version=1)
        _put(store, before)

        _put(store, after)

        assert shape(_get(store, before.id)) == shape(attrs.evolve(after, version=2))

    def test_what_was_never_ordered_is_absent(self, store: Store) -> None:
        """The answer holds those that are written down, and none besides."""
        intent = an_intent()
        _put(store, intent)

        with store.view() as unit:
            found = unit.intents.get(iter([intent.id, fresh("int"), intent.id, intent.id.upper()]))
            of_none = unit.intents.get([])

        assert found.keys() == {intent.id}
        assert not of_none

    def test_a_stale_writer_of_an_intent_conflicts(self, store: Store) -> None:
        """What was read before somebody else wrote cannot be written over it."""
        intent = an_intent()
        _put(store, intent)
        read = _get(store, intent.id)
        _put(store, attrs.evolve(read, state=IntentState.DONE))

        with pytest.raises(Conflict):
            _put(store, attrs.evolve(read, state=IntentState.LOST))

        assert _get(store, intent.id).state is IntentState.DONE

    def test_an_intent_is_written_down_once(self, store: Store) -> None:
        """Who comes second under the same name finds that out, and the first one's order stays."""
        intent = an_intent()
        _put(store, intent)

        with pytest.raises(Conflict):
            _put(store, an_intent(id=intent.id))

        assert _get(store, intent.id).order == intent.order

    def test_an_intent_over_nothing_conflicts(self, store: Store) -> None:
        """What is not there cannot be written over."""
        intent = an_intent(version=1)

        with pytest.raises(Conflict):
            _put(store, intent)

        with store.view() as unit:
            assert not unit.intents.get([intent.id])

    @pytest.mark.parametrize("version", [0, 1], ids=["first", "later"])
    def test_two_writers_of_an_intent_do_not_both_win(self, store: Store, version: int) -> None:
        """The one that waited for the other finds that it is too late."""
        intent = an_intent(version=version)
        if version:
            _put(store, attrs.evolve(intent, version=0))

        with store.begin() as unit:
            unit.intents.put(intent)
            error = meanwhile(store, lambda other: other.intents.put(intent), unit.commit)

        assert isinstance(error, Conflict)

    def test_of_many_who_order_under_one_name_one_does(self, store: Store) -> None:
        """The others have to look what it ordered."""
        intent = an_intent()

        def order(number: int) -> bool:
            try:
                _put(store, attrs.evolve(intent, asked=f"{number}"))
            except Conflict:
                return False
            return True

        won = in_threads(partial(order, number) for number in range(4))

        assert sum(won) == 1
        assert _get(store, intent.id).asked == f"{won.index(True)}"

    def test_a_unit_sees_what_it_wrote_of_an_intent(self, store: Store) -> None:
        """Before it commits."""
        intent = an_intent(next_attempt_at=NOW)

        with store.begin() as unit:
            unit.intents.put(intent)

            assert unit.intents.get([intent.id])[intent.id].version == 1
            assert [one.id for one in unit.intents.due(NOW, 10)] == [intent.id]

    # What is due ----------------------------------------------------------------------------------------------------------

    def test_due_intents_come_longest_due_first(self, store: Store) -> None:
        """Then by id; what is not due yet, or waits for no moment, is left out."""
        ages = {"late": 2, "b": 1, "a": 1, "B": 1, "now": 0, "later": -1}
        intents = [an_intent(id=name, next_attempt_at=NOW - age * _SECOND) for name, age in ages.items()]

        _put(store, an_intent(), *intents)

        assert _due(store) == ["late", "B", "a", "b", "now"]

    def test_no_more_intents_are_due_than_were_asked_for(self, store: Store) -> None:
        """The longest due are not left out."""
        intents = [an_intent(next_attempt_at=NOW - age * _SECOND) for age in range(3)]
        _put(store, *intents)

        assert _due(store, limit=2) == [intents[2].id, intents[1].id]

    def test_a_due_intent_is_whole(self, store: Store) -> None:
        """So that nobody has to ask for it again."""
        intent = an_intent(next_attempt_at=NOW, attempts=2)
        _put(store, intent)

        with store.view() as unit:
            (found,) = unit.intents.due(NOW, 10)

        assert shape(found) == shape(attrs.evolve(intent, version=1))

    def test_a_settled_intent_is_not_due_any_more(self, store: Store) -> None:
        """Once its next attempt is taken away."""
        intent = an_intent(next_attempt_at=NOW)
        _put(store, intent)

        _put(store, attrs.evolve(intent, state=IntentState.DONE, next_attempt_at=None, version=1))

        assert _due(store) == []
