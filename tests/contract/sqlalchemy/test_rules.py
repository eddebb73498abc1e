"""The database itself refuses what breaks the ledger's rules, also to a raw SQL session."""

import pytest
from sqlalchemy.exc import DBAPIError

from billing_core.testing.driver import carry_out
from billing_core.testing.examples import NOW, a_grant, a_hold, a_spend, an_account

pytestmark = pytest.mark.deep

ACCOUNT = an_account()

LOT = """INSERT INTO billing_lot (owner, unit, number, kind, priority, amount, effective_at, expires_at, source,
    remaining, held, expired, scheduled, revoked, owed, is_open)"""
HOLD = """INSERT INTO billing_hold (owner, unit, number, amount, expires_at, captured, released, slices, is_open)"""
ENTRY = """INSERT INTO billing_entry (owner, unit, seq, operation, lines, available_after, held_after, owed_after,
    effective_at, recorded_at, key)"""
MOVEMENT = "INSERT INTO billing_movement (owner, unit, seq, line, lot, source, target, amount)"
OF = f"'{ACCOUNT.owner}', '{ACCOUNT.unit}'"
ENTRY_OF_HOLD = ENTRY.replace("key)", "of_entry)")
LARGEST = 2**63 - 1
TOP_UP = """INSERT INTO billing_top_up (threshold, quantity, most_purchases, period, back_off, enabled, intent, asked_at,
    settled_intent, settled_succeeded, declines, next_attempt_at, owner, unit, pack, purchases, version)"""
TOPPED_UP = f"{OF}, 'pack', '[]', 1"
EMPTY = """INSERT OR REPLACE INTO billing_account (owner, unit, version, issued, scheduled, available, held, consumed,
    expired, revoked, owed)"""
RAISED = "UPDATE billing_account SET version = version + 5;"

REFUSED = {
    "unbalanced books": "UPDATE billing_account SET available = available + 1",
    "a negative book": "UPDATE billing_account SET available = -1, consumed = consumed + available + 1",
    "issued above zero": "UPDATE billing_account SET issued = 1, available = 0, consumed = 0, revoked = 0, expired = -1",
    "a negative version": "UPDATE billing_account SET version = -1",
    "more remaining than granted": "UPDATE billing_lot SET remaining = amount + 1",
    "more in all than granted": "UPDATE billing_lot SET remaining = amount, held = 1",
    "a negative rest": "UPDATE billing_lot SET remaining = -1",
    "a negative hold": "UPDATE billing_lot SET held = -1",
    "a negative expiry": "UPDATE billing_lot SET expired = -1",
    "more clawed back than is gone": "UPDATE billing_lot SET revoked = 11",
    "more repaid than is gone": "UPDATE billing_lot SET owed = 11",
    "more owed than was granted": "UPDATE billing_lot SET owed = -101",
    "an open lot flagged as closed": "UPDATE billing_lot SET is_open = false",
    "other terms": "UPDATE billing_lot SET amount = amount + 1",
    "another source": "UPDATE billing_lot SET source = 'other'",
    "a lot of nothing": f"{LOT} VALUES ({OF}, 9, 'payg', 1, 0, 0, 1, 'free', 0, 0, 0, 0, 0, 0, false)",
    "a lot that ends before it starts": f"{LOT} VALUES ({OF}, 9, 'payg', 1, 5, 2, 2, 'short', 5, 0, 0, 0, 0, 0, true)",
    "a source twice": f"{LOT} VALUES ({OF}, 9, 'payg', 1, 5, 0, 1, 'money', 5, 0, 0, 0, 0, 0, true)",
    "a lot number twice": f"{LOT} VALUES ({OF}, 1, 'payg', 1, 5, 0, 1, 'other', 5, 0, 0, 0, 0, 0, true)",
    "more captured than held": "UPDATE billing_hold SET captured = amount + 1",
    "more returned than held": "UPDATE billing_hold SET released = amount + 1",
    "more in all than held": "UPDATE billing_hold SET captured = amount, released = 1, is_open = false",
    "more in all than there are numbers": f"{HOLD} VALUES ({OF}, 9, {LARGEST}, 1, {LARGEST}, {LARGEST}, '[]', false)",
    "a negative capture": "UPDATE billing_hold SET captured = -1",
    "a negative return": "UPDATE billing_hold SET released = -1",
    "an open hold flagged as closed": "UPDATE billing_hold SET is_open = false",
    "a closed hold flagged as open": "UPDATE billing_hold SET captured = amount",
    "a larger hold": "UPDATE billing_hold SET amount = amount + 1",
    "a longer hold": "UPDATE billing_hold SET expires_at = expires_at + 1",
    "a hold of nothing": f"{HOLD} VALUES ({OF}, 9, 0, 1, 0, 0, '[]', false)",
    "a hold number twice": f"{HOLD} VALUES ({OF}, 3, 5, 1, 0, 0, '[]', true)",
    "a deleted hold": "DELETE FROM billing_hold",
    "an entry of its own hold": f"{RAISED}{ENTRY_OF_HOLD} VALUES ({OF}, 4, 'release', 0, 0, 0, 0, 0, 0, 4)",
    "an entry of no hold's number": f"{RAISED}{ENTRY_OF_HOLD} VALUES ({OF}, 4, 'release', 0, 0, 0, 0, 0, 0, 0)",
    "an entry ahead of its account": f"{ENTRY} VALUES ({OF}, 4, 'spend', 0, 0, 0, 0, 0, 0, 'new')",
    "an entry of no account": f"{ENTRY} VALUES ('nobody', 'credits', 1, 'spend', 0, 0, 0, 0, 0, 0, 'new')",
    "an entry numbered zero": f"{ENTRY} VALUES ({OF}, 0, 'spend', 0, 0, 0, 0, 0, 0, 'new')",
    "a gap": f"{RAISED}{ENTRY} VALUES ({OF}, 5, 'spend', 0, 0, 0, 0, 0, 0, 'new')",
    "a number twice": f"{ENTRY} VALUES ({OF}, 2, 'spend', 0, 0, 0, 0, 0, 0, 'new')",
    "a key twice": f"{RAISED}{ENTRY} VALUES ({OF}, 4, 'spend', 0, 0, 0, 0, 0, 0, 'spent')",
    "a movement of no entry": f"{MOVEMENT} VALUES ({OF}, 4, 0, 1, 'available', 'consumed', 1)",
    "another movement of an old entry": f"{MOVEMENT} VALUES ({OF}, 2, 1, 1, 'available', 'consumed', 1)",
    "a movement of nothing": f"{MOVEMENT} VALUES ({OF}, 2, 0, 1, 'available', 'consumed', 0)",
    "an edited entry": "UPDATE billing_entry SET reason = 'better'",
    "an edited movement": "UPDATE billing_movement SET amount = 2",
    "a deleted entry": "DELETE FROM billing_entry WHERE seq = 2",
    "a deleted movement": "DELETE FROM billing_movement WHERE seq = 2",
    "a deleted lot": "DELETE FROM billing_lot",
    "a deleted account": "DELETE FROM billing_account",
    "an account of another owner": "UPDATE billing_account SET owner = 'other'",
    "an account of another unit": "UPDATE billing_account SET unit = 'other'",
    "a top-up below nothing": f"{TOP_UP} VALUES (0, 1, 1, 1, 1, true, NULL, NULL, NULL, NULL, 0, NULL, {TOPPED_UP})",
    "a top-up of nothing": f"{TOP_UP} VALUES (1, 0, 1, 1, 1, true, NULL, NULL, NULL, NULL, 0, NULL, {TOPPED_UP})",
    "a top-up that never buys": f"{TOP_UP} VALUES (1, 1, 0, 1, 1, true, NULL, NULL, NULL, NULL, 0, NULL, {TOPPED_UP})",
    "a top-up for no time": f"{TOP_UP} VALUES (1, 1, 1, 0, 1, true, NULL, NULL, NULL, NULL, 0, NULL, {TOPPED_UP})",
    "a top-up without a pause": f"{TOP_UP} VALUES (1, 1, 1, 1, 0, true, NULL, NULL, NULL, NULL, 0, NULL, {TOPPED_UP})",
    "a top-up in flight since never": f"{TOP_UP} VALUES (1, 1, 1, 1, 1, true, 'x', NULL, NULL, NULL, 0, NULL, {TOPPED_UP})",
    "a top-up without an outcome": f"{TOP_UP} VALUES (1, 1, 1, 1, 1, true, NULL, NULL, 'x', NULL, 0, NULL, {TOPPED_UP})",
    "a top-up declined less than never": (
        f"{TOP_UP} VALUES (1, 1, 1, 1, 1, true, NULL, NULL, NULL, NULL, -1, NULL, {TOPPED_UP})"
    ),
    "a top-up that waits in flight": f"{TOP_UP} VALUES (1, 1, 1, 1, 1, true, 'x', 1, NULL, NULL, 0, 1, {TOPPED_UP})",
    "a top-up that waits without a rule": (
        f"{TOP_UP} VALUES (1, 1, 1, 1, 1, false, NULL, NULL, NULL, NULL, 0, 1, {TOPPED_UP})"
    ),
    "an account topped up below nothing": "UPDATE billing_account SET top_up_below = 0",
    "a version that falls": "UPDATE billing_account SET version = version - 1",
}
NEW_ENTRY = f"{RAISED}{ENTRY} VALUES ({OF}, 4, 'spend', 1, 0, 0, 0, 0, 0, 'new');"
MOVES = {
    "nothing": f"{MOVEMENT} VALUES ({OF}, 4, 0, 1, 'available', 'consumed', 0)",
    "from a book to itself": f"{MOVEMENT} VALUES ({OF}, 4, 0, 1, 'available', 'available', 1)",
    "from no book": f"{MOVEMENT} VALUES ({OF}, 4, 0, 1, 'pocket', 'available', 1)",
    "to no book": f"{MOVEMENT} VALUES ({OF}, 4, 0, 1, 'available', 'pocket', 1)",
    "a negative amount": f"{MOVEMENT} VALUES ({OF}, 4, 0, 1, 'available', 'consumed', -1)",
    "on a line below zero": f"{MOVEMENT} VALUES ({OF}, 4, -1, 1, 'available', 'consumed', 1)",
}
REPLACED = {
    "an entry": f"{ENTRY} VALUES ({OF}, 2, 'spend', 1, 0, 0, 0, 0, 0, 'spent')",
    "an entry by its key": f"{RAISED}{ENTRY} VALUES ({OF}, 4, 'spend', 0, 0, 0, 0, 0, 0, 'spent')",
    "a movement": f"{MOVEMENT} VALUES ({OF}, 2, 0, 1, 'available', 'consumed', 5)",
    "a lot": f"{LOT} VALUES ({OF}, 1, 'payg', 1, 500, 0, 1, 'money', 500, 0, 0, 0, 0, 0, true)",
    "a hold": f"{HOLD} VALUES ({OF}, 3, 500, 1, 0, 0, '[]', true)",
    "a lot by its source": f"{LOT} VALUES ({OF}, 9, 'payg', 1, 500, 0, 1, 'money', 500, 0, 0, 0, 0, 0, true)",
}


@pytest.fixture
def raw(engine, store):
    """Return how to run statements beside the library, on an account with a grant, a spend and a hold."""
    carry_out(store, a_grant(ACCOUNT, 100, source="money"), NOW)
    carry_out(store, a_spend(ACCOUNT, 10, key="spent"), NOW)
    carry_out(store, a_hold(ACCOUNT, 20), NOW)

    def run(statements):
        with engine.begin() as connection:
            for statement in statements.split(";"):
                if statement:
                    connection.exec_driver_sql(statement)

    return run


@pytest.mark.parametrize("statements", REFUSED.values(), ids=REFUSED)
def test_the_database_refuses(raw, statements):
    """Whoever asks."""
    with pytest.raises(DBAPIError) as refusal:
        raw(statements)

    assert type(refusal.value.orig).__name__ in {"IntegrityError", "CheckViolation", "UniqueViolation"}


@pytest.mark.parametrize("movement", MOVES.values(), ids=MOVES)
def test_the_database_refuses_to_move(raw, movement):
    """Also for an entry that still lacks its movements."""
    with pytest.raises(DBAPIError, match=r"(?i)check constraint|billing_movement_belongs"):
        raw(NEW_ENTRY + movement)


def test_what_keeps_to_the_rules_is_accepted(raw):
    """It is the rules that refuse, not a mistake in these tests."""
    raw(f"{NEW_ENTRY}{MOVEMENT} VALUES ({OF}, 4, 0, 1, 'available', 'consumed', 1)")
    raw(f"{TOP_UP} VALUES (1, 1, 1, 1, 1, true, NULL, NULL, 'x', true, 0, 1, {TOPPED_UP})")
    raw("UPDATE billing_hold SET captured = 1, released = 2; UPDATE billing_hold SET released = 19, is_open = false")


@pytest.mark.parametrize("insert", REPLACED.values(), ids=REPLACED)
@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_sqlite_refuses_to_replace(raw, insert):
    """INSERT OR REPLACE deletes without calling the triggers for it."""
    with pytest.raises(DBAPIError, match="UNIQUE constraint failed"):
        raw(insert.replace("INSERT INTO", "INSERT OR REPLACE INTO"))


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_sqlite_passes_over_an_account_that_is_there(engine, raw):
    """Whether it is to be replaced or created: an INSERT of the library, too, may meet one."""
    with engine.connect() as connection:
        was = connection.exec_driver_sql("SELECT * FROM billing_account").all()

    raw(f"{EMPTY} VALUES ({OF}, 0, 0, 0, 0, 0, 0, 0, 0, 0)")

    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT * FROM billing_account").all() == was


@pytest.mark.parametrize("table", ["billing_account", "billing_lot", "billing_hold", "billing_entry", "billing_movement"])
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_postgresql_refuses_to_truncate(raw, table):
    """A TRUNCATE calls no trigger for deleted rows."""
    with pytest.raises(DBAPIError, match=f"{table}_never_deleted"):
        raw(f"TRUNCATE {table} CASCADE")
