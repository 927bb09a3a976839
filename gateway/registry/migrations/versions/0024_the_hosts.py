"""Hosts that share the work are on record, with what each last said of itself."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "host",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True)),
        sa.Column("spool", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("oldest_seconds", sa.Float(), nullable=False, server_default="0"),
        sa.Column("ahead_seconds", sa.Float(), nullable=False, server_default="0"),
        sa.Column("holds", sa.Text(), nullable=False, server_default=""),
    )
