"""The values of the ledger: they refuse nonsense when they are made."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from itertools import permutations

import attrs
import pytest
from hypothesis import given

from billing_core.domain.credits import (
    FLOWS,
    MAX_AMOUNT,
    PRIORITIES,
    Account,
    AccountId,
    Book,
    Books,
    Convert,
    Entry,
    Expire,
    Grant,
    Lot,
    LotKind,
    Movement,
    Needs,
    Operation,
    Spend,
    burn_order,
    effected,
    evolve,
    fingerprint,
)
from billing_core.domain.money import Money
from billing_core.errors import Invalid
from billing_core.testing import strategies

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACME = AccountId("acme")
BAD_TEXTS = ["", " ", " padded", "padded ", "two\nlines", "nul\0", "x" * 256, 5, None, b"bytes"]


def grant(**rest):
    return Grant(**{"account": ACME, "key": "k", "source": "s", "amount": 5, **rest})


def lot(number=1, **rest):
    terms = {
        "kind": LotKind.PAYG,
        "priority": 30,
        "amount": 5,
        "effective_at": NOW,
        "expires_at": None,
        "source": f"s{number}",
    }
    return Lot(**{"number": number, **terms, **rest})


# Names --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_a_name_is_short_printable_text_without_blanks_around_it(name):
    with pytest.raises(Invalid, match="owner"):
        AccountId(name)
    with pytest.raises(Invalid, match="unit"):
        AccountId("acme", name)
    with pytest.raises(Invalid, match="key"):
        Spend(account=ACME, key=name, amount=1)


@pytest.mark.parametrize("name", [*(name for name in BAD_TEXTS if name != "x" * 256), "x" * 511])
def test_a_source_may_be_twice_as_long_for_it_may_be_made_of_a_name(name):
    assert grant(source="x" * 510).source == "x" * 510
    with pytest.raises(Invalid, match="source"):
        grant(source=name)
    with pytest.raises(Invalid, match="source"):
        Convert(account=ACME, key="k", source=name)


@pytest.mark.parametrize("field", ["reference", "reason", "actor"])
def test_what_is_said_about_a_command_is_text_or_absent(field):
    assert getattr(grant(**{field: None}), field) is None
    with pytest.raises(Invalid, match=field):
        grant(**{field: ""})


@pytest.mark.parametrize(("account", "text"), [(ACME, "acme"), (AccountId("acme", "tokens"), "acme/tokens")])
def test_an_account_is_written_with_its_unit_unless_it_is_the_usual_one(account, text):
    assert str(account) == text


# Amounts and times --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [0, -1, MAX_AMOUNT + 1, 1.0, True, "1", None])
def test_a_grant_is_a_whole_positive_amount(amount):
    with pytest.raises(Invalid, match="amount must be"):
        grant(amount=amount)


@pytest.mark.parametrize("amount", [-1, MAX_AMOUNT + 1, 1.0, False, "1", None])
def test_a_spend_is_a_whole_amount(amount):
    with pytest.raises(Invalid, match="amount must be"):
        Spend(account=ACME, key="k", amount=amount)


def test_a_spend_may_be_of_nothing():
    assert Spend(account=ACME, key="k", amount=0).amount == 0


@pytest.mark.parametrize("amount", [0, -1])
def test_a_movement_is_a_positive_amount(amount):
    with pytest.raises(Invalid, match="amount must be between 1"):
        Movement(1, Book.ISSUED, Book.AVAILABLE, amount)


@pytest.mark.parametrize("field", ["effective_at", "expires_at"])
def test_naive_times_are_refused(field):
    with pytest.raises(Invalid, match="must be aware"):
        grant(**{field: datetime(2026, 1, 1)})  # noqa: DTZ001 - the refusal is the claim


@pytest.mark.parametrize(
    "nonsense", [{"priority": 1.5}, {"priority": "first"}, {"priority": -1}, {"priority": 2**15}, {"cost": 900}]
)
def test_other_terms_are_of_their_own_type(nonsense):
    with pytest.raises(Invalid):
        grant(**nonsense)


def test_a_kind_is_one_of_the_known_ones():
    with pytest.raises(Invalid, match="kind"):
        grant(kind="gift")


# Books and lots -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "books",
    [
        {"issued": -1},
        {"available": 1},
        {"issued": 1, "available": -1},
        {"available": 1, "held": -1},
        {"issued": -3, "held": 2},
    ],
)
def test_books_that_do_not_balance_cannot_exist(books):
    with pytest.raises(Invalid, match="books must sum to zero"):
        Books(**books)


def test_books_may_stand_anywhere_as_long_as_they_sum_to_zero():
    books = Books(issued=-15, available=1, held=2, consumed=3, expired=4, revoked=5)

    assert sum(attrs.astuple(books)) == 0


@pytest.mark.parametrize(
    ("left", "is_open"), [({}, False), ({"remaining": 1}, True), ({"held": 1}, True), ({"expired": 1}, False)]
)
def test_a_lot_is_open_while_anything_of_it_can_move(left, is_open):
    assert lot(**left).open is is_open


def test_a_lot_is_due_from_the_very_moment_of_its_expiry():
    expiring = lot(expires_at=NOW)

    assert expiring.due(NOW)
    assert not expiring.due(NOW - timedelta(microseconds=1))
    assert not lot().due(NOW)


def test_lots_burn_by_priority_then_expiry_then_age_then_number():
    soon, late = NOW + timedelta(days=1), NOW + timedelta(days=2)
    ordered = [
        lot(9, priority=10),
        lot(8, priority=20, expires_at=soon),
        lot(7, priority=20, expires_at=late),
        lot(6, priority=20, effective_at=NOW - timedelta(days=1)),
        lot(4, priority=20),
        lot(5, priority=20),
    ]

    assert sorted((ordered[place] for place in (3, 0, 5, 1, 4, 2)), key=burn_order) == ordered


def test_what_would_be_lost_soonest_burns_first():
    assert sorted(LotKind, key=PRIORITIES.__getitem__)[:2] == [LotKind.PROMOTIONAL, LotKind.SUBSCRIPTION]
    assert set(PRIORITIES) == set(LotKind)


def test_every_operation_has_its_own_flows_and_none_goes_in_a_circle():
    assert set(FLOWS) == set(Operation)
    assert not [flow for flows in FLOWS.values() for flow in flows if flow[0] is flow[1]]


def test_an_account_knows_when_the_next_lot_with_something_left_expires():
    soon, late = NOW + timedelta(days=1), NOW + timedelta(days=2)
    lots = (lot(1, expires_at=soon), lot(2, expires_at=late, remaining=1), lot(3, remaining=1))

    assert Account(ACME, lots=lots).next_due_at == late
    assert Account(ACME).next_due_at is None


# Entries ------------------------------------------------------------------------------------------------------------------


def entry(*movements, seq=1, opened=None, operation=Operation.GRANT, after=0):
    return Entry(seq, operation, movements, after, 0, NOW, NOW, opened=opened)


def spent(amount, seq=2, after=0):
    return entry(Movement(1, Book.AVAILABLE, Book.CONSUMED, amount), seq=seq, operation=Operation.SPEND, after=after)


def granted():
    return evolve(Account(ACME), entry(Movement(1, Book.ISSUED, Book.AVAILABLE, 5), opened=lot(), after=5))


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("flow", [*permutations(Book, 2)])
def test_an_operation_makes_only_the_movements_that_belong_to_it(operation, flow):
    made = []

    with suppress(Invalid):
        made.append(entry(Movement(1, *flow, 1), operation=operation))

    assert bool(made) is (flow in FLOWS[operation])


@pytest.mark.parametrize("seq", [0, 2, -1])
def test_entries_are_numbered_without_gaps(seq):
    with pytest.raises(Invalid, match=f"seq must be 1, not {seq}"):
        evolve(Account(ACME), entry(seq=seq))


def test_an_entry_cannot_take_more_from_a_lot_than_is_there():
    more = entry(Movement(2, Book.ISSUED, Book.AVAILABLE, 5), seq=2, opened=lot(2), after=10)

    with pytest.raises(Invalid, match="movement takes more from lot 1 than is remaining"):
        evolve(evolve(granted(), more), spent(6, seq=3, after=4))


def test_an_entry_cannot_take_more_from_a_book_than_stands_in_it():
    torn = attrs.evolve(granted(), books=Books())

    with pytest.raises(Invalid, match="books must sum to zero"):
        evolve(torn, spent(5))


def test_movements_change_the_books_and_the_figures_of_the_lot():
    account = evolve(granted(), spent(2, after=3))

    expired = entry(Movement(1, Book.AVAILABLE, Book.EXPIRED, 3), seq=3, operation=Operation.EXPIRE)
    account = evolve(account, expired)

    assert account.books == Books(issued=-5, consumed=2, expired=3)
    assert account.lots == (lot(expired=3),)


def test_an_entry_tells_the_balance_that_it_leaves():
    with pytest.raises(Invalid, match="entry 2 tells another balance than it leaves"):
        evolve(granted(), spent(2, after=4))


def test_an_entry_moves_only_lots_that_are_there():
    with pytest.raises(Invalid, match="movement is on lot 7"):
        evolve(granted(), entry(Movement(7, Book.AVAILABLE, Book.CONSUMED, 1), seq=2, operation=Operation.SPEND, after=4))


def test_a_lot_is_found_by_its_source():
    account = evolve(Account(ACME), entry(opened=lot()))

    assert account.lot_from("s1") == lot()
    assert account.lot_from("s2") is None


# Fingerprints and needs ---------------------------------------------------------------------------------------------------


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
        {"cost": Money(5, "usd")},
        {"reference": "r"},
        {"reason": "r"},
        {"actor": "r"},
    ],
)
def test_every_other_word_changes_the_fingerprint(other):
    assert fingerprint(grant(**other)) != fingerprint(grant())


def test_two_kinds_of_command_never_share_a_fingerprint():
    spend = Spend(account=ACME, key="k", amount=5)
    convert = Convert(account=ACME, key="k", source="s")

    assert len({fingerprint(one) for one in (grant(), spend, convert)}) == 3


def test_a_fingerprint_stays_the_same_from_one_version_to_the_next():
    command = Spend(account=AccountId("acme"), key="job-1", amount=5)

    assert fingerprint(command) == "26a882ee6307e38a564f985442cf7618"


@given(strategies.grants(ACME, NOW))
def test_a_fingerprint_fits_into_its_column(command):
    assert len(fingerprint(command)) == 32


@pytest.mark.parametrize(
    ("command", "keys", "sources"),
    [
        (grant(), {"k"}, {"s"}),
        (Spend(account=ACME, key="k", amount=0), {"k"}, set()),
        (Convert(account=ACME, key="k", source="s"), {"k"}, {"s", "convert:s"}),
        (Expire(account=ACME), set(), set()),
    ],
)
def test_a_command_says_which_keys_and_sources_it_needs_to_know(command, keys, sources):
    assert Needs.of(command) == Needs(ACME, frozenset(keys), frozenset(sources))


def test_needs_of_several_commands_are_joined_by_account():
    tokens = AccountId("acme", "tokens")
    one, two, three = Needs(ACME, {"a"}, {"s"}), Needs(tokens, {"b"}), Needs(ACME, {"c"}, {"t"})

    assert Needs.joined([one, two, three]) == {ACME: Needs(ACME, {"a", "c"}, {"s", "t"}), tokens: two}


# What was done before -----------------------------------------------------------------------------------------------------


def test_a_grant_was_effected_if_its_source_opened_a_lot():
    account = Account(ACME, lots=(lot(source="s"),))

    assert effected(account, grant(key="another", amount=7))
    assert not effected(account, grant(source="t"))


def test_a_command_was_effected_if_its_key_was_recorded():
    account = Account(ACME, recorded={"k": entry()})

    assert effected(account, Convert(account=ACME, key="k", source="s"))
    assert not effected(account, Convert(account=ACME, key="l", source="s"))


def test_a_grant_was_not_effected_by_another_command_under_its_key():
    account = Account(ACME, recorded={"payment:pi_1": entry(operation=Operation.SPEND)})

    assert not effected(account, grant(key="payment:pi_1", source="payment:pi_1"))
