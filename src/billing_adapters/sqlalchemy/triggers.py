"""Triggers: the ledger's rules about time, which no CHECK can say: what was written stays, and what follows follows.

They stand in the database, so that a raw SQL session meets them too:

- entries are numbered without gaps, and none is ahead of its account's version;
- an entry's movements are those it was written with: no line beyond its `lines`, none twice;
- entries and movements are never updated; nothing of the ledger is ever deleted; the terms of lots and holds and the names
  of an account never change, and its version never falls.

They take the place of foreign keys, which SQLite does not enforce in a session that does not ask for it, and for which
PostgreSQL locks, and thereby writes, the row pointed at. The statements of a release are never edited: a migration brings
new ones.
"""

from collections.abc import Iterator

from sqlalchemy import Connection

__all__ = ["install", "remove"]

_NEVER_UPDATED = ("billing_entry", "billing_movement")
_NEVER_DELETED = ("billing_account", "billing_lot", "billing_hold", "billing_entry", "billing_movement")
_TERMS = {
    "billing_lot": (
        "owner, unit, number, kind, priority, amount, effective_at, expires_at, source, reference,"
        " cost_minor, cost_currency"
    ),
    "billing_hold": "owner, unit, number, amount, expires_at, reference",
}

# Each looks up one row by its key: as NOT EXISTS, a planner that knows too little would read the whole table instead.
_ENTRY_FOLLOWS = """
    (SELECT account.version >= new.seq FROM billing_account AS account
        WHERE account.owner = new.owner AND account.unit = new.unit) IS NOT TRUE
    OR (new.seq > 1 AND (SELECT previous.seq FROM billing_entry AS previous
        WHERE previous.owner = new.owner AND previous.unit = new.unit AND previous.seq = new.seq - 1) IS NULL)
"""
_MOVEMENT_BELONGS = """
    (SELECT entry.lines > new.line FROM billing_entry AS entry
        WHERE entry.owner = new.owner AND entry.unit = new.unit AND entry.seq = new.seq) IS NOT TRUE
"""
_FALLS = "new.version < old.version"
# INSERT OR REPLACE deletes without calling the triggers for it, so a name that is taken is refused here, and that of an
# account is passed over: the library itself inserts accounts that may be there.
_ACCOUNT_EXISTS = """
    EXISTS (SELECT 1 FROM billing_account AS account WHERE account.owner = new.owner AND account.unit = new.unit)
"""
_LOT_EXISTS = """
    EXISTS (SELECT 1 FROM billing_lot AS lot
        WHERE lot.owner = new.owner AND lot.unit = new.unit AND (lot.number = new.number OR lot.source = new.source))
"""
_HOLD_EXISTS = """
    EXISTS (SELECT 1 FROM billing_hold AS hold
        WHERE hold.owner = new.owner AND hold.unit = new.unit AND hold.number = new.number)
"""
_ENTRY_EXISTS = """
    EXISTS (SELECT 1 FROM billing_entry AS entry
        WHERE entry.owner = new.owner AND entry.unit = new.unit
        AND (entry.seq = new.seq OR (new.key IS NOT NULL AND entry.key = new.key)))
"""
_MOVEMENT_EXISTS = """
    EXISTS (SELECT 1 FROM billing_movement AS movement
        WHERE movement.owner = new.owner AND movement.unit = new.unit
        AND movement.seq = new.seq AND movement.line = new.line)
"""


def install(connection: Connection) -> None:
    """Create the triggers; for a host application that creates the tables by its own migrations.

    On PostgreSQL, also leave room on the pages of what is updated often: a new version of a row then stays beside the old
    one, and no index is written.
    """
    for statement in _creating(connection.dialect.name):
        connection.exec_driver_sql(statement)


def remove(connection: Connection) -> None:
    """Drop the triggers and what belongs to them."""
    for statement in _dropping(connection.dialect.name):
        connection.exec_driver_sql(statement)


def _creating(dialect: str) -> Iterator[str]:
    yield from _postgresql() if dialect == "postgresql" else _sqlite()


def _dropping(dialect: str) -> Iterator[str]:
    if dialect == "postgresql":
        for function in ("billing_refuse", "billing_entry_follows", "billing_movement_belongs"):
            yield f"DROP FUNCTION IF EXISTS {function}() CASCADE"
        return
    for name, *_ in _sqlite_rules():
        yield f"DROP TRIGGER IF EXISTS {name}"


def _sqlite() -> Iterator[str]:
    for name, event, condition, sentence in _sqlite_rules():
        when = f"WHEN {condition}" if condition else ""
        answer = f"ABORT, '{sentence}'" if sentence else "IGNORE"
        yield f"CREATE TRIGGER {name} BEFORE {event} {when} BEGIN SELECT RAISE({answer}); END"


def _sqlite_rules() -> Iterator[tuple[str, str, str, str]]:
    for table in _NEVER_UPDATED:
        yield f"{table}_never_updated", f"UPDATE ON {table}", "", f"{table}_never_updated"
    for table in _NEVER_DELETED:
        yield f"{table}_never_deleted", f"DELETE ON {table}", "", f"{table}_never_deleted"
    for table, terms in _TERMS.items():
        yield f"{table}_terms_frozen", f"UPDATE OF {terms} ON {table}", "", f"{table}_terms_frozen"
    yield "billing_account_names_frozen", "UPDATE OF owner, unit ON billing_account", "", "billing_account_names_frozen"
    yield "billing_account_never_falls", "UPDATE OF version ON billing_account", _FALLS, "billing_account_never_falls"
    yield "billing_account_kept", "INSERT ON billing_account", _ACCOUNT_EXISTS, ""
    yield "billing_lot_kept", "INSERT ON billing_lot", _LOT_EXISTS, "UNIQUE constraint failed: billing_lot"
    yield "billing_hold_kept", "INSERT ON billing_hold", _HOLD_EXISTS, "UNIQUE constraint failed: billing_hold"
    follows, belongs = "INSERT ON billing_entry", "INSERT ON billing_movement"
    yield "billing_entry_follows", follows, _ENTRY_FOLLOWS, "billing_entry_follows"
    yield "billing_entry_kept", follows, _ENTRY_EXISTS, "UNIQUE constraint failed: billing_entry"
    yield "billing_movement_belongs", belongs, _MOVEMENT_BELONGS, "billing_movement_belongs"
    yield "billing_movement_kept", belongs, _MOVEMENT_EXISTS, "UNIQUE constraint failed: billing_movement"


def _postgresql() -> Iterator[str]:
    yield _function("billing_refuse", _raise("TG_ARGV[0]"))
    for table in _NEVER_UPDATED:
        yield _refusal(f"{table}_never_updated", f"UPDATE ON {table}")
    for table in _NEVER_DELETED:
        yield _refusal(f"{table}_never_deleted", f"DELETE OR TRUNCATE ON {table}")
    for table, terms in _TERMS.items():
        yield _refusal(f"{table}_terms_frozen", f"UPDATE OF {terms} ON {table}")
    yield _refusal("billing_account_names_frozen", "UPDATE OF owner, unit ON billing_account")
    yield _refusal("billing_account_never_falls", "UPDATE OF version ON billing_account", f"ROW WHEN ({_FALLS})")
    for table, name, broken in (
        ("billing_entry", "billing_entry_follows", _ENTRY_FOLLOWS),
        ("billing_movement", "billing_movement_belongs", _MOVEMENT_BELONGS),
    ):
        # Once for all rows of an INSERT, when all that its statement writes is there.
        yield _function(
            name, f"IF EXISTS (SELECT FROM added AS new WHERE {broken}) THEN {_raise('TG_NAME')} END IF; RETURN NULL;"
        )
        yield (
            f"CREATE TRIGGER {name} AFTER INSERT ON {table} REFERENCING NEW TABLE AS added"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )

    for table in ("billing_account", "billing_lot", "billing_hold"):
        yield f"ALTER TABLE {table} SET (fillfactor = 70)"


def _function(name: str, body: str) -> str:
    # `new` may be a row of a table here, as in the triggers of SQLite; to PL/pgSQL it is a variable, too.
    block = f"#variable_conflict use_column\nBEGIN {body} END"
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {block} $$"


def _raise(name: str) -> str:
    return f"RAISE EXCEPTION USING MESSAGE = {name}, ERRCODE = 'check_violation', CONSTRAINT = {name};"


def _refusal(name: str, event: str, each: str = "STATEMENT") -> str:
    return f"CREATE TRIGGER {name} BEFORE {event} FOR EACH {each} EXECUTE FUNCTION billing_refuse('{name}')"
