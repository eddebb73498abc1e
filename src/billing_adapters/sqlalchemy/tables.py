"""Tables: everything that is stored, as one `metadata` that a host application's own Alembic can include.

Every value that one would ask for by hand at a shell is a column of its own; nested values are JSON. Times are microseconds
since 1970 in UTC, amounts whole numbers, decimals text as it was written. The ledger's rules are constraints and triggers:
the database itself refuses what breaks them.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)

from billing_adapters.sqlalchemy import triggers
from billing_adapters.sqlalchemy.columns import DOCUMENT, NAME, NUMBER, Duration, Exact, Expiry, Instant
from billing_core.domain.credits import NEGATIVE, Book

__all__ = [
    "REVISION",
    "REVISIONS",
    "VERSION_TABLE",
    "account",
    "cursor",
    "customer",
    "dispute",
    "entry",
    "hold",
    "intent",
    "invoice",
    "invoice_line",
    "lot",
    "metadata",
    "movement",
    "outbox",
    "past_price",
    "past_product",
    "payment",
    "price",
    "product",
    "refund",
    "settlement",
    "subscription",
    "top_up",
    "webhook",
    "webhook_wait",
]

# The migrations, told here so that nobody needs Alembic to compare. The newest brings a database to exactly these tables.
REVISIONS = ("0001",)
REVISION = REVISIONS[-1]
VERSION_TABLE = "billing_alembic_version"

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s",
    }
)

_BOOKS = tuple(book.value for book in Book)  # whose repr is a list in SQL, too


def _only(condition: ColumnElement[bool]) -> dict[str, Any]:
    """Return the options of an index over some rows only."""
    return {"sqlite_where": condition, "postgresql_where": condition}


def _required(name: str, kind: Any, **options: Any) -> Column[Any]:  # noqa: ANN401 - as SQLAlchemy's own
    return Column(name, kind, nullable=False, **options)


# Mirrors ------------------------------------------------------------------------------------------------------------------


def _mirror(name: str, *columns: Any, version: Column[Any] | None = None) -> Table:  # noqa: ANN401 - as SQLAlchemy's own
    return Table(
        f"billing_{name}",
        metadata,
        Column("id", NAME, primary_key=True),
        *columns,
        _required("metadata", DOCUMENT),
        _required("occurred_at", Instant),
        _required("rank", Integer),
        _required("digest", Text),
        _required("version", BigInteger) if version is None else version,
    )


def _past(name: str, *columns: Any) -> Table:  # noqa: ANN401 - as SQLAlchemy's own
    """Return the table of what a mirror said before: a row for each version after which it said something else."""
    return _mirror(f"past_{name}", *columns, version=Column("version", BigInteger, primary_key=True, autoincrement=False))


def _of_product() -> tuple[Column[Any], ...]:
    return (
        _required("name", Text),
        _required("active", Boolean),
        _required("deleted", Boolean),
        Column("description", Text),
        Column("default_price", NAME),
    )


def _of_price() -> tuple[Column[Any], ...]:
    return (
        _required("product", NAME),
        _required("currency", Text),
        Column("unit_amount", Exact),
        Column("recurring_interval", Text),
        Column("recurring_count", Integer),
        Column("recurring_metered", Boolean),
        _required("active", Boolean),
        _required("deleted", Boolean),
        Column("tiers_mode", Text),
        _required("tiers", DOCUMENT),
        _required("currency_options", DOCUMENT),
        Column("lookup_key", Text),
        Column("nickname", Text),
    )


product = _mirror("product", *_of_product())
past_product = _past("product", *_of_product())

price = _mirror("price", *_of_price(), Index(None, "product", "id"))
past_price = _past("price", *_of_price())

customer = _mirror(
    "customer",
    Column("account", NAME),
    Column("linked_at", Instant),
    Column("email", Text),
    Column("name", Text),
    _required("deleted", Boolean),
    Index(None, "account", "id"),
)

subscription = _mirror(
    "subscription",
    _required("status", Text),
    _required("customer", NAME),
    Column("account", NAME),
    Column("linked_at", Instant),
    Column("started_at", Instant),
    Column("period_start", Instant),
    Column("period_end", Instant),
    Column("trial_end", Instant),
    Column("cancel_at", Instant),
    _required("cancel_at_period_end", Boolean),
    Column("canceled_at", Instant),
    Column("ended_at", Instant),
    _required("items", DOCUMENT),
    _required("changes", DOCUMENT),
    Index(None, "account", "id"),
    Index(None, "customer", "id"),
)

# Payments -----------------------------------------------------------------------------------------------------------------

payment = Table(
    "billing_payment",
    metadata,
    Column("id", NAME, primary_key=True),
    _required("amount_minor", BigInteger),
    _required("currency", Text),
    _required("paid_at", Instant),
    Column("customer", NAME),
    Column("account", NAME),
    Column("invoice", NAME),
    Column("purchase_id", NAME),
    Column("purchase_credit_amount", Text),
    Column("purchase_quantity", Text),
    Column("purchase_product", NAME),
    Column("purchase_price", NAME),
    Index(None, "account", "paid_at", "id"),
)

invoice = Table(
    "billing_invoice",
    metadata,
    Column("id", NAME, primary_key=True),
    _required("amount_paid_minor", BigInteger),
    _required("currency", Text),
    _required("paid_at", Instant),
    _required("reason", Text),
    Column("customer", NAME),
    Column("account", NAME),
    Column("subscription", NAME),
    _required("partial", Boolean),
    Index(None, "subscription", "paid_at", "id"),
)

invoice_line = Table(
    "billing_invoice_line",
    metadata,
    Column("invoice", NAME, ForeignKey("billing_invoice.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _required("id", NAME),
    _required("amount_minor", BigInteger),
    _required("currency", Text),
    _required("quantity", BigInteger),
    Column("product", NAME),
    Column("price", NAME),
    Column("subscription", NAME),
    _required("proration", Boolean),
    _required("one_off", Boolean),
    Column("period_start", Instant),
    Column("period_end", Instant),
)

settlement = Table(
    "billing_settlement",
    metadata,
    Column("payment", NAME, primary_key=True),
    _required("invoice", NAME),
    Index(None, "invoice", "payment"),
)

refund = _mirror(
    "refund",
    _required("payment", NAME),
    _required("amount_minor", BigInteger),
    _required("currency", Text),
    _required("status", Text),
    _required("at", Instant),
    Column("failure", Text),
    Index(None, "payment", "id"),
)

dispute = _mirror(
    "dispute",
    _required("payment", NAME),
    _required("amount_minor", BigInteger),
    _required("currency", Text),
    _required("status", Text),
    _required("at", Instant),
    _required("withdrawn", Boolean),
    Index(None, "payment", "id"),
)

# Ledger -------------------------------------------------------------------------------------------------------------------


def _of_account() -> tuple[Column[Any], Column[Any]]:
    return Column("owner", NAME, primary_key=True), Column("unit", NAME, primary_key=True)


account = Table(
    "billing_account",
    metadata,
    *_of_account(),
    _required("version", BigInteger),
    *(_required(book, BigInteger) for book in _BOOKS),
    Column("recorded_at", Instant),
    Column("next_due_at", Instant),
    Column("top_up_below", BigInteger),
    CheckConstraint("version >= 0", name="counts_up"),
    CheckConstraint("top_up_below > 0", name="tops_up"),
    CheckConstraint(f"{' + '.join(_BOOKS)} = 0", name="balances"),
    CheckConstraint(" AND ".join(f"{book} {'<=' if book in NEGATIVE else '>='} 0" for book in Book), name="signs"),
)
Index(
    "billing_account_due_idx",
    account.c.next_due_at,
    account.c.owner,
    account.c.unit,
    **_only(account.c.next_due_at.is_not(None)),
)

lot = Table(
    "billing_lot",
    metadata,
    *_of_account(),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _required("kind", Text),
    _required("priority", BigInteger),
    _required("amount", BigInteger),
    _required("effective_at", Instant),
    _required("expires_at", Expiry),
    _required("source", NAME),
    Column("reference", Text),
    Column("cost_minor", BigInteger),
    Column("cost_currency", Text),
    _required("remaining", BigInteger),
    _required("held", BigInteger),
    _required("expired", BigInteger),
    _required("scheduled", BigInteger),
    _required("revoked", BigInteger),
    _required("owed", BigInteger),
    _required("is_open", Boolean),
    CheckConstraint("amount > 0", name="grants"),
    CheckConstraint("remaining >= 0 AND held >= 0 AND expired >= 0 AND scheduled >= 0 AND revoked >= 0", name="signs"),
    # One after the other, for their sum could be too large a number.
    CheckConstraint(
        "remaining <= amount AND held <= amount - remaining AND expired <= amount - remaining - held"
        " AND scheduled <= amount - remaining - held - expired",
        name="fits",
    ),
    # What the figures leave of the amount was used. More than it can be revoked of credits that came back after they
    # were clawed back; as much is owed then.
    CheckConstraint(
        "owed >= -amount AND revoked <= amount - remaining - held - expired - scheduled - owed", name="clawed_back"
    ),
    CheckConstraint("expires_at > effective_at", name="lasts"),
    CheckConstraint("is_open = (remaining > 0 OR held > 0 OR scheduled > 0)", name="open"),
    UniqueConstraint("owner", "unit", "source", name="billing_lot_source_key"),
)
# The predicate is the flag and not `remaining`: an update of what the predicate names has to write the index as well.
Index(
    "billing_lot_burn_idx",
    *(lot.c[name] for name in ("owner", "unit", "priority", "expires_at", "effective_at", "number")),
    # As text: Alembic writes a bare column into a host's migration as a string, which is no condition.
    sqlite_where=text("is_open = 1"),
    postgresql_where=text("is_open"),
)

Index(
    "billing_lot_repaid_idx",
    *(lot.c[name] for name in ("owner", "unit", "number")),
    **_only(lot.c.owed > 0),
)

hold = Table(
    "billing_hold",
    metadata,
    *_of_account(),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _required("amount", BigInteger),
    _required("expires_at", Instant),
    Column("reference", Text),
    _required("captured", BigInteger),
    _required("released", BigInteger),
    _required("slices", DOCUMENT),
    _required("is_open", Boolean),
    CheckConstraint("amount > 0", name="holds"),
    CheckConstraint("captured >= 0 AND released >= 0", name="signs"),
    CheckConstraint("captured <= amount AND released <= amount - captured", name="fits"),
    CheckConstraint("is_open = (released < amount - captured)", name="open"),
)
Index(
    "billing_hold_open_idx",
    *(hold.c[name] for name in ("owner", "unit", "expires_at", "number")),
    sqlite_where=text("is_open = 1"),
    postgresql_where=text("is_open"),
)

entry = Table(
    "billing_entry",
    metadata,
    *_of_account(),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _required("operation", Text),
    _required("lines", Integer),
    _required("available_after", BigInteger),
    _required("held_after", BigInteger),
    _required("owed_after", BigInteger),
    _required("effective_at", Instant),
    _required("recorded_at", Instant),
    Column("key", NAME),
    Column("fingerprint", Text),
    Column("reference", Text),
    Column("reason", Text),
    Column("actor", Text),
    Column("of_entry", BigInteger),
    CheckConstraint("seq > 0", name="numbered"),
    CheckConstraint("of_entry > 0 AND of_entry < seq", name="follows_up"),
    CheckConstraint("lines >= 0 AND available_after >= 0 AND held_after >= 0 AND owed_after >= 0", name="signs"),
)
Index(
    "billing_entry_key_idx",
    entry.c.owner,
    entry.c.unit,
    entry.c.key,
    unique=True,
    **_only(entry.c.key.is_not(None)),
)

Index(
    "billing_entry_following_idx",
    *(entry.c[name] for name in ("owner", "unit", "of_entry", "seq")),
    **_only(entry.c.of_entry.is_not(None)),
)

movement = Table(
    "billing_movement",
    metadata,
    *_of_account(),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),
    _required("lot", BigInteger),
    _required("source", Text),
    _required("target", Text),
    _required("amount", BigInteger),
    CheckConstraint("line >= 0", name="numbered"),
    CheckConstraint("amount > 0", name="moves"),
    CheckConstraint(f"source IN {_BOOKS}", name="from_a_book"),
    CheckConstraint(f"target IN {_BOOKS} AND target <> source", name="to_another_book"),
)


top_up = Table(
    "billing_top_up",
    metadata,
    *_of_account(),
    _required("threshold", BigInteger),
    _required("pack", Text),
    _required("quantity", BigInteger),
    _required("most_purchases", Integer),
    _required("period", Duration),
    _required("back_off", Duration),
    _required("enabled", Boolean),
    Column("intent", NAME),
    Column("asked_at", Instant),
    Column("settled_intent", NAME),
    Column("settled_succeeded", Boolean),
    _required("purchases", DOCUMENT),
    _required("declines", BigInteger),
    Column("next_attempt_at", Instant),
    _required("version", BigInteger),
    CheckConstraint("threshold > 0 AND quantity > 0 AND most_purchases > 0", name="buys"),
    CheckConstraint("period > 0 AND back_off > 0", name="lasts"),
    CheckConstraint("declines >= 0", name="signs"),
    CheckConstraint("(intent IS NULL) = (asked_at IS NULL)", name="in_flight"),
    CheckConstraint("(settled_intent IS NULL) = (settled_succeeded IS NULL)", name="settled"),
    CheckConstraint("next_attempt_at IS NULL OR (enabled AND intent IS NULL)", name="waits"),
)
Index(
    "billing_top_up_due_idx",
    *(top_up.c[name] for name in ("next_attempt_at", "owner", "unit")),
    **_only(top_up.c.next_attempt_at.is_not(None)),
)


# The payment provider -----------------------------------------------------------------------------------------------------

intent = Table(
    "billing_intent",
    metadata,
    Column("id", NAME, primary_key=True),
    _required("account", NAME),
    _required("asked", Text),
    _required("ordered", DOCUMENT),
    _required("asked_at", Instant),
    _required("state", Text),
    Column("placed", NAME),
    Column("code", Text),
    Column("reason", Text),
    _required("attempts", Integer),
    Column("next_attempt_at", Instant),
    _required("version", BigInteger),
)
Index(
    "billing_intent_due_idx",
    intent.c.next_attempt_at,
    intent.c.id,
    **_only(intent.c.next_attempt_at.is_not(None)),
)

cursor = Table(
    "billing_cursor",
    metadata,
    Column("name", NAME, primary_key=True),
    _required("place", Text),
)


@event.listens_for(metadata, "after_create")
def _install_triggers(_target: MetaData, connection: Connection, *, tables: list[Table], **_options: object) -> None:
    if movement in tables:
        triggers.install(connection)


@event.listens_for(metadata, "before_drop")
def _remove_triggers(_target: MetaData, connection: Connection, *, tables: list[Table], **_options: object) -> None:
    if movement in tables:
        triggers.remove(connection)


# Inbox and outbox ---------------------------------------------------------------------------------------------------------

webhook = Table(
    "billing_webhook",
    metadata,
    Column("id", NAME, primary_key=True),
    _required("type", Text),
    _required("body", LargeBinary),
    _required("occurred_at", Instant),
    _required("received_at", Instant),
    _required("livemode", Boolean),
    Column("api_version", Text),
    _required("state", Text),
    _required("attempts", Integer),
    Column("next_attempt_at", Instant),
    Column("error", Text),
    _required("version", BigInteger),
    Index("billing_webhook_state_idx", "state", "received_at", "id"),
)
Index(
    "billing_webhook_due_idx",
    webhook.c.next_attempt_at,
    webhook.c.id,
    **_only(webhook.c.next_attempt_at.is_not(None)),
)

webhook_wait = Table(
    "billing_webhook_wait",
    metadata,
    Column("webhook", NAME, ForeignKey("billing_webhook.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _required("name", NAME),
    Index("billing_webhook_wait_name_idx", "name", "webhook"),
)

outbox = Table(
    "billing_outbox",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    _required("id", NAME, unique=True),
    _required("name", Text),
    _required("subject", Text),
    _required("occurred_at", Instant),
    Column("account", NAME),
    _required("data", DOCUMENT),
    Column("delivered_at", Instant),
)
Index(
    "billing_outbox_pending_idx",
    outbox.c.number,
    **_only(outbox.c.delivered_at.is_(None)),
)
