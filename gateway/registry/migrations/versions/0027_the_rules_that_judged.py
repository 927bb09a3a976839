"""By which rules a file's content was judged: what waits is judged anew once others are in force."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("transfer", sa.Column("rules", sa.String()))


def downgrade() -> None:
    """Take back."""
    op.drop_column("transfer", "rules")
