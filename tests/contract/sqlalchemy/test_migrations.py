"""The migrations lead to exactly the tables that the code uses, for us and for a host application's own Alembic."""

import pytest
from alembic.autogenerate import compare_metadata, produce_migrations
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Integer, MetaData, Table, inspect

from billing_adapters.sqlalchemy import migrate, triggers
from billing_adapters.sqlalchemy.store import SqlAlchemyStore
from billing_adapters.sqlalchemy.tables import REVISION, VERSION_TABLE, metadata
from billing_core.errors import NotMigrated, StoreError
from billing_core.testing.driver import carry_out
from billing_core.testing.examples import NOW, a_grant, an_account


def _tables(engine):
    return set(inspect(engine).get_table_names())


def _objects(engine):
    """Return every trigger and function, as the database has it."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
        else:
            query = (
                "SELECT tgname, pg_get_triggerdef(pg_trigger.oid), prosrc FROM pg_trigger"
                " JOIN pg_proc ON pg_proc.oid = tgfoid WHERE NOT tgisinternal"
                " AND tgrelid::regclass::text LIKE 'billing%%' ORDER BY tgname"
            )
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def _differences(engine, target):
    with engine.connect() as connection:
        options = {"compare_type": True, "version_table": VERSION_TABLE, "target_metadata": target}
        return compare_metadata(MigrationContext.configure(connection, opts=options), target)


def test_the_migrations_lead_to_the_metadata(empty_engine):
    """Nothing is left for Alembic to generate."""
    migrate.upgrade(empty_engine)

    assert _differences(empty_engine, metadata) == []


def test_the_metadata_and_the_migrations_install_the_same_triggers(empty_engine):
    """Whoever creates the tables."""
    migrate.upgrade(empty_engine)
    migrated = _objects(empty_engine)
    migrate.downgrade(empty_engine, "base")

    metadata.create_all(empty_engine)

    assert migrated
    assert _objects(empty_engine) == migrated


def test_the_revision_of_the_code_is_the_newest_migration():
    """The store compares with it without importing Alembic."""
    config = Config()
    config.set_main_option("script_location", "billing_adapters.sqlalchemy:migrations")

    assert ScriptDirectory.from_config(config).get_current_head() == REVISION


def test_an_upgrade_can_be_repeated(empty_engine):
    """What is there stays."""
    migrate.upgrade(empty_engine)
    carry_out(SqlAlchemyStore(empty_engine), a_grant(account := an_account()), NOW)

    migrate.upgrade(empty_engine)

    assert migrate.current(empty_engine) == REVISION
    with SqlAlchemyStore(empty_engine).view() as unit:
        assert unit.ledger.entries(account)


def test_a_downgrade_leaves_nothing(engine):
    """Only the empty table of versions."""
    migrate.downgrade(engine, "base")

    assert {name for name in _tables(engine) if name.startswith("billing_")} <= {VERSION_TABLE}
    assert _objects(engine) == []


def test_all_that_was_created_can_be_dropped(empty_engine):
    """Triggers included, so that it can be created again."""
    metadata.create_all(empty_engine)
    metadata.drop_all(empty_engine)
    metadata.create_all(empty_engine)

    metadata.drop_all(empty_engine)

    assert _objects(empty_engine) == []


def test_a_database_that_is_not_migrated_says_so(empty_engine):
    """It names the command, and works as soon as that was run."""
    store = SqlAlchemyStore(empty_engine)

    with pytest.raises(NotMigrated, match="billing db upgrade"), store.begin():
        pass
    with pytest.raises(NotMigrated), store.view():
        pass
    migrate.upgrade(empty_engine)

    with store.begin() as unit:
        assert unit.products.all() == []


def test_a_database_of_another_version_says_so(engine):
    """Older or newer."""
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE billing_alembic_version SET version_num = '0000'")

    with pytest.raises(NotMigrated) as refusal:
        migrate.check(engine)

    assert (refusal.value.found, refusal.value.needed) == ("0000", REVISION)


def test_a_failed_upgrade_leaves_nothing(empty_engine):
    """All or nothing."""
    with empty_engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE billing_webhook_wait (id INTEGER)")

    with pytest.raises(StoreError):
        migrate.upgrade(empty_engine)

    assert _tables(empty_engine) == {"billing_webhook_wait"}


def test_a_host_can_take_the_tables_into_its_own_migrations(empty_engine):
    """Alembic generates what is missing beside the host's own tables; the store works on the result."""
    host = MetaData()
    Table("host_user", host, Column("id", Integer, primary_key=True))

    with empty_engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": [host, metadata]})
        generated = produce_migrations(context, [host, metadata])
        for operation in generated.upgrade_ops.ops:
            for one in getattr(operation, "ops", [operation]):
                Operations(context).invoke(one)
        triggers.install(connection)

    assert _tables(empty_engine) == {"host_user", *metadata.tables}
    assert migrate.current(empty_engine) is None
    assert carry_out(SqlAlchemyStore(empty_engine), a_grant(an_account()), NOW)
