"""Credits, as an application grants, spends and reads them."""

from datetime import timedelta

import pytest

from billing_core.domain.credits import LotKind, Operation
from billing_core.domain.money import Money
from billing_core.errors import AlreadyGranted, Conflict, InsufficientCredits, Invalid, KeyReused, UnknownAccount


@pytest.fixture
def credits_(shop):
    return shop.billing.credits


# Granting -----------------------------------------------------------------------------------------------------------------


def test_a_grant_answers_with_its_entry(credits_, shop):
    cost = Money(900, "usd")

    entry = credits_.grant(
        "acme", 5, key="k", source="order:1", cost=cost, expires_at=shop.day(9), reference="r", reason="why", actor="ann"
    )

    assert (entry.seq, entry.operation, entry.amount, entry.available_after) == (1, Operation.GRANT, 5, 5)
    assert (entry.key, entry.reference, entry.reason, entry.actor) == ("k", "r", "why", "ann")
    assert (entry.opened.source, entry.opened.cost, entry.opened.expires_at) == ("order:1", cost, shop.day(9))


@pytest.mark.parametrize("kind", LotKind)
def test_credits_of_every_kind_can_be_granted(credits_, shop, kind):
    credits_.grant("acme", 5, kind=kind)

    assert shop.balance() == {kind.value: 5}


def test_what_is_given_without_a_word_is_promotional(credits_, shop):
    credits_.grant("acme", 5)

    assert shop.balance() == {"promotional": 5}


def test_without_a_key_every_grant_is_a_new_one(credits_, shop):
    credits_.grant("acme", 5)
    credits_.grant("acme", 5)

    assert shop.balance() == {"promotional": 10}


def test_with_a_key_a_grant_happens_once(credits_, shop):
    first = credits_.grant("acme", 5, key="k")
    shop.clock.advance(timedelta(days=9))

    assert credits_.grant("acme", 5, key="k") == first
    assert shop.balance() == {"promotional": 5}


def test_a_source_grants_once_under_whatever_key(credits_):
    credits_.grant("acme", 5, source="order:1")

    with pytest.raises(AlreadyGranted):
        credits_.grant("acme", 5, source="order:1")


@pytest.mark.parametrize("bad", [{"amount": 0}, {"amount": 1.5}, {"account": ""}, {"unit": ""}, {"key": " padded"}])
def test_an_argument_that_cannot_be_is_refused(credits_, bad):
    with pytest.raises(Invalid):
        credits_.grant(**{"account": "acme", "amount": 5, **bad})


def test_every_key_that_can_spend_can_grant(credits_):
    key = "k" * 255
    credits_.spend("acme", 0, key=key)

    assert credits_.grant("globex", 5, key=key).amount == 5


# Spending -----------------------------------------------------------------------------------------------------------------


def test_a_spend_answers_with_its_entry(credits_):
    credits_.grant("acme", 5)

    entry = credits_.spend("acme", 3, key="k", reference="job:1", reason="render", actor="ann")

    assert (entry.operation, entry.amount, entry.change, entry.available_after) == (Operation.SPEND, 3, -3, 2)
    assert (entry.key, entry.reference, entry.reason, entry.actor) == ("k", "job:1", "render", "ann")


def test_the_same_key_spends_once(credits_, shop):
    credits_.grant("acme", 5)

    assert credits_.spend("acme", 3, key="k") == credits_.spend("acme", 3, key="k")
    assert shop.balance() == {"promotional": 2}


def test_without_a_key_every_spend_is_a_new_one(credits_, shop):
    credits_.grant("acme", 5)
    credits_.spend("acme", 1)
    credits_.spend("acme", 1)

    assert shop.balance() == {"promotional": 3}


def test_another_command_under_the_same_key_is_refused(credits_):
    credits_.grant("acme", 5)
    credits_.spend("acme", 3, key="k")

    with pytest.raises(KeyReused):
        credits_.spend("acme", 2, key="k")


def test_the_same_key_on_another_account_is_another_key(credits_):
    credits_.grant("acme", 5, key="k")

    assert credits_.grant("globex", 7, key="k").amount == 7


def test_a_refused_spend_takes_nothing_and_uses_up_no_key(credits_, shop):
    credits_.grant("acme", 5)
    with pytest.raises(InsufficientCredits):
        credits_.spend("acme", 6, key="k")
    credits_.grant("acme", 5)

    assert credits_.spend("acme", 6, key="k").available_after == 4
    assert shop.ledger().version == 3


def test_an_account_without_credits_can_do_what_costs_nothing(credits_):
    assert credits_.spend("acme", 0).seq == 1


def test_units_are_accounts_of_their_own(credits_):
    credits_.grant("acme", 5, unit="tokens")

    with pytest.raises(InsufficientCredits):
        credits_.spend("acme", 1)
    assert credits_.spend("acme", 1, unit="tokens").available_after == 4


# Reading ------------------------------------------------------------------------------------------------------------------


def test_the_balance_of_an_account_that_nobody_knows_is_nothing(credits_, shop):
    balance = credits_.balance("acme")

    assert (balance.available, balance.held, balance.version, balance.as_of) == (0, 0, 0, shop.clock.now())


def test_a_balance_is_right_although_nobody_wrote_down_what_fell_due(credits_, shop):
    credits_.grant("acme", 5, expires_at=shop.day(2))
    shop.clock.set(shop.day(2))

    assert credits_.balance("acme").available == 0
    assert shop.ledger().books.available == 5


def test_what_fell_due_can_be_written_down(credits_, shop):
    credits_.grant("acme", 5, expires_at=shop.day(2))
    shop.clock.set(shop.day(2))

    assert credits_.expire("acme").available == 0
    assert shop.ledger().books.expired == 5
    assert credits_.expire("acme").version == 2


def test_a_statement_has_the_latest_entries_first(credits_):
    for amount in (1, 2, 3):
        credits_.grant("acme", amount)

    statement = credits_.statement("acme")

    assert [one.amount for one in statement.entries] == [3, 2, 1]
    assert (str(statement.account), statement.next_before) == ("acme", None)


def test_a_statement_is_read_page_by_page(credits_):
    for amount in range(1, 6):
        credits_.grant("acme", amount)
    pages, before = [], None

    while not pages or before:
        page = credits_.statement("acme", limit=2, before=before)
        pages.append([one.seq for one in page.entries])
        before = page.next_before

    assert pages == [[5, 4], [3, 2], [1]]


def test_a_page_that_ends_with_the_first_entry_is_the_last(credits_):
    credits_.grant("acme", 1)
    credits_.grant("acme", 1)

    assert credits_.statement("acme", limit=2).next_before is None


def test_before_the_first_entry_there_is_nothing(credits_):
    credits_.grant("acme", 1)

    assert credits_.statement("acme", before=1).entries == ()


def test_an_account_that_nobody_knows_has_no_statement(credits_):
    with pytest.raises(UnknownAccount) as refusal:
        credits_.statement("acme")

    assert refusal.value.account == "acme"


@pytest.mark.parametrize("limit", [0, -1, 1001, 1.5, True, None])
def test_a_page_has_between_1_and_1000_entries(credits_, limit):
    with pytest.raises(Invalid, match="limit must be"):
        credits_.statement("acme", limit=limit)


# Races --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [1, 9])
def test_a_lost_race_is_decided_again(credits_, shop, lost):
    credits_.grant("acme", 5)
    shop.store.failures += [Conflict("account acme")] * lost

    assert credits_.spend("acme", 3).available_after == 2


def test_what_somebody_else_spent_meanwhile_is_seen(credits_, shop):
    credits_.grant("acme", 5)
    shop.store.failures += [Conflict("account acme")]
    shop.store.meanwhile += [None, lambda: credits_.spend("acme", 4)]

    with pytest.raises(InsufficientCredits):
        credits_.spend("acme", 3)


def test_a_race_that_is_lost_every_time_is_the_callers_to_know(credits_, shop):
    shop.store.failures += [Conflict("account acme")] * 10

    with pytest.raises(Conflict, match="account acme was changed by somebody else"):
        credits_.grant("acme", 5)
    assert shop.balance() == {}


def test_a_source_of_a_conversion_is_not_for_granting_by_hand(shop):
    with pytest.raises(Invalid, match="source must not begin with convert:"):
        shop.billing.credits.grant("acme", 5, source="convert:invoice:in_1:line:il_1")


def test_an_empty_source_is_refused(shop):
    with pytest.raises(Invalid, match="source must not be empty"):
        shop.billing.credits.grant("acme", 5, source="")


def test_a_page_begins_at_a_whole_number(shop):
    with pytest.raises(Invalid, match="before must be a whole number"):
        shop.billing.credits.statement("acme", before=1.5)
