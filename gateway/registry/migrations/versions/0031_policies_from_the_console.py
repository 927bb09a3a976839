"""Policies that were edited and proposed in the console."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "policy_draft",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("base", sa.String(64), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("policy_draft")
