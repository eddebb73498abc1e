"""The script past which the tests lead what is sent to a database: it misses nothing, and its faults are what they say."""

import sqlite3

import psycopg
import pytest
from faults import LOSSES, Fault
from sqlalchemy import text

pytestmark = pytest.mark.deep

ONE = "INSERT INTO number VALUES (1)"
TWO = "INSERT INTO number VALUES (2)"
THREE = "INSERT INTO number VALUES (3)"


@pytest.fixture
def driver(script, engine):  # noqa: ARG001 - the connection is led past the script
    """Return a connection of the driver, outside of any transaction, and a table of numbers in the database."""
    pooled = engine.raw_connection()
    connection = pooled.driver_connection
    if engine.dialect.name == "sqlite":
        connection.isolation_level = None
    else:
        connection.autocommit = True
    connection.execute("CREATE TABLE number (n INTEGER)")
    yield connection
    pooled.invalidate()
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE number"))


def numbers(engine):
    with engine.connect() as connection:
        return [*connection.execute(text("SELECT n FROM number ORDER BY n")).scalars()]


def send(driver, *statements):
    for one in statements:
        driver.execute(one)


def pipe(driver, *statements):
    with driver.pipeline():
        send(driver, *statements)


def test_nothing_goes_past_the_script(script, driver):
    """Not even what goes around SQLAlchemy."""
    rows = "INSERT INTO number VALUES (?)" if isinstance(driver, sqlite3.Connection) else "INSERT INTO number VALUES (%s)"

    with script.running() as sent:
        send(driver, "BEGIN", ONE)
        driver.cursor().executemany(rows, [(2,), (3,)])
        driver.commit()
        send(driver, "BEGIN", ONE)
        driver.rollback()
        send(driver, "SELECT 1")

    words = [one.partition(" ")[0] for one in sent]
    assert words == ["BEGIN", "INSERT", "INSERT", "INSERT", "COMMIT", "BEGIN", "INSERT", "ROLLBACK"]


@pytest.mark.parametrize(("fault", "kept"), [(Fault.CUT, [1]), (Fault.KILLED, [1]), (Fault.UNANSWERED, [1, 2])])
def test_outside_of_a_transaction_each_statement_is_kept(script, engine, driver, fault, kept):
    """The one that was not answered, too."""
    with script.running(2, fault), pytest.raises((sqlite3.OperationalError, psycopg.OperationalError)):
        send(driver, ONE, TWO, THREE)

    assert numbers(engine) == kept


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("fault", [*LOSSES, Fault.DEADLOCK])
def test_a_pipeline_that_breaks_keeps_nothing(script, engine, driver, fault):
    """It is one transaction until it is told to synchronize."""
    with script.running(2, fault), pytest.raises(psycopg.OperationalError):
        pipe(driver, ONE, TWO, THREE)

    assert script.happened
    assert numbers(engine) == []


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("fault", [*LOSSES, Fault.DEADLOCK])
def test_a_commit_in_a_pipeline_is_kept_once_it_is_carried_out(script, engine, driver, fault):
    """Whatever the client gets to hear."""
    with script.running(3, fault), pytest.raises(psycopg.OperationalError):
        pipe(driver, "BEGIN", ONE, "COMMIT", TWO)

    assert numbers(engine) == ([1] if fault is Fault.UNANSWERED else [])
