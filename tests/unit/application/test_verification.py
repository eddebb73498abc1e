"""Verification and past balances, as an operator asks for them."""

from datetime import timedelta

import attrs
import pytest

from billing_core.errors import Invalid, UnknownAccount


@pytest.fixture
def credits_(shop):
    return shop.billing.credits


def test_a_ledger_that_was_only_written_by_commands_is_whole(credits_):
    credits_.grant("acme", 10)
    credits_.spend("acme", 4)
    credits_.grant("other", 5, unit="images")

    assert (credits_.verify("acme").accounts, credits_.verify("acme").entries) == (1, 2)
    assert credits_.verify() == attrs.evolve(credits_.verify("acme"), accounts=2, entries=3)
    assert credits_.verify().findings == ()


def test_an_account_that_nobody_wrote_cannot_be_verified(credits_):
    with pytest.raises(UnknownAccount):
        credits_.verify("acme")


def test_a_ledger_without_accounts_is_whole(credits_):
    assert (credits_.verify().accounts, credits_.verify().findings) == (0, ())


def test_more_accounts_and_entries_than_a_page_holds_are_verified(credits_, monkeypatch):
    monkeypatch.setattr("billing_core.application.reading._LONGEST_PAGE", 3)
    for number in range(7):
        credits_.grant(f"user-{number}", 5)
    for _ in range(7):
        credits_.spend("user-3", 0)

    report = credits_.verify()

    assert (report.accounts, report.entries, report.findings) == (7, 14, ())


def test_a_past_balance_is_told(credits_, shop):
    before = shop.clock.now()
    credits_.grant("acme", 10)
    then = shop.clock.advance(timedelta(hours=1))
    credits_.spend("acme", 4)
    shop.clock.advance(timedelta(hours=1))

    assert credits_.balance("acme", at=before - timedelta(seconds=1)).available == 0
    assert credits_.balance("acme", at=then - timedelta(seconds=1)).available == 10
    assert credits_.balance("acme", at=then).available == credits_.balance("acme").available == 6


def test_a_future_balance_is_not_known(credits_, shop):
    with pytest.raises(Invalid, match="at must not lie in the future"):
        credits_.balance("acme", at=shop.clock.now() + timedelta(seconds=1))
    with pytest.raises(Invalid, match="must be aware"):
        credits_.balance("acme", at=shop.clock.now().replace(tzinfo=None))


def test_what_expires_within_a_time_is_told(credits_, shop):
    credits_.grant("acme", 3, expires_at=shop.day(9))
    credits_.grant("acme", 2, expires_at=shop.day(5))
    credits_.grant("acme", 4, expires_at=shop.day(5))
    credits_.grant("acme", 1)
    day = timedelta(days=1)

    found = credits_.expiring("acme", shop.day(9) - shop.clock.now())

    assert [(one.at, one.amount) for one in found] == [(shop.day(5), 6), (shop.day(9), 3)]
    assert [one.amount for one in credits_.expiring("acme", shop.day(9) - shop.clock.now() - day)] == [6]
    assert credits_.balance("acme").next_expiry_amount == 6


def test_a_sweep_writes_down_what_fell_due(credits_, shop):
    for number in range(5):
        credits_.grant(f"user-{number}", 3, expires_at=shop.day(number + 2))
    shop.clock.set(shop.day(4))

    assert credits_.sweep(limit=2) == 2
    assert [len(credits_.statement(f"user-{number}").entries) for number in range(5)] == [2, 2, 1, 1, 1]
    assert credits_.sweep() == 1
    assert credits_.sweep() == 0
    with pytest.raises(Invalid, match="limit must be at least 1"):
        credits_.sweep(0)
