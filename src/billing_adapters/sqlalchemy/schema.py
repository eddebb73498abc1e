"""Schema: whether a database has the tables of this version."""

from sqlalchemy import Engine, Text, column, inspect, select, table
from sqlalchemy.exc import DBAPIError

from billing_adapters.sqlalchemy.failures import translated
from billing_adapters.sqlalchemy.tables import REVISION, REVISIONS, VERSION_TABLE, metadata
from billing_core.errors import NotMigrated

__all__ = ["current", "require", "require_known"]

_FOUND = select(column("version_num", Text)).select_from(table(VERSION_TABLE))


def current(engine: Engine) -> str | None:
    """Return the revision that `migrate.upgrade` brought a database to, or None for one that it never touched."""
    with translated("the schema"):
        try:
            with engine.connect() as connection:
                return connection.execute(_FOUND).scalar()
        except DBAPIError:
            with engine.connect() as connection:
                if inspect(connection).has_table(VERSION_TABLE):
                    raise
            return None


def require(engine: Engine) -> None:
    """Make sure that the tables of this version are there; this costs one small query.

    Where a host application keeps the tables by its own migrations, no revision is recorded, and every table is looked for.

    Raises:
        NotMigrated: They are not.
    """
    found = current(engine)
    require_known(found)
    if found is None and _all_there(engine):
        return
    if found != REVISION:
        raise NotMigrated(found or "none", REVISION)


def require_known(found: str | None) -> None:
    """Make sure that a revision is none that only a later version than this one knows.

    Raises:
        NotMigrated: It is; the sentence says what to upgrade.
    """
    if found is not None and found not in REVISIONS:
        raise NotMigrated(found, REVISION, newer=True)


def _all_there(engine: Engine) -> bool:
    with translated("the schema"), engine.connect() as connection:
        return set(metadata.tables) <= set(inspect(connection).get_table_names())
