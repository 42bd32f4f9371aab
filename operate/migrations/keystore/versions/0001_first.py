"""The tables of version 0.1."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "instance",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("instance_id", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "salt",
        sa.Column("kind", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("id", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("phase", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("vault_id", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("owed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "id", "phase"),
    )
    op.create_index("salt_by_expiry", "salt", ["expires_at"], unique=False)
    op.create_index("salt_by_vault", "salt", ["vault_id"], unique=False)
    those = sa.text("salt IS NULL")
    op.create_index("salt_voided", "salt", ["kind"], sqlite_where=those, postgresql_where=those)
