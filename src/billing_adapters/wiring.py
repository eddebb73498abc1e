"""Wiring: the composition root, where settings become a `Billing` made of real parts.

It is a convenience. `Billing(store=..., provider=..., clock=..., ids=...)` does the same by hand, without this module and
without punq.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType
from typing import Protocol, Self, TypeVar

import attrs
import punq
from attrs import field, frozen

from billing_adapters.conveyor import Conveyor
from billing_adapters.sqlalchemy import migrate as migrations
from billing_adapters.sqlalchemy.store import SqlAlchemyStore, open_engine
from billing_adapters.stripe.gateway import StripeGateway
from billing_adapters.stripe.webhooks import StripeWebhooks, parse
from billing_adapters.system import SystemClock, Uuid7Ids
from billing_core.billing import Billing
from billing_core.domain.policies import Policies
from billing_core.domain.webhooks import Webhook
from billing_core.errors import BadSignature, Invalid
from billing_core.ports import Clock, Folding, Ids, PaymentProvider, Store, WebhookSource

__all__ = ["Settings", "check", "open_billing", "upgrade"]

DATABASE_URL = "BILLING_DATABASE_URL"
WEBHOOK_SECRETS = "BILLING_WEBHOOK_SECRETS"
STRIPE_WEBHOOK_SECRET = "STRIPE_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable, not a secret
LIVEMODE = "BILLING_LIVEMODE"
STRIPE_KEY = "BILLING_STRIPE_KEY"
STRIPE_API_KEY = "STRIPE_API_KEY"
STRIPE_URL = "BILLING_STRIPE_URL"

_DEFAULT_URL = "sqlite:///billing.db"
_PASSING_URL = re.compile(r"sqlite(\+pysqlite)?://(/(:memory:)?)?")
_MODES: Mapping[str, bool | None] = MappingProxyType({
    "": None,
    "0": False,
    "1": True,
    "false": False,
    "no": False,
    "true": True,
    "yes": True,
})


@frozen
class Settings:
    """What differs from one installation to the next.

    Args:
        database_url: Where the database is, as SQLAlchemy writes it. It may hold a password, so it is never shown.
        webhook_secrets: The signing secrets of the webhook endpoint (`whsec_...`); several while one replaces another.
        livemode: Whether to take live or test news alone, and ignore the other; None takes both.
        stripe_key: The secret or restricted key for what is ordered; empty: nothing can be ordered.
        stripe_url: Where Stripe is, for a simulator (`http://127.0.0.1:12111`); empty: where it always is.
    """

    database_url: str = field(default=_DEFAULT_URL, repr=False)
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    livemode: bool | None = None
    stripe_key: str = field(default="", repr=False)
    stripe_url: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read `BILLING_DATABASE_URL`, `BILLING_WEBHOOK_SECRETS` (a comma list), `BILLING_LIVEMODE`, `BILLING_STRIPE_KEY`.

        `STRIPE_WEBHOOK_SECRET` is taken as one more secret, and `STRIPE_API_KEY` as the key if there is no other.
        `BILLING_STRIPE_URL` is where a simulator is.

        Raises:
            Invalid: `BILLING_LIVEMODE` is neither true nor false, or the database would be gone with every command.
        """
        listed = f"{environment.get(WEBHOOK_SECRETS, '')},{environment.get(STRIPE_WEBHOOK_SECRET, '')}".split(",")
        return cls(
            database_url=_lasting(environment.get(DATABASE_URL, "").strip() or _DEFAULT_URL),
            webhook_secrets=tuple(dict.fromkeys(secret.strip() for secret in listed if secret.strip())),
            livemode=_mode(environment.get(LIVEMODE, "")),
            stripe_key=environment.get(STRIPE_KEY, "").strip() or environment.get(STRIPE_API_KEY, "").strip(),
            stripe_url=environment.get(STRIPE_URL, "").strip(),
        )

    def require_secrets(self) -> None:
        """Make sure that webhooks can be verified.

        Raises:
            Invalid: There is no signing secret.
        """
        if not self.webhook_secrets:
            reason = "is not set: give the signing secret of the webhook endpoint (whsec_..., `stripe listen` prints one)"
            raise Invalid(WEBHOOK_SECRETS, reason)


def _lasting(url: str) -> str:
    if _PASSING_URL.fullmatch(url):
        raise Invalid(
            DATABASE_URL, "names a database that is gone when the command ends: name a file, sqlite:///billing.db"
        )
    return url


def _mode(text: str) -> bool | None:
    word = text.strip().lower()
    if word not in _MODES:
        raise Invalid(LIVEMODE, f"must be true or false, or not set to take both modes, not {text!r}")
    return _MODES[word]


@contextmanager
def open_billing(
    settings: Settings,
    *,
    clock: Clock | None = None,
    ids: Ids | None = None,
    policies: Policies | None = None,
    gateway: PaymentProvider | None = None,
    migrate: bool = False,
) -> Iterator[Billing]:
    """Open a `Billing` on the database of the settings, and close what it opened when the block ends.

    Args:
        settings: What differs from one installation to the next.
        clock: Another clock than the machine's.
        ids: Another source of names than UUIDs.
        policies: What the application chose; if the settings name a mode, that one counts.
        gateway: Another payment provider than Stripe under the key of the settings.
        migrate: Bring the database to the tables that this version needs first, as `billing db upgrade` does.

    Raises:
        Invalid: A setting cannot be.
        StoreUnavailable: The database did not answer.
    """
    with _asking(settings, gateway) as outward, _opened(open_engine, settings) as engine:
        if migrate:
            migrations.upgrade(engine)
        container = _container(
            store=SqlAlchemyStore(engine),
            provider=_provider(settings),
            clock=clock or SystemClock(),
            ids=ids or Uuid7Ids(),
            policies=_policies(settings, policies or Policies()),
            folding=Conveyor(),
            gateway=outward,
        )
        yield container.resolve(Billing)


def _policies(settings: Settings, chosen: Policies) -> Policies:
    return chosen if settings.livemode is None else attrs.evolve(chosen, livemode=settings.livemode)


@contextmanager
def _asking(settings: Settings, chosen: PaymentProvider | None) -> Iterator[PaymentProvider | None]:
    """Return who asks the payment provider: whoever was chosen, else Stripe under the key, else nobody."""
    if chosen or not settings.stripe_key:
        yield chosen
        return
    try:
        ours = StripeGateway(settings.stripe_key, base_address=settings.stripe_url or None)
    except Invalid as refusal:
        raise Invalid(STRIPE_KEY, refusal.reason) from refusal
    if ours.livemode and settings.stripe_url:
        raise Invalid(STRIPE_URL, f"is for test keys: {STRIPE_KEY} moves real money, and goes to nobody but Stripe")
    if settings.livemode not in {None, ours.livemode}:
        raise Invalid(STRIPE_KEY, f"is a key of {'live' if ours.livemode else 'test'} mode, and {LIVEMODE} says the other")
    try:
        yield ours
    finally:
        ours.close()


def _container(
    *,
    store: Store,
    provider: WebhookSource,
    clock: Clock,
    ids: Ids,
    policies: Policies,
    folding: Folding,
    gateway: PaymentProvider | None,
) -> punq.Container:
    """Register every part. punq takes anything for anything; these annotations do not."""
    container = punq.Container()
    container.register(Store, instance=store)
    container.register(WebhookSource, instance=provider)
    container.register(Clock, instance=clock)
    container.register(Ids, instance=ids)
    container.register(Policies, instance=policies)
    container.register(Folding, instance=folding)
    container.register(PaymentProvider | None, instance=gateway)
    container.register(Billing)
    return container


def _provider(settings: Settings) -> WebhookSource:
    return StripeWebhooks(settings.webhook_secrets) if settings.webhook_secrets else _Closed()


class _Closed:
    """Reads what was stored earlier and lets nothing in, for nobody said which secrets are ours."""

    def verify(self, body: bytes, headers: Mapping[str, str], now: datetime) -> None:
        del body, headers, now
        raise BadSignature(f"no signing secret is configured: set {WEBHOOK_SECRETS}")

    def parse(self, body: bytes) -> Webhook:
        return parse(body)


def upgrade(settings: Settings) -> None:
    """Bring the database of the settings to the tables that this version needs.

    Raises:
        StoreUnavailable: The database did not answer.
    """
    with _opened(open_engine, settings) as engine:
        migrations.upgrade(engine)


def check(settings: Settings) -> None:
    """Make sure that the database of the settings has the tables that this version needs.

    Raises:
        NotMigrated: It does not.
        StoreUnavailable: The database did not answer.
    """
    with _opened(open_engine, settings) as engine:
        migrations.check(engine)


class _Disposable(Protocol):
    def dispose(self) -> None: ...


E = TypeVar("E", bound=_Disposable)


@contextmanager
def _opened(make: Callable[[str], E], settings: Settings) -> Iterator[E]:
    try:
        engine = make(settings.database_url)
    except Invalid as refusal:
        raise Invalid(DATABASE_URL, refusal.reason) from refusal
    try:
        yield engine
    finally:
        engine.dispose()
