"""What every store must do when many ask at the same time: answer as if they had come one after the other."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event

import pytest

from billing_core.domain.credits import AccountId, Entry, KeyedCommand, Needs
from billing_core.errors import AlreadyGranted, AlreadyRestored, HoldClosed, InsufficientCredits, RefundExceeded
from billing_core.ports import Store
from billing_core.testing.contracts.claims import check_replay, done
from billing_core.testing.contracts.crowds import Crowd, Script, Step, Told, threads
from billing_core.testing.contracts.linearity import check_linear
from billing_core.testing.driver import account_in, journal_of
from billing_core.testing.examples import (
    NOW,
    a_capture,
    a_grant,
    a_hold,
    a_refund,
    a_restore,
    a_revoke,
    a_spend,
    a_transfer,
    an_account,
)

__all__ = ["ConcurrencyContract"]

_HOUR = timedelta(hours=1)
_LONGEST_WAIT_SECONDS = 30


class ConcurrencyContract:
    """What `Store` promises to many callers."""

    @pytest.fixture
    def crowd(self, store: Store) -> Crowd:
        """Return who asks at the same time: threads, unless another fixture lets processes or hosts share the store."""
        return threads(store)

    # One account ----------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("amount", [1, 3], ids=["one", "three"])
    def test_many_callers_never_overspend(self, store: Store, crowd: Crowd, amount: int) -> None:
        """Eight spend one account empty: as many succeed as it suffices for, and nobody else."""
        account = an_account()
        done(store, a_grant(account, 13), a_grant(account, 7))

        told = crowd([_steps(a_spend(account, amount) for _ in range(4)) for _ in range(8)])

        assert _outcomes(told) == {Entry: 20 // amount, InsufficientCredits: 32 - 20 // amount}
        assert account_in(store, Needs(account)).books.available == 20 % amount
        check_linear(account, journal_of(store, account), _all(told))

    def test_many_callers_carry_out_each_command_once(self, store: Store, crowd: Crowd) -> None:
        """Six ask for the same, each in another order: one of them does it, the others find it done."""
        account = an_account()
        done(store, a_grant(account, 100))
        commands = [a_spend(account, amount) for amount in range(1, 5)]

        told = crowd([_steps(_turned(commands, by)) for by in range(6)])

        answers = {(one.command.key, one.result) for one in _all(told) if isinstance(one.result, Entry)}
        assert sorted(key for key, _ in answers) == sorted(one.key for one in commands)
        assert (len(journal_of(store, account)), account_in(store, Needs(account)).books.available) == (5, 90)
        check_linear(account, journal_of(store, account), _all(told))

    def test_many_callers_grant_the_same_money_once(self, store: Store, crowd: Crowd) -> None:
        """However many report it, each under its own key, on an account that is not there yet."""
        account = an_account()

        told = crowd([_steps([a_grant(account, source="money")]) for _ in range(6)])

        assert _outcomes(told) == {Entry: 1, AlreadyGranted: 5}
        assert account_in(store, Needs(account)).books.available == 100

    def test_many_callers_lose_no_grant(self, store: Store, crowd: Crowd) -> None:
        """Each of them is there afterwards, from the very first on."""
        account = an_account()

        told = crowd([_steps([a_grant(account, 1)]) for _ in range(8)])

        assert _outcomes(told) == {Entry: 8}
        assert account_in(store, Needs(account)).books.available == 8
        check_replay(store, account)

    def test_many_callers_capture_a_hold_to_the_last_credit(self, store: Store, crowd: Crowd) -> None:
        """Eight take one credit after another: as many as were held."""
        account = an_account()
        _, held = done(store, a_grant(account, 100), a_hold(account, 13))

        told = crowd([_steps(a_capture(account, held.seq, 1, final=False) for _ in range(3)) for _ in range(8)])

        books = account_in(store, Needs(account)).books
        assert _outcomes(told) == {Entry: 13, HoldClosed: 11}
        assert (books.held, books.consumed, books.available) == (0, 13, 87)
        check_linear(account, journal_of(store, account), _all(told))

    def test_many_callers_undo_once(self, store: Store, crowd: Crowd) -> None:
        """What one of them refunded or restored, each under its own key, nobody else does again."""
        account = an_account()
        lot = a_grant(account, 9)
        done(store, lot, a_spend(account, 5), a_revoke(account, lot.source))

        told = crowd([_steps([a_refund(account, 2), a_restore(account, 3)]) for _ in range(6)])

        assert _outcomes(told) == {Entry: 2, RefundExceeded: 5, AlreadyRestored: 5}
        stored = account_in(store, Needs(account))
        assert (stored.books.available, stored.owes) == (9, 0)
        check_linear(account, journal_of(store, account), _all(told))

    def test_whatever_many_callers_do_could_have_been_done_in_turn(self, store: Store, crowd: Crowd) -> None:
        """Grants, spends, holds and refunds, some asked for twice and some refused: one order explains every answer."""
        account = an_account()
        done(store, a_grant(account, 9), a_spend(account, 4))

        told = crowd(_mixed(account, callers=6))

        assert {Entry, InsufficientCredits, RefundExceeded} <= _outcomes(told).keys()
        check_linear(account, journal_of(store, account), _all(told))
        check_replay(store, account)

    # Several accounts -----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("lock", [False, True], ids=["free", "locked"])
    def test_accounts_in_opposite_orders_do_not_deadlock(self, store: Store, crowd: Crowd, *, lock: bool) -> None:
        """Whoever writes the same accounts comes to an end; with a lock nobody has to begin again."""
        one, other = an_account(), an_account()
        done(store, a_grant(one), a_grant(other))

        told = crowd([
            [Step([a_spend(account) for account in accounts], lock=lock) for _ in range(3)]
            for accounts in [(one, other), (other, one)] * 2
        ])

        assert _outcomes(told) == {Entry: 24}
        assert [account_in(store, Needs(account)).books.consumed for account in (one, other)] == [12, 12]

    def test_many_callers_lose_nothing_between_accounts(self, store: Store, crowd: Crowd) -> None:
        """Credits sent to and fro arrive, also where there was no account yet; nobody sees them twice, or nowhere."""
        one, other, new = an_account(), an_account(), an_account()
        done(store, a_grant(one, 10), a_grant(other, 10))
        ways = [(one, other), (other, one), (one, new), (other, new)]

        with _watching(store, (one, other, new)) as seen:
            told = crowd([_steps(a_transfer(*way, 2) for _ in range(4)) for way in ways])

        assert set(seen) == {20}
        assert _outcomes(told)[Entry] >= 8
        for account in (one, other, new):
            check_linear(account, journal_of(store, account), _all(told))
            check_replay(store, account)


def _steps(commands: Iterable[KeyedCommand]) -> Script:
    """Let each command be a step of its own."""
    return [Step([command]) for command in commands]


def _all(told: Iterable[Sequence[Told]]) -> Sequence[Told]:
    return [one for caller in told for one in caller]


def _outcomes(told: Iterable[Sequence[Told]]) -> dict[type, int]:
    """Return how many were told an entry, and how many each refusal."""
    return {**Counter(type(one.result) for one in _all(told))}


def _turned(commands: Sequence[KeyedCommand], by: int) -> Sequence[KeyedCommand]:
    start = by % len(commands)
    return [*commands[start:], *commands[:start]]


def _mixed(account: AccountId, callers: int) -> Sequence[Script]:
    """Return what callers ask of an account whose second entry consumed 4, each by a clock of its own."""
    shared: Sequence[KeyedCommand] = [
        a_spend(account, 1),
        a_refund(account, 2, 1),
        a_grant(account, 2, expires_at=NOW + 2 * _HOUR),
    ]
    return [
        [
            Step([a_spend(account, 3)], now),
            Step([shared[caller % 3], a_hold(account, 2, expires_in=_HOUR)], now),
            Step([a_refund(account, 2, 1)], now),
            Step([a_spend(account, 2), shared[(caller + 1) % 3]], now),
            Step([a_spend(account, 9)], now),
        ]
        for caller in range(callers)
        for now in [NOW + caller * _HOUR / 2]
    ]


@contextmanager
def _watching(store: Store, accounts: Sequence[AccountId]) -> Iterator[Sequence[int]]:
    """Look at these accounts again and again while something happens, and give how much they have together each time."""
    seen: list[int] = []
    over = Event()

    def look() -> None:
        while True:
            last = over.is_set()
            with store.view() as unit:
                found = unit.ledger.load(map(Needs, accounts))
                for account, one in found.items():
                    assert [entry.seq for entry in unit.ledger.entries(account, limit=1)] == [one.version][: one.version]
            seen.append(sum(one.books.available for one in found.values()))
            if last:
                return

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            yield seen
        finally:
            over.set()
        looking.result(_LONGEST_WAIT_SECONDS)
