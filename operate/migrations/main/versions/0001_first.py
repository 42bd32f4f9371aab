"""The tables of version 0.1."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "audit_checkpoint",
        sa.Column("log", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("log", "size"),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("log", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("system_subject", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "audit_key",
        sa.Column("subject", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("root_id", sa.BigInteger(), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_table(
        "audit_leaf",
        sa.Column("log", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("leaf_data", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.Column("entry_id", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("log", "idx"),
        sa.UniqueConstraint("entry_id"),
    )
    op.create_table(
        "audit_log",
        sa.Column("log", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("opened_from", sa.BigInteger(), nullable=False),
        sa.Column("begins", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("log"),
    )
    op.create_table(
        "audit_opening",
        sa.Column("subject", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("log", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("opening", sa.LargeBinary(), nullable=False),
        sa.Column("visible_after", sa.BigInteger(), nullable=True),
        sa.Column("alarm", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("subject", "log", "idx"),
    )
    op.create_index(
        "audit_opening_alarms",
        "audit_opening",
        ["subject"],
        unique=False,
        sqlite_where=sa.text("alarm = 'new'"),
        postgresql_where=sa.text("alarm = 'new'"),
    )
    op.create_index("audit_opening_by_index", "audit_opening", ["log", "idx"], unique=False)
    for name, columns in (
        ("audit_opening_deferred", ["subject", "visible_after"]),
        ("audit_opening_due", ["visible_after"]),
    ):
        op.create_index(
            name,
            "audit_opening",
            columns,
            unique=False,
            sqlite_where=sa.text("visible_after IS NOT NULL"),
            postgresql_where=sa.text("visible_after IS NOT NULL"),
        )
    op.create_table(
        "audit_subject",
        sa.Column("subject", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_leaf", sa.LargeBinary(), nullable=False),
        sa.Column("visible_after", sa.BigInteger(), nullable=True),
        sa.Column("reads", sa.BigInteger(), nullable=False),
        sa.Column("refusals", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "class"),
    )
    op.create_table(
        "audit_tile",
        sa.Column("log", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("log", "level", "n"),
    )
    op.create_table(
        "instance",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("instance_id", sa.LargeBinary(), nullable=False),
        sa.Column("registry_version", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "invite",
        sa.Column("id", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "method",
        sa.Column("vault_id", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("method_id", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("root_id", sa.BigInteger(), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("label", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("vault_id", "method_id"),
    )
    those = sa.text("state = 'removed'")
    op.create_index(
        "method_removed", "method", ["state"], sqlite_where=those, postgresql_where=those
    )
    op.create_table(
        "registry",
        sa.Column("kind", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("parent", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("root_id", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", "parent"),
    )
    op.create_table(
        "replay",
        sa.Column("key", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("replay_by_expiry", "replay", ["expires_at"], unique=False)
    op.create_table(
        "route",
        sa.Column("id", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("vault_id", sa.LargeBinary(), nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("route_by_vault", "route", ["vault_id", "target"], unique=False)
    op.create_table(
        "session",
        sa.Column("vault_id", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("session_id", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("unlocked_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.Column("log_read_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("vault_id", "session_id"),
    )
    op.create_index("session_by_expiry", "session", ["expires_at"], unique=False)
    op.create_table(
        "stanza",
        sa.Column("vault_id", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("recipient", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("handle", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("vault_id", "recipient", "handle", "seq"),
    )
    op.create_table(
        "value",
        sa.Column("vault_id", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("handle", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value_id", sa.LargeBinary(), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("vault_id", "handle", "seq"),
    )
    op.create_table(
        "value_head",
        sa.Column("vault_id", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("handle", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("value_id", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("vault_id", "handle"),
    )
    op.create_table(
        "vault",
        sa.Column("vault_id", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("root_id", sa.BigInteger(), nullable=False),
        sa.Column("metadata_box", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("vault_id"),
    )
    those = sa.text("state = 'erasing'")
    op.create_index("vault_erasing", "vault", ["state"], sqlite_where=those, postgresql_where=those)
    op.create_table(
        "vault_grant",
        sa.Column("vault_id", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("grant_id", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("phase", sa.BigInteger(), nullable=False),
        sa.Column("offer_id", sa.LargeBinary(), nullable=False),
        sa.Column("token_id", sa.LargeBinary(), nullable=True),
        sa.Column("prev_token_id", sa.LargeBinary(), nullable=True),
        sa.Column("prev_until", sa.BigInteger(), nullable=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("key_hash", sa.LargeBinary(), nullable=True),
        sa.Column("offer_ends", sa.BigInteger(), nullable=False),
        sa.Column("not_after", sa.BigInteger(), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reads_used", sa.BigInteger(), nullable=False),
        sa.Column("wrong_codes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("vault_id", "grant_id"),
    )
    op.create_index("grant_by_end", "vault_grant", ["state", "not_after"], unique=False)
    op.create_index("grant_by_state", "vault_grant", ["state", "offer_ends"], unique=False)
