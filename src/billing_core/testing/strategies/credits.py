"""Strategies for credits: commands that are accepted, and histories in which every answer of the ledger comes up."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen
from hypothesis import strategies as st

from billing_core.domain.credits import (
    MAX_AMOUNT,
    AccountId,
    Adjust,
    AnyCommand,
    Capture,
    Convert,
    Expire,
    Forfeit,
    Grant,
    LotKind,
    PlaceHold,
    Receive,
    Refund,
    Release,
    Restore,
    Revoke,
    Shortfall,
    Spend,
    Transfer,
)
from billing_core.testing.strategies.primitives import instants, maybe_name, moneys, names

__all__ = [
    "account_ids",
    "adjustments",
    "captures",
    "commands",
    "conversions",
    "forfeits",
    "grants",
    "histories",
    "holds",
    "receipts",
    "refunds",
    "releases",
    "restorations",
    "revocations",
    "transfers",
]

_MICROSECOND = timedelta(microseconds=1)
_LONG = timedelta(days=400)

# Few enough to meet again.
_keys = st.sampled_from([f"key-{number}" for number in range(60)])
_sources = st.sampled_from([f"source-{number}" for number in range(3)])
_few = st.integers(1, 6)
_soon = st.integers(1, 50).map(lambda hours: timedelta(hours=hours))


def account_ids() -> st.SearchStrategy[AccountId]:
    """Draw accounts, of the usual unit and of others."""
    return st.builds(AccountId, names(), st.just("credits") | names())


def grants(account: AccountId, now: datetime) -> st.SearchStrategy[Grant]:
    """Draw grants with every field used that are accepted at `now`, unless their key or source was used."""
    terms = {
        "amount": st.integers(1, MAX_AMOUNT),
        "kind": st.sampled_from(LotKind),
        "source": names(),
        "priority": st.none() | st.integers(0, 1_000),
        "effective_at": _lately(now),
        "cost": st.none() | moneys(),
    }
    at_once = st.builds(Grant, **_said(account), **terms, starts_at=_lately(now), expires_at=_later(now))
    begins = now + _MICROSECOND
    scheduled = st.builds(
        Grant, **_said(account), **terms, starts_at=instants(begins, begins + _LONG), expires_at=_later(begins + _LONG)
    )
    return at_once | scheduled


def holds(account: AccountId, now: datetime) -> st.SearchStrategy[PlaceHold]:
    """Draw holds with every field used that are accepted at `now`, if there is enough and their key was not used."""
    moments = instants(now + _MICROSECOND)
    endings = st.tuples(st.none(), st.timedeltas(_MICROSECOND, _LONG)) | st.tuples(moments, st.none())
    return st.builds(
        lambda ending, **told: PlaceHold(expires_at=ending[0], expires_in=ending[1], **told),
        endings,
        **_said(account),
        amount=st.integers(1, MAX_AMOUNT),
    )


def captures(account: AccountId, hold: int, most: int = MAX_AMOUNT) -> st.SearchStrategy[Capture]:
    """Draw captures of `most` at most, with every field used."""
    amount = st.none() | st.integers(0, most)
    return st.builds(Capture, **_said(account), hold=st.just(hold), amount=amount, final=st.booleans())


def releases(account: AccountId, hold: int) -> st.SearchStrategy[Release]:
    """Draw releases with every field used."""
    return st.builds(Release, **_said(account), hold=st.just(hold))


def refunds(account: AccountId, spend: int, most: int = MAX_AMOUNT) -> st.SearchStrategy[Refund]:
    """Draw refunds of `most` at most, with every field used."""
    grace = st.none() | st.timedeltas(_MICROSECOND, _LONG)
    return st.builds(Refund, **_said(account), spend=st.just(spend), amount=_parts(most), grace=grace)


def conversions(account: AccountId, source: str, now: datetime) -> st.SearchStrategy[Convert]:
    """Draw conversions with every field used that are accepted at `now`, of a lot that was there a long time ago."""
    return st.builds(
        Convert,
        **_said(account),
        source=st.just(source),
        kind=st.sampled_from(LotKind),
        effective_at=_lately(now),
        most=st.none() | st.integers(0, MAX_AMOUNT),
        expires_at=_later(now),
        into=st.sampled_from(("convert", "rollover")),
    )


def forfeits(account: AccountId, source: str, now: datetime) -> st.SearchStrategy[Forfeit]:
    """Draw forfeitures with every field used that are accepted at `now`."""
    return st.builds(Forfeit, **_said(account), source=st.just(source), effective_at=_lately(now))


def revocations(account: AccountId, source: str, now: datetime, most: int = MAX_AMOUNT) -> st.SearchStrategy[Revoke]:
    """Draw revocations of `most` at most, with every field used, that are accepted at `now`."""
    return st.builds(
        Revoke,
        **_said(account),
        source=st.just(source),
        amount=_parts(most),
        shortfall=st.sampled_from(Shortfall),
        effective_at=_lately(now),
    )


def restorations(account: AccountId, revocation: int, now: datetime) -> st.SearchStrategy[Restore]:
    """Draw what undoes a revocation, with every field used, that is accepted at `now`."""
    return st.builds(Restore, **_said(account), revocation=st.just(revocation), effective_at=_lately(now))


def adjustments(account: AccountId, now: datetime, most: int = MAX_AMOUNT) -> st.SearchStrategy[Adjust]:
    """Draw corrections by `most` at most, up and down, with every field used, that are accepted if there is enough."""
    said = {**_said(account), "reason": names(), "actor": names()}
    up = st.builds(Adjust, **said, amount=st.integers(1, most), expires_at=_later(now))
    return up | st.builds(Adjust, **said, amount=st.integers(-most, -1))


def transfers(account: AccountId, most: int = MAX_AMOUNT) -> st.SearchStrategy[Transfer]:
    """Draw transfers of `most` at most to other accounts of the unit, with every field used."""
    others = names().filter(lambda owner: owner != account.owner).map(lambda owner: AccountId(owner, account.unit))
    return st.builds(Transfer, **_said(account), to=others, amount=st.integers(1, most))


def receipts(account: AccountId, now: datetime) -> st.SearchStrategy[Receive]:
    """Draw what another account sent until `now`, with every field used."""
    return st.builds(
        Receive,
        **_said(account),
        sender=account_ids(),
        amount=st.integers(1, MAX_AMOUNT),
        kind=st.sampled_from(LotKind),
        source=names(),
        priority=st.integers(0, 1_000),
        effective_at=st.timedeltas(timedelta(0), _LONG).map(lambda age: now - age),
        expires_at=_later(now),
        cost=st.none() | moneys(),
    )


def commands(account: AccountId, now: datetime) -> st.SearchStrategy[AnyCommand]:
    """Draw small commands whose keys and sources meet again and again, so that every answer of the ledger comes up.

    Some are refused: too much is spent or held, a key is reused, an unknown source converted, an unknown hold captured.
    """
    return st.one_of(*_beginnings(account), *_followings(account, st.integers(2, 6))).map(lambda draft: draft.at(now))


def histories(account: AccountId, start: datetime) -> st.SearchStrategy[list[tuple[datetime, AnyCommand]]]:
    """Draw commands with the moments at which they are given, the earliest first.

    Most begin with a grant and what others can be about, and go on about one of that.
    """
    return st.one_of([_histories(account, start, st.just(number)) for number in (2, 3, 4)])


def _histories(
    account: AccountId, start: datetime, number: st.SearchStrategy[int]
) -> st.SearchStrategy[list[tuple[datetime, AnyCommand]]]:
    pauses = st.timedeltas(timedelta(0), timedelta(hours=9))
    granting, *using = [st.tuples(pauses, beginning) for beginning in _beginnings(account)]
    used = st.tuples(*using).flatmap(st.permutations)
    nothing: list[tuple[timedelta, _Draft]] = []
    first = st.just(nothing) | st.builds(lambda grant, others: [grant, *others], granting, used)
    then = st.tuples(pauses, st.one_of(*_beginnings(account), *_followings(account, number)))
    # Alone, either would be short most of the time, or never.
    others = st.lists(then, max_size=30) | st.lists(then, min_size=20, max_size=30)
    return st.builds(lambda some, more: _given(start, some + more), first, others)


_MOMENTS = frozenset({"effective_at", "starts_at", "expires_at"})


@frozen
class _Draft:
    """A command whose moments are said from the moment on at which it is given."""

    kind: Callable[..., AnyCommand]
    told: Mapping[str, Any]

    def at(self, now: datetime) -> AnyCommand:
        dated = {name: now + self.told[name] for name in _MOMENTS & self.told.keys() if self.told[name]}
        return self.kind(**{**self.told, **dated})


def _given(now: datetime, drafts: list[tuple[timedelta, _Draft]]) -> list[tuple[datetime, AnyCommand]]:
    given = []
    for pause, draft in drafts:
        now += pause
        given.append((now, draft.at(now)))
    return given


def _beginnings(account: AccountId) -> list[st.SearchStrategy[_Draft]]:
    """Return what draws commands that others are about: a grant, a spend, a hold, a revocation."""
    said = _briefly(account)
    granting = {**said, "source": _sources, "amount": st.integers(1, 20), "kind": st.sampled_from(LotKind)}
    holding = {**said, "amount": _few}
    return [
        _drafts(Grant, **granting, expires_at=st.none() | _soon),
        _drafts(Spend, **said, amount=_few | st.integers(0, 12)),
        _drafts(PlaceHold, **holding, expires_at=_soon) | _drafts(PlaceHold, **holding, expires_in=_soon),
        _drafts(Revoke, **said, source=_sources, amount=_parts(5), shortfall=st.sampled_from(Shortfall)),
    ]


def _followings(account: AccountId, number: st.SearchStrategy[int]) -> list[st.SearchStrategy[_Draft]]:
    """Return what draws commands that come later, and those about others, of which one may have this number."""
    said = _briefly(account)
    granting = {**said, "source": _sources, "amount": _few}
    source = _sources.flatmap(lambda source: st.sampled_from((source, source, f"convert:{source}")))
    lately = st.none() | _soon.map(lambda span: timedelta() - span)
    part = st.none() | st.integers(0, 9)
    answered = {**said, "reason": st.just("a count that was wrong"), "actor": st.just("somebody")}
    other = st.just(AccountId(f"{account.owner[:200]}'s friend", account.unit))
    kind = st.sampled_from(LotKind)
    return [
        _drafts(Refund, **said, spend=number, amount=_parts(5), grace=st.none() | _soon),
        _drafts(Convert, **said, source=source, kind=kind, effective_at=lately, most=part, expires_at=st.none() | _soon),
        _drafts(Forfeit, **said, source=source, effective_at=lately),
        _drafts(Restore, **said, revocation=number, effective_at=lately),
        _drafts(Adjust, **answered, amount=st.integers(-8, 8).filter(bool)),
        _drafts(Transfer, **said, to=other, amount=_few),
        _drafts(Capture, **said, hold=number, amount=part, final=st.booleans()),
        _drafts(Release, **said, hold=number),
        _drafts(Grant, **granting, effective_at=lately, starts_at=lately | _soon),
        _drafts(Expire, account=st.just(account)),
    ]


def _drafts(kind: Callable[..., AnyCommand], /, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[_Draft]:
    return st.builds(_Draft, st.just(kind), st.fixed_dictionaries(fields))


def _briefly(account: AccountId) -> dict[str, st.SearchStrategy[Any]]:
    return {"account": st.just(account), "key": _keys}


def _said(account: AccountId) -> dict[str, st.SearchStrategy[Any]]:
    """Draw what every command says."""
    return {"account": st.just(account), "key": names(), "reference": maybe_name, "reason": maybe_name, "actor": maybe_name}


def _parts(most: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(1, most)


def _lately(now: datetime) -> st.SearchStrategy[datetime | None]:
    return st.none() | st.timedeltas(timedelta(0), _LONG).map(lambda age: now - age)


def _later(now: datetime) -> st.SearchStrategy[datetime | None]:
    return st.none() | st.just(datetime.max.replace(tzinfo=UTC)) | instants(now + _MICROSECOND)
