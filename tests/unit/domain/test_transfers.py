"""Transfers: credits that one account sends to another, on the terms that they had, all of them or none."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from billing_core.domain.credits import (
    Account,
    AccountId,
    Books,
    Entry,
    Grant,
    LotKind,
    Operation,
    PlaceHold,
    Receive,
    Revoke,
    Spend,
    Transfer,
    decide,
    decide_all,
    fold,
    receipts,
)
from billing_core.domain.money import Money
from billing_core.errors import AlreadyGranted, InsufficientCredits, Invalid, KeyReused

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME, GLOBEX = AccountId("acme"), AccountId("globex")


def grant(name, amount=10, account=ACME, **rest):
    return Grant(**{"account": account, "key": f"grant-{name}", "source": name, "amount": amount, **rest})


def transfer(amount, **rest):
    return Transfer(**{"account": ACME, "key": "transfer", "to": GLOBEX, "amount": amount, **rest})


def after(*commands, accounts=None, now=NOW):
    """Return both accounts after these commands, none of which is refused."""
    accounts = accounts or {ACME: Account(ACME), GLOBEX: Account(GLOBEX)}
    changes, results = decide_all(accounts, commands, now)
    assert all(isinstance(one, Entry) for one in results)
    return {**accounts, **{one.account.id: one.account for one in changes}}


def done(accounts, command, now=NOW):
    """Return the entries of one command by account, and its result."""
    changes, (result,) = decide_all(accounts, [command], now)
    return {one.account.id: one.entries for one in changes}, result


def moved(entry):
    return [(one.lot, one.source.value, one.target.value, one.amount) for one in entry.movements]


# Sending and receiving ----------------------------------------------------------------------------------------------------


def test_credits_leave_one_account_and_arrive_on_the_other():
    accounts = after(grant("pack"), transfer(4))

    assert accounts[ACME].books == Books(issued=-6, available=6)
    assert accounts[GLOBEX].books == Books(issued=-4, available=4)


def test_they_leave_in_the_order_in_which_they_burn_and_arrive_as_they_left():
    accounts = after(grant("pack"), grant("gift", 3, kind=LotKind.PROMOTIONAL, expires_at=NOW + HOUR))

    written, result = done(accounts, transfer(5, reference="team:1", reason="r", actor="ann"))

    (sent,), received = written[ACME], written[GLOBEX]
    assert result == sent
    assert (sent.operation, sent.key, sent.amount, sent.change) == (Operation.SEND, "transfer", 5, -5)
    assert moved(sent) == [(2, "available", "issued", 3), (1, "available", "issued", 2)]
    assert [(one.operation, one.amount, one.change) for one in received] == [
        (Operation.RECEIVE, 3, 3),
        (Operation.RECEIVE, 2, 2),
    ]
    assert [(one.opened.kind, one.opened.priority, one.opened.expires_at) for one in received] == [
        (LotKind.PROMOTIONAL, 10, NOW + HOUR),
        (LotKind.PAYG, 30, None),
    ]
    assert {(one.reference, one.reason, one.actor) for one in (sent, *received)} == {("team:1", "r", "ann")}
    assert {one.opened.reference for one in received} == {"team:1"}
    assert {(one.effective_at, one.recorded_at, one.opened.effective_at) for one in received} == {(NOW, NOW, NOW)}


def test_what_arrives_has_a_name_that_no_other_has():
    written, _ = done(after(grant("a"), grant("b", 5)), transfer(12))

    (one, other) = written[GLOBEX]
    assert one.key == one.opened.source == f"{transfer(1).received}:0"
    assert other.key == other.opened.source == f"{transfer(1).received}:1"
    others = (transfer(1, key="another"), transfer(1, account=AccountId("initech")))
    assert len({transfer(1).received, *(other.received for other in others)}) == 3


def test_the_name_of_what_arrives_stays_the_same_from_one_version_to_the_next():
    assert transfer(1).received == "transfer:ce2dd7f42b31659e34a494cb60ad4bc4"


def test_what_was_paid_goes_along_by_its_share():
    accounts = after(grant("pack", cost=Money(999, "usd")), transfer(7))

    assert accounts[GLOBEX].lots[0].cost == Money(699, "usd")  # 999 * 7 / 10 is 699.3


def test_a_priority_of_its_own_goes_along():
    assert after(grant("pack", priority=7), transfer(7))[GLOBEX].lots[0].priority == 7


def test_what_arrives_repays_what_is_owed_there():
    spent = Spend(account=GLOBEX, key="spend", amount=5)
    revoked = Revoke(account=GLOBEX, key="revoke", source="theirs")
    accounts = after(grant("theirs", 5, GLOBEX), spent, revoked, grant("pack"))

    written, _ = done(accounts, transfer(8))

    (received,) = written[GLOBEX]
    assert moved(received) == [(4, "issued", "available", 8), (4, "available", "owed", 5)]
    assert (received.amount, received.change) == (8, 3)


def test_what_was_sent_on_is_owed_by_the_sender():
    accounts = after(grant("pack"), transfer(8), Revoke(account=ACME, key="revoke", source="pack"))

    assert (accounts[ACME].owes, accounts[GLOBEX].books.available) == (8, 8)


def test_credits_can_be_sent_back():
    back = transfer(4, account=GLOBEX, to=ACME)

    accounts = after(grant("pack"), transfer(4), back)

    assert accounts[ACME].books == Books(issued=-10, available=10)
    assert accounts[GLOBEX].books == Books()


# Time ---------------------------------------------------------------------------------------------------------------------


def test_what_fell_due_is_settled_on_both_sides():
    accounts = after(grant("soon", expires_at=NOW + HOUR), grant("pack"), grant("theirs", 5, GLOBEX, expires_at=NOW + HOUR))

    written, _ = done(accounts, transfer(4), NOW + HOUR)

    assert [one.operation.value for one in written[ACME]] == ["expire", "send"]
    assert [one.operation.value for one in written[GLOBEX]] == ["expire", "receive"]


def test_a_sender_whose_clock_was_ahead_sends_all_the_same():
    accounts = after(grant("pack"), now=NOW + HOUR)

    written, result = done(accounts, transfer(4), NOW)

    (received,) = written[GLOBEX]
    assert {(one.effective_at, one.recorded_at) for one in (result, received)} == {(NOW + HOUR, NOW + HOUR)}


def test_a_receiver_whose_clock_was_ahead_may_find_them_expired():
    accounts = after(grant("pack", expires_at=NOW + HOUR))
    accounts = after(grant("theirs", 1, GLOBEX), accounts=accounts, now=NOW + 2 * HOUR)

    written, _ = done(accounts, transfer(4), NOW)

    assert [(one.operation.value, one.effective_at) for one in written[GLOBEX]] == [
        ("receive", NOW),
        ("expire", NOW + HOUR),
    ]


# All or nothing -----------------------------------------------------------------------------------------------------------


def test_no_more_is_sent_than_is_available():
    hold = PlaceHold(account=ACME, key="hold", amount=4, expires_in=HOUR)

    changes, (result,) = decide_all(after(grant("pack"), hold), [transfer(7)], NOW)

    assert changes == ()
    assert isinstance(result, InsufficientCredits)
    assert (result.requested, result.available) == (7, 6)


def test_nothing_is_sent_that_cannot_be_received():
    full = 2**63 - 1
    accounts = after(grant("a", 3), grant("b", 3))
    accounts[GLOBEX] = attrs.evolve(Account(GLOBEX), books=Books(issued=-full + 4, consumed=full - 4))

    changes, (result,) = decide_all(accounts, [transfer(5)], NOW)

    assert changes == ()
    assert isinstance(result, Invalid)
    assert done(accounts, transfer(4))[1].amount == 4


def test_the_same_transfer_again_sends_nothing_more():
    accounts = after(grant("pack"), transfer(4))

    changes, (result,) = decide_all(accounts, [transfer(4)], NOW + HOUR)

    assert changes == ()
    assert result == accounts[ACME].recorded["transfer"]


def test_another_transfer_under_the_same_key_is_refused():
    changes, (result,) = decide_all(after(grant("pack"), transfer(4)), [transfer(5)], NOW)

    assert changes == ()
    assert isinstance(result, KeyReused)


@pytest.mark.parametrize("to", [ACME, AccountId("globex", "tokens"), AccountId("acme", "tokens")])
def test_credits_are_sent_to_another_account_of_the_same_unit(to):
    with pytest.raises(Invalid, match="to must be another account of the unit credits"):
        transfer(1, to=to)


@pytest.mark.parametrize("to", ["globex", None, 5])
def test_an_account_is_named_by_its_id(to):
    with pytest.raises(Invalid, match="to must be an AccountId, not"):
        transfer(1, to=to)


# Each half by itself ------------------------------------------------------------------------------------------------------


def test_sending_alone_says_what_is_to_be_received():
    account = fold(Account(ACME), decide(Account(ACME), grant("pack", 10, priority=7, cost=Money(10, "usd")), NOW))
    account = fold(account, decide(account, transfer(4, reference="r", reason="s", actor="t"), NOW))

    (receipt,) = receipts(transfer(4, reference="r", reason="s", actor="t"), account)

    assert receipt == Receive(
        account=GLOBEX,
        sender=ACME,
        key=f"{transfer(4).received}:0",
        source=f"{transfer(4).received}:0",
        amount=4,
        kind=LotKind.PAYG,
        priority=7,
        effective_at=NOW,
        expires_at=None,
        cost=Money(4, "usd"),
        reference="r",
        reason="s",
        actor="t",
    )


def test_what_was_received_is_received_once():
    receive = Receive(
        account=GLOBEX, sender=ACME, key="k", source="s", amount=4, kind=LotKind.PAYG, priority=7, effective_at=NOW
    )
    account = fold(Account(GLOBEX), decide(Account(GLOBEX), receive, NOW))

    assert decide(account, receive, NOW + HOUR) == ()
    with pytest.raises(AlreadyGranted, match="s was already granted by entry 1"):
        decide(account, attrs.evolve(receive, key="another"), NOW)
