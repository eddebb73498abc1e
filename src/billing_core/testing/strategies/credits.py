"""Strategies for credits: commands that are accepted, and histories in which every answer of the ledger comes up."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from billing_core.domain.credits import (
    MAX_AMOUNT,
    AccountId,
    AnyCommand,
    Capture,
    Convert,
    Expire,
    Grant,
    LotKind,
    PlaceHold,
    Release,
    Spend,
)
from billing_core.testing.strategies.primitives import instants, maybe_name, moneys, names

__all__ = ["account_ids", "captures", "commands", "grants", "histories", "holds", "releases"]

_MICROSECOND = timedelta(microseconds=1)


def account_ids() -> st.SearchStrategy[AccountId]:
    """Draw accounts, of the usual unit and of others."""
    return st.builds(AccountId, names(), st.just("credits") | names())


def grants(account: AccountId, now: datetime) -> st.SearchStrategy[Grant]:
    """Draw grants with every field used that are accepted at `now`, unless their key or source was used."""
    effective_at = st.none() | st.timedeltas(timedelta(0), timedelta(days=400)).map(lambda age: now - age)
    later = now + _MICROSECOND
    return st.builds(
        Grant,
        account=st.just(account),
        key=names(),
        reference=maybe_name,
        reason=maybe_name,
        actor=maybe_name,
        amount=st.integers(1, MAX_AMOUNT),
        kind=st.sampled_from(LotKind),
        source=names(),
        priority=st.none() | st.integers(0, 1_000),
        effective_at=effective_at,
        expires_at=st.none() | st.just(datetime.max.replace(tzinfo=UTC)) | instants(later),
        cost=st.none() | moneys(),
    )


def holds(account: AccountId, now: datetime) -> st.SearchStrategy[PlaceHold]:
    """Draw holds with every field used that are accepted at `now`, if there is enough and their key was not used."""
    moments = instants(now + _MICROSECOND)
    spans = st.timedeltas(_MICROSECOND, timedelta(days=400))
    endings = st.tuples(st.none(), spans) | st.tuples(moments, st.none())
    return st.builds(
        lambda ending, **told: PlaceHold(expires_at=ending[0], expires_in=ending[1], **told),
        endings,
        account=st.just(account),
        key=names(),
        reference=maybe_name,
        reason=maybe_name,
        actor=maybe_name,
        amount=st.integers(1, MAX_AMOUNT),
    )


def captures(account: AccountId, hold: int, most: int = MAX_AMOUNT) -> st.SearchStrategy[Capture]:
    """Draw captures of `most` at most, with every field used."""
    return st.builds(
        Capture,
        account=st.just(account),
        key=names(),
        reference=maybe_name,
        reason=maybe_name,
        actor=maybe_name,
        hold=st.just(hold),
        amount=st.none() | st.integers(0, most),
        final=st.booleans(),
    )


def releases(account: AccountId, hold: int) -> st.SearchStrategy[Release]:
    """Draw releases with every field used."""
    return st.builds(
        Release,
        account=st.just(account),
        key=names(),
        reference=maybe_name,
        reason=maybe_name,
        actor=maybe_name,
        hold=st.just(hold),
    )


def commands(account: AccountId, now: datetime) -> st.SearchStrategy[AnyCommand]:
    """Draw small commands whose keys and sources meet again and again, so that every answer of the ledger comes up.

    Some are refused: too much is spent or held, a key is reused, an unknown source converted, an unknown hold captured.
    """
    keys = st.sampled_from([f"key-{number}" for number in range(20)])
    sources = st.sampled_from([f"source-{number}" for number in range(6)])
    expiries = st.none() | st.integers(1, 50).map(lambda hours: now + timedelta(hours=hours))
    amounts = st.integers(1, 10)
    kinds = st.sampled_from(LotKind)
    numbers = st.integers(1, 12)
    endings = st.integers(1, 50).map(lambda hours: now + timedelta(hours=hours))
    spans = st.integers(1, 50).map(lambda hours: timedelta(hours=hours))
    parts = st.none() | st.integers(0, 5)
    fixed = st.just(account)
    return st.one_of(
        st.builds(Grant, account=fixed, key=keys, source=sources, amount=amounts, kind=kinds, expires_at=expiries),
        st.builds(Spend, account=fixed, key=keys, amount=st.integers(0, 12)),
        st.builds(Convert, account=fixed, key=keys, source=sources),
        st.builds(PlaceHold, account=fixed, key=keys, amount=amounts, expires_at=endings),
        st.builds(PlaceHold, account=fixed, key=keys, amount=amounts, expires_in=spans),
        st.builds(Capture, account=fixed, key=keys, hold=numbers, amount=parts, final=st.booleans()),
        st.builds(Release, account=fixed, key=keys, hold=numbers),
        st.builds(Expire, account=fixed),
    )


def histories(account: AccountId, start: datetime) -> st.SearchStrategy[list[tuple[datetime, AnyCommand]]]:
    """Draw commands with the moments at which they are given, the earliest first."""
    pauses = st.lists(st.timedeltas(timedelta(0), timedelta(hours=20)), max_size=30)
    return pauses.map(lambda pauses: _moments(start, pauses)).flatmap(lambda moments: _one_at_each(account, moments))


def _moments(start: datetime, pauses: list[timedelta]) -> list[datetime]:
    return [start + sum(pauses[:passed], timedelta(0)) for passed in range(len(pauses) + 1)]


def _one_at_each(account: AccountId, moments: list[datetime]) -> st.SearchStrategy[list[tuple[datetime, AnyCommand]]]:
    return st.tuples(*(st.tuples(st.just(at), commands(account, at)) for at in moments)).map(list)
