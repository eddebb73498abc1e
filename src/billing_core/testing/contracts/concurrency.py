"""What every store must do when many ask at the same time: answer as if they had come one after the other."""

from collections.abc import Iterable, Sequence
from functools import partial

import pytest

from billing_core.domain.credits import AccountId, AnyCommand, Grant, Needs, change, decide
from billing_core.errors import AlreadyGranted, Conflict, HoldClosed, InsufficientCredits
from billing_core.ports import Store
from billing_core.testing.contracts.claims import check_laws, done, in_threads, whole
from billing_core.testing.driver import account_in, carry_out
from billing_core.testing.examples import NOW, a_capture, a_grant, a_hold, a_spend, an_account

__all__ = ["ConcurrencyContract"]


class ConcurrencyContract:
    """What `Store` promises to threads."""

    def test_many_threads_never_overspend(self, store: Store) -> None:
        """Eight spend one account empty: as many succeed as there are credits, to the last one."""
        account = an_account()
        done(store, a_grant(account, 13), a_grant(account, 7))

        counts = in_threads([partial(_spend_ones, store, account, times=4) for _ in range(8)])

        loaded, _ = whole(store, account)
        assert sum(counts) == 20
        assert (loaded.books.available, loaded.books.consumed) == (0, 20)
        check_laws(store, account)

    def test_many_threads_carry_out_one_command_once(self, store: Store) -> None:
        """One of them does it, the others find it done."""
        account = an_account()
        done(store, a_grant(account, 10))
        spend = a_spend(account, 3)

        written = in_threads([partial(carry_out, store, spend, NOW)] * 6)

        assert sorted(map(len, written)) == [0, 0, 0, 0, 0, 1]
        assert account_in(store, Needs(account)).books.available == 7

    def test_many_threads_grant_the_same_money_once(self, store: Store) -> None:
        """However many report it, each under its own key, on an account that is not there yet."""
        account = an_account()

        granted = in_threads([partial(_grant_if_new, store, a_grant(account, source="money")) for _ in range(6)])

        assert sorted(granted) == [False] * 5 + [True]
        assert account_in(store, Needs(account)).books.available == 100

    def test_many_threads_lose_no_grant(self, store: Store) -> None:
        """Each of them is there afterwards, from the very first on."""
        account = an_account()

        in_threads([partial(carry_out, store, a_grant(account, 1), NOW) for _ in range(8)])

        assert account_in(store, Needs(account)).books.available == 8
        check_laws(store, account)

    def test_many_threads_capture_a_hold_to_the_last_credit(self, store: Store) -> None:
        """Eight take one credit after another: as many as were held."""
        account = an_account()
        _, held = done(store, a_grant(account, 100), a_hold(account, 13))

        counts = in_threads([partial(_capture_ones, store, account, held.seq, times=3) for _ in range(8)])

        loaded, _ = whole(store, account)
        assert sum(counts) == 13
        assert (loaded.books.held, loaded.books.consumed, loaded.books.available) == (0, 13, 87)
        check_laws(store, account)

    @pytest.mark.parametrize("lock", [False, True], ids=["free", "locked"])
    def test_accounts_in_opposite_orders_do_not_deadlock(self, store: Store, *, lock: bool) -> None:
        """Two that write the same two accounts both come to an end."""
        one, other = an_account(), an_account()
        done(store, a_grant(one), a_grant(other))
        orders = [(one, other), (other, one)] * 2

        in_threads([partial(_spend_on_all, store, order, times=3, lock=lock) for order in orders])

        assert [account_in(store, Needs(account)).books.consumed for account in (one, other)] == [12, 12]


def _spend_ones(store: Store, account: AccountId, times: int) -> int:
    """Spend one credit so many times; return how often there was one."""
    spent = 0
    for _ in range(times):
        try:
            carry_out(store, a_spend(account), NOW)
        except InsufficientCredits:
            continue
        spent += 1
    return spent


def _grant_if_new(store: Store, command: Grant) -> bool:
    try:
        carry_out(store, command, NOW)
    except AlreadyGranted:
        return False
    return True


def _spend_on_all(store: Store, accounts: Iterable[AccountId], times: int, *, lock: bool) -> None:
    """Spend one credit of every account in one unit, so many times."""
    for commands in [[a_spend(account) for account in accounts] for _ in range(times)]:
        while not _spent_together(store, commands, lock=lock):
            continue


def _spent_together(store: Store, commands: Sequence[AnyCommand], *, lock: bool) -> bool:
    try:
        with store.begin() as unit:
            loaded = unit.ledger.load(map(Needs.of, commands), lock=lock)
            accounts = [(loaded[command.account], command) for command in commands]
            unit.ledger.record(change(account, decide(account, command, NOW)) for account, command in accounts)
            unit.commit()
    except Conflict:
        return False
    return True


def _capture_ones(store: Store, account: AccountId, hold: int, times: int) -> int:
    """Capture one credit so many times; return how often there was one."""
    captured = 0
    for _ in range(times):
        try:
            carry_out(store, a_capture(account, hold, 1, final=False), NOW)
        except HoldClosed:
            continue
        captured += 1
    return captured
