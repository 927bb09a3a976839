"""A provider says what a heading means: the key of its field beside the heading, where one is listed."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("harmless", sa.Column("field", sa.String()))
