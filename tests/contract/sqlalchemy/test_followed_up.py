"""An entry that is named, and follows up another that is named beside it, is read once."""

from datetime import timedelta

from billing_core.domain.credits import (
    AccountId,
    Capture,
    Grant,
    Needs,
    PlaceHold,
    Refund,
    Spend,
    decide_all,
    needs_of,
)
from billing_core.testing.contracts.claims import done
from billing_core.testing.examples import NOW

HOUR = timedelta(hours=1)
ACME = AccountId("acme")


def test_a_batch_that_names_a_hold_and_its_capture_refunds_no_more_than_was_captured(store):
    done(
        store,
        Grant(account=ACME, key="grant", source="pack", amount=20),
        PlaceHold(account=ACME, key="hold", amount=5, expires_in=HOUR),
        Capture(account=ACME, key="capture", hold=2),
        Spend(account=ACME, key="spend", amount=15),
    )
    refunds = [Refund(account=ACME, key="mistaken", spend=2), Refund(account=ACME, key="right", spend=3)]

    with store.view() as view:
        accounts = view.ledger.load(needs_of(refunds))
    _, (_, refunded) = decide_all(accounts, refunds, NOW)

    assert refunded.amount == 5


def test_an_entry_that_is_named_twice_over_has_its_movements_once(store):
    done(
        store,
        Grant(account=ACME, key="grant", source="pack", amount=5),
        PlaceHold(account=ACME, key="hold", amount=5, expires_in=HOUR),
        Capture(account=ACME, key="capture", hold=2),
    )

    with store.view() as view:
        loaded = view.ledger.load([Needs(ACME, entries=frozenset({2, 3}))])[ACME]
        stored = tuple(reversed(view.ledger.entries(ACME, limit=2)))

    assert loaded.related == stored
