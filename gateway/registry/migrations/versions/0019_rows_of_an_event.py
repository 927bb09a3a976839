"""A leaf vouches for the rows of what it tells of, and for what a receipt states, whose row is sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("event", sa.Column("rows", sa.Text()))
    op.add_column("receipt", sa.Column("seal", sa.String()))
