"""Seeding: accounts with lots and a history, written by SQL in one go, exactly as the library would have left them."""

from datetime import UTC, datetime, timedelta

from attrs import frozen
from sqlalchemy import Connection, Engine, text

from billing_adapters.sqlalchemy.columns import FOREVER, to_micros

__all__ = ["CREDITS", "Accounts", "seed"]

CREDITS = 1_000_000_000_000  # of each lot: none is used up, so that every spend does the same work


@frozen
class Accounts:
    """So many accounts, each with so many live lots, and so many spends behind it."""

    prefix: str
    count: int
    lots: int = 3
    spends: int = 0

    @property
    def owners(self) -> tuple[str, ...]:
        """Their names: `prefix` and a number from 0 up."""
        return tuple(f"{self.prefix}{number}" for number in range(self.count))


# The newest lot never expires; of the others each lasts a day longer than the one before, so the first burns first.
_ACCOUNTS = """
INSERT INTO billing_account
    (owner, unit, version, issued, scheduled, available, held, consumed, expired, revoked, owed, recorded_at, next_due_at)
SELECT :prefix || number, 'credits', :lots + :spends, -:lots * :credits, 0, :lots * :credits - :spends, 0, :spends, 0, 0, 0,
    :now, CASE WHEN :lots > 1 THEN :due + :day END
FROM generate_series(0, :count - 1) AS number
"""
_LOTS = """
INSERT INTO billing_lot
    (owner, unit, number, kind, priority, amount, effective_at, expires_at, source, remaining, held, expired, scheduled,
    revoked, owed, is_open)
SELECT :prefix || number, 'credits', lot, 'payg', 30, :credits, :now,
    CASE WHEN lot < :lots THEN :due + lot * :day ELSE :never END, 'grant:' || lot,
    CASE WHEN lot = 1 THEN :credits - :spends ELSE :credits END, 0, 0, 0, 0, 0, true
FROM generate_series(0, :count - 1) AS number, generate_series(CAST(1 AS bigint), :lots) AS lot
"""
# The keys sort by age, as those of the library do.
_ENTRIES = """
INSERT INTO billing_entry
    (owner, unit, seq, operation, lines, available_after, held_after, owed_after, effective_at, recorded_at, key,
    fingerprint)
SELECT :prefix || number, 'credits', seq, CASE WHEN seq <= :lots THEN 'grant' ELSE 'spend' END, 1,
    least(seq, :lots) * :credits - greatest(seq - :lots, 0), 0, 0, :now, :now,
    '00000000-' || to_char(seq, 'FM000000000000000000000000000'), md5(CAST(seq AS text))
FROM generate_series(0, :count - 1) AS number, generate_series(CAST(1 AS bigint), :lots + :spends) AS seq
"""
_MOVEMENTS = """
INSERT INTO billing_movement (owner, unit, seq, line, lot, source, target, amount)
SELECT :prefix || number, 'credits', seq, 0, CASE WHEN seq <= :lots THEN seq ELSE 1 END,
    CASE WHEN seq <= :lots THEN 'issued' ELSE 'available' END, CASE WHEN seq <= :lots THEN 'available' ELSE 'consumed' END,
    CASE WHEN seq <= :lots THEN :credits ELSE 1 END
FROM generate_series(0, :count - 1) AS number, generate_series(CAST(1 AS bigint), :lots + :spends) AS seq
"""


def seed(engine: Engine, *accounts: Accounts) -> None:
    """Write accounts into a migrated PostgreSQL, with the triggers off: they would look at every row by itself."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for one in accounts:
            _write(connection, one)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))


def _write(connection: Connection, accounts: Accounts) -> None:
    now = datetime.now(UTC)
    values = {
        "prefix": accounts.prefix,
        "count": accounts.count,
        "lots": accounts.lots,
        "spends": accounts.spends,
        "credits": CREDITS,
        "now": to_micros(now),
        "due": to_micros(now + timedelta(days=365)),
        "day": timedelta(days=1) // timedelta(microseconds=1),
        "never": FOREVER,
    }
    for statement in (_ACCOUNTS, _LOTS, _ENTRIES, _MOVEMENTS):
        wanted = {name: value for name, value in values.items() if f":{name}" in statement}
        connection.execute(text(statement), wanted)
