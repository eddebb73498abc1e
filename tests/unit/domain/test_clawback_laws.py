"""The laws of credits that go back and come back: what is undone is as if it had never happened."""

import attrs
from histories import ACME, HOUR, START, after, histories, presents, ran
from hypothesis import assume, given
from hypothesis import strategies as st

from billing_core.domain.credits import (
    Account,
    Book,
    Grant,
    Operation,
    PlaceHold,
    Refund,
    Release,
    Restore,
    Revoke,
    Shortfall,
    Spend,
    balance_at,
)

shortfalls = st.sampled_from(Shortfall)
amounts = st.integers(1, 9)


def stand(account):
    """Return what stands in the books and in the figures of each lot, whatever its number."""
    return account.books, {lot.source: attrs.evolve(lot, number=0) for lot in account.lots}


def spend(amount, key="spend"):
    return Spend(account=ACME, key=key, amount=amount)


def grant(amount, name="new", **rest):
    return Grant(account=ACME, key=name, source=name, amount=amount, **rest)


def refund(spend, amount=None, key="refund"):
    return Refund(account=ACME, key=key, spend=spend, amount=amount)


def revoke(source, shortfall=Shortfall.OWE, **rest):
    return Revoke(**{"account": ACME, "key": f"revoke-{source}", "source": source, "shortfall": shortfall, **rest})


def restore(revocation):
    return Restore(account=ACME, key=f"restore-{revocation}", revocation=revocation)


def revocable(account):
    """Return the sources of which something can be clawed back."""
    revoked = {lot.source: lot.revoked for lot in account.lots}
    return [lot.source for lot in account.lots if lot.amount > lot.revoked + revoked.get(f"convert:{lot.source}", 0)]


def revoking(present, place, shortfall):
    """Return an account, the moment, and the account after something was clawed back, which is its last entry."""
    account, now = present
    sources = revocable(account)
    return account, now, after(account, now, revoke(sources[place % len(sources)], shortfall, key="revoke"))


def spending(present, place):
    """Return an account, the moment, and how much of what it has is to be spent."""
    account, now = present
    return account, now, 1 + place % account.books.available


revocations = st.builds(revoking, presents.filter(lambda present: revocable(present[0])), st.integers(0, 9), shortfalls)
spends = st.builds(spending, presents.filter(lambda present: present[0].books.available), st.integers(0, 30))


# As if nothing had happened -----------------------------------------------------------------------------------------------


@given(spends)
def test_a_spend_that_is_refunded_at_once_leaves_everything_as_it_was(spending):
    account, now, amount = spending
    assume(not account.owes)

    spent = after(account, now, spend(amount))

    assert stand(after(spent, now, refund(spent.version))) == stand(account)


@given(spends)
def test_what_comes_back_is_available_or_repays(spending):
    account, now, amount = spending
    held = after(account, now, PlaceHold(account=ACME, key="hold", amount=amount, expires_in=HOUR))
    spent = after(account, now, spend(amount))

    released = after(held, now, Release(account=ACME, key="release", hold=held.version))
    refunded = after(spent, now, refund(spent.version))

    assert stand(released) == stand(refunded)
    assert refunded.books.available - refunded.owes == account.books.available - account.owes


def used_and_clawed_back(account):
    """Tell whether any lot was clawed back after use: what it repays later makes up for its own debt first."""
    return any(lot.owed < 0 for lot in account.lots)


@given(revocations)
def test_a_revocation_that_is_undone_at_once_leaves_everything_as_it_was(revocation):
    account, now, revoked = revocation
    assume(not used_and_clawed_back(account))

    assert stand(after(revoked, now, restore(revoked.version))) == stand(account)


@given(revocations)
def test_a_revocation_that_is_undone_at_once_leaves_no_debt_and_loses_no_credit(revocation):
    account, now, revoked = revocation

    restored = after(revoked, now, restore(revoked.version)).books

    assert attrs.evolve(restored, available=0, expired=restored.available + restored.expired) == attrs.evolve(
        account.books, available=0, expired=account.books.available + account.books.expired
    )


@given(presents, shortfalls, amounts, st.booleans())
def test_a_grant_that_is_clawed_back_untouched_was_never_made(present, shortfall, amount, later):
    account, now = present
    assume(shortfall is Shortfall.OWE or not account.owes)  # or it is used at once, to repay
    begins = now + HOUR if later else None

    books, lots = stand(after(account, now, grant(amount, starts_at=begins), revoke("new", shortfall)))

    before, others = stand(account)
    assert books == attrs.evolve(before, issued=before.issued - amount, revoked=before.revoked + amount)
    new = lots.pop("new")
    assert (lots, new.revoked, new.open, new.expired, new.owed) == (others, amount, False, 0, 0)


@given(spends, shortfalls, st.integers(1, 9))
def test_a_grant_of_which_nothing_was_spent_can_be_clawed_back_as_if_it_had_not_been_there(spending, shortfall, more):
    account, now, amount = spending
    assume(not account.owes)
    last = grant(more, priority=2**15 - 1)

    with_it = after(account, now, last, spend(amount), revoke("new", shortfall))
    without = after(account, now, spend(amount))

    assert with_it.books.available == without.books.available
    assert {name: lot for name, lot in stand(with_it)[1].items() if name != "new"} == stand(without)[1]


@given(revocations, st.lists(st.tuples(st.integers(0, 9), amounts), max_size=4))
def test_grants_that_repaid_what_was_owed_are_as_if_nothing_had_been(revocation, grants):
    untouched, now, revoked = revocation
    assume(not used_and_clawed_back(untouched))
    undo = restore(revoked.version)
    for place, (pause, amount) in enumerate(grants):
        now += pause * HOUR
        more = grant(amount, f"new-{place}", expires_at=now + amount * HOUR if amount % 2 else None)
        revoked, untouched = after(revoked, now, more), after(untouched, now, more)

    one, other = balance_at(after(revoked, now, undo), now), balance_at(untouched, now)

    assert (one.available, one.held, one.scheduled, one.owed) == (other.available, other.held, other.scheduled, other.owed)


@given(st.lists(amounts, min_size=1, max_size=5), st.integers(0, 40), st.data())
def test_however_many_debts_there_are_undoing_all_of_them_leaves_none(granted, spent, data):
    names = [f"lot-{place}" for place in range(len(granted))]
    lots = [grant(amount, name) for name, amount in zip(names, granted, strict=True)]
    untouched = account = after(Account(ACME), START, *lots, spend(min(spent, sum(granted))))
    numbers = []
    for name in data.draw(st.permutations(names)):
        more = grant(data.draw(amounts), f"more-{name}")
        account = after(account, START, revoke(name, data.draw(shortfalls)))
        numbers.append(account.version)
        account, untouched = after(account, START, more), after(untouched, START, more)

    restored = after(account, START, *map(restore, data.draw(st.permutations(numbers))))

    assert stand(restored) == stand(untouched)


@given(revocations, amounts)
def test_what_is_owed_is_repaid_and_not_more(revocation, amount):
    _, now, revoked = revocation

    granted = after(revoked, now, grant(amount))

    assert granted.owes == max(revoked.owes - amount, 0)
    assert granted.books.available == revoked.books.available + max(amount - revoked.owes, 0)


# Refunds ------------------------------------------------------------------------------------------------------------------


@given(histories)
def test_refunds_go_back_along_their_spend_and_no_further(history):
    account = ran(history)

    for spent in (one for one in account.related if one.operation in {Operation.SPEND, Operation.CAPTURE}):
        consumed = [one.lot for one in spent.movements if one.target is Book.CONSUMED for _ in range(one.amount)]
        refunds = [one for entry in account.following(spent.seq, Operation.REFUND) for one in entry.movements]
        back = [one.lot for one in refunds if one.source is Book.CONSUMED for _ in range(one.amount)]
        assert back == consumed[::-1][: len(back)]


@given(spends, st.data())
def test_how_a_refund_is_divided_makes_no_difference(spending, data):
    account, now, amount = spending
    part, whole = sorted([data.draw(st.integers(1, amount)), data.draw(st.integers(1, amount))])
    spent = after(account, now, spend(amount))
    rest = [refund(spent.version, whole - part, "rest")] if whole > part else []

    divided = after(spent, now, refund(spent.version, part), *rest)

    assert stand(divided) == stand(after(spent, now, refund(spent.version, whole)))


@given(spends, st.integers(0, 30))
def test_a_refund_gives_back_all_but_what_expired_meanwhile_and_with_grace_even_that(spending, pause):
    account, now, amount = spending
    assume(not account.owes)
    spent = after(account, now, spend(amount))
    then, back = now + pause * HOUR, refund(spent.version)

    refunded = after(spent, then, back)
    graced = after(spent, then, attrs.evolve(back, grace=HOUR))

    assert balance_at(refunded, then).available == balance_at(account, then).available
    assert balance_at(graced, then).available == balance_at(spent, then).available + amount
