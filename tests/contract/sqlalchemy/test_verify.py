"""Whatever a raw SQL session could still make the tables say, verification finds it."""

import pytest

from billing_adapters.memory import FixedClock, SequentialIds
from billing_adapters.stripe.webhooks import StripeWebhooks
from billing_core import Billing

LIES = {
    "books": "UPDATE billing_account SET available = available - 5, consumed = consumed + 5",
    "version": "UPDATE billing_account SET version = version + 1",
    "recorded_at": "UPDATE billing_account SET recorded_at = recorded_at + 1",
    "lot:1": "UPDATE billing_lot SET remaining = remaining - 1, expired = 1 WHERE number = 1",
    "hold:3": "UPDATE billing_hold SET captured = captured + 1 WHERE number = 3",
    "entry:5": "UPDATE billing_account SET version = version + 1;"
    "INSERT INTO billing_entry (owner, unit, seq, operation, lines, available_after, held_after, owed_after, effective_at,"
    " recorded_at) VALUES ('acme', 'credits', 5, 'spend', 0, 1, 0, 0, 0, 0)",
}


@pytest.fixture
def credits_(store):
    provider = StripeWebhooks(("whsec_test",))
    billing = Billing(store=store, provider=provider, clock=FixedClock(), ids=SequentialIds())
    billing.credits.grant("acme", 10)
    billing.credits.spend("acme", 2)
    billing.credits.hold("acme", 3)
    billing.credits.capture("acme", 3, 1, final=False)
    return billing.credits


def test_what_the_library_wrote_is_whole(credits_):
    """Also after a refund, which opens a closed lot again."""
    credits_.spend("acme", 5)
    credits_.refund("acme", 2)

    assert credits_.verify().findings == ()


@pytest.mark.parametrize(("what", "lie"), LIES.items(), ids=LIES)
def test_a_balanced_lie_is_found(engine, credits_, what, lie):
    """No constraint of one row can see it; the replay does."""
    with engine.begin() as connection:
        for statement in lie.split(";"):
            connection.exec_driver_sql(statement)

    report = credits_.verify("acme")

    assert what in {finding.what for finding in report.findings}
