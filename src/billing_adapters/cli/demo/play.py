"""Playing: carrying out a story step by step, through whichever door its deliveries go."""

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Protocol, TypeAlias, assert_never

from attrs import evolve, frozen

from billing_adapters.cli.demo.figures import Compared, compare
from billing_adapters.cli.demo.steps import Chapter, Check, Deliveries, Forgery, Refusal, Report, Sent, Spend, Step, Wait
from billing_adapters.memory.clock import FixedClock
from billing_adapters.simulator.downgrades import downgrade
from billing_adapters.stripe.samples import body, sign
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
    "shuffled",
]

FORGER = "whsec_of_somebody_else"


class Door(Protocol):
    """Where deliveries go in."""

    def __call__(self, content: bytes, headers: Mapping[str, str]) -> str:
        """Deliver one request, and return in a word what became of it."""


@frozen
class Stage:
    """Where a story is played: an application with its account, and the secret that its provider signs with."""

    billing: Billing
    clock: FixedClock
    door: Door
    secret: str
    account: str


@frozen
class Answered:
    """A delivery was answered."""

    sent: Sent
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
            case Deliveries():
                yield from _deliver(stage, step)
            case Forgery(sent):
                answer = _send(stage, sent, FORGER)
                yield Answered(sent, answer, right=answer == "BadSignature")
            case Spend():
                yield _spend(stage, step)
            case Refusal():
                yield _refuse(stage, step)
            case Wait(until):
                stage.clock.set(until)
                yield Waited(until)
            case Check(expected):
                yield Checked(compare(stage.billing, stage.account, expected))
            case Report():
                yield Reported(tuple(f"{one.product}: {one}" for one in stage.billing.catalog.problems()))
            case _:
                assert_never(step)


def _deliver(stage: Stage, deliveries: Deliveries) -> Iterator[Answered]:
    stage.clock.set(max(stage.clock.now(), deliveries.until))
    for sent in deliveries.sent:
        answer = _send(stage, sent, stage.secret)
        yield Answered(sent, answer, right=answer in {"applied", "already_applied", "deferred", "ignored"})


def _send(stage: Stage, sent: Sent, secret: str) -> str:
    content = body(downgrade(sent.event, sent.version))
    return stage.door(content, sign(content, secret, stage.clock.now()))


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


def shuffled(chapters: Iterable[Chapter], seed: int, versions: tuple[str, ...]) -> tuple[Chapter, ...]:
    """Return the story with its deliveries in another order, repeated at random, each event in a random version."""
    luck = random.Random(seed)  # noqa: S311 - nobody guards a secret with it
    return tuple(
        evolve(chapter, steps=tuple(_resent(step, luck, versions) for step in chapter.steps)) for chapter in chapters
    )


def _resent(step: Step, luck: random.Random, versions: tuple[str, ...]) -> Step:
    if not isinstance(step, Deliveries):
        return step
    sent = [evolve(one, version=luck.choice(versions)) for one in step.events for _ in range(luck.choice((1, 1, 2, 3)))]
    luck.shuffle(sent)
    return step.resent(sent)
