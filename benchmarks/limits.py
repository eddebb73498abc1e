"""Limits: how fast the databases do what a spend writes, when nobody decides anything and no library is between.

PostgreSQL is asked by pgbench, with one statement; SQLite by Python's own driver. Both write the same rows of the same
tables as a spend does, under the same triggers: books under a guard, the lot that burns first, an entry under a unique key,
its movement.
"""

import random
import re
import sqlite3
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import make_url

from benchmarks.seeding import Accounts

__all__ = ["pgbench", "raw_sqlite"]

_CLIENTS = 8
_PATIENCE = 60.0  # seconds beyond its own; a pgbench that needs more hangs

# The last line fails if nothing was written: a limit that does nothing is soon reached.
_SPEND = r"""
\set number random(0, :last)
WITH account AS (
    UPDATE billing_account
    SET version = version + 1, available = available - 1, consumed = consumed + 1, recorded_at = greatest(recorded_at, :now)
    WHERE owner = :prefix::text || :number::text AND unit = 'credits'
        AND available >= 1 AND (next_due_at IS NULL OR next_due_at > :now)
    RETURNING owner, unit, version, available, held, recorded_at
), head AS (
    SELECT number FROM billing_lot
    WHERE owner = :prefix::text || :number::text AND unit = 'credits' AND is_open
    ORDER BY priority, expires_at, effective_at, number
    LIMIT 1
), lot AS (
    UPDATE billing_lot AS lot SET remaining = lot.remaining - 1, is_open = lot.remaining > 1 OR lot.held > 0
    FROM account
    WHERE lot.owner = account.owner AND lot.unit = account.unit AND lot.number = (SELECT number FROM head)
    RETURNING lot.number
), entry AS (
    INSERT INTO billing_entry
        (owner, unit, seq, operation, lines, available_after, held_after, owed_after, effective_at, recorded_at, key,
        fingerprint)
    SELECT owner, unit, version, 'spend', 1, available, held, 0, recorded_at, recorded_at,
        gen_random_uuid()::text, md5(version::text)
    FROM account
    RETURNING owner, unit, seq
), movement AS (
    INSERT INTO billing_movement (owner, unit, seq, line, lot, source, target, amount)
    SELECT entry.owner, entry.unit, entry.seq, 0, lot.number, 'available', 'consumed', 1 FROM entry, lot
    RETURNING seq
)
SELECT 1 / count(*) FROM movement;
"""


@contextmanager
def pgbench(program: Path, url: str, accounts: Accounts) -> Iterator[Callable[[float], float]]:
    """Give the function that runs pgbench for some whole seconds and returns spends a second."""
    with TemporaryDirectory(prefix="billing-pgbench-") as place:
        script = Path(place) / "spend.sql"
        script.write_text(_SPEND, encoding="utf-8")
        values = {"last": accounts.count - 1, "prefix": accounts.prefix, "now": time.time_ns() // 1000}
        command = [
            str(program),
            "--no-vacuum",
            "--protocol=prepared",
            f"--client={_CLIENTS}",
            "--jobs=2",
            f"--file={script}",
        ]
        command += [f"--define={name}={value}" for name, value in values.items()]

        def rate(seconds: float) -> float:
            asked = [*command, f"--time={max(1, round(seconds))}", url]
            said = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=seconds + _PATIENCE).stdout
            return float(re.findall(r"tps = ([\d.]+)", said)[0])

        yield rate


@contextmanager
def raw_sqlite(url: str, owners: Sequence[str], batch: int) -> Iterator[Callable[[float], float]]:
    """Give the function that spends in transactions of `batch` for some seconds and returns spends a second."""
    connection = sqlite3.connect(str(make_url(url).database), isolation_level=None)
    try:
        # As the store sets it up.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

        def rate(seconds: float) -> float:
            begun = time.perf_counter()
            done = 0
            while time.perf_counter() - begun < seconds:
                connection.execute("BEGIN IMMEDIATE")
                for _ in range(batch):
                    _spend(connection, random.choice(owners))
                connection.execute("COMMIT")
                done += batch
            return done / (time.perf_counter() - begun)

        yield rate
    finally:
        connection.close()


def _spend(connection: sqlite3.Connection, owner: str) -> None:
    now = time.time_ns() // 1000
    ((version, available, held, at),) = connection.execute(_WRITE_ACCOUNT, {"owner": owner, "now": now}).fetchall()
    ((lot,),) = connection.execute(_HEAD, {"owner": owner}).fetchall()
    connection.execute(_WRITE_LOT, {"owner": owner, "lot": lot})
    key = uuid.uuid4()
    entry = {"owner": owner, "seq": version, "available": available, "held": held, "at": at}
    connection.execute(_ADD_ENTRY, {**entry, "key": str(key), "fingerprint": key.hex})
    connection.execute(_ADD_MOVEMENT, {"owner": owner, "seq": version, "lot": lot})


_WRITE_ACCOUNT = """
UPDATE billing_account
SET version = version + 1, available = available - 1, consumed = consumed + 1, recorded_at = max(recorded_at, :now)
WHERE owner = :owner AND unit = 'credits' AND available >= 1 AND (next_due_at IS NULL OR next_due_at > :now)
RETURNING version, available, held, recorded_at
"""
_HEAD = """
SELECT number FROM billing_lot
WHERE owner = :owner AND unit = 'credits' AND is_open = 1
ORDER BY priority, expires_at, effective_at, number
LIMIT 1
"""
_WRITE_LOT = """
UPDATE billing_lot SET remaining = remaining - 1, is_open = remaining > 1 OR held > 0
WHERE owner = :owner AND unit = 'credits' AND number = :lot
"""
_ADD_ENTRY = """
INSERT INTO billing_entry
    (owner, unit, seq, operation, lines, available_after, held_after, owed_after, effective_at, recorded_at, key,
    fingerprint)
VALUES (:owner, 'credits', :seq, 'spend', 1, :available, :held, 0, :at, :at, :key, :fingerprint)
"""
_ADD_MOVEMENT = """
INSERT INTO billing_movement (owner, unit, seq, line, lot, source, target, amount)
VALUES (:owner, 'credits', :seq, 0, :lot, 'available', 'consumed', 1)
"""
