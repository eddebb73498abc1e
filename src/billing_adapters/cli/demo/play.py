"""Playing: carrying out a story step by step, through whichever door its deliveries go."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Protocol, TypeAlias, assert_never

from attrs import frozen

from billing_adapters.cli.demo.figures import Compared, compare
from billing_adapters.cli.demo.network import Network
from billing_adapters.cli.demo.provider import VERSIONS, Letter, Provider
from billing_adapters.cli.demo.steps import Asks, Check, Deliver, Forgery, Happens, Refusal, Report, Spend, Step, Wait
from billing_core.billing import Billing
from billing_core.domain.credits import LotKind
from billing_core.errors import InsufficientCredits

__all__ = [
    "Answered",
    "Checked",
    "Door",
    "Happening",
    "Refused",
    "Reported",
    "Spent",
    "Stage",
    "Waited",
    "play",
]

_FORGER_SEED = 666


class Door(Protocol):
    """Where deliveries go in."""

    def __call__(self, content: bytes, headers: Mapping[str, str]) -> str:
        """Deliver one request, and return in a word what became of it."""


@frozen
class Stage:
    """Where a story is played: an application with its account, its provider, and the way from one to the other."""

    billing: Billing
    provider: Provider
    network: Network
    door: Door
    account: str


@frozen
class Answered:
    """A delivery was answered."""

    letter: Letter
    answer: str
    right: bool = True


@frozen
class Spent:
    """Credits were spent, of these kinds."""

    amount: int
    key: str
    by_kind: Mapping[LotKind, int]
    repeated: bool
    right: bool = True


@frozen
class Refused:
    """A spend was refused, or should have been."""

    amount: int
    sentence: str
    right: bool


@frozen
class Waited:
    """Time passed."""

    until: datetime
    right: bool = True


@frozen
class Reported:
    """Products that cannot be understood were named."""

    sentences: tuple[str, ...]
    right: bool = True


@frozen
class Checked:
    """Figures were compared."""

    figures: tuple[Compared, ...]

    @property
    def right(self) -> bool:
        """Whether every one is what it should be."""
        return all(one.right for one in self.figures)


Happening: TypeAlias = Answered | Spent | Refused | Waited | Reported | Checked


def play(stage: Stage, steps: Iterable[Step]) -> Iterator[Happening]:
    """Carry out steps one after another, and tell what happens."""
    for step in steps:
        match step:
            case Happens() | Asks():
                _do(stage, step)
            case Deliver():
                yield from _deliver(stage)
            case Forgery(do):
                yield from _forge(stage, do)
            case Spend():
                yield _spend(stage, step)
            case Refusal():
                yield _refuse(stage, step)
            case Wait(until):
                stage.provider.wait(until)
                yield Waited(until)
            case Check(expected):
                yield Checked(compare(stage.billing, stage.account, expected))
            case Report():
                yield Reported(tuple(f"{one.product}: {one}" for one in stage.billing.catalog.problems()))
            case _:
                assert_never(step)


def _do(stage: Stage, step: Happens | Asks) -> None:
    if isinstance(step, Happens):
        step.do(stage.provider)
    else:
        step.do(stage.billing)


def _deliver(stage: Stage) -> Iterator[Answered]:
    for letter in stage.network(stage.provider.letters()):
        answer = stage.door(letter.body, letter.headers)
        yield Answered(letter, answer, right=answer in {"applied", "already_applied", "deferred", "ignored"})


def _forge(stage: Stage, do: Callable[[Provider], object]) -> Iterator[Answered]:
    forger = Provider.opened(stage.provider.now(), seed=_FORGER_SEED, versions=VERSIONS[-1:])
    do(forger)
    for letter in forger.letters():
        answer = stage.door(letter.body, letter.headers)
        yield Answered(letter, answer, right=answer == "BadSignature")


def _spend(stage: Stage, step: Spend) -> Spent | Refused:
    credits = stage.billing.credits
    before = credits.balance(stage.account)
    try:
        credits.spend(stage.account, step.amount, key=step.key)
    except InsufficientCredits as refusal:
        return Refused(step.amount, str(refusal), right=False)
    after = credits.balance(stage.account)
    burnt = {kind: before.by_kind[kind] - after.by_kind[kind] for kind in LotKind}
    return Spent(step.amount, step.key, burnt, repeated=before.version == after.version)


def _refuse(stage: Stage, step: Refusal) -> Refused:
    try:
        stage.billing.credits.spend(stage.account, step.amount)
    except InsufficientCredits as refusal:
        return Refused(step.amount, str(refusal), right=refusal.available == step.available)
    return Refused(step.amount, "it was not refused", right=False)
