"""Billing: one object that opens every capability."""

from billing_core.application.catalog import Catalog
from billing_core.application.checkout import Checkout
from billing_core.application.credits import Credits
from billing_core.application.customers import Customers
from billing_core.application.entitlements import Entitlements
from billing_core.application.folding import Unfolded
from billing_core.application.outbox import Outbox
from billing_core.application.outward import Outward
from billing_core.application.payers import Payers
from billing_core.application.payments import Payments
from billing_core.application.subscriptions import Subscriptions
from billing_core.application.syncing import Syncing
from billing_core.application.topups import TopUps
from billing_core.application.webhooks import Webhooks
from billing_core.domain.policies import Policies
from billing_core.ports import Clock, Folding, Ids, PaymentProvider, Store, WebhookSource

__all__ = ["Billing"]


class Billing:
    """What an application holds: built once from adapters, used by any number of threads."""

    def __init__(
        self,
        *,
        store: Store,
        provider: WebhookSource,
        clock: Clock,
        ids: Ids,
        policies: Policies = Policies(),
        folding: Folding = Unfolded(),
        gateway: PaymentProvider | None = None,
    ) -> None:
        """Open every capability.

        Args:
            store: The database.
            provider: Who reads the payment provider's webhooks.
            clock: Who tells the time.
            ids: Who names what is written.
            policies: What the application chose.
            folding: Who lets callers that ask at the same time for one account share a write; by default nobody does.
            gateway: Who asks the payment provider; without one nothing can be ordered or synced, and all else
                works.
        """
        self.webhooks = Webhooks(store, provider, clock, ids, policies, gateway)
        outward = Outward(store, gateway, clock, ids, policies, self.webhooks.look_again)
        syncing = Syncing(store, gateway, clock, ids, policies, self.webhooks.look_again)
        payers = Payers(store, outward)
        self.catalog = Catalog(store, syncing)
        self.checkout = Checkout(outward, payers, ids)
        self.credits = Credits(store, clock, ids, policies, folding)
        self.customers = Customers(store, clock, self.webhooks.look_again)
        self.entitlements = Entitlements(store)
        self.outbox = Outbox(store, clock)
        self.payments = Payments(store, outward)
        self.subscriptions = Subscriptions(store, outward, payers, clock)
        self.top_ups = TopUps(store, clock, ids, policies, payers, outward)
