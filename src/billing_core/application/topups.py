"""Top-ups: the rules by which accounts buy credits by themselves, and the outcomes of what they wanted."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import TypeVar

import attrs
from attrs import frozen

from billing_core.application.intents import keep_top_up, new_intent
from billing_core.application.outward import Outward
from billing_core.application.payers import Payers, for_sale, pack_price
from billing_core.application.reading import UNIT
from billing_core.application.work import Work, retried
from billing_core.domain.credits import AccountId, Needs, balance_at
from billing_core.domain.orders import Order
from billing_core.domain.policies import Policies, pack_order
from billing_core.domain.topups import TopUp, TopUpRule, changed, declined, looked_at, removed, succeeded, wanted
from billing_core.errors import ProviderDeclined, ProviderRefused, Refused, Unknown, UnknownTopUp
from billing_core.ports import Clock, Ids, Store, UnitOfWork

__all__ = ["TopUps"]

T = TypeVar("T")

_AN_HOUR = timedelta(hours=1)


@frozen
class TopUps:
    """Opened as `billing.top_ups`.

    When credits are few the outbox tells `top_up.wanted`, and `charge` pays for it with the saved card. Whoever pays in
    another way uses the intent's id as the idempotency key of the payment and as the id of its purchase. The news of the
    payment then grants the credits, and says that the intent succeeded. Every method may raise `StoreUnavailable` and,
    after ten lost races, `Conflict`; all can be asked again.
    """

    _store: Store
    _clock: Clock
    _ids: Ids
    _policies: Policies
    _payers: Payers
    _outward: Outward

    def set(
        self,
        account: str,
        *,
        threshold: int | Decimal,
        pack: str,
        quantity: int = 1,
        most_purchases: int,
        per: timedelta,
        back_off: timedelta = _AN_HOUR,
        unit: str = UNIT,
    ) -> TopUp:
        """Buy `quantity` of a pack whenever fewer than `threshold` credits are available, and at once if they are.

        At most `most_purchases` are made in any time as long as `per`. After a declined one nothing is bought for a
        `back_off`, which doubles each time up to a week, until one succeeds or another rule is set. A rule takes the place
        of the one before; what that one bought still counts, and what it has in flight still is.

        Raises:
            Invalid: An argument cannot be.
        """
        rule = TopUpRule(
            account=AccountId(account, unit),
            threshold=self._policies.unit(unit).steps(threshold),
            pack=pack,
            quantity=quantity,
            most_purchases=most_purchases,
            per=per,
            back_off=back_off,
        )

        def do(work: Work) -> TopUp:
            available, before = _stand(work, rule.account)
            # If nothing is wanted it is left to the worker to look once more: whoever writes on the account at this moment
            # may have read it before.
            after = changed(before, rule, work.now)
            return keep_top_up(work, before, wanted(after, available, work.now, new_intent(work)) or after)

        return self._done(rule.account, do)

    def remove(self, account: str, *, unit: str = UNIT) -> None:
        """Buy nothing more for an account; without a rule, do nothing.

        What is in flight can still succeed or be declined, and what was bought counts if a rule is set again.
        """

        def do(work: Work) -> None:
            for top_up in work.unit.top_ups.get([named]).values():
                keep_top_up(work, top_up, removed(top_up))

        named = AccountId(account, unit)
        self._done(named, do)

    def of(self, account: str, *, unit: str = UNIT) -> TopUp | None:
        """Return an account's rule with what became of it, also after it was removed; None if there never was one."""
        named = AccountId(account, unit)
        with self._store.view() as view:
            return view.top_ups.get([named]).get(named)

    def succeeded(self, account: str, intent: str, *, unit: str = UNIT) -> TopUp:
        """Say that a purchase succeeded, once its credits are there. Saying so again changes nothing.

        Only a payment whose news does not name the intent needs this. Should it have been told to be declined, it counts
        as a success from now on: money that came is right.

        Raises:
            UnknownTopUp: It is neither in flight nor the last one that was.
        """
        return self._settled(AccountId(account, unit), intent, succeeded)

    def declined(self, account: str, intent: str, *, unit: str = UNIT) -> TopUp:
        """Say that a purchase failed for good and nothing will be paid for it. Saying so again changes nothing.

        Raises:
            UnknownTopUp: It is neither in flight nor the last one that was.
        """
        return self._settled(AccountId(account, unit), intent, declined)

    def charge(self, account: str, *, unit: str = UNIT) -> TopUp | None:
        """Pay for the purchase that is in flight, with the customer's default payment method, and return how it stands.

        Where nothing is in flight nothing is done; asked again for the same intent it pays once. A decline, or a pack that
        cannot be bought, is written down, and the rule's pause begins.

        Raises:
            ProviderUnavailable: Nobody knows whether it was paid: ask again.
            ProviderDenied: The provider does not take our key; nothing was paid.
        """
        top_up = self.of(account, unit=unit)
        if top_up is None or top_up.in_flight is None:
            return top_up
        intent, rule = top_up.in_flight.id, top_up.rule
        customer = self._payers.customer(account)

        def make(work: Work) -> Order:
            sold = for_sale(work.unit, pack_price(work.unit, rule.pack), rule.quantity)
            return attrs.evolve(pack_order(intent, account, customer, sold, rule.quantity), off_session=True)

        try:
            self._outward.once(intent, account, ["top-up"], make)
        except (ProviderDeclined, ProviderRefused, Refused, Unknown):
            return self.declined(account, intent, unit=unit)
        return self.of(account, unit=unit)

    def retry(self, limit: int = 100) -> Sequence[TopUp]:
        """Look at no more than `limit` accounts whose pause is over, and return those for which a pack is wanted now.

        For a worker: whoever spends looks, too, but an account that is empty spends no more. Any number may run.
        """
        with self._store.view() as view:
            due = view.top_ups.due(self._clock.now(), limit)
        found = [self._done(one.account, partial(_look, account=one.account)) for one in due]
        return [one for one in found if one]

    def _settled(self, account: AccountId, intent: str, told: Callable[..., TopUp]) -> TopUp:
        def do(work: Work) -> TopUp:
            top_up = work.unit.top_ups.get([account]).get(account)
            if top_up is None:
                raise UnknownTopUp(str(account), intent)
            return keep_top_up(work, top_up, told(top_up, intent, work.now))

        return self._done(account, do)

    def _done(self, account: AccountId, do: Callable[[Work], T]) -> T:
        def once(unit: UnitOfWork, lock: bool) -> T:  # noqa: FBT001 - `retried` says so
            return do(Work(unit, self._clock.now(), self._ids, self._policies, lock=lock))

        return retried(self._store, f"the top-up of {account}", once)


def _look(work: Work, account: AccountId) -> TopUp | None:
    """Look at an account whose pause is over; somebody else may have done so meanwhile."""
    available, top_up = _stand(work, account)
    if top_up is None or top_up.next_attempt_at is None or top_up.next_attempt_at > work.now:
        return None
    kept = keep_top_up(work, top_up, looked_at(top_up, available, work.now, new_intent(work)))
    return kept if kept.in_flight else None


def _stand(work: Work, account: AccountId) -> tuple[int, TopUp | None]:
    """Return what is available on an account, and its top-up; nobody else writes the account until the unit ends."""
    loaded = work.unit.ledger.load([Needs(account)], lock=True)[account]
    top_up = work.unit.top_ups.get([account]).get(account)
    return balance_at(loaded, work.now).available, top_up
