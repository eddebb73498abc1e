"""Ids that count: the same run gives the same ids."""

from itertools import count

__all__ = ["SequentialIds"]

_DIGITS = 12  # enough that they keep sorting as text for as long as anybody tests


class SequentialIds:
    """Makes `id_000000000001`, `id_000000000002`, and so on."""

    def __init__(self, prefix: str = "id_") -> None:
        """Start to count at one, after a prefix."""
        self._prefix = prefix
        self._numbers = count(1)

    def new(self) -> str:
        """Return the next id."""
        return f"{self._prefix}{next(self._numbers):0{_DIGITS}}"
