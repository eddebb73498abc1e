"""Balances: right at every moment, whether or not anybody wrote down what fell due."""

from datetime import UTC, datetime, timedelta

import pytest

from billing_core.domain.credits import (
    Account,
    AccountId,
    Balance,
    Expire,
    Grant,
    LotKind,
    Spend,
    balance_at,
    change,
    decide,
)
from billing_core.errors import Invalid

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = AccountId("acme")


def account_with(*lots):
    account = Account(ACME)
    for number, (amount, kind, expires_at) in enumerate(lots):
        command = Grant(
            account=ACME, key=f"k{number}", source=f"s{number}", amount=amount, kind=kind, expires_at=expires_at
        )
        account = change(account, decide(account, command, NOW)).account
    return account


def test_an_account_that_was_never_granted_anything_has_nothing():
    assert balance_at(Account(ACME), NOW) == Balance(ACME, 0, 0, dict.fromkeys(LotKind, 0), None, 0, NOW, 0)


def test_a_balance_is_divided_by_kind():
    account = account_with((5, LotKind.PAYG, None), (7, LotKind.PROMOTIONAL, None), (1, LotKind.PAYG, None))

    balance = balance_at(account, NOW)

    assert (balance.available, balance.held, balance.version) == (13, 0, 3)
    assert {kind: amount for kind, amount in balance.by_kind.items() if amount} == {LotKind.PAYG: 6, LotKind.PROMOTIONAL: 7}


def test_a_balance_says_what_is_lost_next_and_when():
    account = account_with(
        (5, LotKind.PAYG, None),
        (1, LotKind.PROMOTIONAL, NOW + HOUR),
        (2, LotKind.SUBSCRIPTION, NOW + HOUR),
        (4, LotKind.SUBSCRIPTION, NOW + 2 * HOUR),
    )

    balance = balance_at(account, NOW)

    assert (balance.next_expiry_at, balance.next_expiry_amount) == (NOW + HOUR, 3)


def test_what_never_expires_has_no_next_expiry():
    balance = balance_at(account_with((5, LotKind.PAYG, None)), NOW)

    assert (balance.next_expiry_at, balance.next_expiry_amount) == (None, 0)


def test_what_fell_due_does_not_count_although_nobody_wrote_it_down():
    account = account_with((5, LotKind.PAYG, None), (7, LotKind.SUBSCRIPTION, NOW + HOUR))

    balance = balance_at(account, NOW + HOUR)

    assert (balance.available, balance.by_kind[LotKind.SUBSCRIPTION], balance.as_of) == (5, 0, NOW + HOUR)
    assert balance.version == account.version


def test_writing_down_what_fell_due_changes_no_balance():
    account = account_with((5, LotKind.PAYG, None), (7, LotKind.SUBSCRIPTION, NOW + HOUR))
    swept = change(account, decide(account, Expire(account=ACME), NOW + HOUR)).account

    unswept, swept = balance_at(account, NOW + 2 * HOUR), balance_at(swept, NOW + 2 * HOUR)

    assert (unswept.available, unswept.by_kind) == (swept.available, swept.by_kind)


def test_a_lot_that_was_spent_is_not_lost_next():
    account = account_with((5, LotKind.PROMOTIONAL, NOW + HOUR), (7, LotKind.SUBSCRIPTION, NOW + 2 * HOUR))
    account = change(account, decide(account, Spend(account=ACME, key="spend", amount=5), NOW)).account

    balance = balance_at(account, NOW)

    assert (balance.next_expiry_at, balance.next_expiry_amount) == (NOW + 2 * HOUR, 7)


def test_a_naive_moment_is_refused():
    with pytest.raises(Invalid, match="must be aware"):
        balance_at(Account(ACME), datetime(2026, 1, 1))  # noqa: DTZ001 - the refusal is the claim
