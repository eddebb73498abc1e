"""Migrate: bring a database to the tables of this version, with the migrations that are shipped beside this file.

A host application that runs Alembic itself can take `tables.metadata` into its own `target_metadata` instead; in the
migration that creates the tables it calls `triggers.install(op.get_bind())`.
"""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine

from billing_adapters.sqlalchemy import schema
from billing_adapters.sqlalchemy.failures import translated
from billing_core.errors import Invalid

__all__ = ["check", "current", "downgrade", "upgrade"]

# Two hosts that start at the same time take turns. The number is any that nobody else uses.
_TAKE_TURNS = "SELECT pg_advisory_xact_lock(4269726174)"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Create or alter the tables, all or nothing; what is already there stays.

    Raises:
        NotMigrated: A newer version than this one altered them.
        Invalid: No such revision.
        StoreUnavailable: The database does not answer.
    """
    _run(engine, command.upgrade, revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take migrations back; `base` drops every table with all that is in it.

    Raises:
        NotMigrated: A newer version than this one altered them.
        Invalid: No such revision.
        StoreUnavailable: The database does not answer.
    """
    _run(engine, command.downgrade, revision)


def current(engine: Engine) -> str | None:
    """Return the revision of a database, or None where `upgrade` never ran."""
    return schema.current(engine)


def check(engine: Engine) -> None:
    """Make sure that the tables of this version are there.

    Raises:
        NotMigrated: They are not; the sentence says what to upgrade.
    """
    schema.require(engine)


def _run(engine: Engine, migrate: Callable[[Config, str], None], revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    sqlite = engine.dialect.name == "sqlite"
    options = {"isolation_level": "AUTOCOMMIT"} if sqlite else {}
    try:
        with translated("the schema"), engine.execution_options(**options).connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if sqlite else _TAKE_TURNS)
            config.attributes["connection"] = connection
            migrate(config, revision)
            connection.commit()
    except CommandError as failure:
        schema.require_known(schema.current(engine))
        raise Invalid("revision", f"cannot be migrated to {revision!r}: {failure}") from failure
