"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from billing_adapters.sqlalchemy import triggers

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables, and the triggers that guard the ledger."""
    op.create_table(
        "billing_account",
        sa.Column("owner", NAME, nullable=False),
        sa.Column("unit", NAME, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.Column("scheduled", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("consumed", sa.BigInteger(), nullable=False),
        sa.Column("expired", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.BigInteger(), nullable=False),
        sa.Column("owed", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger()),
        sa.Column("next_due_at", sa.BigInteger()),
        sa.Column("top_up_below", sa.BigInteger()),
        sa.CheckConstraint(
            "issued + scheduled + available + held + consumed + expired + revoked + owed = 0",
            name="billing_account_balances",
        ),
        sa.CheckConstraint(
            "issued <= 0 AND scheduled >= 0 AND available >= 0 AND held >= 0 AND consumed >= 0 AND expired >= 0"
            " AND revoked >= 0 AND owed <= 0",
            name="billing_account_signs",
        ),
        sa.CheckConstraint("top_up_below > 0", name="billing_account_tops_up"),
        sa.CheckConstraint("version >= 0", name="billing_account_counts_up"),
        sa.PrimaryKeyConstraint("owner", "unit", name="billing_account_pk"),
    )
    op.create_index(
        "billing_account_due_idx",
        "billing_account",
        ["next_due_at", "owner", "unit"],
        sqlite_where=sa.text("next_due_at IS NOT NULL"),
        postgresql_where=sa.text("next_due_at IS NOT NULL"),
    )
    op.create_table(
        "billing_cursor",
        sa.Column("name", NAME, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="billing_cursor_pk"),
    )
    op.create_table(
        "billing_customer",
        sa.Column("id", NAME, nullable=False),
        sa.Column("account", NAME),
        sa.Column("linked_at", sa.BigInteger()),
        sa.Column("email", sa.Text()),
        sa.Column("name", sa.Text()),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("metadata", DOCUMENT, nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="billing_customer_pk"),
    )
    op.create_index("billing_customer_account_id_idx", "billing_customer", ["account", "id"])
    op.create_table(
        "billing_entry",
        sa.Column("owner", NAME, nullable=False),
        sa.Column("unit", NAME, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("available_after", sa.BigInteger(), nullable=False),
        sa.Column("held_after", sa.BigInteger(), nullable=False),
        sa.Column("owed_after", sa.BigInteger(), nullable=False),
        sa.Column("effective_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("key", NAME),
        sa.Column("fingerprint", sa.Text()),
        sa.Column("reference", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("actor", sa.Text()),
        sa.Column("of_entry", sa.BigInteger()),
        sa.CheckConstraint(
            "lines >= 0 AND available_after >= 0 AND held_after >= 0 AND owed_after >= 0", name="billing_entry_signs"
        ),
        sa.CheckConstraint("of_entry > 0 AND of_entry < seq", name="billing_entry_follows_up"),
        sa.CheckConstraint("seq > 0", name="billing_entry_numbered"),
        sa.PrimaryKeyConstraint("owner", "unit", "seq", name="billing_entry_pk"),
    )
    op.create_index(
        "billing_entry_key_idx",
        "billing_entry",
        ["owner", "unit", "key"],
        unique=True,
        sqlite_where=sa.text("key IS NOT NULL"),
        postgresql_where=sa.text("key IS NOT NULL"),
    )
    op.create_index(
        "billing_entry_following_idx",
        "billing_entry",
        ["owner", "unit", "of_entry", "seq"],
        sqlite_where=sa.text("of_entry IS NOT NULL"),
        postgresql_where=sa.text("of_entry IS NOT NULL"),
    )
    op.create_table(
        "billing_hold",
        sa.Column("owner", NAME, nullable=False),
        sa.Column("unit", NAME, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text()),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("released", sa.BigInteger(), nullable=False),
        sa.Column("slices", DOCUMENT, nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.CheckConstraint("amount > 0", name="billing_hold_holds"),
        sa.CheckConstraint("captured <= amount AND released <= amount - captured", name="billing_hold_fits"),
        sa.CheckConstraint("captured >= 0 AND released >= 0", name="billing_hold_signs"),
        sa.CheckConstraint("is_open = (released < amount - captured)", name="billing_hold_open"),
        sa.PrimaryKeyConstraint("owner", "unit", "number", name="billing_hold_pk"),
    )
    op.create_index(
        "billing_hold_open_idx",
        "billing_hold",
        ["owner", "unit", "expires_at", "number"],
        sqlite_where=sa.text("is_open = 1"),
        postgresql_where=sa.text("is_open"),
    )
    op.create_table(
        "billing_intent",
        sa.Column("id", NAME, nullable=False),
        sa.Column("account", NAME, nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("ordered", DOCUMENT, nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("placed", NAME),
        sa.Column("code", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="billing_intent_pk"),
    )
    op.create_index(
        "billing_intent_due_idx",
        "billing_intent",
        ["next_attempt_at", "id"],
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_table(
        "billing_invoice",
        sa.Column("id", NAME, nullable=False),
        sa.Column("amount_paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("paid_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("customer", NAME),
        sa.Column("account", NAME),
        sa.Column("subscription", NAME),
        sa.Column("partial", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="billing_invoice_pk"),
    )
    op.create_index("billing_invoice_subscription_paid_at_id_idx", "billing_invoice", ["subscription", "paid_at", "id"])
    op.create_table(
        "billing_lot",
        sa.Column("owner", NAME, nullable=False),
        sa.Column("unit", NAME, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("effective_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("source", NAME, nullable=False),
        sa.Column("reference", sa.Text()),
        sa.Column("cost_minor", sa.BigInteger()),
        sa.Column("cost_currency", sa.Text()),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("expired", sa.BigInteger(), nullable=False),
        sa.Column("scheduled", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.BigInteger(), nullable=False),
        sa.Column("owed", sa.BigInteger(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.CheckConstraint("amount > 0", name="billing_lot_grants"),
        sa.CheckConstraint("expires_at > effective_at", name="billing_lot_lasts"),
        sa.CheckConstraint("is_open = (remaining > 0 OR held > 0 OR scheduled > 0)", name="billing_lot_open"),
        sa.CheckConstraint(
            "remaining <= amount AND held <= amount - remaining AND expired <= amount - remaining - held"
            " AND scheduled <= amount - remaining - held - expired",
            name="billing_lot_fits",
        ),
        sa.CheckConstraint(
            "remaining >= 0 AND held >= 0 AND expired >= 0 AND scheduled >= 0 AND revoked >= 0", name="billing_lot_signs"
        ),
        sa.CheckConstraint(
            "owed >= -amount AND revoked <= amount - remaining - held - expired - scheduled - owed",
            name="billing_lot_clawed_back",
        ),
        sa.PrimaryKeyConstraint("owner", "unit", "number", name="billing_lot_pk"),
        sa.UniqueConstraint("owner", "unit", "source", name="billing_lot_source_key"),
    )
    op.create_index(
        "billing_lot_burn_idx",
        "billing_lot",
        ["owner", "unit", "priority", "expires_at", "effective_at", "number"],
        sqlite_where=sa.text("is_open = 1"),
        postgresql_where=sa.text("is_open"),
    )
    op.create_index(
        "billing_lot_repaid_idx",
        "billing_lot",
        ["owner", "unit", "number"],
        sqlite_where=sa.text("owed > 0"),
        postgresql_where=sa.text("owed > 0"),
    )
    op.create_table(
        "billing_movement",
        sa.Column("owner", NAME, nullable=False),
        sa.Column("unit", NAME, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lot", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "source IN ('issued', 'scheduled', 'available', 'held', 'consumed', 'expired', 'revoked', 'owed')",
            name="billing_movement_from_a_book",
        ),
        sa.CheckConstraint(
            "target IN ('issued', 'scheduled', 'available', 'held', 'consumed', 'expired', 'revoked', 'owed')"
            " AND target <> source",
            name="billing_movement_to_another_book",
        ),
        sa.CheckConstraint("amount > 0", name="billing_movement_moves"),
        sa.CheckConstraint("line >= 0", name="billing_movement_numbered"),
        sa.PrimaryKeyConstraint("owner", "unit", "seq", "line", name="billing_movement_pk"),
    )
    op.create_table(
        "billing_outbox",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("account", NAME),
        sa.Column("data", DOCUMENT, nullable=False),
        sa.Column("delivered_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("number", name="billing_outbox_pk"),
        sa.UniqueConstraint("id", name="billing_outbox_id_key"),
    )
    op.create_index(
        "billing_outbox_pending_idx",
        "billing_outbox",
        ["number"],
        sqlite_where=sa.text("delivered_at IS NULL"),
        postgresql_where=sa.text("delivered_at IS NULL"),
    )
    op.create_table(
        "billing_past_price",
        sa.Column("id", NAME, nullable=False),
        sa.Column("product", NAME, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("unit_amount", sa.Text()),
        sa.Column("recurring_interval", sa.Text()),
        sa.Column("recurring_count", sa.Integer()),
        sa.Column("recurring_metered", sa.Boolean()),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("tiers_mode", sa.Text()),
        sa.Column("tiers", DOCUMENT, nullable=False),
        sa.Column("currency_options", DOCUMENT, nullable=False),
        sa.Column("lookup_key", sa.Text()),
        sa.Column("nickname", sa.Text()),
        sa.Column("metadata", DOCUMENT, nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", "version", name="billing_past_price_pk"),
    )
    op.create_table(
        "billing_past_product",
        sa.Column("id", NAME, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("default_price", NAME),
        sa.Column("metadata", DOCUMENT, nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", "version", name="billing_past_product_pk"),
    )
    op.create_table(
        "billing_payment",
        sa.Column("id", NAME, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("paid_at", sa.BigInteger(), nullable=False),
        sa.Column("customer", NAME),
        sa.Column("account", NAME),
        sa.Column("invoice", NAME),
        sa.Column("purchase_id", NAME),
        sa.Column("purchase_credit_amount", sa.Text()),
        sa.Column("purchase_quantity", sa.Text()),
        sa.Column("purchase_product", NAME),
        sa.Column("purchase_price", NAME),
        sa.PrimaryKeyConstraint("id", name="billing_payment_pk"),
    )
    op.create_index("billing_payment_account_paid_at_id_idx", "billing_payment", ["account", "paid_at", "id"])
    op.create_table(
        "billing_price",
        sa.Column("id", NAME, nullable=False),
        sa.Column("product", NAME, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("unit_amount", sa.Text()),
        sa.Column("recurring_interval", sa.Text()),
        sa.Column("recurring_count", sa.Integer()),
        sa.Column("recurring_metered", sa.Boolean()),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("tiers_mode", sa.Text()),
        sa.Column("tiers", DOCUMENT, nullable=False),
        sa.Column("currency_options", DOCUMENT, nullable=False),
        sa.Column("lookup_key", sa.Text()),
        sa.Column("nickname", sa.Text()),
        sa.Column("metadata", DOCUMENT, nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="billing_price_pk"),
    )
    op.create_index("billing_price_product_id_idx", "billing_price", ["product", "id"])
    op.create_table(
        "billing_product",
        sa.Column("id", NAME, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("default_price", NAME),
        sa.Column("metadata", DOCUMENT, nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="billing_product_pk"),
    )
    op.create_table(
        "billing_subscription",
        sa.Column("id", NAME, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("customer", NAME, nullable=False),
        sa.Column("account", NAME),
        sa.Column("linked_at", sa.BigInteger()),
        sa.Column("started_at", sa.BigInteger()),
        sa.Column("period_start", sa.BigInteger()),
        sa.Column("period_end", sa.BigInteger()),
        sa.Column("trial_end", sa.BigInteger()),
        sa.Column("cancel_at", sa.BigInteger()),
        sa.Column("cancel_at_period_end", sa.Boolean(), nullable=False),
        sa.Column("canceled_at", sa.BigInteger()),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("items", DOCUMENT, nullable=False),
        sa.Column("changes", DOCUMENT, nullable=False),
        sa.Column("metadata", DOCUMENT, nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="billing_subscription_pk"),
    )
    op.create_index("billing_subscription_account_id_idx", "billing_subscription", ["account", "id"])
    op.create_index("billing_subscription_customer_id_idx", "billing_subscription", ["customer", "id"])
    op.create_table(
        "billing_top_up",
        sa.Column("owner", NAME, nullable=False),
        sa.Column("unit", NAME, nullable=False),
        sa.Column("threshold", sa.BigInteger(), nullable=False),
        sa.Column("pack", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("most_purchases", sa.Integer(), nullable=False),
        sa.Column("period", sa.BigInteger(), nullable=False),
        sa.Column("back_off", sa.BigInteger(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("intent", NAME),
        sa.Column("asked_at", sa.BigInteger()),
        sa.Column("settled_intent", NAME),
        sa.Column("settled_succeeded", sa.Boolean()),
        sa.Column("purchases", DOCUMENT, nullable=False),
        sa.Column("declines", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("(intent IS NULL) = (asked_at IS NULL)", name="billing_top_up_in_flight"),
        sa.CheckConstraint("(settled_intent IS NULL) = (settled_succeeded IS NULL)", name="billing_top_up_settled"),
        sa.CheckConstraint("declines >= 0", name="billing_top_up_signs"),
        sa.CheckConstraint("next_attempt_at IS NULL OR (enabled AND intent IS NULL)", name="billing_top_up_waits"),
        sa.CheckConstraint("period > 0 AND back_off > 0", name="billing_top_up_lasts"),
        sa.CheckConstraint("threshold > 0 AND quantity > 0 AND most_purchases > 0", name="billing_top_up_buys"),
        sa.PrimaryKeyConstraint("owner", "unit", name="billing_top_up_pk"),
    )
    op.create_index(
        "billing_top_up_due_idx",
        "billing_top_up",
        ["next_attempt_at", "owner", "unit"],
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_table(
        "billing_webhook",
        sa.Column("id", NAME, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("api_version", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger()),
        sa.Column("error", sa.Text()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="billing_webhook_pk"),
    )
    op.create_index(
        "billing_webhook_due_idx",
        "billing_webhook",
        ["next_attempt_at", "id"],
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_index("billing_webhook_state_idx", "billing_webhook", ["state", "received_at", "id"])
    op.create_table(
        "billing_invoice_line",
        sa.Column("invoice", NAME, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("product", NAME),
        sa.Column("price", NAME),
        sa.Column("subscription", NAME),
        sa.Column("proration", sa.Boolean(), nullable=False),
        sa.Column("one_off", sa.Boolean(), nullable=False),
        sa.Column("period_start", sa.BigInteger()),
        sa.Column("period_end", sa.BigInteger()),
        sa.ForeignKeyConstraint(["invoice"], ["billing_invoice.id"], name="billing_invoice_line_invoice_fk"),
        sa.PrimaryKeyConstraint("invoice", "position", name="billing_invoice_line_pk"),
    )
    op.create_table(
        "billing_webhook_wait",
        sa.Column("webhook", NAME, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook"], ["billing_webhook.id"], name="billing_webhook_wait_webhook_fk", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("webhook", "position", name="billing_webhook_wait_pk"),
    )
    op.create_index("billing_webhook_wait_name_idx", "billing_webhook_wait", ["name", "webhook"])
    op.create_table(
        "billing_settlement",
        sa.Column("payment", NAME, nullable=False),
        sa.Column("invoice", NAME, nullable=False),
        sa.PrimaryKeyConstraint("payment", name="billing_settlement_pk"),
    )
    op.create_index("billing_settlement_invoice_payment_idx", "billing_settlement", ["invoice", "payment"])
    op.create_table(
        "billing_refund",
        sa.Column("id", NAME, nullable=False),
        sa.Column("payment", NAME, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("failure", sa.Text()),
        sa.Column("metadata", DOCUMENT, nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="billing_refund_pk"),
    )
    op.create_index("billing_refund_payment_id_idx", "billing_refund", ["payment", "id"])
    op.create_table(
        "billing_dispute",
        sa.Column("id", NAME, nullable=False),
        sa.Column("payment", NAME, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("metadata", DOCUMENT, nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="billing_dispute_pk"),
    )
    op.create_index("billing_dispute_payment_id_idx", "billing_dispute", ["payment", "id"])
    triggers.install(op.get_bind())


def downgrade() -> None:
    """Drop everything."""
    triggers.remove(op.get_bind())
    op.drop_table("billing_dispute")
    op.drop_table("billing_refund")
    op.drop_table("billing_settlement")
    op.drop_table("billing_webhook_wait")
    op.drop_table("billing_invoice_line")
    op.drop_table("billing_webhook")
    op.drop_table("billing_top_up")
    op.drop_table("billing_subscription")
    op.drop_table("billing_product")
    op.drop_table("billing_price")
    op.drop_table("billing_payment")
    op.drop_table("billing_past_product")
    op.drop_table("billing_past_price")
    op.drop_table("billing_outbox")
    op.drop_table("billing_movement")
    op.drop_table("billing_lot")
    op.drop_table("billing_invoice")
    op.drop_table("billing_intent")
    op.drop_table("billing_hold")
    op.drop_table("billing_entry")
    op.drop_table("billing_customer")
    op.drop_table("billing_cursor")
    op.drop_table("billing_account")
