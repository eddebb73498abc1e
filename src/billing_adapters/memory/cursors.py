"""The cursors in memory: one place for each name."""

from billing_adapters.memory.tables import Table

__all__ = ["MemoryCursors"]


class MemoryCursors:
    """How far something has come that goes on another time."""

    def __init__(self, places: Table[str, str]) -> None:
        """Keep them in this table."""
        self._places = places

    def get(self, name: str) -> str | None:
        """Return the place, if one was kept."""
        return self._places.rows.get(name)

    def put(self, name: str, place: str | None) -> None:
        """Keep the place instead of the one before; None forgets it."""
        if place is None:
            self._places.drop(name)
        else:
            self._places.put(name, place)
