"""Whether a team is shown the whole file, and when the first of it opened its view."""

import sqlalchemy as sa
from alembic import op

from gateway.registry.tables.types import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("delivery", sa.Column("collected_at", UtcDateTime(), nullable=True))
    op.add_column("delivery", sa.Column("whole", sa.Boolean(), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("delivery", "whole")
    op.drop_column("delivery", "collected_at")
