"""The deliveries of a day are counted without looking through all of them."""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index("delivery_by_day", "delivery", ["delivered_at", "team"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("delivery_by_day", "delivery")
