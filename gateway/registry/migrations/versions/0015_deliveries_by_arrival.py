"""What a team has dealt with is listed in the order in which it came, without sorting all of it."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index("delivery_by_arrival", "delivery", ["team", "transfer", "dealt_with_at"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("delivery_by_arrival", table_name="delivery")
