"""Commands: what tells one from another, what must be known to decide it, and whether it was done before."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given

from billing_core.domain.credits import (
    MAX_AMOUNT,
    Account,
    AccountId,
    Adjust,
    Capture,
    Convert,
    Entry,
    Expire,
    Forfeit,
    Grant,
    Lot,
    LotKind,
    Needs,
    Operation,
    PlaceHold,
    Receive,
    Refund,
    Release,
    Restore,
    Revoke,
    Shortfall,
    Spend,
    Transfer,
    effected,
    fingerprint,
    needs_of,
)
from billing_core.domain.money import Money
from billing_core.testing import strategies

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME, GLOBEX = AccountId("acme"), AccountId("globex")
SAID = {"account": ACME, "key": "k", "reference": "r", "reason": "why", "actor": "who"}


def grant(**rest):
    return Grant(**{"account": ACME, "key": "k", "source": "s", "amount": 5, **rest})


def revoke(**rest):
    return Revoke(**{"account": ACME, "key": "k", "source": "s", **rest})


def lot(source):
    return Lot(1, LotKind.PAYG, 30, 5, NOW, None, source)


def entry(operation=Operation.GRANT):
    return Entry(1, operation, (), 0, 0, NOW, NOW)


# One command of each kind that says everything that it can.
EVERY_WORD = [
    Spend(account=ACME, key="job-1", amount=5),
    Grant(
        **SAID,
        amount=5,
        kind=LotKind.PROMOTIONAL,
        source="s",
        priority=1,
        effective_at=NOW,
        starts_at=NOW,
        expires_at=NOW + HOUR,
        cost=Money(5, "usd"),
    ),
    Spend(**SAID, amount=5),
    Refund(**SAID, spend=2, amount=5, grace=HOUR),
    PlaceHold(**SAID, amount=5, expires_at=NOW),
    PlaceHold(**SAID, amount=5, expires_in=HOUR),
    Capture(**SAID, hold=2, amount=5, final=False),
    Release(**SAID, hold=2),
    Convert(**SAID, source="s", kind=LotKind.ADJUSTMENT, effective_at=NOW, most=5, expires_at=NOW + HOUR),
    Forfeit(**SAID, source="s", effective_at=NOW),
    Revoke(**SAID, source="s", amount=5, shortfall=Shortfall.TAKE, effective_at=NOW),
    Restore(**SAID, revocation=2, effective_at=NOW),
    Adjust(**SAID, amount=-5),
    Adjust(**SAID, amount=5, expires_at=NOW),
    Transfer(**SAID, to=GLOBEX, amount=5),
    Receive(
        **SAID,
        sender=GLOBEX,
        amount=5,
        kind=LotKind.PAYG,
        source="s",
        priority=1,
        effective_at=NOW,
        expires_at=NOW + HOUR,
        cost=Money(5, "usd"),
    ),
]
DIGESTS = [
    *zip(
        EVERY_WORD,
        (
            "26a882ee6307e38a564f985442cf7618",
            "60793488d881332609374a0df07ad1ba",
            "1cef8ae81b779ff0d78e529a24c773e8",
            "41f936af2a132f062a590e62fa168b9b",
            "52e90ee37e4f06acf186d5413bf9186b",
            "7e72abd187e4b37e497eab95caee3f91",
            "94ce4fc0d0f59bb6703a7e0cee0d8997",
            "a2283edf7144bd87ffbc3a3bb1493e63",
            "a9adf80046f787981755eccb301f1cd6",
            "31dcab2e25077507f1d2d8ff768e08d1",
            "cbe6f02ee1725893ee50852b1209e3f2",
            "41c20ece31d84f7c26f077f447bbdcbe",
            "4ff39969f696c66b4f61c56c05f2fac1",
            "b72b3a36279df1869e9b84abb829d74d",
            "cb850a1cf860c15f0d6dfdffc8e4263d",
            "16b571f75b18a9332d140b638ff6b18b",
        ),
        strict=True,
    )
]


# Fingerprints -------------------------------------------------------------------------------------------------------------


def test_the_same_words_have_the_same_fingerprint_in_another_time_zone():
    there = NOW.astimezone(timezone(timedelta(hours=5)))

    assert fingerprint(grant(effective_at=NOW)) == fingerprint(grant(effective_at=there))


def test_the_key_itself_is_no_part_of_what_is_asked():
    assert fingerprint(grant(key="one")) == fingerprint(grant(key="two"))


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 6},
        {"account": AccountId("globex")},
        {"account": AccountId("acme", "tokens")},
        {"source": "t"},
        {"kind": LotKind.PROMOTIONAL},
        {"priority": 1},
        {"effective_at": NOW},
        {"expires_at": NOW},
        {"starts_at": NOW},
        {"cost": Money(5, "usd")},
        {"reference": "r"},
        {"reason": "r"},
        {"actor": "r"},
    ],
)
def test_every_other_word_changes_the_fingerprint(other):
    assert fingerprint(grant(**other)) != fingerprint(grant())


def test_two_kinds_of_command_never_share_a_fingerprint():
    alike = [Convert(account=ACME, key="k", source="s"), Forfeit(account=ACME, key="k", source="s"), revoke()]

    assert len({fingerprint(one) for one in alike}) == 3


def test_what_a_command_says_by_default_is_no_part_of_what_is_asked():
    said = revoke(amount=None, shortfall=Shortfall.OWE, effective_at=None, reference=None)

    assert fingerprint(said) == fingerprint(revoke())


@pytest.mark.parametrize(("command", "digest"), DIGESTS)
def test_a_fingerprint_stays_the_same_from_one_version_to_the_next(command, digest):
    assert fingerprint(command) == digest


@given(strategies.grants(ACME, NOW))
def test_a_fingerprint_fits_into_its_column(command):
    assert len(fingerprint(command)) == 32


# Needs --------------------------------------------------------------------------------------------------------------------


def needs(**rest):
    return Needs(
        ACME, keys=frozenset({"k"}), **{name: word if word is True else frozenset(word) for name, word in rest.items()}
    )


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        (grant(), needs(sources={"s"})),
        (Spend(account=ACME, key="k", amount=0), needs()),
        (Refund(account=ACME, key="k", spend=7), needs(entries={7})),
        (PlaceHold(account=ACME, key="k", amount=1, expires_in=HOUR), needs()),
        (Capture(account=ACME, key="k", hold=7), needs(holds={7})),
        (Release(account=ACME, key="k", hold=7), needs(holds={7})),
        (Convert(account=ACME, key="k", source="s"), needs(sources={"s", "convert:s"})),
        (Forfeit(account=ACME, key="k", source="s"), needs(sources={"s"})),
        (revoke(), needs(sources={"s", "convert:s", "rollover:s", "convert:rollover:s"})),
        (Restore(account=ACME, key="k", revocation=7), needs(entries={7}, repaid=True)),
        (Adjust(account=ACME, key="k", amount=5, reason="r", actor="a"), needs()),
        (Transfer(account=ACME, key="k", to=GLOBEX, amount=5), needs()),
        (EVERY_WORD[-1], needs(sources={"s"})),
        (Expire(account=ACME), Needs(ACME)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_command_says_what_must_be_known_to_decide_it(command, needed):
    assert Needs.of(command) == needed


def test_needs_of_several_commands_are_joined_by_account():
    tokens = AccountId("acme", "tokens")
    one = Needs(ACME, *(frozenset(names) for names in ("a", "s", (1,), (5,))))
    two = Needs(tokens, frozenset("b"))
    three = Needs(ACME, *(frozenset(names) for names in ("c", "t", (2,), (6,))))

    joined = Needs.joined([one, two, three])

    assert joined == {ACME: Needs(ACME, *map(frozenset, ("ac", "st", (1, 2), (5, 6)))), tokens: two}
    assert [*joined] == [ACME, tokens]


@pytest.mark.parametrize("word", ["repaid", "everything"])
@pytest.mark.parametrize(("one", "other"), [(True, False), (False, True), (True, True), (False, False)])
def test_what_either_asks_for_is_asked_for(word, one, other):
    asked = Needs(ACME, **{word: one}).and_also(Needs(ACME, **{word: other}))

    assert asked == Needs(ACME, **{word: one or other})


def test_no_needs_ask_for_no_account():
    assert Needs.joined([]) == {}


def test_a_transfer_needs_to_know_both_accounts():
    transfer = Transfer(account=ACME, key="k", to=GLOBEX, amount=5)

    assert needs_of([transfer]) == (needs(), Needs(GLOBEX))
    assert needs_of([]) == ()


# What was done before -----------------------------------------------------------------------------------------------------


def test_a_grant_was_effected_if_its_source_opened_a_lot():
    account = Account(ACME, lots=(lot("s"),))

    assert effected(account, grant(key="another", amount=7))
    assert not effected(account, grant(source="t"))


def test_a_command_was_effected_if_its_key_was_recorded():
    account = Account(ACME, recorded={"k": entry()})

    assert effected(account, Convert(account=ACME, key="k", source="s"))
    assert not effected(account, Convert(account=ACME, key="l", source="s"))


def test_a_grant_was_not_effected_by_another_command_under_its_key():
    account = Account(ACME, recorded={"payment:pi_1": entry(operation=Operation.SPEND)})

    assert not effected(account, grant(key="payment:pi_1", source="payment:pi_1"))


def test_a_conversion_was_effected_if_its_lot_was_opened_under_whatever_key():
    account = Account(ACME, lots=(lot("s"), lot("convert:t")))

    assert not effected(account, Convert(account=ACME, key="k", source="s"))
    assert effected(account, Convert(account=ACME, key="k", source="t"))


@pytest.mark.parametrize("command", EVERY_WORD[2:], ids=lambda command: type(command).__name__)
def test_every_other_command_was_effected_if_its_key_was_recorded(command):
    assert effected(Account(ACME, recorded={"k": entry()}), command)
    assert not effected(Account(ACME, recorded={"l": entry()}), command)


@pytest.mark.parametrize(
    "named",
    [
        {"sources": frozenset({"s"})},
        {"holds": frozenset({2})},
        {"entries": frozenset({2})},
        {"repaid": True},
        {"everything": True},
    ],
)
def test_whoever_names_more_than_keys_has_to_be_asked_more(named):
    assert Needs(ACME, **named).beyond_keys
    assert not Needs(ACME, keys=frozenset({"k"})).beyond_keys


@pytest.mark.parametrize("minor", [MAX_AMOUNT, -MAX_AMOUNT])
def test_the_largest_amount_of_money_is_one(minor):
    command = Grant(account=AccountId("acme"), key="k", amount=1, kind=LotKind.PAYG, source="s", cost=Money(minor, "usd"))

    assert command.cost.amount_minor == minor
