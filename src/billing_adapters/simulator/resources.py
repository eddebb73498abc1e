"""Resources: all that the simulator knows. A new one is imported and named here, and nowhere else."""

from billing_adapters.simulator import (
    balance,
    catalog,
    charges,
    checkout,
    coupons,
    customers,
    disputes,
    events,
    invoice_items,
    invoice_payments,
    invoices,
    payment_methods,
    payment_pages,
    payments,
    portal,
    previews,
    prices,
    promotion_codes,
    refunds,
    setups,
    subscription_items,
    subscriptions,
    wallets,
    webhook_endpoints,
)
from billing_adapters.simulator.routes import Routes

__all__ = ["all_routes"]

_RESOURCES = (
    balance,
    catalog,
    charges,
    checkout,
    coupons,
    customers,
    disputes,
    events,
    invoice_items,
    invoice_payments,
    invoices,
    payment_methods,
    payment_pages,
    payments,
    portal,
    previews,
    prices,
    promotion_codes,
    refunds,
    setups,
    subscription_items,
    subscriptions,
    wallets,
    webhook_endpoints,
)


def all_routes() -> Routes:
    """Return every endpoint."""
    routes = Routes()
    for resource in _RESOURCES:
        routes.include(resource.ROUTES)
    return routes
