"""Exports are the same bytes for the same journal, and other bytes for any other."""

from datetime import timedelta, timezone

import attrs
import pytest

from billing_core.domain.credits import Account, AccountId, LotKind, decide, evolve
from billing_core.domain.money import Money
from billing_core.testing.examples import NOW, a_grant, a_hold, a_spend
from billing_core.testing.exports import journal_bytes

ACME = AccountId("acme")


def journal(*commands):
    account, entries = Account(ACME), []
    for command in commands:
        for entry in decide(account, command, NOW):
            account = evolve(account, entry)
            entries.append(entry)
    return entries


GRANT = a_grant(ACME, 5, key="clé", source="money", kind=LotKind.PAYG, cost=Money(1, "usd"), expires_at=NOW + timedelta(1))
ENTRIES = journal(GRANT, a_spend(ACME, 2, key="k"), a_hold(ACME, 1, key="h", expires_at=NOW + timedelta(1)))


def test_there_is_one_line_per_entry_and_nothing_for_none():
    assert journal_bytes(ENTRIES).count(b"\n") == 3
    assert journal_bytes([]) == b""


def test_a_line_says_every_field_by_name():
    (line,) = journal_bytes(ENTRIES[1:2]).decode().splitlines()

    digest = ENTRIES[1].fingerprint
    assert line == (
        '{"actor":null,"available_after":3,"effective_at":"2026-03-01T12:30:15.123456+00:00","fingerprint":"'
        f'{digest}","held_after":0,"key":"k","movements":[{{"amount":2,"lot":1,"source":"available","target":"consumed"}}],'
        '"of":null,"opened":null,"operation":"spend","owed_after":0,"placed":null,"reason":null,'
        '"recorded_at":"2026-03-01T12:30:15.123456+00:00","reference":null,"seq":2}'
    )


def test_a_moment_is_the_same_in_every_zone():
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))

    assert journal_bytes([attrs.evolve(ENTRIES[1], recorded_at=elsewhere)]) == journal_bytes(ENTRIES[1:2])


@pytest.mark.parametrize("moment", [NOW.replace(microsecond=0), NOW.replace(microsecond=1)])
def test_a_moment_has_as_many_digits_as_any_other(moment):
    (line,) = journal_bytes([attrs.evolve(ENTRIES[1], recorded_at=moment)]).splitlines()

    assert len(line) == len(journal_bytes(ENTRIES[1:2])) - 1


@pytest.mark.parametrize("field", [one.name for one in attrs.fields(type(ENTRIES[0])) if one.name != "movements"])
def test_no_field_is_left_out(field):
    other = {"seq": 9, "operation": ENTRIES[0].operation, "opened": None, "placed": ENTRIES[2].placed}.get(field, "9")
    if field in {"effective_at", "recorded_at"}:
        other = NOW + timedelta(microseconds=1)
    if field == "operation":
        first, second = ENTRIES[1], attrs.evolve(ENTRIES[1], movements=(), operation="refund")
    else:
        first, second = ENTRIES[0], attrs.evolve(ENTRIES[0], **{field: other})

    assert journal_bytes([first]) != journal_bytes([second])


def test_movements_are_told_in_their_order():
    one = journal(GRANT, a_grant(ACME, 5), a_spend(ACME, 7))[2]

    assert journal_bytes([one]) != journal_bytes([attrs.evolve(one, movements=one.movements[::-1])])


def test_what_only_looks_alike_is_no_journal():
    with pytest.raises(TypeError, match=r"5\.0 cannot stand"):
        journal_bytes([attrs.evolve(ENTRIES[1], available_after=5.0)])
