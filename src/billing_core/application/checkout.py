"""Checkout: how an account comes to pay. Nothing is granted here; what is paid is granted when the money is proven."""

from collections.abc import Sequence

import attrs
from attrs import frozen

from billing_core.application.outward import Outward
from billing_core.application.payers import Payers, for_sale
from billing_core.application.work import Work
from billing_core.domain.intents import Intent
from billing_core.domain.orders import OpenCheckout, OpenPortal, Order, Placed, SaveCard
from billing_core.domain.policies import pack_order, plan_terms, purchase_terms
from billing_core.ports import Ids

__all__ = ["Checkout"]


@frozen
class Checkout:
    """Opened as `billing.checkout`.

    A `key` makes an order happen once, however often it is asked for: whoever asks again gets how it stands then. Every
    order may raise `ProviderRefused`, `ProviderDenied` (nothing was done), `ProviderUnavailable` (nobody knows: ask again
    with the same key, or let `resume` find out), `KeyReused`, and `Invalid` for an argument that cannot be.
    """

    _outward: Outward
    _payers: Payers
    _ids: Ids

    def customer(self, account: str, *, email: str | None = None, name: str | None = None) -> str:
        """Return the id of the customer who pays for an account, creating one if there is none.

        Two who ask at once get the same. Every order does this by itself; it is for those who know an e-mail or a name.
        """
        return self._payers.customer(account, email=email, name=name)

    def pay(self, account: str, price: str, quantity: int = 1, *, key: str | None = None) -> Placed:
        """Begin a payment for so many units of a price that is paid once, and return the secret to finish it with.

        The customer's browser does that, with the provider's own form. The credits come with the payment's news.

        Raises:
            UnknownPrice: Nobody has heard of this price: sync the catalog.
            NotForSale: The price or its product is archived, is paid every period, or says no amount.
            ProductQuarantined: Nobody can tell what a purchase would entitle to.
        """
        return self._buy(account, price, quantity, key=key)

    def charge(
        self, account: str, price: str, quantity: int = 1, *, payment_method: str | None = None, key: str | None = None
    ) -> Placed:
        """Take a payment at once, while the customer is not there, with a saved card: this one, or the default one.

        Raises:
            ProviderDeclined: The bank said no, or wants the customer to be there (`authentication_required`).
            UnknownPrice, NotForSale, ProductQuarantined: As for `pay`.
        """
        return self._buy(account, price, quantity, off_session=True, payment_method=payment_method, key=key)

    def page(  # noqa: PLR0913 - a page says as many things, most of them by default
        self,
        account: str,
        price: str,
        quantity: int = 1,
        *,
        success_url: str,
        cancel_url: str | None = None,
        trial_days: int | None = None,
        coupon: str | None = None,
        promotion_code: str | None = None,
        codes: bool = False,
        key: str | None = None,
    ) -> Placed:
        """Open a page of the provider's to buy a price, once or as a subscription, and return its `url`.

        When the customer comes back, `returned` says how it stands, and need not wait for a webhook. `codes` lets
        promotion codes be entered; a `coupon` or a `promotion_code` is applied at once.

        Raises:
            UnknownPrice, NotForSale, ProductQuarantined: As for `pay`; tiers and periods can be bought here.
        """
        customer = self._payers.customer(account)
        number = key or self._ids.new()

        def make(work: Work) -> OpenCheckout:
            product, sold = for_sale(work.unit, price, quantity)
            once = purchase_terms(number, account, (product, sold), quantity)
            return OpenCheckout(
                customer=customer,
                price=price,
                quantity=quantity,
                recurring=sold.recurring is not None,
                success_url=success_url,
                cancel_url=cancel_url,
                trial_days=trial_days,
                coupon=coupon,
                promotion_code=promotion_code,
                codes=codes,
                metadata=plan_terms(account) if sold.recurring else once,
            )

        asked = ["page", price, quantity, success_url, cancel_url, trial_days, coupon, promotion_code, codes]
        return self._outward.order(account, number, asked, make)

    def returned(self, page: str) -> Placed:
        """Look how a page stands, by its id, and keep what it led to: the credits are there if it is paid.

        The provider is asked, not the address that the customer came back to. What the webhook says later changes nothing:
        the same money grants once.
        """
        return self._outward.fetch(page)

    def portal(self, account: str, *, return_url: str) -> Placed:
        """Open a page of the provider's for cards, invoices and subscriptions; its `url` serves once, for minutes."""
        order = OpenPortal(customer=self._payers.customer(account), return_url=return_url)
        return self._outward.gateway.place(order, self._ids.new())

    def save_card(self, account: str, *, key: str | None = None) -> Placed:
        """Begin to save a payment method for later, and return the secret to finish that with."""
        customer = self._payers.customer(account)
        return self._outward.order(account, key, ["card"], lambda _: SaveCard(customer=customer))

    def intent(self, account: str, key: str) -> Intent:
        """Return what became of what was ordered under a key.

        Raises:
            UnknownIntent: Nothing was.
        """
        return self._outward.intent(account, key)

    def resume(self, limit: int = 100) -> Sequence[Intent]:
        """Find out what became of at most `limit` orders that nobody had an answer to, and return them as they are then.

        For a worker or a cron job, and after a crash. While the provider remembers the key, the order is repeated under it;
        later it is only looked for.
        """
        return self._outward.resume(limit)

    def _buy(
        self,
        account: str,
        price: str,
        quantity: int,
        *,
        off_session: bool = False,
        payment_method: str | None = None,
        key: str | None,
    ) -> Placed:
        customer = self._payers.customer(account)
        number = key or self._ids.new()

        def make(work: Work) -> Order:
            sold = for_sale(work.unit, price, quantity)
            order = pack_order(number, account, customer, sold, quantity)
            return attrs.evolve(order, off_session=off_session, payment_method=payment_method)

        return self._outward.order(account, number, ["pay", price, quantity, off_session, payment_method], make)
