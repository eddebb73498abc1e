"""Balances: right at every moment, whether or not anybody wrote down what fell due."""

from datetime import UTC, datetime, timedelta

import pytest

from billing_core.domain.credits import (
    Account,
    AccountId,
    Balance,
    Expire,
    Expiring,
    Grant,
    LotKind,
    PlaceHold,
    Revoke,
    Spend,
    balance_at,
    change,
    decide,
    holds_at,
)
from billing_core.errors import Invalid

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = AccountId("acme")


def grant(name, amount=10, **rest):
    return Grant(account=ACME, key=f"grant-{name}", source=name, amount=amount, **rest)


def spend(amount):
    return Spend(account=ACME, key="spend", amount=amount)


def revoke(source, amount=None):
    return Revoke(account=ACME, key=f"revoke-{source}", source=source, amount=amount)


def after(*commands, account=None):
    account = account or Account(ACME)
    for command in commands:
        account = change(account, decide(account, command, NOW)).account
    return account


def account_with(*lots):
    return after(
        *(grant(str(number), amount, kind=kind, expires_at=ends) for number, (amount, kind, ends) in enumerate(lots))
    )


def test_an_account_that_was_never_granted_anything_has_nothing():
    balance = balance_at(Account(ACME), NOW)

    assert balance == Balance(
        account=ACME,
        available=0,
        held=0,
        scheduled=0,
        owed=0,
        by_kind=dict.fromkeys(LotKind, 0),
        expiring=(),
        as_of=NOW,
        version=0,
    )
    assert (balance.next_expiry_at, balance.next_expiry_amount) == (None, 0)


def test_a_balance_is_divided_by_kind():
    account = account_with((5, LotKind.PAYG, None), (7, LotKind.PROMOTIONAL, None), (1, LotKind.PAYG, None))

    balance = balance_at(account, NOW)

    assert (balance.available, balance.held, balance.version) == (13, 0, 3)
    assert {kind: amount for kind, amount in balance.by_kind.items() if amount} == {LotKind.PAYG: 6, LotKind.PROMOTIONAL: 7}


def test_a_balance_cannot_be_changed():
    balance = balance_at(account_with((5, LotKind.PAYG, None)), NOW)

    with pytest.raises(TypeError):
        balance.by_kind[LotKind.PAYG] = 6


def test_a_balance_says_what_is_lost_next_and_when():
    account = account_with(
        (5, LotKind.PAYG, None),
        (1, LotKind.PROMOTIONAL, NOW + HOUR),
        (2, LotKind.SUBSCRIPTION, NOW + HOUR),
        (4, LotKind.SUBSCRIPTION, NOW + 2 * HOUR),
    )

    balance = balance_at(account, NOW)

    assert (balance.next_expiry_at, balance.next_expiry_amount) == (NOW + HOUR, 3)
    assert balance.expiring == (Expiring(NOW + HOUR, 3), Expiring(NOW + 2 * HOUR, 4))


def test_what_never_expires_has_no_next_expiry():
    balance = balance_at(account_with((5, LotKind.PAYG, None)), NOW)

    assert (balance.next_expiry_at, balance.next_expiry_amount, balance.expiring) == (None, 0, ())


def test_what_is_scheduled_is_told_beside_what_is_available():
    account = after(grant("now", 5), grant("later", 7, starts_at=NOW + HOUR, expires_at=NOW + 2 * HOUR))

    before, began = balance_at(account, NOW), balance_at(account, NOW + HOUR)

    assert (before.available, before.scheduled, before.by_kind[LotKind.PAYG], before.expiring) == (5, 7, 5, ())
    assert (began.available, began.scheduled, began.expiring) == (12, 0, (Expiring(NOW + 2 * HOUR, 7),))


def test_what_is_owed_is_told_beside_what_is_available():
    account = after(grant("a"), grant("b", 4, expires_at=NOW + HOUR), spend(14), revoke("a"), grant("c", 3))

    balance = balance_at(account, NOW)

    assert (balance.available, balance.owed) == (0, 7)


def test_what_a_lot_repaid_is_not_lost_with_it():
    account = after(grant("a"), spend(10), revoke("a", 2), grant("b", 5, expires_at=NOW + HOUR))

    balance = balance_at(account, NOW)

    assert (balance.available, balance.owed, balance.expiring) == (3, 0, (Expiring(NOW + HOUR, 3),))


def test_what_is_held_is_divided_by_no_kind_and_lost_at_no_time():
    account = after(grant("a", expires_at=NOW + HOUR), PlaceHold(account=ACME, key="hold", amount=4, expires_in=HOUR / 2))

    held, returned = balance_at(account, NOW), balance_at(account, NOW + HOUR / 2)

    assert (held.available, held.held, held.by_kind[LotKind.PAYG], held.expiring) == (6, 4, 6, (Expiring(NOW + HOUR, 6),))
    assert (returned.available, returned.held, returned.expiring) == (10, 0, (Expiring(NOW + HOUR, 10),))
    assert holds_at(account, NOW + HOUR / 2) == ()


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
    account = after(spend(5), account=account)

    balance = balance_at(account, NOW)

    assert (balance.next_expiry_at, balance.next_expiry_amount) == (NOW + 2 * HOUR, 7)


def test_a_naive_moment_is_refused():
    with pytest.raises(Invalid, match="must be aware"):
        balance_at(Account(ACME), datetime(2026, 1, 1))  # noqa: DTZ001 - the refusal is the claim
