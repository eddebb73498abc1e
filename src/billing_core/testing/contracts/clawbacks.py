"""What every ledger must do with credits that go back the way they came, and with those that come later or by hand."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, TypeAlias

import pytest
from attrs import frozen

from billing_core.domain.credits import AccountId, KeyedCommand, LotKind, Needs, Shortfall, decide
from billing_core.domain.money import Money
from billing_core.errors import AlreadyRestored, Conflict, InsufficientCredits, RefundExceeded, RevocationExceeded
from billing_core.ports import Store
from billing_core.testing.contracts.claims import check_kept, check_replay, done, record, shape, whole
from billing_core.testing.driver import account_in
from billing_core.testing.examples import (
    NOW,
    a_capture,
    a_convert,
    a_forfeit,
    a_grant,
    a_hold,
    a_refund,
    a_release,
    a_restore,
    a_revoke,
    a_spend,
    an_account,
    an_adjustment,
    an_expire,
    prepared,
)

__all__ = ["ClawbackContract"]

_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_TOLD: Mapping[str, Any] = MappingProxyType({"reference": "order:1", "reason": "a reason", "actor": "somebody"})


@frozen
class _Story:
    """What is done first, on a new account, and the command that it is about, which comes `later`."""

    first: Sequence[KeyedCommand]
    command: KeyedCommand
    later: timedelta = timedelta()


_Told: TypeAlias = Callable[[AccountId], _Story]


def _three(account: AccountId) -> list[KeyedCommand]:
    """Grant three lots that burn in another order than they were opened in; the second one lasts a day."""
    return [
        a_grant(account, 4, priority=30, source="first", cost=Money(400, "usd"), **_TOLD),
        a_grant(account, 5, priority=10, source="second", cost=Money(700, "usd"), expires_at=NOW + _DAY, **_TOLD),
        a_grant(account, 6, priority=20, source="third", kind=LotKind.SUBSCRIPTION),
    ]


def _owing(account: AccountId, shortfall: Shortfall = Shortfall.OWE) -> list[KeyedCommand]:
    """Spend the first of three lots with the others, all but two credits, and claw it back as number 5."""
    return [*_three(account), a_spend(account, 13), a_revoke(account, "second", shortfall=shortfall)]


def _spent(account: AccountId, shortfall: Shortfall) -> _Story:
    return _Story([*_three(account), a_spend(account, 3)], a_revoke(account, "second", shortfall=shortfall, **_TOLD))


_REFUNDS: Mapping[str, _Told] = {
    "all of a spend": lambda one: _Story([*_three(one), a_spend(one, 13)], a_refund(one, 4, **_TOLD)),
    "part of a spend": lambda one: _Story([*_three(one), a_spend(one, 13)], a_refund(one, 4, 8, **_TOLD)),
    "what is left of a spend": lambda one: _Story([*_three(one), a_spend(one, 13), a_refund(one, 4, 3)], a_refund(one, 4)),
    "a capture": lambda one: _Story([*_three(one), a_hold(one, 8), a_capture(one, 4, 7)], a_refund(one, 5, 6, **_TOLD)),
    "what has expired": lambda one: _Story([*_three(one), a_spend(one, 13)], a_refund(one, 4, **_TOLD), later=_DAY),
    "what is given grace": lambda one: _Story(
        [*_three(one), a_spend(one, 13)], a_refund(one, 4, grace=_DAY, **_TOLD), later=_DAY
    ),
    "what was clawed back": lambda one: _Story(_owing(one), a_refund(one, 4, **_TOLD)),
}

_REVOCATIONS: Mapping[str, _Told] = {
    "unused": lambda one: _Story(_three(one), a_revoke(one, "second", **_TOLD)),
    "part of it": lambda one: _Story([*_three(one), a_spend(one, 2)], a_revoke(one, "second", 2, **_TOLD)),
    "expired": lambda one: _Story(_three(one), a_revoke(one, "second", effective_at=NOW, **_TOLD), later=_DAY),
    "scheduled": lambda one: _Story(
        [a_grant(one, 9, source="later", starts_at=NOW + _DAY)], a_revoke(one, "later", 4, **_TOLD)
    ),
    "converted": lambda one: _Story(
        [*_three(one), a_spend(one, 2), a_convert(one, "second")], a_revoke(one, "second", **_TOLD)
    ),
    "held": lambda one: _Story([*_three(one), a_hold(one, 7)], a_revoke(one, "third", **_TOLD)),
    "spent, and owed": lambda one: _spent(one, Shortfall.OWE),
    "spent, and taken from others": lambda one: _spent(one, Shortfall.TAKE),
    "spent, and forgiven": lambda one: _spent(one, Shortfall.FORGIVE),
}

_RESTORATIONS: Mapping[str, _Told] = {
    "of what was unused": lambda one: _Story([*_three(one), a_revoke(one, "second")], a_restore(one, 4, **_TOLD)),
    "of what has expired since": lambda one: _Story(
        [*_three(one), a_revoke(one, "second")], a_restore(one, 4, **_TOLD), later=_DAY
    ),
    "of what has started since": lambda one: _Story(
        [a_grant(one, 9, source="later", starts_at=NOW + _DAY), a_revoke(one, "later")], a_restore(one, 2), later=_DAY
    ),
    "of what is owed": lambda one: _Story(_owing(one), a_restore(one, 5, effective_at=NOW - _DAY, **_TOLD)),
    "of what was repaid": lambda one: _Story([*_owing(one), a_grant(one, 3), a_grant(one, 9)], a_restore(one, 5, **_TOLD)),
    "of what was repaid by credits that are gone": lambda one: _Story(
        [*_owing(one), a_grant(one, 3), a_grant(one, 4), a_spend(one, 4)], a_restore(one, 5, **_TOLD)
    ),
    "of what was taken": lambda one: _Story(_owing(one, Shortfall.TAKE), a_restore(one, 5, **_TOLD)),
}

_BY_HAND: Mapping[str, _Told] = {
    "a grant that starts later": lambda one: _Story(
        _three(one), a_grant(one, 7, starts_at=NOW + _DAY, expires_at=NOW + 2 * _DAY, **_TOLD)
    ),
    "a grant that repays": lambda one: _Story(_owing(one), a_grant(one, 7, cost=Money(1, "usd"), **_TOLD)),
    "a grant that repays a part": lambda one: _Story(_owing(one), a_grant(one, 2)),
    "a start": lambda one: _Story([a_grant(one, 7, starts_at=NOW + _DAY)], a_spend(one, 2), later=2 * _DAY),
    "a start that repays": lambda one: _Story(
        [*_owing(one), a_grant(one, 7, starts_at=NOW + _DAY)], a_spend(one, 2), later=2 * _DAY
    ),
    "an adjustment up": lambda one: _Story(_owing(one), an_adjustment(one, 9, expires_at=NOW + _DAY, reference="order:1")),
    "an adjustment down": lambda one: _Story(_three(one), an_adjustment(one, -13)),
    "a forfeiture": lambda one: _Story([*_three(one), a_spend(one, 2)], a_forfeit(one, "second", **_TOLD)),
    "a forfeiture before the start": lambda one: _Story(
        [a_grant(one, 7, source="later", starts_at=NOW + _DAY)], a_forfeit(one, "later", effective_at=NOW - _DAY)
    ),
    "a conversion of a part": lambda one: _Story(
        _three(one), a_convert(one, "second", most=3, expires_at=NOW + 9 * _DAY, kind=LotKind.PROMOTIONAL, **_TOLD)
    ),
    "a conversion before the start": lambda one: _Story(
        [a_grant(one, 7, source="later", starts_at=NOW + _DAY)], a_convert(one, "later", **_TOLD)
    ),
    "a release of what was clawed back": lambda one: _Story(
        [*_three(one), a_hold(one, 5), a_spend(one, 8), a_revoke(one, "second")], a_release(one, 4, **_TOLD)
    ),
}

_STALE: Mapping[str, _Told] = {
    "refund": _REFUNDS["all of a spend"],
    "revocation": _REVOCATIONS["unused"],
    "restoration": _RESTORATIONS["of what was repaid"],
    "adjustment": _BY_HAND["an adjustment down"],
}


def _each(stories: Mapping[str, _Told]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("told", stories.values(), ids=stories.keys())


class ClawbackContract:
    """What `Ledger` promises of what goes back, comes later, or is set right by hand."""

    # Exactness ------------------------------------------------------------------------------------------------------------

    @_each(_REFUNDS)
    def test_a_refund_is_kept_exactly(self, store: Store, told: _Told) -> None:
        """What it says, what it followed up, and what it left of every lot."""
        _check_story(store, told)

    @_each(_REVOCATIONS)
    def test_a_revocation_is_kept_exactly(self, store: Store, told: _Told) -> None:
        """From wherever the credits were clawed back, and with what is owed for the rest."""
        _check_story(store, told)

    @_each(_RESTORATIONS)
    def test_an_undone_revocation_is_kept_exactly(self, store: Store, told: _Told) -> None:
        """To wherever the credits return, and with what had repaid them."""
        _check_story(store, told)

    @_each(_BY_HAND)
    def test_what_comes_later_or_by_hand_is_kept_exactly(self, store: Store, told: _Told) -> None:
        """Scheduled, started, repaid, adjusted, forfeited, converted in part."""
        _check_story(store, told)

    # What the ledger must know to decide ----------------------------------------------------------------------------------

    def test_refunds_give_back_no_more_than_was_consumed(self, store: Store) -> None:
        """However many there were before, and although all that it came from was used up."""
        account = an_account()
        done(store, a_grant(account, 5), a_spend(account, 5))
        done(store, *(one for _ in range(2) for one in (a_refund(account, 2, 2), a_spend(account, 2))))

        with pytest.raises(RefundExceeded):
            done(store, a_refund(account, 2, 2))
        (last,) = done(store, a_refund(account, 2))

        assert (last.amount, last.available_after) == (1, 1)
        check_replay(store, account)

    def test_credits_are_clawed_back_once(self, store: Store) -> None:
        """In parts, from a lot that is long gone and from the one that took it over."""
        account = an_account()
        lot = a_grant(account, 5)
        done(store, lot, a_spend(account, 1), a_convert(account, lot.source), a_spend(account, 4))

        done(store, a_revoke(account, lot.source, 2), a_revoke(account, lot.source))

        for amount in (1, None):
            with pytest.raises(RevocationExceeded):
                done(store, a_revoke(account, lot.source, amount))
        assert account_in(store, Needs(account)).owes == 5
        check_replay(store, account)

    def test_a_revocation_is_undone_once(self, store: Store) -> None:
        """Nobody undoes it again, however much happened since."""
        account = an_account()
        lot = a_grant(account, 5)
        done(store, lot, a_revoke(account, lot.source), a_restore(account, 2), a_spend(account, 5), a_grant(account, 9))

        with pytest.raises(AlreadyRestored):
            done(store, a_restore(account, 2))

        assert account_in(store, Needs(account)).books.available == 9

    def test_what_repaid_comes_back_to_lots_that_are_used_up(self, store: Store) -> None:
        """Once the money did not go back after all, what repaid it can be spent."""
        account = an_account()
        lot = a_grant(account, 5)
        done(store, lot, a_spend(account, 5), a_revoke(account, lot.source))
        done(store, a_grant(account, 3), a_grant(account, 4), a_spend(account, 2))

        done(store, a_restore(account, 3))

        stored = account_in(store, Needs(account))
        assert [(one.number, one.remaining, one.owed) for one in stored.lots] == [(4, 3, 0), (5, 2, 0)]
        assert (stored.books.available, stored.owes) == (5, 0)
        check_replay(store, account)

    def test_what_starts_later_is_not_spent_before(self, store: Store) -> None:
        """To the moment, after however many other commands; then it burns like the others."""
        account, start = an_account(), NOW + _DAY
        done(store, a_grant(account, 7, starts_at=start), a_grant(account, 2), a_spend(account, 1))

        with pytest.raises(InsufficientCredits):
            done(store, a_spend(account, 2), now=start - _MICROSECOND)
        started, spent = done(store, a_spend(account, 8), now=start)

        assert (started.of, started.effective_at, started.amount) == (1, start, 7)
        assert spent.available_after == 0
        check_replay(store, account)

    def test_what_is_owed_is_repaid_whenever_credits_come(self, store: Store) -> None:
        """A grant, an adjustment, a start: each repays what the others left to be repaid."""
        account = an_account()
        lot = a_grant(account, 9)
        done(store, lot, a_spend(account, 9), a_grant(account, 2, starts_at=NOW + _DAY), a_revoke(account, lot.source))

        done(store, a_grant(account, 3))
        done(store, an_adjustment(account, 3), now=NOW + _DAY)
        done(store, a_grant(account, 3), now=NOW + _DAY)

        entries = whole(store, account)[1][4:]
        assert [(one.operation, one.owed_after, one.available_after) for one in entries] == [
            ("grant", 6, 0),
            ("start", 4, 0),
            ("adjust", 1, 0),
            ("grant", 0, 2),
        ]

    def test_what_came_back_after_it_was_clawed_back_can_be_taken_by_hand(self, store: Store) -> None:
        """More of a lot is revoked then than it ever had, and as much is owed for it, which another one repaid."""
        account = an_account()
        lot = a_grant(account, 5)
        done(store, lot, a_spend(account, 5), a_revoke(account, lot.source), a_grant(account, 5), a_refund(account, 2))

        done(store, an_adjustment(account, -5))

        entries = whole(store, account)[1]
        assert [one.available_after for one in entries] == [5, 0, 0, 0, 5, 0]
        with pytest.raises(RevocationExceeded, match="has 0 left"):
            done(store, a_revoke(account, lot.source, 1))
        check_replay(store, account)

    # Who was first --------------------------------------------------------------------------------------------------------

    @_each(_STALE)
    def test_a_stale_writer_of_a_clawback_conflicts(self, store: Store, told: _Told) -> None:
        """What was decided before somebody else wrote is not written, and changes nothing."""
        story = told(an_account())
        account = story.command.account
        done(store, *story.first)
        stale = prepared(store, story.command)
        done(store, a_grant(account, 1))
        before = whole(store, account)

        with pytest.raises(Conflict):
            record(store, stale)

        assert whole(store, account) == before

    @_each(_STALE)
    def test_what_was_not_committed_was_not_clawed_back(self, store: Store, told: _Told) -> None:
        """A unit that is dropped leaves everything as it was, and the same can be done later."""
        story = told(an_account())
        account = story.command.account
        done(store, *story.first)
        before = whole(store, account)
        written = prepared(store, story.command)
        with store.begin() as unit:
            unit.ledger.record([written])

        assert whole(store, account) == before
        record(store, written)
        assert shape(whole(store, account)[1][written.expected_version :]) == shape(written.entries)

    @_each({**_STALE, "grant": _BY_HAND["a grant that starts later"]})
    def test_a_repeated_clawback_does_nothing(self, store: Store, told: _Told) -> None:
        """What was done under its key is found again, whatever the command names."""
        story = told(an_account())
        done(store, *story.first, story.command)
        stored = account_in(store, Needs.of(story.command))

        assert decide(stored, story.command, NOW) == ()
        assert done(store, story.command) == ()


def _check_story(store: Store, told: _Told) -> None:
    story = told(an_account())
    account = story.command.account
    done(store, *story.first)
    check_kept(store, story.command, NOW + story.later)
    done(store, an_expire(account), now=NOW + 99 * _DAY)
    check_replay(store, account)
