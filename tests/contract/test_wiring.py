"""The composition root makes a working `Billing` from settings, and is never needed."""

import subprocess
import sys
from decimal import Decimal

import attrs
import pytest

from billing_adapters.memory import FixedClock, MemoryGateway, SequentialIds
from billing_adapters.stripe.gateway import StripeGateway
from billing_adapters.stripe.samples import Samples, body, sign
from billing_adapters.system import SystemClock
from billing_adapters.wiring import Settings, check, open_billing, upgrade
from billing_core import Applied, BillingError, Ignored, Policies, Unit, WebhookRejected
from billing_core.domain.orders import Placed
from billing_core.errors import Invalid, NotMigrated

SECRETS = ("whsec_new", "whsec_old")
PLACED = Placed(id="cus_1")


@pytest.fixture
def configured(tmp_path):
    found = Settings(f"sqlite:///{tmp_path}/wired.db", SECRETS)
    upgrade(found)
    return found


def product(clock, *, livemode=False):
    samples = Samples(livemode=livemode)
    return body(samples.event("product.created", samples.product("prod_1", "Pack"), clock.now(), event_id="evt_1"))


def test_settings_are_read_from_the_environment():
    environment = {
        "BILLING_DATABASE_URL": "sqlite:///elsewhere.db",
        "BILLING_WEBHOOK_SECRETS": " whsec_a , whsec_b,",
        "STRIPE_WEBHOOK_SECRET": "whsec_c",
        "BILLING_LIVEMODE": "True",
        "BILLING_STRIPE_KEY": " sk_live_a\n",
        "STRIPE_API_KEY": "sk_live_b",
    }

    assert Settings.from_environment(environment) == Settings(
        "sqlite:///elsewhere.db", ("whsec_a", "whsec_b", "whsec_c"), livemode=True, stripe_key="sk_live_a"
    )


def test_the_key_may_be_where_stripe_s_own_tools_look_for_it():
    assert Settings.from_environment({"STRIPE_API_KEY": "sk_test_b"}).stripe_key == "sk_test_b"


def test_settings_have_defaults():
    assert Settings.from_environment({}) == Settings("sqlite:///billing.db", (), livemode=None)


def test_a_mode_that_is_none_is_refused():
    with pytest.raises(Invalid, match="BILLING_LIVEMODE must be true or false"):
        Settings.from_environment({"BILLING_LIVEMODE": "perhaps"})


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", " sqlite:///:memory: ", "sqlite+pysqlite://"])
def test_a_database_that_no_command_finds_again_is_refused(url):
    with pytest.raises(Invalid, match="BILLING_DATABASE_URL names a database that is gone when the command ends"):
        Settings.from_environment({"BILLING_DATABASE_URL": url})


def test_a_database_in_passing_can_be_opened_by_code():
    with open_billing(Settings("sqlite://"), migrate=True) as billing:
        assert billing.credits.grant("acme", 1).amount == 1


def test_settings_do_not_show_what_is_secret():
    shown = repr(Settings("postgresql://me:hunter2@db/billing", SECRETS, stripe_key="sk_test_hidden"))

    assert not any(secret in shown for secret in ("hunter2", "sk_test_hidden", *SECRETS))


@pytest.mark.parametrize("secret", SECRETS)
def test_every_secret_is_taken(configured, secret):
    clock = FixedClock()
    content = product(clock)

    with open_billing(configured, clock=clock, ids=SequentialIds()) as billing:
        assert billing.webhooks.receive(content, sign(content, secret, clock.now())) == Applied("evt_1")


def test_the_parts_of_the_machine_are_the_default(configured):
    with open_billing(configured) as billing:
        content = product(SystemClock())

        assert billing.webhooks.receive(content, sign(content, SECRETS[0], SystemClock().now())) == Applied("evt_1")


def test_the_mode_reaches_the_policies(tmp_path):
    configured = Settings(f"sqlite:///{tmp_path}/live.db", SECRETS, livemode=True)
    upgrade(configured)
    clock = FixedClock()
    content = product(clock)

    with open_billing(configured, clock=clock) as billing:
        assert isinstance(billing.webhooks.receive(content, sign(content, SECRETS[0], clock.now())), Ignored)


@pytest.mark.parametrize(
    ("setting", "chosen", "taken"), [(None, None, True), (None, True, False), (False, True, True), (True, False, False)]
)
def test_the_policies_of_the_application_count_but_for_a_mode_that_is_set(setting, chosen, taken):
    settings = Settings("sqlite://", SECRETS, livemode=setting)
    policies = Policies(units=(Unit("tokens", scale=2),), livemode=chosen)
    clock = FixedClock()
    content = product(clock)

    with open_billing(settings, clock=clock, policies=policies, migrate=True) as billing:
        outcome = billing.webhooks.receive(content, sign(content, SECRETS[0], clock.now()))
        granted = billing.credits.grant("acme", Decimal(1), unit="tokens")

    assert isinstance(outcome, Applied) is taken
    assert granted.amount == 100


def test_without_a_secret_nothing_is_let_in_and_the_rest_works(tmp_path):
    configured = Settings(f"sqlite:///{tmp_path}/closed.db")
    upgrade(configured)
    clock = FixedClock()
    content = product(clock)

    with open_billing(configured, clock=clock) as billing:
        with pytest.raises(WebhookRejected, match="BILLING_WEBHOOK_SECRETS"):
            billing.webhooks.receive(content, sign(content, SECRETS[0], clock.now()))
        assert billing.credits.grant("acme", 5).amount == 5
    with pytest.raises(Invalid, match="BILLING_WEBHOOK_SECRETS"):
        configured.require_secrets()


def test_what_was_stored_is_replayed_without_a_secret(configured):
    clock = FixedClock()
    frozen = {"billing_purchase": "order-1", "credit_amount": "10"}
    payment = Samples().payment_intent("pi_1", 100, customer="cus_1", metadata=frozen)
    content = body(Samples().event("payment_intent.succeeded", payment, clock.now(), event_id="evt_1"))
    with open_billing(configured, clock=clock) as billing:
        billing.webhooks.receive(content, sign(content, SECRETS[0], clock.now()))

    with open_billing(Settings(configured.database_url), clock=clock) as billing:
        billing.customers.link("acme", "cus_1")

        assert billing.credits.balance("acme").available == 10


def test_a_database_without_tables_names_the_command(tmp_path):
    bare = Settings(f"sqlite:///{tmp_path}/bare.db", SECRETS)

    with pytest.raises(NotMigrated, match="billing db upgrade"):
        check(bare)
    with pytest.raises(NotMigrated, match="billing db upgrade"), open_billing(bare) as billing:
        billing.credits.grant("acme", 1)


def test_the_tables_are_made_when_they_are_asked_for(tmp_path):
    bare = Settings(f"sqlite:///{tmp_path}/bare.db", SECRETS)

    with open_billing(bare, migrate=True) as billing:
        assert billing.credits.grant("acme", 1).amount == 1
    check(bare)


@pytest.mark.parametrize(
    "url", ["no hunter2 at all", "sqlite:////nowhere/at/all/billing.db", "oracle://me:hunter2@db/x", ""]
)
def test_a_database_that_cannot_be_opened_is_a_typed_error(url):
    with pytest.raises(BillingError, match=r"BILLING_DATABASE_URL|unable to open") as refused:
        check(Settings(url, SECRETS))

    assert "hunter2" not in str(refused.value)


def test_a_billing_is_made_by_hand_without_punq():
    program = """
import sys
sys.modules["punq"] = None  # importing it fails now
from billing_adapters.memory import FixedClock, MemoryStore, SequentialIds
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_core import Billing

billing = Billing(store=MemoryStore(), provider=StripeWebhooks(("whsec_x",)), clock=FixedClock(), ids=SequentialIds())
assert billing.credits.grant("acme", 5).amount == 5
assert not {"stripe", "sqlalchemy", "billing_adapters.wiring"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)  # noqa: S603 - our own program


# Ordering -------------------------------------------------------------------------------------------------------------


def test_without_a_key_nothing_can_be_ordered(configured):
    with open_billing(configured) as billing, pytest.raises(Invalid, match="gateway is not set"):
        billing.checkout.customer("acme")


def test_with_a_key_stripe_is_asked(configured, monkeypatch):
    asked = []
    monkeypatch.setattr(StripeGateway, "place", lambda gateway, *order: asked.append((gateway.livemode, *order)) or PLACED)
    monkeypatch.setattr(StripeGateway, "close", lambda _: asked.append("closed"))

    with open_billing(attrs.evolve(configured, stripe_key="sk_test_1", livemode=False)) as billing:
        assert billing.checkout.customer("acme") == "cus_1"

    (livemode, order, _), closed = asked
    assert (livemode, order.account, closed) == (False, "acme", "closed")


def test_another_provider_is_asked_instead(configured):
    gateway = MemoryGateway(FixedClock())

    with open_billing(attrs.evolve(configured, stripe_key="sk_test_1"), gateway=gateway) as billing:
        customer = billing.checkout.customer("acme")

    assert gateway.fetch(customer).id == customer


def test_what_is_no_key_is_refused_by_the_name_of_its_setting(configured):
    settings = attrs.evolve(configured, stripe_key="pk_test_1")

    with pytest.raises(Invalid, match="BILLING_STRIPE_KEY must be a secret or restricted key"), open_billing(settings):
        pass


@pytest.mark.parametrize(("key", "livemode", "mode"), [("sk_live_1", False, "live"), ("rk_test_1", True, "test")])
def test_a_key_of_the_other_mode_is_refused(configured, key, livemode, mode):
    settings = attrs.evolve(configured, stripe_key=key, livemode=livemode)

    with pytest.raises(Invalid, match=f"BILLING_STRIPE_KEY is a key of {mode} mode"), open_billing(settings):
        pass
