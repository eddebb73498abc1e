"""Showing: a story on the terminal, as it happens."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import assert_never

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from billing_adapters.cli.demo.figures import Compared
from billing_adapters.cli.demo.play import Answered, Checked, Happening, Refused, Reported, Spent, Waited
from billing_adapters.cli.demo.steps import Chapter
from billing_adapters.cli.screen import table

__all__ = ["Show"]

_STYLES = {
    "applied": "green",
    "already_applied": "dim",
    "ignored": "dim",
    "deferred": "yellow",
    "failed": "bold red",
    "BadSignature": "cyan",
}
_MOST_ON_A_LINE = 8


class Show:
    """Prints chapters to a console; deliveries that follow one another make one table."""

    def __init__(self, console: Console) -> None:
        """Print to this console; only a terminal gets to see the progress."""
        columns = (TextColumn("chapters"), BarColumn(), MofNCompleteColumn())
        self.console = console
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._answers: list[Answered] = []

    @contextmanager
    def telling(self, chapters: Sequence[Chapter]) -> Iterator[None]:
        """Show how far the story is while the block runs."""
        self._progress.add_task("chapters", total=len(chapters))
        with self._progress:
            yield
            self._flush()

    def open(self, chapter: Chapter) -> None:
        """Begin a chapter."""
        self._flush()
        self._progress.advance(self._progress.task_ids[0])
        self.console.print()
        self.console.rule(f"[bold]{escape(chapter.title)}", align="left")
        self.console.print(chapter.about, style="italic", markup=False)

    def happening(self, happening: Happening) -> None:
        """Show the next thing that happened."""
        if isinstance(happening, Answered):
            self._answers.append(happening)
            return
        self._flush()
        self.console.print(_told(happening))

    def _flush(self) -> None:
        if self._answers:
            self.console.print()
            self.console.print(_answered(self._answers))
            self.console.print()
            self._answers.clear()


def _answered(answers: Sequence[Answered]) -> Table:
    shown = table("no", "event", "happened", "version", "answer")
    for one in answers:
        letter = one.letter
        answer = f"[{_STYLES.get(one.answer, 'red')}]{escape(one.answer.replace('_', ' '))}[/]"
        version, _, _ = letter.version.partition(".")
        shown.add_row(str(letter.number), letter.event_type, f"{letter.at:%m-%d %H:%M}", version, answer)
    return shown


def _told(happening: Spent | Refused | Waited | Reported | Checked) -> str | Table:
    match happening:
        case Spent():
            return f"[bold]spend {happening.amount}[/]: {_burnt(happening)}"
        case Refused():
            return f"[bold]spend {happening.amount}[/]: [{_style(happening.right)}]refused[/], {escape(happening.sentence)}"
        case Waited(until):
            return f"[bold]wait[/] until {until:%Y-%m-%d %H:%M}"
        case Reported(sentences):
            return "\n".join(f"[yellow]problem[/]: {escape(sentence)}" for sentence in sentences)
        case Checked(figures):
            return _line(figures) if len(figures) <= _MOST_ON_A_LINE else _compared(figures)
        case _:
            assert_never(happening)


def _burnt(spent: Spent) -> str:
    if spent.repeated:
        return f"the same key ({escape(spent.key)}) again takes nothing"
    return ", ".join(f"{amount} {kind}" for kind, amount in spent.by_kind.items() if amount) or "nothing, written down"


def _line(figures: Sequence[Compared]) -> str:
    return f"[{_style(all(one.right for one in figures))}]check[/]: " + ", ".join(map(_figure, figures))


def _figure(one: Compared) -> str:
    named = f"{escape(one.name)} [bold]{escape(str(one.actual))}[/]"
    return named if one.right else f"[red]{named} (should be {escape(str(one.expected))})[/]"


def _compared(figures: Sequence[Compared]) -> Table:
    shown = table("figure", "expected", "actual", "", numbers=("expected", "actual"))
    for one in figures:
        verdict = f"[{_style(one.right)}]{'right' if one.right else 'WRONG'}[/]"
        shown.add_row(escape(one.name), escape(str(one.expected)), escape(str(one.actual)), verdict)
    return shown


def _style(right: bool) -> str:
    return "green" if right else "bold red"
