"""The migrations lead to exactly the tables that the code uses, for us and for a host application's own Alembic."""

from functools import partial
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Integer, MetaData, Table, inspect

from billing_adapters.sqlalchemy import migrate, schema
from billing_adapters.sqlalchemy.store import SqlAlchemyStore
from billing_adapters.sqlalchemy.tables import REVISION, REVISIONS, VERSION_TABLE, account, metadata
from billing_core.domain.credits import Book
from billing_core.errors import Invalid, NotMigrated, StoreError
from billing_core.testing.driver import carry_out
from billing_core.testing.examples import NOW, a_grant, an_account


@pytest.fixture
def engine(empty_engine):
    """Return an engine for a migrated database whose tables may be altered."""
    migrate.upgrade(empty_engine)
    return empty_engine


def _tables(engine):
    return set(inspect(engine).get_table_names())


def _begin(engine):
    with SqlAlchemyStore(engine).begin():
        pass


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


def _checks(engine):
    """Return every CHECK, as the database has it."""
    found = inspect(engine)
    return {name: sorted(one["sqltext"] for one in found.get_check_constraints(name)) for name in metadata.tables}


def _differences(engine, target):
    with engine.connect() as connection:
        options = {"compare_type": True, "version_table": VERSION_TABLE, "target_metadata": target}
        return compare_metadata(MigrationContext.configure(connection, opts=options), target)


def test_the_migrations_lead_to_the_metadata(empty_engine):
    """Nothing is left for Alembic to generate."""
    migrate.upgrade(empty_engine)

    assert _differences(empty_engine, metadata) == []


def test_the_metadata_and_the_migrations_set_the_same_rules(empty_engine):
    """Whoever creates the tables; Alembic compares neither CHECKs nor triggers."""
    migrate.upgrade(empty_engine)
    migrated, checked = _objects(empty_engine), _checks(empty_engine)
    migrate.downgrade(empty_engine, "base")

    metadata.create_all(empty_engine)

    assert migrated
    assert _objects(empty_engine) == migrated
    assert checked["billing_account"]
    assert _checks(empty_engine) == checked


def test_an_account_has_a_column_for_each_book():
    """By its name in the domain, for that is how it is written and read."""
    assert [column.name for column in account.c if column.name in set(Book)] == list(Book)


def test_the_revision_of_the_code_is_the_newest_migration():
    """The store compares with it, and with those before it, without importing Alembic."""
    config = Config()
    config.set_main_option("script_location", "billing_adapters.sqlalchemy:migrations")
    scripts = ScriptDirectory.from_config(config)

    assert scripts.get_current_head() == REVISION
    assert tuple(one.revision for one in scripts.walk_revisions())[::-1] == REVISIONS


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


def test_a_database_of_an_older_version_names_the_command(engine, monkeypatch):
    """The store goes on as soon as it was run."""
    monkeypatch.setattr(schema, "REVISION", "0002")

    with pytest.raises(NotMigrated, match="revision 0001, this version needs 0002: run `billing db upgrade`") as refusal:
        migrate.check(engine)

    assert (refusal.value.found, refusal.value.needed) == (REVISION, "0002")


@pytest.mark.parametrize(
    "use",
    [migrate.check, migrate.upgrade, lambda engine: migrate.downgrade(engine, "base"), _begin],
    ids=["check", "upgrade", "downgrade", "begin"],
)
def test_a_database_of_a_newer_version_asks_for_another_billing_core(engine, use):
    """Upgrading the database would be the wrong advice, and is not possible."""
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE billing_alembic_version SET version_num = '9999'")

    with pytest.raises(NotMigrated, match="revision 9999, written by a newer version: upgrade billing-core") as refusal:
        use(engine)

    assert (refusal.value.found, refusal.value.needed, refusal.value.newer) == ("9999", REVISION, True)
    assert _tables(engine) >= set(metadata.tables)


def test_a_revision_that_does_not_exist_is_refused(engine):
    """It is the caller's mistake and not the database's."""
    with pytest.raises(Invalid, match="revision cannot be migrated to 'nonsense'"):
        migrate.downgrade(engine, "nonsense")


def test_a_failed_upgrade_leaves_nothing(empty_engine):
    """All or nothing."""
    with empty_engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE billing_webhook_wait (id INTEGER)")

    with pytest.raises(StoreError):
        migrate.upgrade(empty_engine)

    assert _tables(empty_engine) == {"billing_webhook_wait"}


# In a host's own Alembic --------------------------------------------------------------------------------------------------

HOST = MetaData()
Table("host_user", HOST, Column("id", Integer, primary_key=True))
ENVIRONMENT = """
from alembic import context

context.configure(**context.config.attributes["options"])
context.run_migrations()
"""


def include_name(name, kind, _parents):
    """Leave out what billing-core migrates by itself, as docs/operating.md says."""
    return kind != "table" or name not in {VERSION_TABLE, *metadata.tables}


@pytest.fixture
def host(empty_engine, tmp_path):
    """Return how a host runs a command of its own Alembic, with what its `env.py` configures."""
    config = Config(tmp_path / "alembic.ini")
    place = tmp_path / "host"
    config.set_main_option("script_location", str(place))
    command.init(config, str(place))
    (place / "env.py").write_text(ENVIRONMENT)

    def run(do, *arguments, **configured):
        with empty_engine.begin() as connection:
            config.attributes["options"] = {"connection": connection, **configured}
            return do(config, *arguments)

    return run


def _generated(host, **configured):
    """Return the migration that a host's Alembic writes."""
    return Path(host(partial(command.revision, autogenerate=True), **configured).path)


def test_a_host_can_take_the_tables_into_its_own_migrations(empty_engine, host):
    """Alembic writes a script that runs as it is, once it calls for the triggers; the store works on the result."""
    script = _generated(host, target_metadata=[HOST, metadata])
    written = script.read_text()
    created, rest = written.split("    # ### end Alembic commands ###", 1)
    triggers = "    from billing_adapters.sqlalchemy import triggers\n    triggers.install(op.get_bind())\n"
    script.write_text(f"{created}{triggers}{rest}")

    host(command.upgrade, "head")

    assert "billing_adapters" not in written
    assert _tables(empty_engine) == {"alembic_version", "host_user", *metadata.tables}
    assert migrate.current(empty_engine) is None
    assert carry_out(SqlAlchemyStore(empty_engine), a_grant(an_account()), NOW)
    host(command.check, target_metadata=[HOST, metadata])


def test_a_host_can_leave_the_tables_alone(empty_engine, host):
    """Its Alembic would drop what it does not know, unless it is told not to look."""
    migrate.upgrade(empty_engine)

    careless = _generated(host, target_metadata=HOST).read_text()
    host(command.stamp, "head")
    careful = _generated(host, target_metadata=HOST, include_name=include_name).read_text()

    assert "op.drop_table('billing_entry')" in careless
    assert "drop" not in careful.partition("def downgrade")[0]
    assert "op.create_table('host_user'" in careful
