"""The same script has the same bytes in memory, in SQLite and in PostgreSQL.

A script is written from a seed that reproduces it, names and all, while it is played in memory: so it knows what a next
command can be about. What a command refers to is now and then not there, and now and then it is asked for a second time.
"""

import json
from datetime import timedelta
from random import Random

import attrs
import pytest
from hypothesis import settings

from billing_adapters.memory import MemoryStore
from billing_core.domain.credits import (
    AccountId,
    Adjust,
    Capture,
    Convert,
    Entry,
    Expire,
    Forfeit,
    Grant,
    LotKind,
    Operation,
    PlaceHold,
    Refund,
    Release,
    Restore,
    Revoke,
    Shortfall,
    Spend,
    Transfer,
)
from billing_core.domain.money import Money
from billing_core.errors import (
    AlreadyGranted,
    AlreadyRestored,
    HoldClosed,
    HoldExceeded,
    InsufficientCredits,
    Invalid,
    KeyReused,
    RefundExceeded,
    RevocationExceeded,
    UnknownEntry,
    UnknownHold,
    UnknownLot,
)
from billing_core.testing.contracts.claims import done, shape, together, whole
from billing_core.testing.driver import journal_of
from billing_core.testing.examples import NOW
from billing_core.testing.exports import journal_bytes

pytestmark = pytest.mark.deep

HOUR = timedelta(hours=1)
STEPS = 40
FREQUENT = (Operation.GRANT, Operation.SPEND, Operation.HOLD, Operation.CAPTURE)
TEXTS = ("order:1", "日本語 👩\U0001f3fd", "'; DROP TABLE")

REFUSALS = (
    AlreadyGranted,
    AlreadyRestored,
    HoldClosed,
    HoldExceeded,
    InsufficientCredits,
    Invalid,
    KeyReused,
    RefundExceeded,
    RevocationExceeded,
    UnknownEntry,
    UnknownHold,
    UnknownLot,
)

# What is written ----------------------------------------------------------------------------------------------------------


class Author:
    """Writes commands on two accounts, by chance, about what they hold so far."""

    def __init__(self, seed):
        self.chance = Random(seed)  # noqa: S311 - it has nothing to hide
        self.store = MemoryStore()
        self.accounts = (AccountId(f"acme-{seed}"), AccountId(f"umbrella-{seed}"))
        self.now = NOW
        self._written = []

    def step(self):
        """Return what happens next, and when: a sweep, or some commands in one unit."""
        self.now += self.chance.choice([0, 0, 1, 5, 12]) * HOUR
        if self.chance.random() < 0.1:
            return self.now, Expire(account=self.chance.choice(self.accounts))
        return self.now, [self.command() for _ in range(self.chance.choice([1, 1, 2, 5]))]

    def command(self):
        if self._written and self.chance.random() < 0.1:
            return self.chance.choice(self._written)
        account, other = self.chance.sample(self.accounts, 2)
        kind = self.chance.choice([*Operation, *FREQUENT])
        said = {"account": account, "key": f"key-{self.chance.randrange(500)}"}
        said |= {name: self.maybe(self.chance.choice(TEXTS)) for name in ("reference", "reason", "actor")}
        command = self.about(kind, said, other, journal_of(self.store, account))
        self._written.append(command)
        return command

    def about(self, kind, said, other, entries):  # noqa: C901, PLR0911 - one for each command
        def number(*operations):
            known = [one.seq for one in entries if one.operation in operations]
            return self.chance.choice([*known[-2:] * 3, 3])

        def source():
            return self.chance.choice([*(one.opened.source for one in entries if one.opened), "nothing"])

        amount, past, future = self.chance.randint(1, 9), self.maybe(-1), self.maybe(1)
        match kind:
            case Operation.SPEND:
                return Spend(amount=amount - 1, **said)
            case Operation.REFUND:
                spend, grace = number(Operation.SPEND, Operation.CAPTURE), self.maybe(5 * HOUR)
                return Refund(spend=spend, amount=self.maybe(2), grace=grace, **said)
            case Operation.HOLD:
                return PlaceHold(amount=amount, expires_in=3 * amount * HOUR, **said)
            case Operation.CAPTURE:
                final = self.chance.random() < 0.5
                return Capture(hold=number(Operation.HOLD), amount=self.maybe(amount - 1), final=final, **said)
            case Operation.RELEASE:
                return Release(hold=number(Operation.HOLD), **said)
            case Operation.CONVERT:
                most, ends = self.maybe(3), self.moment(future, 9)
                effective_at = self.moment(past, 2)
                return Convert(source=source(), effective_at=effective_at, most=most, expires_at=ends, **said)
            case Operation.FORFEIT:
                return Forfeit(source=source(), effective_at=self.moment(past, 2), **said)
            case Operation.REVOKE:
                shortfall = self.chance.choice([*Shortfall])
                return Revoke(source=source(), amount=self.maybe(3), shortfall=shortfall, **said)
            case Operation.RESTORE:
                return Restore(revocation=number(Operation.REVOKE), effective_at=self.moment(past, 2), **said)
            case Operation.ADJUST:
                by = self.chance.choice([amount, -amount])
                ends = self.moment(future, 9) if by > 0 else None
                return Adjust(amount=by, expires_at=ends, **{**said, "reason": "a count", "actor": "somebody"})
            case Operation.SEND:
                return Transfer(to=other, amount=amount, **said)
            case _:
                return self.grant(said, self.moment(past, 2), self.moment(self.maybe(1), 5), self.moment(future, 20))

    def grant(self, said, since, starts_at, ends):
        terms = {"kind": self.chance.choice([*LotKind]), "cost": self.maybe(Money(self.chance.randrange(999), "usd"))}
        source = f"source-{self.chance.randrange(50)}"
        return Grant(
            amount=self.chance.randint(1, 20),
            source=source,
            effective_at=since,
            starts_at=starts_at,
            expires_at=ends,
            **terms,
            **said,
        )

    def maybe(self, value):
        return value if self.chance.random() < 0.4 else None

    def moment(self, direction, hours):
        """Return a moment up to so many hours from now, if there is a direction."""
        return direction and self.now + direction * self.chance.randint(1, hours) * HOUR


# What it leads to ---------------------------------------------------------------------------------------------------------


@attrs.frozen
class Played:
    """A script as it was played in memory: what was asked, what was answered, and what came of it."""

    accounts: tuple
    script: list
    answers: list
    end: list


def written(seed):
    author = Author(seed)
    script, answers = [], []
    for _ in range(STEPS):
        step = author.step()
        script.append(step)
        answers.append(answered(author.store, *step))
    return Played(author.accounts, script, answers, ending(author.store, author.accounts))


def answered(store, now, step):
    """Return what is told of a step, in a form in which only what is alike to the last detail is equal."""
    if isinstance(step, Expire):
        return journal_bytes(done(store, step, now=now))
    results = together(store, *step, now=now)
    return [journal_bytes([one]) if isinstance(one, Entry) else (type(one).__name__, str(one)) for one in results]


def ending(store, accounts):
    """Return how the accounts stand, and their journals."""
    stored = [whole(store, account) for account in accounts]
    return [(journal_bytes(entries), shape(account)) for account, entries in stored]


def test_a_database_has_the_same_bytes_as_memory(store):
    """Play a fourth as many scripts as other tests try examples, for each of them is as long as forty."""
    for seed in range(max(settings().max_examples // 4, 1)):
        expected = written(seed)
        for step, answer in zip(expected.script, expected.answers, strict=True):
            assert answered(store, *step) == answer, f"seed {seed}"
        assert ending(store, expected.accounts) == expected.end, f"seed {seed}"


def test_a_script_is_the_same_whenever_it_is_written():
    assert written(7) == written(7)


def test_few_scripts_have_every_operation_and_every_refusal():
    """Or there would be little to compare."""
    scripts = [written(seed) for seed in range(10)]
    lines = [json.loads(line) for one in scripts for journal, _ in one.end for line in journal.splitlines()]
    told = [told for one in scripts for answer in one.answers if isinstance(answer, list) for told in answer]

    assert {line["operation"] for line in lines} == {*Operation}
    assert {refusal[0] for refusal in told if isinstance(refusal, tuple)} == {one.__name__ for one in REFUSALS}
