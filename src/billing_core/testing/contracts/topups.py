"""What every store must do with top-ups: keep each exactly, write none that somebody else overtook, and tell the ledger."""

from datetime import timedelta
from functools import partial
from typing import Any

import attrs
import pytest

from billing_core.domain.credits import Account, AccountId, Needs
from billing_core.domain.topups import TopUp, TopUpIntent
from billing_core.errors import Conflict
from billing_core.ports import Store, UnitOfWork
from billing_core.testing import strategies
from billing_core.testing.contracts.claims import done, every, in_threads, keep, meanwhile, shape
from billing_core.testing.driver import account_in
from billing_core.testing.examples import NOW, a_grant, a_spend, a_top_up, an_account, fresh

__all__ = ["TopUpContract"]

_SECOND = timedelta(seconds=1)
_IN_FLIGHT = TopUpIntent("one", NOW)


def _put(store: Store, *top_ups: TopUp) -> None:
    def write_all(unit: UnitOfWork) -> None:
        for one in top_ups:
            unit.top_ups.put(one)

    keep(store, write_all)


def _get(store: Store, account: AccountId) -> TopUp:
    with store.view() as unit:
        return unit.top_ups.get([account])[account]


def _due(store: Store, limit: int = 10) -> list[AccountId]:
    with store.view() as unit:
        return [one.account for one in unit.top_ups.due(NOW, limit)]


def _watched_below(store: Store, account: AccountId) -> int | None:
    return account_in(store, Needs(account)).top_up_below


class TopUpContract:
    """What `TopUps` promises."""

    @every(drawn=strategies.top_ups(an_account()))
    def test_a_top_up_is_kept_exactly(self, store: Store, drawn: TopUp) -> None:
        """The rule, what is in flight, and what was bought."""
        top_up = attrs.evolve(drawn, rule=attrs.evolve(drawn.rule, account=an_account()))

        _put(store, top_up)

        assert shape(_get(store, top_up.account)) == shape(attrs.evolve(top_up, version=1))

    def test_a_later_write_of_a_top_up_replaces_everything(self, store: Store) -> None:
        """Nothing of the old one is left."""
        before = a_top_up(in_flight=_IN_FLIGHT, purchases=(NOW,), declines=3)
        rule = attrs.evolve(before.rule, threshold=7, pack="other", quantity=9, most_purchases=5)
        after = TopUp(rule=rule, enabled=False, version=1)
        _put(store, before)

        _put(store, after)

        assert shape(_get(store, before.account)) == shape(attrs.evolve(after, version=2))

    def test_accounts_without_a_rule_have_no_top_up(self, store: Store) -> None:
        """Nor has another unit of the same owner."""
        top_up = a_top_up()
        _put(store, top_up)

        with store.view() as unit:
            found = unit.top_ups.get(iter([top_up.account, an_account(), AccountId(top_up.account.owner, "images")]))
            of_none = unit.top_ups.get([])

        assert found.keys() == {top_up.account}
        assert not of_none

    def test_a_stale_writer_of_a_top_up_conflicts(self, store: Store) -> None:
        """What was read before somebody else wrote cannot be written over it."""
        top_up = a_top_up()
        _put(store, top_up)
        read = _get(store, top_up.account)
        _put(store, attrs.evolve(read, in_flight=_IN_FLIGHT))

        with pytest.raises(Conflict):
            _put(store, attrs.evolve(read, in_flight=TopUpIntent("two", NOW)))

        assert _get(store, top_up.account).in_flight == _IN_FLIGHT

    def test_a_top_up_over_nothing_conflicts(self, store: Store) -> None:
        """What is not there cannot be written over, and of the attempt nothing is left."""
        top_up = a_top_up(version=1)

        with pytest.raises(Conflict):
            _put(store, top_up)

        assert account_in(store, Needs(top_up.account)) == Account(top_up.account)

    @pytest.mark.parametrize("version", [0, 1], ids=["first", "later"])
    def test_two_writers_of_a_top_up_do_not_both_win(self, store: Store, version: int) -> None:
        """The one that waited for the other finds that it is too late."""
        top_up = a_top_up(version=version)
        if version:
            _put(store, attrs.evolve(top_up, version=0))

        with store.begin() as unit:
            unit.top_ups.put(top_up)
            error = meanwhile(store, lambda other: other.top_ups.put(top_up), unit.commit)

        assert isinstance(error, Conflict)

    def test_of_many_who_want_to_buy_one_may(self, store: Store) -> None:
        """All have read that nothing is in flight."""
        top_up = a_top_up()
        _put(store, top_up)

        def ask(number: int) -> bool:
            try:
                _put(store, attrs.evolve(top_up, in_flight=TopUpIntent(f"{number}", NOW), version=1))
            except Conflict:
                return False
            return True

        won = in_threads(partial(ask, number) for number in range(4))

        assert sum(won) == 1
        assert _get(store, top_up.account).version == 2

    # The ledger -----------------------------------------------------------------------------------------------------------

    def test_an_account_says_below_what_it_is_topped_up(self, store: Store) -> None:
        """Whatever is written on it."""
        top_up = a_top_up()
        done(store, a_grant(top_up.account, 100))

        _put(store, top_up)
        done(store, a_spend(top_up.account, 1))

        assert _watched_below(store, top_up.account) == top_up.rule.threshold
        assert _watched_below(store, AccountId(top_up.account.owner, "images")) is None

    def test_an_account_that_was_never_written_says_it_too(self, store: Store) -> None:
        """It stays at version 0, and the first entry is the first."""
        top_up = a_top_up()

        _put(store, top_up)

        never = Account(top_up.account, top_up_below=top_up.rule.threshold)
        assert account_in(store, Needs(top_up.account)) == never
        assert [entry.seq for entry in done(store, a_grant(top_up.account))] == [1]

    @pytest.mark.parametrize("change", [{"in_flight": _IN_FLIGHT}, {"enabled": False}], ids=["in flight", "removed"])
    def test_nobody_looks_where_nothing_can_be_wanted(self, store: Store, change: dict[str, Any]) -> None:
        """Until it can be again."""
        top_up = a_top_up()
        _put(store, top_up)

        _put(store, attrs.evolve(top_up, **change, version=1))
        between = _watched_below(store, top_up.account)
        _put(store, attrs.evolve(top_up, version=2))

        assert (between, _watched_below(store, top_up.account)) == (None, top_up.rule.threshold)

    def test_a_top_up_leaves_the_version_of_its_account(self, store: Store) -> None:
        """Who decided before the rule was set has decided on the account as it is."""
        top_up = a_top_up()
        done(store, a_grant(top_up.account, 100))
        with store.view() as unit:
            before = unit.ledger.load([Needs(top_up.account)])[top_up.account]

        _put(store, top_up)

        assert account_in(store, Needs(top_up.account)) == attrs.evolve(before, top_up_below=top_up.rule.threshold)

    def test_a_unit_sees_what_it_wrote_of_a_top_up(self, store: Store) -> None:
        """On the account, too."""
        top_up = a_top_up()

        with store.begin() as unit:
            unit.top_ups.put(top_up)
            below = unit.ledger.load([Needs(top_up.account)])[top_up.account].top_up_below
            version = unit.top_ups.get([top_up.account])[top_up.account].version

        assert (below, version) == (top_up.rule.threshold, 1)

    # What is due ----------------------------------------------------------------------------------------------------------

    def test_due_top_ups_come_longest_due_first(self, store: Store) -> None:
        """Then by account; what is not due yet, or waits for no moment, is left out."""
        owner = fresh("user")
        ages = {"late": 2, "b": 1, "a": 1, "now": 0, "later": -1}
        top_ups = {
            name: a_top_up(AccountId(owner, name), next_attempt_at=NOW - age * _SECOND) for name, age in ages.items()
        }

        _put(store, a_top_up(), *top_ups.values())

        assert [one.unit for one in _due(store)] == ["late", "a", "b", "now"]

    def test_no_more_top_ups_are_due_than_were_asked_for(self, store: Store) -> None:
        """The longest due are not left out."""
        top_ups = [a_top_up(next_attempt_at=NOW - age * _SECOND) for age in range(3)]
        _put(store, *top_ups)

        assert _due(store, limit=2) == [top_ups[2].account, top_ups[1].account]

    def test_a_due_top_up_is_whole(self, store: Store) -> None:
        """So that nobody has to ask for it again."""
        top_up = a_top_up(next_attempt_at=NOW, purchases=(NOW,), declines=2)
        _put(store, top_up)

        with store.view() as unit:
            (found,) = unit.top_ups.due(NOW, 10)

        assert shape(found) == shape(attrs.evolve(top_up, version=1))
