"""Bad input: whatever is wrong with a command, it is refused by its name, and the account stays as it was."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import attrs
import pytest

from billing_core.domain.credits import (
    MAX_AMOUNT,
    Account,
    AccountId,
    Adjust,
    Capture,
    Convert,
    Expire,
    Forfeit,
    Grant,
    LotKind,
    PlaceHold,
    Receive,
    Refund,
    Release,
    Restore,
    Revoke,
    Spend,
    Transfer,
    decide,
    decide_all,
    fold,
)
from billing_core.domain.money import Money
from billing_core.errors import (
    AlreadyGranted,
    AlreadyRestored,
    HoldClosed,
    HoldExceeded,
    InsufficientCredits,
    Invalid,
    KeyReused,
    RefundExceeded,
    Refused,
    RevocationExceeded,
    Unknown,
    UnknownEntry,
    UnknownHold,
    UnknownLot,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME, GLOBEX = AccountId("acme"), AccountId("globex")

# One good command of each kind, on the account of the fixture below.
GOOD = {
    Grant: {"amount": 5, "source": "new"},
    Spend: {"amount": 5},
    Refund: {"spend": 2, "amount": 1},
    PlaceHold: {"amount": 5, "expires_in": HOUR},
    Capture: {"hold": 3, "amount": 1},
    Release: {"hold": 3},
    Convert: {"source": "pack"},
    Forfeit: {"source": "pack"},
    Revoke: {"source": "pack", "amount": 1},
    Restore: {"revocation": 4},
    Adjust: {"amount": 5, "reason": "r", "actor": "ann"},
    Transfer: {"amount": 5, "to": GLOBEX},
    Receive: {
        "sender": GLOBEX,
        "amount": 5,
        "kind": LotKind.PAYG,
        "source": "new",
        "priority": 5,
        "effective_at": NOW,
    },
}
NO_TEXT = ["", " ", " padded", "two\nlines", "nul\0", 5, b"bytes"]
TOO_LONG = "x" * 256
NO_NUMBER = [1.0, 0.5, float("nan"), float("inf"), True, "1", Decimal(1), 1j, MAX_AMOUNT + 1, 2**63, -(2**63) - 1]
NEGATIVE = [-1, -MAX_AMOUNT]
NO_TIME = [datetime(2026, 1, 1), "2026-01-01", 0, NOW.date()]  # noqa: DTZ001 - the refusal is the claim
NO_SPAN = [timedelta(), -HOUR, 3600, "1h"]
NO_MONEY = [5, "5 USD", Decimal(5), Money(MAX_AMOUNT + 1, "usd"), Money(-MAX_AMOUNT - 1, "usd")]

# What each field does not take, whichever command it belongs to; what may be left out is not told by None.
BAD = {
    "key": [*NO_TEXT, None, TOO_LONG],
    "reference": [*NO_TEXT, TOO_LONG],
    "account": ["acme", None, 5],
    "sender": ["globex", None],
    "to": ["globex", None, ACME, AccountId("globex", "tokens")],
    "source": [*NO_TEXT, None, "x" * 511],
    "spend": [*NO_NUMBER, *NEGATIVE, 0, None],
    "hold": [*NO_NUMBER, *NEGATIVE, 0, None],
    "revocation": [*NO_NUMBER, *NEGATIVE, 0, None],
    "most": [*NO_NUMBER, *NEGATIVE],
    "into": [*NO_TEXT, None, TOO_LONG],
    "priority": [1.0, True, "1", -1, 2**15],
    "kind": ["payg", None, 1],
    "shortfall": ["owe", None, 1],
    "final": [0, 1, None, "yes"],
    "cost": NO_MONEY,
    "effective_at": NO_TIME,
    "starts_at": NO_TIME,
    "expires_at": NO_TIME,
    "expires_in": NO_SPAN,
    "grace": NO_SPAN,
}
# Where nothing is something: a spend of nothing is recorded, a capture of nothing returns all. A correction goes both ways.
BAD_AMOUNT = {Spend: [*NO_NUMBER, *NEGATIVE, None], Capture: [*NO_NUMBER, *NEGATIVE], Adjust: [*NO_NUMBER, 0, None]}
REQUIRED_OF_ADJUST = ("reason", "actor")


def bad_values(kind, name):
    if name == "amount":
        return BAD_AMOUNT.get(kind, [*NO_NUMBER, *NEGATIVE, 0])
    if name in REQUIRED_OF_ADJUST:
        return [*NO_TEXT, TOO_LONG, *([None] if kind is Adjust else [])]
    return BAD[name]


def case(kind, name, value):
    return pytest.param(kind, name, value, id=f"{kind.__name__}-{name}-{str(value)[:20]!r}")


ALL_BAD = [
    case(kind, field.name, value) for kind in GOOD for field in attrs.fields(kind) for value in bad_values(kind, field.name)
]


def command(of_kind, /, **rest):
    return of_kind(**{"account": ACME, "key": "k", **GOOD[of_kind], **rest})


def after(*commands, account=None):
    account = account or Account(ACME)
    for one in commands:
        account = fold(account, decide(account, one, NOW))
    return account


@pytest.fixture
def busy():
    """Return an account with a pack of 20, of which 5 were spent by entry 2, 4 are held by hold 3, 1 clawed back by 4."""
    return after(
        Grant(account=ACME, key="grant", source="pack", amount=20, cost=Money(999, "usd")),
        Spend(account=ACME, key="spend", amount=5),
        PlaceHold(account=ACME, key="hold", amount=4, expires_in=9 * HOUR),
        Revoke(account=ACME, key="revoke", source="pack", amount=1),
    )


@pytest.mark.parametrize("kind", GOOD)
def test_each_of_these_commands_is_good(busy, kind):
    (entry,) = decide(busy, command(kind), NOW)

    assert entry.key == "k"


@pytest.mark.parametrize(("kind", "name", "value"), ALL_BAD)
def test_what_no_rule_could_accept_is_refused_at_birth(kind, name, value):
    with pytest.raises(Invalid) as refusal:
        command(kind, **{name: value, **({"expires_in": None} if (kind, name) == (PlaceHold, "expires_at") else {})})

    assert refusal.value.field in {name, "time"}


@pytest.mark.parametrize("account", ["acme", None, 5])
def test_an_expiry_needs_an_account_as_well(account):
    with pytest.raises(Invalid, match="account must be an AccountId"):
        Expire(account=account)


# What only the account can tell: a command, what refuses it, and how.
ON_AN_ACCOUNT = [
    (command(Grant, expires_at=NOW - HOUR), Invalid),
    (command(Grant, expires_at=NOW), Invalid),
    (command(Grant, effective_at=NOW + HOUR), Invalid),
    (command(Grant, starts_at=NOW + HOUR, expires_at=NOW + HOUR), Invalid),
    (command(Grant, source="pack"), AlreadyGranted),
    (command(Spend, amount=11), InsufficientCredits),
    (command(Spend, amount=MAX_AMOUNT), InsufficientCredits),
    (command(Refund, spend=99), UnknownEntry),
    (command(Refund, spend=1), Invalid),
    (command(Refund, amount=6), RefundExceeded),
    (command(PlaceHold, amount=11), InsufficientCredits),
    (command(PlaceHold, expires_in=None, expires_at=NOW), Invalid),
    (command(PlaceHold, expires_in=timedelta.max), Invalid),
    (command(Capture, hold=2), UnknownHold),
    (command(Capture, amount=5), HoldExceeded),
    (command(Release, hold=99), UnknownHold),
    (command(Convert, source="nothing"), UnknownLot),
    (command(Convert, effective_at=NOW + HOUR), Invalid),
    (command(Convert, effective_at=NOW - HOUR), Invalid),
    (command(Convert, expires_at=NOW), Invalid),
    (command(Forfeit, source="nothing"), UnknownLot),
    (command(Forfeit, effective_at=NOW + HOUR), Invalid),
    (command(Revoke, source="nothing"), UnknownLot),
    (command(Revoke, amount=20), RevocationExceeded),
    (command(Revoke, effective_at=NOW + HOUR), Invalid),
    (command(Restore, revocation=99), UnknownEntry),
    (command(Restore, revocation=3), Invalid),
    (command(Restore, effective_at=NOW + HOUR), Invalid),
    (command(Adjust, amount=-11), InsufficientCredits),
    (command(Adjust, expires_at=NOW), Invalid),
    (command(Transfer, amount=11), InsufficientCredits),
    (command(Receive, source="pack"), AlreadyGranted),
    (command(Receive, expires_at=NOW), Invalid),
]
# A key that belongs to another command, and commands for another account.
OF_ANOTHER = [
    *((command(kind, key="hold"), KeyReused) for kind in GOOD),
    *((command(kind, account=AccountId("initech")), Invalid) for kind in GOOD),
    (Expire(account=GLOBEX), Invalid),
]


def refused(account, one):
    """Return what refuses a command, after a look at what it left."""
    before = repr(account)
    with pytest.raises((Refused, Unknown)) as refusal:
        decide(account, one, NOW)
    assert repr(account) == before
    return type(refusal.value)


@pytest.mark.parametrize(("one", "error"), [*ON_AN_ACCOUNT, *OF_ANOTHER])
def test_what_the_account_does_not_allow_is_refused_and_leaves_it_as_it_was(busy, one, error):
    assert refused(busy, one) is error


def test_what_happens_once_is_refused_the_second_time(busy):
    account = after(command(Release, key="release"), command(Restore, key="restore"), account=busy)
    account = after(command(Convert, key="convert"), account=account)

    assert refused(account, command(Release)) is HoldClosed
    assert refused(account, command(Capture)) is HoldClosed
    assert refused(account, command(Restore)) is AlreadyRestored
    assert refused(account, command(Convert)) is AlreadyGranted


@pytest.mark.parametrize(("one", "error"), ON_AN_ACCOUNT)
def test_what_is_refused_uses_up_no_key_and_keeps_nobody_waiting(busy, one, error):
    changes, (refusal, entry) = decide_all({ACME: busy, GLOBEX: Account(GLOBEX)}, [one, command(Spend, amount=1)], NOW)

    assert type(refusal) is error
    assert (entry.key, entry.amount) == ("k", 1)
    assert [change.entries for change in changes] == [(entry,)]


@pytest.mark.parametrize("now", NO_TIME)
def test_a_moment_is_aware_of_its_zone(busy, now):
    with pytest.raises(Invalid, match="time must be"):
        decide(busy, command(Spend), now)
