"""What an application does when something went wrong: refunds, clawbacks, corrections, and credits that change hands."""

from datetime import timedelta
from decimal import Decimal

import pytest

from billing_core.domain.credits import LotKind, Operation, Shortfall, Unit
from billing_core.domain.money import Money
from billing_core.domain.policies import OPENED, RESERVED, Policies
from billing_core.errors import (
    AlreadyRestored,
    InsufficientCredits,
    Invalid,
    KeyReused,
    RefundExceeded,
    RevocationExceeded,
    UnknownEntry,
    UnknownLot,
)


@pytest.fixture
def credits_(shop):
    shop.billing.credits.grant("acme", 10, source="pack", key="pack")
    return shop.billing.credits


# Refunds ------------------------------------------------------------------------------------------------------------------


def test_a_refund_answers_with_its_entry(credits_):
    spend = credits_.spend("acme", 6)

    entry = credits_.refund("acme", spend.seq, 4, key="r", reason="the job failed")

    assert (entry.operation, entry.amount, entry.of, entry.available_after) == (Operation.REFUND, 4, spend.seq, 8)
    assert (entry.key, entry.reason) == ("r", "the job failed")
    assert credits_.refund("acme", spend.seq, 4, key="r", reason="the job failed") == entry


def test_without_an_amount_everything_that_is_left_is_refunded(credits_):
    spend = credits_.spend("acme", 6)
    credits_.refund("acme", spend.seq, 1)

    assert credits_.refund("acme", spend.seq).amount == 5
    with pytest.raises(RefundExceeded, match="6 credits to be refunded, entry 2 has 0 left"):
        credits_.refund("acme", spend.seq)


def test_a_capture_can_be_refunded_too(credits_):
    hold = credits_.hold("acme", 6).seq
    capture = credits_.capture("acme", hold, 4)

    credits_.refund("acme", capture.seq)

    assert credits_.balance("acme").available == 10


def test_only_what_consumed_can_be_refunded(credits_):
    with pytest.raises(Invalid, match="spend must be the number of a spend or a capture, and 1 is a grant"):
        credits_.refund("acme", 1)
    with pytest.raises(UnknownEntry):
        credits_.refund("acme", 99)


def test_what_expired_meanwhile_is_lost_or_given_a_grace(shop):
    credits_ = shop.billing.credits
    credits_.grant("acme", 10, expires_at=shop.day(5))
    spend = credits_.spend("acme", 6)
    shop.clock.set(shop.day(9))

    lost = credits_.refund("acme", spend.seq, 2)
    graced = credits_.refund("acme", spend.seq, 3, grace=timedelta(days=2))

    assert (lost.available_after, graced.available_after) == (0, 3)
    assert graced.opened.expires_at == shop.day(11)
    assert [event.data["amount"] for event in shop.told("credits.expired")] == ["4", "2"]


# Clawbacks ----------------------------------------------------------------------------------------------------------------


def test_a_revocation_answers_with_its_entry_and_is_told(credits_, shop):
    credits_.spend("acme", 6)

    entry = credits_.revoke("acme", "pack", key="dispute", reason="disputed")

    assert (entry.operation, entry.amount, entry.available_after, entry.owed_after) == (Operation.REVOKE, 10, 0, 6)
    assert credits_.balance("acme").owed == 6
    (event,) = shop.told("credits.revoked")
    assert (event.data["amount"], event.data["of"]) == ("10", "1")


def test_the_next_grant_repays_what_is_owed(credits_):
    credits_.spend("acme", 6)
    credits_.revoke("acme", "pack")

    entry = credits_.grant("acme", 10)

    assert (entry.amount, entry.available_after, entry.owed_after) == (10, 4, 0)


@pytest.mark.parametrize(
    ("shortfall", "available", "owed"), [(Shortfall.OWE, 4, 6), (Shortfall.TAKE, 0, 2), (Shortfall.FORGIVE, 4, 0)]
)
def test_for_what_was_spent_there_are_three_ways(credits_, shortfall, available, owed):
    credits_.spend("acme", 6)
    credits_.grant("acme", 4)

    credits_.revoke("acme", "pack", shortfall=shortfall)

    assert (credits_.balance("acme").available, credits_.balance("acme").owed) == (available, owed)


def test_a_part_can_be_clawed_back_and_no_more_than_there_was(credits_):
    credits_.revoke("acme", "pack", 3)

    with pytest.raises(RevocationExceeded, match="8 credits to be clawed back, pack has 7 left"):
        credits_.revoke("acme", "pack", 8)
    assert credits_.revoke("acme", "pack").amount == 7
    with pytest.raises(UnknownLot):
        credits_.revoke("acme", "never")


def test_a_revocation_is_undone_once(credits_, shop):
    credits_.spend("acme", 6)
    revocation = credits_.revoke("acme", "pack")
    credits_.grant("acme", 10)

    entry = credits_.restore("acme", revocation.seq, key="won")

    assert (entry.available_after, entry.owed_after) == (14, 0)
    assert credits_.restore("acme", revocation.seq, key="won") == entry
    with pytest.raises(AlreadyRestored, match="revocation 3 was already undone by entry 5"):
        credits_.restore("acme", revocation.seq)
    with pytest.raises(Invalid, match="revocation must be the number of a revocation"):
        credits_.restore("acme", 1)
    assert [event.data["of"] for event in shop.told("credits.restored")] == ["3"]


# Corrections --------------------------------------------------------------------------------------------------------------


def test_a_correction_goes_up_or_down(credits_, shop):
    up = credits_.adjust("acme", 5, reason="missing", actor="ann", expires_at=shop.day(9))
    down = credits_.adjust("acme", -7, reason="too many", actor="ann", key="down")

    assert (up.operation, up.amount, up.opened.kind) == (Operation.ADJUST, 5, LotKind.ADJUSTMENT)
    assert (down.amount, down.available_after) == (7, 8)
    assert [event.data["amount"] for event in shop.told("credits.adjusted")] == ["5", "7"]
    with pytest.raises(InsufficientCredits):
        credits_.adjust("acme", -9, reason="too many", actor="ann")


@pytest.mark.parametrize("missing", ["reason", "actor"])
def test_a_correction_says_who_and_why(credits_, missing):
    words = {"reason": "why", "actor": "ann", missing: None}

    with pytest.raises(Invalid, match=f"{missing} must be text"):
        credits_.adjust("acme", 5, **words)
    with pytest.raises(Invalid, match=f"{missing} must be text"):
        credits_.adjust("acme", 5, **{name: word for name, word in words.items() if word})


# Changing hands -----------------------------------------------------------------------------------------------------------


def test_credits_change_hands_on_their_terms(credits_, shop):
    credits_.grant("acme", 5, kind=LotKind.SUBSCRIPTION, expires_at=shop.day(9), cost=Money(500, "usd"))

    sent = credits_.transfer("acme", "other", 12, key="t", reference="order:7")

    assert (sent.operation, sent.amount, sent.available_after) == (Operation.SEND, 12, 3)
    assert credits_.transfer("acme", "other", 12, key="t", reference="order:7") == sent
    received = list(reversed(credits_.statement("other").entries))
    assert [(entry.operation, entry.opened.kind, entry.amount) for entry in received] == [
        (Operation.RECEIVE, LotKind.PROMOTIONAL, 10),
        (Operation.RECEIVE, LotKind.SUBSCRIPTION, 2),
    ]
    assert (received[1].opened.expires_at, received[1].opened.cost) == (shop.day(9), Money(200, "usd"))
    assert {entry.reference for entry in received} == {"order:7"}
    assert [event.account for event in shop.told("credits.received")] == ["other", "other"]


def test_what_cannot_be_sent_is_not_received(credits_):
    with pytest.raises(InsufficientCredits):
        credits_.transfer("acme", "other", 11)
    with pytest.raises(Invalid, match="to must be another account"):
        credits_.transfer("acme", "acme", 1)

    assert credits_.balance("acme").available == 10
    assert credits_.balance("other").version == 0


# Later --------------------------------------------------------------------------------------------------------------------


def test_credits_can_begin_later(shop):
    credits_ = shop.billing.credits
    credits_.grant("acme", 5, starts_at=shop.day(3), expires_at=shop.day(9))

    assert (credits_.balance("acme").available, credits_.balance("acme").scheduled) == (0, 5)
    shop.clock.set(shop.day(3))
    assert (credits_.balance("acme").available, credits_.balance("acme").scheduled) == (5, 0)
    assert credits_.spend("acme", 5).available_after == 0
    (event,) = shop.told("credits.started")
    assert (event.occurred_at, event.data["amount"]) == (shop.day(3), "5")


# What cannot be -----------------------------------------------------------------------------------------------------------


CALLS = {
    "refund": lambda credits_, **said: credits_.refund("acme", 2, **said),
    "revoke": lambda credits_, **said: credits_.revoke("acme", "pack", **said),
    "restore": lambda credits_, **said: credits_.restore("acme", 3, **said),
    "adjust": lambda credits_, **said: credits_.adjust("acme", 1, reason="why", actor="ann", **said),
    "transfer": lambda credits_, **said: credits_.transfer("acme", "other", 1, **said),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_key_is_for_one_command(credits_, call):
    with pytest.raises(KeyReused):
        call(credits_, key="pack")
    for prefix in RESERVED:
        with pytest.raises(Invalid, match="key must not begin with"):
            call(credits_, key=f"{prefix}1")
    with pytest.raises(TypeError, match="colour"):
        call(credits_, colour="red")


@pytest.mark.parametrize("prefix", OPENED)
def test_what_commands_open_by_themselves_is_not_granted_by_hand(credits_, prefix):
    with pytest.raises(Invalid, match="source must not begin with"):
        credits_.grant("acme", 1, source=f"{prefix}x")


# Units --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tokens(open_shop):
    return open_shop(policies=Policies(units=(Unit("tokens", 6),))).billing.credits


def test_a_unit_is_counted_in_its_smallest_step(tokens):
    tokens.grant("acme", Decimal("1.5"), unit="tokens")

    assert tokens.balance("acme", unit="tokens").available == 1_500_000
    assert tokens.spend("acme", Decimal("0.2"), unit="tokens").amount == 200_000
    assert tokens.spend("acme", 1, unit="tokens").available_after == 1_299_999
    hold = tokens.hold("acme", Decimal(1), unit="tokens").seq
    assert tokens.capture("acme", hold, Decimal("0.5"), unit="tokens").amount == 500_000
    with tokens.lease("acme", Decimal("0.1"), unit="tokens", every=Decimal("0.05")) as lease:
        lease.spend(Decimal("0.07"))
        assert lease.captured == 70_000


@pytest.mark.parametrize("amount", [Decimal("0.0000001"), Decimal("NaN"), Decimal("Infinity"), 1.5, True, "1"])
def test_what_a_unit_cannot_count_is_refused(tokens, amount):
    with pytest.raises(Invalid, match="amount"):
        tokens.grant("acme", amount, unit="tokens")


def test_a_unit_that_nobody_defined_has_no_decimals(tokens):
    tokens.grant("acme", Decimal(2), unit="images")

    with pytest.raises(Invalid, match="must have at most 0 decimals in images"):
        tokens.spend("acme", Decimal("0.5"), unit="images")
