"""The world around a memory gateway, as the contract of providers asks for it."""

from contextlib import contextmanager
from decimal import Decimal

import attrs

from billing_core.domain.money import Currency
from billing_core.testing.examples import a_price, a_product, fresh

_ALWAYS = 100


class MemoryWorld:
    """What happens to a memory gateway."""

    def __init__(self, gateway, clock):
        self._gateway = gateway
        self._clock = clock
        self._products = {}
        self._prices = {}

    def now(self):
        return self._clock.now()

    def advance(self, by):
        self._clock.advance(by)

    def product(self):
        return self._put_product(a_product())

    def unreadable_product(self):
        product = self.product()
        self._gateway.spoil(product)
        return product

    def price(self, product, amount_minor, *, currency="usd", recurring=None):
        amount = Decimal(amount_minor)
        return self._put_price(
            a_price(product=product, currency=Currency(currency), unit_amount=amount, recurring=recurring)
        )

    def archive_product(self, product):
        self._put_product(attrs.evolve(self._products[product], active=False))

    def archive_price(self, price):
        self._put_price(attrs.evolve(self._prices[price], active=False))

    def coupon(self, percent_off):
        coupon = fresh("coupon")
        self._gateway.put_coupon(coupon, percent_off)
        return coupon

    def save_card(self, customer, *, declines=False):
        return self._gateway.save_card(customer, declines="insufficient_funds" if declines else None)

    def pay(self, placed):
        self._gateway.pay(placed.id)

    def decline(self, placed):
        self._gateway.decline(placed.id)

    def delete_customer(self, customer):
        self._gateway.delete_customer(customer)

    @contextmanager
    def silence(self, *, heard):
        self._gateway.fail_next(after=heard, times=_ALWAYS)
        try:
            yield
        finally:
            self._gateway.fail_next(times=0)

    def _put_product(self, product):
        self._products[product.id] = product
        self._gateway.put_product(product)
        return product.id

    def _put_price(self, price):
        self._prices[price.id] = price
        self._gateway.put_price(price)
        return price.id
