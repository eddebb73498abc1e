"""What every payment provider must do: carry out what is ordered, once, and say truly what became of it.

The contract speaks in the words of the port. What the world does is told by a `World`, which whoever runs the contract
writes beside the provider.
"""

import pytest

from billing_core.ports import PaymentProvider, WebhookSource
from billing_core.testing.contracts.agreements import AgreementContract
from billing_core.testing.contracts.listings import ListingContract
from billing_core.testing.contracts.orders import OrderContract
from billing_core.testing.contracts.takings import TakingContract
from billing_core.testing.contracts.world import World

__all__ = ["PaymentProviderContract"]


class PaymentProviderContract(OrderContract, TakingContract, AgreementContract, ListingContract):
    """What `PaymentProvider` promises; fill the three fixtures."""

    @pytest.fixture
    def provider(self) -> PaymentProvider:
        """Return a provider at which nothing has happened."""
        raise NotImplementedError("fill this fixture: return a provider at which nothing has happened")

    @pytest.fixture
    def world(self) -> World:
        """Return the world around this provider."""
        raise NotImplementedError("fill this fixture: return the world around the provider")

    @pytest.fixture
    def source(self) -> WebhookSource:
        """Return what reads the events of this provider."""
        raise NotImplementedError("fill this fixture: return what reads the provider's events")
