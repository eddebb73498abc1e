"""Exports: a journal as bytes that are the same wherever it was kept.

Two stores that were told the same have the same bytes, and `diff` shows where they part: there is one line per entry.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import attrs

from billing_core.domain.credits import Entry

__all__ = ["journal_bytes"]


def journal_bytes(entries: Iterable[Entry]) -> bytes:
    """Return entries as canonical JSON, one to a line: every field by name, moments in UTC to the microsecond.

    Raises:
        TypeError: A value has another type than an entry may hold: what only looks alike is not the same.
    """
    lines = (json.dumps(_plain(one), ensure_ascii=False, separators=(",", ":"), sort_keys=True) for one in entries)
    return "".join(f"{line}\n" for line in lines).encode()


def _plain(value: object) -> Any:  # noqa: ANN401 - what JSON takes
    kind: type[Any] = type(value)
    if attrs.has(kind):
        return {one.name: _plain(getattr(value, one.name)) for one in attrs.fields(kind)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"{value!r} cannot stand in a journal")
