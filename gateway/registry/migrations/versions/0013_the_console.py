"""The console: invitations, sessions, and how often a passkey has signed."""

import sqlalchemy as sa
from alembic import op

from gateway.registry.tables.types import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "staff_invitation",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("staff", sa.String(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["staff"], ["staff.name"]),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_staff_invitation_staff", "staff_invitation", ["staff"])
    op.create_table(
        "console_session",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("staff", sa.String(), nullable=False),
        sa.Column("passkey", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["staff"], ["staff.name"]),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_console_session_staff", "console_session", ["staff"])
    op.add_column("key", sa.Column("sign_count", sa.BigInteger(), nullable=True))
    op.create_index("transfer_by_landing", "transfer", ["landed_at", "state"])
    op.create_index("delivery_by_news", "delivery", ["team", "dealt_with_at", "collected_at", "transfer"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("delivery_by_news", table_name="delivery")
    op.drop_index("transfer_by_landing", table_name="transfer")
    op.drop_column("key", "sign_count")
    op.drop_table("console_session")
    op.drop_table("staff_invitation")
