"""Stripe: what it tells us (`webhooks`), in any version of its API (`shapes`); `samples` speaks as Stripe does."""
