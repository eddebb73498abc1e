"""The shop behind the memory gateway: what a payment provider keeps, in plain memory, and what becomes of it in time."""

from billing_adapters.memory.shop.shop import Shop

__all__ = ["Shop"]
