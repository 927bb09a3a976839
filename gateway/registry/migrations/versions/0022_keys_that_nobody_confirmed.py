"""A key says whether somebody has confirmed that it is its owner's; those of before count as confirmed."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("key", sa.Column("unconfirmed", sa.Boolean()))
