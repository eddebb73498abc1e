"""Subscriptions: begun, changed, paused and ended, as an account asks for it."""

from collections.abc import Callable, Sequence

from attrs import frozen

from billing_core.application.agreements import subscriptions_of
from billing_core.application.outward import Outward
from billing_core.application.payers import Payers, for_sale
from billing_core.application.work import Work
from billing_core.domain.orders import (
    CancelSubscription,
    ChangePlan,
    CreateSubscription,
    KeepSubscription,
    Order,
    PauseSubscription,
    Placed,
    Preview,
    Proration,
    ResumeSubscription,
)
from billing_core.domain.policies import item_to_change, plan_terms
from billing_core.domain.subscriptions import Subscription
from billing_core.errors import Invalid, NotForSale, UnknownSubscription
from billing_core.ports import Clock, Store, UnitOfWork

__all__ = ["Subscriptions"]


@frozen
class Subscriptions:
    """Opened as `billing.subscriptions`.

    What is ordered here is known here at once, and the webhook that tells of it later changes nothing; credits come with
    the paid invoice. A `key` makes an order happen once. What every order may raise stands with `billing.checkout`.
    """

    _store: Store
    _outward: Outward
    _payers: Payers
    _clock: Clock

    def of(self, account: str) -> Sequence[Subscription]:
        """Return every subscription of an account, ended ones too, by id."""
        with self._store.view() as unit:
            return subscriptions_of(unit, account)

    def create(
        self,
        account: str,
        price: str,
        quantity: int = 1,
        *,
        trial_days: int | None = None,
        coupon: str | None = None,
        promotion_code: str | None = None,
        key: str | None = None,
    ) -> Placed:
        """Begin a subscription; the customer pays its first invoice with the secret that this returns.

        It is `incomplete` until that is paid. An account may have several.

        Raises:
            UnknownPrice: Nobody has heard of this price: sync the catalog.
            NotForSale: The price is archived, or is paid once.
            ProductQuarantined: Nobody can tell what it would entitle to.
        """
        customer = self._payers.customer(account)

        def make(work: Work) -> Order:
            _recurring(work.unit, price, quantity)
            return CreateSubscription(
                customer=customer,
                price=price,
                quantity=quantity,
                trial_days=trial_days,
                coupon=coupon,
                promotion_code=promotion_code,
                metadata=plan_terms(account),
            )

        asked = ["subscribe", price, quantity, trial_days, coupon, promotion_code]
        return self._outward.order(account, key, asked, make)

    def change(
        self,
        account: str,
        subscription: str,
        price: str,
        quantity: int = 1,
        *,
        instead_of: str | None = None,
        proration: str = Proration.NOW,
        key: str | None = None,
    ) -> Placed:
        """Change to another price or quantity in the middle of the period.

        `instead_of` names the price to be left, where the subscription has several. What is unused of the old plan is
        settled as `proration` says; the credits follow the policies.

        Raises:
            UnknownSubscription: The account has no such subscription.
            UnknownPrice, NotForSale, ProductQuarantined: As for `create`; or the subscription has ended.
        """
        make = self._changing(account, subscription, price, quantity, instead_of, proration)
        asked = ["change", subscription, price, quantity, instead_of, proration]
        return self._outward.order(account, key, asked, lambda work: make(work.unit))

    def preview(
        self,
        account: str,
        subscription: str,
        price: str,
        quantity: int = 1,
        *,
        instead_of: str | None = None,
        proration: str = Proration.NOW,
    ) -> Preview:
        """Return what `change` would cost now; nothing is changed, and what it raises `change` would raise."""
        make = self._changing(account, subscription, price, quantity, instead_of, proration)
        with self._store.view() as view:
            change = make(view)
        return self._outward.gateway.preview(change, self._clock.now())

    def pause(self, account: str, subscription: str, *, key: str | None = None) -> Placed:
        """Collect no payments until it is resumed.

        Raises:
            UnknownSubscription: The account has no such subscription.
        """
        return self._told(account, subscription, key, "pause", PauseSubscription(subscription=subscription))

    def resume(self, account: str, subscription: str, *, key: str | None = None) -> Placed:
        """Collect payments again.

        Raises:
            UnknownSubscription: The account has no such subscription.
        """
        return self._told(account, subscription, key, "resume", ResumeSubscription(subscription=subscription))

    def cancel(self, account: str, subscription: str, *, now: bool = False, key: str | None = None) -> Placed:
        """End a subscription when the period that is paid for ends, or `now`. One that has ended stays so.

        Raises:
            UnknownSubscription: The account has no such subscription.
        """
        order = CancelSubscription(subscription=subscription, at_period_end=not now)
        return self._told(account, subscription, key, f"cancel {now}", order)

    def keep(self, account: str, subscription: str, *, key: str | None = None) -> Placed:
        """Take back that a subscription is to end with its period.

        Raises:
            UnknownSubscription: The account has no such subscription.
        """
        return self._told(account, subscription, key, "keep", KeepSubscription(subscription=subscription))

    def _told(self, account: str, subscription: str, key: str | None, what: str, order: Order) -> Placed:
        def make(work: Work) -> Order:
            _of_account(work.unit, account, subscription)
            return order

        return self._outward.order(account, key, [what, subscription], make)

    def _changing(
        self, account: str, subscription: str, price: str, quantity: int, instead_of: str | None, proration: str
    ) -> Callable[[UnitOfWork], ChangePlan]:
        def make(unit: UnitOfWork) -> ChangePlan:
            item = item_to_change(_of_account(unit, account, subscription), instead_of)
            _recurring(unit, price, quantity)
            return ChangePlan(subscription=subscription, item=item.id, price=price, quantity=quantity, proration=proration)

        if proration not in {Proration.LATER, Proration.NOW, Proration.NONE}:
            raise Invalid("proration", f"must be one of those that Proration names, not {proration!r}")
        return make


def _of_account(unit: UnitOfWork, account: str, subscription: str) -> Subscription:
    for one in subscriptions_of(unit, account):
        if one.id == subscription:
            return one
    raise UnknownSubscription(subscription)


def _recurring(unit: UnitOfWork, price: str, quantity: int) -> None:
    _, sold = for_sale(unit, price, quantity)
    if sold.recurring is None:
        raise NotForSale(f"price {price}", "is paid once: nobody can subscribe to it")
