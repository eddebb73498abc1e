"""What every clock and every source of names must do."""

from datetime import timedelta

from billing_core.ports import Clock, Ids
from billing_core.testing.contracts.claims import in_threads

__all__ = ["ClockContract", "IdsContract"]

_LONGEST_ID = 255


class ClockContract:
    """What `Clock` promises; fill the fixture `clock`."""

    def test_the_time_is_aware_and_in_utc(self, clock: Clock) -> None:
        """Whatever the zone of the machine."""
        assert clock.now().utcoffset() == timedelta(0)


class IdsContract:
    """What `Ids` promises; fill the fixture `ids`."""

    def test_later_ids_sort_after_earlier_ones(self, ids: Ids) -> None:
        """As plain text, however quickly they follow one another, and none comes twice."""
        made = [ids.new() for _ in range(2_000)]

        assert made == sorted(set(made))

    def test_threads_never_make_the_same_id(self, ids: Ids) -> None:
        """Nor does any thread see its own out of order."""
        made = in_threads([lambda: [ids.new() for _ in range(500)]] * 4)

        assert len({one for thread in made for one in thread}) == 2_000
        assert all(thread == sorted(thread) for thread in made)

    def test_an_id_is_a_short_name(self, ids: Ids) -> None:
        """It can be a key or a reference: printable, unpadded, of at most 255 characters."""
        made = ids.new()

        assert made.isprintable()
        assert made == made.strip()
        assert 0 < len(made) <= _LONGEST_ID
