"""The testing kit notices broken stores: each is broken on purpose here, beside the contract that must say so."""
# ruff: noqa: SLF001 - to break a thing is to reach inside

import inspect
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta

import attrs
import pytest
from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from billing_adapters.memory import MemoryStore, ledger, store
from billing_adapters.memory.cursors import MemoryCursors
from billing_adapters.memory.inbox import MemoryInbox
from billing_adapters.memory.intents import MemoryIntents
from billing_adapters.memory.ledger import MemoryLedger
from billing_adapters.memory.mirrors import MemoryDisputes, MemoryListed, MemoryMirror, MemoryProducts, MemoryRefunds
from billing_adapters.memory.outbox import MemoryOutbox
from billing_adapters.memory.payments import MemoryPayments
from billing_adapters.memory.tables import Table
from billing_adapters.memory.topups import MemoryTopUps
from billing_core.domain.credits import Lot, decisions, holdings, slices
from billing_core.domain.orders import CreateCustomer
from billing_core.errors import BillingError, Conflict, HoldClosed
from billing_core.testing.contracts import StoreContract
from billing_core.testing.contracts.crowds import threads
from billing_core.testing.examples import a_capture, a_product, a_snapshot
from billing_core.testing.machines import ledger_machine

# Ways to break a store ----------------------------------------------------------------------------------------------------


def replaced(owner, name, other):
    """Return a way to break something: put another thing in its place."""
    return lambda patch: patch.setattr(owner, name, other)


def answering(owner, name, spoil):
    """Return a way to break a method: spoil what it answers."""
    honest = getattr(owner, name)
    return replaced(owner, name, lambda self, *given, **rest: spoil(honest(self, *given, **rest)))


def given(owner, name, spoil):
    """Return a way to break a method: spoil the first thing that it is given."""
    honest = getattr(owner, name)
    return replaced(owner, name, lambda self, first, *others, **rest: honest(self, spoil(first), *others, **rest))


def snapshots_given(**spoils):
    """Return a way to break the mirrors: spoil fields of what they copy."""
    return given(MemoryMirror, "put", lambda one: attrs.evolve(one, value=spoiled(one.value, spoils)))


def entries_given(**spoils):
    """Return a way to break the ledger: spoil fields of the entries that are recorded."""

    def spoil(change):
        return attrs.evolve(change, entries=tuple(spoiled(entry, spoils) for entry in change.entries))

    return given(MemoryLedger, "record", lambda changes: map(spoil, changes))


def accounts_loaded(**spoils):
    """Return a way to break the ledger: spoil fields of the accounts that are loaded."""
    return answering(MemoryLedger, "load", lambda found: {name: spoiled(one, spoils) for name, one in found.items()})


def spoiled(value, spoils):
    return attrs.evolve(value, **{name: spoil(getattr(value, name)) for name, spoil in spoils.items()})


def blind_for(**ignored):
    """Return a way to break the ledger: let it overlook something that is there when a change comes."""
    honest = ledger._fits
    return replaced(ledger, "_fits", lambda kept, change: honest(attrs.evolve(kept, **ignored), change))


def at_any_version():
    honest = ledger._fits
    return replaced(
        ledger, "_fits", lambda kept, change: honest(attrs.evolve(kept, version=change.expected_version), change)
    )


def whole_seconds(moment):
    return moment and moment.replace(microsecond=0)


@contextmanager
def begin_and_commit(store, _honest=MemoryStore.begin):
    with _honest(store) as unit:
        yield unit
        unit.commit()


def forgiving_guard(table, what, *, passes, _honest=Table.guard):
    life, table._life = table._life, store.Life()
    try:
        _honest(table, what, passes=passes)
    finally:
        table._life = life


def forgiving_refusal(table, why):
    del table
    raise why


def forgetful_refusal(table, why):
    table._life.end(Conflict("it"))
    raise why


def in_the_open(table):
    """Write where everybody sees it at once, and nobody takes it back."""
    table._life.check()
    return table._rows


def several(*breaks):
    """Return a way to break several things."""

    def break_all(patch):
        for one in breaks:
            one(patch)

    return break_all


def remembered(patch):
    """Let the ledger answer from memory once it has seen an account, whatever was written since."""
    seen = {}
    answering(MemoryLedger, "load", lambda found: {name: seen.setdefault(name, one) for name, one in found.items()})(patch)


def loading(choose):
    """Return a way to break the ledger: let it choose other lots to load, by their numbers."""

    def loaded(kept, needs, _honest=ledger._loaded):
        return attrs.evolve(_honest(kept, needs), lots=tuple(kept.lots[number] for number in sorted(choose(kept, needs))))

    return replaced(ledger, "_loaded", loaded)


def needing(spoil):
    """Return a way to break the ledger: let it understand something else than it is asked."""
    honest = ledger._loaded
    return replaced(ledger, "_loaded", lambda kept, needs: honest(kept, spoil(needs)))


def opened(kept):
    return {lot.number for lot in kept.lots.values() if lot.open}


def named(kept, needs):
    """Return the lots that are asked for, but by the numbers of entries."""
    sources = {kept.sources[source] for source in needs.sources if source in kept.sources}
    return sources | {number for number, lot in kept.lots.items() if ledger._asked(lot, needs)}


def moved(kept, needs):
    """Return the lots on which the entries that are named moved something, or those that follow them up."""
    related = [entry for entry in kept.entries if {entry.seq, entry.of} & needs.entries]
    return {one.lot for entry in related for one in entry.movements}


def lots_kept(**spoils):
    """Return a way to break the ledger: spoil figures of the lots as they are written."""

    def after(kept, change, _honest=ledger._after):
        written = _honest(kept, change)
        return attrs.evolve(written, lots={number: spoiled(lot, spoils) for number, lot in written.lots.items()})

    return replaced(ledger, "_after", after)


def everybody_gets_what_anybody_needs(ledger, needs, *, lock=False, _honest=MemoryLedger.load):
    asked = [*needs]
    shared = [attrs.evolve(one, account=to.account) for one in asked for to in asked]
    return _honest(ledger, shared, lock=lock)


def created_by_the_lock(ledger_, needs, *, lock=False, _honest=MemoryLedger.load):
    asked = [*needs]
    for one in asked if lock else ():
        if one.account not in ledger_._accounts.rows:
            ledger_._accounts.put(one.account, ledger.Ledgered())
    return _honest(ledger_, asked, lock=lock)


def only_the_first(ledger, changes, _honest=MemoryLedger.record):
    return _honest(ledger, [*changes][:1])


def unguarded_after_the_first(ledger_, changes, _honest=MemoryLedger.record):
    first, *others = changes
    _honest(ledger_, [first])
    for one in others:
        kept = ledger_._accounts.rows.get(one.account.id, ledger._EMPTY)
        ledger_._accounts.put(one.account.id, ledger._after(kept, one))


def always_from_the_beginning(ledger, account, *, after=0, limit=1000, _honest=MemoryLedger.journal):
    del after
    return _honest(ledger, account, limit=limit)


def from_the_last_one_on(ledger, account, *, after=0, limit=1000, _honest=MemoryLedger.journal):
    return _honest(ledger, account, after=after - 1, limit=limit)


def as_they_came(ledger, *, after=None, limit=1000):
    return [one for one in ledger._accounts.rows if after is None or one > after][:limit]


def by_letter(ledger, *, after=None, limit=1000, _honest=MemoryLedger.accounts):
    return sorted(_honest(ledger, after=after, limit=limit), key=lambda one: (one.owner.lower(), one.owner, one.unit))


def with_the_last_one(ledger, *, after=None, limit=1000):
    return sorted(one for one in ledger._accounts.rows if after is None or one >= after)[:limit]


def from_the_beginning(ledger, *, after=None, limit=1000, _honest=MemoryLedger.accounts):
    del after
    return _honest(ledger, limit=limit)


def due_as_they_came(ledger, now, limit=1000):
    due = [(kept.next_due_at, account) for account, kept in ledger._accounts.rows.items() if kept.next_due_at]
    return [account for due_at, account in sorted(due, key=lambda one: one[0]) if due_at <= now][:limit]


def later_than_due(ledger, now, limit=1000, _honest=MemoryLedger.due):
    return _honest(ledger, now - timedelta(microseconds=1), limit)


def due_once_and_for_all(kept, change, _honest=ledger._after):
    after = _honest(kept, change)
    return attrs.evolve(after, next_due_at=kept.next_due_at or after.next_due_at)


def twice_if_found_twice(found, needs):
    """Load the movements of an entry twice that is named and follows up another one that is named."""
    both = {one.seq for one in found.related if {one.seq, one.of} <= needs.entries}
    return tuple(attrs.evolve(one, movements=one.movements * 2) if one.seq in both else one for one in found.related)


def without_followers(kept, needs, _honest=ledger._loaded):
    found = _honest(kept, needs)
    return attrs.evolve(found, related=tuple(one for one in found.related if one.seq in needs.entries))


def doubled(kept, needs, _honest=ledger._loaded):
    found = _honest(kept, needs)
    return attrs.evolve(found, related=twice_if_found_twice(found, needs))


def add_a_product(unit):
    unit.products.put(a_snapshot(a_product()))


def add_a_stale_product(unit):
    unit.products.put(a_snapshot(a_product(), version=7))


class OpenDoor:
    def acquire(self, **_):
        return True

    def release(self):
        pass


def lots_stay(kept, change, _honest=ledger._after):
    after = _honest(kept, change)
    return attrs.evolve(after, lots={**after.lots, **kept.lots})


def a_moment_too_late(account, now, _honest=decisions.settle):
    return tuple(attrs.evolve(one, recorded_at=now) for one in _honest(account, now - timedelta(microseconds=1)))


def holds_kept(spoil):
    """Return a way to break the ledger: spoil the holds of an account as they are written, new ones and old ones apart."""

    def after(kept, change, _honest=ledger._after):
        written = _honest(kept, change)
        return attrs.evolve(
            written, holds={number: spoil(kept.holds.get(number), one) for number, one in written.holds.items()}
        )

    return replaced(ledger, "_after", after)


def holding(choose):
    """Return another way to load an account: with other holds."""

    def loaded(kept, needs, _honest=ledger._loaded):
        return attrs.evolve(_honest(kept, needs), holds=tuple(kept.holds[number] for number in choose(kept, needs)))

    return loaded


def closed_hold_too(account, number, _honest=holdings._open):
    try:
        return _honest(account, number)
    except HoldClosed:
        return account.hold(number)


def divided_from_the_end(parts, amount, _honest=holdings.divided):
    taken, left = _honest([*parts][::-1], amount)
    return taken[::-1], left[::-1]


def without_holds(account, now, _honest=decisions._next_due):
    return _honest(attrs.evolve(account, holds=()), now)


def put_over_anything(mirror, snapshots):
    for one in snapshots:
        mirror._table.put(one.value.id, attrs.evolve(one, version=one.version + 1))


def live_and_dead(listed, *, after=None, before=None, limit=100):
    found = [one for one in listed._sorted() if after is None or one.value.id > after]
    return [one for one in found if before is None or one.revision.occurred_at < before][:limit]


def live_until(listed, *, before=None, _honest=MemoryListed.live, **rest):
    return _honest(listed, before=before and before + timedelta(microseconds=1), **rest)


def remember_over(listed, snapshots):
    for one in snapshots:
        listed._past.put((one.value.id, one.version), one)


def overwrite(payments, payment):
    payments._payments.put(payment.id, payment)


def the_first_place(cursors, name, place):
    if name not in cursors._places.rows:
        cursors._places.put(name, place)


def nothing_instead_of_none(cursors, name, place, _honest=MemoryCursors.put):
    _honest(cursors, name, place or "")


def settle_over(payments, settlement):
    new = settlement.payment not in payments._settled.rows
    payments._settled.put(settlement.payment, settlement.invoice)
    return new


def waiting_whatever_their_state(inbox, names):
    wanted = {*names}
    return [one for one in inbox._deliveries.rows.values() if wanted & {*one.waiting_for}]


def always_from_the_end(ledger, account, *, before=None, limit=100, _honest=MemoryLedger.entries):
    del before
    return _honest(ledger, account, limit=limit)


def add_over(outbox, messages):
    for one in messages:
        outbox._messages.put(one.id, one)


def forget(outbox, ids, at):
    del at
    for one in ids:
        outbox._messages.drop(one)


# An error of the library is noticed as well as a claim that fails; an error of Python would be a mistake in here.
NOTICED = (AssertionError, BillingError, pytest.fail.Exception)


def story(test, name):
    """Return the test with the story of this name."""
    marks = getattr(StoreContract, f"test_{test}").pytestmark
    (mark,) = (one for one in marks if one.name == "parametrize")
    return test, dict(zip(mark.kwargs["ids"], mark.args[1], strict=True))[name]


PRODUCTS = {"make": a_product, "among": lambda unit: unit.products}

BROKEN = {
    # Units
    "keeps what was not committed": (replaced(MemoryStore, "begin", begin_and_commit), "what_is_not_committed_is_dropped"),
    "keeps nothing at all": (replaced(MemoryStore, "_publish", lambda *_: None), "what_is_committed_is_kept"),
    "forgives a conflict": (replaced(Table, "guard", forgiving_guard), "after_a_conflict_nothing_of_the_unit_is_kept"),
    "forgives a refusal": (replaced(Table, "refuse", forgiving_refusal), "after_any_refusal_nothing_of_the_unit_is_kept"),
    "says another reason": (
        replaced(Table, "refuse", forgetful_refusal),
        "after_a_refusal_the_unit_says_why_it_does_not_commit",
    ),
    "lets a view write": (replaced(store.Life, "check", lambda _: None), "a_view_takes_no_writes", add_a_product),
    "answers a view with a conflict": (
        replaced(Table, "refuse", forgiving_refusal),
        "a_view_takes_no_writes",
        add_a_stale_product,
    ),
    "commits a view": (replaced(store.Life, "check", lambda _: None), "a_view_has_nothing_to_commit"),
    "commits twice": (replaced(store.Life, "check", lambda _: None), "a_unit_is_committed_once"),
    "lets two write at once": (replaced(store, "Lock", OpenDoor), "two_writers_of_an_account_do_not_both_win", 0),
    # Mirrors
    "has mirrors without versions": (
        replaced(Table, "guard", lambda *_, **__: None),
        "a_stale_writer_of_a_snapshot_conflicts",
        *PRODUCTS.values(),
    ),
    "keeps decimals as floats": (
        snapshots_given(unit_amount=lambda amount: amount and float(amount)),
        "decimals_of_a_price_stay_decimals",
    ),
    "keeps statuses as text": (snapshots_given(status=str), "a_subscription_keeps_its_items_and_plan_changes_in_order"),
    "sorts plan changes": (
        snapshots_given(changes=lambda changes: tuple(sorted(changes))),
        "a_subscription_keeps_its_items_and_plan_changes_in_order",
    ),
    "writes the last of many alone": (
        given(MemoryMirror, "put_all", lambda many: [*many][-1:]),
        "many_snapshots_are_written_at_once",
        *PRODUCTS.values(),
    ),
    "writes many over whatever is there": (
        replaced(MemoryMirror, "put_all", put_over_anything),
        "one_stale_snapshot_among_many_conflicts",
        *PRODUCTS.values(),
        0,
    ),
    "lists what was deleted": (
        replaced(MemoryListed, "live", live_and_dead),
        "what_was_not_deleted_comes_by_id_a_few_at_a_time",
        *PRODUCTS.values(),
    ),
    "lists the latest first": (
        answering(MemoryListed, "live", lambda found: found[::-1]),
        "what_was_not_deleted_comes_by_id_a_few_at_a_time",
        *PRODUCTS.values(),
    ),
    "lists what was told of at that moment": (
        replaced(MemoryListed, "live", live_until),
        "what_was_told_of_since_is_left_out",
        *PRODUCTS.values(),
    ),
    "forgets what was said before": (
        replaced(MemoryListed, "remember", lambda *_: None),
        "what_was_said_before_comes_by_version",
        *PRODUCTS.values(),
    ),
    "tells of the past in no order": (
        answering(MemoryListed, "past", lambda found: found[::-1]),
        "what_was_said_before_comes_by_version",
        *PRODUCTS.values(),
    ),
    "edits the past": (
        replaced(MemoryListed, "remember", remember_over),
        "what_was_said_before_is_kept_once",
        *PRODUCTS.values(),
    ),
    "lists products in no order": (answering(MemoryProducts, "all", lambda found: found[::-1]), "all_products_come_by_id"),
    # Payments
    "changes what was paid": (
        replaced(MemoryPayments, "record_payment", overwrite),
        "a_payment_recorded_again_stays_as_it_was",
    ),
    "changes what a payment was made for": (
        replaced(MemoryPayments, "record_settlement", settle_over),
        "the_invoice_that_a_payment_was_made_for_is_recorded_once",
    ),
    "lists the payments of an invoice in no order": (
        answering(MemoryPayments, "settling", lambda found: found[::-1]),
        "payments_of_an_invoice_come_by_id",
    ),
    "lists refunds in no order": (
        answering(MemoryRefunds, "of_payments", lambda found: found[::-1]),
        "refunds_of_payments_come_by_id",
    ),
    "lists disputes in no order": (
        answering(MemoryDisputes, "of_payments", lambda found: found[::-1]),
        "disputes_of_payments_come_by_id",
    ),
    "sorts the lines of an invoice": (
        given(
            MemoryPayments,
            "record_invoice",
            lambda one: attrs.evolve(one, lines=tuple(sorted(one.lines, key=lambda line: line.id))),
        ),
        "lines_stay_in_their_order",
    ),
    # What may never be missing
    "loses an update": (at_any_version(), "a_stale_writer_of_an_account_conflicts", 1),
    "has no unique key": (blind_for(keys={}), "a_key_is_taken_once"),
    "has no unique source": (blind_for(sources={}), "a_source_opens_one_lot"),
    "burns in the wrong order": (replaced(slices, "burn_order", lambda lot: lot.number), "slices_stay_in_their_order"),
    "forgets to roll back": (replaced(Table, "_writable", in_the_open), "what_was_not_committed_was_not_recorded"),
    "writes half a batch": (replaced(Table, "_writable", in_the_open), "a_batch_is_written_or_not", 2),
    "remembers accounts without a guard": (several(remembered, at_any_version()), "many_callers_never_overspend", 1),
    # The ledger
    "ignores the case of keys": (
        replaced(ledger, "_unused", lambda names, taken: not {*map(str.lower, names)} & {*map(str.lower, taken)}),
        "names_that_only_look_alike_are_different",
        ("key", "KEY"),
    ),
    "loses microseconds": (entries_given(recorded_at=whole_seconds), "times_of_entries_are_kept_to_the_microsecond"),
    "forgets how a lot was born": (
        entries_given(opened=lambda _: None),
        "every_entry_of_a_full_life_is_kept_exactly",
    ),
    "turns movements round": (
        entries_given(movements=lambda movements: movements[::-1]),
        "every_entry_of_a_full_life_is_kept_exactly",
    ),
    "loads open lots only": (
        accounts_loaded(lots=lambda lots: tuple(lot for lot in lots if lot.open)),
        "closed_lots_are_loaded_when_their_source_is_named",
    ),
    "loads no entries": (accounts_loaded(recorded=lambda _: {}), "entries_are_loaded_when_their_key_is_named"),
    "always reads the last page": (replaced(MemoryLedger, "entries", always_from_the_end), "entries_are_read_page_by_page"),
    # What the ledger loads
    "loads no related entries": (
        accounts_loaded(related=lambda _: ()),
        "entries_are_loaded_when_their_number_is_named",
        False,
    ),
    "overlooks what follows up": (
        replaced(ledger, "_loaded", without_followers),
        "what_follows_up_a_named_entry_is_loaded_with_it",
        False,
    ),
    "loads related entries in no order": (
        accounts_loaded(related=lambda related: related[::-1]),
        "what_follows_up_a_named_entry_is_loaded_with_it",
        False,
    ),
    "reads an entry twice that it finds twice": (
        replaced(ledger, "_loaded", doubled),
        "whatever_follows_up_is_found",
        [2, 4],
        [2, 4, 6],
    ),
    "overlooks closed lots of related entries": (
        loading(lambda kept, needs: opened(kept) | named(kept, needs)),
        "needs_of_every_kind_are_met_together",
    ),
    "loads the lots of followers": (
        loading(lambda kept, needs: opened(kept) | named(kept, needs) | moved(kept, needs)),
        "lots_of_what_only_follows_up_are_not_loaded",
    ),
    "overlooks lots that repaid": (
        needing(lambda needs: attrs.evolve(needs, repaid=False)),
        "lots_that_repaid_are_loaded_when_they_are_asked_for",
        False,
    ),
    "takes what is owed for what repaid": (
        replaced(ledger, "_asked", lambda lot, needs: lot.open or (needs.repaid and lot.owed != 0)),
        "lots_that_repaid_are_loaded_when_they_are_asked_for",
        False,
    ),
    "always loads what repaid": (
        needing(lambda needs: attrs.evolve(needs, repaid=True)),
        "lots_that_repaid_are_loaded_when_they_are_asked_for",
        False,
    ),
    "overlooks that everything is asked for": (
        needing(lambda needs: attrs.evolve(needs, everything=False)),
        "everything_is_loaded_when_it_is_asked_for",
        False,
    ),
    "gives everybody what anybody needs": (
        replaced(MemoryLedger, "load", everybody_gets_what_anybody_needs),
        "needs_of_every_kind_are_met_together",
    ),
    "loads lots in no order": (
        accounts_loaded(lots=lambda lots: tuple(sorted(lots, key=lambda lot: lot.priority))),
        "lots_come_in_the_order_of_their_numbers",
    ),
    # What the ledger lists
    "reads a journal backwards": (
        answering(MemoryLedger, "journal", lambda found: found[::-1]),
        "a_journal_comes_earliest_first",
    ),
    "always reads the first page": (
        replaced(MemoryLedger, "journal", always_from_the_beginning),
        "a_journal_is_read_page_by_page",
    ),
    "reads the last entry again": (
        replaced(MemoryLedger, "journal", from_the_last_one_on),
        "a_journal_is_read_page_by_page",
    ),
    "tells less in a journal": (
        answering(MemoryLedger, "journal", lambda found: [attrs.evolve(one, opened=None) for one in found]),
        "a_journal_tells_what_entries_tell",
    ),
    "lists accounts as they came": (replaced(MemoryLedger, "accounts", as_they_came), "accounts_come_by_owner_and_unit"),
    "lists accounts by letter": (replaced(MemoryLedger, "accounts", by_letter), "accounts_come_by_owner_and_unit"),
    "lists the last account again": (
        replaced(MemoryLedger, "accounts", with_the_last_one),
        "accounts_are_read_page_by_page",
    ),
    "always lists the first accounts": (
        replaced(MemoryLedger, "accounts", from_the_beginning),
        "accounts_are_read_page_by_page",
    ),
    "lists accounts that were only locked": (
        replaced(MemoryLedger, "load", created_by_the_lock),
        "an_account_that_was_only_looked_at_is_none",
        True,
    ),
    "finds the latest due account first": (
        answering(MemoryLedger, "due", lambda found: found[::-1]),
        "the_longest_due_comes_first",
    ),
    "finds accounts due at once as they came": (
        replaced(MemoryLedger, "due", due_as_they_came),
        "the_longest_due_comes_first",
    ),
    "finds accounts due too late": (
        replaced(MemoryLedger, "due", later_than_due),
        "an_account_is_due_from_the_very_moment_on",
    ),
    "leaves accounts due": (replaced(ledger, "_after", due_once_and_for_all), "what_is_settled_is_not_due"),
    # What goes back, and comes later
    "does not load what is scheduled": (
        replaced(Lot, "open", property(lambda lot: lot.remaining > 0 or lot.held > 0)),
        "what_starts_later_is_not_spent_before",
    ),
    "forgets what is scheduled": (
        lots_kept(scheduled=lambda _: 0),
        *story("what_comes_later_or_by_hand_is_kept_exactly", "a grant that starts later"),
    ),
    "forgets what was clawed back": (
        lots_kept(revoked=lambda _: 0),
        *story("a_revocation_is_kept_exactly", "part of it"),
    ),
    "forgets which lot is owed for": (
        lots_kept(owed=lambda owed: max(owed, 0)),
        *story("a_revocation_is_kept_exactly", "spent, and owed"),
    ),
    "forgets which lot repaid": (
        lots_kept(owed=lambda owed: min(owed, 0)),
        *story("what_comes_later_or_by_hand_is_kept_exactly", "a grant that repays a part"),
    ),
    "forgets what an entry followed up": (
        entries_given(of=lambda _: None),
        *story("a_refund_is_kept_exactly", "all of a spend"),
    ),
    "forgets on whose word it was": (
        entries_given(actor=lambda _: None),
        *story("what_comes_later_or_by_hand_is_kept_exactly", "an adjustment down"),
    ),
    "forgets what was refunded before": (
        replaced(ledger, "_loaded", without_followers),
        "refunds_give_back_no_more_than_was_consumed",
    ),
    "forgets what was undone before": (replaced(ledger, "_loaded", without_followers), "a_revocation_is_undone_once"),
    "sends without receiving": (replaced(MemoryLedger, "record", only_the_first), "a_transfer_is_kept_exactly"),
    "guards the first account only": (
        replaced(MemoryLedger, "record", unguarded_after_the_first),
        "a_transfer_is_written_on_both_sides_or_on_neither",
        "receiver",
    ),
    # Holds
    "forgets the slices of a hold": (
        holds_kept(lambda _, now: attrs.evolve(now, slices=())),
        "slices_stay_in_their_order",
    ),
    "does not write what becomes of a hold": (holds_kept(lambda before, now: before or now), "a_hold_is_captured_in_parts"),
    "sorts the slices of a hold": (
        holds_kept(lambda _, now: attrs.evolve(now, slices=tuple(sorted(now.slices, key=lambda one: one.lot)))),
        "slices_stay_in_their_order",
    ),
    "loses which hold it was": (entries_given(of=lambda _: None), "a_closed_hold_stays_closed", a_capture),
    "forgets how a hold was born": (
        entries_given(placed=lambda _: None),
        "the_account_with_its_holds_is_what_its_entries_make_it",
    ),
    "keeps a hold as it is in its entry": (
        entries_given(placed=lambda placed: placed and attrs.evolve(placed, captured=1)),
        "the_account_with_its_holds_is_what_its_entries_make_it",
    ),
    "loads open holds only": (
        accounts_loaded(holds=lambda holds: tuple(one for one in holds if one.open)),
        "closed_holds_are_loaded_when_their_number_is_named",
    ),
    "loads no holds that nobody names": (
        replaced(ledger, "_loaded", holding(lambda kept, needs: needs.holds & kept.holds.keys())),
        "open_holds_are_loaded_and_closed_ones_are_not",
    ),
    "takes every hold for an open one": (
        replaced(ledger, "_loaded", holding(lambda kept, _: kept.holds)),
        "open_holds_are_loaded_and_closed_ones_are_not",
    ),
    "ignores that lots are held": (
        replaced(Lot, "open", property(lambda lot: lot.remaining > 0)),
        "open_holds_are_loaded_and_closed_ones_are_not",
    ),
    "captures what burns last": (
        replaced(holdings, "divided", divided_from_the_end),
        "a_hold_is_captured_in_parts",
    ),
    "returns credits to a lot that expires this moment": (
        replaced(Lot, "due", lambda lot, now: lot.expires_at is not None and lot.expires_at < now),
        "what_returns_to_a_lot_that_has_expired_is_lost",
    ),
    # Top-ups
    "has top-ups without versions": (
        replaced(Table, "guard", lambda *_, **__: None),
        "of_many_who_want_to_buy_one_may",
    ),
    "forgets what is in flight": (
        given(MemoryTopUps, "put", lambda one: attrs.evolve(one, in_flight=None)),
        "a_stale_writer_of_a_top_up_conflicts",
    ),
    "does not say when to look": (
        accounts_loaded(top_up_below=lambda _: None),
        "an_account_says_below_what_it_is_topped_up",
    ),
    "tops up the next due first": (
        answering(MemoryTopUps, "due", lambda found: found[::-1]),
        "due_top_ups_come_longest_due_first",
    ),
    # Intents and cursors
    "has intents without versions": (
        replaced(Table, "guard", lambda *_, **__: None),
        "of_many_who_order_under_one_name_one_does",
    ),
    "forgets what was ordered": (
        given(MemoryIntents, "put", lambda one: attrs.evolve(one, order=CreateCustomer(account="somebody"))),
        "an_order_is_kept_exactly",
    ),
    "forgets why it was refused": (
        given(MemoryIntents, "put", lambda one: attrs.evolve(one, reason=None)),
        "an_intent_is_kept_exactly",
    ),
    "finds the last ordered first": (
        answering(MemoryIntents, "due", lambda found: found[::-1]),
        "due_intents_come_longest_due_first",
    ),
    "keeps the first place": (replaced(MemoryCursors, "put", the_first_place), "the_last_place_counts"),
    "takes no place for an empty one": (
        replaced(MemoryCursors, "put", nothing_instead_of_none),
        "a_place_can_be_forgotten",
        1,
    ),
    "takes an empty place for none": (
        answering(MemoryCursors, "get", lambda place: place or None),
        "a_place_is_kept_exactly",
    ),
    # The inbox and the outbox
    "lets settled deliveries wait": (
        replaced(MemoryInbox, "waiting_for", waiting_whatever_their_state),
        "only_deferred_deliveries_wait",
        "applied",
    ),
    "finds the newest due first": (
        answering(MemoryInbox, "due", lambda found: found[::-1]),
        "due_deliveries_come_longest_due_first",
    ),
    "delivers again and again": (
        replaced(MemoryOutbox, "delivered", lambda *_: None),
        "delivered_messages_are_pending_no_more",
    ),
    "delivers by when things happened": (
        answering(MemoryOutbox, "pending", lambda found: sorted(found, key=lambda one: one.event.occurred_at)),
        "pending_messages_come_oldest_first",
    ),
    "takes a message twice": (
        replaced(MemoryOutbox, "add", add_over),
        "an_id_is_taken_once",
    ),
    "forgets whom it told": (
        replaced(MemoryOutbox, "delivered", forget),
        "the_id_of_a_delivered_message_stays_taken",
    ),
    "forgets who paid": (
        given(MemoryPayments, "record_payment", lambda one: attrs.evolve(one, customer="somebody")),
        "a_payment_is_kept_exactly",
    ),
}

# The last ones are broken rules, not broken stores: the machine compares them with its own.
BROKEN_HISTORIES = {
    "forgets to write old lots": replaced(ledger, "_after", lots_stay),
    "burns the oldest first": replaced(slices, "burn_order", lambda lot: lot.number),
    "expires a moment too late": replaced(decisions, "settle", a_moment_too_late),
    "never expires": replaced(decisions, "settle", lambda *_: ()),
    "forgets the slices of a hold": holds_kept(lambda _, now: attrs.evolve(now, slices=())),
    "does not close a hold": holds_kept(lambda before, now: now if before is None or now.open else before),
    "loses which hold it was": entries_given(of=lambda _: None),
    "returns nothing in time": replaced(decisions, "_next_due", without_holds),
    "captures what was closed": replaced(holdings, "_open", closed_hold_too),
    "carries out a command again": replaced(decisions, "_carried_out", lambda *_: False),
}


def check(name, *given):
    """Run one test of the contract on a new store, as pytest would."""
    method = getattr(StoreContract(), f"test_{name}")
    empty = MemoryStore()
    fixtures = {"store": empty, "crowd": threads(empty)}
    names = inspect.signature(method).parameters
    wanted = [one for one in names if one not in fixtures]
    method(
        **{name: one for name, one in fixtures.items() if name in names},
        **dict(zip(wanted, given, strict=False)),
    )


def run_the_machine():
    """Run it several times: one run in three misses the rarest mistake, and what a run draws depends on what is loaded."""
    as_often_as_the_contract = settings(max_examples=25, stateful_step_count=30, phases=[Phase.generate])
    for number in range(10):
        run_state_machine_as_test(seed(number)(ledger_machine(MemoryStore)), settings=as_often_as_the_contract)


@pytest.mark.parametrize(("break_it", "contract"), [(one[0], one[1:]) for one in BROKEN.values()], ids=BROKEN.keys())
def test_the_contract_notices_a_store_that(break_it, contract, monkeypatch):
    check(*contract)
    break_it(monkeypatch)

    with pytest.raises(NOTICED):
        check(*contract)


@pytest.mark.parametrize("break_it", BROKEN_HISTORIES.values(), ids=BROKEN_HISTORIES.keys())
def test_the_machine_notices_a_ledger_that(break_it, monkeypatch):
    break_it(monkeypatch)

    with pytest.raises(NOTICED):
        run_the_machine()


def test_every_test_of_the_contract_has_a_name_of_its_own():
    parts = StoreContract.__mro__[1:-1]

    names = Counter(name for part in parts for name in vars(part) if name.startswith("test_"))

    assert [name for name, times in names.items() if times > 1] == []


def test_a_contract_without_a_store_says_what_to_fill():
    with pytest.raises(NotImplementedError, match="fill this fixture"):
        StoreContract.store.__wrapped__(StoreContract())
