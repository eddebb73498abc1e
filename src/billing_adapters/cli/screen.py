"""The screen: the two streams of the shell, and how values look on them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

__all__ = ["errors", "moment", "output", "plain", "say", "show_json", "table"]

output = Console(highlight=False)
errors = Console(highlight=False, stderr=True)


def table(*columns: str, numbers: Sequence[str] = (), whole: Sequence[str] = (), title: str | None = None) -> Table:
    """Return an empty table with these columns; those of `numbers` are set to the right, those of `whole` never broken.

    Neither the title nor the columns are markup; rows are, so what others wrote goes through `plain` first.
    """
    heading = Text(_harmless(title), style="table.title") if title else None
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), title=heading, title_justify="left")
    for column in columns:
        side: JustifyMethod = "right" if column in numbers else "left"
        made.add_column(*plain(column), justify=side, no_wrap=column in whole, overflow="fold")
    return made


def plain(*cells: str) -> list[Text]:
    """Return what others wrote as cells: nothing in it is markup, and nothing in it moves the cursor."""
    return [Text(_harmless(cell)) for cell in cells]


def say(text: str, style: str = "", *, to: Console = output) -> None:
    """Print what others wrote, however long its lines are."""
    to.print(*plain(text), style=style, soft_wrap=True)


def moment(at: datetime | None) -> str:
    """Write a moment to the second, in UTC; none is a dash."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "-"


def show_json(content: Mapping[str, object]) -> None:
    """Print one JSON document for another program to read: plain, also on a terminal."""
    say(json.dumps(content, indent=2, default=_plain))


def _harmless(text: str) -> str:
    return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)
