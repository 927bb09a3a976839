"""Whether a team is given counts of a file alone, and whether a provider's copy is its part of one."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("delivery", sa.Column("counts", sa.Boolean(), nullable=True))
    op.add_column("provider_copy", sa.Column("part", sa.Boolean(), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("provider_copy", "part")
    op.drop_column("delivery", "counts")
