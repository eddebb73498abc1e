"""What every store must do with cursors: keep one place for each name, the last one."""

import pytest

from billing_core.ports import Store
from billing_core.testing import strategies
from billing_core.testing.contracts.claims import every, keep
from billing_core.testing.examples import fresh

__all__ = ["CursorContract"]


def _put(store: Store, name: str, place: str | None) -> None:
    keep(store, lambda unit: unit.cursors.put(name, place))


def _get(store: Store, name: str) -> str | None:
    with store.view() as unit:
        return unit.cursors.get(name)


class CursorContract:
    """What `Cursors` promises."""

    @every(name=strategies.names(longest=200), place=strategies.texts())
    def test_a_place_is_kept_exactly(self, store: Store, name: str, place: str) -> None:
        """Whatever text the provider calls a place, also none at all."""
        at = fresh(name)

        _put(store, at, place)

        assert _get(store, at) == place

    def test_no_place_is_known_before_one_is_kept(self, store: Store) -> None:
        """Nor by a name that only looks alike."""
        name = fresh("sync")
        _put(store, name, "here")

        assert _get(store, fresh("sync")) is None
        assert _get(store, name.upper()) is None
        assert _get(store, name[:-1]) is None

    def test_the_last_place_counts(self, store: Store) -> None:
        """And the same one can be kept again."""
        name = fresh("sync")

        for place in ("one", "two", "two"):
            _put(store, name, place)

        assert _get(store, name) == "two"

    @pytest.mark.parametrize("times", [0, 1], ids=["none was kept", "one was kept"])
    def test_a_place_can_be_forgotten(self, store: Store, times: int) -> None:
        """Also if there is none, and a new one can be kept."""
        name, other = fresh("sync"), fresh("sync")
        for one in (name, other)[: 2 * times]:
            _put(store, one, "here")

        _put(store, name, None)

        assert _get(store, name) is None
        assert _get(store, other) == ("here" if times else None)
        _put(store, name, "there")
        assert _get(store, name) == "there"

    def test_a_unit_sees_the_place_that_it_kept(self, store: Store) -> None:
        """And nobody else does, unless it commits."""
        name = fresh("sync")

        with store.begin() as unit:
            unit.cursors.put(name, "here")
            seen = unit.cursors.get(name)

        assert seen == "here"
        assert _get(store, name) is None
