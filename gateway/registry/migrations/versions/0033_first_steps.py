"""A person says that the first steps in the console are read."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("staff", sa.Column("knows_pages", sa.Boolean()))
