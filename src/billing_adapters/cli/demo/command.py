"""`billing demo`: the first minute with this library."""

import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from billing_adapters.cli.screen import errors, output, say
from billing_core.errors import Invalid

__all__ = ["demo"]

_SLOW_SECONDS = 0.4
_SEED = 1


def demo(
    database: Annotated[
        Path | None, typer.Option(help="A new SQLite file to play on, and keep. Otherwise nothing is kept.")
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Another number shuffles and repeats the deliveries otherwise, in other API versions.")
    ] = _SEED,
    slow: Annotated[bool, typer.Option("--slow", help="Pause after each delivery, to watch.")] = False,
) -> None:
    """Play a customer's story: packs, a subscription, renewals, a plan change, the end; exit with 1 if a figure is wrong.

    Stripe is the simulator, asked through Stripe's own library. Its signed webhooks go over HTTP to a server on this
    machine, some twice, some out of order, some in older versions of its API. It needs no account, no network and no
    settings.
    """
    from billing_adapters.cli.demo import network, run, show, story  # noqa: PLC0415 - `billing --help` need not load a server

    with _file(database) as path:
        pause_seconds = _SLOW_SECONDS if slow else 0
        right = run.run(story.story(), path, show.Show(output), network.unlucky(seed), pause_seconds=pause_seconds)
    if not right:
        errors.print("the story did not end as it should", style="bold red")
        raise typer.Exit(1)
    output.print("every figure is right", style="bold green")
    if database:
        say(f"look around: BILLING_DATABASE_URL={shlex.quote(f'sqlite:///{database}')} billing statement {story.OWNER}")


@contextmanager
def _file(asked: Path | None) -> Iterator[Path]:
    if asked is None:
        with tempfile.TemporaryDirectory(prefix="billing-demo-") as directory:
            yield _nameable(Path(directory) / "demo.db")
        return
    if asked.exists():
        raise Invalid("database", f"{asked} exists: the demonstration plays on a new file, and overwrites none")
    if not asked.parent.is_dir():
        raise Invalid("database", f"{asked} cannot be made: there is no directory {asked.parent}")
    yield _nameable(asked)


def _nameable(path: Path) -> Path:
    if any(mark in str(path) for mark in "?%"):
        raise Invalid("database", f"{path} holds a ? or a %, which mean something else in an address (sqlite:///...)")
    return path
