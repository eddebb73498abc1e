"""What the strategies draw is what they say."""

from collections import defaultdict
from datetime import timedelta
from typing import get_args

import attrs
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from billing_core.domain.credits import MAX_AMOUNT, Account, Operation, decide, fold
from billing_core.domain.orders import Order
from billing_core.errors import (
    AlreadyGranted,
    AlreadyRestored,
    BillingError,
    HoldClosed,
    HoldExceeded,
    InsufficientCredits,
    Invalid,
    KeyReused,
    RefundExceeded,
    RevocationExceeded,
    UnknownEntry,
    UnknownHold,
    UnknownLot,
)
from billing_core.testing import strategies
from billing_core.testing.examples import NOW, a_grant, an_account
from billing_core.testing.laws import check_account, check_journal

ACCOUNT = an_account()


@given(history=strategies.histories(ACCOUNT, NOW))
def test_every_history_obeys_the_laws(history):
    account, entries = Account(ACCOUNT), []

    for now, command in history:
        try:
            written = decide(account, command, now)
        except BillingError:
            continue
        account = fold(account, written)
        entries.extend(written)

    check_journal(entries)
    check_account(account, entries)


def answers(history):
    """Return what the ledger did in a history, and why it refused to."""
    account = Account(ACCOUNT)
    for now, command in history:
        try:
            written = decide(account, command, now)
        except BillingError as refusal:
            yield type(refusal)
        else:
            account = fold(account, written)
            yield from (entry.operation for entry in written)


REFUSALS = [AlreadyGranted, AlreadyRestored, HoldClosed, HoldExceeded, InsufficientCredits, Invalid, KeyReused]
REFUSALS += [RefundExceeded, RevocationExceeded, UnknownEntry, UnknownHold, UnknownLot]


@pytest.mark.parametrize("answer", [*(one for one in Operation if one is not Operation.RECEIVE), *REFUSALS])
def test_every_answer_of_the_ledger_comes_up(answer):
    tries = settings(max_examples=3_000, phases=[Phase.generate], suppress_health_check=[*HealthCheck], deadline=None)

    assert find(strategies.histories(ACCOUNT, NOW), lambda history: answer in answers(history), settings=tries)


@given(history=strategies.histories(ACCOUNT, NOW))
def test_a_history_goes_forward(history):
    moments = [now for now, _ in history]

    assert moments == sorted(moments)


@given(name=strategies.names(longest=20))
def test_names_are_printable_unpadded_and_no_longer_than_asked(name):
    assert name.isprintable()
    assert name == name.strip()
    assert 1 <= len(name) <= 20


@given(text=strategies.texts())
def test_every_database_can_keep_a_text(text):
    assert "\0" not in text
    assert text.encode().decode() == text


@given(moment=strategies.instants())
def test_instants_are_in_utc(moment):
    assert moment.utcoffset() == timedelta(0)


@given(grant=strategies.grants(ACCOUNT, NOW))
def test_every_grant_is_accepted_by_an_empty_account(grant):
    assert decide(Account(ACCOUNT), grant, NOW)


@given(hold=strategies.holds(ACCOUNT, NOW))
def test_every_hold_is_accepted_by_an_account_that_has_enough(hold):
    account = Account(ACCOUNT)
    account = fold(account, decide(account, a_grant(ACCOUNT, MAX_AMOUNT), NOW - timedelta(days=1)))

    assert decide(account, attrs.evolve(hold, key="fresh"), NOW)


DRAWN = {
    "products": strategies.products(),
    "prices": strategies.prices(),
    "customers": strategies.customers(),
    "subscriptions": strategies.subscriptions(),
    "payments": strategies.payments(),
    "invoices": strategies.invoices(),
    "invoice lines": strategies.invoice_lines(),
    "deliveries": strategies.deliveries(),
    "webhooks": strategies.webhooks(),
    "grants": strategies.grants(ACCOUNT, NOW),
    "holds": strategies.holds(ACCOUNT, NOW),
    "captures": strategies.captures(ACCOUNT, 1),
    "releases": strategies.releases(ACCOUNT, 1),
    "intents": strategies.intents(),
    "top-up rules": strategies.top_up_rules(ACCOUNT),
    "top-ups": strategies.top_ups(ACCOUNT),
    "refunds": strategies.refunds(ACCOUNT, 1),
    "conversions": strategies.conversions(ACCOUNT, "source", NOW),
    "forfeits": strategies.forfeits(ACCOUNT, "source", NOW),
    "revocations": strategies.revocations(ACCOUNT, "source", NOW),
    "restorations": strategies.restorations(ACCOUNT, 1, NOW),
    "adjustments": strategies.adjustments(ACCOUNT, NOW),
    "transfers": strategies.transfers(ACCOUNT),
    "receipts": strategies.receipts(ACCOUNT, NOW),
}
# What a strategy is told, and does not draw.
GIVEN = {DRAWN[name]: {"account"} for name in ("grants", "holds", "adjustments", "transfers", "receipts", "top-up rules")}
GIVEN |= {DRAWN[name]: {"account", "hold"} for name in ("captures", "releases")}
GIVEN |= {DRAWN[name]: {"account", "source"} for name in ("conversions", "forfeits", "revocations")}
GIVEN |= {DRAWN["refunds"]: {"account", "spend"}, DRAWN["restorations"]: {"account", "revocation"}}


@pytest.mark.parametrize("strategy", DRAWN.values(), ids=DRAWN.keys())
def test_every_field_is_drawn(strategy):
    """Or a store could lose it, and every contract would pass."""
    seen = defaultdict(set)

    @settings(max_examples=30, phases=[Phase.generate])
    @given(value=strategy)
    def look(value):
        for field in attrs.fields(type(value)):
            seen[field.name].add(repr(getattr(value, field.name)))

    look()

    fixed = {name for name, values in seen.items() if len(values) == 1}
    assert fixed <= {"version"} | GIVEN.get(strategy, set())


def test_every_kind_of_order_is_drawn_with_every_field():
    """Or a store could lose one, and every contract would pass."""
    seen = {(kind, field.name): set() for kind in get_args(Order) for field in attrs.fields(kind)}

    @settings(max_examples=1_000, phases=[Phase.generate], deadline=None)
    @given(order=strategies.orders())
    def look(order):
        for field in attrs.fields(type(order)):
            seen[type(order), field.name].add(repr(getattr(order, field.name)))

    look()

    assert [name for name, values in seen.items() if len(values) < 2] == []
