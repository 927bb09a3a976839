"""Letters that are owed, and what became of them."""

import sqlalchemy as sa
from alembic import op

from gateway.registry.tables.types import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "letter",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("owed_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("refused", sa.String(), nullable=True),
        sa.Column("bounced_at", UtcDateTime(), nullable=True),
        sa.Column("bounced_by", sa.String(), nullable=True),
        sa.Column("bounced_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("event", "recipient"),
        sa.UniqueConstraint("message_id"),
    )
    op.create_index("letter_by_sending", "letter", ["sent_at", "number"])
    op.create_index("ix_letter_owed_at", "letter", ["owed_at"])


def downgrade() -> None:
    """Take back."""
    op.drop_table("letter")
