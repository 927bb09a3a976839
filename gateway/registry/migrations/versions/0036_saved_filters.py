"""Persons keep filters of lists for themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "saved_filter",
        sa.Column("staff", sa.String(), primary_key=True),
        sa.Column("listing", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("query", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("saved_filter")
